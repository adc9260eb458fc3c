//! Answering a lookup from the table, or choosing the one request that answers it.
//!
//! | what is known of `dir/name` | request |
//! |---|---|
//! | nothing, and `dir` was never listed or fitted one page | LIST of `dir/`, one page: answers the siblings too |
//! | nothing, and `dir` has more than one page | LIST of prefix `dir/name`, a few keys ([`POINT_KEYS`]) |
//! | it was an object, `dir` fits one page, answers may be kept | LIST of `dir/`: proves all siblings anew |
//! | it was an object, another such was asked for before, answers may be kept | LIST of `dir/`, the page around it |
//! | it was an object, otherwise | HEAD |
//! | it was a directory | LIST of prefix `dir/name/`, one key |
//!
//! The LIST of prefix `dir/name` with a delimiter finds the object (the prefix itself sorts first) and the directory
//! in one request unless more than [`POINT_KEYS`] names go on after `name` with a character below `/` (such as `-` or
//! `.`); only then a second one asks for `dir/name/`. A HEAD that finds nothing is followed by the LIST, since the
//! name may have become a directory.

use super::inodes::Flags;
use super::{Namespace, Pages, Slot};
use crate::clock::Moment;

/// Keys asked for when one name is looked up by LIST.
pub(crate) const POINT_KEYS: u32 = 16;

/// What the table says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It leads here.
    Here(Slot),
    /// It does not exist.
    Absent,
    /// OSS has to be asked.
    Unknown,
}

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The first page of the directory.
    Page,
    /// A page of the directory that has this name.
    Around,
    /// A few keys from `dir/name` on.
    Point,
    /// HEAD of `dir/name`.
    Head,
    /// One key below `dir/name/`.
    Prefix,
}

impl Namespace {
    /// What is known of `name` in `dir` now.
    pub(crate) fn known(&self, dir: Slot, name: &str, now: Moment) -> Known {
        if let Some(slot) = self.child(dir, name) {
            let inode = self.inodes.get(slot);
            let ask = self.rules.always_ask && !inode.is_dir() && !inode.has(Flags::LOCAL);
            if ask || self.holds_for(slot, now).is_zero() {
                return Known::Unknown;
            }
            return Known::Here(slot);
        }
        if self.rules.forgets_absence {
            return Known::Unknown;
        }
        let holds = |since: Moment| now.since(since) < self.rules.absent;
        let complete = self.inodes.get(dir).dir().and_then(|dir| dir.complete);
        if complete.is_some_and(holds) || self.negatives.get(dir, name).is_some_and(holds) {
            return Known::Absent;
        }
        Known::Unknown
    }

    /// True if the name was not there a moment ago: the lookup that the kernel sends before it makes something counts
    /// for the making, even where every call has to ask.
    pub(crate) fn lately_absent(&self, dir: Slot, name: &str, now: Moment) -> bool {
        let holds = |since: Moment| now.since(since) < self.rules.absent;
        self.child(dir, name).is_none()
            && (self.known(dir, name, now) == Known::Absent
                || self.negatives.get(dir, name).is_some_and(holds))
    }

    /// The cheapest request that settles what `name` in `dir` is.
    pub(crate) fn question(&mut self, dir: Slot, name: &str) -> Question {
        let known = self.inodes.get(dir).dir();
        let (listed, expired) = known.map_or((None, false), |dir| (dir.listed, dir.expired));
        match self.child(dir, name) {
            Some(slot) if self.inodes.get(slot).is_dir() => Question::Prefix,
            Some(_) if !self.rules.always_ask && listed == Some(Pages::One) => Question::Page,
            Some(_) if self.rules.always_ask => Question::Head,
            // Who asks for two will ask for more: a page proves a thousand.
            Some(_) if expired => Question::Around,
            Some(_) => {
                self.inodes.peek_mut(dir).dir_mut().expired = true;
                Question::Head
            }
            None if self.rules.always_ask && listed.is_some() => Question::Point,
            None if listed == Some(Pages::Many) => Question::Point,
            None => Question::Page,
        }
    }
}
