//! Directories, listed.

use super::{Measured, Object, Run, Sizes, Workload};
use crate::{clients::Client, plain::Connection};

pub(super) const ROWS: &[Workload] = &[
    // `ls -l` of one flat directory.
    Workload {
        name: "ls-l",
        unit: "entries/s",
        reads: true,
        // Pages come one after another: one connection is all that a lister can use.
        suits: |client| client != Client::Plain64,
        objects,
        run: list,
    },
];

/// Empty files in one directory.
fn objects(sizes: Sizes) -> Vec<Object> {
    (0..sizes.files).map(|i| (key(i), 0)).collect()
}

fn key(i: usize) -> String {
    format!("flat/f{i:06}")
}

fn list(run: &Run<'_>) -> Measured {
    let files = run.sizes.files;
    let clock = run.start();
    if run.client().is_plain() {
        let mut connection = Connection::open(&run.server.address);
        // Pages one after another, each from where the last ended, as any lister must.
        for page in 0..files.div_ceil(1000) {
            let marker = if page == 0 {
                String::new()
            } else {
                key(page * 1000 - 1)
            };
            let path = format!("/data/?prefix=flat/&delimiter=/&max-keys=1000&marker={marker}");
            connection.send("GET", &path, "", b"");
        }
    } else {
        let mut count = 0;
        for entry in std::fs::read_dir(run.bench.point.join("flat")).unwrap() {
            entry.unwrap().metadata().unwrap();
            count += 1;
        }
        assert_eq!(count, files);
    }
    clock.done(files as f64)
}
