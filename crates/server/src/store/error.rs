//! What a store can refuse, by cause. [`crate::ops`] says it in the service's words.

use super::VersionId;
use std::io;
use thiserror::Error;

/// Why an operation on the store was not done. Nothing was changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No such bucket.
    #[error("the bucket does not exist")]
    NoSuchBucket,
    /// The bucket has objects or unfinished uploads.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The bucket exists with another storage class.
    #[error("the bucket exists with another storage class")]
    BucketDiffers,
    /// No such object.
    #[error("the object does not exist")]
    NoSuchKey,
    /// No such version of the object.
    #[error("the version does not exist")]
    NoSuchVersion,
    /// The object was deleted: its newest version is a delete marker.
    #[error("the object was deleted")]
    Deleted {
        /// The delete marker.
        marker: VersionId,
    },
    /// The version that was asked for is a delete marker.
    #[error("the version is a delete marker")]
    IsDeleteMarker {
        /// The delete marker.
        marker: VersionId,
    },
    /// Parts of a sequential upload must come in order.
    #[error("the part is not the next one")]
    NotSequential,
    /// The object was sealed: nothing can be appended.
    #[error("the object is sealed")]
    Sealed,
    /// No such upload of this key.
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// The object exists and may not be replaced.
    #[error("the object exists")]
    Exists,
    /// Only objects begun by an append can be appended to.
    #[error("the object is not appendable")]
    NotAppendable,
    /// An append does not begin at the object's end.
    #[error("the append does not begin at {length}, the object's length")]
    WrongPosition {
        /// Bytes that the object has; 0 when it does not exist.
        length: u64,
        /// CRC-64 of the object.
        crc64: u64,
    },
    /// The content that was looked at was replaced in the meantime: look again.
    #[error("the object was replaced meanwhile")]
    Changed,
    /// A completion names a part that was not uploaded, or with another `ETag`.
    #[error("part {number} is missing or has another ETag")]
    InvalidPart {
        /// The part's number.
        number: u16,
    },
    /// A part that is not the last is smaller than the service allows.
    #[error("part {number} has {size} bytes, fewer than allowed")]
    PartTooSmall {
        /// The part's number.
        number: u16,
        /// Its size in bytes.
        size: u64,
        /// Its `ETag`, quoted.
        etag: String,
    },
    /// The object would be larger than the service allows.
    #[error("the object would be too large")]
    TooLarge,
    /// The disk is full.
    #[error("the disk that holds the data directory is full")]
    Full,
    /// The data directory can't be used.
    #[error("{0}")]
    Unusable(String),
    /// The disk failed.
    #[error("the data directory failed: {0}")]
    Io(#[source] io::Error),
    /// The data directory holds something that this program did not write.
    #[error("the data directory is damaged: {0}")]
    Corrupt(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}
