//! What a file system implements.

use std::ffi::OsStr;

use crate::Errno;
use crate::reply::{
    ReplyAttr, ReplyCreate, ReplyData, ReplyDir, ReplyDirPlus, ReplyEmpty, ReplyEntry, ReplyLock,
    ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
};
use crate::request::{
    Create, Fallocate, Flush, Forgets, Fsync, GetXattr, Header, Link, Lock, Lseek, Mkdir, Mknod,
    Open, Payload, Read, ReadDir, Release, Rename, RequestId, SetAttr, SetXattr, Symlink, Write,
};

/// What became of an INTERRUPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The request was found and will end soon (with EINTR, or with its result), or is answered.
    Taken,
    /// The request is not known yet, as another thread may be about to take it up: send it again.
    Retry,
    /// Requests can't be interrupted; the kernel stops asking.
    Unsupported,
}

/// A file system behind a [`crate::Session`].
///
/// Methods are called from all of the session's threads at once. Each gets the request and an
/// owned reply that may be answered at once or moved to another thread or task; a reply that is
/// dropped unanswered says EIO, and so does a method that panics. A method that would block keeps
/// one session thread from serving others: move the reply away.
///
/// Every default answers ENOSYS, which the kernel takes as "never ask again" for OPEN and OPENDIR
/// (where offered, opens then cost nothing), FLUSH, FSYNC, ACCESS, CREATE (it falls back to MKNOD
/// and OPEN), LSEEK, FALLOCATE, GETXATTR and its like, and the locks.
///
/// Requests that no method stands for (POLL, `COPY_FILE_RANGE`, BMAP, STATX, TMPFILE, SYNCFS…) are
/// answered ENOSYS by the session, IOCTL with ENOTTY.
#[allow(unused_variables, reason = "the defaults look at nothing")]
pub trait Filesystem: Send + Sync + 'static {
    /// Finds a name in the header's directory.
    fn lookup(&self, header: Header, name: &OsStr, reply: ReplyEntry) {
        reply.error(Errno::NOSYS);
    }

    /// The kernel gives lookups of a node back. Not answered.
    fn forget(&self, nodeid: u64, nlookup: u64) {}

    /// As [`Filesystem::forget`], for many nodes.
    fn batch_forget(&self, nodes: Forgets<'_>) {
        for one in nodes {
            self.forget(one.nodeid, one.nlookup);
        }
    }

    /// Attributes of the header's node; `fh` when asked through an open file.
    fn getattr(&self, header: Header, fh: Option<u64>, reply: ReplyAttr) {
        reply.error(Errno::NOSYS);
    }

    /// Changes attributes, truncation included.
    fn setattr(&self, header: Header, args: SetAttr, reply: ReplyAttr) {
        reply.error(Errno::NOSYS);
    }

    /// Target of a symbolic link, without a terminating zero.
    fn readlink(&self, header: Header, reply: ReplyData) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a symbolic link.
    fn symlink(&self, header: Header, args: Symlink<'_>, reply: ReplyEntry) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a file, FIFO, socket or device node.
    fn mknod(&self, header: Header, args: Mknod<'_>, reply: ReplyEntry) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a directory.
    fn mkdir(&self, header: Header, args: Mkdir<'_>, reply: ReplyEntry) {
        reply.error(Errno::NOSYS);
    }

    /// Removes a name that is not a directory's.
    fn unlink(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Removes an empty directory.
    fn rmdir(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Renames (RENAME and RENAME2).
    fn rename(&self, header: Header, args: Rename<'_>, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Gives a node another name.
    fn link(&self, header: Header, args: Link<'_>, reply: ReplyEntry) {
        reply.error(Errno::NOSYS);
    }

    /// Opens a file.
    fn open(&self, header: Header, args: Open, reply: ReplyOpen) {
        reply.error(Errno::NOSYS);
    }

    /// Reads from a file.
    fn read(&self, header: Header, args: Read, reply: ReplyData) {
        reply.error(Errno::NOSYS);
    }

    /// Writes to a file. `data` is readable in place, or taken over with [`Payload::into_owned`].
    fn write(&self, header: Header, args: Write, data: Payload<'_>, reply: ReplyWrite) {
        reply.error(Errno::NOSYS);
    }

    /// A descriptor was closed; the answer is what `close(2)` returns.
    fn flush(&self, header: Header, args: Flush, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// The open file is gone; nobody sees the answer's error.
    fn release(&self, header: Header, args: Release, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a file's data durable.
    fn fsync(&self, header: Header, args: Fsync, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Opens a directory.
    fn opendir(&self, header: Header, args: Open, reply: ReplyOpen) {
        reply.error(Errno::NOSYS);
    }

    /// Lists names.
    fn readdir(&self, header: Header, args: ReadDir, reply: ReplyDir) {
        reply.error(Errno::NOSYS);
    }

    /// Lists names with their entries.
    fn readdirplus(&self, header: Header, args: ReadDir, reply: ReplyDirPlus) {
        reply.error(Errno::NOSYS);
    }

    /// The open directory is gone.
    fn releasedir(&self, header: Header, args: Release, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a directory's names durable.
    fn fsyncdir(&self, header: Header, args: Fsync, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Size and room of the file system.
    fn statfs(&self, header: Header, reply: ReplyStatfs) {
        reply.error(Errno::NOSYS);
    }

    /// Writes an extended attribute.
    fn setxattr(&self, header: Header, args: SetXattr<'_>, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Reads an extended attribute; ENODATA when there is none.
    fn getxattr(&self, header: Header, args: GetXattr<'_>, reply: ReplyXattr) {
        reply.error(Errno::NOSYS);
    }

    /// Names of the extended attributes, each ended by a zero byte. `size` is the caller's room.
    fn listxattr(&self, header: Header, size: u32, reply: ReplyXattr) {
        reply.error(Errno::NOSYS);
    }

    /// Removes an extended attribute; ENODATA when there is none.
    fn removexattr(&self, header: Header, name: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Makes a file and opens it.
    fn create(&self, header: Header, args: Create<'_>, reply: ReplyCreate) {
        reply.error(Errno::NOSYS);
    }

    /// Checks permissions (`R_OK` 4, `W_OK` 2, `X_OK` 1); not asked with `default_permissions`.
    fn access(&self, header: Header, mask: u32, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Allocates or frees a range.
    fn fallocate(&self, header: Header, args: Fallocate, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// Finds data or a hole.
    fn lseek(&self, header: Header, args: Lseek, reply: ReplyLseek) {
        reply.error(Errno::NOSYS);
    }

    /// Tests for a lock (`F_GETLK`).
    fn getlk(&self, header: Header, args: Lock, reply: ReplyLock) {
        reply.error(Errno::NOSYS);
    }

    /// Takes or drops a lock, POSIX or `flock`.
    fn setlk(&self, header: Header, args: Lock, reply: ReplyEmpty) {
        reply.error(Errno::NOSYS);
    }

    /// A signal reached the caller of `target`, which still waits for its answer.
    fn interrupt(&self, header: Header, target: RequestId) -> Interrupt {
        Interrupt::Unsupported
    }

    /// The connection has ended and no method will be called again. Called once, by the last
    /// session thread; not called when a session is only stopped for hand-over.
    fn destroy(&self) {}
}
