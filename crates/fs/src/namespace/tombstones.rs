//! Names taken away here while a request was under way whose answer may still show them.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::Slot;
use crate::clock::Moment;

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// When it was sent.
    pub(crate) sent: Moment,
    number: u64,
}

/// Removed names, each kept until no request sent before its removal is under way. So there are never more than
/// removals during one request.
#[derive(Default)]
pub(crate) struct Tombstones {
    removed: HashMap<(Slot, Box<str>), Moment>,
    under_way: BTreeSet<Ticket>,
    next: u64,
}

impl Tombstones {
    /// A request is about to be sent.
    pub(crate) fn begin(&mut self, now: Moment) -> Ticket {
        self.next += 1;
        let ticket = Ticket {
            sent: now,
            number: self.next,
        };
        self.under_way.insert(ticket);
        ticket
    }

    /// Its answer was learned, or will never be.
    pub(crate) fn end(&mut self, ticket: Ticket) {
        self.under_way.remove(&ticket);
        match self.under_way.first() {
            _ if self.removed.is_empty() => {}
            None => self.removed.clear(),
            Some(oldest) => self.removed.retain(|_, at| *at >= oldest.sent),
        }
    }

    pub(crate) fn removed(&mut self, dir: Slot, name: &str, now: Moment) {
        if !self.under_way.is_empty() {
            self.removed.insert((dir, name.into()), now);
        }
    }

    /// True if the name was taken away after `sent`.
    pub(crate) fn hides(&self, dir: Slot, name: &str, sent: Moment) -> bool {
        !self.removed.is_empty()
            && self
                .removed
                .get(&(dir, Box::from(name)))
                .is_some_and(|at| *at > sent)
    }

    /// The directory's slot is about to be used for something else.
    pub(crate) fn remove_dir(&mut self, dir: Slot) {
        if !self.removed.is_empty() {
            self.removed.retain(|(of, _), _| *of != dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_only_while_an_older_request_is_under_way() {
        let mut stones = Tombstones::default();
        stones.removed(Slot::ROOT, "early", Moment(1));
        assert!(
            !stones.hides(Slot::ROOT, "early", Moment(0)),
            "no request could show it"
        );
        let old = stones.begin(Moment(2));
        let new = stones.begin(Moment(5));
        stones.removed(Slot::ROOT, "a", Moment(3));
        stones.removed(Slot::ROOT, "b", Moment(6));
        assert!(stones.hides(Slot::ROOT, "a", old.sent));
        assert!(!stones.hides(Slot::ROOT, "a", new.sent));
        stones.end(old);
        assert!(!stones.hides(Slot::ROOT, "a", Moment(2)));
        assert!(stones.hides(Slot::ROOT, "b", new.sent));
        stones.end(new);
        assert!(stones.removed.is_empty());
    }
}
