//! What is neither a plain file nor a directory: symlinks, FIFOs, sockets, device nodes. Each is an object whose
//! metadata say so, as ossfs 1 writes them; a symlink's bytes are the path it leads to.

use std::sync::Arc;

use bytes::Bytes;

use super::changes::new_meta;
use super::core::Core;
use super::files::Files;
use crate::error::{Error, Result};
use crate::namespace::Meta;
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
        if self.free_or(parent, &name).await?.is_some() {
            return Err(Error::Exists);
        }
        let key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(parent)?, &name)?
        };
        let wall = self.clock.wall();
        let meta = Meta {
            special: Some(node.kind),
            rdev: node.rdev,
            mtime: Some(wall),
            ..new_meta(creator)
        };
        let version = {
            let _permit = self.permit().await?;
            self.remote.put(&key, node.body, meta.clone()).await?
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
}

impl Files {
    pub(super) async fn readlink(&self, node: NodeId) -> Result<Bytes> {
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
            ns.version(slot).ok_or(Error::Stale)?
        };
        let object = self.contents.open(&version);
        let pieces = object.read(0, LONGEST_TARGET).await?;
        Ok(pieces.concat().into())
    }
}
