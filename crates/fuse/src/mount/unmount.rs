//! The orderly end, and the disorderly one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use super::{ConnectionId, UnmountError, fusermount, mountinfo};

/// How to treat a mount that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmountMode {
    /// Refuse: [`UnmountError::Busy`].
    Normal,
    /// Take it out of the tree now; it ends when the last user has closed.
    Detach,
}

/// What an unmount found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    /// It was mounted and no longer is.
    Done,
    /// It was not mounted any more; perhaps something else is there by now, which stays.
    AlreadyGone,
}

/// Unmounts one connection, and never another one that sits on the same path by now. Cheap to
/// clone; usable from any thread, as from the one that waits for signals.
#[derive(Debug, Clone)]
pub struct Unmounter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    id: ConnectionId,
    helper: bool,
    /// The connection's `abort` file in fusectl, opened while it was certainly ours: connection
    /// numbers are used again at once, so by name a late abort could hit another mount. Writing
    /// here when the connection is gone does nothing. `None` without fusectl.
    abort: Option<File>,
}

impl Unmounter {
    /// `id` is mounted on `path` now.
    pub(super) fn new(path: PathBuf, id: ConnectionId, helper: bool) -> Self {
        let control = format!("/sys/fs/fuse/connections/{}/abort", id.minor);
        let abort = File::options().write(true).open(control).ok();
        Self {
            inner: Arc::new(Inner {
                path,
                id,
                helper,
                abort,
            }),
        }
    }

    /// For a connection that another process mounted: its path, its number, and whether the helper
    /// `fusermount3` is needed (not root). `None` when it is not mounted there any more.
    pub fn resume(path: PathBuf, id: ConnectionId, helper: bool) -> io::Result<Option<Self>> {
        let found = mountinfo::find(&path)?;
        Ok(found
            .filter(|found| found.id == id)
            .map(|_| Self::new(path, id, helper)))
    }

    /// Whether `fusermount3` unmounts it.
    pub fn uses_helper(&self) -> bool {
        self.inner.helper
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The connection's number.
    pub fn connection(&self) -> ConnectionId {
        self.inner.id
    }

    /// Whether it is mounted there at present, as the topmost mount.
    pub fn is_mounted(&self) -> io::Result<bool> {
        let found = mountinfo::find(&self.inner.path)?;
        Ok(found.is_some_and(|found| found.id == self.inner.id))
    }

    /// Unmounts. The session's threads end once the kernel has let go of the connection, which
    /// with [`UnmountMode::Detach`] may be later.
    pub fn unmount(&self, mode: UnmountMode) -> Result<Unmounted, UnmountError> {
        let path = || self.inner.path.clone();
        let fail = |source| UnmountError::Io {
            path: path(),
            source,
        };
        if !self.is_mounted().map_err(fail)? {
            return Ok(Unmounted::AlreadyGone);
        }
        let detach = mode == UnmountMode::Detach;
        if self.inner.helper {
            return fusermount::unmount(&self.inner.path, detach).map(|()| Unmounted::Done);
        }
        let mut flags = UnmountFlags::NOFOLLOW;
        flags.set(UnmountFlags::DETACH, detach);
        match rustix::mount::unmount(&self.inner.path, flags) {
            Ok(()) => Ok(Unmounted::Done),
            // Somebody else was faster.
            Err(Errno::INVAL | Errno::NOENT) => Ok(Unmounted::AlreadyGone),
            Err(Errno::BUSY) => Err(UnmountError::Busy { path: path() }),
            Err(Errno::PERM | Errno::ACCESS) => Err(UnmountError::Permission { path: path() }),
            Err(errno) => Err(fail(errno.into())),
        }
    }

    /// Cuts the connection: every waiting request ends with ECONNABORTED, every later one with
    /// ENOTCONN, and the session's threads end. The mount point stays until it is unmounted. For a
    /// server that does not answer any more. Needs fusectl (`/sys/fs/fuse/connections`) or root; with
    /// neither the connection ends when its descriptors are closed.
    pub fn abort(&self) -> io::Result<()> {
        if let Some(mut control) = self.inner.abort.as_ref() {
            return control.write_all(b"1");
        }
        if !self.is_mounted()? {
            return Ok(());
        }
        // A forced unmount aborts as well. It may report the mount as busy, with the connection cut
        // all the same.
        let flags = UnmountFlags::FORCE | UnmountFlags::NOFOLLOW;
        match rustix::mount::unmount(&self.inner.path, flags) {
            Ok(()) | Err(Errno::BUSY) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Takes away what was mounted a moment ago and can't be used.
pub(super) fn give_up(path: &Path, helper: bool) {
    let result = if helper {
        fusermount::unmount(path, true).map_err(|error| error.to_string())
    } else {
        rustix::mount::unmount(path, UnmountFlags::DETACH).map_err(|errno| errno.to_string())
    };
    if let Err(error) = result {
        tracing::error!(path = %path.display(), error, "can't take back a failed mount");
    }
}
