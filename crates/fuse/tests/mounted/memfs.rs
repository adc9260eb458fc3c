//! The in-memory tree behind this crate's trait, with a hook at each operation.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use ossplit_fuse::request::{
    Create, Flush, Fsync, GetXattr, Header, Mkdir, Mknod, Open, Read, ReadDir, Release, Rename,
    RequestId, SetAttr, SetTime, SetXattr, Symlink, Write,
};
use ossplit_fuse::{
    Attr, Entry, Errno, Filesystem, Interrupt, OpenReplyFlags, Payload, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDir, ReplyDirPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite,
    ReplyXattr, Statfs, Timestamp,
};

use crate::tree::{Node, Result, Tree};

/// What a hook does with a request.
pub enum Act {
    /// Let the tree answer.
    Serve,
    /// Drop the reply unanswered.
    Drop,
}

/// Called with the operation's name and the file name (or nothing) before the tree is asked.
pub type Hook = Box<dyn Fn(&str, &OsStr, Header) -> Act + Send + Sync>;

pub struct MemFs {
    pub tree: Tree,
    pub ttl: Duration,
    pub open_flags: OpenReplyFlags,
    pub hook: Hook,
    /// Takes READs over: given back `None`, the tree answers.
    pub on_read: Box<dyn Fn(Header, Read, ReplyData) -> Option<ReplyData> + Send + Sync>,
    pub on_interrupt: Box<dyn Fn(RequestId) -> Interrupt + Send + Sync>,
    pub on_destroy: Box<dyn Fn() + Send + Sync>,
}

impl MemFs {
    pub fn new() -> Self {
        Self {
            tree: Tree::new(),
            ttl: Duration::from_mins(1),
            open_flags: OpenReplyFlags::KEEP_CACHE,
            hook: Box::new(|_, _, _| Act::Serve),
            on_read: Box::new(|_, _, reply| Some(reply)),
            on_interrupt: Box::new(|_| Interrupt::Unsupported),
            on_destroy: Box::new(|| {}),
        }
    }

    pub fn entry(&self, id: u64) -> Result<Entry> {
        self.tree.with(id, |node| self.entry_of(id, node))
    }

    fn entry_of(&self, id: u64, node: &Node) -> Entry {
        Entry {
            nodeid: id,
            generation: 0,
            entry_valid: self.ttl,
            attr_valid: self.ttl,
            attr: attr(id, node),
        }
    }

    fn add(&self, parent: u64, name: &OsStr, mode: u32, data: &[u8], reply: ReplyEntry) {
        match self
            .tree
            .add(parent, name, mode, data)
            .and_then(|id| self.entry(id))
        {
            Ok(entry) => reply.entry(&entry),
            Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
        };
    }
}

fn attr(id: u64, node: &Node) -> Attr {
    let time = Timestamp::from_unix_nanos(node.mtime_ns);
    Attr {
        ino: id,
        size: node.data.len() as u64,
        blocks: (node.data.len() as u64).div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        mode: node.mode,
        nlink: 1,
        blksize: 4096,
        ..Attr::default()
    }
}

fn empty(reply: ReplyEmpty, result: Result<()>) {
    match result {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
    };
}

macro_rules! hooked {
    ($self:ident, $operation:literal, $name:expr, $header:ident) => {
        if matches!(($self.hook)($operation, $name, $header), Act::Drop) {
            return;
        }
    };
}

impl Filesystem for MemFs {
    fn lookup(&self, header: Header, name: &OsStr, reply: ReplyEntry) {
        hooked!(self, "lookup", name, header);
        match self
            .tree
            .child(header.nodeid, name)
            .and_then(|id| self.entry(id))
        {
            Ok(entry) => reply.entry(&entry),
            Err(_) => reply.entry(&Entry::negative(self.ttl)),
        };
    }

    fn getattr(&self, header: Header, _fh: Option<u64>, reply: ReplyAttr) {
        hooked!(self, "getattr", OsStr::new(""), header);
        match self.entry(header.nodeid) {
            Ok(entry) => reply.attr(&entry.attr, self.ttl),
            Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
        };
    }

    fn setattr(&self, header: Header, args: SetAttr, reply: ReplyAttr) {
        let changed = self.tree.change(header.nodeid, |node| {
            if let Some(size) = args.size {
                node.data.resize(size as usize, 0);
            }
            if let Some(mode) = args.mode {
                node.mode = mode;
            }
            if let Some(SetTime::At(time)) = args.mtime {
                node.mtime_ns = time.unix_nanos();
            }
            attr(header.nodeid, node)
        });
        match changed {
            Ok(attr) => reply.attr(&attr, self.ttl),
            Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
        };
    }

    fn readlink(&self, header: Header, reply: ReplyData) {
        let target = self.tree.with(header.nodeid, |node| node.data.clone());
        reply.data(&target.unwrap_or_default());
    }

    fn symlink(&self, header: Header, args: Symlink<'_>, reply: ReplyEntry) {
        self.add(
            header.nodeid,
            args.name,
            libc::S_IFLNK | 0o777,
            args.target.as_bytes(),
            reply,
        );
    }

    fn mknod(&self, header: Header, args: Mknod<'_>, reply: ReplyEntry) {
        self.add(header.nodeid, args.name, args.mode, b"", reply);
    }

    fn mkdir(&self, header: Header, args: Mkdir<'_>, reply: ReplyEntry) {
        self.add(
            header.nodeid,
            args.name,
            libc::S_IFDIR | args.mode,
            b"",
            reply,
        );
    }

    fn unlink(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree.remove(header.nodeid, name).map(|_| ()));
    }

    fn rmdir(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree.remove(header.nodeid, name).map(|_| ()));
    }

    fn rename(&self, header: Header, args: Rename<'_>, reply: ReplyEmpty) {
        let renamed = self
            .tree
            .rename(header.nodeid, args.name, args.newdir, args.newname);
        empty(reply, renamed);
    }

    fn open(&self, header: Header, _args: Open, reply: ReplyOpen) {
        hooked!(self, "open", OsStr::new(""), header);
        reply.opened(0, self.open_flags);
    }

    fn read(&self, header: Header, args: Read, reply: ReplyData) {
        let Some(reply) = (self.on_read)(header, args, reply) else {
            return;
        };
        let _ = self.tree.with(header.nodeid, |node| {
            let start = (args.offset as usize).min(node.data.len());
            let end = (start + args.size as usize).min(node.data.len());
            reply.data(&node.data[start..end])
        });
    }

    fn write(&self, header: Header, args: Write, data: Payload<'_>, reply: ReplyWrite) {
        hooked!(self, "write", OsStr::new(""), header);
        // Through the owned form, so that both its branches are used by real writes.
        let data = data.into_owned();
        match self.tree.write(header.nodeid, args.offset, &data) {
            Ok(size) => reply.written(size),
            Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
        };
    }

    fn flush(&self, header: Header, _args: Flush, reply: ReplyEmpty) {
        hooked!(self, "flush", OsStr::new(""), header);
        reply.ok();
    }

    fn release(&self, _header: Header, _args: Release, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _header: Header, _args: Fsync, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _header: Header, _args: Open, reply: ReplyOpen) {
        reply.opened(0, OpenReplyFlags::empty());
    }

    fn readdir(&self, header: Header, args: ReadDir, mut reply: ReplyDir) {
        let _ = self
            .tree
            .list(header.nodeid, args.offset, |offset, name, id, node| {
                let kind = ossplit_fuse::FileKind::from_mode(node.mode);
                reply.push(id, offset, kind, name).then_some(())
            });
        reply.send();
    }

    fn readdirplus(&self, header: Header, args: ReadDir, mut reply: ReplyDirPlus) {
        hooked!(self, "readdirplus", OsStr::new(""), header);
        let _ = self
            .tree
            .list(header.nodeid, args.offset, |offset, name, id, node| {
                reply
                    .push(&self.entry_of(id, node), offset, name)
                    .then_some(())
            });
        reply.send();
    }

    fn releasedir(&self, _header: Header, _args: Release, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _header: Header, reply: ReplyStatfs) {
        reply.statfs(&Statfs {
            blocks: 1 << 20,
            bsize: 4096,
            frsize: 4096,
            namelen: 255,
            ..Statfs::default()
        });
    }

    fn setxattr(&self, header: Header, args: SetXattr<'_>, reply: ReplyEmpty) {
        let set = self.tree.change(header.nodeid, |node| {
            node.xattrs
                .insert(args.name.to_os_string(), args.value.to_vec());
        });
        empty(reply, set);
    }

    fn getxattr(&self, header: Header, args: GetXattr<'_>, reply: ReplyXattr) {
        match self
            .tree
            .with(header.nodeid, |node| node.xattrs.get(args.name).cloned())
        {
            Ok(Some(value)) => reply.value(&value),
            _ => reply.error(Errno::NODATA),
        };
    }

    fn create(&self, header: Header, args: Create<'_>, reply: ReplyCreate) {
        let made = self.tree.add(header.nodeid, args.name, args.mode, b"");
        match made.and_then(|id| self.entry(id)) {
            Ok(entry) => reply.created(&entry, 0, self.open_flags),
            Err(errno) => reply.error(Errno::from_raw_os_error(errno)),
        };
    }

    fn interrupt(&self, _header: Header, target: RequestId) -> Interrupt {
        (self.on_interrupt)(target)
    }

    fn destroy(&self) {
        (self.on_destroy)();
    }
}
