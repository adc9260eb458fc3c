//! What of the table a successor needs: the nodes that the kernel can name, and what only this mount knows.
//!
//! Every inode that is changed notes itself; when the table is unlocked, those that matter are written to the ledger as
//! one batch. Lookup counts change too often for that: they are words of the ledger's table.
//!
//! What OSS can be asked for is not kept: a successor counts all attributes as expired.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ossplit::NewObject;
use serde::{Deserialize, Serialize};

use super::forget::is_needed;
use super::inodes::{Flags, Inode, Inodes};
use super::tag::Tag;
use super::{Meta, Namespace, Slot};
use crate::ledger::{Batch, Key, Ledger};
use crate::remote::posix;
use crate::types::{NodeId, UnixNanos};

/// One node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeRecord<'a> {
    id: u64,
    /// The directory it is in; 0 if it has no name any more.
    parent: u64,
    name: Cow<'a, str>,
    dir: bool,
    size: u64,
    mtime: UnixNanos,
    /// Of the known version; empty if there is none.
    etag: Cow<'a, str>,
    crc64: Option<u64>,
    version_id: Option<Cow<'a, str>>,
    /// Those of [`KEPT`] that it has.
    flags: u16,
    meta: Option<MetaRecord<'a>>,
}

/// [`Meta`].
#[derive(Debug, Serialize, Deserialize)]
struct MetaRecord<'a> {
    /// Type bits of `st_mode`, of what is neither a plain file nor a directory; otherwise 0.
    special: u32,
    /// Where a symlink leads.
    target: Option<Cow<'a, [u8]>>,
    rdev: u32,
    mode: Option<u16>,
    uid: Option<u32>,
    gid: Option<u32>,
    atime: Option<UnixNanos>,
    mtime: Option<UnixNanos>,
    ctime: Option<UnixNanos>,
    xattrs: Option<Cow<'a, str>>,
    others: Option<Cow<'a, NewObject>>,
    local: bool,
}

/// The flags that a successor takes over.
const KEPT: [Flags; 8] = [
    Flags::LOCAL,
    Flags::CACHED,
    Flags::DETAILED,
    Flags::OWN,
    Flags::LINK,
    Flags::APPENDABLE,
    Flags::OBJECT,
    Flags::FOLDER,
];

impl Namespace {
    /// Whether something changed that a successor must know.
    pub(super) fn has_news(&self) -> bool {
        !self.inodes.changed.is_empty() || !self.inodes.gone.is_empty() || self.news.1
    }

    /// Writes down what changed. Called whenever the table is about to be unlocked.
    pub(super) fn record(&mut self) {
        let (mut batch, _) = std::mem::take(&mut self.news);
        for slot in std::mem::take(&mut self.inodes.gone) {
            batch.remove(Key::Node(slot.0));
        }
        let mut changed = std::mem::take(&mut self.inodes.changed);
        for slot in changed.drain(..) {
            let inode = self.inodes.peek_mut(slot);
            inode.set(Flags::CHANGED, false);
            let matters = inode.has(Flags::RECORDED)
                || is_needed(inode)
                || inode.has(Flags::LOCAL)
                || inode.extra.as_ref().is_some_and(|extra| extra.meta.local);
            if inode.has(Flags::LIVE) && matters {
                self.put_node(slot, &mut batch);
            }
        }
        // Their room is kept for the next time.
        self.inodes.changed = changed;
        self.inodes.ledger.commit(&mut batch);
        self.news = (batch, false);
    }

    /// Changes of others that are to count together with those of the table.
    pub(crate) fn batch(&mut self) -> &mut Batch {
        self.news.1 = true;
        &mut self.news.0
    }

    /// Writes a node down, and the directories above it.
    fn put_node(&mut self, slot: Slot, batch: &mut Batch) {
        let mut at = slot;
        loop {
            let inode = self.inodes.get(at);
            let parent = inode.parent;
            batch.put(Key::Node(at.0), &self.node_record(at));
            self.inodes.peek_mut(at).set(Flags::RECORDED, true);
            let linked = self.inodes.get(at).has(Flags::LINKED);
            if !linked || parent == Slot::ROOT || self.inodes.get(parent).has(Flags::RECORDED) {
                return;
            }
            at = parent;
        }
    }

    fn node_record(&self, slot: Slot) -> NodeRecord<'_> {
        let inode = self.inodes.get(slot);
        let extra = inode.extra.as_deref();
        let meta = extra.map(|extra| &extra.meta);
        let meta = meta.filter(|meta| **meta != Meta::default());
        let linked = inode.has(Flags::LINKED);
        let flags = KEPT.iter().enumerate();
        NodeRecord {
            id: self.inodes.id(slot).get(),
            parent: if linked {
                self.inodes.id(inode.parent).get()
            } else {
                0
            },
            name: Cow::Borrowed(self.inodes.name(slot)),
            dir: inode.is_dir(),
            size: inode.size,
            mtime: inode.mtime,
            etag: inode.tag.text().into(),
            crc64: extra.and_then(|extra| extra.crc64),
            version_id: extra.and_then(|extra| extra.version_id.as_deref().map(Cow::Borrowed)),
            flags: flags.fold(0, |all, (bit, flag)| {
                all | u16::from(inode.has(*flag)) << bit
            }),
            meta: meta.map(|meta| MetaRecord {
                special: posix::bits(meta.special),
                target: meta.target.as_deref().map(Cow::Borrowed),
                rdev: meta.rdev,
                mode: meta.mode,
                uid: meta.uid,
                gid: meta.gid,
                atime: meta.atime,
                mtime: meta.mtime,
                ctime: meta.ctime,
                xattrs: meta.xattrs.as_deref().map(Cow::Borrowed),
                others: meta.others.as_deref().map(Cow::Borrowed),
                local: meta.local,
            }),
        }
    }

    /// Keeps a ledger from now on.
    pub(crate) fn keep(&mut self, ledger: &Ledger) {
        self.news = (ledger.batch(), false);
        self.inodes.ledger = ledger.clone();
        // One that a former process left knows more slots, until they are restored.
        if ledger.slots() == 0 {
            ledger.set_slots(self.inodes.len() as u64);
        }
    }

    /// Takes over what a former process wrote down: the nodes that the kernel has not forgotten, those in `held` by open
    /// handles, what only this mount knows, and the directories above all these.
    pub(crate) fn restore(
        &mut self,
        ledger: &Ledger,
        records: Vec<(u64, NodeRecord<'static>)>,
        held: &HashSet<u64>,
    ) {
        self.inodes = Inodes::restored(ledger);
        let mut known = HashMap::new();
        let mut stale = Vec::new();
        for (slot, record) in records {
            let slot = slot as u32;
            let lives = self
                .inodes
                .id_of(Slot(slot))
                .is_some_and(|id| id.get() == record.id);
            if lives {
                known.insert(record.id, record);
            } else {
                stale.push(slot);
            }
        }
        let local = 1
            << KEPT
                .iter()
                .position(|flag| *flag == Flags::LOCAL)
                .unwrap_or(0);
        let wanted = known.values().filter(|record| {
            let (_, lookups) = ledger.slot((record.id as u32).wrapping_sub(1));
            lookups > 0
                || held.contains(&record.id)
                || record.flags & local != 0
                || record.meta.as_ref().is_some_and(|meta| meta.local)
        });
        let mut wanted: Vec<u64> = wanted.map(|record| record.id).collect();
        wanted.sort_unstable();
        for id in wanted {
            // From the topmost directory that is not there yet down to the node.
            let mut path = Vec::new();
            let mut at = id;
            while let Some(record) = known.get(&at)
                && self.inodes.resolve_id(at).is_none()
                && !path.contains(&at)
            {
                path.push(at);
                at = record.parent;
            }
            for id in path.into_iter().rev() {
                if let Some(record) = known.remove(&id) {
                    self.restore_node(ledger, record);
                }
            }
        }
        self.inodes.end_restore(ledger);
        stale.extend(known.keys().map(|id| (*id as u32).wrapping_sub(1)));
        let mut batch = ledger.batch();
        for slot in stale {
            batch.remove(Key::Node(slot));
        }
        ledger.commit(&mut batch);
        self.news = (batch, false);
    }

    fn restore_node(&mut self, ledger: &Ledger, record: NodeRecord<'static>) {
        let Some(id) = NodeId::new(record.id) else {
            return;
        };
        let slot = if id == NodeId::ROOT {
            Slot::ROOT
        } else {
            let parent = self.inodes.resolve_id(record.parent);
            let parent = parent.filter(|parent| {
                self.is_dir(*parent) && self.child(*parent, &record.name).is_none()
            });
            let slot = Slot((record.id as u32).wrapping_sub(1));
            self.inodes
                .put(slot, parent.unwrap_or(Slot::ROOT), &record.name, record.dir);
            if parent.is_some() {
                self.dentries.link(&mut self.inodes, slot);
            }
            slot
        };
        let inode = self.inodes.peek_mut(slot);
        if slot != Slot::ROOT {
            inode.lookups = ledger.slot(slot.0).1;
        }
        inode.set(Flags::RECORDED, true);
        inode.size = record.size;
        inode.mtime = record.mtime;
        inode.tag = Tag::new(&record.etag);
        for (bit, flag) in KEPT.into_iter().enumerate() {
            // Without a name there is nothing that this mount knows better.
            let fits = flag != Flags::LOCAL || inode.has(Flags::LINKED);
            inode.set(flag, fits && record.flags & 1 << bit != 0);
        }
        if record.meta.is_some() || record.crc64.is_some() || record.version_id.is_some() {
            let extra = inode.extra_mut();
            extra.crc64 = record.crc64;
            extra.version_id = record.version_id.map(|id| id.into_owned().into());
            if let Some(meta) = record.meta {
                extra.meta = meta.into();
            }
        }
    }

    /// The files of which this mount knows better than OSS.
    pub(crate) fn local_files(&self) -> Vec<NodeId> {
        let local = |inode: &Inode| inode.has(Flags::LOCAL) && !inode.is_dir();
        let local = self.inodes.iter().filter(|(_, inode)| local(inode));
        local.map(|(slot, _)| self.inodes.id(slot)).collect()
    }

    /// The nodes with attributes that are not in OSS.
    pub(crate) fn with_new_meta(&self) -> Vec<NodeId> {
        let new = self.inodes.iter().filter(|(_, inode)| inode.meta().local);
        new.map(|(slot, _)| self.inodes.id(slot)).collect()
    }
}

impl From<MetaRecord<'_>> for Meta {
    fn from(record: MetaRecord<'_>) -> Self {
        Self {
            special: posix::kind(record.special),
            target: record.target.map(|target| target.into_owned().into()),
            rdev: record.rdev,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            atime: record.atime,
            mtime: record.mtime,
            ctime: record.ctime,
            xattrs: record.xattrs.map(|xattrs| xattrs.into_owned().into()),
            others: record.others.map(|others| others.into_owned().into()),
            local: record.local,
        }
    }
}
