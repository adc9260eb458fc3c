//! The mount's end.

use super::{LONGEST, folder, socket};
use ossplit_fs::{FileSystem, PrefetchList};
use ossplit_fuse::mount::ConnectionId;
use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};

/// Bytes of paths that are handed on at once.
const PIECE: usize = 64 << 10;
/// Bytes of the first line at most.
const HEADER: usize = 128;
/// How long the first line may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Programs served at once; more wait.
const AT_ONCE: usize = 64;

/// The socket of a mount, for as long as this lives.
pub(crate) struct Listening {
    path: PathBuf,
    /// Of the socket's file: a successor may have put its own there.
    inode: u64,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Listens for lists for the mount with this minor device number. To be called in the runtime.
    ///
    /// # Errors
    /// The folder can't be made or belongs to somebody else, or the socket can't be made.
    pub(crate) fn start(fs: &Arc<FileSystem>, minor: u32) -> io::Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        own_folder(&folder(user), user)?;
        // FUSE mounts have no device of their own, so the kernel gives them numbers with 0 in front.
        let path = socket(user, ConnectionId { major: 0, minor });
        // Of a mount that had this number before.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let task = tokio::spawn(accept(listener, Arc::clone(fs), user));
        let inode = std::fs::symlink_metadata(&path)?.ino();
        Ok(Self { path, inode, task })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes the folder, or makes sure that nobody else has made it.
fn own_folder(folder: &Path, user: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    let others_may = found.mode() & 0o077;
    if found.is_dir() && found.uid() == user && others_may == 0 {
        return Ok(());
    }
    let text = format!(
        "{} is not a folder of user {user} with mode 700: remove it",
        folder.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

async fn accept(listener: UnixListener, fs: Arc<FileSystem>, user: u32) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, most likely: they become fewer.
                tracing::warn!(%error, "the prefetch socket can't take a connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let fs = Arc::clone(&fs);
        tokio::spawn(async move {
            serve(stream, &fs, user).await;
            drop(place);
        });
    }
}

async fn serve(mut stream: UnixStream, fs: &FileSystem, user: u32) {
    let known = stream.peer_cred().map(|peer| peer.uid());
    let answer = match known {
        Ok(peer) if peer == user || peer == 0 => match take(&mut stream, fs).await {
            Ok(count) => format!("ok {count}\n"),
            Err(text) => format!("error {text}\n"),
        },
        _ => "error this mount is another user's\n".to_owned(),
    };
    // Who went away does not want it.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Takes one list in; the number of its paths, or what is wrong.
async fn take(stream: &mut UnixStream, fs: &FileSystem) -> Result<u64, String> {
    let mut bytes = Vec::with_capacity(PIECE);
    let list = timeout(PATIENCE, begin(stream, &mut bytes, fs)).await;
    let list = list.map_err(|_| "no first line came within 10 s".to_owned())??;
    let mut count = 0;
    loop {
        let (whole, end) = split(&bytes)?;
        let rest = bytes.split_off(whole);
        let paths = std::mem::replace(&mut bytes, rest);
        if !paths.is_empty() {
            count += paths.split_inclusive(|byte| *byte == 0).count() as u64;
            let pushed = list.push(paths).await;
            pushed.map_err(|_| "another list of this name came".to_owned())?;
        }
        if end {
            list.finish();
            return Ok(count);
        }
        bytes.reserve(PIECE);
        if read(stream, &mut bytes).await? == 0 {
            return Err("the list ended without an empty path".to_owned());
        }
    }
}

/// Reads the first line; what came after it stays in `bytes`.
async fn begin(
    stream: &mut UnixStream,
    bytes: &mut Vec<u8>,
    fs: &FileSystem,
) -> Result<PrefetchList, String> {
    let wrong = || "the first line has to be: prefetch 1 NAME".to_owned();
    let end = loop {
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            break end;
        }
        if bytes.len() > HEADER || read(stream, bytes).await? == 0 {
            return Err(wrong());
        }
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| wrong())?;
    let name = line.strip_prefix("prefetch 1 ").ok_or_else(wrong)?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(good) {
        return Err("a list's name has 1 to 64 characters of A-Z a-z 0-9 . _ : -".to_owned());
    }
    let list = fs.prefetch_list(name);
    bytes.drain(..=end);
    Ok(list)
}

async fn read(stream: &mut UnixStream, bytes: &mut Vec<u8>) -> Result<usize, String> {
    let read = stream.read_buf(bytes).await;
    read.map_err(|error| format!("the list can't be read: {error}"))
}

/// How many bytes are whole paths, and whether the empty path at the end came.
fn split(bytes: &[u8]) -> Result<(usize, bool), String> {
    let mut whole = 0;
    while let Some(length) = bytes[whole..].iter().position(|byte| *byte == 0) {
        if length == 0 {
            return Ok((whole, true));
        }
        if length > LONGEST {
            break;
        }
        whole += length + 1;
    }
    if bytes.len() - whole > LONGEST {
        return Err(format!("a path has more than {LONGEST} bytes"));
    }
    Ok((whole, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_paths_are_told_from_the_rest() {
        assert_eq!(split(b""), Ok((0, false)));
        assert_eq!(split(b"a/b"), Ok((0, false)));
        assert_eq!(split(b"a/b\0c"), Ok((4, false)));
        assert_eq!(split(b"a/b\0c\0\0"), Ok((6, true)));
        assert_eq!(split(b"\0"), Ok((0, true)));
        assert!(split(&[b'x'; LONGEST + 1]).is_err());
        let mut long = vec![b'x'; LONGEST + 1];
        long.push(0);
        assert!(split(&long).is_err());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let user = rustix::process::geteuid().as_raw();
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("sockets");
        own_folder(&folder, user).unwrap();
        own_folder(&folder, user).unwrap();
        assert!(own_folder(&folder, user + 1).is_err());
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = own_folder(&folder, user).unwrap_err().to_string();
        assert!(error.contains("mode 700"), "{error}");
    }
}
