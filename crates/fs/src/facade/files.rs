//! Open files.
//!
//! A handle for reading pins a version: its reads carry that version's `ETag`, whatever the name leads to by then. Only
//! what this mount itself writes to the node reaches handles that are open already, as in any file system: while a
//! node has a writer, reads go through it, and when the writer's data are in OSS the handles pin the new version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use super::ahead::{Ahead, Opening};
use super::attributes::Unstored;
use super::changing::Changing;
use super::core::Core;
use super::handover::{Opens, TEMPORARY};
use super::outcomes::Outcomes;
use super::page_cache::PageCache;
use super::pins::Pinned;
use super::writers::{Writer, Writers};
use crate::clock::Moment;
use crate::contents::Contents;
use crate::error::{Error, Result};
use crate::ledger::{Key, Request};
use crate::types::{AttrReply, FileHandle, NodeId, ObjectVersion, OpenFlags, SetAttr};

/// One open file.
pub(super) struct OpenFile {
    pub(super) node: NodeId,
    pub(super) flags: OpenFlags,
    /// What reads go to; `None` while the file is not in OSS, and on a handle that does not read.
    pub(super) pinned: Mutex<Option<Pinned>>,
    pub(super) writer: Option<Arc<Writer>>,
    /// It only reads, and what it reads is with the node's writer alone, since the name is gone: that stays for it.
    pub(super) stays: AtomicBool,
    /// A former process had data of this handle that are nowhere.
    pub(super) lost: bool,
    /// The number of the kernel's request that opened it.
    pub(super) opened_by: u64,
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
            stays: AtomicBool::new(false),
            lost,
            opened_by: Request::current().number,
        }
    }

    /// The version that reads are pinned to.
    pub(super) fn version(&self) -> Option<ObjectVersion> {
        self.pinned
            .lock()
            .as_ref()
            .map(|pinned| pinned.version.clone())
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
    pub(super) open: RwLock<HashMap<u64, Arc<OpenFile>>>,
    pub(super) ahead: Arc<Ahead>,
    pub(super) writers: Writers,
    pub(super) unstored: Unstored,
    pub(super) changing: Changing,
    pub(super) opens: Opens,
    pub(super) outcomes: Outcomes,
    pub(super) page_cache: Arc<PageCache>,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.ahead.end();
    }
}

impl Files {
    pub(super) fn new(core: Arc<Core>, contents: Arc<dyn Contents>) -> Self {
        Self {
            ahead: Ahead::new(&core, &contents),
            core,
            contents,
            open: RwLock::default(),
            writers: Writers::default(),
            unstored: Unstored::default(),
            changing: Changing::default(),
            opens: Opens::default(),
            outcomes: Outcomes::default(),
            page_cache: Arc::default(),
        }
    }

    pub(super) fn get(&self, handle: FileHandle) -> Result<Arc<OpenFile>> {
        self.open
            .read()
            .get(&handle.0)
            .map(Arc::clone)
            .ok_or(Error::BadHandle)
    }

    pub(super) fn insert(&self, handle: FileHandle, file: &Arc<OpenFile>) {
        self.open.write().insert(handle.0, Arc::clone(file));
    }

    /// Something of each open file.
    pub(super) fn each<T>(&self, mut get: impl FnMut(u64, &OpenFile) -> T) -> Vec<T> {
        self.open
            .read()
            .iter()
            .map(|(handle, file)| get(*handle, file))
            .collect()
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
        let pinned = file.pinned.lock();
        let object = pinned.as_ref()?.object.as_ref()?;
        object.try_read(offset, len, out)
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
        loop {
            if let Some(writer) = self.writers.get(file.node) {
                return Core::finish(async move {
                    let _here = writer.moving.read().await;
                    writer.object().read(offset, len).await
                })
                .await;
            }
            let Some((object, version)) = self.object(&file, Opening::Lost) else {
                return Ok(Vec::new());
            };
            let result = object.read(offset, len).await;
            if let Err(Error::Stale) = &result {
                // This mount may have moved it meanwhile.
                self.unchanging(file.node).await;
                let moved = file.version().is_some_and(|now| now != version);
                if moved || self.writers.get(file.node).is_some() {
                    continue;
                }
                self.distrust(file.node, &version);
            }
            return result;
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

    /// Makes a file at least `size` bytes long.
    pub(super) async fn allocate(self: &Arc<Self>, handle: FileHandle, size: u64) -> Result<()> {
        let file = self.get(handle)?;
        let writer = Arc::clone(file.writer()?);
        let files = Arc::clone(self);
        Core::finish(async move {
            // With nobody writing meanwhile: what others add must not be cut off.
            let _alone = writer.moving.write().await;
            let object = writer.object();
            if object.size() < size {
                object.truncate(size).await?;
                files.note_size(&writer);
            }
            Ok(())
        })
        .await
    }

    /// Tells the namespace how long a file that is being written is now.
    pub(super) fn note_size(&self, writer: &Writer) {
        let size = writer.object().size();
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(writer.node) {
            ns.wrote(slot, size, self.core.clock.wall());
        }
    }

    /// Makes what was written through a handle durable.
    pub(super) async fn sync(self: &Arc<Self>, handle: FileHandle) -> Result<()> {
        let file = self.get(handle)?;
        if file.flags.write {
            return self.settle(file.writer()?).await;
        }
        // What others write to the file counts too.
        match self.writers.get(file.node) {
            Some(writer) => self.settle(&writer).await,
            None => Ok(()),
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
        let (meta, with) = self.described(writer.node);
        let carried = object.describe(with);
        let version = object.flush().await?;
        self.publish(writer.node, &version);
        if carried {
            let mut ns = self.core.ns.lock();
            if let Ok(slot) = ns.resolve(writer.node) {
                ns.meta_stored(slot, &meta, true);
            }
        }
        if version.appendable {
            let mut ns = self.core.ns.lock();
            if let Ok(slot) = ns.resolve(writer.node) {
                ns.appended(slot);
            }
        }
        if object.is_dirty() {
            self.note_size(writer);
        }
        Ok(())
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
            self.leave(writer).await;
        } else if file.stays.swap(false, Ordering::AcqRel)
            && let Some(writer) = self.writers.get(file.node)
        {
            self.leave(&writer).await;
        }
        self.unhold(handle, file.node);
    }

    /// Ends one handle's share of a writer, and the writer if it was the last.
    pub(super) async fn leave(self: &Arc<Self>, writer: &Arc<Writer>) {
        let settled = self.settle(writer).await;
        let node = writer.node;
        self.outcomes.note(node, settled.as_ref().err());
        if !self.writers.leave(writer) {
            return;
        }
        if let Err(error) = &settled {
            tracing::error!(?node, %error, "what was written is lost");
        }
        self.end(writer, settled.is_err()).await;
    }

    /// Ends a writer that no handle has any more.
    pub(super) async fn end(self: &Arc<Self>, writer: &Writer, failed: bool) {
        let lost = failed || writer.object().is_dirty();
        if lost && let Err(error) = writer.object().discard().await {
            tracing::warn!(node = ?writer.node, %error, "parts of a lost upload are left");
        }
        self.ended(writer.node, lost);
    }

    /// A node has no writer any more.
    pub(super) fn ended(self: &Arc<Self>, node: NodeId, lost: bool) {
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(node) {
            ns.written(slot, lost, self.core.clock.now());
        }
        // The slot may be gone now.
        let unstored = ns.resolve(node).is_ok_and(|slot| ns.has_new_meta(slot));
        drop(ns);
        if unstored {
            self.store_later(node);
        }
    }

    /// A handle is closed.
    pub(super) fn unhold(&self, handle: FileHandle, node: NodeId) {
        let mut ns = self.core.ns.lock();
        if handle.0 & TEMPORARY == 0 {
            ns.batch().remove(Key::File(handle.0));
        }
        if let Ok(slot) = ns.resolve(node) {
            ns.unhold(slot);
        }
        drop(ns);
        self.let_go(node);
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
            match self.writers.get(node) {
                None => self.store_later(node),
                Some(writer) if change.chosen => writer.object().keep_normal(),
                Some(_) => {}
            }
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
pub(super) async fn cut(writer: &Arc<Writer>, size: u64) -> Result<()> {
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
