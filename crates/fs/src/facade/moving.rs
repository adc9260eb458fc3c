//! Deleting and renaming files that may be open.

use std::sync::Arc;

use super::changes::check_rename;
use super::files::Files;
use super::rename::Watch;
use super::writers::Writer;
use crate::error::Result;
use crate::remote::posix;
use crate::types::{FileKind, NodeId, RenameFlags};

impl Files {
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
        let mut marker = false;
        if let Some(to) = &to
            && to.kind == FileKind::Directory
        {
            marker = self.core.check_empty(to).await?;
        }
        let moves = |key: &str| {
            key == from.key
                || (from.key.ends_with('/') && key.starts_with(&from.key))
                || (flags.exchange && key == to_key)
        };
        let goes = to.as_ref().filter(|_| !flags.exchange);
        let (moving, replaced) = self.concerned(&moves, goes.map(|to| to.node));
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
        let versions = if flags.exchange {
            let to = self.core.target(new_parent, &new_name).await?;
            self.core.exchange(&from, &to).await?
        } else {
            let watch = self.open_keys(&moves);
            let place = (new_parent, new_name.as_str());
            self.core.rename(&from, place, marker, &watch).await?
        };
        for (node, version) in versions {
            self.publish(node, &version);
            if let Some(writer) = moving.iter().find(|writer| writer.node == node) {
                let meta = {
                    let ns = self.core.ns.lock();
                    ns.resolve(node)
                        .map(|slot| ns.meta(slot))
                        .unwrap_or_default()
                };
                let with = posix::described(&meta);
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
        let keys = self.each(|_, file| {
            let key = ns.key(ns.resolve(file.node).ok()?)?;
            moves(&key).then_some((key, file.node))
        });
        keys.into_iter().flatten().collect()
    }
}
