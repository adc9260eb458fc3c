//! Opening files: pinning a version, making a file, and fetching what will be opened next.

use std::sync::Arc;

use super::changes::new_meta;
use super::files::{Files, OpenFile, Pinned, cut};
use crate::error::{Error, Result};
use crate::namespace::{Meta, Namespace, Slot};
use crate::remote::posix;
use crate::types::{Creator, Entry, FileHandle, FileKind, NodeId, OpenFlags, Opened};

/// Files fetched ahead at most, and bytes of them.
const AHEAD_FILES: usize = 32;
const AHEAD_BYTES: u64 = 32 << 20;

/// A directory of so few files is fetched as a whole when the first of them is opened.
const SMALL_DIRECTORY: usize = 8;

impl Files {
    /// Opens what the namespace knows; `None` if the version has to be asked for first.
    pub(super) fn try_open(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
    ) -> Option<Result<Opened>> {
        self.open_known(handle, node, flags, false)
    }

    /// Opens what the namespace knows; unless it was `asked` for during this call, only if it is young enough.
    fn open_known(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
        asked: bool,
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
        if !asked && !ns.version_is_fresh(slot, now) {
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
            let with = posix::described(&meta);
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
        let mut versions = ns.following(slot, count, small, few);
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
        let opened = match self.try_open(handle, node, flags) {
            Some(answer) => answer?,
            None => {
                self.core.refresh(node).await?;
                // However little time answers hold: this one is what the call asked for.
                let known = self.open_known(handle, node, flags, true);
                known.unwrap_or(Err(Error::Stale))?
            }
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

    /// Makes and opens a file if that needs no request: its name was not there a moment ago.
    pub(super) fn try_create(
        &self,
        handle: FileHandle,
        parent: NodeId,
        name: &str,
        creator: Creator,
        flags: OpenFlags,
    ) -> Option<Result<(Entry, Opened)>> {
        let now = self.core.clock.now();
        {
            let ns = self.core.ns.lock();
            let dir = ns.directory(parent).ok()?;
            if !ns.lately_absent(dir, name, now) {
                return None;
            }
        }
        self.create_new(handle, parent, name, creator, flags)
            .transpose()
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
        let slot = ns.created(dir, name, false, meta.clone(), (now, wall));
        let flags = OpenFlags {
            write: true,
            truncate: false,
            ..flags
        };
        let opened = self.open_in(&mut ns, slot, handle, flags, meta)?;
        Ok(Some((ns.entry(slot, now), opened)))
    }
}

/// How many files to fetch ahead at the `run`th open in order.
fn ahead(run: u32) -> usize {
    if run < 2 {
        0
    } else {
        AHEAD_FILES.min(1 << run.min(16))
    }
}
