//! Files that are fetched before they are opened, and who says which.

use crate::read_only::pattern;
use ossplit_testkit::{Finished, Mounted, Server, ServerOptions, oss, ossplit, run_with, until};
use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::MetadataExt as _, net::UnixStream},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

const FOLDERS: usize = 3;
const EACH: usize = 100;

fn key(i: usize) -> String {
    format!("d{}/f{:04}", i / EACH, i % EACH)
}

/// Files of many sizes: their number, and how long it takes to send them one after another.
fn filled(server: &Server) -> (usize, Duration) {
    let start = Instant::now();
    for i in 0..FOLDERS * EACH {
        oss::put(server, "data", &key(i), &pattern(1 + i * 97, i as u64));
    }
    (FOLDERS * EACH, start.elapsed())
}

/// Reads file `i` and compares every byte.
fn read(mount: &Mounted, i: usize) {
    let data = fs::read(mount.path(&key(i))).unwrap();
    assert!(data == pattern(1 + i * 97, i as u64), "{}", key(i));
}

fn slow() -> Server {
    Server::with(&ServerOptions {
        latency: 20,
        ..ServerOptions::default()
    })
}

/// Gives the mount a list in a file.
fn prefetch(at: &std::path::Path, more: &[&str], list: &[u8]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    fs::write(&file, list).unwrap();
    let mut command = Command::new(ossplit());
    command.arg("prefetch").arg(at).arg("--list").arg(&file);
    run_with(command.args(more))
}

#[test]
fn files_in_order_cost_one_get_each_and_do_not_wait_for_each() {
    let server = slow();
    let (files, one_by_one) = filled(&server);
    let mount = Mounted::new(&server, "data", "ro,kernel_cache");
    server.reset();
    let start = Instant::now();
    for i in 0..files {
        read(&mount, i);
    }
    let took = start.elapsed();
    let counted = server.requests();
    assert_eq!(
        counted.get("GetObject"),
        Some(&(files as u64)),
        "{counted:?}"
    );
    assert_eq!(counted.get("HeadObject"), None, "{counted:?}");
    let lists = 1 + FOLDERS as u64;
    assert!(counted["ListObjectsV2"] <= lists, "{counted:?}");
    assert!(took < one_by_one / 2, "{took:?} of {one_by_one:?}");
    server.reset();
    for i in (0..files).map(|i| i * 7 % files) {
        read(&mount, i);
    }
    let counted = server.requests();
    assert!(
        counted.is_empty(),
        "a second pass asks nothing: {counted:?}"
    );
    mount.unmount();
}

#[test]
fn a_shuffled_list_is_fetched_exactly_and_in_order() {
    let server = slow();
    let (files, one_by_one) = filled(&server);
    let mount = Mounted::new(&server, "data", "ro,kernel_cache");
    let order: Vec<usize> = (0..files).map(|i| i * 77 % files).collect();
    server.reset();
    // Some relative, some absolute.
    let lines = order.iter().enumerate().map(|(n, i)| match n % 2 {
        0 => key(*i) + "\n",
        _ => format!("{}\n", mount.path(&key(*i)).display()),
    });
    let list: String = lines.collect();
    let told = prefetch(&mount.path(""), &[], list.as_bytes());
    assert_eq!(told.status, 0, "{told:?}");
    assert_eq!(
        told.stdout,
        format!("{files} files will be fetched ahead of their reads\n")
    );
    until("the first files", || {
        server
            .requests()
            .get("GetObject")
            .is_some_and(|gets| *gets >= 16)
    });
    let start = Instant::now();
    for i in &order {
        read(&mount, *i);
    }
    let took = start.elapsed();
    let counted = server.requests();
    assert_eq!(
        counted.get("GetObject"),
        Some(&(files as u64)),
        "{counted:?}"
    );
    assert!(
        counted["ListObjectsV2"] <= 2 + FOLDERS as u64,
        "{counted:?}"
    );
    assert!(took < one_by_one / 2, "{took:?} of {one_by_one:?}");
    mount.unmount();
}

#[test]
fn nul_separated_lists_take_any_name_and_a_folder_below_the_mount() {
    let server = Server::start();
    oss::put(&server, "data", "d/new\nline", b"1");
    oss::put(&server, "data", "d/other", b"2");
    let mount = Mounted::new(&server, "data", "ro");
    server.reset();
    let told = prefetch(&mount.path("d"), &["-0"], b"new\nline\0other\0");
    assert_eq!(told.status, 0, "{told:?}");
    until("both files", || {
        server.requests().get("GetObject") == Some(&2)
    });
    assert_eq!(fs::read(mount.path("d/new\nline")).unwrap(), b"1");
    mount.unmount();
}

#[test]
fn what_can_not_be_prefetched_is_told() {
    let server = Server::start();
    oss::put(&server, "data", "a", b"1");
    let mount = Mounted::new(&server, "data", "ro");
    let told = prefetch(&mount.path(""), &[], b"a\n../../etc/passwd\n");
    assert_eq!(told.status, 1);
    assert!(
        told.stderr.contains("line 2: ../../etc/passwd is not in"),
        "{told:?}"
    );
    let told = prefetch(std::path::Path::new("/proc"), &[], b"a\n");
    assert_eq!(told.status, 1);
    assert!(
        told.stderr.contains("is not in a mounted bucket"),
        "{told:?}"
    );
    let told = prefetch(&mount.path(""), &["--name", "two words"], b"a\n");
    assert_eq!(told.status, 1);
    assert!(
        told.stderr.contains("a list's name has 1 to 64"),
        "{told:?}"
    );
    let told = prefetch(&mount.path(""), &[], &[b'x'; 5000]);
    assert_eq!(told.status, 1);
    assert!(
        told.stderr.contains("line 1: a path has 1 to 4096 bytes"),
        "{told:?}"
    );
    mount.unmount();
}

/// The socket as `docs/prefetch.md` says that it is found.
fn socket(mount: &Mounted) -> PathBuf {
    let device = fs::metadata(mount.path("")).unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    format!("/run/ossplit/prefetch-{major}:{minor}").into()
}

fn talk(socket: &PathBuf, words: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(words).unwrap();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_socket_speaks_as_documented_and_goes_with_the_mount() {
    let server = Server::start();
    let (files, _) = filled(&server);
    let mount = Mounted::new(&server, "data", "ro");
    let socket = socket(&mount);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert_eq!(
        talk(&socket, b"prefetch 1 a\nd0/f0001\0absent\0\0"),
        "ok 2\n"
    );
    assert_eq!(talk(&socket, b"prefetch 1 b\n\0"), "ok 0\n");
    assert!(talk(&socket, b"GET / HTTP/1.1\n").starts_with("error the first line"));
    assert!(talk(&socket, b"prefetch 2 a\n\0").starts_with("error the first line"));
    assert!(talk(&socket, b"prefetch 1 a\nd0/f0002\0").starts_with("error the list ended"));
    let long = [&b"prefetch 1 a\n"[..], &[b'x'; 8000]].concat();
    assert!(talk(&socket, &long).starts_with("error a path has more than"));
    read(&mount, files - 1);
    mount.unmount();
    assert!(!socket.exists(), "it ends with the mount");
}
