//! Directories, listed.

use super::{Measured, Object, Run, Workload};
use crate::{clients::Client, plain::Connection};

pub(super) const ROWS: &[Workload] = &[
    // `ls -l` of one flat directory.
    Workload {
        name: "ls-l",
        unit: "entries/s",
        reads: true,
        // Pages come one after another: one connection is all that a lister can use.
        suits: |client| client != Client::Plain64,
        objects: |sizes| objects("flat", sizes.files),
        run: |run| list(run, "flat", run.sizes.files),
    },
    // The same of ten times as many.
    Workload {
        name: "ls-l-10x",
        unit: "entries/s",
        reads: true,
        suits: |client| !matches!(client, Client::Plain64 | Client::S3fs | Client::Rclone),
        objects: |sizes| objects("wide", 10 * sizes.files),
        run: |run| list(run, "wide", 10 * run.sizes.files),
    },
];

/// Empty files in one directory.
fn objects(folder: &str, files: usize) -> Vec<Object> {
    (0..files).map(|i| (key(folder, i), 0)).collect()
}

fn key(folder: &str, i: usize) -> String {
    format!("{folder}/f{i:06}")
}

fn list(run: &Run<'_>, folder: &str, files: usize) -> Measured {
    let clock = run.start();
    if run.client().is_plain() {
        let mut connection = Connection::open(&run.server.address);
        // Pages one after another, each from where the last ended, as any lister must.
        for page in 0..files.div_ceil(1000) {
            let marker = if page == 0 {
                String::new()
            } else {
                key(folder, page * 1000 - 1)
            };
            let path = format!("/data/?prefix={folder}/&delimiter=/&max-keys=1000&marker={marker}");
            connection.send("GET", &path, "", b"");
        }
    } else {
        let mut count = 0;
        for entry in std::fs::read_dir(run.bench.point.join(folder)).unwrap() {
            entry.unwrap().metadata().unwrap();
            count += 1;
        }
        assert_eq!(count, files);
    }
    clock.done(files as f64)
}
