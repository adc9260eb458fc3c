//! Opening files: pinning a version, and making a file.

use std::sync::Arc;

use super::ahead::Opening;
use super::changes::new_meta;
use super::files::{Files, OpenFile, cut};
use crate::error::{Error, Result};
use crate::ledger::Began;
use crate::namespace::{Meta, Namespace, Slot};
use crate::remote::posix;
use crate::types::{Creator, Entry, FileHandle, FileKind, NodeId, OpenFlags, Opened};

impl Files {
    /// Opens what the namespace knows; `None` if the version has to be asked for first.
    pub(super) fn try_open(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
    ) -> Option<Result<Opened>> {
        if let Some((_, opened)) = self.opened_again() {
            return Some(Ok(opened));
        }
        self.open_known(handle, node, flags, false)
    }

    /// Opens what the namespace knows; unless it was `asked` for during this call, only if it is young enough. `None` too
    /// while its name changes.
    fn open_known(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
        asked: bool,
    ) -> Option<Result<Opened>> {
        let mut ns = self.core.ns.lock();
        let now = self.core.clock.now();
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
        if self.changing.of(&ns, slot).is_some() {
            return None;
        }
        // Who cuts it off reads none of it.
        let readable = flags.truncate || ns.archived(slot).is_none();
        let known = readable && ns.version_is_fresh(slot, now);
        if !asked && !known {
            return None;
        }
        let (opened, file) = match self.open_in(&mut ns, slot, handle, flags, Meta::default()) {
            Ok(both) => both,
            Err(error) => return Some(Err(error)),
        };
        drop(ns);
        if flags.read && !flags.write {
            if opened.keep_cache {
                self.ahead.opened(node, Opening::Kept, || true);
            } else {
                // A small file's download begins now.
                self.object(&file, Opening::Wanted);
            }
        }
        Some(Ok(opened))
    }

    /// Opens an inode whose version is known, or a new file.
    fn open_in(
        &self,
        ns: &mut Namespace,
        slot: Slot,
        handle: FileHandle,
        flags: OpenFlags,
        meta: Meta,
    ) -> Result<(Opened, Arc<OpenFile>)> {
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
            let with = posix::described(&meta);
            let joined = self
                .writers
                .join(node, || self.contents.write(node, key, base, with));
            if flags.read {
                joined.keep_for_reading();
            }
            if flags.truncate && version.is_some() {
                // Over an object that is there nothing can be appended to: it is replaced.
                joined.object().keep_normal();
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
        ns.hold(slot);
        let pinned = version.filter(|_| flags.read);
        let file = Arc::new(OpenFile::new(node, flags, pinned, writer, false));
        Self::record(ns.batch(), handle, &file);
        self.insert(handle, &file);
        let opened = Opened {
            handle,
            keep_cache,
            no_flush: !flags.write,
        };
        Ok((opened, file))
    }

    /// Opens a file, asking for its version if need be.
    pub(super) async fn open(
        self: &Arc<Self>,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
    ) -> Result<Opened> {
        let opened = loop {
            self.unchanging(node).await;
            if let Some(answer) = self.try_open(handle, node, flags) {
                break answer?;
            }
            self.core.refresh(node).await?;
            if !flags.truncate {
                self.try_archived(node).await?;
            }
            // However little time answers hold: this one is what the call asked for.
            if let Some(known) = self.open_known(handle, node, flags, true) {
                break known?;
            }
        };
        // Another one than was given, if the request came before.
        let handle = opened.handle;
        if flags.truncate
            && let Some(writer) = &self.get(handle)?.writer
            && let Err(error) = cut(writer, 0).await
        {
            self.release(handle).await;
            return Err(error);
        }
        Ok(opened)
    }

    /// An object of an archive class that was not restored fails here rather than at the first read.
    async fn try_archived(&self, node: NodeId) -> Result<()> {
        let version = {
            let ns = self.core.ns.lock();
            ns.archived(ns.resolve(node)?)
        };
        let Some(version) = version else {
            return Ok(());
        };
        self.contents.open(&version).read(0, 1).await?;
        let mut ns = self.core.ns.lock();
        let slot = ns.resolve(node)?;
        ns.restored(slot, &version);
        Ok(())
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
        if let Some((node, opened)) = self.opened_again() {
            let mut ns = self.core.ns.lock();
            let slot = ns.resolve(node)?;
            let entry = ns.entry(slot, self.core.clock.now());
            // It was counted when the request came first.
            ns.forget(node, 1);
            return Ok((entry, opened));
        }
        loop {
            self.unchanging(parent).await;
            if let Some(target) = self.core.free_or(parent, name).await? {
                if flags.exclusive && !self.core.begun.was_making() {
                    return Err(Error::Exists);
                }
                if target.kind == FileKind::Directory {
                    return Err(Error::IsDirectory);
                }
                let opened = match self.open(handle, target.node, flags).await {
                    // It went while this call waited.
                    Err(Error::Stale) if !self.is_linked(target.node) => continue,
                    opened => opened?,
                };
                let mut ns = self.core.ns.lock();
                let slot = ns.resolve(target.node)?;
                return Ok((ns.entry(slot, self.core.clock.now()), opened));
            }
            if let Some(made) = self.create_new(handle, parent, name, creator, flags)? {
                return Ok(made);
            }
        }
    }

    /// Makes and opens a file where there was none; `None` if another call was faster, or the directory's name changes.
    pub(super) fn create_new(
        &self,
        handle: FileHandle,
        parent: NodeId,
        name: &str,
        creator: Creator,
        flags: OpenFlags,
    ) -> Result<Option<(Entry, Opened)>> {
        self.core.check_new(name)?;
        let mut ns = self.core.ns.lock();
        let dir = ns.directory(parent)?;
        if ns.child(dir, name).is_some() || self.changing.of(&ns, dir).is_some() {
            return Ok(None);
        }
        ns.child_key(dir, name)?;
        self.core.begun.note(&self.core.ledger, Began::Making);
        let (now, wall) = (self.core.clock.now(), self.core.clock.wall());
        let meta = new_meta(creator);
        let slot = ns.created(dir, name, false, meta.clone(), (now, wall));
        let flags = OpenFlags {
            write: true,
            truncate: false,
            ..flags
        };
        let (opened, _) = self.open_in(&mut ns, slot, handle, flags, meta)?;
        Ok(Some((ns.new_entry(slot, now), opened)))
    }
}
