//! Why a call failed. By cause, with no errno: whoever faces a kernel maps each cause once.

use std::sync::Arc;

/// What OSS or the network said, kept whole for the log.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed. Cloned freely, since calls that wait for one request share its outcome.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No object and no prefix of that name.
    #[error("no such file or directory")]
    NotFound,
    /// The name is taken.
    #[error("file exists")]
    Exists,
    /// A directory was needed.
    #[error("not a directory")]
    NotDirectory,
    /// A file was needed.
    #[error("is a directory")]
    IsDirectory,
    /// The directory still has entries.
    #[error("directory not empty")]
    NotEmpty,
    /// The mount is read-only.
    #[error("the mount is read-only")]
    ReadOnly,
    /// A component over 255 bytes or a key over OSS's 1,023 bytes.
    #[error("name too long: a component has at most 255 bytes, a key 1,023")]
    NameTooLong,
    /// A name that can't be part of an object key.
    #[error("a name that OSS can't store: {0}")]
    InvalidName(&'static str),
    /// An argument out of range.
    #[error("invalid argument: {0}")]
    InvalidArgument(&'static str),
    /// A handle or node that this mount does not know.
    #[error("unknown handle or node")]
    BadHandle,
    /// A handle used against the way it was opened (a read on a write-only handle, or the reverse).
    #[error("the handle was not opened for this")]
    WrongMode,
    /// The object changed or went away since it was opened: open it again.
    #[error("the object changed since it was opened")]
    Stale,
    /// What was written through the handle was lost with a former process, before it came to OSS.
    #[error("what was written was lost before it came to OSS")]
    Lost,
    /// OSS can't do this, or this mount does not.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The file has no extended attribute of that name.
    #[error("no such extended attribute")]
    NoAttribute,
    /// More extended attributes than an object's metadata have room for.
    #[error("an object has room for 7 KiB of extended attributes")]
    AttributesFull,
    /// A rename of a directory below itself.
    #[error("a directory can't move into itself")]
    IntoItself,
    /// Larger than an object can be.
    #[error("larger than an object can be (48.8 TB)")]
    TooLarge,
    /// The local disk is full.
    #[error("no space left in tmpdir")]
    NoSpace,
    /// More than the whole memory budget at once.
    #[error("more memory than the mount's budget")]
    OverBudget,
    /// OSS refused: wrong key, no permission, clock skew, policy.
    #[error("access denied: {0}")]
    Denied(Cause),
    /// The object is in an archive class and must be restored first.
    #[error("the object is archived; restore it first: {0}")]
    Archived(Cause),
    /// The bucket is not there.
    #[error("no such bucket: {0}")]
    NoBucket(Cause),
    /// A checksum did not match after all retries.
    #[error("data damaged on the way: {0}")]
    Corrupt(Cause),
    /// No answer in time after all retries.
    #[error("no answer in time: {0}")]
    TimedOut(Cause),
    /// The endpoint can't be reached or broke the connection after all retries.
    #[error("OSS can't be reached: {0}")]
    Unreachable(Cause),
    /// OSS asked for fewer requests until the retries were used up.
    #[error("OSS throttled the request: {0}")]
    Throttled(Cause),
    /// Any other refusal or fault of OSS.
    #[error("OSS failed: {0}")]
    Remote(Cause),
    /// A fault of the local file system under `tmpdir`.
    #[error("local I/O failed: {0}")]
    Local(Cause),
}

/// The error of an open file: one whose object is gone is stale, not absent.
pub(crate) fn stale_if_gone(error: ossplit::Error) -> Error {
    match Error::from(error) {
        Error::NotFound => Error::Stale,
        other => other,
    }
}

impl From<ossplit::Error> for Error {
    /// By what a caller of the file system can do about it.
    fn from(error: ossplit::Error) -> Self {
        use ossplit::ErrorKind as Kind;
        let kind = error.kind();
        let cause: Cause = Arc::new(error);
        match kind {
            Kind::NoSuchKey => Self::NotFound,
            // Every conditional request of this crate pins a version.
            Kind::Precondition | Kind::InvalidRange => Self::Stale,
            Kind::AlreadyExists => Self::Exists,
            Kind::NoSuchBucket => Self::NoBucket(cause),
            Kind::Unauthenticated | Kind::AccessDenied | Kind::Clock => Self::Denied(cause),
            Kind::Archived => Self::Archived(cause),
            Kind::Throttled => Self::Throttled(cause),
            Kind::Timeout => Self::TimedOut(cause),
            Kind::Dns | Kind::Connection | Kind::Tls => Self::Unreachable(cause),
            Kind::Corrupt => Self::Corrupt(cause),
            Kind::NoSuchUpload
            | Kind::BucketNotEmpty
            | Kind::NotModified
            | Kind::AppendConflict
            | Kind::InvalidInput
            | Kind::Refused
            | Kind::Server => Self::Remote(cause),
        }
    }
}

impl From<std::io::Error> for Error {
    /// Of files under `tmpdir`.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::NoSpace;
        }
        Self::Local(Arc::new(error))
    }
}
