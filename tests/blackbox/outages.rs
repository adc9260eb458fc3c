//! A read-write mount whose surroundings fail for a while or for good: what is stated in `docs/reliability.md`.

use crate::{full_disk::SmallDisk, read_only::pattern};
use ossplit_testkit::{
    Mounted, Server, ServerOptions, mounted, oss, run, run_with, server::signal,
};
use rustix::{io::Errno, process::Signal};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> Option<i32> {
    result.unwrap_err().raw_os_error()
}

/// Megabytes free on a disk.
fn free(disk: &Path) -> u64 {
    let figures = rustix::fs::statvfs(disk).unwrap();
    (figures.f_bavail * figures.f_frsize) >> 20
}

/// Writes megabytes, in an order that can't be streamed, until one is refused. Gives how many there was room for.
fn fill(file: &File) -> (u64, io::Error) {
    for n in 0..100 {
        let place = (99 - n) << 20;
        if let Err(error) = file.write_all_at(&pattern(1 << 20, place), place) {
            return (n, error);
        }
    }
    panic!("there was room for everything");
}

#[test]
fn a_full_tmpdir_is_enospc_and_loses_nothing() {
    let disk = SmallDisk::new(40);
    for (options, keeps) in [
        ("", 0),
        ("ensure_diskfree=25", 25),
        ("free_space_ratio=50", 20),
    ] {
        let server = Server::start();
        let options = format!(
            "memory=16M,multipart_size=1,tmpdir={},{options}",
            disk.path().display()
        );
        let mount = Mounted::new(&server, "data", &options);
        fs::write(mount.path("before"), b"whole").unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(mount.path("f"))
            .unwrap();
        let (written, refused) = fill(&file);
        assert_eq!(
            refused.raw_os_error(),
            Some(Errno::NOSPC.raw_os_error()),
            "{options}"
        );
        assert!(written > 5, "{options}: {written}");
        assert!(
            free(&disk.path()) >= keeps,
            "{options}: {}",
            free(&disk.path())
        );
        // What there was room for is there, and can be stored.
        file.sync_all().unwrap();
        let there = oss::get(&server, "data", "f").unwrap();
        assert_eq!(there.len(), 100 << 20);
        for n in 0..written {
            let place = (99 - n) << 20;
            let piece = &there[place as usize..][..1 << 20];
            assert!(piece == pattern(1 << 20, place), "{options}: {n}");
        }
        // Streams need no disk, and what needs it has it again once the file is closed.
        fs::write(mount.path("stream"), pattern(50 << 20, 1)).unwrap();
        drop(file);
        fs::remove_file(mount.path("f")).unwrap();
        ossplit_testkit::until("room again", || free(&disk.path()) > 35);
        assert_eq!(oss::get(&server, "data", "before").unwrap(), b"whole");
        mount.unmount();
    }
}

#[test]
fn a_key_that_may_only_read_gets_eacces_for_changes() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(
        &keys,
        r#"{"keys": [{"id": "viewer", "secret": "viewer-secret-0123", "role": "read-only"}]}"#,
    )
    .unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.display().to_string()],
        ..Default::default()
    });
    oss::put(&server, "data", "d/f", b"text");
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let passwords = folder.path().join("passwords");
    fs::write(&passwords, "viewer:viewer-secret-0123\n").unwrap();
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
    let mut mount = mounted::command(&server.url(), "data", &point, &passwords, "");
    assert_eq!(run_with(&mut mount).status, 0);
    assert_eq!(fs::read(point.join("d/f")).unwrap(), b"text");
    let denied = Some(Errno::ACCESS.raw_os_error());
    let mut file = File::create(point.join("new")).unwrap();
    file.write_all(b"x").unwrap();
    assert_eq!(errno(file.sync_all()), denied);
    drop(file);
    assert_eq!(errno(fs::create_dir(point.join("e"))), denied);
    assert_eq!(errno(fs::remove_file(point.join("d/f"))), denied);
    assert_eq!(
        errno(fs::rename(point.join("d/f"), point.join("g"))),
        denied
    );
    assert_eq!(errno(fs::rename(point.join("d"), point.join("e"))), denied);
    let names: Vec<_> = fs::read_dir(&point)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["d"], "nothing is shown that is not there");
    assert_eq!(fs::read(point.join("d/f")).unwrap(), b"text");
    assert_eq!(run(&["umount".as_ref(), point.as_os_str()]).status, 0);
    assert_eq!(oss::keys(&server, "data", ""), ["d/f"]);
}

#[test]
fn a_bucket_that_is_deleted_is_an_error_of_each_call() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"text");
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    let mut open = File::create(mount.path("new")).unwrap();
    open.write_all(b"lost").unwrap();
    oss::delete(&server, "data", "f");
    let gone = oss::send(&server, "DELETE", "data", None, &[], &[], b"");
    assert_eq!(gone.status, 204);
    assert_eq!(errno(open.sync_all()), Some(Errno::NOENT.raw_os_error()));
    assert_eq!(
        errno(fs::read(mount.path("f"))),
        Some(Errno::NOENT.raw_os_error())
    );
    assert_eq!(
        errno(fs::create_dir(mount.path("d"))),
        Some(Errno::NOENT.raw_os_error())
    );
    assert!(
        fs::read_dir(mount.path(""))
            .unwrap()
            .next()
            .is_none_or(|entry| entry.is_err())
    );
    drop(open);
    // Made again, it serves again.
    let made = oss::send(&server, "PUT", "data", None, &[], &[], b"");
    assert_eq!(made.status, 200);
    fs::write(mount.path("again"), b"x").unwrap();
    assert_eq!(oss::get(&server, "data", "again").unwrap(), b"x");
    mount.unmount();
}

#[test]
fn a_key_that_is_revoked_gets_eacces_until_it_is_good_again() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    fs::write(mount.path("f"), b"before").unwrap();
    server.set_faults(r#"{"rules": [{"status": 403, "code": "InvalidAccessKeyId"}]}"#);
    let denied = Some(Errno::ACCESS.raw_os_error());
    assert_eq!(errno(fs::read(mount.path("f"))), denied);
    let mut file = File::create(mount.path("g")).unwrap_or_else(|_| {
        // The lookup before may be refused already.
        tempfile::tempfile().unwrap()
    });
    file.write_all(b"x").unwrap();
    drop(file);
    assert_eq!(errno(fs::create_dir(mount.path("d"))), denied);
    server.set_faults(r#"{"rules": []}"#);
    fs::write(mount.path("f"), b"after").unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"after");
    mount.unmount();
}

#[test]
fn a_clock_that_is_hours_off_is_corrected() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    for hours in [5, -5] {
        let skew = hours * 3_600_000;
        server.set_faults(&format!(r#"{{"rules": [{{"clock_skew_ms": {skew}}}]}}"#));
        let body = pattern(3_000_000, 9);
        fs::write(mount.path("f"), &body).unwrap();
        assert!(fs::read(mount.path("f")).unwrap() == body);
        fs::rename(mount.path("f"), mount.path("g")).unwrap();
        assert!(fs::read(mount.path("g")).unwrap() == body);
    }
    mount.unmount();
}

/// How long the service is away: `OSSPLIT_OUTAGE=60` for the long form.
fn outage() -> Duration {
    let seconds = option_env!("OSSPLIT_OUTAGE").map_or(5, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// Writes half a file, and once it is told to go on the rest and another one. A program of its own: were the file open in this
/// process, each program that any test starts meanwhile would close its copy of the descriptor, which waits as `close` does.
const WRITER: &str = r#"
import os, sys
body = open(sys.argv[1], "rb").read()
half = open("half", "wb", buffering=0)
half.write(body[:2_000_000])
print("half", flush=True)
sys.stdin.readline()
half.write(body[2_000_000:])
os.fsync(half.fileno())
half.close()
with open("new", "wb") as new:
    new.write(body)
"#;

/// Writes while the service is away, and checks that it was waited for.
fn outlast(mount: &Mounted, away: impl FnOnce(), back: impl FnOnce() -> Server) {
    let body = pattern(3_500_000, 2);
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("body");
    fs::write(&source, &body).unwrap();
    let mut writer = Command::new("python3")
        .args(["-c", WRITER])
        .arg(&source)
        .current_dir(mount.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    lines.read_line(&mut said).unwrap();
    assert_eq!(said, "half\n");
    away();
    let start = Instant::now();
    writer.stdin.take().unwrap().write_all(b"\n").unwrap();
    while start.elapsed() < outage() {
        std::thread::park_timeout(Duration::from_millis(100));
        assert!(
            writer.try_wait().unwrap().is_none(),
            "it waits for the service"
        );
    }
    let server = back();
    assert!(writer.wait().unwrap().success());
    for name in ["half", "new"] {
        assert!(oss::get(&server, "data", name).unwrap() == body, "{name}");
    }
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn an_endpoint_that_is_silent_for_a_while_is_waited_for() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "multipart_size=1");
    let pid = server.pid();
    let back = move || {
        signal(pid, Signal::CONT);
        server
    };
    outlast(&mount, || signal(pid, Signal::STOP), back);
    mount.unmount();
}

#[test]
fn an_endpoint_that_refuses_connections_is_tried_as_often_as_told() {
    let store = tempfile::tempdir().unwrap();
    let start = |listen| {
        Server::with(&ServerOptions {
            data: Some(store.path().to_owned()),
            listen,
            ..Default::default()
        })
    };
    let mut server = start(None);
    let address = server.address.clone();
    // Without patience the error comes soon.
    let quick = Mounted::new(&server, "data", "retries=2");
    let mount = Mounted::new(&server, "data", "multipart_size=1,retries=30");
    let away = || {
        let mut refused = File::create(quick.path("quick")).unwrap();
        refused.write_all(b"x").unwrap();
        server.kill();
        let began = Instant::now();
        assert_eq!(errno(refused.sync_all()), Some(Errno::IO.raw_os_error()));
        assert!(began.elapsed() < Duration::from_secs(5));
    };
    outlast(&mount, away, || start(Some(address)));
    mount.unmount();
}
