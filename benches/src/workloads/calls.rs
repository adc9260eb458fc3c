//! What one request of the kernel costs that is answered from memory.

use super::{Measured, Object, Run, Workload};
use crate::clients::Client;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
};

const FOLDER: &str = "calls";
const FILES: usize = 100;
/// Bytes of a file.
const SIZE: usize = 256 << 10;
/// Bytes of one read.
const PIECE: usize = 4096;
/// Calls for each small file of the other rows.
const EACH: usize = 10;

pub(super) const ROWS: &[Workload] = &[
    // READ of 4 KiB of a file that is in the mount's memory, past the page cache.
    Workload {
        name: "hit",
        unit: "calls/s",
        reads: true,
        suits,
        objects,
        run: |run| {
            let path = run.bench.point.join(key(0));
            let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(direct)
                .open(path)
                .unwrap();
            let mut piece = [0; PIECE];
            file.read_exact_at(&mut piece, 0).unwrap();
            calls(run, |i| {
                let at = i % (SIZE / PIECE) * PIECE;
                file.read_exact_at(&mut piece, at as u64).unwrap();
            })
        },
    },
    // OPEN and RELEASE of a file whose pages are cached.
    Workload {
        name: "open",
        unit: "calls/s",
        reads: true,
        suits,
        objects,
        run: |run| {
            let paths: Vec<_> = (0..FILES).map(|i| run.bench.point.join(key(i))).collect();
            for path in &paths {
                assert_eq!(fs::read(path).unwrap().len(), SIZE);
            }
            calls(run, |i| drop(File::open(&paths[i % FILES]).unwrap()))
        },
    },
    // LOOKUP of a name that is not there, in a directory that was listed; another one each time.
    Workload {
        name: "lookup",
        unit: "calls/s",
        reads: true,
        suits,
        objects,
        run: |run| {
            let folder = run.bench.point.join(FOLDER);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES);
            calls(run, |i| {
                let error = fs::metadata(folder.join(format!("no{i}"))).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
            })
        },
    },
];

fn suits(client: Client) -> bool {
    matches!(client, Client::EmptyFuse | Client::Ossplit)
}

fn objects(_: super::Sizes) -> Vec<Object> {
    (0..FILES).map(|i| (key(i), SIZE as u64)).collect()
}

fn key(i: usize) -> String {
    format!("{FOLDER}/f{i:03}")
}

/// One call after another, by one thread.
fn calls(run: &Run<'_>, mut call: impl FnMut(usize)) -> Measured {
    let count = EACH * run.sizes.files;
    let clock = run.start();
    for i in 0..count {
        call(i);
    }
    clock.done(count as f64)
}
