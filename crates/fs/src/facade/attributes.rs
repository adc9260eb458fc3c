//! Attributes on their way to OSS.
//!
//! An attribute is metadata of an object, and new metadata cost a copy of the object onto itself, however small the
//! change. Programs change several in a row (`cp -p`, `rsync -a`, `tar x`), so a change waits a moment for the others.
//! A file that is being written takes its attributes along with its bytes, and a renamed one with its copy: they cost
//! nothing then. fsync does not wait.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;
use ossplit::NewObject;
use parking_lot::Mutex;

use super::core::Core;
use super::files::Files;
use crate::error::{Error, Result};
use crate::namespace::Meta;
use crate::remote::{NewMeta, posix};
use crate::types::NodeId;

/// How long a change waits for others.
const WAIT: Duration = Duration::from_secs(1);

/// Nodes whose attributes are to be stored.
#[derive(Default)]
pub(super) struct Unstored {
    nodes: Mutex<HashSet<NodeId>>,
    /// Whether a task waits for its time to store them.
    waiting: Mutex<bool>,
    /// Held while they are stored: who waits for all waits also for those that another call took in hand.
    storing: tokio::sync::Mutex<()>,
}

impl Files {
    /// What a node's object is to be written with.
    pub(super) fn described(&self, node: NodeId) -> (Meta, NewObject) {
        let mut ns = self.core.ns.lock();
        let meta = match ns.resolve(node) {
            Ok(slot) => ns.meta_to_store(slot),
            Err(_) => Meta::default(),
        };
        drop(ns);
        let with = posix::described(&meta);
        (meta, with)
    }

    /// Stores a node's new attributes a little later.
    pub(super) fn store_later(self: &Arc<Self>, node: NodeId) {
        self.unstored.nodes.lock().insert(node);
        let mut waiting = self.unstored.waiting.lock();
        if *waiting {
            return;
        }
        *waiting = true;
        let files = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(WAIT).await;
            *files.unstored.waiting.lock() = false;
            // What failed is in the log; nobody waits for it.
            let _ = files.store_all().await;
        });
    }

    /// Stores all new attributes.
    pub(super) async fn store_all(self: &Arc<Self>) -> Result<()> {
        let _storing = self.unstored.storing.lock().await;
        let nodes: Vec<NodeId> = self.unstored.nodes.lock().drain().collect();
        let stores = nodes.into_iter().map(|node| self.store(node));
        let done = futures_util::future::join_all(stores).await;
        done.into_iter().collect()
    }

    /// Stores a node's new attributes now, if it has any.
    pub(super) async fn store(self: &Arc<Self>, node: NodeId) -> Result<()> {
        self.unstored.nodes.lock().remove(&node);
        let (dir, link) = {
            let ns = self.core.ns.lock();
            match ns.resolve(node) {
                Ok(slot) if ns.is_linked(slot) && ns.has_new_meta(slot) => {
                    (ns.is_dir(slot), ns.is_link(slot))
                }
                _ => return Ok(()),
            }
        };
        let files = Arc::clone(self);
        let stored = Core::finish(async move {
            if dir {
                files.store_directory(node).await
            } else if link {
                files.core.store_link(node).await
            } else {
                files.store_file(node).await
            }
        });
        match stored.await {
            // It was deleted meanwhile, and they with it.
            Err(_) if !self.is_linked(node) => Ok(()),
            Err(error) => {
                tracing::warn!(?node, %error, "attributes could not be stored");
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether a node has a name.
    pub(super) fn is_linked(&self, node: NodeId) -> bool {
        let ns = self.core.ns.lock();
        ns.resolve(node).is_ok_and(|slot| ns.is_linked(slot))
    }

    async fn store_directory(&self, node: NodeId) -> Result<()> {
        let (key, meta) = {
            let mut ns = self.core.ns.lock();
            let slot = ns.directory(node)?;
            (ns.key(slot).ok_or(Error::NotFound)?, ns.meta_to_store(slot))
        };
        if key.is_empty() || !key.ends_with('/') {
            return Ok(());
        }
        {
            let _permit = self.core.permit().await?;
            self.core.remote.put_marker(&key, meta.clone()).await?;
        }
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(node) {
            ns.meta_stored(slot, &meta, true);
        }
        Ok(())
    }

    /// Copies a file onto itself, with nobody writing meanwhile.
    async fn store_file(self: Arc<Self>, node: NodeId) -> Result<()> {
        let writer = {
            let ns = self.core.ns.lock();
            let slot = ns.resolve(node)?;
            let (Some(key), version) = (ns.key(slot), ns.version(slot)) else {
                return Ok(());
            };
            if version.is_none() && self.writers.get(node).is_none() {
                // It never came to OSS.
                return Ok(());
            }
            let with = posix::described(&ns.meta(slot));
            self.writers
                .join(node, || self.contents.write(node, key, version, with))
        };
        let stored = async {
            let _moving = Arc::clone(&writer.moving).write_owned().await;
            let _settling = Arc::clone(&writer.settling).lock_owned().await;
            // Bytes that are on their way take the attributes along.
            self.settle_locked(&writer).await?;
            let (from, with) = {
                let mut ns = self.core.ns.lock();
                let slot = ns.resolve(node)?;
                if !(ns.is_linked(slot) && ns.has_new_meta(slot)) {
                    return Ok(());
                }
                let Some(version) = ns.version(slot) else {
                    return Ok(());
                };
                let meta = ns.meta_to_store(slot);
                let own = ns.is_own(slot);
                (version, NewMeta { meta, own })
            };
            let version = {
                let _permit = self.core.permit().await?;
                self.core
                    .remote
                    .copy(&from, &from.key, Some(with.clone()))
                    .await?
            };
            self.publish(node, &version);
            {
                let mut ns = self.core.ns.lock();
                if let Ok(slot) = ns.resolve(node) {
                    ns.meta_stored(slot, &with.meta, with.own);
                }
            }
            let file = posix::described(&with.meta);
            let key = version.key.to_string();
            writer.replace(self.contents.write(node, key, Some(version), file));
            Ok(())
        };
        let stored = stored.await;
        self.leave(&writer).await;
        stored
    }
}
