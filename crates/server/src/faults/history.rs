//! Past answers of listings, for those that are to be stale.

use super::rule::Past;
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

/// All answers that are kept have at most so many bytes together.
const MAX_BYTES: usize = 16 << 20;

#[derive(Default)]
pub(super) struct History {
    answers: HashMap<String, VecDeque<(Instant, Bytes)>>,
    bytes: usize,
}

impl History {
    /// The answer of the call `name` that is to be given instead of a fresh one.
    pub(super) fn past(&mut self, name: &str, past: Past, now: Instant) -> Option<Bytes> {
        let answers = self.answers.get(name)?;
        let wanted = match past {
            Past::Call => answers.back(),
            Past::Age(age) => answers
                .iter()
                .rev()
                .find(|(at, _)| now.saturating_duration_since(*at) >= age),
        };
        wanted.map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer; when there are too many, all are forgotten.
    pub(super) fn remember(&mut self, name: &str, answer: Bytes, now: Instant) {
        self.bytes += answer.len() + name.len();
        if self.bytes > MAX_BYTES {
            self.answers.clear();
            self.bytes = answer.len() + name.len();
        }
        let answers = self.answers.entry(name.to_owned()).or_default();
        answers.push_back((now, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn answers_come_back_by_order_and_by_age_within_bounds() {
        let mut history = History::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, text) in [(0, "a"), (100, "b"), (200, "c")] {
            history.remember("k", Bytes::from(text), at(ms));
        }
        let age = |ms| Past::Age(Duration::from_millis(ms));
        assert_eq!(history.past("k", Past::Call, at(250)).unwrap(), "c");
        assert_eq!(history.past("k", age(100), at(250)).unwrap(), "b");
        assert_eq!(history.past("k", age(300), at(250)), None);
        assert_eq!(history.past("other", Past::Call, at(250)), None);
        for _ in 0..20 {
            history.remember("k", Bytes::from(vec![0; 1 << 20]), at(300));
        }
        assert!(history.bytes <= MAX_BYTES);
    }
}
