//! When a dead worker is started again, and when that is given up.

use std::time::{Duration, Instant};

/// Who served for so long has recovered: a request that kills whoever takes it comes again first of all.
const STABLE: Duration = Duration::from_millis(250);

/// Recovery has failed when for so long nobody recovered.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// So many in a row are started again at once, and serve as the first did.
const AT_ONCE: u32 = 3;

/// The first pause; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The deaths that lie behind us.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Since when the present one serves.
    ready: Option<Instant>,
    /// The first death that nobody recovered from.
    since: Option<Instant>,
    /// How many there were from then on.
    deaths: u32,
}

/// What to do about a death.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Restart { after: Duration },
    GiveUp,
}

impl Recovery {
    /// A worker serves from now on.
    pub(super) fn serves(&mut self, now: Instant) {
        self.ready = Some(now);
    }

    /// It died.
    pub(super) fn died(&mut self, now: Instant) -> Verdict {
        let served = self.ready.take();
        if served.is_some_and(|since| now.saturating_duration_since(since) >= STABLE) {
            (self.since, self.deaths) = (None, 0);
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= LIMIT {
            return Verdict::GiveUp;
        }
        self.deaths += 1;
        let after = match self.deaths.checked_sub(AT_ONCE + 1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_PAUSE
                .saturating_mul(1 << doublings.min(16))
                .min(LONGEST_PAUSE),
        };
        Verdict::Restart { after }
    }

    /// One and the same request may be what kills them: a panic is to cost that request alone from now
    /// on, not another process.
    pub(super) fn careful(&self) -> bool {
        self.deaths > AT_ONCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deaths_cost_no_pause_and_later_ones_up_to_a_second() {
        let (mut recovery, mut now) = (Recovery::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..10 {
            recovery.serves(now);
            now += Duration::from_millis(20);
            match recovery.died(now) {
                Verdict::Restart { after } => pauses.push(after.as_millis()),
                Verdict::GiveUp => panic!("far too early"),
            }
        }
        assert_eq!(pauses, [0, 0, 0, 50, 100, 200, 400, 800, 1000, 1000]);
        assert!(recovery.careful());
        recovery.serves(now);
        now += STABLE;
        let again = recovery.died(now);
        let at_once = Duration::ZERO;
        assert_eq!(again, Verdict::Restart { after: at_once });
        assert!(!recovery.careful());
    }

    #[test]
    fn it_is_given_up_when_nobody_recovered_for_a_minute() {
        let (mut recovery, start) = (Recovery::default(), Instant::now());
        let too_short = STABLE.saturating_sub(Duration::from_millis(1));
        recovery.serves(start);
        let mut now = start + STABLE;
        let first = now;
        while recovery.died(now) != Verdict::GiveUp {
            now += Duration::from_secs(1);
            recovery.serves(now);
            now += too_short;
        }
        assert!(now - first >= LIMIT && now - first < LIMIT + Duration::from_secs(2));
    }

    #[test]
    fn any_number_of_deaths_is_fine_as_long_as_some_recover() {
        let (mut recovery, mut now) = (Recovery::default(), Instant::now());
        for round in 0..100_000_u32 {
            recovery.serves(now);
            now += if round % 20 == 0 { STABLE } else { STABLE / 3 };
            assert_ne!(recovery.died(now), Verdict::GiveUp);
        }
    }
}
