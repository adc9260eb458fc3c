//! Large objects, read.

use super::{Measured, Object, Run, Sizes, Workload, in_threads};
use crate::{clients::Client, plain::Connection};
use std::{fs::File, io::Read as _};

/// Bytes of a range that the plain client asks for.
const RANGE: u64 = 8 << 20;

pub(super) const ROWS: &[Workload] = &[
    // read(1 MiB) through one object.
    Workload {
        name: "seq-read",
        unit: "MB/s",
        reads: true,
        suits: |_| true,
        objects,
        run: sequential,
    },
];

/// One large object.
pub(super) fn objects(sizes: Sizes) -> Vec<Object> {
    vec![("large".to_owned(), sizes.large())]
}

fn sequential(run: &Run<'_>) -> Measured {
    let clock = run.start();
    if run.client().is_plain() {
        plain(run, &["large"]);
    } else {
        read(run, "large");
    }
    clock.done(run.sizes.large() as f64 / 1e6)
}

/// One connection reads the objects whole; 64 read ranges of them.
fn plain(run: &Run<'_>, keys: &[&str]) {
    let size = run.sizes.large();
    if run.client() == Client::Plain {
        for key in keys {
            assert_eq!(Connection::open(&run.server.address).get(key), size);
        }
        return;
    }
    let each = size.div_ceil(RANGE) as usize;
    in_threads(run.server, 64, keys.len() * each, |connection, i| {
        let start = (i % each) as u64 * RANGE;
        let end = (start + RANGE).min(size);
        let range = format!("Range: bytes={start}-{}\r\n", end - 1);
        let path = format!("/data/{}", keys[i / each]);
        assert_eq!(connection.send("GET", &path, &range, b""), end - start);
    });
}

fn read(run: &Run<'_>, key: &str) {
    let mut file = File::open(run.bench.point.join(key)).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let got = file.read(&mut buffer).unwrap();
        if got == 0 {
            break;
        }
        total += got as u64;
    }
    assert_eq!(total, run.sizes.large());
}
