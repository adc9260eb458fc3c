//! What a successor needs to go on writing a file: the records of the ledger.

use crate::ledger::VersionRecord;
use ossplit::CompletedPart;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A file that is being written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WriterRecord<'a> {
    /// The node whose file it is.
    pub(super) node: u64,
    pub(super) key: Cow<'a, str>,
    pub(super) base: Option<VersionRecord<'a>>,
    pub(super) size: u64,
    pub(super) dirty: bool,
    /// Something went wrong: its contents are not known any more.
    pub(super) failed: bool,
    pub(super) place: PlaceRecord,
    /// The upload that has what is before a buffer.
    pub(super) upload: Option<u64>,
    pub(super) last: Option<Last>,
    /// Its name is gone, or about to go.
    pub(super) unlinked: bool,
    /// It is to be a Normal object.
    pub(super) normal: bool,
}

/// Where its bytes are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum PlaceRecord {
    Base,
    Memory(BufferRecord),
    /// The end of an Appendable object, and whether it is being added to that.
    Appended(BufferRecord, bool),
    Staged,
}

/// Where a buffer is in the arena.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BufferRecord {
    pub(super) start: u64,
    pub(super) len: u64,
    /// Start and end of the memory; `None` while it is empty.
    pub(super) place: Option<(u64, u64)>,
}

/// How far the last write came. The kernel sends writes to one file one after the other, so if one comes again it is
/// this one, or one that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// The kernel's number of the request.
    pub(super) request: u64,
    pub(super) offset: u64,
    pub(super) done: u64,
}

/// An upload under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UploadRecord<'a> {
    /// Which file it is of.
    pub(super) writer: u64,
    pub(super) key: Cow<'a, str>,
    pub(super) id: Cow<'a, str>,
}

/// What comes to an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum PartRecord<'a> {
    /// A part is about to be sent.
    Sends { number: u32, bytes: BufferRecord },
    /// A part is about to be copied from an object, these bytes of it.
    Copies {
        number: u32,
        source: VersionRecord<'a>,
        start: u64,
        end: u64,
    },
    /// OSS has it.
    Done {
        number: u32,
        etag: Cow<'a, str>,
        size: Option<u64>,
        crc64: Option<u64>,
    },
    /// It will never have it.
    Failed,
}

impl<'a> From<&'a CompletedPart> for PartRecord<'a> {
    fn from(part: &'a CompletedPart) -> Self {
        Self::Done {
            number: part.part_number,
            etag: Cow::Borrowed(&part.etag),
            size: part.size,
            crc64: part.crc64,
        }
    }
}

/// A file in `tmpdir` over an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OverlayRecord<'a> {
    /// The name under which the file is held.
    pub(super) file: Cow<'a, str>,
    pub(super) under: Option<(VersionRecord<'a>, u64)>,
    pub(super) here: Cow<'a, [(u64, u64)]>,
    pub(super) written: Cow<'a, [(u64, u64)]>,
}

/// Bytes that came to a file in `tmpdir`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum ExtentRecord {
    Fetched(u64, u64),
    Written(u64, u64),
}
