//! The FUSE kernel protocol: sessions, requests, replies, notifications, hand-over. No file system.
//!
//! A thin layer over `/dev/fuse` (`linux/fuse.h`, protocol 7.45, Linux only). [`mount`] makes a
//! connection, [`Session`] negotiates and serves it, a [`Filesystem`] gets typed requests and
//! answers each through an owned [`reply`], now or later. [`Notifier`] speaks to the kernel unasked
//! and [`handover`] lets a successor process go on where another one died.
//!
//! Why our own: `docs/adr/0001-fuse-transport.md`.

mod abi;
mod attr;
mod filesystem;
mod flags;
pub mod handover;
pub mod mount;
mod notify;
pub mod reply;
pub mod request;
mod session;

pub use attr::{Attr, Entry, FileKind, Statfs, Timestamp};
pub use filesystem::{Filesystem, Interrupt};
pub use flags::{InitFlags, OpenReplyFlags, RenameFlags};
pub use handover::Negotiated;
pub use notify::{Notified, Notifier};
pub use reply::{
    Delivery, ReplyAttr, ReplyCreate, ReplyData, ReplyDir, ReplyDirPlus, ReplyEmpty, ReplyEntry,
    ReplyLock, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
};
pub use request::{Header, Payload, PayloadBuf, RequestId};
pub use rustix::io::Errno;
pub use session::{
    CacheInvalidation, End, InitError, InitOptions, ReaddirPlus, Running, Session, Stopper,
};

/// Node id of the root.
pub const ROOT_ID: u64 = 1;
