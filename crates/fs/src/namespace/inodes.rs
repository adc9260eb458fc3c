//! The inode table: one slot of 80 bytes per known name, the name's own bytes in one arena, and (for directories and odd
//! cases) a box of extras. With about 6 bytes in the dentry index and 4 in the parent's list of children, a file with a
//! name of 20 bytes takes about 112 bytes (ossfs 1: 4,000).
//!
//! A node id is a slot's generation and number, so that finding a node needs no hash map and a slot that is used
//! again gives a new id.

use std::sync::Arc;

use super::arena::{Name, Names};
use super::tag::Tag;
use crate::clock::Moment;
use crate::ledger::Ledger;
use crate::types::{FileKind, NodeId, UnixNanos};

/// The place of an inode in the table. Only valid while the inode lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) const ROOT: Self = Self(0);
}

/// One inode.
#[derive(Debug)]
pub(crate) struct Inode {
    /// Counts the uses of this slot.
    pub(crate) generation: u32,
    /// The directory it is (or was) in; the root's is the root.
    pub(crate) parent: Slot,
    /// Of the table's names.
    name: Name,
    pub(crate) size: u64,
    pub(crate) mtime: UnixNanos,
    /// When the request was sent whose answer the attributes are from; local changes count as answers.
    pub(crate) proven: Moment,
    pub(crate) tag: Tag,
    /// How many lookups the kernel has to forget. Sticks at the maximum: such a node lives as long as the mount.
    pub(crate) lookups: u32,
    /// Open handles.
    pub(crate) holds: u32,
    pub(crate) flags: Flags,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What else is true of an inode; one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    /// The slot is in use.
    pub(crate) const LIVE: Self = Self(1);
    /// A directory; otherwise a file.
    pub(crate) const DIR: Self = Self(2);
    /// The parent's name leads here. Without it the file was deleted or replaced, and lives for its handles.
    pub(crate) const LINKED: Self = Self(4);
    /// The attributes count as cached: they answer for as long as `proven` is young enough.
    pub(crate) const VALID: Self = Self(8);
    /// Used since the clock's hand last passed.
    pub(crate) const RECENT: Self = Self(16);
    /// This mount knows better than OSS: a file being written, or a directory kept after its last entry went.
    pub(crate) const LOCAL: Self = Self(32);
    /// The page cache holds bytes of the version in `tag`, and of no other.
    pub(crate) const CACHED: Self = Self(64);
    /// What only the object's metadata tell is known.
    pub(crate) const DETAILED: Self = Self(128);
    /// The object's metadata are those that this mount wrote, and no others.
    pub(crate) const OWN: Self = Self(256);
    /// The object is one of OSS's own symlinks.
    pub(crate) const LINK: Self = Self(512);
    /// The ledger has a record of it.
    pub(crate) const RECORDED: Self = Self(1024);
    /// It changed since the table was locked.
    pub(crate) const CHANGED: Self = Self(2048);
    /// The object is in an archive class, and nobody has seen yet that there is a restored copy.
    pub(crate) const ARCHIVED: Self = Self(4096);
    /// The object is an Appendable one.
    pub(crate) const APPENDABLE: Self = Self(8192);
    /// An object `dir` with nothing in it stands for the directory too.
    pub(crate) const OBJECT: Self = Self(16384);
    /// An object `dir_$folder$` stands for the directory too.
    pub(crate) const FOLDER: Self = Self(32768);

    pub(crate) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}

/// What few inodes have.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// Attributes that the object's metadata or a local change names.
    pub(crate) meta: Meta,
    /// Of the version in `tag`.
    pub(crate) version_id: Option<Arc<str>>,
    /// Of the version in `tag`.
    pub(crate) crc64: Option<u64>,
    /// Of a directory.
    pub(crate) dir: Dir,
}

/// Attributes that a listing does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// What the object stands for, unless it is a plain file or a directory.
    pub(crate) special: Option<FileKind>,
    /// Where a symlink leads, unless its bytes say it.
    pub(crate) target: Option<Arc<[u8]>>,
    /// The device's number, of device nodes.
    pub(crate) rdev: u32,
    pub(crate) mode: Option<u16>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) atime: Option<UnixNanos>,
    pub(crate) mtime: Option<UnixNanos>,
    pub(crate) ctime: Option<UnixNanos>,
    /// The extended attributes as the object's metadata hold them: see [`crate::xattr`].
    pub(crate) xattrs: Option<Arc<str>>,
    /// What the object has beside these: headers and metadata that others gave it, which must outlive what is done here.
    pub(crate) others: Option<Arc<ossplit::NewObject>>,
    /// Set by a program on this mount and not in OSS: must not be evicted.
    pub(crate) local: bool,
}

impl Meta {
    /// Has the tags stored with the object whenever it is written anew.
    pub(crate) fn keep_tags(&mut self, tags: ossplit::Tags) {
        let mut others = self.others.as_deref().cloned().unwrap_or_default();
        others.tags = tags;
        self.others = Some(Arc::new(others));
    }
}

/// What is known of a directory's contents.
#[derive(Debug, Default)]
pub(crate) struct Dir {
    /// Every known child, in the order of the names' bytes.
    pub(crate) children: Vec<Slot>,
    /// If `children` are all there are: since when that is known.
    pub(crate) complete: Option<Moment>,
    /// Some child's attributes were evicted after the listing: it answers "no such name" but not `readdir`.
    pub(crate) gaps: bool,
    /// How many children left because the cache was full.
    pub(crate) dropped: u32,
    /// How many names this mount took away from here.
    pub(crate) removals: u32,
    /// Listed at least once, and whether that took one page.
    pub(crate) listed: Option<Pages>,
    /// How many entries in a row whose details were asked for followed the order of names, and the last of them.
    pub(crate) detail_run: u32,
    pub(crate) last_detailed: Option<Slot>,
    /// Files were looked up of which what was known had expired, since all of it was listed.
    pub(crate) expired: bool,
}

/// How long a directory was when it was last listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    One,
    Many,
}

/// The slots.
pub(crate) struct Inodes {
    slots: Vec<Inode>,
    names: Names,
    free: Vec<Slot>,
    /// What outlives this process: see [`super::state`].
    pub(super) ledger: Ledger,
    /// Inodes that changed since the table was locked, and slots that were given up.
    pub(super) changed: Vec<Slot>,
    pub(super) gone: Vec<Slot>,
}

impl Inode {
    fn free(generation: u32) -> Self {
        Self {
            generation,
            parent: Slot::ROOT,
            name: Name::default(),
            size: 0,
            mtime: 0,
            proven: Moment(0),
            tag: Tag::None,
            lookups: 0,
            holds: 0,
            flags: Flags::default(),
            extra: None,
        }
    }

    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.flags.has(flag)
    }

    pub(crate) fn set(&mut self, flag: Flags, on: bool) {
        self.flags.set(flag, on);
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.has(Flags::DIR)
    }

    pub(crate) fn meta(&self) -> Meta {
        self.extra
            .as_ref()
            .map(|extra| extra.meta.clone())
            .unwrap_or_default()
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn dir(&self) -> Option<&Dir> {
        self.extra.as_ref().map(|extra| &extra.dir)
    }

    pub(crate) fn dir_mut(&mut self) -> &mut Dir {
        &mut self.extra_mut().dir
    }

    pub(crate) fn children(&self) -> &[Slot] {
        self.dir().map_or(&[], |dir| &dir.children)
    }
}

impl Inodes {
    /// A table with the root alone.
    pub(crate) fn new() -> Self {
        let mut root = Inode::free(0);
        root.flags = Flags(Flags::LIVE.0 | Flags::DIR.0 | Flags::LINKED.0);
        // The kernel never forgets the root.
        root.lookups = u32::MAX;
        Self {
            slots: vec![root],
            names: Names::default(),
            free: Vec::new(),
            ledger: Ledger::default(),
            changed: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// A table with the slots of a former process, of which none is used yet but the root's.
    pub(super) fn restored(ledger: &Ledger) -> Self {
        let mut inodes = Self::new();
        let slots = 1..ledger.slots().min(u64::from(u32::MAX)) as u32;
        inodes
            .slots
            .extend(slots.map(|slot| Inode::free(ledger.slot(slot).0)));
        inodes
    }

    /// Brings the inode of a former process back under its old id, into a slot that is not used.
    pub(super) fn put(&mut self, slot: Slot, parent: Slot, name: &str, dir: bool) {
        let name = self.names.add(name);
        let inode = self.peek_mut(slot);
        inode.parent = parent;
        inode.name = name;
        inode.set(Flags::LIVE, true);
        inode.set(Flags::DIR, dir);
    }

    /// What was not brought back is free. The ids that it had in its former life are not handed out again.
    pub(super) fn end_restore(&mut self, ledger: &Ledger) {
        self.ledger = ledger.clone();
        for (at, inode) in self.slots.iter_mut().enumerate() {
            if !inode.has(Flags::LIVE) {
                inode.generation = inode.generation.wrapping_add(1);
                self.ledger.set_slot(at as u32, inode.generation, 0);
                self.free.push(Slot(at as u32));
            }
        }
    }

    /// The id that an inode in this slot has, used or not.
    pub(super) fn id_of(&self, slot: Slot) -> Option<NodeId> {
        self.slots.get(slot.0 as usize).map(|_| self.id(slot))
    }

    /// The slot of a node that lives, by its bare number.
    pub(super) fn resolve_id(&self, id: u64) -> Option<Slot> {
        NodeId::new(id).and_then(|node| self.resolve(node))
    }

    pub(crate) fn get(&self, slot: Slot) -> &Inode {
        &self.slots[slot.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Inode {
        self.note(slot);
        self.peek_mut(slot)
    }

    /// For changes that no successor needs to know.
    pub(crate) fn peek_mut(&mut self, slot: Slot) -> &mut Inode {
        &mut self.slots[slot.0 as usize]
    }

    /// The inode is to be written to the ledger, if it matters.
    fn note(&mut self, slot: Slot) {
        if self.ledger.is_on() && !self.get(slot).has(Flags::CHANGED) {
            self.peek_mut(slot).set(Flags::CHANGED, true);
            self.changed.push(slot);
        }
    }

    /// An inode has another lookup or hold, or one less.
    pub(super) fn counted(&mut self, slot: Slot) {
        let inode = self.get(slot);
        self.ledger
            .set_slot(slot.0, inode.generation, inode.lookups);
        if !inode.has(Flags::RECORDED) {
            self.note(slot);
        }
    }

    /// How many slots there are, used and free.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many inodes live.
    #[cfg(test)]
    pub(crate) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn id(&self, slot: Slot) -> NodeId {
        let raw = u64::from(self.get(slot).generation) << 32 | (u64::from(slot.0) + 1);
        NodeId::new(raw).expect("the lower half is at least 1")
    }

    /// The slot of a node that lives.
    pub(crate) fn resolve(&self, node: NodeId) -> Option<Slot> {
        let slot = Slot((node.get() as u32).checked_sub(1)?);
        let inode = self.slots.get(slot.0 as usize)?;
        (inode.generation == (node.get() >> 32) as u32 && inode.has(Flags::LIVE)).then_some(slot)
    }

    /// Takes a free slot for a new inode.
    pub(crate) fn alloc(&mut self, parent: Slot, name: &str, dir: bool) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Inode::free(0));
            self.ledger.set_slots(self.slots.len() as u64);
            Slot(u32::try_from(self.slots.len() - 1).expect("2^32 inodes don't fit in memory"))
        });
        self.ledger.set_slot(slot.0, self.get(slot).generation, 0);
        let name = self.names.add(name);
        let inode = self.get_mut(slot);
        inode.parent = parent;
        inode.name = name;
        inode.set(Flags::LIVE, true);
        inode.set(Flags::DIR, dir);
        slot
    }

    /// Frees a slot. Its next user has another id.
    pub(crate) fn release(&mut self, slot: Slot) {
        let next = self.get(slot).generation.wrapping_add(1);
        if self.get(slot).has(Flags::RECORDED) {
            self.gone.push(slot);
        }
        // It may wait in `changed`: another user of the slot must not be noted twice.
        let changed = self.get(slot).has(Flags::CHANGED);
        self.names.remove(self.get(slot).name);
        *self.peek_mut(slot) = Inode::free(next);
        self.peek_mut(slot).set(Flags::CHANGED, changed);
        self.ledger.set_slot(slot.0, next, 0);
        self.free.push(slot);
        self.close_up_names();
    }

    /// What an inode is called in its directory, or was.
    pub(crate) fn name(&self, slot: Slot) -> &str {
        self.names.get(self.get(slot).name)
    }

    /// An inode is called so from now on. Not of one that is linked.
    pub(crate) fn set_name(&mut self, slot: Slot, name: &str) {
        self.names.remove(self.get(slot).name);
        let name = self.names.add(name);
        self.get_mut(slot).name = name;
        self.close_up_names();
    }

    fn close_up_names(&mut self) {
        if self.names.is_sparse() {
            let old = std::mem::take(&mut self.names);
            for inode in &mut self.slots {
                inode.name = self.names.add(old.get(inode.name));
            }
        }
    }

    /// Bytes allocated for names.
    #[cfg(test)]
    pub(crate) fn names_allocated(&self) -> usize {
        self.names.allocated()
    }

    /// The slots in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Inode)> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, inode)| inode.has(Flags::LIVE))
            .map(|(at, inode)| (Slot(at as u32), inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_size_holds() {
        assert_eq!(size_of::<Inode>(), 80);
    }

    #[test]
    fn names_are_closed_up_and_stay_what_they_are() {
        let mut inodes = Inodes::new();
        let called = |number: usize| format!("{number:0>60}");
        let slots: Vec<_> = (0..10_000)
            .map(|number| inodes.alloc(Slot::ROOT, &called(number), false))
            .collect();
        let full = inodes.names_allocated();
        for (number, slot) in slots.iter().enumerate() {
            match number % 5 {
                0 => inodes.set_name(*slot, &called(number + 1_000_000)),
                1 => {}
                _ => inodes.release(*slot),
            }
        }
        assert!(inodes.names_allocated() < full * 3 / 4);
        for (number, slot) in slots.iter().enumerate() {
            match number % 5 {
                0 => assert_eq!(inodes.name(*slot), called(number + 1_000_000)),
                1 => assert_eq!(inodes.name(*slot), called(number)),
                _ => assert_eq!(inodes.name(*slot), ""),
            }
        }
        assert_eq!(inodes.name(Slot::ROOT), "");
    }

    #[test]
    fn ids_are_not_used_twice() {
        let mut inodes = Inodes::new();
        assert_eq!(inodes.id(Slot::ROOT), NodeId::ROOT);
        let slot = inodes.alloc(Slot::ROOT, "a", false);
        let first = inodes.id(slot);
        inodes.release(slot);
        assert_eq!(inodes.resolve(first), None);
        let again = inodes.alloc(Slot::ROOT, "a", false);
        assert_eq!(again, slot, "the slot is");
        assert_ne!(inodes.id(again), first, "the id is not");
        assert_eq!(inodes.resolve(inodes.id(again)), Some(again));
        assert_eq!(inodes.live(), 2);
        assert_eq!(inodes.resolve(NodeId::new(1 << 32).unwrap()), None);
        assert_eq!(inodes.resolve(NodeId::new(77).unwrap()), None);
    }
}
