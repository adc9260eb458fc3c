//! Typed arguments, one structure an operation. Offsets and sizes are bytes.

use std::ffi::OsStr;

use crate::attr::Timestamp;
use crate::flags::RenameFlags;

/// GETXATTR: read an extended attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetXattr<'a> {
    /// The attribute's name with its namespace (`user.colour`).
    pub name: &'a OsStr,
    /// Room of the caller; 0 asks for the size only. [`crate::ReplyXattr`] takes care of both.
    pub size: u32,
}

/// SETXATTR: write an extended attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetXattr<'a> {
    /// The attribute's name with its namespace.
    pub name: &'a OsStr,
    /// Its new value.
    pub value: &'a [u8],
    /// `XATTR_CREATE` (1), `XATTR_REPLACE` (2) or 0.
    pub flags: u32,
}

/// SYMLINK in the header's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symlink<'a> {
    /// Name of the new link.
    pub name: &'a OsStr,
    /// What it points to.
    pub target: &'a OsStr,
}

/// MKNOD in the header's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mknod<'a> {
    /// Name of the new node.
    pub name: &'a OsStr,
    /// Type and permissions; the umask is applied unless `DONT_MASK` was negotiated.
    pub mode: u32,
    /// Device number in the kernel's 32-bit form, for device nodes.
    pub rdev: u32,
    /// The caller's umask.
    pub umask: u32,
}

/// MKDIR in the header's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mkdir<'a> {
    /// Name of the new directory.
    pub name: &'a OsStr,
    /// Permissions; the umask is applied unless `DONT_MASK` was negotiated.
    pub mode: u32,
    /// The caller's umask.
    pub umask: u32,
}

/// RENAME and RENAME2 out of the header's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rename<'a> {
    /// The old name, in the header's directory.
    pub name: &'a OsStr,
    /// Node of the new parent directory.
    pub newdir: u64,
    /// The new name.
    pub newname: &'a OsStr,
    /// How to treat an existing target.
    pub flags: RenameFlags,
}

/// LINK into the header's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// Node that gets another name.
    pub oldnodeid: u64,
    /// The new name.
    pub newname: &'a OsStr,
}

/// OPEN and OPENDIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// `open(2)` flags without `O_CREAT`, `O_EXCL`, `O_NOCTTY`; `O_TRUNC` only with
    /// `ATOMIC_O_TRUNC`.
    pub flags: i32,
    /// Drop setuid and setgid (with `HANDLE_KILLPRIV_V2` and `O_TRUNC`).
    pub kill_suidgid: bool,
}

/// CREATE: make a file and open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Create<'a> {
    /// Name in the header's directory.
    pub name: &'a OsStr,
    /// Type and permissions; the umask is applied unless `DONT_MASK` was negotiated.
    pub mode: u32,
    /// The caller's umask.
    pub umask: u32,
    /// `open(2)` flags, `O_CREAT` and `O_EXCL` included.
    pub flags: i32,
    /// Drop setuid and setgid.
    pub kill_suidgid: bool,
}

/// READ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Handle given at open.
    pub fh: u64,
    /// Where to read.
    pub offset: u64,
    /// How much; a shorter answer means end of file.
    pub size: u32,
    /// Owner of the caller's POSIX locks, when known.
    pub lock_owner: Option<u64>,
    /// The open file's flags.
    pub flags: i32,
}

/// WRITE; the bytes come beside it as [`super::Payload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Handle given at open; with `from_cache` any handle of the file that can write.
    pub fh: u64,
    /// Where to write. With `O_APPEND` the kernel's idea of the end.
    pub offset: u64,
    /// How much: the payload's length.
    pub size: u32,
    /// The page cache writes back (mmap or writeback cache); the header's ids are not a caller's.
    pub from_cache: bool,
    /// Drop setuid and setgid.
    pub kill_suidgid: bool,
    /// Owner of the caller's POSIX locks, when known.
    pub lock_owner: Option<u64>,
    /// The open file's flags.
    pub flags: i32,
}

/// FLUSH: a descriptor of the file was closed; there may be more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flush {
    /// Handle given at open.
    pub fh: u64,
    /// Whose POSIX locks end with this close.
    pub lock_owner: u64,
}

/// RELEASE and RELEASEDIR: the last descriptor is gone. Its answer is not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Handle given at open.
    pub fh: u64,
    /// The open file's flags.
    pub flags: i32,
    /// Flush first.
    pub flush: bool,
    /// Drop the owner's `flock`.
    pub flock_unlock: bool,
    /// Owner of the locks.
    pub lock_owner: u64,
}

/// FSYNC and FSYNCDIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fsync {
    /// Handle given at open.
    pub fh: u64,
    /// `fdatasync`: the metadata may wait.
    pub datasync: bool,
}

/// READDIR and READDIRPLUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadDir {
    /// Handle given at opendir.
    pub fh: u64,
    /// 0, or the `offset` of the last entry that the caller has.
    pub offset: u64,
    /// Room for entries, in bytes.
    pub size: u32,
}

/// FALLOCATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallocate {
    /// Handle given at open.
    pub fh: u64,
    /// Start of the range.
    pub offset: u64,
    /// Length of the range.
    pub length: u64,
    /// `FALLOC_FL_*`.
    pub mode: i32,
}

/// LSEEK; sent for `SEEK_DATA` and `SEEK_HOLE` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lseek {
    /// Handle given at open.
    pub fh: u64,
    /// Where to start looking.
    pub offset: u64,
    /// `SEEK_DATA` (3) or `SEEK_HOLE` (4).
    pub whence: i32,
}

/// Kind of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// `F_RDLCK` or `LOCK_SH`.
    Read,
    /// `F_WRLCK` or `LOCK_EX`.
    Write,
    /// `F_UNLCK` or `LOCK_UN`.
    Unlock,
}

/// GETLK, SETLK and SETLKW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Handle given at open.
    pub fh: u64,
    /// Who locks: one process's table, or one open file for `flock`.
    pub owner: u64,
    /// First byte.
    pub start: u64,
    /// Last byte, included; `i64::MAX` is the end of any file.
    pub end: u64,
    /// What is asked for.
    pub kind: LockKind,
    /// Process id, for `F_GETLK`'s answer.
    pub pid: u32,
    /// A `flock` on the whole file rather than a POSIX lock.
    pub flock: bool,
    /// Wait until it can be had (SETLKW). An INTERRUPT may end the wait; answer EINTR then.
    pub wait: bool,
}

/// A time in SETATTR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetTime {
    /// The server's present time.
    Now,
    /// This time.
    At(Timestamp),
}

/// SETATTR: what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetAttr {
    /// Handle, for `ftruncate` and the like.
    pub fh: Option<u64>,
    /// New type and permissions; the type never changes.
    pub mode: Option<u32>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
    /// New size: truncate or extend.
    pub size: Option<u64>,
    /// New access time.
    pub atime: Option<SetTime>,
    /// New modification time.
    pub mtime: Option<SetTime>,
    /// New change time (writeback cache only).
    pub ctime: Option<Timestamp>,
    /// Owner of the caller's POSIX locks, for a truncate.
    pub lock_owner: Option<u64>,
    /// Drop setuid and setgid.
    pub kill_suidgid: bool,
}

/// One node and how many lookups the kernel gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgetOne {
    /// The node.
    pub nodeid: u64,
    /// Lookups to take off its count; at zero the kernel will not name it again.
    pub nlookup: u64,
}

/// The nodes of a `BATCH_FORGET`.
#[derive(Debug, Clone)]
pub struct Forgets<'a> {
    /// `fuse_forget_one`s, back to back.
    pub(super) bytes: &'a [u8],
}

impl Iterator for Forgets<'_> {
    type Item = ForgetOne;

    fn next(&mut self) -> Option<ForgetOne> {
        use crate::abi::Wire;
        let one = crate::abi::ForgetOne::get(self.bytes)?;
        self.bytes = &self.bytes[crate::abi::ForgetOne::SIZE..];
        Some(ForgetOne {
            nodeid: one.nodeid,
            nlookup: one.nlookup,
        })
    }
}
