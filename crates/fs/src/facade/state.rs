//! Handing what the kernel can name to a successor process.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::FileSystem;
use super::dirs::OpenDir;
use crate::namespace::NamespaceState;
use crate::types::{FileHandle, NodeId, ObjectVersion, OpenFlags, UnixNanos};

/// Node ids, open files and open directories. Plain data: whoever keeps it chooses the encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemState {
    /// Nodes.
    pub namespace: NamespaceState,
    /// Open files.
    pub files: Vec<FileState>,
    /// Open directories: handle and node.
    pub dirs: Vec<(u64, u64)>,
    /// The number of the next handle.
    pub next_handle: u64,
}

/// One open file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Its handle.
    pub handle: u64,
    /// Its node.
    pub node: u64,
    /// Opened for reading.
    pub read: bool,
    /// Opened for writing.
    pub write: bool,
    /// Opened with `O_APPEND`.
    pub append: bool,
    /// Everything written was in OSS.
    pub clean: bool,
    /// The version that reads are pinned to.
    pub pinned: Option<PinnedState>,
}

/// One pinned version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedState {
    /// See [`ObjectVersion`].
    pub key: String,
    /// See [`ObjectVersion`].
    pub etag: String,
    /// See [`ObjectVersion`].
    pub version_id: Option<String>,
    /// See [`ObjectVersion`].
    pub size: u64,
    /// See [`ObjectVersion`].
    pub mtime: UnixNanos,
    /// See [`ObjectVersion`].
    pub crc64: Option<u64>,
}

impl From<&ObjectVersion> for PinnedState {
    fn from(version: &ObjectVersion) -> Self {
        Self {
            key: version.key.to_string(),
            etag: version.etag.to_string(),
            version_id: version.version_id.as_deref().map(str::to_owned),
            size: version.size,
            mtime: version.mtime,
            crc64: version.crc64,
        }
    }
}

impl From<&PinnedState> for ObjectVersion {
    fn from(state: &PinnedState) -> Self {
        Self {
            key: state.key.as_str().into(),
            etag: state.etag.as_str().into(),
            version_id: state.version_id.as_deref().map(Into::into),
            size: state.size,
            mtime: state.mtime,
            crc64: state.crc64,
        }
    }
}

impl FileSystem {
    /// What a successor needs to go on where this process stops. For an orderly change, stop the calls and
    /// [`FileSystem::sync_all`] first; data that are not in OSS are not in the state.
    pub fn export(&self) -> FileSystemState {
        let namespace = self.core.ns.lock().export();
        let dirs = self.dirs.lock();
        let dirs = dirs.iter().map(|(handle, (node, _))| (*handle, node.get()));
        FileSystemState {
            namespace,
            files: self.files.export(),
            dirs: dirs.collect(),
            next_handle: self.next_handle.load(Ordering::Relaxed),
        }
    }

    /// Takes over what [`FileSystem::export`] gave, into a file system that has served no call yet.
    ///
    /// Attributes count as expired. A handle with data that never came to OSS fails every write and flush from now on
    /// with [`crate::Error::Lost`]: a program must not take a file with a hole for a whole one.
    pub fn restore(&self, state: &FileSystemState) {
        self.next_handle
            .store(state.next_handle.max(1), Ordering::Relaxed);
        self.core.ns.lock().import(&state.namespace);
        for file in &state.files {
            if let Some(node) = NodeId::new(file.node) {
                let flags = OpenFlags {
                    read: file.read,
                    write: file.write,
                    append: file.append,
                    ..OpenFlags::default()
                };
                let pinned = file.pinned.as_ref().map(ObjectVersion::from);
                self.files
                    .restore(FileHandle(file.handle), node, flags, pinned, file.clean);
            }
        }
        for (handle, node) in &state.dirs {
            let Some(node) = NodeId::new(*node) else {
                continue;
            };
            let mut ns = self.core.ns.lock();
            let Ok(slot) = ns.resolve(node) else { continue };
            ns.hold(slot);
            drop(ns);
            let dir = Arc::new(tokio::sync::Mutex::new(OpenDir::new(&self.core, node)));
            self.dirs.lock().insert(*handle, (node, dir));
        }
    }
}
