//! Why a mount can't begin, or ended, or can't be ended.

use ossplit::ErrorKind;
use ossplit_fuse::mount::MountError;
use std::fmt;

/// What is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The system refused a process, a pipe or a thread.
    System,
    /// The log file can't be written.
    Log,
    /// The endpoint gave no answer, or none that OSS would give.
    Endpoint,
    /// The key is wrong, may not do this, or can't be had.
    Credentials,
    /// The bucket is not there.
    Bucket,
    /// Nothing is below the prefix.
    Prefix,
    /// The service refused for another reason.
    Service,
    /// `/dev/fuse` is missing or closed to this user.
    Device,
    /// Not root, and fusermount3 is missing or refused.
    Helper,
    /// The mount point is missing, no directory, or not empty.
    MountPoint,
    /// Something is mounted there already.
    AlreadyMounted,
    /// No bucket is mounted there.
    NotMounted,
    /// Programs have something open there.
    Busy,
    /// The serving process died.
    Died,
    /// Not everything that was written came to OSS.
    Unsent,
}

/// All of them, in the order of their numbers on the pipe between our processes.
const CAUSES: [Cause; 15] = [
    Cause::System,
    Cause::Log,
    Cause::Endpoint,
    Cause::Credentials,
    Cause::Bucket,
    Cause::Prefix,
    Cause::Service,
    Cause::Device,
    Cause::Helper,
    Cause::MountPoint,
    Cause::AlreadyMounted,
    Cause::NotMounted,
    Cause::Busy,
    Cause::Died,
    Cause::Unsent,
];

impl Cause {
    pub(crate) fn number(self) -> u8 {
        CAUSES.iter().position(|cause| *cause == self).unwrap_or(0) as u8
    }

    pub(crate) fn of_number(number: u8) -> Self {
        CAUSES
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Died)
    }
}

/// A failure. `Display` is one sentence with the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is in the way.
    pub cause: Cause,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self {
            cause,
            text: text.into(),
        }
    }

    pub(crate) fn system(what: &str, error: impl fmt::Display) -> Self {
        Self::new(Cause::System, format!("can't {what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<ossplit::Error> for Failure {
    fn from(error: ossplit::Error) -> Self {
        use ErrorKind as Kind;
        let cause = match error.kind() {
            Kind::Unauthenticated | Kind::AccessDenied | Kind::Clock => Cause::Credentials,
            Kind::NoSuchBucket => Cause::Bucket,
            Kind::Timeout | Kind::Dns | Kind::Connection | Kind::Tls => Cause::Endpoint,
            Kind::NoSuchKey
            | Kind::NoSuchUpload
            | Kind::BucketNotEmpty
            | Kind::Precondition
            | Kind::NotModified
            | Kind::AlreadyExists
            | Kind::InvalidRange
            | Kind::AppendConflict
            | Kind::Archived
            | Kind::Throttled
            | Kind::Corrupt
            | Kind::InvalidInput
            | Kind::Refused
            | Kind::Server => Cause::Service,
        };
        Self::new(cause, error.to_string())
    }
}

impl From<MountError> for Failure {
    fn from(error: MountError) -> Self {
        let cause = match &error {
            MountError::NoDevice { .. } | MountError::DeviceRefused => Cause::Device,
            MountError::NoHelper
            | MountError::AllowOtherRefused
            | MountError::Helper { .. }
            | MountError::Permission { .. } => Cause::Helper,
            MountError::Missing { .. }
            | MountError::NotADirectory { .. }
            | MountError::NotEmpty { .. }
            | MountError::Dead { .. } => Cause::MountPoint,
            MountError::AlreadyMounted { .. } => Cause::AlreadyMounted,
            MountError::Io { .. } => Cause::System,
        };
        Self::new(cause, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_comes_back_from_its_number() {
        for cause in CAUSES {
            assert_eq!(Cause::of_number(cause.number()), cause);
        }
        assert_eq!(Cause::of_number(255), Cause::Died);
    }

    #[test]
    fn causes_follow_from_what_was_said() {
        let of = |kind| Failure::from(ossplit::Error::new(kind, "x")).cause;
        assert_eq!(of(ErrorKind::Unauthenticated), Cause::Credentials);
        assert_eq!(of(ErrorKind::NoSuchBucket), Cause::Bucket);
        assert_eq!(of(ErrorKind::Dns), Cause::Endpoint);
        let missing = MountError::Missing { path: "/m".into() };
        let failure = Failure::from(missing);
        assert_eq!(failure.cause, Cause::MountPoint);
        assert!(failure.to_string().contains("mkdir"));
    }
}
