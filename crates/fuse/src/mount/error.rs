//! What can go wrong, each with its mend.

use std::io;
use std::path::{Path, PathBuf};

/// Why a mount failed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// `/dev/fuse` is missing or can't be opened.
    #[error(
        "can't open /dev/fuse ({source}); load the module with `modprobe fuse`, or give the \
         container the device (--device /dev/fuse)"
    )]
    NoDevice {
        /// What open(2) said.
        source: io::Error,
    },
    /// `/dev/fuse` is there but closed to this user; most systems have it open to all (mode 666).
    #[error("no permission to open /dev/fuse; be root, or have root open it: chmod 666 /dev/fuse")]
    DeviceRefused,
    /// Not root, and the helper is not installed.
    #[error(
        "mounting as an ordinary user needs fusermount3; install the package fuse3, or be root"
    )]
    NoHelper,
    /// The mount point does not exist.
    #[error("mount point {} does not exist; make it with mkdir", path.display())]
    Missing {
        /// The mount point.
        path: PathBuf,
    },
    /// The mount point is not a directory.
    #[error("mount point {} is not a directory", path.display())]
    NotADirectory {
        /// The mount point.
        path: PathBuf,
    },
    /// The mount point holds something that the mount would hide.
    #[error("mount point {} is not empty; empty it, or mount with -o nonempty", path.display())]
    NotEmpty {
        /// The mount point.
        path: PathBuf,
    },
    /// A FUSE file system is mounted there, alive or dead.
    #[error(
        "{source_name} is mounted on {} already; unmount it first with `fusermount3 -u {}`",
        path.display(), path.display()
    )]
    AlreadyMounted {
        /// The mount point.
        path: PathBuf,
        /// Source of what is mounted.
        source_name: String,
    },
    /// The path leads through a FUSE mount whose server is gone.
    #[error("{} lies in a mount whose server is gone; unmount that with `fusermount3 -u`", path.display())]
    Dead {
        /// The mount point.
        path: PathBuf,
    },
    /// The user may not mount there.
    #[error("no permission to mount on {}: {detail}", path.display())]
    Permission {
        /// The mount point.
        path: PathBuf,
        /// Who refused what.
        detail: String,
    },
    /// `allow_other` is for root unless the administrator says otherwise.
    #[error(
        "allow_other needs the line user_allow_other in /etc/fuse.conf when mounting as an \
         ordinary user; add it, or mount without allow_other"
    )]
    AllowOtherRefused,
    /// The helper failed in some other way.
    #[error("fusermount3 failed: {message}")]
    Helper {
        /// What it wrote.
        message: String,
    },
    /// The system failed in some other way.
    #[error("can't mount on {}: {source}", path.display())]
    Io {
        /// The mount point.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl MountError {
    /// By what open(2) said about `/dev/fuse`.
    pub(super) fn of_device(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::DeviceRefused,
            _ => Self::NoDevice { source },
        }
    }

    /// By what the system said about the mount point.
    pub(super) fn of_path(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.raw_os_error() {
            Some(libc::ENOENT) => Self::Missing { path },
            Some(libc::ENOTDIR) => Self::NotADirectory { path },
            Some(libc::ENOTCONN | libc::ECONNABORTED) => Self::Dead { path },
            Some(libc::EPERM | libc::EACCES) => Self::Permission {
                path,
                detail: source.to_string(),
            },
            _ => Self::Io { path, source },
        }
    }
}

/// Why an unmount failed.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// Programs have files or directories open in it.
    #[error("{} is busy: close what is open in it, or detach it lazily", path.display())]
    Busy {
        /// The mount point.
        path: PathBuf,
    },
    /// The user may not.
    #[error("no permission to unmount {}", path.display())]
    Permission {
        /// The mount point.
        path: PathBuf,
    },
    /// Anything else.
    #[error("can't unmount {}: {source}", path.display())]
    Io {
        /// The mount point.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
