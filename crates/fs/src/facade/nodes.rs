//! What is neither a plain file nor a directory: symlinks, FIFOs, sockets, device nodes. Each is an object whose
//! metadata say so, as ossfs 1 writes them; a symlink's bytes are the path it leads to.

use std::sync::Arc;

use bytes::Bytes;

use super::changes::new_meta;
use super::core::Core;
use super::files::Files;
use crate::config::SymlinkForm;
use crate::error::{Error, Result};
use crate::ledger::Began;
use crate::namespace::{Meta, Seen};
use crate::remote::link;
use crate::types::{Creator, Entry, FileKind, NodeId, ObjectVersion};

/// The longest path that a symlink can lead to, in bytes (`PATH_MAX`).
const LONGEST_TARGET: u32 = 4096;

/// What to make.
pub(super) struct NewNode {
    pub(super) kind: FileKind,
    /// The device's number, of device nodes.
    pub(super) rdev: u32,
    /// A symlink's target.
    pub(super) body: Bytes,
}

impl Core {
    /// Makes a node under a name that leads nowhere.
    pub(super) async fn make_node(
        self: Arc<Self>,
        parent: NodeId,
        name: String,
        creator: Creator,
        node: NewNode,
    ) -> Result<Entry> {
        if let Some(there) = self.free_or(parent, &name).await? {
            return self.made_before(&there, node.kind);
        }
        self.begun.note(&self.ledger, Began::Making);
        let key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(parent)?, &name)?
        };
        let wall = self.clock.wall();
        let mut meta = Meta {
            special: Some(node.kind),
            rdev: node.rdev,
            mtime: Some(wall),
            ..new_meta(creator)
        };
        let form = (node.kind == FileKind::Symlink).then_some(self.config.symlinks);
        if form == Some(SymlinkForm::Native)
            && let Some(target) = link::key_of(&key, &node.body, &self.config.prefix)
        {
            return self.make_link(parent, &name, (&key, &target), meta).await;
        }
        let mut body = node.body;
        if form == Some(SymlinkForm::Metadata) {
            meta.target = Some(body.as_ref().into());
            body = Bytes::new();
        }
        let version = {
            let _permit = self.permit().await?;
            self.remote.put(&key, body, meta.clone()).await?
        };
        let now = self.clock.now();
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        if ns.child(dir, &name).is_some() {
            // Another call on this mount made something here meanwhile.
            return Err(Error::Exists);
        }
        let slot = ns.created(dir, &name, false, meta, (now, wall));
        ns.published(slot, &version, now);
        let entry = ns.entry(slot, now);
        ns.written(slot, false, now);
        Ok(entry)
    }

    /// Makes one of OSS's own symlinks.
    async fn make_link(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        (key, target): (&str, &str),
        meta: Meta,
    ) -> Result<Entry> {
        let asking = self.begin();
        let facts = {
            let _permit = self.permit().await?;
            self.remote.put_link(key, target, meta).await?
        };
        let now = self.clock.now();
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        ns.touch(dir, self.clock.wall());
        let slot = ns
            .learn(dir, name, &Seen::File(facts), asking.sent())
            .ok_or(Error::NotFound)?;
        Ok(ns.entry(slot, now))
    }

    /// Stores the attributes of one of OSS's own symlinks, which can't be copied onto itself.
    pub(super) async fn store_link(self: &Arc<Self>, node: NodeId) -> Result<()> {
        self.read_link(node).await?;
        let (key, meta) = {
            let mut ns = self.ns.lock();
            let slot = ns.resolve(node)?;
            (ns.key(slot).ok_or(Error::NotFound)?, ns.meta_to_store(slot))
        };
        let path = meta.target.as_deref().unwrap_or_default();
        // What others made lead out of the mount keeps its attributes here alone.
        if let Some(target) = link::key_of(&key, path, &self.config.prefix) {
            let _permit = self.permit().await?;
            self.remote.put_link(&key, &target, meta.clone()).await?;
        }
        let mut ns = self.ns.lock();
        if let Ok(slot) = ns.resolve(node) {
            ns.meta_stored(slot, &meta, true);
        }
        Ok(())
    }

    /// Asks where one of OSS's own symlinks leads, if that is not known.
    async fn read_link(self: &Arc<Self>, node: NodeId) -> Result<()> {
        let key = {
            let ns = self.ns.lock();
            ns.unread_link(ns.resolve(node)?)
        };
        match key {
            Some(key) => self.details((node, key), Vec::new()).await,
            None => Ok(()),
        }
    }
}

impl Files {
    pub(super) async fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.core.read_link(node).await?;
        match self.target(node).await {
            Err(Error::Stale) => {
                self.core.refresh(node).await?;
                self.target(node).await
            }
            other => other,
        }
    }

    async fn target(&self, node: NodeId) -> Result<Bytes> {
        let version: ObjectVersion = {
            let ns = self.core.ns.lock();
            let slot = ns.resolve(node)?;
            if ns.attr(slot).kind != FileKind::Symlink {
                return Err(Error::InvalidArgument("not a symlink"));
            }
            if let Some(target) = ns.meta(slot).target {
                return Ok(Bytes::copy_from_slice(&target));
            }
            ns.version(slot).ok_or(Error::Stale)?
        };
        let object = self.contents.open(&version);
        let mut path = object.read(0, LONGEST_TARGET).await?.concat();
        // As ossfs does: others write one with `echo`.
        while path.last() == Some(&b'\n') {
            path.pop();
        }
        Ok(path.into())
    }
}
