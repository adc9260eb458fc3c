//! Flag words that only the parser looks at; the typed arguments show them as `bool` or `Option`.

/// Bits of `fuse_setattr_in.valid`.
pub(crate) mod fattr {
    pub(crate) const MODE: u32 = 1 << 0;
    pub(crate) const UID: u32 = 1 << 1;
    pub(crate) const GID: u32 = 1 << 2;
    pub(crate) const SIZE: u32 = 1 << 3;
    pub(crate) const ATIME: u32 = 1 << 4;
    pub(crate) const MTIME: u32 = 1 << 5;
    pub(crate) const FH: u32 = 1 << 6;
    pub(crate) const ATIME_NOW: u32 = 1 << 7;
    pub(crate) const MTIME_NOW: u32 = 1 << 8;
    pub(crate) const LOCKOWNER: u32 = 1 << 9;
    pub(crate) const CTIME: u32 = 1 << 10;
    pub(crate) const KILL_SUIDGID: u32 = 1 << 11;
}

/// GETATTR: the handle is valid.
pub(crate) const GETATTR_FH: u32 = 1 << 0;
/// OPEN and CREATE: drop setuid and setgid.
pub(crate) const OPEN_KILL_SUIDGID: u32 = 1 << 0;
/// READ: the lock owner is valid.
pub(crate) const READ_LOCKOWNER: u32 = 1 << 1;
/// WRITE: from the page cache, handle guessed.
pub(crate) const WRITE_CACHE: u32 = 1 << 0;
/// WRITE: the lock owner is valid.
pub(crate) const WRITE_LOCKOWNER: u32 = 1 << 1;
/// WRITE: drop setuid and setgid.
pub(crate) const WRITE_KILL_SUIDGID: u32 = 1 << 2;
/// RELEASE: flush first (never set by Linux's own file operations).
pub(crate) const RELEASE_FLUSH: u32 = 1 << 0;
/// RELEASE: drop the owner's `flock`.
pub(crate) const RELEASE_FLOCK_UNLOCK: u32 = 1 << 1;
/// FSYNC: data only.
pub(crate) const FSYNC_FDATASYNC: u32 = 1 << 0;
/// GETLK, SETLK: a `flock`, not a POSIX lock.
pub(crate) const LK_FLOCK: u32 = 1 << 0;
/// `NOTIFY_INVAL_ENTRY`: expire, don't drop.
pub(crate) const EXPIRE_ONLY: u32 = 1 << 0;
