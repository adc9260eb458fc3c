//! Deleting and renaming files that may be open.

use std::sync::Arc;

use super::changes::{Target, check_rename};
use super::changing::{Change, Scope};
use super::files::Files;
use super::rename::Watch;
use super::writers::Writer;
use crate::error::{Error, Result};
use crate::ledger::Began;
use crate::remote::posix;
use crate::types::{FileKind, NodeId, ObjectVersion, RenameFlags};

impl Files {
    /// Deletes a name. A writer that is about to make the file an object comes before, or finds no name.
    pub(super) async fn unlink(self: Arc<Self>, parent: NodeId, name: String) -> Result<()> {
        let node = match self.core.target(parent, &name).await {
            Ok(target) => Some(target.node),
            // Perhaps by this very request.
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        let Some(node) = node else {
            return self.core.unlink(parent, &name, false).await;
        };
        // From here on nobody opens it.
        let _going = self.changes(vec![Scope::Node(node)]);
        let Some(writer) = self.writers.get(node) else {
            self.keep_for_readers(node, None).await;
            return self.core.unlink(parent, &name, false).await;
        };
        let _moving = writer.moving.write().await;
        let _settling = writer.settling.lock().await;
        self.keep_for_readers(node, Some(&writer)).await;
        // Before the object goes: a successor that does not know of that must not make it again.
        let object = writer.object();
        object.set_linked(false).await;
        let unlinked = self.core.unlink(parent, &name, object.is_stored()).await;
        object.set_linked(self.is_linked(writer.node)).await;
        unlinked
    }

    /// Renames. Files that are being written are made durable first, and go on under the new name.
    pub(super) async fn rename(
        self: Arc<Self>,
        from: (NodeId, String),
        to: (NodeId, String),
        flags: RenameFlags,
    ) -> Result<()> {
        let (from, to) = ((from.0, from.1.as_str()), (to.0, to.1.as_str()));
        match self.core.begun.before() {
            None => self.move_name(from, to, flags, None).await,
            Some(before) => match self.move_name(from, to, flags, Some(&before)).await {
                // Stale: a table that does not know yet has it copied once more.
                Err(error @ (Error::NotFound | Error::Stale)) => {
                    match self.moved_before(&before, to).await {
                        Err(Error::NotFound) => Err(error),
                        moved => moved,
                    }
                }
                moved => moved,
            },
        }
    }

    async fn move_name(
        &self,
        (parent, name): (NodeId, &str),
        (new_parent, new_name): (NodeId, &str),
        flags: RenameFlags,
        before: Option<&Began>,
    ) -> Result<()> {
        let from = self.core.to_take(parent, name, before).await?;
        let to = self.core.free_or(new_parent, new_name).await?;
        let to_key = {
            let ns = self.core.ns.lock();
            ns.child_key(ns.directory(new_parent)?, new_name)?
        };
        let flags = RenameFlags {
            // What is there may be what a former process put there.
            no_replace: flags.no_replace && before.is_none(),
            ..flags
        };
        check_rename(&from, to.as_ref(), &to_key, flags)?;
        if to.as_ref().is_some_and(|to| to.node == from.node) {
            return Ok(());
        }
        let both = || [&from].into_iter().chain(&to);
        let directories = || both().filter(|target| target.kind == FileKind::Directory);
        for target in directories() {
            self.core.take_marker(target).await?;
        }
        let mut marker = false;
        if let Some(to) = &to
            && to.kind == FileKind::Directory
        {
            marker = match self.core.check_empty(to).await {
                // By what a former process copied there already.
                Err(Error::NotEmpty) if before.is_some() => false,
                checked => checked?,
            };
        }
        let moves = |key: &str| {
            key == from.key
                || (from.key.ends_with('/') && key.starts_with(&from.key))
                || (flags.exchange && key == to_key)
        };
        let goes = to.as_ref().filter(|_| !flags.exchange);
        let scope = |target: &Target| match target.kind {
            FileKind::Directory => Scope::Below(target.key.clone()),
            _ => Scope::Node(target.node),
        };
        // From here on nobody opens what is concerned.
        let _changing = self.changes(both().map(scope).collect());
        for target in directories() {
            self.all_made(&target.key).await;
        }
        let (moving, replaced) = self.concerned(&moves, goes.map(|to| to.node));
        // Two renames at once lock in the same order.
        let mut all: Vec<_> = moving.iter().chain(&replaced).collect();
        all.sort_unstable_by_key(|writer| writer.node);
        let (mut locks, mut settling) = (Vec::new(), Vec::new());
        for writer in &all {
            locks.push(writer.moving.write().await);
        }
        for writer in &all {
            settling.push(writer.settling.lock().await);
        }
        if let Some(to) = goes {
            self.keep_for_readers(to.node, replaced.as_ref()).await;
        }
        if let Some(writer) = &replaced {
            writer.object().set_linked(false).await;
        }
        let moved = async {
            for writer in &moving {
                self.settle_locked(writer).await?;
            }
            // Its version may be a new one now.
            let from = self.core.target(parent, name).await?;
            self.core.takes(&from);
            let versions = if flags.exchange {
                let to = self.core.target(new_parent, new_name).await?;
                self.core.exchange(&from, &to).await?
            } else {
                let watch = self.open_keys(&moves);
                let place = (new_parent, new_name);
                self.core.rename(&from, place, marker, &watch).await?
            };
            for (node, version) in versions {
                self.publish(node, &version);
                if let Some(writer) = moving.iter().find(|writer| writer.node == node) {
                    self.goes_on(writer, version);
                }
            }
            Ok(())
        };
        let moved = moved.await;
        if let Some(writer) = &replaced {
            let linked = self.is_linked(writer.node);
            writer.object().set_linked(linked).await;
        }
        moved
    }

    /// The name of something changes, until what this gives is dropped.
    fn changes(&self, scopes: Vec<Scope>) -> Change<'_> {
        let ns = self.core.ns.lock();
        self.changing.begin(&ns, scopes)
    }

    /// A file that is being written goes on from a version under another key.
    fn goes_on(&self, writer: &Writer, version: ObjectVersion) {
        let meta = {
            let ns = self.core.ns.lock();
            ns.resolve(writer.node)
                .map(|slot| ns.meta(slot))
                .unwrap_or_default()
        };
        let with = posix::described(&meta);
        let key = version.key.to_string();
        writer.replace(self.contents.write(writer.node, key, Some(version), with));
    }

    /// A former process renamed what is asked for; the table may not know that yet.
    async fn moved_before(
        &self,
        before: &Began,
        (new_parent, new_name): (NodeId, &str),
    ) -> Result<()> {
        let core = &self.core;
        let there = core.target(new_parent, new_name).await?;
        let Began::Taking { node, .. } = before else {
            return Ok(());
        };
        let Some(node) = NodeId::new(*node) else {
            return Ok(());
        };
        {
            let (now, wall) = (core.clock.now(), core.clock.wall());
            let mut ns = core.ns.lock();
            let Ok(slot) = ns.resolve(node) else {
                return Ok(());
            };
            if there.node != node && ns.is_dir(slot) == (there.kind == FileKind::Directory) {
                let new_dir = ns.directory(new_parent)?;
                ns.moved(slot, new_dir, new_name, now);
                ns.touch(new_dir, wall);
                ns.renamed(slot, wall);
            }
        }
        let Some(mut version) = there.version else {
            return Ok(());
        };
        let Some(writer) = self.writers.get(node) else {
            self.publish(node, &version);
            return Ok(());
        };
        let _moving = Arc::clone(&writer.moving).write_owned().await;
        let _settling = Arc::clone(&writer.settling).lock_owned().await;
        let object = writer.object();
        if object.is_dirty() {
            // Written since, and on its way to the old key.
            let old = object.flush().await?;
            if old.key != version.key {
                let _permit = core.permit().await?;
                version = core.remote.copy(&old, &version.key, None).await?;
                core.remote.delete(&old.key).await?;
            }
        }
        self.publish(node, &version);
        self.goes_on(&writer, version);
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
