//! Open files and directories from one process to the next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::FileSystem;
use super::dirs::OpenDir;
use super::files::{Files, OpenFile};
use super::given::{DirRecord, Given, GivenRecord};
use crate::error::Result;
use crate::ledger::{Batch, Key, Ledger, Left, Request, ResumeError, VersionRecord};
use crate::namespace::NodeRecord;
use crate::remote::posix;
use crate::types::{FileHandle, NodeId, ObjectVersion, OpenFlags, Opened};

/// Handles that no request of the kernel asked for have this bit: they end with the call that needs them, and are not
/// written down.
pub(super) const TEMPORARY: u64 = 1 << 63;

/// One open file.
#[derive(Debug, Serialize, Deserialize)]
struct FileRecord<'a> {
    node: u64,
    read: bool,
    write: bool,
    append: bool,
    /// The version that reads are pinned to.
    pinned: Option<VersionRecord<'a>>,
    /// Data of a former process were lost.
    lost: bool,
    /// The number of the request that opened it.
    opened_by: u64,
}

/// What former processes opened, by the number of the request that asked for it. If that comes again, the kernel never
/// got the handle.
#[derive(Default)]
pub(super) struct Opens(Mutex<HashMap<u64, u64>>);

impl Opens {
    fn note(&self, request: u64, handle: u64) {
        if request != 0 {
            self.0.lock().insert(request, handle);
        }
    }

    /// The handle that the present request got when it was sent before.
    pub(super) fn again(&self) -> Option<u64> {
        let request = Request::current();
        if !request.resent {
            return None;
        }
        self.0.lock().remove(&request.number)
    }
}

impl Files {
    /// Writes an open file down.
    pub(super) fn record(batch: &mut Batch, handle: FileHandle, file: &OpenFile) {
        if handle.0 & TEMPORARY != 0 {
            return;
        }
        let pinned = file.version();
        let record = FileRecord {
            node: file.node.get(),
            read: file.flags.read,
            write: file.flags.write,
            append: file.flags.append,
            pinned: pinned.as_ref().map(Into::into),
            lost: file.lost,
            opened_by: file.opened_by,
        };
        batch.put(Key::File(handle.0), &record);
    }

    /// What the present request opened when it was sent before.
    pub(super) fn opened_again(&self) -> Option<(NodeId, Opened)> {
        let handle = FileHandle(self.opens.again()?);
        let file = self.get(handle).ok()?;
        let opened = Opened {
            handle,
            // Nobody knows whether the kernel cached anything meanwhile.
            keep_cache: false,
            no_flush: !file.flags.write,
        };
        Some((file.node, opened))
    }

    /// Opens a handle of a former process again. Sends nothing.
    ///
    /// Gives the node's version in OSS, if this handle's writer knows it best.
    fn restore(
        &self,
        handle: FileHandle,
        record: FileRecord<'static>,
    ) -> Option<(NodeId, ObjectVersion)> {
        let node = NodeId::new(record.node)?;
        let mut ns = self.core.ns.lock();
        let slot = ns.resolve(node).ok()?;
        ns.hold(slot);
        let flags = OpenFlags {
            read: record.read,
            write: record.write,
            append: record.append,
            ..OpenFlags::default()
        };
        let (mut writer, mut stored) = (None, None);
        let writes = record.write && !record.lost;
        // What a file without a name has is with its writer, for those who only read it too.
        let nameless = !ns.is_linked(slot) && self.writers.get(node).is_some();
        let stays = !record.write && (nameless || self.contents.left_unlinked(node));
        if writes || stays {
            let with = posix::described(&ns.meta(slot));
            let (key, base) = (ns.key(slot), ns.version(slot));
            let left = self.contents.take_left(node, with.clone());
            // One that a rename was about to replace is of no use.
            let left = left.filter(|left| match (&left.stored, &key) {
                (Some(version), Some(key)) => **key == *version.key,
                _ => true,
            });
            let left = left.map(|left| {
                stored = left.stored;
                left.object
            });
            // With nothing written it begins anew with what is in OSS; a file that was never there is empty.
            let fresh = key.filter(|_| writes).map(|key| (key, base, with));
            let object = left.or_else(|| {
                let (key, base, with) = fresh?;
                Some(self.contents.write(node, key, base, with))
            });
            writer = match (self.writers.get(node), object) {
                (Some(_), _) => Some(self.writers.join(node, || unreachable!("there is one"))),
                (None, Some(object)) => Some(self.writers.join(node, || object)),
                (None, None) => None,
            };
            if let Some(writer) = &writer {
                if record.read {
                    writer.keep_for_reading();
                }
                if writes && ns.is_linked(slot) {
                    ns.writing(slot);
                }
            }
        }
        let lost = record.write && writer.is_none();
        drop(ns);
        let pinned = record.pinned.map(ObjectVersion::from);
        if let Some(version) = &pinned {
            self.core.hidden.go_on(node, version);
        }
        let stays = stays && writer.is_some();
        let writer = writer.filter(|_| writes);
        let mut file = OpenFile::new(node, flags, pinned, writer, lost);
        file.stays = stays.into();
        file.opened_by = record.opened_by;
        self.opens.note(record.opened_by, handle.0);
        self.insert(handle, &Arc::new(file));
        stored.map(|version| (node, version))
    }

    /// Ends what a former process was doing to files that have no handle any more: their data go to OSS, or to nobody
    /// if they have no name.
    fn settle_orphans(self: &Arc<Self>) {
        let (local, unstored) = {
            let ns = self.core.ns.lock();
            (ns.local_files(), ns.with_new_meta())
        };
        for node in local {
            if self.writers.get(node).is_some() {
                continue;
            }
            let mut ns = self.core.ns.lock();
            let Ok(slot) = ns.resolve(node) else { continue };
            let with = posix::described(&ns.meta(slot));
            let Some(left) = self.contents.take_left(node, with) else {
                ns.written(slot, true, self.core.clock.now());
                continue;
            };
            drop(ns);
            let writer = self.writers.join(node, || left.object);
            let files = Arc::clone(self);
            tokio::spawn(async move { files.leave(&writer).await });
        }
        self.contents.discard_left();
        for node in unstored {
            if self.writers.get(node).is_none() {
                self.store_later(node);
            }
        }
    }

    /// Makes durable all that was written.
    pub(super) async fn sync_all(self: &Arc<Self>) -> Result<()> {
        let mut result = Ok(());
        for writer in self.writers.all() {
            result = result.and(self.settle(&writer).await);
        }
        let result = result.and(self.store_all().await);
        self.core.hidden.all_deleted().await;
        result
    }
}

impl FileSystem {
    /// Takes over what a former process left, into a file system that has served no call yet.
    pub(crate) fn take_over(
        &self,
        ledger: &Ledger,
        left: &mut Left,
    ) -> std::result::Result<(), ResumeError> {
        let nodes: Vec<(u64, NodeRecord<'static>)> = left.take_all(|key| match key {
            Key::Node(slot) => Some(slot.into()),
            _ => None,
        })?;
        let files: Vec<(u64, FileRecord<'static>)> = left.take_all(|key| match key {
            Key::File(handle) => Some(handle),
            _ => None,
        })?;
        let dirs = left.values.keys().filter_map(|key| match key {
            Key::Dir(handle) => Some(*handle),
            _ => None,
        });
        let mut open_dirs = Vec::new();
        for handle in dirs.collect::<Vec<_>>() {
            let found: Option<(DirRecord, Vec<GivenRecord>)> = left.take_list(Key::Dir(handle))?;
            open_dirs.extend(found.map(|(record, given)| (handle, record, given)));
        }
        self.core.begun.restore(left)?;
        let held = files.iter().map(|(_, file)| file.node);
        let held: HashSet<u64> = held
            .chain(open_dirs.iter().map(|(_, dir, _)| dir.node))
            .collect();
        self.core.ns.lock().restore(ledger, nodes, &held);
        let stored: Vec<_> = files
            .into_iter()
            .filter_map(|(handle, record)| self.files.restore(FileHandle(handle), record))
            .collect();
        for (node, version) in stored {
            self.files.publish(node, &version);
        }
        for (handle, record, given) in open_dirs {
            let node = NodeId::new(record.node);
            self.restore_dir(
                handle,
                node,
                record.opened_by,
                Given::restored(record, given),
            );
        }
        self.files.settle_orphans();
        Ok(())
    }

    fn restore_dir(&self, handle: u64, node: Option<NodeId>, opened_by: u64, given: Given) {
        let Some(node) = node else { return };
        let mut ns = self.core.ns.lock();
        let Ok(slot) = ns.resolve(node) else { return };
        ns.hold(slot);
        drop(ns);
        self.opens.note(opened_by, handle);
        let dir = Arc::new(tokio::sync::Mutex::new(OpenDir::new(
            &self.core, node, handle, given,
        )));
        self.dirs.lock().insert(handle, (node, dir));
    }
}
