//! What is timed.

use crate::{
    clients::{Bench, Client},
    plain::Connection,
};
use ossplit_testkit::{Server, oss};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

const SMALL: usize = 4096;
const FOLDERS: usize = 10;
/// New files of one run.
const CREATED: usize = 1000;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Every small file, in directory order, one thread.
    Small1,
    /// The same, eight threads taking the next file.
    Small8,
    /// read(1 MiB) through the large object.
    SeqRead,
    /// write(1 MiB) of a new large object, until close returned.
    SeqWrite,
    /// `ls -l` of one flat directory.
    List,
    /// New small files, each closed before the next, one thread.
    Create1,
    /// The same, eight threads.
    Create8,
    /// Renames a directory of as many empty files; plain: their copies alone, 64 at once.
    Rename,
    /// Changes 4 KiB in the middle of the large object, and syncs.
    Change,
}

/// Puts what the workloads read: small files in [`FOLDERS`] directories, a flat directory of as
/// many empty ones, and one large object.
pub(crate) fn fill(server: &Server, files: usize, mib: usize) {
    let body = vec![7; SMALL];
    in_threads(server, 64, files, |connection, i| {
        connection.send("PUT", &format!("/data/{}", small(i, files)), "", &body);
        connection.send("PUT", &format!("/data/{}", flat(i)), "", b"");
    });
    Connection::open(&server.address).send("PUT", "/data/large", "", &vec![9; mib << 20]);
}

/// The key of small file `i`, in key order over all directories.
fn small(i: usize, files: usize) -> String {
    let each = files.div_ceil(FOLDERS).max(1);
    format!("small/d{:02}/f{:06}", i / each, i % each)
}

fn flat(i: usize) -> String {
    format!("flat/f{i:06}")
}

impl Workload {
    pub(crate) const ALL: [Self; 9] = [
        Self::Small1,
        Self::Small8,
        Self::SeqRead,
        Self::SeqWrite,
        Self::List,
        Self::Create1,
        Self::Create8,
        Self::Rename,
        Self::Change,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small1 => "small-1",
            Self::Small8 => "small-8",
            Self::SeqRead => "seq-read",
            Self::SeqWrite => "seq-write",
            Self::List => "ls-l",
            Self::Create1 => "create-1",
            Self::Create8 => "create-8",
            Self::Rename => "rename",
            Self::Change => "change",
        }
    }

    /// 64 connections mean something where there are many requests.
    pub(crate) fn suits(self, client: Client) -> bool {
        match client {
            Client::Plain64 => matches!(
                self,
                Self::Small1 | Self::Small8 | Self::SeqRead | Self::Rename
            ),
            // Nothing of what a mount does here is one request.
            Client::Plain => !matches!(self, Self::Rename | Self::Change),
            // rclone renames a directory file by file, one at a time: minutes.
            Client::Rclone => self != Self::Rename,
            Client::Ossplit | Client::S3fs => true,
        }
    }

    /// Nothing is written.
    pub(crate) fn reads(self) -> bool {
        matches!(
            self,
            Self::Small1 | Self::Small8 | Self::SeqRead | Self::List
        )
    }

    /// Amount a second, with its unit.
    pub(crate) fn rate(self, seconds: f64, files: usize, mib: usize) -> (f64, &'static str) {
        match self {
            Self::Small1 | Self::Small8 => (files as f64 / seconds, "files/s"),
            Self::SeqRead | Self::SeqWrite => ((mib << 20) as f64 / 1e6 / seconds, "MB/s"),
            Self::List | Self::Rename => (files as f64 / seconds, "entries/s"),
            Self::Create1 | Self::Create8 => (CREATED as f64 / seconds, "files/s"),
            Self::Change => (1.0 / seconds, "changes/s"),
        }
    }

    /// Runs it once and gives the seconds it took.
    pub(crate) fn run(self, server: &Server, bench: &Bench, files: usize, mib: usize) -> f64 {
        if self == Self::Rename {
            make_tree(server, bench, files);
            server.reset();
        }
        let start = Instant::now();
        match (self, bench.client.is_plain()) {
            (Self::Small1 | Self::Small8, plain) => {
                let threads = match (self, bench.client) {
                    (_, Client::Plain64) => 64,
                    (Self::Small8, _) => 8,
                    _ => 1,
                };
                read_small(server, bench, files, threads, plain);
            }
            (Self::SeqRead, true) => plain_read(server, bench.client, mib),
            (Self::SeqRead, false) => read_file(bench, mib),
            (Self::SeqWrite, true) => {
                let body = vec![3; mib << 20];
                let start = Instant::now();
                Connection::open(&server.address).send("PUT", "/data/written", "", &body);
                return start.elapsed().as_secs_f64();
            }
            (Self::SeqWrite, false) => write_file(bench, mib),
            (Self::List, true) => plain_list(server, files),
            (Self::List, false) => list(bench, files),
            (Self::Create1, plain) => create(server, bench, 1, plain),
            (Self::Create8, plain) => create(server, bench, 8, plain),
            (Self::Rename, true) => copy_tree(server, bench, files),
            (Self::Rename, false) => {
                let (old, new) = (tree(bench), format!("{}-new", tree(bench)));
                std::fs::rename(bench.point.join(old), bench.point.join(new)).unwrap();
            }
            (Self::Change, _) => {
                let file = File::options().write(true).open(bench.point.join("large"));
                let file = file.unwrap();
                let middle = (mib as u64) << 19;
                file.write_all_at(&[5; SMALL], middle).unwrap();
                file.sync_all().unwrap();
            }
        }
        start.elapsed().as_secs_f64()
    }
}

fn read_small(server: &Server, bench: &Bench, files: usize, threads: usize, plain: bool) {
    in_threads(server, threads, files, |connection, i| {
        let key = small(i, files);
        let got = if plain {
            connection.get(&key) as usize
        } else {
            let mut buffer = [0; SMALL + 1];
            let mut file = File::open(bench.point.join(key)).unwrap();
            file.read(&mut buffer).unwrap()
        };
        assert_eq!(got, SMALL);
    });
}

/// One connection reads it whole; 64 read ranges of 8 MiB.
fn plain_read(server: &Server, client: Client, mib: usize) {
    if client == Client::Plain {
        assert_eq!(
            Connection::open(&server.address).get("large"),
            (mib as u64) << 20
        );
        return;
    }
    let next = AtomicUsize::new(0);
    let ranges = mib.div_ceil(8);
    std::thread::scope(|scope| {
        for _ in 0..64.min(ranges) {
            scope.spawn(|| {
                let mut connection = Connection::open(&server.address);
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= ranges {
                        break;
                    }
                    let end = ((i + 1) * 8).min(mib) << 20;
                    let range = format!("Range: bytes={}-{}\r\n", (i * 8) << 20, end - 1);
                    connection.send("GET", "/data/large", &range, b"");
                }
            });
        }
    });
}

fn read_file(bench: &Bench, mib: usize) {
    let mut file = File::open(bench.point.join("large")).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let got = file.read(&mut buffer).unwrap();
        if got == 0 {
            break;
        }
        total += got;
    }
    assert_eq!(total, mib << 20);
}

fn write_file(bench: &Bench, mib: usize) {
    let mut file = File::create(bench.point.join("written")).unwrap();
    let buffer = vec![3; 1 << 20];
    for _ in 0..mib {
        file.write_all(&buffer).unwrap();
    }
    // close reports nothing through `drop`; fsync does.
    file.sync_all().unwrap();
}

fn plain_list(server: &Server, files: usize) {
    let mut connection = Connection::open(&server.address);
    // Pages one after another, each from where the last ended, as any lister must.
    for page in 0..files.div_ceil(1000) {
        let marker = if page == 0 {
            String::new()
        } else {
            flat(page * 1000 - 1)
        };
        let path = format!("/data/?prefix=flat/&delimiter=/&max-keys=1000&marker={marker}");
        connection.send("GET", &path, "", b"");
    }
}

fn list(bench: &Bench, files: usize) {
    let mut count = 0;
    for entry in std::fs::read_dir(bench.point.join("flat")).unwrap() {
        entry.unwrap().metadata().unwrap();
        count += 1;
    }
    assert_eq!(count, files);
}

/// Calls `each` with a connection and the numbers below `count`, from several threads.
fn in_threads(
    server: &Server,
    threads: usize,
    count: usize,
    each: impl Fn(&mut Connection, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut connection = Connection::open(&server.address);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    each(&mut connection, number);
                }
            });
        }
    });
}

fn create(server: &Server, bench: &Bench, threads: usize, plain: bool) {
    let body = vec![7; SMALL];
    let folder = format!("created-{threads}-{}", bench.client.name());
    if !plain {
        std::fs::create_dir(bench.point.join(&folder)).unwrap();
    }
    in_threads(server, threads, CREATED, |connection, number| {
        if plain {
            connection.send("PUT", &format!("/data/{folder}/{number}"), "", &body);
        } else {
            let path = bench.point.join(format!("{folder}/{number}"));
            std::fs::write(path, &body).unwrap();
        }
    });
}

fn tree(bench: &Bench) -> String {
    format!("tree-{}", bench.client.name())
}

fn make_tree(server: &Server, bench: &Bench, files: usize) {
    in_threads(server, 16, files, |connection, number| {
        connection.send("PUT", &format!("/data/{}/{number}", tree(bench)), "", b"");
    });
}

/// Copies must be signed; a connection each.
fn copy_tree(server: &Server, bench: &Bench, files: usize) {
    in_threads(server, 64, files, |_, number| {
        let source = format!("/data/{}/{number}", tree(bench));
        let (key, headers) = (format!("copy/{number}"), [("x-oss-copy-source", &*source)]);
        let copied = oss::send(server, "PUT", "data", Some(&key), &[], &headers, b"");
        assert_eq!(copied.status, 200);
    });
}
