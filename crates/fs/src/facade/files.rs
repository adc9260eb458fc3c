//! Open files.
//!
//! A handle for reading pins a version: its reads carry that version's `ETag`, whatever the name leads to by then. Only
//! what this mount itself writes to the node reaches handles that are open already, as in any file system: while a
//! node has a writer, reads go through it, and when the writer's data are in OSS the handles pin the new version.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use super::changes::{check_rename, new_meta};
use super::core::Core;
use super::rename::Watch;
use super::writers::{Writer, Writers};
use crate::clock::Moment;
use crate::contents::{Contents, NewFile, ReadObject};
use crate::error::{Error, Result};
use crate::namespace::{Meta, Namespace, Slot};
use crate::remote::posix;
use crate::types::{
    AttrReply, Creator, Entry, FileHandle, FileKind, NodeId, ObjectVersion, OpenFlags, Opened,
    RenameFlags, SetAttr,
};

/// Files fetched ahead at most, and bytes of them.
const AHEAD_FILES: usize = 32;
const AHEAD_BYTES: u64 = 32 << 20;

/// A directory of so few files is fetched as a whole when the first of them is opened.
const SMALL_DIRECTORY: usize = 8;

/// One open file.
pub(super) struct OpenFile {
    pub(super) node: NodeId,
    pub(super) flags: OpenFlags,
    /// What reads go to; `None` while the file is not in OSS, and on a handle that does not read.
    pinned: Mutex<Option<Pinned>>,
    writer: Option<Arc<Writer>>,
    /// A former process had data of this handle that are nowhere.
    lost: bool,
}

struct Pinned {
    version: ObjectVersion,
    /// Made when it is first needed: a handle whose reads the page cache answers needs none.
    object: Option<Arc<dyn ReadObject>>,
}

impl OpenFile {
    pub(super) fn new(
        node: NodeId,
        flags: OpenFlags,
        version: Option<ObjectVersion>,
        writer: Option<Arc<Writer>>,
        lost: bool,
    ) -> Self {
        let pinned = Mutex::new(version.map(|version| Pinned {
            version,
            object: None,
        }));
        Self {
            node,
            flags,
            pinned,
            writer,
            lost,
        }
    }

    /// The version that reads are pinned to.
    pub(super) fn version(&self) -> Option<ObjectVersion> {
        self.pinned
            .lock()
            .as_ref()
            .map(|pinned| pinned.version.clone())
    }

    /// Everything written is in OSS.
    pub(super) fn is_clean(&self) -> bool {
        !self.lost
            && self
                .writer
                .as_ref()
                .is_none_or(|writer| !writer.object().is_dirty())
    }

    /// The writer of a handle for writing.
    fn writer(&self) -> Result<&Arc<Writer>> {
        if self.lost {
            return Err(Error::Lost);
        }
        self.writer.as_ref().ok_or(Error::WrongMode)
    }
}

/// The open files of a mount, and how their contents are reached.
pub(super) struct Files {
    pub(super) core: Arc<Core>,
    pub(super) contents: Arc<dyn Contents>,
    open: RwLock<HashMap<u64, Arc<OpenFile>>>,
    pub(super) writers: Writers,
}

impl Files {
    pub(super) fn new(core: Arc<Core>, contents: Arc<dyn Contents>) -> Self {
        Self {
            core,
            contents,
            open: RwLock::default(),
            writers: Writers::default(),
        }
    }

    pub(super) fn get(&self, handle: FileHandle) -> Result<Arc<OpenFile>> {
        self.open
            .read()
            .get(&handle.0)
            .map(Arc::clone)
            .ok_or(Error::BadHandle)
    }

    pub(super) fn insert(&self, handle: FileHandle, file: OpenFile) {
        self.open.write().insert(handle.0, Arc::new(file));
    }

    /// Something of each open file.
    pub(super) fn each<T>(&self, mut get: impl FnMut(u64, &OpenFile) -> T) -> Vec<T> {
        self.open
            .read()
            .iter()
            .map(|(handle, file)| get(*handle, file))
            .collect()
    }

    fn reader<'a>(&self, pinned: &'a mut Pinned) -> &'a Arc<dyn ReadObject> {
        pinned
            .object
            .get_or_insert_with(|| self.contents.open(&pinned.version))
    }

    /// Opens what the namespace knows; `None` if the version has to be asked for first.
    pub(super) fn try_open(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
    ) -> Option<Result<Opened>> {
        let now = self.core.clock.now();
        let mut ns = self.core.ns.lock();
        let slot = match ns.resolve(node) {
            Ok(slot) if ns.is_dir(slot) => return Some(Err(Error::IsDirectory)),
            Ok(slot) => slot,
            Err(error) => return Some(Err(error)),
        };
        if flags.write && self.core.config.read_only {
            return Some(Err(Error::ReadOnly));
        }
        if !ns.is_linked(slot) {
            // Deleted or replaced: the kernel walks the path again.
            return Some(Err(Error::Stale));
        }
        if !ns.version_is_fresh(slot, now) {
            return None;
        }
        Some(self.open_in(&mut ns, slot, handle, flags, Meta::default()))
    }

    /// Opens an inode whose version is known, or a new file.
    fn open_in(
        &self,
        ns: &mut Namespace,
        slot: Slot,
        handle: FileHandle,
        flags: OpenFlags,
        meta: Meta,
    ) -> Result<Opened> {
        let node = ns.id(slot);
        let version = ns.version(slot);
        let mut writer = None;
        if flags.write {
            let key = ns.key(slot).ok_or(Error::Stale)?;
            let base = if flags.truncate {
                None
            } else {
                version.clone()
            };
            let meta = if meta == Meta::default() {
                ns.meta(slot)
            } else {
                meta
            };
            let with = NewFile {
                metadata: posix::write(&meta, false),
            };
            let joined = self
                .writers
                .join(node, || self.contents.write(key, base, with));
            if flags.read {
                joined.object().keep_for_reading();
            }
            writer = Some(joined);
            ns.writing(slot);
            if flags.truncate {
                ns.wrote(slot, 0, self.core.clock.wall());
            }
        }
        // The page cache goes through the same writes as the object; only what others write makes it wrong.
        let same = ns.note_cached(slot);
        let keep_cache = self.core.config.kernel_cache && same;
        let mut pinned = None;
        if flags.read
            && let Some(version) = version
        {
            let pinned = pinned.insert(Pinned {
                version,
                object: None,
            });
            if !flags.write && !keep_cache {
                self.reader(pinned);
                self.fetch_ahead(ns, slot);
            }
        }
        ns.hold(slot);
        let mut file = OpenFile::new(node, flags, None, writer, false);
        *file.pinned.get_mut() = pinned;
        self.insert(handle, file);
        Ok(Opened {
            handle,
            keep_cache,
            no_flush: !flags.write,
        })
    }

    /// Fetches the neighbours of a file that is being opened: all of a small directory, and otherwise twice as many at each open that follows the order of names.
    fn fetch_ahead(&self, ns: &mut Namespace, slot: Slot) {
        let run = ns.note_open(slot);
        let small = self.core.config.small_object_size;
        let few = ns.siblings(slot) <= SMALL_DIRECTORY;
        let count = if few { SMALL_DIRECTORY } else { ahead(run) };
        let mut bytes = 0;
        let mut versions = ns.following(slot, count, small);
        versions.retain(|next| {
            bytes += next.size;
            bytes <= AHEAD_BYTES
        });
        if !versions.is_empty() {
            self.contents.prefetch(versions);
        }
    }

    /// Opens a file, asking for its version if need be.
    pub(super) async fn open(
        self: &Arc<Self>,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
    ) -> Result<Opened> {
        let opened = loop {
            if let Some(answer) = self.try_open(handle, node, flags) {
                break answer?;
            }
            self.core.refresh(node).await?;
            // With `max_stat_cache_size=0` an answer can be too old again by now only if this task slept for a second.
        };
        if flags.truncate
            && let Some(writer) = &self.get(handle)?.writer
            && let Err(error) = cut(writer, 0).await
        {
            self.release(handle).await;
            return Err(error);
        }
        Ok(opened)
    }

    /// Makes and opens a file, or opens the one that is there.
    pub(super) async fn create(
        self: &Arc<Self>,
        handle: FileHandle,
        parent: NodeId,
        name: &str,
        creator: Creator,
        flags: OpenFlags,
    ) -> Result<(Entry, Opened)> {
        loop {
            if let Some(target) = self.core.free_or(parent, name).await? {
                if flags.exclusive {
                    return Err(Error::Exists);
                }
                if target.kind == FileKind::Directory {
                    return Err(Error::IsDirectory);
                }
                let opened = self.open(handle, target.node, flags).await?;
                let mut ns = self.core.ns.lock();
                let slot = ns.resolve(target.node)?;
                return Ok((ns.entry(slot, self.core.clock.now()), opened));
            }
            if let Some(made) = self.create_new(handle, parent, name, creator, flags)? {
                return Ok(made);
            }
        }
    }

    /// Makes and opens a file where there was none; `None` if another call was faster.
    fn create_new(
        &self,
        handle: FileHandle,
        parent: NodeId,
        name: &str,
        creator: Creator,
        flags: OpenFlags,
    ) -> Result<Option<(Entry, Opened)>> {
        let mut ns = self.core.ns.lock();
        let dir = ns.directory(parent)?;
        if ns.child(dir, name).is_some() {
            return Ok(None);
        }
        ns.child_key(dir, name)?;
        let (now, wall) = (self.core.clock.now(), self.core.clock.wall());
        let meta = new_meta(creator);
        let slot = ns.created(dir, name, false, meta, (now, wall));
        let flags = OpenFlags {
            write: true,
            truncate: false,
            ..flags
        };
        let opened = self.open_in(&mut ns, slot, handle, flags, meta)?;
        Ok(Some((ns.entry(slot, now), opened)))
    }

    pub(super) fn try_read(
        &self,
        handle: FileHandle,
        offset: u64,
        len: u32,
        out: &mut Vec<Bytes>,
    ) -> Option<Result<()>> {
        let open = self.open.read();
        let Some(file) = open.get(&handle.0) else {
            return Some(Err(Error::BadHandle));
        };
        if !file.flags.read {
            return Some(Err(Error::WrongMode));
        }
        if self.writers.get(file.node).is_some() {
            return None;
        }
        let mut pinned = file.pinned.lock();
        self.reader(pinned.as_mut()?).try_read(offset, len, out)
    }

    pub(super) async fn read(
        &self,
        handle: FileHandle,
        offset: u64,
        len: u32,
    ) -> Result<Vec<Bytes>> {
        let file = self.get(handle)?;
        if !file.flags.read {
            return Err(Error::WrongMode);
        }
        if let Some(writer) = self.writers.get(file.node) {
            return Core::finish(async move {
                let _here = writer.moving.read().await;
                writer.object().read(offset, len).await
            })
            .await;
        }
        let (object, version) = match file.pinned.lock().as_mut() {
            Some(pinned) => (Arc::clone(self.reader(pinned)), pinned.version.clone()),
            None => return Ok(Vec::new()),
        };
        let result = object.read(offset, len).await;
        if let Err(Error::Stale) = &result {
            self.distrust(file.node, &version);
        }
        result
    }

    /// A read found that the version is gone: lookups ask again.
    fn distrust(&self, node: NodeId, version: &ObjectVersion) {
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(node)
            && ns
                .version(slot)
                .is_some_and(|known| known.etag == version.etag)
        {
            ns.distrust(slot);
        }
    }

    pub(super) async fn write(
        self: &Arc<Self>,
        handle: FileHandle,
        offset: u64,
        data: Bytes,
    ) -> Result<()> {
        let file = self.get(handle)?;
        let writer = Arc::clone(file.writer()?);
        let append = file.flags.append;
        let files = Arc::clone(self);
        // To its end: a writer does not outlive half a write.
        Core::finish(async move {
            let _here = writer.moving.read().await;
            let object = writer.object();
            if append {
                object.append(data).await?;
            } else {
                object.write(offset, data).await?;
            }
            files.note_size(&writer);
            Ok(())
        })
        .await
    }

    /// Tells the namespace how long a file that is being written is now.
    fn note_size(&self, writer: &Writer) {
        let size = writer.object().size();
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(writer.node) {
            ns.wrote(slot, size, self.core.clock.wall());
        }
    }

    /// Makes what was written through a handle durable.
    pub(super) async fn flush(self: &Arc<Self>, handle: FileHandle) -> Result<()> {
        let file = self.get(handle)?;
        if file.flags.write {
            self.settle(file.writer()?).await
        } else {
            Ok(())
        }
    }

    /// Makes what was written to a node durable, and shows it to everybody.
    pub(super) async fn settle(self: &Arc<Self>, writer: &Arc<Writer>) -> Result<()> {
        if !writer.object().is_dirty() {
            return Ok(());
        }
        let (files, writer) = (Arc::clone(self), Arc::clone(writer));
        Core::finish(async move {
            let _settling = writer.settling.lock().await;
            files.settle_locked(&writer).await
        })
        .await
    }

    /// The same, by who holds the writer's `settling`.
    pub(super) async fn settle_locked(&self, writer: &Writer) -> Result<()> {
        let object = writer.object();
        let linked = {
            let ns = self.core.ns.lock();
            ns.resolve(writer.node).is_ok_and(|slot| ns.is_linked(slot))
        };
        // A file without a name has nowhere to go.
        if !linked || !object.is_dirty() {
            return Ok(());
        }
        let version = object.flush().await?;
        self.publish(writer.node, &version);
        if object.is_dirty() {
            self.note_size(writer);
        }
        Ok(())
    }

    /// A node's contents are in OSS as `version` now, by this mount's doing.
    pub(super) fn publish(&self, node: NodeId, version: &ObjectVersion) {
        {
            let mut ns = self.core.ns.lock();
            if let Ok(slot) = ns.resolve(node) {
                ns.published(slot, version, self.core.clock.now());
            }
        }
        let open = self.open.read();
        for file in open
            .values()
            .filter(|file| file.node == node && file.flags.read)
        {
            let pinned = Pinned {
                version: version.clone(),
                object: None,
            };
            *file.pinned.lock() = Some(pinned);
        }
    }

    /// Closes a handle that has nothing to wait for; false: it has.
    pub(super) fn try_release(&self, handle: FileHandle) -> bool {
        let mut open = self.open.write();
        match open.get(&handle.0) {
            None => true,
            Some(file) if file.writer.is_some() => false,
            Some(file) => {
                let node = file.node;
                open.remove(&handle.0);
                drop(open);
                self.unhold(node);
                true
            }
        }
    }

    /// Closes a handle.
    pub(super) async fn release(self: &Arc<Self>, handle: FileHandle) {
        if self.try_release(handle) {
            return;
        }
        let files = Arc::clone(self);
        // An error was reported by `flush` if there was one; here nobody listens.
        let _ = Core::finish(async move {
            files.close(handle).await;
            Ok(())
        })
        .await;
    }

    async fn close(self: &Arc<Self>, handle: FileHandle) {
        let Some(file) = self.open.write().remove(&handle.0) else {
            return;
        };
        if let Some(writer) = &file.writer {
            let settled = self.settle(writer).await;
            if self.writers.leave(writer) {
                let lost = settled.is_err() || writer.object().is_dirty();
                if let Err(error) = settled {
                    tracing::error!(node = ?file.node, %error, "what was written is lost");
                }
                if lost && let Err(error) = writer.object().discard().await {
                    tracing::warn!(node = ?file.node, %error, "parts of a lost upload are left");
                }
                let mut ns = self.core.ns.lock();
                if let Ok(slot) = ns.resolve(file.node) {
                    ns.written(slot, lost, self.core.clock.now());
                }
            }
        }
        self.unhold(file.node);
    }

    fn unhold(&self, node: NodeId) {
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(node) {
            ns.unhold(slot);
        }
    }

    /// Deletes a name. A writer that is about to make the file durable comes before or finds no name.
    pub(super) async fn unlink(self: Arc<Self>, parent: NodeId, name: String) -> Result<()> {
        let target = self.core.target(parent, &name).await?;
        let writer = self.writers.get(target.node);
        let _settling = match &writer {
            Some(writer) => Some(writer.settling.lock().await),
            None => None,
        };
        self.core.unlink(parent, &name).await
    }

    /// Renames. Files that are being written are made durable first, and go on under the new name.
    pub(super) async fn rename(
        self: Arc<Self>,
        (parent, name): (NodeId, String),
        (new_parent, new_name): (NodeId, String),
        flags: RenameFlags,
    ) -> Result<()> {
        let from = self.core.target(parent, &name).await?;
        let to = self.core.free_or(new_parent, &new_name).await?;
        let to_key = {
            let ns = self.core.ns.lock();
            ns.child_key(ns.directory(new_parent)?, &new_name)?
        };
        check_rename(&from, to.as_ref(), &to_key, flags)?;
        if to.as_ref().is_some_and(|to| to.node == from.node) {
            return Ok(());
        }
        if let Some(to) = &to
            && to.kind == FileKind::Directory
        {
            self.core.check_empty(to).await?;
        }
        let moves =
            |key: &str| key == from.key || (from.key.ends_with('/') && key.starts_with(&from.key));
        let (moving, replaced) = self.concerned(&moves, to.as_ref().map(|to| to.node));
        let mut locks = Vec::new();
        for writer in &moving {
            locks.push(Arc::clone(&writer.moving).write_owned().await);
        }
        // Two renames at once lock in the same order.
        let mut all: Vec<_> = moving.iter().chain(&replaced).collect();
        all.sort_unstable_by_key(|writer| writer.node);
        let mut settling = Vec::new();
        for writer in all {
            settling.push(Arc::clone(&writer.settling).lock_owned().await);
        }
        for writer in &moving {
            self.settle_locked(writer).await?;
        }
        // Its version may be a new one now.
        let from = self.core.target(parent, &name).await?;
        let watch = self.open_keys(&moves);
        let versions = self
            .core
            .rename(&from, (new_parent, &new_name), &watch)
            .await?;
        for (node, version) in versions {
            self.publish(node, &version);
            if let Some(writer) = moving.iter().find(|writer| writer.node == node) {
                let meta = {
                    let ns = self.core.ns.lock();
                    ns.resolve(node)
                        .map(|slot| ns.meta(slot))
                        .unwrap_or_default()
                };
                let with = NewFile {
                    metadata: posix::write(&meta, false),
                };
                let key = version.key.to_string();
                writer.replace(self.contents.write(key, Some(version), with));
            }
        }
        Ok(())
    }

    /// The writers of files that move, in the order in which they are to be locked, and that of a file that goes.
    fn concerned(
        &self,
        moves: &dyn Fn(&str) -> bool,
        goes: Option<NodeId>,
    ) -> (Vec<Arc<Writer>>, Option<Arc<Writer>>) {
        let mut moving = self.writers.all();
        {
            let ns = self.core.ns.lock();
            moving.retain(|writer| {
                let key = ns.resolve(writer.node).ok().and_then(|slot| ns.key(slot));
                key.is_some_and(|key| moves(&key))
            });
        }
        moving.sort_unstable_by_key(|writer| writer.node);
        (moving, goes.and_then(|node| self.writers.get(node)))
    }

    /// The keys of open files that move.
    fn open_keys(&self, moves: &dyn Fn(&str) -> bool) -> Watch {
        let ns = self.core.ns.lock();
        let open = self.open.read();
        let keys = open.values().filter_map(|file| {
            let key = ns.key(ns.resolve(file.node).ok()?)?;
            moves(&key).then_some((key, file.node))
        });
        keys.collect()
    }

    /// Changes attributes. A new size goes through a writer; without an open one it is durable on return.
    pub(super) async fn setattr(
        self: &Arc<Self>,
        node: NodeId,
        temporary: FileHandle,
        change: SetAttr,
    ) -> Result<AttrReply> {
        self.core.writable()?;
        if let Some(size) = change.size {
            if let Some(writer) = self.writers.get(node) {
                cut(&writer, size).await?;
                self.note_size(&writer);
            } else {
                let flags = OpenFlags {
                    write: true,
                    truncate: size == 0,
                    ..OpenFlags::default()
                };
                self.open(temporary, node, flags).await?;
                let cut = self.resize(temporary, size).await;
                self.release(temporary).await;
                cut?;
            }
        }
        let now: Moment = self.core.clock.now();
        let mut ns = self.core.ns.lock();
        let slot = ns.resolve(node)?;
        if (SetAttr {
            size: None,
            ..change
        }) != SetAttr::default()
        {
            ns.set_meta(slot, &change, self.core.clock.wall());
        }
        Ok(ns.attr_reply(slot, now))
    }

    async fn resize(self: &Arc<Self>, handle: FileHandle, size: u64) -> Result<()> {
        let file = self.get(handle)?;
        let writer = file.writer()?;
        cut(writer, size).await?;
        self.note_size(writer);
        self.settle(writer).await
    }
}

/// Gives a file that is being written another size.
async fn cut(writer: &Arc<Writer>, size: u64) -> Result<()> {
    let writer = Arc::clone(writer);
    Core::finish(async move {
        let _here = writer.moving.read().await;
        let object = writer.object();
        if object.size() == size {
            Ok(())
        } else {
            object.truncate(size).await
        }
    })
    .await
}

/// How many files to fetch ahead at the `run`th open in order.
fn ahead(run: u32) -> usize {
    if run < 2 {
        0
    } else {
        AHEAD_FILES.min(1 << run.min(16))
    }
}
