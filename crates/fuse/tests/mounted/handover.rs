//! A successor goes on with a mount whose server is dead, or was stopped.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use ossplit_fuse::mount::MountOptions;
use ossplit_fuse::{End, InitFlags, InitOptions, Negotiated, Session};

use crate::harness::{DEADLINE, Mounted, in_thread};
use crate::memfs::MemFs;

const CONTENT: &[u8] = b"survives its server";

fn tree() -> MemFs {
    let filesystem = MemFs::new();
    filesystem
        .tree
        .add(1, OsStr::new("file"), libc::S_IFREG | 0o644, CONTENT)
        .unwrap();
    filesystem
}

/// The other process. Run by name from the test below, with the descriptor as its standard input;
/// among the other tests there is none and it has nothing to do. It serves everything but READ,
/// which it takes and never answers, and leaves a mark once it has one.
#[test]
fn serve_the_inherited_descriptor() {
    let inherited = fs::read_link("/proc/self/fd/0").unwrap_or_default();
    if inherited != Path::new("/dev/fuse") {
        return;
    }
    let negotiated: Negotiated =
        serde_json::from_slice(&fs::read("negotiated.json").unwrap()).unwrap();
    let fd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let filesystem = MemFs {
        on_read: Box::new(|_, _, reply| {
            fs::write("mark", b"a read is taken").unwrap();
            std::mem::forget(reply);
            None
        }),
        ..tree()
    };
    let running = Session::resume(fd, [], negotiated)
        .start(&Arc::new(filesystem))
        .unwrap();
    running.join().unwrap();
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_blocked_read_survives_kill_9_of_the_server() {
    let (session, mut mounted) =
        Mounted::not_started(2, &MountOptions::default(), &InitOptions::default());
    let resend = InitFlags::HAS_RESEND;
    assert!(
        session.negotiated().flags().contains(resend),
        "Linux 6.9 or newer is needed"
    );
    let mut kept = mounted.take_kept().into_iter();
    let (original, clone) = (kept.next().unwrap(), kept.next().unwrap());
    let negotiated = session.negotiated().clone();
    drop(session);

    // The other process gets the clone; this one is the keeper and holds it too.
    let work = tempfile::tempdir().unwrap();
    fs::write(
        work.path().join("negotiated.json"),
        serde_json::to_vec(&negotiated).unwrap(),
    )
    .unwrap();
    let mark = Marked::new(work.path());
    let mut server = Killed(
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "handover::serve_the_inherited_descriptor",
                "--nocapture",
            ])
            .current_dir(work.path())
            .stdin(Stdio::from(clone.try_clone().unwrap()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let path = mounted.path("file");
    let content = in_thread(move || fs::read(path));
    mark.wait();
    server.0.kill().unwrap();
    server.0.wait().unwrap();

    let (sender, resent) = mpsc::channel();
    let sender = Mutex::new(sender);
    let successor = MemFs {
        on_read: Box::new(move |header, _, reply| {
            sender
                .lock()
                .unwrap()
                .send(header.unique.is_resent())
                .unwrap();
            Some(reply)
        }),
        ..tree()
    };
    let session = Session::resume(original, [clone], negotiated);
    mounted.notifier.resend().unwrap();
    mounted.put_running(session.start(&Arc::new(successor)).unwrap());
    assert_eq!(content.recv_timeout(DEADLINE).unwrap().unwrap(), CONTENT);
    assert!(
        resent.recv_timeout(DEADLINE).unwrap(),
        "it was marked as sent again"
    );
    fs::write(mounted.path("new"), b"and the mount goes on").unwrap();
    assert_eq!(mounted.end(), End::Unmounted);
}

/// Waits for the file `mark` to appear in a directory, without polling.
struct Marked(rustix::fd::OwnedFd);

impl Marked {
    fn new(dir: &Path) -> Self {
        use rustix::fs::inotify;
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&fd, dir, inotify::WatchFlags::CREATE).unwrap();
        Self(fd)
    }

    fn wait(&self) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let limit = Timespec {
            tv_sec: DEADLINE.as_secs().cast_signed(),
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert_eq!(
            poll(&mut fds, Some(&limit)),
            Ok(1),
            "the other process took the read"
        );
    }
}

#[test]
fn a_stopped_session_is_taken_up_by_another_without_a_lost_request() {
    let first = Arc::new(tree());
    let mut mounted = Mounted::with(&first, 3, &MountOptions::default(), &InitOptions::default());
    let negotiated = mounted.negotiated.clone();
    let reader = {
        let path = mounted.path("file");
        in_thread(move || {
            for _ in 0..200 {
                assert_eq!(fs::read(&path).unwrap(), CONTENT);
                assert!(fs::metadata(path.with_file_name("missing")).is_err());
            }
        })
    };
    for _ in 0..5 {
        assert_eq!(mounted.take_running().stop().unwrap(), End::Stopped);
        let mut kept = mounted.take_kept().into_iter();
        let session = Session::resume(kept.next().unwrap(), kept, negotiated.clone());
        mounted.keep(&session);
        mounted.notifier.resend().unwrap();
        mounted.put_running(session.start(&first).unwrap());
    }
    reader.recv_timeout(DEADLINE).unwrap();
    assert_eq!(mounted.end(), End::Unmounted);
}
