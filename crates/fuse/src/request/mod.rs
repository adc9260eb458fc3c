//! Requests as a file system sees them: the [`Header`] that all share and typed arguments.
//!
//! Names and values are borrowed from the receive buffer; a method that answers later copies what
//! it keeps. Only a WRITE's payload can be taken over without a copy, see [`Payload`].

mod args;
mod parse;
#[cfg(test)]
pub(crate) mod tests;

pub use args::{
    Create, Fallocate, Flush, ForgetOne, Forgets, Fsync, GetXattr, Link, Lock, LockKind, Lseek,
    Mkdir, Mknod, Open, Read, ReadDir, Release, Rename, SetAttr, SetTime, SetXattr, Symlink, Write,
};
pub(crate) use parse::{Malformed, Operation, Received};

pub use crate::session::{Payload, PayloadBuf};

use crate::abi::UNIQUE_RESEND;

/// A request's id, unique within the connection until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The request was delivered to a reader before (perhaps to a process that is dead by now) and
    /// comes again: a change that it asks for may have taken effect already.
    pub fn is_resent(self) -> bool {
        self.0 & UNIQUE_RESEND != 0
    }

    /// The number that the first and every later delivery share.
    pub fn number(self) -> u64 {
        self.0 & !UNIQUE_RESEND
    }
}

/// What every request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The request's id.
    pub unique: RequestId,
    /// The node it is about; the parent directory where a name follows. The root is 1.
    pub nodeid: u64,
    /// File system user id of the calling thread.
    pub uid: u32,
    /// File system group id of the calling thread.
    pub gid: u32,
    /// Thread id of the caller in the mount's pid namespace; 0 when the kernel acts by itself
    /// (readahead, writeback) or the caller lives in another namespace.
    pub pid: u32,
}
