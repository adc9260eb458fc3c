//! What a kernel bridge calls. See [`FileSystem`].

mod ahead;
mod at_once;
mod attributes;
mod changes;
mod changing;
mod core;
mod details;
mod dirs;
mod files;
mod given;
mod guess;
mod handover;
mod moving;
mod nodes;
mod opening;
mod outcomes;
mod page_cache;
mod pages;
mod pins;
mod rename;
mod spread;
mod stream;
mod unlinked;
mod writers;
mod xattrs;

pub use self::ahead::PrefetchList;
pub use self::page_cache::PageSink;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use self::changes::new_name;
use self::core::Core;
use self::dirs::OpenDir;
use self::files::Files;
use self::given::Given;
use self::handover::{Opens, TEMPORARY};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::FsConfig;
use crate::contents::{Contents, Objects};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::ledger::{Key, Ledger, Request, ResumeError, Vault};
use crate::namespace::{Known, Slot, names};
use crate::remote::{Bucket, Remote};
use crate::types::{
    Attr, AttrReply, Creator, DirEntry, DirHandle, Entry, FileHandle, FileKind, NodeId, OpenFlags,
    Opened, RenameFlags, SetAttr, StatFs,
};
use crate::write::LeftWriter;

/// An open directory with its node. Reads of one handle come one at a time.
type SharedDir = (NodeId, Arc<tokio::sync::Mutex<OpenDir>>);

/// A mounted bucket prefix.
///
/// * A `try_*` method never waits: `None` is a miss, after which the async method of the same name is to be called.
///   `Some(Err(_))` is an answer too. Every `try_*` miss leaves all counts as they were.
/// * The async methods may be dropped at any point (an interrupted system call): nothing leaks.
/// * Names are the kernel's bytes. One that is not UTF-8 does not exist, and can't be made.
pub struct FileSystem {
    core: Arc<Core>,
    files: Arc<Files>,
    dirs: Mutex<HashMap<u64, SharedDir>>,
    opens: Opens,
    /// The number of the next handle, of files and directories alike.
    next_handle: AtomicU64,
}

impl FileSystem {
    /// A mount of `context.config.bucket`. To be made on the runtime that serves it. Sends nothing yet.
    pub fn new(context: &Arc<Context>) -> Self {
        Self::over(context, hashbrown::HashMap::new())
    }

    fn over(context: &Arc<Context>, left: hashbrown::HashMap<NodeId, LeftWriter>) -> Self {
        let remote = Arc::new(Bucket::new(context));
        let contents = Arc::new(Objects::new(Arc::clone(context), left));
        let config = FsConfig::clone(&context.config);
        let (budget, clock) = (context.budget.clone(), context.clock.clone());
        let (ledger, hidden) = (context.ledger(), Arc::clone(&context.hidden));
        Self::with_parts(config, remote, contents, budget, clock, ledger, hidden)
    }

    /// As [`FileSystem::new`], with everything that a successor needs to go on kept in files that `vault` holds.
    pub fn with_vault(context: &Arc<Context>, vault: Arc<dyn Vault>) -> std::io::Result<Self> {
        let ledger = Ledger::create(vault, context.budget.clone())?;
        // Nobody else sets it: a context is for one mount.
        let _ = context.ledger.set(ledger);
        Ok(Self::new(context))
    }

    /// Goes on where a process that died or stopped left off: `files` are those that its vault held, by name. The same
    /// requests that it had not answered may come again.
    pub fn resume(
        context: &Arc<Context>,
        vault: Arc<dyn Vault>,
        files: HashMap<String, OwnedFd>,
    ) -> std::result::Result<Self, ResumeError> {
        let (ledger, mut left) = Ledger::open(vault, context.budget.clone(), files)?;
        let _ = context.ledger.set(ledger.clone());
        let writers = LeftWriter::all(context, &mut left)?;
        let fs = Self::over(context, writers);
        fs.take_over(&ledger, &mut left)?;
        Ok(fs)
    }

    /// Runs a call for one request of the kernel: `number` identifies it, and `resent` says that a former process had
    /// it and may have carried it out. What took effect already is not done twice.
    pub async fn once<T>(&self, request: Request, call: impl Future<Output = T>) -> T {
        request.run(call).await
    }

    pub(crate) fn with_parts(
        config: FsConfig,
        remote: Arc<dyn Remote>,
        contents: Arc<dyn Contents>,
        budget: Budget,
        clock: Clock,
        ledger: Ledger,
        hidden: Arc<Hidden>,
    ) -> Self {
        let core = Core::new(config, remote, budget, clock, (ledger, hidden));
        Self {
            files: Arc::new(Files::new(Arc::clone(&core), contents)),
            core,
            dirs: Mutex::default(),
            opens: Opens::default(),
            next_handle: AtomicU64::new(1),
        }
    }

    /// From now on large objects that will be needed whole may be put into the kernel's page cache ahead of their reads.
    ///
    /// Not for a process whose death must end its mount: one that is killed while the kernel takes bytes stays until the
    /// reads of the same pages are answered, which somebody else has to do.
    pub fn push_pages_to(&self, sink: Arc<dyn PageSink>) {
        self.files.page_cache.open(sink);
    }

    /// Puts nothing into the page cache any more: reads are about to be answered by nobody.
    pub fn stop_pushing(&self) {
        self.files.page_cache.close();
    }

    fn dir(&self, handle: DirHandle) -> Result<Arc<tokio::sync::Mutex<OpenDir>>> {
        let dirs = self.dirs.lock();
        dirs.get(&handle.0)
            .map(|(_, dir)| Arc::clone(dir))
            .ok_or(Error::BadHandle)
    }

    fn new_handle(&self) -> u64 {
        let kept = self.core.ledger.next_number();
        kept.unwrap_or_else(|| self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// How long the kernel may keep a `NotFound` of [`FileSystem::lookup`].
    pub fn negative_ttl(&self) -> std::time::Duration {
        if self.core.config.always_ask() {
            return std::time::Duration::ZERO;
        }
        self.core.config.negative_timeout
    }

    /// [`FileSystem::lookup`] from memory.
    pub fn try_lookup(&self, parent: NodeId, name: &[u8]) -> Option<Result<Entry>> {
        let name = match names::wanted(name) {
            Ok(name) => name,
            Err(error) => return Some(Err(error)),
        };
        let now = self.core.clock.now();
        let mut ns = self.core.ns.lock();
        let dir = match ns.directory(parent) {
            Ok(dir) => dir,
            Err(error) => return Some(Err(error)),
        };
        match ns.known(dir, name, now) {
            Known::Here(slot) if ns.lacks_details(slot) => None,
            Known::Here(slot) => Some(Ok(ns.entry(slot, now))),
            Known::Absent => Some(Err(Error::NotFound)),
            Known::Unknown => None,
        }
    }

    /// The node of a name in a directory; adds 1 to its lookup count.
    pub async fn lookup(&self, parent: NodeId, name: &[u8]) -> Result<Entry> {
        let name = names::wanted(name)?;
        let clock = self.core.clock.clone();
        self.core
            .settle(parent, name, |ns, slot| ns.entry(slot, clock.now()))
            .await
    }

    /// Takes `count` off a node's lookup count; at 0 the node may go.
    pub fn forget(&self, node: NodeId, count: u64) {
        self.core.ns.lock().forget(node, count);
    }

    /// [`FileSystem::getattr`] from memory.
    pub fn try_getattr(
        &self,
        node: NodeId,
        handle: Option<FileHandle>,
    ) -> Option<Result<AttrReply>> {
        let _ = handle;
        let now = self.core.clock.now();
        let ns = self.core.ns.lock();
        match ns.resolve(node) {
            Err(error) => Some(Err(error)),
            Ok(slot) if ns.attr_is_fresh(slot, now) => Some(Ok(ns.attr_reply(slot, now))),
            Ok(_) => None,
        }
    }

    /// A node's attributes.
    pub async fn getattr(&self, node: NodeId, handle: Option<FileHandle>) -> Result<AttrReply> {
        if let Some(known) = self.try_getattr(node, handle) {
            return known;
        }
        self.core.refresh(node).await?;
        let ns = self.core.ns.lock();
        let slot = ns.resolve(node)?;
        Ok(ns.attr_reply(slot, self.core.clock.now()))
    }

    /// Changes attributes; returns the new ones.
    pub async fn setattr(
        &self,
        node: NodeId,
        handle: Option<FileHandle>,
        change: SetAttr,
    ) -> Result<AttrReply> {
        let _ = handle;
        let temporary = FileHandle(self.new_handle() | TEMPORARY);
        self.files.setattr(node, temporary, change).await
    }

    /// Makes a directory; counts as a lookup of it.
    pub async fn mkdir(&self, parent: NodeId, name: &[u8], creator: Creator) -> Result<Entry> {
        self.core.writable()?;
        let (files, core) = (Arc::clone(&self.files), Arc::clone(&self.core));
        let name = new_name(name)?;
        let change = async move {
            let _making = files.making(parent).await;
            core.mkdir(parent, name, creator).await
        };
        Core::finish(change).await
    }

    /// Makes a FIFO, a socket or a device node; counts as a lookup of it.
    pub async fn mknod(
        &self,
        parent: NodeId,
        name: &[u8],
        creator: Creator,
        (kind, rdev): (FileKind, u32),
    ) -> Result<Entry> {
        self.core.writable()?;
        let node = nodes::NewNode {
            kind,
            rdev,
            body: Bytes::new(),
        };
        self.make_node(parent, new_name(name)?, creator, node).await
    }

    /// Makes a symlink; counts as a lookup of it.
    pub async fn symlink(
        &self,
        parent: NodeId,
        name: &[u8],
        target: &[u8],
        creator: Creator,
    ) -> Result<Entry> {
        self.core.writable()?;
        let node = nodes::NewNode {
            kind: FileKind::Symlink,
            rdev: 0,
            body: Bytes::copy_from_slice(target),
        };
        self.make_node(parent, new_name(name)?, creator, node).await
    }

    async fn make_node(
        &self,
        parent: NodeId,
        name: String,
        creator: Creator,
        node: nodes::NewNode,
    ) -> Result<Entry> {
        let (files, core) = (Arc::clone(&self.files), Arc::clone(&self.core));
        let change = async move {
            let _making = files.making(parent).await;
            core.make_node(parent, name, creator, node).await
        };
        Core::finish(change).await
    }

    /// The path that a symlink leads to.
    pub async fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.files.readlink(node).await
    }

    /// [`FileSystem::create`] if the name is known to lead nowhere.
    pub fn try_create(
        &self,
        parent: NodeId,
        name: &[u8],
        creator: Creator,
        flags: OpenFlags,
    ) -> Option<Result<(Entry, Opened)>> {
        self.core.writable().ok()?;
        let name = names::new_name(name).ok()?;
        let handle = FileHandle(self.new_handle());
        self.files.try_create(handle, parent, name, creator, flags)
    }

    /// Makes a regular file and opens it; counts as a lookup of it. Nothing is in OSS before `flush`.
    pub async fn create(
        &self,
        parent: NodeId,
        name: &[u8],
        creator: Creator,
        flags: OpenFlags,
    ) -> Result<(Entry, Opened)> {
        self.core.writable()?;
        let handle = FileHandle(self.new_handle());
        self.files
            .create(handle, parent, names::new_name(name)?, creator, flags)
            .await
    }

    /// Deletes a file.
    pub async fn unlink(&self, parent: NodeId, name: &[u8]) -> Result<()> {
        self.core.writable()?;
        let change = Arc::clone(&self.files).unlink(parent, names::wanted(name)?.to_owned());
        Core::finish(change).await
    }

    /// Deletes an empty directory.
    pub async fn rmdir(&self, parent: NodeId, name: &[u8]) -> Result<()> {
        self.core.writable()?;
        let change = Arc::clone(&self.core).rmdir(parent, names::wanted(name)?.to_owned());
        Core::finish(change).await
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
        self.core.writable()?;
        let from = (parent, names::wanted(name)?.to_owned());
        let to = (new_parent, changes::new_name(new_name)?);
        Core::finish(Arc::clone(&self.files).rename(from, to, flags)).await
    }

    /// [`FileSystem::open`] from memory.
    pub fn try_open(&self, node: NodeId, flags: OpenFlags) -> Option<Result<Opened>> {
        // Cutting can wait for a writer.
        if flags.truncate || self.core.asks_at_open(node) {
            return None;
        }
        self.files
            .try_open(FileHandle(self.new_handle()), node, flags)
    }

    /// Opens a file. For reading it pins the object's version.
    pub async fn open(&self, node: NodeId, flags: OpenFlags) -> Result<Opened> {
        if self.core.asks_at_open(node) {
            self.core.ask_at_open(node).await?;
        }
        self.files
            .open(FileHandle(self.new_handle()), node, flags)
            .await
    }

    /// [`FileSystem::read`] from memory: pushes the pieces to `out` (which is left as it was on a miss).
    pub fn try_read(
        &self,
        handle: FileHandle,
        offset: u64,
        len: u32,
        out: &mut Vec<Bytes>,
    ) -> Option<Result<()>> {
        self.files.try_read(handle, offset, len, out)
    }

    /// The bytes at `offset`, up to `len` or the end of the file, in pieces; no piece is empty.
    pub async fn read(&self, handle: FileHandle, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        self.files.read(handle, offset, len).await
    }

    /// [`FileSystem::write`] if it is a copy into memory; false: nothing changed.
    pub fn try_write(&self, handle: FileHandle, offset: u64, data: &[u8]) -> bool {
        self.files.try_write(handle, offset, data)
    }

    /// Takes all of `data` at `offset` (at the end, if opened for appending).
    pub async fn write(&self, handle: FileHandle, offset: u64, data: Bytes) -> Result<()> {
        self.files.write(handle, offset, data).await
    }

    /// Makes the file at least `size` bytes long, with zeros at its end.
    pub async fn allocate(&self, handle: FileHandle, size: u64) -> Result<()> {
        self.files.allocate(handle, size).await
    }

    /// `close(2)`: what was written is durable when this returns, unless [`FsConfig::close_early`].
    pub async fn flush(&self, handle: FileHandle) -> Result<()> {
        self.files.flush(handle).await
    }

    /// `fsync(2)`: what was written is durable when this returns.
    pub async fn fsync(&self, handle: FileHandle) -> Result<()> {
        self.files.sync(handle).await?;
        let node = self.files.get(handle)?.node;
        self.files.store(node).await
    }

    /// `fsync(2)` of a directory: names are in OSS already, and its attributes are when this returns.
    pub async fn fsyncdir(&self, node: NodeId) -> Result<()> {
        self.files.store(node).await
    }

    /// The last descriptor of the handle is gone. Data that no flush saw is flushed; its error can only be logged.
    pub async fn release(&self, handle: FileHandle) {
        self.files.release(handle).await;
    }

    /// [`FileSystem::release`] if there is nothing to wait for; false: call the async one. To be called on the runtime.
    pub fn try_release(&self, handle: FileHandle) -> bool {
        self.files.try_release(handle)
    }

    /// Takes a list of paths in the order in which their files will be read, and fetches them just ahead of the reads.
    /// It replaces an unfinished list of this name.
    pub fn prefetch_list(&self, name: &str) -> PrefetchList {
        self.files.ahead.list(name)
    }

    /// Makes durable all that was written through any handle: for an orderly end.
    pub async fn sync_all(&self) -> Result<()> {
        self.files.sync_all().await
    }

    /// Opens a directory for listing.
    ///
    /// Sends no request: the kernel has just looked it up, and reading asks.
    pub fn opendir(&self, node: NodeId) -> Result<DirHandle> {
        if let Some(handle) = self.opens.again() {
            return Ok(DirHandle(handle));
        }
        let mut ns = self.core.ns.lock();
        let dir = ns.directory(node)?;
        ns.hold(dir);
        drop(ns);
        let handle = self.new_handle();
        let given = Given::new(node);
        given.open(handle, &self.core.ledger);
        let dir = OpenDir::new(&self.core, node, handle, given);
        let dir = Arc::new(tokio::sync::Mutex::new(dir));
        self.dirs.lock().insert(handle, (node, dir));
        Ok(DirHandle(handle))
    }

    /// [`FileSystem::readdir`] from memory. `None` only if the sink got nothing.
    pub fn try_readdir(
        &self,
        handle: DirHandle,
        offset: u64,
        plus: bool,
        sink: &mut (dyn FnMut(DirEntry<'_>) -> bool + Send),
    ) -> Option<Result<()>> {
        let dir = match self.dir(handle) {
            Ok(dir) => dir,
            Err(error) => return Some(Err(error)),
        };
        let mut dir = dir.try_lock().ok()?;
        match dir.try_read(offset, plus, sink) {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
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
        let dir = self.dir(handle)?;
        let mut dir = dir.lock().await;
        dir.read(offset, plus, sink).await
    }

    /// Closes a directory.
    pub fn releasedir(&self, handle: DirHandle) {
        let Some((node, _)) = self.dirs.lock().remove(&handle.0) else {
            return;
        };
        let mut ns = self.core.ns.lock();
        ns.batch().remove(Key::Dir(handle.0));
        if let Ok(slot) = ns.resolve(node) {
            ns.unhold(slot);
        }
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

    /// Whether names that are no UTF-8 are to be kept, escaped.
    pub fn uses_wtf8(&self) -> bool {
        self.core.config.wtf8
    }

    /// The root's attributes.
    pub fn root(&self) -> Attr {
        self.core.ns.lock().attr(Slot::ROOT)
    }
}

#[cfg(test)]
mod tests;
