//! Open files from one process to the next.

use std::sync::Arc;

use super::files::{Files, OpenFile};
use super::state::FileState;
use crate::error::Result;
use crate::remote::posix;
use crate::types::{FileHandle, NodeId, ObjectVersion, OpenFlags};

impl Files {
    /// The open files.
    pub(super) fn export(&self) -> Vec<FileState> {
        self.each(|handle, file| FileState {
            handle,
            node: file.node.get(),
            read: file.flags.read,
            write: file.flags.write,
            append: file.flags.append,
            clean: file.is_clean(),
            pinned: file.version().as_ref().map(Into::into),
        })
    }

    /// Opens a handle of a former process again. Sends nothing.
    pub(super) fn restore(
        &self,
        handle: FileHandle,
        node: NodeId,
        flags: OpenFlags,
        pinned: Option<ObjectVersion>,
        clean: bool,
    ) {
        let mut ns = self.core.ns.lock();
        let Ok(slot) = ns.resolve(node) else { return };
        ns.hold(slot);
        let base = ns.version(slot);
        let mut writer = None;
        let key = ns.key(slot);
        if flags.write
            && clean
            && let (Some(key), Some(base)) = (key, base)
        {
            let with = posix::described(&ns.meta(slot));
            let join = self
                .writers
                .join(node, || self.contents.write(key, Some(base), with));
            if flags.read {
                join.object().keep_for_reading();
            }
            writer = Some(join);
            ns.writing(slot);
        }
        let lost = flags.write && writer.is_none();
        if lost && self.writers.get(node).is_none() {
            ns.written(slot, true, self.core.clock.now());
        }
        drop(ns);
        let file = OpenFile::new(node, flags, pinned, writer, lost);
        self.insert(handle, &Arc::new(file));
    }

    /// Makes durable all that was written.
    pub(super) async fn sync_all(self: &Arc<Self>) -> Result<()> {
        let mut result = Ok(());
        for writer in self.writers.all() {
            result = result.and(self.settle(&writer).await);
        }
        result.and(self.store_all().await)
    }
}
