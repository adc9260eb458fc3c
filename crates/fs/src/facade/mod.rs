//! What a kernel bridge calls. See [`FileSystem`].

use bytes::Bytes;

use crate::clock::Clock;
use crate::config::FsConfig;
use crate::error::{Error, Result};
use crate::types::{
    Attr, AttrReply, Creator, DirEntry, DirHandle, Entry, FileHandle, NodeId, OpenFlags, Opened,
    RenameFlags, SetAttr, StatFs,
};

/// A mounted bucket prefix.
///
/// * A `try_*` method never waits: `None` is a miss, after which the async method of the same name is to be called.
///   `Some(Err(_))` is an answer too. Every `try_*` miss leaves all counts as they were.
/// * The async methods may be dropped at any point (an interrupted system call): nothing leaks.
/// * Names are the kernel's bytes. One that is not UTF-8 does not exist, and can't be made.
pub struct FileSystem {
    config: FsConfig,
    clock: Clock,
}

impl FileSystem {
    /// How long the kernel may keep a `NotFound` of [`FileSystem::lookup`].
    pub fn negative_ttl(&self) -> std::time::Duration {
        let _ = &self.clock;
        self.config.negative_timeout
    }

    /// [`FileSystem::lookup`] from memory.
    pub fn try_lookup(&self, parent: NodeId, name: &[u8]) -> Option<Result<Entry>> {
        let _ = (parent, name);
        None
    }

    /// The node of a name in a directory; adds 1 to its lookup count.
    pub async fn lookup(&self, parent: NodeId, name: &[u8]) -> Result<Entry> {
        let _ = (parent, name);
        Err(Error::Unsupported("lookup"))
    }

    /// Takes `count` off a node's lookup count; at 0 the node may go.
    pub fn forget(&self, node: NodeId, count: u64) {
        let _ = (node, count);
    }

    /// [`FileSystem::getattr`] from memory.
    pub fn try_getattr(
        &self,
        node: NodeId,
        handle: Option<FileHandle>,
    ) -> Option<Result<AttrReply>> {
        let _ = (node, handle);
        None
    }

    /// A node's attributes.
    pub async fn getattr(&self, node: NodeId, handle: Option<FileHandle>) -> Result<AttrReply> {
        let _ = (node, handle);
        Err(Error::Unsupported("getattr"))
    }

    /// Changes attributes; returns the new ones.
    pub async fn setattr(
        &self,
        node: NodeId,
        handle: Option<FileHandle>,
        change: SetAttr,
    ) -> Result<AttrReply> {
        let _ = (node, handle, change);
        Err(Error::Unsupported("setattr"))
    }

    /// Makes a directory; counts as a lookup of it.
    pub async fn mkdir(&self, parent: NodeId, name: &[u8], creator: Creator) -> Result<Entry> {
        let _ = (parent, name, creator);
        Err(Error::Unsupported("mkdir"))
    }

    /// Makes a regular file and opens it; counts as a lookup of it. Nothing is in OSS before `flush`.
    pub async fn create(
        &self,
        parent: NodeId,
        name: &[u8],
        creator: Creator,
        flags: OpenFlags,
    ) -> Result<(Entry, Opened)> {
        let _ = (parent, name, creator, flags);
        Err(Error::Unsupported("create"))
    }

    /// Deletes a file.
    pub async fn unlink(&self, parent: NodeId, name: &[u8]) -> Result<()> {
        let _ = (parent, name);
        Err(Error::Unsupported("unlink"))
    }

    /// Deletes an empty directory.
    pub async fn rmdir(&self, parent: NodeId, name: &[u8]) -> Result<()> {
        let _ = (parent, name);
        Err(Error::Unsupported("rmdir"))
    }

    /// Renames a file or a directory.
    pub async fn rename(
        &self,
        parent: NodeId,
        name: &[u8],
        new_parent: NodeId,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<()> {
        let _ = (parent, name, new_parent, new_name, flags);
        Err(Error::Unsupported("rename"))
    }

    /// [`FileSystem::open`] from memory.
    pub fn try_open(&self, node: NodeId, flags: OpenFlags) -> Option<Result<Opened>> {
        let _ = (node, flags);
        None
    }

    /// Opens a file. For reading it pins the object's version.
    pub async fn open(&self, node: NodeId, flags: OpenFlags) -> Result<Opened> {
        let _ = (node, flags);
        Err(Error::Unsupported("open"))
    }

    /// [`FileSystem::read`] from memory: pushes the pieces to `out` (which is left as it was on a miss).
    pub fn try_read(
        &self,
        handle: FileHandle,
        offset: u64,
        len: u32,
        out: &mut Vec<Bytes>,
    ) -> Option<Result<()>> {
        let _ = (handle, offset, len, out);
        None
    }

    /// The bytes at `offset`, up to `len` or the end of the file, in pieces; no piece is empty.
    pub async fn read(&self, handle: FileHandle, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let _ = (handle, offset, len);
        Err(Error::Unsupported("read"))
    }

    /// Takes all of `data` at `offset` (at the end, if opened for appending).
    pub async fn write(&self, handle: FileHandle, offset: u64, data: Bytes) -> Result<()> {
        let _ = (handle, offset, data);
        Err(Error::Unsupported("write"))
    }

    /// `close(2)`: what was written is durable when this returns.
    pub async fn flush(&self, handle: FileHandle) -> Result<()> {
        let _ = handle;
        Err(Error::Unsupported("flush"))
    }

    /// `fsync(2)`: what was written is durable when this returns.
    pub async fn fsync(&self, handle: FileHandle) -> Result<()> {
        let _ = handle;
        Err(Error::Unsupported("fsync"))
    }

    /// The last descriptor of the handle is gone. Data that no flush saw is flushed; its error can only be logged.
    pub async fn release(&self, handle: FileHandle) {
        let _ = handle;
    }

    /// [`FileSystem::release`] if there is nothing to wait for; false: call the async one.
    pub fn try_release(&self, handle: FileHandle) -> bool {
        let _ = handle;
        false
    }

    /// Opens a directory for listing.
    pub async fn opendir(&self, node: NodeId) -> Result<DirHandle> {
        let _ = node;
        Err(Error::Unsupported("opendir"))
    }

    /// [`FileSystem::readdir`] from memory. `None` only if the sink got nothing.
    pub fn try_readdir(
        &self,
        handle: DirHandle,
        offset: u64,
        plus: bool,
        sink: &mut (dyn FnMut(DirEntry<'_>) -> bool + Send),
    ) -> Option<Result<()>> {
        let _ = (handle, offset, plus, sink);
        None
    }

    /// Hands the entries from `offset` on to `sink`, `.` and `..` first, until it returns false (no room; that entry
    /// is not taken) or what is at hand is used up. No entry at all means the end.
    /// With `plus`, each entry that the sink takes counts as a lookup if it has [`DirEntry::entry`].
    /// The sink runs under a lock: it copies, and calls nothing of the file system.
    pub async fn readdir(
        &self,
        handle: DirHandle,
        offset: u64,
        plus: bool,
        sink: &mut (dyn FnMut(DirEntry<'_>) -> bool + Send),
    ) -> Result<()> {
        let _ = (handle, offset, plus, sink);
        Err(Error::Unsupported("readdir"))
    }

    /// Closes a directory.
    pub fn releasedir(&self, handle: DirHandle) {
        let _ = handle;
    }

    /// Figures for `df`.
    pub fn statfs(&self) -> StatFs {
        StatFs {
            block_size: 4096,
            blocks: 1 << 38,
            blocks_free: 1 << 38,
            files: 1 << 40,
            files_free: 1 << 40,
            name_max: 255,
        }
    }

    /// A directory's attributes from the configuration alone: the root's.
    pub fn root(&self) -> Result<Attr> {
        Err(Error::Unsupported("root"))
    }
}
