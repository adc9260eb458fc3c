//! Reading on after the name is gone. A file lives until its last handle is closed, but OSS deletes at once: what its
//! handles can't have from here is copied to a hidden key ([`crate::hidden`]) before the name goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ossplit::NewObject;

use super::core::Core;
use super::files::{Files, OpenFile};
use super::writers::Writer;
use crate::contents::WriteObject;
use crate::error::{Error, Result};
use crate::types::{FileHandle, NodeId, ObjectVersion};

impl Files {
    /// Has those who read a file read on when its name is gone. For who holds the locks of its writer, while nobody can
    /// open it. What can't be kept is stale to them then: the name goes all the same.
    pub(super) async fn keep_for_readers(&self, node: NodeId, writer: Option<&Arc<Writer>>) {
        let readers = self.readers(node);
        if readers.is_empty() {
            return;
        }
        let kept = match writer {
            Some(writer) => self.keep_base(writer, &readers).await,
            None => self.keep_versions(node, &readers).await,
        };
        if let Err(error) = kept {
            tracing::warn!(?node, %error, "a file that is open can't be read on after its name goes");
        }
    }

    /// The handles that read a node.
    fn readers(&self, node: NodeId) -> Vec<(FileHandle, Arc<OpenFile>)> {
        let open = self.open.read();
        let readers = open
            .iter()
            .filter(|(_, file)| file.node == node && file.flags.read);
        readers
            .map(|(handle, file)| (FileHandle(*handle), Arc::clone(file)))
            .collect()
    }

    /// Of a file that is being written: reads go through its writer, which lives on for them.
    async fn keep_base(
        &self,
        writer: &Arc<Writer>,
        readers: &[(FileHandle, Arc<OpenFile>)],
    ) -> Result<()> {
        self.stay(writer.node, &writer.object(), readers);
        let object = writer.object();
        let Some(base) = object.rests_on().await? else {
            return Ok(());
        };
        if let Some(hidden) = self.hide(writer.node, &base).await? {
            object.rest_on(hidden.clone()).await;
            self.pin(writer.node, &hidden, |_| true);
        }
        Ok(())
    }

    /// Of a file that is only read.
    async fn keep_versions(
        &self,
        node: NodeId,
        readers: &[(FileHandle, Arc<OpenFile>)],
    ) -> Result<()> {
        let mut versions: Vec<ObjectVersion> = Vec::new();
        for version in readers.iter().filter_map(|(_, file)| file.version()) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        for version in versions {
            if self.contents.has(&version) {
                // Where it is now it may be dropped, and is lost with this process.
                let reader = self.contents.open(&version);
                let data = reader.read(0, version.size as u32).await?.concat();
                let key = version.key.to_string();
                let object = self.contents.write(node, key, None, NewObject::default());
                object.set_linked(false).await;
                object.write(0, data.into()).await?;
                self.stay(node, &object, readers);
                return Ok(());
            }
            if let Some(hidden) = self.hide(node, &version).await? {
                self.pin(node, &hidden, |pinned| pinned == Some(&version));
            }
        }
        Ok(())
    }

    /// Has handles that only read hold on to a writer: what it has is nowhere else.
    fn stay(
        &self,
        node: NodeId,
        object: &Arc<dyn WriteObject>,
        readers: &[(FileHandle, Arc<OpenFile>)],
    ) {
        let readers = readers.iter().filter(|(_, file)| {
            let stays = file.stays.load(Ordering::Acquire);
            file.writer.is_none() && !stays
        });
        for (handle, file) in readers {
            let writer = self.writers.join(node, || Arc::clone(object));
            file.stays.store(true, Ordering::Release);
            // It may be closed by now, and not have known.
            if self.get(*handle).is_err() && file.stays.swap(false, Ordering::AcqRel) {
                self.writers.leave(&writer);
            }
        }
    }

    /// Copies an object to a hidden key. `None` if there is nothing to copy, or nobody wants it any more.
    async fn hide(&self, node: NodeId, version: &ObjectVersion) -> Result<Option<ObjectVersion>> {
        let hidden = &self.core.hidden;
        if version.size == 0 || hidden.hides(&version.key) {
            return Ok(None);
        }
        let key = hidden.begins(self.core.clock.wall());
        let copied = {
            let _permit = self.core.permit().await?;
            self.core.remote.copy(version, &key, None).await
        };
        let copy = copied.inspect_err(|error| {
            if matches!(error, Error::Stale) {
                hidden.gone(&key);
            } else {
                // Who knows whether it was made.
                self.core.erase_later(key.clone(), None);
            }
        })?;
        hidden.is_kept(node, copy.clone());
        if self.let_go(node) {
            return Ok(None);
        }
        Ok(Some(copy))
    }

    /// Deletes what was kept for a node, if no handle is left. True if so.
    pub(super) fn let_go(&self, node: NodeId) -> bool {
        let hidden = &self.core.hidden;
        if !hidden.any() || self.open.read().values().any(|file| file.node == node) {
            return false;
        }
        for version in hidden.take(node) {
            let key = version.key.to_string();
            self.core.erase_later(key, version.version_id);
        }
        true
    }
}

impl Core {
    /// Deletes a hidden object, while nobody waits. One that can't be deleted stays in the record.
    fn erase_later(self: &Arc<Self>, key: String, version_id: Option<Arc<str>>) {
        let core = Arc::clone(self);
        let task = tokio::spawn(async move {
            let erased = async {
                let _permit = core.permit().await?;
                core.remote.erase(&key, version_id.as_deref()).await
            };
            match erased.await {
                Ok(()) => core.hidden.gone(&key),
                Err(error) => {
                    tracing::warn!(key, %error, "the object of a removed file stays until the next mount deletes it");
                }
            }
        });
        self.hidden.deletes(task);
    }
}
