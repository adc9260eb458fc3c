//! Writing objects: from what a program writes to an object that is in OSS when close returns.
//!
//! One [`Writer`] serves one file that is open for writing, whatever the number of handles. Its bytes
//! are in one of these places:
//!
//! * **Buffer** (`buffer`): the end of the file, in memory, leased from the budget. Writes anywhere in
//!   it are plain copies. A file that never outgrows one part lives here alone and becomes an object by
//!   one PUT.
//! * **Parts** (`upload`): when the buffer holds a part's worth it is sent as a part of a multipart
//!   upload while the program goes on writing; several are in flight. What was sent is not kept. An
//!   appended-to object begins as part copies inside OSS.
//! * **Appendable object** (`append`): on a mount that makes them, the end of the file is in a buffer as above, and what is
//!   before it is in OSS already, as an object that grows.
//! * **Staging file** (`overlay`): what is written, unlinked, in `tmpdir`, over an object that has the rest. A file
//!   goes there when streaming can't serve it: writes before the buffer, truncation into what was sent, reads of what
//!   was sent, or a file longer than a part with a handle that also reads. A small file goes there when
//!   the budget has no room, and when others wait for the memory of one that nobody writes to (`spill`).
//!   Of the object below only what is read is fetched, and what did not change is copied inside OSS (`plan`).
//!
//! A stream waits for memory, which is how a program that writes faster than the network is slowed down.
//!
//! `flush` ends in OSS whatever the place: one PUT, or completion of the upload, its CRC64 compared
//! with that of the bytes. It then knows the new version, and writing may go on from there.
//!
//! A write before the buffer of a file whose parts were sent can't be served from what is left here:
//! the object is completed as it is, and the staging file lies over it. Until the next flush others
//! see it as it was at that moment. Handles that also read never come to this, nor does a file whose name is gone:
//! of that what was sent is lost, and the rest is kept here.

mod append;
mod base;
mod buffer;
mod commit;
mod extents;
mod kept;
mod left;
mod now;
mod overlay;
mod parts;
mod plan;
mod record;
mod spill;
mod staging;
mod state;
mod unlinked;
mod upload;
mod writer;

pub(crate) use left::LeftWriter;
pub(crate) use record::Record;
pub(crate) use record::abort_left_uploads;
pub(crate) use upload::Upload;
pub use writer::Writer;

#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;
