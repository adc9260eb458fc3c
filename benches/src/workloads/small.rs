//! Small files.

use super::{Measured, Object, Run, SMALL, Sizes, Workload, in_threads};
use crate::clients::Client;
use std::{fs::File, io::Read as _};

const FOLDERS: usize = 10;

pub(super) const ROWS: &[Workload] = &[
    // Every small file, in directory order, one thread.
    Workload {
        name: "small-1",
        unit: "files/s",
        reads: true,
        suits: |_| true,
        objects,
        run: |run| read(run, 1),
    },
    // The same, eight threads taking the next file.
    Workload {
        name: "small-8",
        unit: "files/s",
        reads: true,
        suits: |_| true,
        objects,
        run: |run| read(run, 8),
    },
];

/// Small files in [`FOLDERS`] directories.
fn objects(sizes: Sizes) -> Vec<Object> {
    (0..sizes.files)
        .map(|i| (key(i, sizes.files), SMALL as u64))
        .collect()
}

/// The key of small file `i`, in key order over all directories.
fn key(i: usize, files: usize) -> String {
    let each = files.div_ceil(FOLDERS).max(1);
    format!("small/d{:02}/f{:06}", i / each, i % each)
}

fn read(run: &Run<'_>, threads: usize) -> Measured {
    let files = run.sizes.files;
    let threads = if run.client() == Client::Plain64 {
        64
    } else {
        threads
    };
    let clock = run.start();
    in_threads(run.server, threads, files, |connection, i| {
        let key = key(i, files);
        let got = if run.client().is_plain() {
            connection.get(&key) as usize
        } else {
            let mut buffer = [0; SMALL + 1];
            let mut file = File::open(run.bench.point.join(key)).unwrap();
            file.read(&mut buffer).unwrap()
        };
        assert_eq!(got, SMALL);
    });
    clock.done(files as f64)
}
