//! Large objects, read.

use super::{Measured, Object, Run, Sizes, Workload, in_threads};
use crate::{clients::Client, plain::Connection};
use std::{fs::File, io::Read as _, os::unix::fs::FileExt as _, process::Command};

/// Bytes of a range that the plain client asks for.
const RANGE: u64 = 8 << 20;

/// What a program asks for in the rows of random reads, in all.
const RANDOM_BYTES: u64 = 32 << 20;
/// Threads of the rows of random reads.
const RANDOM_THREADS: usize = 8;

const FOUR: [&str; 4] = ["large-0", "large-1", "large-2", "large-3"];

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
    // The same through four objects of a quarter of the size, a thread each.
    Workload {
        name: "seq-read-4",
        unit: "MB/s",
        reads: true,
        suits: |_| true,
        objects: |sizes| FOUR.map(|key| (key.to_owned(), sizes.large() / 4)).into(),
        run: four,
    },
    // The same as seq-read once more, when the kernel has all pages.
    Workload {
        name: "reread",
        unit: "MB/s",
        reads: true,
        suits: |client| !client.is_plain(),
        objects,
        run: again,
    },
    // pread(4 KiB) anywhere in one object.
    Workload {
        name: "rand-4k",
        unit: "reads/s",
        reads: true,
        // More connections than threads answer nobody sooner.
        suits: |client| client != Client::Plain64,
        objects,
        run: |run| random(run, 4 << 10),
    },
    // pread(128 KiB) anywhere in one object.
    Workload {
        name: "rand-128k",
        unit: "reads/s",
        reads: true,
        suits: |client| client != Client::Plain64,
        objects,
        run: |run| random(run, 128 << 10),
    },
    // A mapped file whose tensors are copied in random order, as loaders of safetensors do.
    Workload {
        name: "mmap",
        unit: "MB/s",
        reads: true,
        suits: |client| !client.is_plain(),
        objects: |sizes| vec![(MODEL.to_owned(), sizes.large())],
        run: mapped,
    },
];

/// One large object.
pub(super) fn objects(sizes: Sizes) -> Vec<Object> {
    vec![("large".to_owned(), sizes.large())]
}

fn sequential(run: &Run<'_>) -> Measured {
    let size = run.sizes.large();
    let clock = run.start();
    if run.client().is_plain() {
        plain(run, &["large"], size);
    } else {
        read(run, "large", size);
    }
    clock.done(size as f64 / 1e6)
}

fn four(run: &Run<'_>) -> Measured {
    let size = run.sizes.large() / 4;
    let clock = run.start();
    match run.client() {
        Client::Plain64 => plain(run, &FOUR, size),
        client => std::thread::scope(|scope| {
            for key in FOUR {
                scope.spawn(move || {
                    if client.is_plain() {
                        plain(run, &[key], size);
                    } else {
                        read(run, key, size);
                    }
                });
            }
        }),
    }
    clock.done(4.0 * size as f64 / 1e6)
}

fn again(run: &Run<'_>) -> Measured {
    let size = run.sizes.large();
    read(run, "large", size);
    let clock = run.start();
    read(run, "large", size);
    clock.done(size as f64 / 1e6)
}

/// One connection reads the objects whole; 64 read ranges of them.
fn plain(run: &Run<'_>, keys: &[&str], size: u64) {
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
        get_range(connection, keys[i / each], start, end);
    });
}

fn get_range(connection: &mut Connection, key: &str, start: u64, end: u64) {
    let range = format!("Range: bytes={start}-{}\r\n", end - 1);
    let got = connection.send("GET", &format!("/data/{key}"), &range, b"");
    assert_eq!(got, end - start);
}

fn read(run: &Run<'_>, key: &str, size: u64) {
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
    assert_eq!(total, size);
}

/// Reads of `length` bytes at places that are a multiple of it, the same in each run, no two alike in a
/// row.
fn random(run: &Run<'_>, length: u64) -> Measured {
    let places = run.sizes.large() / length;
    let count = (RANDOM_BYTES / length).min(2000) as usize;
    let file =
        (!run.client().is_plain()).then(|| File::open(run.bench.point.join("large")).unwrap());
    let clock = run.start();
    in_threads(run.server, RANDOM_THREADS, count, |connection, i| {
        // The golden ratio spreads numbers evenly and in no order.
        let place = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) % places;
        let start = place * length;
        match &file {
            None => get_range(connection, "large", start, start + length),
            Some(file) => file
                .read_exact_at(&mut vec![0; length as usize], start)
                .unwrap(),
        }
    });
    clock.done(count as f64)
}

/// Its name tells the mount that all of it will be wanted.
const MODEL: &str = "model.safetensors";

/// Python, since that is what reads safetensors: a slice of a map is copied out of it.
const MAPPED: &str = "
import mmap, random, sys
with open(sys.argv[1], 'rb') as f:
    m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
sizes, at, tensors = [16 << 10, 8 << 20, 32 << 20, 32 << 20, 4 << 10, 64 << 20, 24 << 20], 4096, []
while at < len(m):
    n = min(sizes[len(tensors) % len(sizes)], len(m) - at)
    tensors.append((at, n))
    at += n
random.Random(1).shuffle(tensors)
print(sum(len(m[a:a + n]) for a, n in tensors))
";

fn mapped(run: &Run<'_>) -> Measured {
    let size = run.sizes.large();
    let clock = run.start();
    let output = Command::new("python3")
        .args(["-c", MAPPED])
        .arg(run.bench.point.join(MODEL))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.trim(), (size - 4096).to_string(), "{output:?}");
    clock.done(size as f64 / 1e6)
}
