//! Making, writing and closing files where nothing has to be waited for: on the thread that took the request from the
//! kernel. A program that writes many small files waits for a task only where OSS has to be asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::Files;
use crate::error::Result;
use crate::ledger::Request;
use crate::types::{Creator, Entry, FileHandle, NodeId, OpenFlags, Opened};

impl Files {
    /// Makes and opens a file where the name is known to lead nowhere.
    pub(super) fn try_create(
        &self,
        handle: FileHandle,
        parent: NodeId,
        name: &str,
        creator: Creator,
        flags: OpenFlags,
    ) -> Option<Result<(Entry, Opened)>> {
        if Request::current().resent {
            return None;
        }
        {
            let ns = self.core.ns.lock();
            let dir = ns.directory(parent).ok()?;
            if !ns.lately_absent(dir, name, self.core.clock.now()) {
                return None;
            }
        }
        self.create_new(handle, parent, name, creator, flags)
            .transpose()
    }

    /// Takes all of `data` if it is a copy into memory; false: nothing changed.
    pub(super) fn try_write(&self, handle: FileHandle, offset: u64, data: &[u8]) -> bool {
        let Ok(file) = self.get(handle) else {
            return false;
        };
        let Some(writer) = &file.writer else {
            return false;
        };
        let Ok(_here) = writer.moving.try_read() else {
            return false;
        };
        let offset = (!file.flags.append).then_some(offset);
        let written = writer.object().try_write(offset, data);
        if written {
            self.note_size(writer);
        }
        written
    }

    /// Closes a handle that has nothing to wait for; false: it has.
    pub(super) fn try_release(self: &Arc<Self>, handle: FileHandle) -> bool {
        let file = {
            let mut open = self.open.write();
            let dirty = match open.get(&handle.0) {
                None => return true,
                Some(file) if file.stays.load(Ordering::Acquire) => return false,
                Some(file) => file
                    .writer
                    .as_ref()
                    .map(|writer| writer.object().is_dirty()),
            };
            if dirty == Some(true) {
                return false;
            }
            open.remove(&handle.0)
        };
        let Some(file) = file else { return true };
        if let Some(writer) = &file.writer {
            self.outcomes.note(file.node, None);
            if self.writers.leave(writer) {
                if writer.object().is_dirty() {
                    // By another handle, which could not store it and was closed since.
                    let (files, writer) = (Arc::clone(self), Arc::clone(writer));
                    tokio::spawn(async move { files.end(&writer, true).await });
                } else {
                    self.ended(file.node, false);
                }
            }
        }
        self.unhold(handle, file.node);
        true
    }
}
