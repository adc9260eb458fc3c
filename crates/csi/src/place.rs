//! Mount points: what is mounted on a path, whether it still answers, bind mounts of it, and its end.

/// The topmost mount on exactly that path. Asks the kernel's table alone.
pub(crate) use ossplit_mount::find as on;
use parking_lot::Mutex;
use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};
use tokio::sync::watch;

/// What a mount that is alive may take for one answer while we look.
const PATIENCE: Duration = Duration::from_secs(2);
/// Mounts that may lie on one another; more is a loop.
const LAYERS: usize = 32;

/// How the server of a mount does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Alive,
    /// "Transport endpoint is not connected".
    Dead,
    /// No answer in time: its server is away or hangs.
    Silent,
}

/// The mounts that are being asked: one question each, however many want to know, so that those that hang keep few threads.
static ASKED: LazyLock<Mutex<HashMap<PathBuf, watch::Receiver<Option<Health>>>>> =
    LazyLock::new(Mutex::default);

/// Asks the mount on `path`. A question that hangs stays on a thread of its own until the mount answers or ends.
pub(crate) async fn health(path: &Path) -> Health {
    let mut answer = {
        let mut asked = ASKED.lock();
        asked.get(path).cloned().unwrap_or_else(|| {
            let (tell, answer) = watch::channel(None);
            asked.insert(path.to_owned(), answer.clone());
            let path = path.to_owned();
            tokio::task::spawn_blocking(move || {
                // Not stat(2), which the kernel may answer by itself from what it remembers of a mount that is dead.
                let found = match rustix::fs::statvfs(&path) {
                    Err(rustix::io::Errno::NOTCONN | rustix::io::Errno::CONNABORTED) => {
                        Health::Dead
                    }
                    _ => Health::Alive,
                };
                ASKED.lock().remove(&path);
                let _ = tell.send(Some(found));
            });
            answer
        })
    };
    let told = tokio::time::timeout(PATIENCE, answer.wait_for(Option::is_some)).await;
    match told {
        Ok(Ok(found)) => found.unwrap_or(Health::Silent),
        Ok(Err(_)) | Err(_) => Health::Silent,
    }
}

/// Takes away all that lies on `path`, whoever uses it. Nothing is there: nothing happens.
pub(crate) fn clear(path: &Path) -> io::Result<()> {
    for _ in 0..LAYERS {
        if on(path)?.is_none() {
            return Ok(());
        }
        match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::Error::other("mounts keep appearing there"))
}

/// Shows `source`, a mount, on `target`, a folder.
///
/// A mount travels from the driver's container to the host as it is when it is made, and what is changed of it later does
/// not: so that it is read-only there too, it is made of one on `view` that is read-only already.
pub(crate) fn bind(source: &Path, target: &Path, read_only: bool, view: &Path) -> io::Result<()> {
    if !read_only || on(source)?.is_some_and(|mount| mount.read_only) {
        return Ok(mount_bind(source, target)?);
    }
    clear(view)?;
    make_folder(view)?;
    let shown = || -> rustix::io::Result<()> {
        mount_bind(source, view)?;
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(view, flags, c"")?;
        mount_bind(view, target)
    };
    let shown = shown();
    clear(view)?;
    remove_folder(view)?;
    Ok(shown?)
}

/// Makes a folder for a mount, or takes one that is there.
///
/// # Errors
/// Something else is there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    // A dead mount can't be asked what it is.
    if on(path)?.is_some() {
        return Ok(());
    }
    fs::create_dir_all(path)
}

/// Takes an empty folder away. It is not there: nothing happens.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_ordinary_folder_is_alive_and_unmounted() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(health(folder.path()).await, Health::Alive);
        clear(folder.path()).unwrap();
        let made = folder.path().join("a/b");
        make_folder(&made).unwrap();
        make_folder(&made).unwrap();
        remove_folder(&made).unwrap();
        remove_folder(&made).unwrap();
    }
}
