//! Names that OSS said are not there.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::inodes::Slot;
use crate::clock::Moment;

/// Absent names with the moment since which that is known. The oldest goes when there are too many.
pub(crate) struct Negatives {
    known: HashMap<(Slot, Box<str>), Moment>,
    /// In order of arrival; may hold pairs that are no longer known, or newer than it says.
    order: VecDeque<(Slot, Box<str>)>,
    limit: usize,
}

impl Negatives {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn insert(&mut self, dir: Slot, name: &str, proof: Moment) {
        if self.limit == 0 {
            return;
        }
        if self.known.insert((dir, name.into()), proof).is_none() {
            self.order.push_back((dir, name.into()));
        }
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// The moment since which the name is known to be absent.
    pub(crate) fn get(&self, dir: Slot, name: &str) -> Option<Moment> {
        // The map is small and this path is not the hot one: a borrowed pair is not worth a trait of its own.
        self.known.get(&(dir, Box::from(name))).copied()
    }

    /// The name exists now.
    pub(crate) fn remove(&mut self, dir: Slot, name: &str) {
        if !self.known.is_empty() {
            self.known.remove(&(dir, Box::from(name)));
        }
    }

    /// The directory's slot is about to be used for something else.
    pub(crate) fn remove_dir(&mut self, dir: Slot) {
        if !self.known.is_empty() {
            self.known.retain(|(of, _), _| *of != dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_purged() {
        let mut negatives = Negatives::new(2);
        let dir = Slot::ROOT;
        negatives.insert(dir, "a", Moment(1));
        negatives.insert(dir, "b", Moment(2));
        negatives.insert(dir, "a", Moment(3));
        assert_eq!(negatives.get(dir, "a"), Some(Moment(3)));
        negatives.insert(dir, "c", Moment(4));
        assert_eq!(negatives.get(dir, "a"), None, "the oldest went");
        negatives.remove(dir, "b");
        assert_eq!(negatives.get(dir, "b"), None);
        negatives.remove_dir(dir);
        assert_eq!(negatives.get(dir, "c"), None);
        for turn in 0..10 {
            negatives.insert(dir, "again", Moment(turn));
            negatives.remove(dir, "again");
        }
        assert!(negatives.order.len() <= 2);
    }
}
