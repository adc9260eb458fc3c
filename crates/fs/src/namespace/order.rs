//! The order of names: what a program that goes through a directory opens next.

use super::inodes::Flags;
use super::{Dentries, Namespace, Pages, Slot};
use crate::clock::Moment;
use crate::types::{NodeId, ObjectVersion};

/// Names that are proven by one page, which has room for a few new ones among them.
const PART: usize = 900;

/// A file that may be opened soon.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub(crate) node: NodeId,
    pub(crate) version: ObjectVersion,
    /// The page cache had its bytes.
    pub(crate) cached: bool,
}

/// What follows a name.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) files: Vec<Next>,
    /// The last name looked at; `None` if there is none.
    pub(crate) last: Option<Box<str>>,
    /// How many names there are up to that.
    pub(crate) reach: usize,
    /// The name before the first file that has expired, if one has.
    pub(crate) before_expired: Option<Box<str>>,
}

impl Namespace {
    /// Where a file is among the names of its directory: the directory, the index there, and how many there are.
    pub(crate) fn place(&self, slot: Slot) -> Option<(Slot, usize, usize)> {
        let inode = self.inodes.get(slot);
        if !inode.has(Flags::LINKED) || slot == Slot::ROOT {
            return None;
        }
        let after = Dentries::after(&self.inodes, inode.parent, self.inodes.name(slot));
        let siblings = self.inodes.get(inode.parent).children().len();
        Some((inode.parent, after.checked_sub(1)?, siblings))
    }

    /// A file that could be fetched, if what is known of it held still.
    pub(crate) fn has_expired(&self, slot: Slot, now: Moment) -> bool {
        self.is_plain(slot) && !self.rules.always_ask && !self.version_is_fresh(slot, now)
    }

    fn is_plain(&self, slot: Slot) -> bool {
        let inode = self.inodes.get(slot);
        !inode.is_dir() && !inode.has(Flags::LOCAL) && !inode.has(Flags::LINK)
    }

    /// A file as something to fetch, if what is known of it holds.
    pub(crate) fn next(&self, slot: Slot, now: Moment) -> Option<Next> {
        let inode = self.inodes.get(slot);
        let known = self.version_is_fresh(slot, now) && !inode.has(Flags::ARCHIVED);
        if !self.is_plain(slot) || !known {
            return None;
        }
        Some(Next {
            node: self.inodes.id(slot),
            version: self.version(slot)?,
            cached: inode.has(Flags::CACHED),
        })
    }

    /// The files among the `count` names after `after` in a directory.
    pub(crate) fn following(&self, dir: Slot, after: &str, count: usize, now: Moment) -> Following {
        let children = self.inodes.get(dir).children();
        let from = if after.is_empty() {
            0
        } else {
            Dentries::after(&self.inodes, dir, after)
        };
        let names = &children[from..children.len().min(from + count)];
        let name = |slot: &Slot| Box::from(self.inodes.name(*slot));
        let files = names.iter().filter_map(|slot| self.next(*slot, now));
        let expired = names.iter().position(|slot| self.has_expired(*slot, now));
        Following {
            files: files.collect(),
            last: names.last().map(name),
            reach: from + names.len(),
            before_expired: expired.map(|index| match index {
                0 => after.into(),
                _ => name(&names[index - 1]),
            }),
        }
    }

    /// The name after which a page begins that has this one; empty if it is the first page. All names of a part of the
    /// directory give the same, so that each part is listed once.
    pub(crate) fn before_page(&self, dir: Slot, name: &str) -> Box<str> {
        let children = self.inodes.get(dir).children();
        let index = Dentries::after(&self.inodes, dir, name).saturating_sub(1);
        match (index / PART * PART).checked_sub(1) {
            Some(last) => self.inodes.name(children[last]).into(),
            None => Box::default(),
        }
    }

    /// How many names are known in a directory.
    pub(crate) fn names(&self, dir: Slot) -> usize {
        self.inodes.get(dir).children().len()
    }

    /// The directory after this one in the order of names, in the same directory or after that of those above, and how
    /// far above: at most `most`.
    pub(crate) fn next_directory(&self, dir: Slot, most: usize) -> Option<(Slot, usize)> {
        let mut at = dir;
        for up in 0..=most {
            let (parent, index, _) = self.place(at)?;
            let later = &self.inodes.get(parent).children()[index + 1..];
            if let Some(next) = later.iter().find(|slot| self.is_dir(**slot)) {
                return Some((*next, up));
            }
            at = parent;
        }
        None
    }

    /// The first directory in a directory.
    pub(crate) fn first_directory(&self, dir: Slot) -> Option<Slot> {
        let mut children = self.inodes.get(dir).children().iter().copied();
        children.find(|slot| self.is_dir(*slot))
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
