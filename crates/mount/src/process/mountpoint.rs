//! A mount point and what is mounted there, looked at without ever waiting for a server that hangs.

use super::fork::{self, Side};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    mount::UnmountFlags,
    pipe::{PipeFlags, pipe_with},
    process::Signal,
};
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a server that is alive may take for one answer while we look.
const PATIENCE: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// Links in a row before we give up, as in the kernel.
const LINKS: usize = 40;

/// The place that the kernel's table has for `path`: absolute, through links. What is mounted there is
/// not asked, so that this works on a dead mount.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..LINKS {
        if is_fuse(&path) {
            break;
        }
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            let Ok(parent) = parent.canonicalize() else {
                break;
            };
            path = parent.join(name);
        }
        match (is_fuse(&path), path.read_link()) {
            (false, Ok(target)) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            (true, _) | (_, Err(_)) => break,
        }
    }
    path
}

fn is_fuse(path: &Path) -> bool {
    matches!(ossplit_fuse::mount::find(path), Ok(Some(found)) if found.is_fuse())
}

/// How the server of a mount does.
#[derive(Debug, PartialEq, Eq)]
enum Server {
    Alive,
    /// Every call gives "Transport endpoint is not connected".
    Gone,
    /// It gave no answer in time.
    Silent,
}

/// Takes a mount whose server is gone out of the tree; true if there was one. Only for a process of one
/// thread: it forks.
pub(crate) fn detach_if_dead(mountpoint: &Path) -> io::Result<bool> {
    let mut any = false;
    // Several can lie on one another, each from a start that ended badly; more than a few is a loop.
    for _ in 0..8 {
        if !is_fuse(mountpoint) || ask(mountpoint)? != Server::Gone {
            return Ok(any);
        }
        match rustix::mount::unmount(mountpoint, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Without root only the helper may.
            Err(Errno::PERM) => {
                let mut helper = Command::new("fusermount3");
                helper.args(["-u", "-z", "--"]).arg(mountpoint);
                helper.stdin(Stdio::null()).stdout(Stdio::null());
                if !helper.stderr(Stdio::null()).status()?.success() {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
            }
            Err(errno) => return Err(errno.into()),
        }
        any = true;
    }
    Ok(any)
}

/// Has a child look: a call that hangs can't be taken back, but a child can be left to itself.
fn ask(mountpoint: &Path) -> io::Result<Server> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    match fork::fork()? {
        Side::Child => {
            let gone = matches!(
                rustix::fs::stat(mountpoint),
                Err(Errno::NOTCONN | Errno::CONNABORTED)
            );
            let _ = rustix::io::write(&write, &[u8::from(gone)]);
            fork::exit_at_once(0)
        }
        Side::Parent(child) => {
            drop(write);
            let mut waiting = [PollFd::new(&read, PollFlags::IN)];
            let mut answer = [0];
            let told = poll(&mut waiting, Some(&PATIENCE)).is_ok_and(|ready| ready > 0)
                && rustix::io::read(&read, &mut answer).is_ok_and(|read| read == 1);
            if !told {
                let _ = rustix::process::kill_process(child, Signal::KILL);
                return Ok(Server::Silent);
            }
            fork::reap(child);
            Ok(if answer == [1] {
                Server::Gone
            } else {
                Server::Alive
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("second", &link).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("second")).unwrap();
        assert_eq!(resolve(&link), real);
        assert_eq!(resolve(&folder.path().join("./real/")), real);
        let missing = real.join("missing");
        assert_eq!(resolve(&missing), missing);
        let around = folder.path().join("around");
        std::os::unix::fs::symlink("around", &around).unwrap();
        assert!(resolve(&around).ends_with("around"));
    }
}
