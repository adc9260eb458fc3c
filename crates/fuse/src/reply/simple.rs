//! Replies of fixed size.

use std::time::Duration;

use super::{Delivery, reply_type};
use crate::abi::{
    AttrOut, EntryOut, FileLock, LkOut, LseekOut, OpenOut, StatfsOut, Wire, WriteOut,
};
use crate::attr::{Attr, Entry, Statfs};
use crate::flags::OpenReplyFlags;
use crate::request::{Lock, LockKind};

reply_type! {
    /// Answer without content.
    ReplyEmpty
}
reply_type! {
    /// Answer of LOOKUP, MKDIR, MKNOD, SYMLINK and LINK.
    ReplyEntry
}
reply_type! {
    /// Answer of GETATTR and SETATTR.
    ReplyAttr
}
reply_type! {
    /// Answer of OPEN and OPENDIR.
    ReplyOpen
}
reply_type! {
    /// Answer of CREATE.
    ReplyCreate
}
reply_type! {
    /// Answer of WRITE.
    ReplyWrite
}
reply_type! {
    /// Answer of STATFS.
    ReplyStatfs
}
reply_type! {
    /// Answer of LSEEK.
    ReplyLseek
}
reply_type! {
    /// Answer of GETLK.
    ReplyLock
}

impl ReplyEmpty {
    /// Done.
    pub fn ok(self) -> Delivery {
        self.0.small(&[])
    }
}

impl ReplyEntry {
    /// The node; counts as one lookup of it when [`Delivery::Delivered`].
    pub fn entry(self, entry: &Entry) -> Delivery {
        self.0.small(&entry.to_wire().encode())
    }
}

impl ReplyAttr {
    /// The attributes, which the kernel may keep for `valid`.
    pub fn attr(self, attr: &Attr, valid: Duration) -> Delivery {
        let out = AttrOut {
            attr_valid: valid.as_secs(),
            attr_valid_nsec: valid.subsec_nanos(),
            pad: 0,
            attr: attr.to_wire(),
        };
        self.0.small(&out.encode())
    }
}

impl ReplyOpen {
    /// The file is open under this handle; released by RELEASE when [`Delivery::Delivered`].
    pub fn opened(self, fh: u64, flags: OpenReplyFlags) -> Delivery {
        self.0.small(&open_out(fh, flags).encode())
    }
}

impl ReplyCreate {
    /// The file was made and is open; counts as one lookup when [`Delivery::Delivered`].
    pub fn created(self, entry: &Entry, fh: u64, flags: OpenReplyFlags) -> Delivery {
        const SIZE: usize = EntryOut::SIZE + OpenOut::SIZE;
        let mut body = [0; SIZE];
        entry.to_wire().put(&mut body);
        open_out(fh, flags).put(&mut body[EntryOut::SIZE..]);
        self.0.small(&body)
    }
}

fn open_out(fh: u64, flags: OpenReplyFlags) -> OpenOut {
    OpenOut {
        fh,
        open_flags: flags.bits(),
        backing_id: 0,
    }
}

impl ReplyWrite {
    /// So many bytes were taken.
    pub fn written(self, size: u32) -> Delivery {
        self.0.small(&WriteOut { size, pad: 0 }.encode())
    }
}

impl ReplyStatfs {
    /// The figures.
    pub fn statfs(self, statfs: &Statfs) -> Delivery {
        let out = StatfsOut {
            blocks: statfs.blocks,
            bfree: statfs.bfree,
            bavail: statfs.bavail,
            files: statfs.files,
            ffree: statfs.ffree,
            bsize: statfs.bsize,
            namelen: statfs.namelen,
            frsize: statfs.frsize,
            pad: 0,
            spare: [0; 6],
        };
        self.0.small(&out.encode())
    }
}

impl ReplyLseek {
    /// The offset found.
    pub fn offset(self, offset: u64) -> Delivery {
        self.0.small(&LseekOut { offset }.encode())
    }
}

impl ReplyLock {
    /// Nothing stands in the way of the lock that was asked about.
    pub fn free(self) -> Delivery {
        self.send(0, 0, LockKind::Unlock, 0)
    }

    /// This lock stands in its way; `owner`, `fh` and the flags are not looked at.
    pub fn held(self, lock: &Lock) -> Delivery {
        self.send(lock.start, lock.end, lock.kind, lock.pid)
    }

    fn send(self, start: u64, end: u64, kind: LockKind, pid: u32) -> Delivery {
        let kind = match kind {
            LockKind::Read => libc::F_RDLCK,
            LockKind::Write => libc::F_WRLCK,
            LockKind::Unlock => libc::F_UNLCK,
        };
        let lk = FileLock {
            start,
            end,
            kind: kind as u32,
            pid,
        };
        self.0.small(&LkOut { lk }.encode())
    }
}
