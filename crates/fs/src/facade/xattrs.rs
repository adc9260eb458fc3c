//! Extended attributes: metadata of the object like modes and owners, and stored with them.

use std::sync::Arc;

use super::FileSystem;
use super::files::Files;
use super::outcomes;
use crate::error::{Error, Result};
use crate::ledger::Request;
use crate::namespace::{Namespace, Slot};
use crate::types::NodeId;
use crate::xattr::{XattrMode, Xattrs};

impl FileSystem {
    /// Whether extended attributes are kept.
    pub fn keeps_xattrs(&self) -> bool {
        self.core.config.xattrs || self.core.config.close_early
    }

    /// The value of an extended attribute.
    pub async fn getxattr(&self, node: NodeId, name: &str) -> Result<Vec<u8>> {
        if self.core.config.close_early && name == outcomes::UPLOAD {
            return self.files.upload_status(node);
        }
        let get = self
            .files
            .with_xattrs(node, |_, _, xattrs| Ok(xattrs.get(name)?.to_owned()));
        get.await
    }

    /// The names of all extended attributes, each ended by a zero byte.
    pub async fn listxattr(&self, node: NodeId) -> Result<Vec<u8>> {
        let list = self
            .files
            .with_xattrs(node, |_, _, xattrs| Ok(xattrs.names()));
        list.await
    }

    /// Sets an extended attribute. It is in OSS as other attributes are: a moment later, or at fsync.
    pub async fn setxattr(
        &self,
        node: NodeId,
        name: &str,
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        let set = self
            .files
            .change_xattrs(node, |xattrs| xattrs.set(name, value, mode));
        match set.await {
            // By this very request, when a former process had it.
            Err(Error::Exists) if Request::current().resent => {
                let there = self.getxattr(node, name).await?;
                if there == value {
                    Ok(())
                } else {
                    Err(Error::Exists)
                }
            }
            other => other,
        }
    }

    /// Removes an extended attribute.
    pub async fn removexattr(&self, node: NodeId, name: &str) -> Result<()> {
        let remove = self.files.change_xattrs(node, |xattrs| xattrs.remove(name));
        match remove.await {
            Err(Error::NoAttribute) if Request::current().resent => Ok(()),
            other => other,
        }
    }
}

impl Files {
    /// A node's attributes, or what `with` makes of them, under the namespace's lock.
    pub(super) async fn with_xattrs<R>(
        &self,
        node: NodeId,
        with: impl FnOnce(&mut Namespace, Slot, Xattrs) -> Result<R>,
    ) -> Result<R> {
        if !self.core.config.xattrs {
            return Err(Error::Unsupported(
                "extended attributes: mount with -o use_xattr",
            ));
        }
        let unknown = {
            let ns = self.core.ns.lock();
            let slot = ns.resolve(node)?;
            let key = ns.lacks_details(slot).then(|| ns.key(slot)).flatten();
            key.map(|key| (node, key))
        };
        if let Some(unknown) = unknown {
            self.core.details(unknown, Vec::new()).await?;
        }
        let mut ns = self.core.ns.lock();
        let slot = ns.resolve(node)?;
        let found = Xattrs::parse(ns.meta(slot).xattrs.as_deref());
        with(&mut ns, slot, found)
    }

    /// Changes a node's attributes, and stores them a little later.
    pub(super) async fn change_xattrs(
        self: &Arc<Self>,
        node: NodeId,
        change: impl FnOnce(&mut Xattrs) -> Result<()>,
    ) -> Result<()> {
        self.core.writable()?;
        if node == NodeId::ROOT {
            return Err(Error::Unsupported("extended attributes of the mount point"));
        }
        let wall = self.core.clock.wall();
        self.with_xattrs(node, |ns, slot, mut xattrs| {
            change(&mut xattrs)?;
            let text = xattrs.text()?;
            ns.set_xattrs(slot, text.map(Into::into), wall);
            Ok(())
        })
        .await?;
        if self.writers.get(node).is_none() {
            self.store_later(node);
        }
        Ok(())
    }
}
