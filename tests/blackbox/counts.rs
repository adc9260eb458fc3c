//! What a mount asks of OSS: requests are counted, not timed.

use ossplit_testkit::{Mounted, Server, ServerOptions, oss};
use std::{fs, os::unix::fs::FileExt as _, time::Instant};

const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

fn digits(server: &Server) {
    for (i, file) in FILES.iter().enumerate() {
        let body = crate::read_only::pattern(100_000 + i, i as u64);
        oss::put(
            server,
            "data",
            &format!("tf-train/train/data/{file}"),
            &body,
        );
    }
}

fn total(server: &Server) -> u64 {
    server.requests().values().sum()
}

#[test]
fn the_split_form_loads_with_one_get_a_file() {
    let server = Server::start();
    digits(&server);
    let mount = Mounted::new(
        &server,
        "data:/tf-train/train/data",
        "ro,max_stat_cache_size=10000,kernel_cache,umask=022",
    );
    server.reset();
    for file in FILES {
        fs::read(mount.path(file)).unwrap();
    }
    let counted = server.requests();
    assert_eq!(counted.get("GetObject"), Some(&4), "{counted:?}");
    assert_eq!(counted.get("HeadObject"), None, "{counted:?}");
    assert!(total(&server) <= 6, "{counted:?}");
    server.reset();
    for file in FILES {
        fs::read(mount.path(file)).unwrap();
    }
    assert_eq!(
        total(&server),
        0,
        "a second pass asks nothing: {:?}",
        server.requests()
    );
    mount.unmount();
}

#[test]
fn a_directory_is_listed_once_for_all_its_files() {
    let server = Server::start();
    for i in 0..50 {
        oss::put(&server, "data", &format!("d/f{i:02}"), b"body");
    }
    let mount = Mounted::new(&server, "data", "ro");
    server.reset();
    for entry in fs::read_dir(mount.path("d")).unwrap().map(Result::unwrap) {
        assert_eq!(entry.metadata().unwrap().len(), 4);
    }
    let counted = server.requests();
    assert!(!counted.contains_key("HeadObject"), "{counted:?}");
    assert!(total(&server) <= 4, "{counted:?}");
    server.reset();
    for i in 0..50 {
        fs::read(mount.path(&format!("d/f{i:02}"))).unwrap();
    }
    let counted = server.requests();
    assert_eq!(counted.get("GetObject"), Some(&50), "{counted:?}");
    assert_eq!(total(&server), 50, "{counted:?}");
    mount.unmount();
}

#[test]
fn a_small_new_file_is_one_put() {
    let server = Server::start();
    oss::put(&server, "data", "d/", b"");
    let mount = Mounted::new(&server, "data", "");
    fs::read_dir(mount.path("d")).unwrap().count();
    server.reset();
    for i in 0..10 {
        fs::write(mount.path(&format!("d/n{i}")), b"body").unwrap();
    }
    let counted = server.requests();
    assert_eq!(counted.get("PutObject"), Some(&10), "{counted:?}");
    assert!(
        total(&server) <= 20,
        "at most two requests a file: {counted:?}"
    );
    mount.unmount();
}

#[test]
fn a_large_file_travels_in_parts() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "multipart_size=5");
    server.reset();
    // By a program of its own: ours has children of other tests, and each that begins closes its copy of the file.
    let out = format!("of={}", mount.path("f").display());
    let written = std::process::Command::new("dd")
        .args(["if=/dev/zero", &out, "bs=1M", "count=32", "status=none"])
        .status();
    assert!(written.unwrap().success());
    let counted = server.requests();
    assert!(
        counted
            .get("UploadPart")
            .is_some_and(|n| (6..=8).contains(n)),
        "{counted:?}"
    );
    assert_eq!(
        counted.get("CompleteMultipartUpload"),
        Some(&1),
        "{counted:?}"
    );
    mount.unmount();
}

#[test]
fn of_a_large_file_only_what_changed_travels() {
    let server = Server::start();
    let mut model = crate::read_only::pattern(64 << 20, 1);
    oss::put(&server, "data", "f", &model);
    let mount = Mounted::new(&server, "data", "");
    for at in [30 << 20, 7] {
        server.reset();
        let file = fs::OpenOptions::new().write(true).open(mount.path("f"));
        file.unwrap().write_all_at(b"CHANGED", at).unwrap();
        model[at as usize..][..7].copy_from_slice(b"CHANGED");
        let counted = server.requests();
        assert_eq!(counted.get("UploadPart"), Some(&1), "{counted:?}");
        assert!(
            counted["UploadPartCopy"] <= 2 && counted["GetObject"] <= 2,
            "{counted:?}"
        );
        assert!(oss::get(&server, "data", "f").unwrap() == model);
    }
    mount.unmount();
}

/// Loads the page's four files from a fresh mount on a server that takes `LATENCY` for each request, and
/// gives how many such delays the load waited for, one after another.
fn round_trips(what: &str, folder: &str, options: &str) -> f64 {
    const LATENCY: u64 = 150;
    let server = Server::with(&ServerOptions {
        latency: LATENCY,
        ..ServerOptions::default()
    });
    digits(&server);
    let mount = Mounted::new(&server, what, options);
    let start = Instant::now();
    for file in FILES {
        fs::read(mount.path(&format!("{folder}{file}"))).unwrap();
    }
    let trips = start.elapsed().as_secs_f64() * 1000.0 / LATENCY as f64;
    mount.unmount();
    trips
}

#[test]
fn the_split_form_waits_for_at_most_three_round_trips() {
    let options = "ro,max_stat_cache_size=10000,kernel_cache,umask=022";
    let trips = round_trips("data:/tf-train/train/data", "", options);
    assert!(trips < 3.5, "{trips:.1} round trips");
}

#[test]
fn the_read_write_form_waits_for_at_most_ten_round_trips() {
    let options = "max_stat_cache_size=0,allow_other";
    let trips = round_trips("data:/tf-train", "train/data/", options);
    assert!(trips < 10.5, "{trips:.1} round trips");
}

#[test]
fn a_large_file_is_fetched_once() {
    let server = Server::start();
    let body = crate::read_only::pattern(50_000_000, 3);
    oss::put(&server, "data", "big", &body);
    let mount = Mounted::new(&server, "data", "ro");
    server.reset();
    assert!(fs::read(mount.path("big")).unwrap() == body);
    let sent = ossplit_testkit::console::bytes_out(&server.console, "GetObject");
    // Of the kernel's first readahead window (16 MiB), read in any order, some is asked for twice.
    assert!(
        sent < 50_000_000 + (16 << 20),
        "{sent} bytes for 50,000,000"
    );
    mount.unmount();
}
