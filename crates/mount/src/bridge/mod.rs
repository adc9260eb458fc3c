//! The bridge between the kernel and the file system: FUSE requests in, calls of the facade out.
//!
//! A request is first asked of memory, on the thread that took it from the kernel (`try_*`): a hit is
//! answered there, with no task and no wait. A miss moves its reply into a task on the runtime. The
//! runtime never waits for a session thread, and no session thread waits for the runtime.
//!
//! `errno` is the one place that turns causes into numbers; `convert` turns types into types.

#[cfg(test)]
mod allocations;
mod convert;
mod errno;
mod killed;
mod pages;
mod wtf8;

use bytes::Bytes;
use convert::{creator, entry, open_flags, open_reply, set_attr, statfs};
use errno::errno;
use killed::{Waiter, Waiting};
use ossplit_fs::{DirHandle, Error, FileHandle, FileSystem, NodeId, RenameFlags, Request};
use ossplit_fuse::{
    Delivery, Errno, Filesystem, Header, Interrupt, OpenReplyFlags, Payload, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDir, ReplyDirPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr, RequestId, request,
};
pub(crate) use pages::KernelPages;
use std::{borrow::Cow, cell::Cell, ffi::OsStr, os::unix::ffi::OsStrExt as _, sync::Arc};
use tokio::runtime::Handle;

thread_local! {
    /// Room for the pieces of an answer, so that a read of what is in memory allocates nothing.
    static PIECES: Cell<Vec<Bytes>> = const { Cell::new(Vec::new()) };
}

/// Serves one [`FileSystem`] to the kernel.
pub(crate) struct Bridge {
    fs: Arc<FileSystem>,
    runtime: Handle,
    waiting: Waiting,
    /// For tests: a request for this name panics.
    pub(crate) panics_at: Option<&'static str>,
}

impl Bridge {
    pub(crate) fn new(fs: Arc<FileSystem>, runtime: Handle) -> Self {
        Self {
            fs,
            runtime,
            waiting: Waiting::default(),
            panics_at: None,
        }
    }

    /// Runs what has nothing to wait for, on behalf of a request.
    fn at_once<T>(&self, header: &Header, call: impl FnOnce(&FileSystem) -> T) -> T {
        // What is left to do later becomes a task.
        let _on = self.runtime.enter();
        request_of(header).run_now(|| call(&self.fs))
    }

    /// Runs the rest of a request as a task.
    fn spawn<F>(&self, header: &Header, work: impl FnOnce(Arc<FileSystem>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let request = request_of(header);
        let (fs, work) = (Arc::clone(&self.fs), work(Arc::clone(&self.fs)));
        self.runtime
            .spawn(async move { fs.once(request, work).await });
    }

    /// As [`Bridge::spawn`], for a request that changes nothing: it ends early if its caller is killed.
    fn spawn_read<F>(&self, header: &Header, work: impl FnOnce(Arc<FileSystem>, Waiter) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let waiter = self.waiting.enter(header);
        self.spawn(header, |fs| work(fs, waiter));
    }

    /// A name of the kernel as the file system wants it.
    fn name<'a>(&self, name: &'a OsStr) -> Cow<'a, [u8]> {
        assert!(
            self.panics_at.is_none_or(|at| name != at),
            "a test asked for it"
        );
        if self.fs.uses_wtf8() {
            wtf8::to_key(name.as_bytes())
        } else {
            Cow::Borrowed(name.as_bytes())
        }
    }

    /// The name of an extended attribute, if it is one that can be kept.
    fn xattr_name(&self, name: &OsStr) -> Result<String, Errno> {
        if !self.fs.keeps_xattrs() {
            // Said once, the kernel does not ask again, not even at each write.
            return Err(Errno::NOSYS);
        }
        let name = name.to_str().ok_or(Errno::INVAL)?;
        // Nobody would enforce access control lists, so nobody may believe that they are kept.
        if name.starts_with("system.") {
            return Err(Errno::OPNOTSUPP);
        }
        Ok(name.to_owned())
    }

    fn answer_entry(fs: &FileSystem, found: Result<ossplit_fs::Entry, Error>, reply: ReplyEntry) {
        match found {
            Ok(found) => {
                let node = found.attr.node;
                if reply.entry(&entry(&found)) != Delivery::Delivered {
                    // The kernel never saw it, so it will not forget it either.
                    fs.forget(node, 1);
                }
            }
            Err(Error::NotFound) if !fs.negative_ttl().is_zero() => {
                reply.entry(&ossplit_fuse::Entry::negative(fs.negative_ttl()));
            }
            Err(error) => {
                reply.error(errno(&error));
            }
        }
    }
}

/// The node that a request is about; node ids come from the kernel and are never 0.
fn node(raw: u64) -> Result<NodeId, Errno> {
    NodeId::new(raw).ok_or(Errno::STALE)
}

/// Which request it is, and whether a former process had it.
fn request_of(header: &Header) -> Request {
    Request {
        number: header.unique.number(),
        resent: header.unique.is_resent(),
    }
}

/// Takes the value or answers with the error and returns.
macro_rules! or_reply {
    ($reply:ident, $result:expr) => {
        match $result {
            Ok(value) => value,
            Err(errno) => {
                $reply.error(errno);
                return;
            }
        }
    };
}

/// Waits for a call that changes nothing; if the caller is killed meanwhile, answers and returns.
macro_rules! unless_killed {
    ($waiter:ident, $reply:ident, $call:expr) => {
        match $waiter.or_killed($call).await {
            Some(outcome) => outcome,
            None => {
                $reply.error(Errno::INTR);
                return;
            }
        }
    };
}

fn answer_attr(result: Result<ossplit_fs::AttrReply, Error>, reply: ReplyAttr) {
    match result {
        Ok(found) => reply.attr(&convert::attr(&found.attr), found.ttl),
        Err(error) => reply.error(errno(&error)),
    };
}

fn answer_empty(result: Result<(), Error>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(&error)),
    };
}

/// `None` if the kernel has the handle, or there is none; otherwise nobody will ever close it.
fn answer_open(result: Result<ossplit_fs::Opened, Error>, reply: ReplyOpen) -> Option<FileHandle> {
    match result {
        Ok(opened) => {
            let delivery = reply.opened(opened.handle.0, open_reply(&opened));
            (delivery != Delivery::Delivered).then_some(opened.handle)
        }
        Err(error) => {
            reply.error(errno(&error));
            None
        }
    }
}

/// `None` if the kernel has both, or there is neither; otherwise nobody will ever give them back.
fn answer_create(
    result: Result<(ossplit_fs::Entry, ossplit_fs::Opened), Error>,
    reply: ReplyCreate,
) -> Option<(FileHandle, NodeId)> {
    match result {
        Ok((made, opened)) => {
            let delivery = reply.created(&entry(&made), opened.handle.0, open_reply(&opened));
            let (handle, node) = (opened.handle, made.attr.node);
            (delivery != Delivery::Delivered).then_some((handle, node))
        }
        Err(error) => {
            reply.error(errno(&error));
            None
        }
    }
}

impl Filesystem for Bridge {
    fn lookup(&self, header: Header, name: &OsStr, reply: ReplyEntry) {
        let parent = or_reply!(reply, node(header.nodeid));
        let name = self.name(name);
        if let Some(known) = self.fs.try_lookup(parent, &name) {
            return Self::answer_entry(&self.fs, known, reply);
        }
        let name = name.into_owned();
        self.spawn_read(&header, |fs, waiter| async move {
            let found = unless_killed!(waiter, reply, fs.lookup(parent, &name));
            Self::answer_entry(&fs, found, reply);
        });
    }

    fn forget(&self, nodeid: u64, nlookup: u64) {
        if let Ok(node) = node(nodeid) {
            self.fs.forget(node, nlookup);
        }
    }

    fn getattr(&self, header: Header, fh: Option<u64>, reply: ReplyAttr) {
        let node = or_reply!(reply, node(header.nodeid));
        let handle = fh.map(FileHandle);
        if let Some(known) = self.fs.try_getattr(node, handle) {
            return answer_attr(known, reply);
        }
        self.spawn_read(&header, |fs, waiter| async move {
            let found = unless_killed!(waiter, reply, fs.getattr(node, handle));
            answer_attr(found, reply);
        });
    }

    fn setattr(&self, header: Header, args: request::SetAttr, reply: ReplyAttr) {
        let node = or_reply!(reply, node(header.nodeid));
        let handle = args.fh.map(FileHandle);
        let change = set_attr(&args);
        self.spawn(&header, |fs| async move {
            answer_attr(fs.setattr(node, handle, change).await, reply);
        });
    }

    fn mknod(&self, header: Header, args: request::Mknod<'_>, reply: ReplyEntry) {
        let parent = or_reply!(reply, node(header.nodeid));
        let (name, creator) = (
            self.name(args.name).into_owned(),
            creator(&header, args.mode),
        );
        let kind = or_reply!(reply, convert::node_kind(args.mode).ok_or(Errno::INVAL));
        if kind != ossplit_fs::FileKind::File {
            let node = (kind, args.rdev);
            self.spawn(&header, |fs| async move {
                let made = fs.mknod(parent, &name, creator, node).await;
                Self::answer_entry(&fs, made, reply);
            });
            return;
        }
        self.spawn(&header, |fs| async move {
            let flags = ossplit_fs::OpenFlags {
                write: true,
                exclusive: true,
                ..Default::default()
            };
            let made = match fs.create(parent, &name, creator, flags).await {
                Ok((entry, opened)) => {
                    let flushed = fs.flush(opened.handle).await;
                    fs.release(opened.handle).await;
                    flushed.map(|()| entry)
                }
                Err(error) => Err(error),
            };
            Self::answer_entry(&fs, made, reply);
        });
    }

    fn mkdir(&self, header: Header, args: request::Mkdir<'_>, reply: ReplyEntry) {
        let parent = or_reply!(reply, node(header.nodeid));
        let (name, creator) = (
            self.name(args.name).into_owned(),
            creator(&header, args.mode),
        );
        self.spawn(&header, |fs| async move {
            let made = fs.mkdir(parent, &name, creator).await;
            Self::answer_entry(&fs, made, reply);
        });
    }

    fn unlink(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        let parent = or_reply!(reply, node(header.nodeid));
        let name = self.name(name).into_owned();
        self.spawn(&header, |fs| async move {
            answer_empty(fs.unlink(parent, &name).await, reply);
        });
    }

    fn rmdir(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        let parent = or_reply!(reply, node(header.nodeid));
        let name = self.name(name).into_owned();
        self.spawn(&header, |fs| async move {
            answer_empty(fs.rmdir(parent, &name).await, reply);
        });
    }

    fn rename(&self, header: Header, args: request::Rename<'_>, reply: ReplyEmpty) {
        let parent = or_reply!(reply, node(header.nodeid));
        let new_parent = or_reply!(reply, node(args.newdir));
        let (name, new_name) = (
            self.name(args.name).into_owned(),
            self.name(args.newname).into_owned(),
        );
        let known = ossplit_fuse::RenameFlags::NOREPLACE | ossplit_fuse::RenameFlags::EXCHANGE;
        if !known.contains(args.flags) {
            reply.error(Errno::INVAL);
            return;
        }
        let flags = RenameFlags {
            no_replace: args.flags.contains(ossplit_fuse::RenameFlags::NOREPLACE),
            exchange: args.flags.contains(ossplit_fuse::RenameFlags::EXCHANGE),
        };
        self.spawn(&header, |fs| async move {
            answer_empty(
                fs.rename(parent, &name, new_parent, &new_name, flags).await,
                reply,
            );
        });
    }

    fn link(&self, _: Header, _: request::Link<'_>, reply: ReplyEntry) {
        reply.error(Errno::PERM);
    }

    fn symlink(&self, header: Header, args: request::Symlink<'_>, reply: ReplyEntry) {
        let parent = or_reply!(reply, node(header.nodeid));
        let (name, target) = (
            self.name(args.name).into_owned(),
            args.target.as_bytes().to_vec(),
        );
        let creator = creator(&header, 0o777);
        self.spawn(&header, |fs| async move {
            let made = fs.symlink(parent, &name, &target, creator).await;
            Self::answer_entry(&fs, made, reply);
        });
    }

    fn readlink(&self, header: Header, reply: ReplyData) {
        let node = or_reply!(reply, node(header.nodeid));
        self.spawn_read(&header, |fs, waiter| async move {
            match unless_killed!(waiter, reply, fs.readlink(node)) {
                Ok(target) => reply.data(&target),
                Err(error) => reply.error(errno(&error)),
            };
        });
    }

    fn open(&self, header: Header, args: request::Open, reply: ReplyOpen) {
        let node = or_reply!(reply, node(header.nodeid));
        let flags = open_flags(args.flags);
        let opened = self.at_once(&header, |fs| fs.try_open(node, flags));
        if let Some(opened) = opened {
            if let Some(handle) = answer_open(opened, reply) {
                self.spawn(&header, |fs| async move { fs.release(handle).await });
            }
            return;
        }
        self.spawn_read(&header, |fs, waiter| async move {
            let opened = if flags.truncate {
                // Cutting is a change.
                fs.open(node, flags).await
            } else {
                unless_killed!(waiter, reply, fs.open(node, flags))
            };
            if let Some(handle) = answer_open(opened, reply) {
                fs.release(handle).await;
            }
        });
    }

    fn read(&self, header: Header, args: request::Read, reply: ReplyData) {
        let handle = FileHandle(args.fh);
        let mut pieces = PIECES.take();
        let answer = self
            .fs
            .try_read(handle, args.offset, args.size, &mut pieces);
        match answer {
            Some(Ok(())) => {
                reply.slices(&pieces);
            }
            Some(Err(error)) => {
                reply.error(errno(&error));
            }
            None => self.spawn_read(&header, |fs, waiter| async move {
                let read = fs.read(handle, args.offset, args.size);
                match unless_killed!(waiter, reply, read) {
                    Ok(pieces) => reply.slices(&pieces),
                    Err(error) => reply.error(errno(&error)),
                };
            }),
        }
        pieces.clear();
        PIECES.set(pieces);
    }

    fn write(&self, header: Header, args: request::Write, data: Payload<'_>, reply: ReplyWrite) {
        let handle = FileHandle(args.fh);
        if self.at_once(&header, |fs| fs.try_write(handle, args.offset, &data)) {
            reply.written(args.size);
            return;
        }
        let data = Bytes::from_owner(data.into_owned());
        self.spawn(&header, |fs| async move {
            match fs.write(handle, args.offset, data).await {
                Ok(()) => reply.written(args.size),
                Err(error) => reply.error(errno(&error)),
            };
        });
    }

    fn flush(&self, header: Header, args: request::Flush, reply: ReplyEmpty) {
        let handle = FileHandle(args.fh);
        self.spawn(&header, |fs| async move {
            answer_empty(fs.flush(handle).await, reply);
        });
    }

    fn release(&self, header: Header, args: request::Release, reply: ReplyEmpty) {
        let handle = FileHandle(args.fh);
        if self.at_once(&header, |fs| fs.try_release(handle)) {
            reply.ok();
            return;
        }
        self.spawn(&header, |fs| async move {
            fs.release(handle).await;
            reply.ok();
        });
    }

    fn fsync(&self, header: Header, args: request::Fsync, reply: ReplyEmpty) {
        let handle = FileHandle(args.fh);
        self.spawn(&header, |fs| async move {
            answer_empty(fs.fsync(handle).await, reply);
        });
    }

    fn fallocate(&self, header: Header, args: request::Fallocate, reply: ReplyEmpty) {
        let handle = FileHandle(args.fh);
        let end = or_reply!(reply, convert::allocated_end(&args));
        self.spawn(&header, |fs| async move {
            answer_empty(fs.allocate(handle, end).await, reply);
        });
    }

    fn opendir(&self, header: Header, _: request::Open, reply: ReplyOpen) {
        let node = or_reply!(reply, node(header.nodeid));
        match request_of(&header).run_now(|| self.fs.opendir(node)) {
            Ok(handle) => reply.opened(handle.0, OpenReplyFlags::empty()),
            Err(error) => reply.error(errno(&error)),
        };
    }

    fn readdir(&self, header: Header, args: request::ReadDir, mut reply: ReplyDir) {
        let handle = DirHandle(args.fh);
        let wtf8 = self.fs.uses_wtf8();
        let mut push = |entry: ossplit_fs::DirEntry<'_>| {
            let kind = convert::kind(entry.kind);
            reply.push(entry.ino, entry.next_offset, kind, &shown(entry.name, wtf8))
        };
        match self.fs.try_readdir(handle, args.offset, false, &mut push) {
            Some(Ok(())) => {
                reply.send();
            }
            Some(Err(error)) => {
                reply.error(errno(&error));
            }
            None => self.spawn_read(&header, |fs, waiter| async move {
                let mut push = |entry: ossplit_fs::DirEntry<'_>| {
                    let kind = convert::kind(entry.kind);
                    reply.push(entry.ino, entry.next_offset, kind, &shown(entry.name, wtf8))
                };
                let read = fs.readdir(handle, args.offset, false, &mut push);
                match unless_killed!(waiter, reply, read) {
                    Ok(()) => reply.send(),
                    Err(error) => reply.error(errno(&error)),
                };
            }),
        }
    }

    fn readdirplus(&self, header: Header, args: request::ReadDir, mut reply: ReplyDirPlus) {
        let handle = DirHandle(args.fh);
        let mut looked_up = Vec::new();
        let wtf8 = self.fs.uses_wtf8();
        let done = self.fs.try_readdir(
            handle,
            args.offset,
            true,
            &mut push_plus(&mut reply, &mut looked_up, wtf8),
        );
        if let Some(done) = done {
            return send_plus(&self.fs, done, reply, &looked_up);
        }
        self.spawn_read(&header, |fs, waiter| async move {
            let mut push = push_plus(&mut reply, &mut looked_up, wtf8);
            // Entries that the sink took are in an outcome: nothing is awaited behind them.
            let read = fs.readdir(handle, args.offset, true, &mut push);
            let outcome = waiter.or_killed(read).await;
            drop(push);
            match outcome {
                Some(done) => send_plus(&fs, done, reply, &looked_up),
                None => drop(reply.error(Errno::INTR)),
            }
        });
    }

    fn releasedir(&self, _: Header, args: request::Release, reply: ReplyEmpty) {
        self.fs.releasedir(DirHandle(args.fh));
        reply.ok();
    }

    fn fsyncdir(&self, header: Header, _: request::Fsync, reply: ReplyEmpty) {
        let node = or_reply!(reply, node(header.nodeid));
        self.spawn(&header, |fs| async move {
            answer_empty(fs.fsyncdir(node).await, reply);
        });
    }

    fn statfs(&self, _: Header, reply: ReplyStatfs) {
        reply.statfs(&statfs(&self.fs.statfs()));
    }

    fn setxattr(&self, header: Header, args: request::SetXattr<'_>, reply: ReplyEmpty) {
        let node = or_reply!(reply, node(header.nodeid));
        let name = or_reply!(reply, self.xattr_name(args.name));
        let (value, mode) = (args.value.to_vec(), convert::xattr_mode(args.flags));
        self.spawn(&header, |fs| async move {
            answer_empty(fs.setxattr(node, &name, &value, mode).await, reply);
        });
    }

    fn getxattr(&self, header: Header, args: request::GetXattr<'_>, reply: ReplyXattr) {
        let node = or_reply!(reply, node(header.nodeid));
        let name = or_reply!(reply, self.xattr_name(args.name));
        self.spawn_read(&header, |fs, waiter| async move {
            match unless_killed!(waiter, reply, fs.getxattr(node, &name)) {
                Ok(value) => reply.value(&value),
                Err(error) => reply.error(errno(&error)),
            };
        });
    }

    fn listxattr(&self, header: Header, _: u32, reply: ReplyXattr) {
        let node = or_reply!(reply, node(header.nodeid));
        if !self.fs.keeps_xattrs() {
            reply.error(Errno::NOSYS);
            return;
        }
        self.spawn_read(&header, |fs, waiter| async move {
            match unless_killed!(waiter, reply, fs.listxattr(node)) {
                Ok(names) => reply.value(&names),
                Err(error) => reply.error(errno(&error)),
            };
        });
    }

    fn removexattr(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        let node = or_reply!(reply, node(header.nodeid));
        let name = or_reply!(reply, self.xattr_name(name));
        self.spawn(&header, |fs| async move {
            answer_empty(fs.removexattr(node, &name).await, reply);
        });
    }

    fn create(&self, header: Header, args: request::Create<'_>, reply: ReplyCreate) {
        let parent = or_reply!(reply, node(header.nodeid));
        let (name, creator) = (self.name(args.name), creator(&header, args.mode));
        let flags = open_flags(args.flags);
        let made = self.at_once(&header, |fs| fs.try_create(parent, &name, creator, flags));
        if let Some(made) = made {
            if let Some((handle, node)) = answer_create(made, reply) {
                self.spawn(&header, |fs| async move {
                    fs.release(handle).await;
                    fs.forget(node, 1);
                });
            }
            return;
        }
        let name = name.into_owned();
        self.spawn(&header, |fs| async move {
            let made = fs.create(parent, &name, creator, flags).await;
            if let Some((handle, node)) = answer_create(made, reply) {
                fs.release(handle).await;
                fs.forget(node, 1);
            }
        });
    }

    fn interrupt(&self, _: Header, target: RequestId) -> Interrupt {
        self.waiting.signalled(target, &self.runtime);
        Interrupt::Taken
    }
}

/// A name of the file system as programs see it.
fn shown(name: &str, wtf8: bool) -> Cow<'_, OsStr> {
    if wtf8 {
        wtf8::to_name(name)
    } else {
        Cow::Borrowed(OsStr::new(name))
    }
}

/// A sink that fills a READDIRPLUS answer and notes which nodes it counted a lookup of.
fn push_plus<'a>(
    reply: &'a mut ReplyDirPlus,
    looked_up: &'a mut Vec<NodeId>,
    wtf8: bool,
) -> impl FnMut(ossplit_fs::DirEntry<'_>) -> bool + Send + 'a {
    move |found| {
        let wire = match &found.entry {
            Some(known) => entry(known),
            None => convert::unknown_entry(found.ino, found.kind),
        };
        let taken = reply.push(&wire, found.next_offset, &shown(found.name, wtf8));
        if taken && let Some(known) = &found.entry {
            looked_up.push(known.attr.node);
        }
        taken
    }
}

fn send_plus(fs: &FileSystem, done: Result<(), Error>, reply: ReplyDirPlus, looked_up: &[NodeId]) {
    let delivery = match done {
        Ok(()) => reply.send(),
        Err(error) => reply.error(errno(&error)),
    };
    if delivery != Delivery::Delivered {
        for node in looked_up {
            fs.forget(*node, 1);
        }
    }
}
