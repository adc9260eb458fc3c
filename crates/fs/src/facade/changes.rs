//! Making, deleting and renaming names.
//!
//! A change runs to its end even if the call that wanted it is given up: otherwise OSS and the namespace could differ.

use std::sync::Arc;

use super::core::Core;
use crate::error::{Error, Result};
use crate::ledger::{Began, Request};
use crate::namespace::{Meta, Namespace, Slot, names};
use crate::remote::ListRequest;
use crate::types::{Creator, Entry, FileKind, NodeId, ObjectVersion, RenameFlags};

/// What a name was found to be before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) node: NodeId,
    pub(super) kind: FileKind,
    /// The key, with a trailing `/` for a directory.
    pub(super) key: String,
    /// The version in OSS; `None` for a directory and for a file that never came there.
    pub(super) version: Option<ObjectVersion>,
}

impl Target {
    /// The version's; empty if there is none.
    fn etag(&self) -> &str {
        self.version.as_ref().map_or("", |version| &version.etag)
    }
}

impl Core {
    /// Runs a change to its end, whatever becomes of the caller.
    pub(super) async fn finish<T: Send + 'static>(
        change: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match tokio::spawn(Request::current().run(change)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is going down.
            Err(_) => Err(Error::BadHandle),
        }
    }

    pub(super) fn writable(&self) -> Result<()> {
        if self.config.read_only {
            Err(Error::ReadOnly)
        } else {
            Ok(())
        }
    }

    /// What a name is, for a change: what the kernel looked up a moment ago counts.
    pub(super) async fn target(self: &Arc<Self>, parent: NodeId, name: &str) -> Result<Target> {
        {
            let ns = self.ns.lock();
            let dir = ns.directory(parent)?;
            let now = self.clock.now();
            if let Some(slot) = ns.child(dir, name)
                && ns.attr_is_fresh(slot, now)
            {
                return target(&ns, slot);
            }
        }
        self.settle(parent, name, |ns, slot| target(ns, slot))
            .await?
    }

    /// Fails if an object of this name would stand for a directory of another one.
    pub(super) fn check_new(&self, name: &str) -> Result<()> {
        if self.stands_for_a_directory(name) {
            return Err(Error::InvalidName("it stands for a directory"));
        }
        Ok(())
    }

    /// What a name is, or `None`; for making something there.
    pub(super) async fn free_or(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
    ) -> Result<Option<Target>> {
        self.check_new(name)?;
        {
            let ns = self.ns.lock();
            let dir = ns.directory(parent)?;
            ns.child_key(dir, name)?;
            if ns.lately_absent(dir, name, self.clock.now()) {
                return Ok(None);
            }
        }
        match self.target(parent, name).await {
            Ok(target) => Ok(Some(target)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a directory's marker object.
    pub(super) async fn mkdir(
        self: Arc<Self>,
        parent: NodeId,
        name: String,
        creator: Creator,
    ) -> Result<Entry> {
        if let Some(there) = self.free_or(parent, &name).await? {
            return self.made_before(&there, FileKind::Directory);
        }
        let key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(parent)?, &format!("{name}/"))?
        };
        let meta = new_meta(creator);
        self.begun.note(&self.ledger, Began::Making);
        {
            let _permit = self.permit().await?;
            self.remote.put_marker(&key, meta.clone()).await?;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        let slot = match ns.child(dir, &name) {
            Some(slot) if ns.is_dir(slot) => slot,
            // A file came between: it hides the directory.
            Some(_) => return Err(Error::Exists),
            None => ns.created(dir, &name, true, meta, (now, wall)),
        };
        Ok(ns.entry(slot, now))
    }

    /// A name that is wanted exists: fine if the same request, sent to a former process, made it.
    pub(super) fn made_before(&self, there: &Target, kind: FileKind) -> Result<Entry> {
        let mut ns = self.ns.lock();
        let slot = ns.resolve(there.node)?;
        if !self.begun.was_making() || ns.attr(slot).kind != kind {
            return Err(Error::Exists);
        }
        Ok(ns.entry(slot, self.clock.now()))
    }

    /// What a name is that is to go or to move. If the same request, sent to a former process, did that, it is not
    /// found, even if another one came in its place since.
    pub(super) async fn to_take(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        before: Option<&Began>,
    ) -> Result<Target> {
        let target = self.target(parent, name).await?;
        match before {
            Some(Began::Taking { node, etag })
                if *node != target.node.get() && etag != target.etag() =>
            {
                Err(Error::NotFound)
            }
            _ => Ok(target),
        }
    }

    /// Notes that a name is about to go or to move.
    pub(super) fn takes(&self, target: &Target) {
        let began = Began::Taking {
            node: target.node.get(),
            etag: target.etag().to_owned(),
        };
        self.begun.note(&self.ledger, began);
    }

    /// Deletes a directory that has nothing in it.
    pub(super) async fn rmdir(self: Arc<Self>, parent: NodeId, name: String) -> Result<()> {
        let before = self.begun.before();
        match self.take_dir(parent, &name, before.as_ref()).await {
            Err(Error::NotFound) if before.is_some() => self.took_before(parent, &name),
            taken => taken,
        }
    }

    async fn take_dir(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        before: Option<&Began>,
    ) -> Result<()> {
        let target = self.to_take(parent, name, before).await?;
        if target.kind != FileKind::Directory {
            return Err(Error::NotDirectory);
        }
        let marked = self.check_empty(&target).await?;
        self.takes(&target);
        self.drop_other_markers(&target).await?;
        if marked {
            let _permit = self.permit().await?;
            self.remote.delete(&target.key).await?;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        ns.removed(dir, name, now);
        ns.touch(dir, wall);
        Ok(())
    }

    /// Deletes the objects that stand for a directory beside its marker.
    async fn drop_other_markers(&self, target: &Target) -> Result<()> {
        let keys = {
            let ns = self.ns.lock();
            ns.other_markers(ns.resolve(target.node)?)
        };
        for key in &keys {
            let _permit = self.permit().await?;
            match self.remote.head(key).await? {
                // Others put bytes there since.
                Some(facts) if facts.size > 0 => return Err(Error::NotEmpty),
                Some(_) => self.remote.delete(key).await?,
                None => {}
            }
        }
        if !keys.is_empty() {
            let mut ns = self.ns.lock();
            let slot = ns.resolve(target.node)?;
            ns.no_other_markers(slot);
        }
        Ok(())
    }

    /// Has a directory that others made in their way one of our markers instead, which moves along with it.
    pub(super) async fn take_marker(&self, target: &Target) -> Result<()> {
        let (any, meta) = {
            let ns = self.ns.lock();
            let slot = ns.resolve(target.node)?;
            (!ns.other_markers(slot).is_empty(), ns.meta(slot))
        };
        if !any {
            return Ok(());
        }
        let marked = {
            let _permit = self.permit().await?;
            self.remote.head(&target.key).await?.is_some()
        };
        if !marked {
            let _permit = self.permit().await?;
            self.remote.put_marker(&target.key, meta).await?;
        }
        self.drop_other_markers(target).await
    }

    /// A former process took a name away; the table may not know that yet.
    fn took_before(&self, parent: NodeId, name: &str) -> Result<()> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        if ns.child(dir, name).is_none() {
            ns.removed(dir, name, now);
            ns.touch(dir, wall);
        }
        Ok(())
    }

    /// Fails unless a directory is empty; tells whether it has a marker.
    pub(super) async fn check_empty(&self, target: &Target) -> Result<bool> {
        let request = ListRequest {
            prefix: target.key.clone(),
            max_keys: 2,
            ..ListRequest::default()
        };
        let page = self.list(request).await?;
        if page.objects.iter().any(|(key, _)| *key != target.key) {
            return Err(Error::NotEmpty);
        }
        let ns = self.ns.lock();
        let dir = ns.directory(target.node)?;
        if !ns.local_children(dir).is_empty() {
            return Err(Error::NotEmpty);
        }
        Ok(!page.objects.is_empty())
    }

    /// Deletes a file's object, if it has one (`stored`: surely), and its name.
    pub(super) async fn unlink(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        stored: bool,
    ) -> Result<()> {
        let before = self.begun.before();
        match self.take_file(parent, name, stored, before.as_ref()).await {
            Err(Error::NotFound) if before.is_some() => self.took_before(parent, name),
            taken => taken,
        }
    }

    async fn take_file(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        stored: bool,
        before: Option<&Began>,
    ) -> Result<()> {
        let target = self.to_take(parent, name, before).await?;
        if target.kind == FileKind::Directory {
            return Err(Error::IsDirectory);
        }
        self.takes(&target);
        if stored || target.version.is_some() {
            let _permit = self.permit().await?;
            if let Err(error) = self.remote.delete(&target.key).await {
                // Perhaps it took effect.
                let mut ns = self.ns.lock();
                let dir = ns.directory(parent)?;
                ns.unsure(dir, name);
                return Err(error);
            }
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut ns = self.ns.lock();
        let dir = ns.directory(parent)?;
        ns.removed(dir, name, now);
        ns.touch(dir, wall);
        Ok(())
    }
}

/// The checks that `rename` makes before anything moves.
pub(super) fn check_rename(
    from: &Target,
    to: Option<&Target>,
    to_key: &str,
    flags: RenameFlags,
) -> Result<()> {
    if flags.exchange {
        return match to {
            None => Err(Error::NotFound),
            Some(to) if from.kind == FileKind::Directory || to.kind == FileKind::Directory => Err(
                Error::InvalidArgument("RENAME_EXCHANGE of a directory: OSS can't swap prefixes"),
            ),
            Some(_) => Ok(()),
        };
    }
    let directory = from.kind == FileKind::Directory;
    if directory && format!("{to_key}/").starts_with(&from.key) && to_key.len() >= from.key.len() {
        return Err(Error::IntoItself);
    }
    match to {
        Some(_) if flags.no_replace => Err(Error::Exists),
        Some(to) if directory && to.kind != FileKind::Directory => Err(Error::NotDirectory),
        Some(to) if !directory && to.kind == FileKind::Directory => Err(Error::IsDirectory),
        _ => Ok(()),
    }
}

fn target(ns: &Namespace, slot: Slot) -> Result<Target> {
    Ok(Target {
        node: ns.id(slot),
        kind: if ns.is_dir(slot) {
            FileKind::Directory
        } else {
            FileKind::File
        },
        key: ns.key(slot).ok_or(Error::NotFound)?,
        version: ns.version(slot),
    })
}

/// Who made an entry, and with which mode.
pub(super) fn new_meta(creator: Creator) -> Meta {
    Meta {
        mode: Some(creator.mode & 0o7777),
        uid: Some(creator.uid),
        gid: Some(creator.gid),
        ..Meta::default()
    }
}

/// The name of something to be made, as a string of its own.
pub(super) fn new_name(name: &[u8]) -> Result<String> {
    names::new_name(name).map(str::to_owned)
}
