//! The order of names: what a program that goes through a directory opens next.

use super::inodes::Flags;
use super::{Dentries, Namespace, Pages, Slot};
use crate::clock::Moment;
use crate::types::{NodeId, ObjectVersion};

/// A file that may be opened soon.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub(crate) node: NodeId,
    pub(crate) version: ObjectVersion,
    /// The page cache had its bytes.
    pub(crate) cached: bool,
}

impl Namespace {
    /// Where a file is among the names of its directory: the directory, the index there, and how many there are.
    pub(crate) fn place(&self, slot: Slot) -> Option<(Slot, usize, usize)> {
        let inode = self.inodes.get(slot);
        if !inode.has(Flags::LINKED) || slot == Slot::ROOT {
            return None;
        }
        let after = Dentries::after(&self.inodes, inode.parent, &inode.name);
        let siblings = self.inodes.get(inode.parent).children().len();
        Some((inode.parent, after.checked_sub(1)?, siblings))
    }

    /// A file as something to fetch, if what is known of it holds.
    pub(crate) fn next(&self, slot: Slot, now: Moment) -> Option<Next> {
        let inode = self.inodes.get(slot);
        let plain = !inode.is_dir() && !inode.has(Flags::LOCAL) && !inode.has(Flags::LINK);
        if !plain || !self.version_is_fresh(slot, now) {
            return None;
        }
        Some(Next {
            node: self.inodes.id(slot),
            version: self.version(slot)?,
            cached: inode.has(Flags::CACHED),
        })
    }

    /// The files among the `count` names after `after` in a directory, the last of these names (`None` if there is
    /// none), and how many names there are up to that.
    pub(crate) fn following(
        &self,
        dir: Slot,
        after: &str,
        count: usize,
        now: Moment,
    ) -> (Vec<Next>, Option<Box<str>>, usize) {
        let children = self.inodes.get(dir).children();
        let from = if after.is_empty() {
            0
        } else {
            Dentries::after(&self.inodes, dir, after)
        };
        let names = &children[from..children.len().min(from + count)];
        let last = names.last().map(|slot| self.inodes.get(*slot).name.clone());
        let files = names.iter().filter_map(|slot| self.next(*slot, now));
        (files.collect(), last, from + names.len())
    }

    /// How many names are known in a directory.
    pub(crate) fn names(&self, dir: Slot) -> usize {
        self.inodes.get(dir).children().len()
    }

    /// The directory after this one in the order of names.
    pub(crate) fn next_directory(&self, dir: Slot) -> Option<Slot> {
        let (parent, index, _) = self.place(dir)?;
        let children = self.inodes.get(parent).children();
        let next = *children.get(index + 1)?;
        self.is_dir(next).then_some(next)
    }

    /// True if a listing of the whole directory holds.
    pub(crate) fn was_listed(&self, dir: Slot, now: Moment) -> bool {
        let complete = self.inodes.get(dir).dir().and_then(|dir| dir.complete);
        complete.is_some_and(|since| now.since(since) < self.rules.expire)
    }

    /// True if the directory was listed and has more than one page.
    pub(crate) fn is_known_large(&self, dir: Slot) -> bool {
        let known = self.inodes.get(dir).dir();
        known.is_some_and(|known| known.listed == Some(Pages::Many))
    }
}
