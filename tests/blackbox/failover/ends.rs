//! How a kept mount ends: nothing is left over, or a clear "busy".

use super::load::fill;
use ossplit_testkit::{
    Finished, Mounted, Server, is_mounted, mounted, run, run_with, server::signal, until,
    until_some,
};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    process::Command,
};

/// A mount whose `tmpdir` can be looked into.
struct Kept {
    server: Server,
    mount: Mounted,
    tmpdir: tempfile::TempDir,
    /// The inode of its keeper's socket.
    socket: String,
}

impl Kept {
    fn new() -> Self {
        let server = Server::start();
        fill(&server);
        let tmpdir = tempfile::tempdir().unwrap();
        let options = format!("multipart_size=1,tmpdir={}", tmpdir.path().display());
        let mount = Mounted::new(&server, "data", &options);
        let socket = until_some("its keeper to listen", || socket_of(mount.minor()));
        Self {
            server,
            mount,
            tmpdir,
            socket,
        }
    }

    /// Writes something that is on its way to OSS when the mount ends.
    fn use_it(&self) {
        fs::write(self.mount.path("written"), vec![7; 2_500_000]).unwrap();
        let mut text = Vec::new();
        File::open(self.mount.path("read/4"))
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
    }

    fn nothing_is_left(&self) {
        let point = self.mount.path("");
        until("the mount to be gone", || !is_mounted(&point));
        until("its processes to end", || self.mount.processes().is_empty());
        let table = fs::read_to_string("/proc/net/unix").unwrap();
        assert!(!table.contains(&self.socket), "its keeper's socket is gone");
        assert_eq!(fs::read_dir(&point).unwrap().count(), 0);
        let left: Vec<_> = self.tmpdir.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(
            ossplit_testkit::oss::unfinished_uploads(&self.server, "data"),
            0
        );
    }
}

/// The inode and address of the socket of this mount's keeper, as the kernel's table has them. The number is
/// given to the next mount when this one has ended, the inode is not.
fn socket_of(minor: u32) -> Option<String> {
    let wanted = format!(" @ossplit/mount/{minor}");
    let table = fs::read_to_string("/proc/net/unix").unwrap();
    let line = table.lines().find(|line| line.ends_with(&wanted))?;
    let inode = line.split_ascii_whitespace().nth(6)?;
    Some(format!(" {inode}{wanted}"))
}

fn ossplit_umount(kept: &Kept) -> Finished {
    run(&["umount".as_ref(), kept.mount.path("").as_os_str()])
}

fn umount(kept: &Kept) -> Finished {
    run_with(Command::new("umount").arg(kept.mount.path("")))
}

fn fusermount(kept: &Kept) -> Finished {
    run_with(
        Command::new("fusermount3")
            .arg("-u")
            .arg(kept.mount.path("")),
    )
}

#[test]
fn idle_or_used_nothing_is_left_over() {
    for end in [ossplit_umount, umount, fusermount] {
        for used in [false, true] {
            let kept = Kept::new();
            if used {
                kept.use_it();
            }
            let finished = end(&kept);
            assert_eq!(finished.status, 0, "{finished:?}");
            kept.nothing_is_left();
        }
    }
}

#[test]
fn busy_is_said_and_the_mount_goes_on() {
    let kept = Kept::new();
    let mut file = File::create(kept.mount.path("open")).unwrap();
    file.write_all(b"half").unwrap();
    for end in [ossplit_umount, umount, fusermount] {
        let finished = end(&kept);
        assert_ne!(finished.status, 0, "{finished:?}");
        assert!(finished.stderr.contains("busy"), "{finished:?}");
    }
    let who = ossplit_umount(&kept).stderr;
    assert!(who.contains(&std::process::id().to_string()), "{who}");
    file.write_all(b" and half").unwrap();
    drop(file);
    assert_eq!(fs::read(kept.mount.path("open")).unwrap(), b"half and half");
    assert_eq!(ossplit_umount(&kept).status, 0);
    kept.nothing_is_left();
}

#[test]
fn sigterm_to_keeper_or_worker_ends_it() {
    for busy in [false, true] {
        for to_keeper in [true, false] {
            let kept = Kept::new();
            kept.use_it();
            let open = busy.then(|| {
                let mut file = File::create(kept.mount.path("open")).unwrap();
                file.write_all(b"so far").unwrap();
                file
            });
            let worker = kept.mount.worker().unwrap();
            signal(
                if to_keeper {
                    kept.mount.keeper()
                } else {
                    worker
                },
                Signal::TERM,
            );
            kept.nothing_is_left();
            if let Some(mut file) = open {
                assert!(file.write_all(b"too late").is_err());
                let there = ossplit_testkit::oss::get(&kept.server, "data", "open");
                assert_eq!(there.as_deref(), Some(&b"so far"[..]));
            }
        }
    }
}

#[test]
fn the_foreground_form_ends_with_ctrl_c() {
    let server = Server::start();
    fill(&server);
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let passwords = mounted::password_file(folder.path());
    let mut child = mounted::command(&server.url(), "data", &point, &passwords, "")
        .arg("-f")
        .spawn()
        .unwrap();
    until("the mount", || {
        is_mounted(&point) && fs::read(point.join("read/1")).is_ok()
    });
    // The worker dies, and it is still the same command that Ctrl-C ends.
    let others = mounted::processes_naming(&point);
    let worker = others.into_iter().find(|pid| *pid != child.id()).unwrap();
    signal(worker, Signal::KILL);
    until("another worker", || {
        let others = mounted::processes_naming(&point);
        others
            .iter()
            .any(|pid| *pid != child.id() && *pid != worker)
    });
    assert_eq!(fs::read(point.join("read/1")).unwrap().len(), 1);
    signal(child.id(), Signal::INT);
    until("the mount to end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!is_mounted(&point));
    assert!(mounted::processes_naming(&point).is_empty());
}

#[test]
fn a_killed_keeper_ends_the_mount_and_nothing_stays_stuck() {
    let kept = Kept::new();
    let file = File::open(kept.mount.path("read/7")).unwrap();
    let path = kept.mount.path("read");
    let reader = std::thread::spawn(move || {
        // Until it sees the error that the page promises.
        while fs::read_dir(&path)
            .and_then(|mut names| names.next().unwrap())
            .is_ok()
        {}
    });
    signal(kept.mount.keeper(), Signal::KILL);
    until("the mount to be gone", || !is_mounted(&kept.mount.path("")));
    until("its processes to end", || kept.mount.processes().is_empty());
    until("the reader to see an error", || reader.is_finished());
    drop(file);

    // Both at once: a dead mount stays, and the next one takes its place.
    let kept = Kept::new();
    let processes = kept.mount.processes();
    for kind in [Signal::STOP, Signal::KILL] {
        for pid in &processes {
            signal(*pid, kind);
        }
    }
    until("its processes to end", || kept.mount.processes().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let passwords = mounted::password_file(folder.path());
    let point = kept.mount.path("");
    let again = run_with(&mut mounted::command(
        &kept.server.url(),
        "data",
        &point,
        &passwords,
        "",
    ));
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(fs::read(point.join("read/1")).unwrap().len(), 1);
    assert_eq!(run(&["umount".as_ref(), point.as_os_str()]).status, 0);
}
