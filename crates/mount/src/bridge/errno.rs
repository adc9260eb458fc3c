//! Causes into errnos: the one place. What a program can't read in a number goes to the log.

use ossplit_fs::Error;
use ossplit_fuse::Errno;

/// The number that the program gets.
pub(super) fn errno(error: &Error) -> Errno {
    let number = match error {
        Error::NotFound | Error::NoBucket(_) => Errno::NOENT,
        Error::Exists => Errno::EXIST,
        Error::NotDirectory => Errno::NOTDIR,
        Error::IsDirectory => Errno::ISDIR,
        Error::NotEmpty => Errno::NOTEMPTY,
        Error::ReadOnly => Errno::ROFS,
        Error::NameTooLong => Errno::NAMETOOLONG,
        Error::InvalidName(_) | Error::InvalidArgument(_) | Error::IntoItself => Errno::INVAL,
        Error::BadHandle | Error::WrongMode => Errno::BADF,
        Error::NoAttribute => Errno::NODATA,
        Error::Stale => Errno::STALE,
        Error::Unsupported(_) => Errno::OPNOTSUPP,
        Error::TooLarge => Errno::FBIG,
        Error::NoSpace | Error::AttributesFull => Errno::NOSPC,
        Error::OverBudget => Errno::NOMEM,
        Error::Denied(_) | Error::Archived(_) => Errno::ACCESS,
        Error::TimedOut(_) => Errno::TIMEDOUT,
        Error::Throttled(_) => Errno::AGAIN,
        Error::Lost
        | Error::Corrupt(_)
        | Error::Unreachable(_)
        | Error::Remote(_)
        | Error::Local(_) => Errno::IO,
    };
    match error {
        Error::Lost
        | Error::Denied(_)
        | Error::Archived(_)
        | Error::NoBucket(_)
        | Error::Corrupt(_)
        | Error::TimedOut(_)
        | Error::Unreachable(_)
        | Error::Throttled(_)
        | Error::Remote(_)
        | Error::Local(_)
        // The kernel names what it was told of.
        | Error::BadHandle
        | Error::NoSpace
        | Error::OverBudget
        | Error::TooLarge => tracing::warn!(%error, errno = number.raw_os_error(), "a call failed"),
        Error::NotFound
        | Error::Exists
        | Error::NotDirectory
        | Error::IsDirectory
        | Error::NotEmpty
        | Error::ReadOnly
        | Error::NameTooLong
        | Error::InvalidName(_)
        | Error::InvalidArgument(_)
        | Error::WrongMode
        | Error::Stale
        | Error::Unsupported(_)
        | Error::NoAttribute
        | Error::AttributesFull
        | Error::IntoItself => tracing::debug!(%error, errno = number.raw_os_error(), "refused"),
    }
    number
}
