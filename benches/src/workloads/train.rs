//! What training reads: files of many sizes, in order and shuffled, once and again.

use super::{Clock, Object, Run, Sizes, Workload, in_threads};
use crate::clients::Client;
use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

const FOLDERS: usize = 10;
/// Bytes of a file, at least and at most.
const SIZES: std::ops::Range<usize> = 1 << 10..128 << 10;
/// Odd and no multiple of 5: each file comes once, far from the one before.
const STRIDE: usize = 7919;

pub(super) const ROWS: &[Workload] = &[
    // Files of 1 KiB to 128 KiB in directory order, one thread.
    Workload {
        name: "train-1",
        unit: "files/s",
        reads: true,
        suits: |client| client != Client::Rclone,
        objects,
        run: |run| {
            let clock = run.start();
            read(run, 1, |i| i);
            clock.done(run.sizes.files as f64)
        },
    },
    // The same, eight threads taking the next file.
    Workload {
        name: "train-8",
        unit: "files/s",
        reads: true,
        suits: |client| client != Client::Rclone,
        objects,
        run: |run| {
            let clock = run.start();
            read(run, 8, |i| i);
            clock.done(run.sizes.files as f64)
        },
    },
    // Shuffled, one thread; ossplit is told the order.
    Workload {
        name: "train-hint",
        unit: "files/s",
        reads: true,
        suits: |client| client != Client::Rclone,
        objects,
        run: |run| {
            let files = run.sizes.files;
            let clock = run.start();
            if run.client() == Client::Ossplit {
                hint(run, |i| i * STRIDE % files);
            }
            read(run, 1, |i| i * STRIDE % files);
            clock.done(files as f64)
        },
    },
    // All files once more in another order, after a pass that is not counted; one thread.
    Workload {
        name: "train-again",
        unit: "files/s",
        reads: true,
        suits: |client| !matches!(client, Client::Plain | Client::Plain64 | Client::Rclone),
        objects,
        run: |run| {
            let files = run.sizes.files;
            read(run, 8, |i| i);
            let clock: Clock<'_> = run.start();
            read(run, 1, |i| i * STRIDE % files);
            clock.done(files as f64)
        },
    },
];

fn objects(sizes: Sizes) -> Vec<Object> {
    let all = 0..sizes.files;
    all.map(|i| (key(i, sizes.files), size(i) as u64)).collect()
}

/// The key of file `i`, in key order over all directories.
fn key(i: usize, files: usize) -> String {
    let each = files.div_ceil(FOLDERS).max(1);
    format!("train/c{:02}/f{:06}", i / each, i % each)
}

fn size(i: usize) -> usize {
    SIZES.start + i * 40_503 % (SIZES.end - SIZES.start)
}

/// Reads every file, the `n`th of them being number `order(n)`.
fn read(run: &Run<'_>, threads: usize, order: impl Fn(usize) -> usize + Sync) {
    let files = run.sizes.files;
    let threads = if run.client() == Client::Plain64 {
        64
    } else {
        threads
    };
    in_threads(run.server, threads, files, |connection, n| {
        let i = order(n);
        let key = key(i, files);
        let got = if run.client().is_plain() {
            connection.get(&key) as usize
        } else {
            let mut buffer = vec![0; SIZES.end + 1];
            let mut file = File::open(run.bench.point.join(key)).unwrap();
            let mut got = 0;
            // Up to the end, as programs do that do not ask for the size first.
            loop {
                match file.read(&mut buffer[got..]).unwrap() {
                    0 => break got,
                    more => got += more,
                }
            }
        };
        assert_eq!(got, size(i));
    });
}

/// Tells the mount in which order its files will be read.
fn hint(run: &Run<'_>, order: impl Fn(usize) -> usize) {
    let mut told = Command::new(ossplit_testkit::ossplit())
        .arg("prefetch")
        .arg(&run.bench.point)
        .args(["--list", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let files = run.sizes.files;
    let list: Vec<String> = (0..files).map(|n| key(order(n), files) + "\n").collect();
    let mut stdin = told.stdin.take().unwrap();
    stdin.write_all(list.concat().as_bytes()).unwrap();
    drop(stdin);
    assert!(told.wait().unwrap().success());
}
