//! Mounting and unmounting: from a directory to a connection and back.
//!
//! Root mounts with `mount(2)`. Everybody else asks the setuid helper `fusermount3`, which opens
//! the device, mounts, and hands the descriptor back over a socket (`_FUSE_COMMFD`). The path is
//! looked at first, so that what is wrong with it comes as a [`MountError`] that says what to do.

mod bdi;
mod direct;
mod error;
mod fusermount;
mod mountinfo;
mod unmount;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

pub use bdi::set_read_ahead;
pub use error::{MountError, UnmountError};
pub use mountinfo::{Found, find, is_seen_by, place_of};
pub use unmount::{UnmountMode, Unmounted, Unmounter};

/// How to mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// What `mount` and `df` show as the source: the bucket.
    pub fsname: String,
    /// The part of the type behind the dot, as in `fuse.ossplit`.
    pub subtype: String,
    /// Refuse writes in the kernel.
    pub read_only: bool,
    /// Let other users in; without root it needs `user_allow_other` in `/etc/fuse.conf`.
    pub allow_other: bool,
    /// The kernel checks permissions by mode, owner and group.
    pub default_permissions: bool,
    /// No setuid programs. On, as the helper insists on it anyway.
    pub nosuid: bool,
    /// No device nodes. On.
    pub nodev: bool,
    /// No programs.
    pub noexec: bool,
    /// No access times; the kernel sends none anyway.
    pub noatime: bool,
    /// Most bytes in one READ, when less than what INIT negotiates is wanted.
    pub max_read: Option<u32>,
    /// Mount over a directory that holds something.
    pub nonempty: bool,
    /// Ask the helper even as root.
    pub force_helper: bool,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self {
            fsname: "ossplit".into(),
            subtype: "ossplit".into(),
            read_only: false,
            allow_other: false,
            default_permissions: false,
            nosuid: true,
            nodev: true,
            noexec: false,
            noatime: false,
            max_read: None,
            nonempty: false,
            force_helper: false,
        }
    }
}

/// The kernel's number of a mounted connection: `st_dev` of everything in it, its name in
/// `/sys/fs/fuse/connections` (the minor number) and in `/sys/class/bdi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionId {
    /// Major device number, 0 for FUSE.
    pub major: u32,
    /// Minor device number.
    pub minor: u32,
}

/// A mounted connection that nobody serves yet: every access waits until a [`crate::Session`] does.
#[derive(Debug)]
pub struct Mounted {
    /// Its descriptor, for [`crate::Session::init`]. Once all duplicates are closed the mount is
    /// dead ("Transport endpoint is not connected") until it is unmounted.
    pub device: OwnedFd,
    /// How to unmount it again.
    pub unmounter: Unmounter,
}

/// Mounts on `mountpoint`.
pub fn mount(mountpoint: &Path, options: &MountOptions) -> Result<Mounted, MountError> {
    let path = check(mountpoint, options)?;
    let as_root = rustix::process::geteuid().is_root() && !options.force_helper;
    let device = if as_root {
        direct::mount(&path, options)?
    } else {
        fusermount::mount(&path, options)?
    };
    // From here on an early return must not leave a mount behind.
    match mountinfo::find(&path) {
        Ok(Some(found)) => Ok(Mounted {
            device,
            unmounter: Unmounter::new(path, found.id, !as_root),
        }),
        other => {
            unmount::give_up(&path, !as_root);
            let source = other.err().unwrap_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "the new mount is not in /proc/self/mountinfo",
                )
            });
            Err(MountError::Io { path, source })
        }
    }
}

/// The mount point's real path, or what is wrong with it.
fn check(mountpoint: &Path, options: &MountOptions) -> Result<PathBuf, MountError> {
    let fail = |source| MountError::of_path(mountpoint, source);
    // Before anything touches the path: behind a mount that hangs, `stat` would hang too.
    let absolute = std::path::absolute(mountpoint).map_err(fail)?;
    refuse_fuse(&absolute)?;
    let path = mountpoint.canonicalize().map_err(fail)?;
    refuse_fuse(&path)?;
    if !path.metadata().map_err(fail)?.is_dir() {
        return Err(MountError::NotADirectory { path });
    }
    if !options.nonempty && path.read_dir().map_err(fail)?.next().is_some() {
        return Err(MountError::NotEmpty { path });
    }
    Ok(path)
}

fn refuse_fuse(path: &Path) -> Result<(), MountError> {
    match mountinfo::find(path) {
        Ok(Some(found)) if found.is_fuse() => Err(MountError::AlreadyMounted {
            path: path.to_path_buf(),
            source_name: found.source,
        }),
        Ok(_) => Ok(()),
        Err(source) => Err(MountError::Io {
            path: path.to_path_buf(),
            source,
        }),
    }
}
