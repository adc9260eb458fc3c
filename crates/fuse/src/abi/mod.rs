//! The kernel's wire format: opcodes, constants and the structures of `linux/fuse.h`, protocol 7.45.
//!
//! Every structure is read and written field by field in the machine's byte order, so this room
//! needs no `unsafe` and does not depend on Rust's layout. The kernel's structures carry explicit
//! padding, so a structure's wire size is the sum of its fields.

mod opcode;
mod structs;
mod wire;

pub(crate) use opcode::Opcode;
pub(crate) use structs::*;
pub(crate) use wire::Wire;

/// Major version of the protocol; the kernel has spoken 7 since 2005.
pub(crate) const MAJOR: u32 = 7;
/// Newest minor version whose structures this crate knows (Linux 6.18).
pub(crate) const MINOR: u32 = 45;
/// Oldest minor version this crate serves: since 7.23 (Linux 3.15) all structures that we exchange
/// have the size they have today.
pub(crate) const MINOR_MIN: u32 = 23;

/// Bit 63 of a request's unique id: the request was delivered before and comes again after
/// `FUSE_NOTIFY_RESEND` (`FUSE_UNIQUE_RESEND` in the header).
pub(crate) const UNIQUE_RESEND: u64 = 1 << 63;

/// Offset of the payload in a WRITE request: in-header and `fuse_write_in`, 40 bytes each.
pub(crate) const WRITE_PAYLOAD_OFFSET: usize = InHeader::SIZE + WriteIn::SIZE;

/// Smallest read buffer that the kernel accepts (`FUSE_MIN_READ_BUFFER`).
pub(crate) const MIN_READ_BUFFER: usize = 8192;

/// Room that a WRITE needs beside its payload. The kernel asks for the two headers only; a page
/// keeps the buffer's size round.
pub(crate) const HEADER_ROOM: usize = 4096;

/// Size of the kernel's page that `max_pages` counts in.
pub(crate) const PAGE_SIZE: usize = 4096;

/// `FUSE_NOTIFY_*`: codes of messages that the server starts.
pub(crate) mod notify_code {
    pub(crate) const INVAL_INODE: i32 = 2;
    pub(crate) const INVAL_ENTRY: i32 = 3;
    pub(crate) const STORE: i32 = 4;
    pub(crate) const DELETE: i32 = 6;
    pub(crate) const RESEND: i32 = 7;
}

/// Rounds up to the 8 bytes that directory entries are aligned to (`FUSE_REC_ALIGN`).
pub(crate) const fn align8(len: usize) -> usize {
    (len + 7) & !7
}
