//! Files, written and changed.

use super::{Measured, Run, SMALL, Workload, in_threads, large};
use crate::{clients::Client, plain::Connection};
use ossplit_testkit::oss;
use std::{fs::File, io::Write as _, os::unix::fs::FileExt as _};

/// New files of one run.
const CREATED: usize = 1000;

pub(super) const ROWS: &[Workload] = &[
    // write(1 MiB) of a new large object, until fsync returned.
    Workload {
        name: "seq-write",
        unit: "MB/s",
        reads: false,
        suits: not_64,
        objects: |_| Vec::new(),
        run: sequential,
    },
    // New small files, each closed before the next, one thread.
    Workload {
        name: "create-1",
        unit: "files/s",
        reads: false,
        suits: not_64,
        objects: |_| Vec::new(),
        run: |run| create(run, 1),
    },
    // The same, eight threads.
    Workload {
        name: "create-8",
        unit: "files/s",
        reads: false,
        suits: not_64,
        objects: |_| Vec::new(),
        run: |run| create(run, 8),
    },
    // Renames a directory of as many empty files; plain: their copies alone, 64 at once.
    Workload {
        name: "rename",
        unit: "entries/s",
        reads: false,
        // rclone renames a directory file by file, one at a time: minutes.
        suits: |client| !matches!(client, Client::Plain | Client::Rclone),
        objects: |_| Vec::new(),
        run: rename,
    },
    // Changes 4 KiB in the middle of the large object, and syncs.
    Workload {
        name: "change",
        unit: "changes/s",
        reads: false,
        // Nothing of what a mount does here is one request.
        suits: |client| !client.is_plain(),
        objects: large::objects,
        run: change,
    },
];

/// 64 connections mean something where there are many requests.
fn not_64(client: Client) -> bool {
    client != Client::Plain64
}

fn sequential(run: &Run<'_>) -> Measured {
    let mib = run.sizes.mib;
    let amount = run.sizes.large() as f64 / 1e6;
    if run.client().is_plain() {
        let body = vec![3; mib << 20];
        let clock = run.start();
        Connection::open(&run.server.address).send("PUT", "/data/written", "", &body);
        return clock.done(amount);
    }
    let clock = run.start();
    let mut file = File::create(run.bench.point.join("written")).unwrap();
    let buffer = vec![3; 1 << 20];
    for _ in 0..mib {
        file.write_all(&buffer).unwrap();
    }
    // close reports nothing through `drop`; fsync does.
    file.sync_all().unwrap();
    clock.done(amount)
}

fn create(run: &Run<'_>, threads: usize) -> Measured {
    let body = vec![7; SMALL];
    // Rounds must not find each other's files.
    let folder = format!("created-{threads}-{}", unique(run));
    if !run.client().is_plain() {
        std::fs::create_dir(run.bench.point.join(&folder)).unwrap();
    }
    let clock = run.start();
    in_threads(run.server, threads, CREATED, |connection, number| {
        if run.client().is_plain() {
            connection.send("PUT", &format!("/data/{folder}/{number}"), "", &body);
        } else {
            let path = run.bench.point.join(format!("{folder}/{number}"));
            std::fs::write(path, &body).unwrap();
        }
    });
    clock.done(CREATED as f64)
}

fn rename(run: &Run<'_>) -> Measured {
    let files = run.sizes.files;
    let tree = format!("tree-{}", unique(run));
    if run.client() == Client::EmptyFuse {
        std::fs::create_dir(run.bench.point.join(&tree)).unwrap();
    } else {
        in_threads(run.server, 16, files, |connection, number| {
            connection.send("PUT", &format!("/data/{tree}/{number}"), "", b"");
        });
    }
    let clock = run.start();
    if run.client().is_plain() {
        // Copies must be signed; a connection each.
        in_threads(run.server, 64, files, |_, number| {
            let source = format!("/data/{tree}/{number}");
            let (key, headers) = (format!("copy/{number}"), [("x-oss-copy-source", &*source)]);
            let copied = oss::send(run.server, "PUT", "data", Some(&key), &[], &headers, b"");
            assert_eq!(copied.status, 200);
        });
    } else {
        let new = format!("{tree}-new");
        std::fs::rename(run.bench.point.join(tree), run.bench.point.join(new)).unwrap();
    }
    clock.done(files as f64)
}

fn change(run: &Run<'_>) -> Measured {
    let clock = run.start();
    let file = File::options()
        .write(true)
        .open(run.bench.point.join("large"));
    let file = file.unwrap();
    file.write_all_at(&[5; SMALL], run.sizes.large() / 2)
        .unwrap();
    file.sync_all().unwrap();
    clock.done(1.0)
}

/// Names this run's folder: the mount point is another each time.
fn unique(run: &Run<'_>) -> String {
    let parent = run.bench.point.parent().and_then(|p| p.file_name());
    parent.unwrap().to_string_lossy().replace('.', "")
}
