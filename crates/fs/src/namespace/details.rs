//! What a listing does not show of an entry: mode, owner, times, and whether it is a symlink or the like. It is in the
//! metadata of the object, of a directory in those of its marker, and each takes a HEAD. Where a program goes through
//! a directory in the order of names, those that it will want next are asked for ahead.

use super::inodes::Flags;
use super::learn::take_details;
use super::{Dentries, Facts, Namespace, Slot};
use crate::types::NodeId;

/// Entries asked for ahead at most.
const MOST_AHEAD: usize = 64;

/// An object's time in a listing has no fraction, and ours of a write is that of the local clock: as far as this they
/// are the same.
pub(super) const SAME_TIME: i64 = 2_000_000_000;

impl Namespace {
    /// Whether metadata would tell more of an inode than is known.
    pub(crate) fn lacks_details(&self, slot: Slot) -> bool {
        let inode = self.inodes.get(slot);
        self.rules.details
            && slot != Slot::ROOT
            && inode.has(Flags::LINKED)
            && !inode.has(Flags::DETAILED)
            && (inode.is_dir() || !inode.has(Flags::LOCAL))
    }

    /// Whether a directory of which nothing is known is met alone, as on the way to what is below it, and not in a
    /// row with its siblings.
    pub(crate) fn is_passed_through(&self, slot: Slot) -> bool {
        let inode = self.inodes.get(slot);
        let siblings = self.inodes.get(inode.parent).dir();
        inode.is_dir()
            && inode.dir().is_none_or(|dir| dir.listed.is_none())
            && siblings.is_none_or(|dir| dir.detail_run == 0)
    }

    /// What a HEAD said of a directory's marker; `None`: it has none.
    pub(crate) fn learn_marker(&mut self, slot: Slot, facts: Option<&Facts>) {
        let inode = self.inodes.get_mut(slot);
        if let Some(facts) = facts {
            inode.mtime = facts.mtime;
            if let Some(details) = &facts.details {
                take_details(inode, details);
            }
        }
        inode.set(Flags::DETAILED, true);
    }

    /// Notes that details of an inode are asked for, and tells which ones a program that goes through the directory
    /// will want next, with their keys.
    pub(crate) fn details_ahead(&mut self, slot: Slot) -> Vec<(NodeId, String)> {
        let inode = self.inodes.get(slot);
        let parent = inode.parent;
        let from = Dentries::after(&self.inodes, parent, self.inodes.name(slot));
        let children = self.inodes.get(parent).children();
        let before = from.checked_sub(2).map(|at| children[at]);
        let dir = self.inodes.get(parent).dir();
        let (run, last) = dir.map_or((0, None), |dir| (dir.detail_run, dir.last_detailed));
        // The one before was asked for last, or was known when this program came by.
        let follows = before.is_some() && (last == before || run > 0);
        let run = if follows { (run + 1).min(6) } else { 0 };
        let dir = self.inodes.peek_mut(parent).dir_mut();
        dir.detail_run = run;
        dir.last_detailed = Some(slot);
        if run == 0 {
            return Vec::new();
        }
        let ahead = MOST_AHEAD.min(2 << run);
        let children = self.inodes.get(parent).children();
        children[from..]
            .iter()
            .take(ahead)
            .filter(|child| self.lacks_details(**child) && !self.inodes.get(**child).is_dir())
            .filter_map(|child| Some((self.id(*child), self.key(*child)?)))
            .collect()
    }
}
