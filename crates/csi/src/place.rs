//! Mount points: what is mounted on a path, whether it still answers, bind mounts of it, and its end.

use parking_lot::Mutex;
use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};
use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};
use tokio::sync::watch;

/// What a mount that is alive may take for one answer while we look.
const PATIENCE: Duration = Duration::from_secs(2);
/// Mounts that may lie on one another; more is a loop.
const LAYERS: usize = 32;

/// A line of the kernel's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) path: PathBuf,
    /// `major:minor` of the file system.
    pub(crate) device: String,
    pub(crate) read_only: bool,
    pub(crate) kind: String,
}

/// How the server of a mount does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Alive,
    /// "Transport endpoint is not connected".
    Dead,
    /// No answer in time: its server is away or hangs.
    Silent,
}

/// Everything that is mounted; later lines lie over earlier ones. Asks the kernel's table alone.
pub(crate) fn table() -> io::Result<Vec<Mount>> {
    let table = fs::read("/proc/self/mountinfo")?;
    Ok(table
        .split(|byte| *byte == b'\n')
        .filter_map(parse)
        .collect())
}

/// The topmost mount on exactly that path.
pub(crate) fn on(path: &Path) -> io::Result<Option<Mount>> {
    Ok(table()?.into_iter().rfind(|mount| mount.path == path))
}

fn parse(line: &[u8]) -> Option<Mount> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let separator = words.iter().position(|word| *word == b"-")?;
    Some(Mount {
        device: text(words.get(2)?),
        path: OsString::from_vec(unescape(words.get(4)?)).into(),
        read_only: words
            .get(5)?
            .split(|byte| *byte == b',')
            .any(|word| word == b"ro"),
        kind: text(words.get(separator + 1)?),
    })
}

/// Blanks and backslashes are written as three octal digits.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) if byte == b'\\' => {
                out.push(value);
                rest = &tail[3..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
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

    #[test]
    fn the_kernel_s_lines_are_read() {
        let line = b"40 22 0:51 / /mnt/a\\040b ro,nosuid shared:1 - fuse.ossfs data rw,user_id=0";
        let mount = parse(line).unwrap();
        assert_eq!(mount.path, Path::new("/mnt/a b"));
        assert_eq!((&*mount.device, &*mount.kind), ("0:51", "fuse.ossfs"));
        assert!(
            mount.read_only,
            "of this mount, whatever the file system's own words"
        );
        assert_eq!(parse(b"broken"), None);
        assert!(on(Path::new("/proc")).unwrap().is_some());
    }

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
