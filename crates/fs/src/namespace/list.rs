//! Directories as a whole: pages of a listing on their way to `readdir`, and answers from the table.

use super::inodes::Flags;
use super::{Namespace, Pages, Seen, Slot};
use crate::clock::Moment;
use crate::types::FileKind;

/// One name of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: Box<str>,
    pub(crate) seen: Seen,
}

impl Listed {
    pub(crate) fn kind(&self) -> FileKind {
        match self.seen {
            Seen::File(_) => FileKind::File,
            Seen::Dir { .. } => FileKind::Directory,
        }
    }
}

/// A listing under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// When its first request was sent.
    pub(crate) started: Moment,
    dropped: u32,
}

/// The children of a directory at one moment: slots with their generations, 8 bytes each.
pub(crate) type Snapshot = Vec<(Slot, u32)>;

impl Namespace {
    /// All children of a completely known directory, if `readdir` may be answered from memory.
    pub(crate) fn snapshot(&self, dir: Slot, now: Moment) -> Option<Snapshot> {
        if self.rules.always_ask {
            return None;
        }
        let known = self.inodes.get(dir).dir()?;
        if known.gaps || now.since(known.complete?) >= self.rules.expire {
            return None;
        }
        Some(self.with_generations(known.children.iter().copied()))
    }

    /// The children that OSS does not know of yet, or no longer: files being written for the first time, and
    /// directories that this mount keeps up.
    pub(crate) fn local_children(&self, dir: Slot) -> Snapshot {
        let children = self.inodes.get(dir).children().iter().copied();
        self.with_generations(children.filter(|child| {
            let inode = self.inodes.get(*child);
            inode.has(Flags::LOCAL) && inode.tag == super::tag::Tag::None
        }))
    }

    fn with_generations(&self, slots: impl Iterator<Item = Slot>) -> Snapshot {
        slots.map(|slot| (slot, self.inodes.get(slot).generation)).collect()
    }

    /// The inode of a snapshot's entry, if it is still linked in `dir`.
    pub(crate) fn still_there(&self, dir: Slot, (slot, generation): (Slot, u32)) -> bool {
        let inode = self.inodes.get(slot);
        inode.generation == generation && inode.has(Flags::LINKED) && inode.parent == dir
    }

    /// A listing of the whole directory begins now.
    pub(crate) fn begin_listing(&self, dir: Slot, now: Moment) -> Listing {
        Listing { started: now, dropped: self.inodes.get(dir).dir().map_or(0, |dir| dir.dropped) }
    }

    /// A listing of the whole directory ended, and each of its names was learned. What it did not show is gone; what
    /// is left is all there is, unless the cache was too small to hold it.
    pub(crate) fn end_listing(&mut self, dir: Slot, listing: Listing, pages: Pages) {
        if !self.inodes.get(dir).has(Flags::LINKED) {
            return;
        }
        let started = listing.started;
        self.inodes.get_mut(dir).dir_mut().listed = Some(pages);
        let gone: Vec<Slot> = self
            .inodes
            .get(dir)
            .children()
            .iter()
            .copied()
            .filter(|child| {
                let inode = self.inodes.get(*child);
                !inode.has(Flags::LOCAL) && inode.proven < started
            })
            .collect();
        for slot in gone {
            self.detach(slot);
        }
        let gaps = self
            .inodes
            .get(dir)
            .children()
            .iter()
            .any(|child| !self.inodes.get(*child).has(Flags::VALID) && !self.is_local(*child));
        let known = self.inodes.get_mut(dir).dir_mut();
        if known.removed <= started && known.dropped == listing.dropped {
            known.complete = Some(started);
            known.gaps = gaps;
        }
    }

    /// The directory has more than one page; its names are looked up one by one from now on.
    pub(crate) fn is_large(&mut self, dir: Slot) {
        self.inodes.get_mut(dir).dir_mut().listed = Some(Pages::Many);
    }
}
