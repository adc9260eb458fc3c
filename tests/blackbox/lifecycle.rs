//! How a mount begins and ends: no way of ending it leaves a dead mount or a process.

use ossplit_testkit::{
    Mounted, Server, is_mounted, mounted, oss, run, run_with, server::signal, until,
};
use rustix::process::Signal;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

fn gone(mount: &Mounted) {
    until("the mount to be gone", || !is_mounted(&mount.path("")));
    until("its processes to end", || mount.processes().is_empty());
    assert_eq!(
        fs::read_dir(mount.path("")).unwrap().count(),
        0,
        "the folder below is usable"
    );
}

fn mounted_server() -> (Server, Mounted) {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let mount = Mounted::new(&server, "data", "");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"x");
    (server, mount)
}

#[test]
fn ossplit_umount_ends_it() {
    let (_server, mount) = mounted_server();
    mount.unmount();
}

#[test]
fn umount_from_outside_ends_the_process() {
    let (_server, mount) = mounted_server();
    let finished = run_with(Command::new("umount").arg(mount.path("")));
    assert_eq!(finished.status, 0, "{finished:?}");
    gone(&mount);
}

#[test]
fn fusermount_from_outside_ends_the_process() {
    let (_server, mount) = mounted_server();
    let finished = run_with(Command::new("fusermount3").arg("-u").arg(mount.path("")));
    assert_eq!(finished.status, 0, "{finished:?}");
    gone(&mount);
}

#[test]
fn signals_end_it() {
    for kind in [Signal::TERM, Signal::INT, Signal::HUP] {
        if kind == Signal::HUP {
            // HUP reopens the log, as ossfs does: the mount goes on.
            let (_server, mount) = mounted_server();
            for pid in mount.processes() {
                signal(pid, kind);
            }
            assert_eq!(fs::read(mount.path("f")).unwrap(), b"x");
            mount.unmount();
            continue;
        }
        let (_server, mount) = mounted_server();
        for pid in mount.processes() {
            signal(pid, kind);
        }
        gone(&mount);
    }
}

#[test]
fn without_failover_a_killed_process_leaves_no_dead_mount() {
    // One at a time: whichever serves, the other cleans up.
    for victim in 0..2 {
        let server = Server::start();
        oss::put(&server, "data", "f", b"x");
        let mount = Mounted::new(&server, "data", "failover=off");
        let pids = mount.processes();
        assert_eq!(pids.len(), 2);
        signal(pids[victim], Signal::KILL);
        gone(&mount);
    }
}

#[test]
fn the_foreground_form_ends_with_its_signal() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let passwords = mounted::password_file(folder.path());
    let mut child = mounted::command(&server.url(), "data", &point, &passwords, "")
        .arg("-f")
        .spawn()
        .unwrap();
    until("the mount", || is_mounted(&point));
    assert_eq!(fs::read(point.join("f")).unwrap(), b"x");
    signal(child.id(), Signal::INT);
    until("the mount to end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!is_mounted(&point));
}

#[test]
fn a_busy_mount_says_so() {
    let (_server, mount) = mounted_server();
    let open = fs::File::open(mount.path("f")).unwrap();
    let finished = run(&["umount".as_ref(), mount.path("").as_os_str()]);
    assert_ne!(finished.status, 0, "{finished:?}");
    assert!(finished.stderr.contains("busy"), "{finished:?}");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"x", "it still serves");
    drop(open);
    mount.unmount();
}

#[test]
fn a_mount_that_another_namespace_has_too_says_so() {
    let (_server, mount) = mounted_server();
    let mut other = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "echo there; read over",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let there = other.stdout.take().unwrap();
    BufReader::new(there).read_line(&mut line).unwrap();
    let finished = run(&["umount".as_ref(), mount.path("").as_os_str()]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let holder = format!("process {} (sh)", other.id());
    assert!(finished.stderr.contains("namespace"), "{finished:?}");
    assert!(finished.stderr.contains(&holder), "{finished:?}");
    drop(other.stdin.take());
    other.wait().unwrap();
    gone(&mount);
}

#[test]
fn secrets_are_nowhere_to_be_seen() {
    let (_server, mount) = mounted_server();
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let secret = ossplit_testkit::server::KEY_SECRET;
    assert!(!table.contains(secret));
    for pid in mount.processes() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&line).contains(secret));
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert!(!String::from_utf8_lossy(&environment).contains(secret));
    }
    mount.unmount();
}

#[test]
fn the_binary_answers_to_ossfs() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    for name in ["ossfs", "mount.ossfs"] {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().join("mnt");
        fs::create_dir(&point).unwrap();
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(ossplit_testkit::ossplit(), &link).unwrap();
        let passwords = mounted::password_file(folder.path());
        let finished = run_with(
            Command::new(&link)
                .arg("data")
                .arg(&point)
                .arg(format!("-ourl={}", server.url()))
                .arg("-o")
                .arg(format!("passwd_file={}", passwords.display())),
        );
        assert_eq!(finished.status, 0, "{name}: {finished:?}");
        assert_eq!(fs::read(point.join("f")).unwrap(), b"x");
        assert_eq!(run(&["umount".as_ref(), point.as_os_str()]).status, 0);
    }
}
