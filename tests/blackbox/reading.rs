//! What readers of a mount can rely on: one version, right bytes under faults, bounded memory.

use ossplit_testkit::{Mounted, Server, ServerOptions, oss, until};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

const MIB: usize = 1 << 20;
/// Bytes of one read.
const PIECE: usize = 128 << 10;
const ESTALE: i32 = 116;
const EACCES: i32 = 13;

/// `length` bytes, a multiple of 8: each word tells the object and the place that it is from.
fn words(object: u32, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    for place in 0..(length / 8) as u64 {
        bytes.extend_from_slice(&(u64::from(object) << 40 | place).to_le_bytes());
    }
    bytes
}

/// The object that bytes read at `offset` are from. All of them must be from one, and from there.
fn object_of(bytes: &[u8], offset: usize) -> u32 {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let object = word(0) >> 40;
    for at in (0..bytes.len()).step_by(8) {
        let expected = object << 40 | ((offset + at) / 8) as u64;
        assert_eq!(word(at), expected, "at {offset} + {at}");
    }
    object as u32
}

/// Reads a file through one handle: the object that all of it was from.
fn read_whole(path: &Path, length: usize) -> io::Result<u32> {
    let file = File::open(path)?;
    let mut piece = vec![0; PIECE];
    let mut first = None;
    for offset in (0..length).step_by(PIECE) {
        let piece = &mut piece[..PIECE.min(length - offset)];
        file.read_exact_at(piece, offset as u64)?;
        let object = object_of(piece, offset);
        assert_eq!(*first.get_or_insert(object), object, "mixed at {offset}");
    }
    Ok(first.unwrap())
}

/// Overwrites an object while 8 readers compare what they read.
fn overwrite_under_readers(length: usize, options: &str) {
    const VERSIONS: u32 = 12;
    let server = Server::start();
    oss::put(&server, "data", "f", &words(0, length));
    let mount = Mounted::new(&server, "data", options);
    let (passes, seen, stale) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    match read_whole(&mount.path("f"), length) {
                        Ok(version) => {
                            seen.fetch_or(1 << version, SeqCst);
                        }
                        Err(error) => {
                            assert_eq!(error.raw_os_error(), Some(ESTALE), "{error}");
                            stale.fetch_add(1, SeqCst);
                        }
                    }
                    passes.fetch_add(1, SeqCst);
                }
            });
        }
        for version in 1..=VERSIONS {
            let before = passes.load(SeqCst);
            // Some have just begun, some are half-way.
            until("readers to go on", || passes.load(SeqCst) >= before + 5);
            oss::put(&server, "data", "f", &words(version, length));
        }
        until("the last version to be read", || {
            seen.load(SeqCst) & 1 << VERSIONS != 0
        });
        done.store(true, SeqCst);
    });
    let versions = seen.load(SeqCst).count_ones();
    let stale = stale.load(SeqCst);
    assert!(
        versions >= 3,
        "{versions} versions were read whole, {stale} times ESTALE"
    );
    mount.unmount();
}

#[test]
fn eight_readers_of_a_large_object_never_see_a_mixture() {
    overwrite_under_readers(12 * MIB, "ro,max_stat_cache_size=0");
    overwrite_under_readers(12 * MIB, "ro,kernel_cache,stat_cache_expire=1");
}

#[test]
fn eight_readers_of_a_small_object_never_see_a_mixture() {
    overwrite_under_readers(MIB, "ro,kernel_cache,stat_cache_expire=1");
}

#[test]
fn a_new_open_sees_what_was_closed_elsewhere() {
    let server = Server::start();
    let options = "ro,kernel_cache,consistency=close-to-open";
    let mount = Mounted::new(&server, "data", options);
    for (version, length) in [(1, MIB), (2, MIB), (3, 8 * MIB), (4, 8 * MIB)] {
        oss::put(&server, "data", "f", &words(version, length));
        assert_eq!(read_whole(&mount.path("f"), length).unwrap(), version);
        // Nothing changed: one question, and the pages that the kernel has.
        server.reset();
        assert_eq!(read_whole(&mount.path("f"), length).unwrap(), version);
        let asked = server.requests();
        assert_eq!(asked.get("GetObject"), None, "{asked:?}");
    }
    mount.unmount();
}

#[test]
fn what_a_snapshot_has_seen_stays() {
    let server = Server::start();
    for (number, name) in ["kept", "large", "unread", "removed"].iter().enumerate() {
        let length = match *name {
            "large" | "unread" => 12 * MIB,
            _ => MIB,
        };
        oss::put(
            &server,
            "data",
            &format!("d/{name}"),
            &words(number as u32, length),
        );
    }
    let options = "ro,kernel_cache,consistency=snapshot,stat_cache_expire=1,attr_timeout=1";
    let mount = Mounted::new(&server, "data", options);
    let names = || {
        let entries = fs::read_dir(mount.path("d")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let size = |name: &str| fs::metadata(mount.path(name)).unwrap().len() as usize;
    assert_eq!(size("d/unread"), 12 * MIB);
    for (number, name) in [(0, "d/kept"), (3, "d/removed")] {
        assert_eq!(read_whole(&mount.path(name), MIB).unwrap(), number);
    }
    assert_eq!(read_whole(&mount.path("d/large"), 12 * MIB).unwrap(), 1);
    // Others change everything.
    for (number, name) in [(10, "kept"), (11, "large"), (12, "unread"), (13, "new")] {
        oss::put(
            &server,
            "data",
            &format!("d/{name}"),
            &words(number, 2 * MIB),
        );
    }
    oss::delete(&server, "data", "d/removed");
    server.reset();
    // Longer than any time that the options name.
    let later = Instant::now() + Duration::from_millis(2500);
    until("some time to pass", || Instant::now() > later);
    assert_eq!(names(), before);
    assert_eq!(size("d/unread"), 12 * MIB);
    assert!(!mount.path("d/new").exists());
    for (number, name) in [(0, "d/kept"), (3, "d/removed")] {
        assert_eq!(size(name), MIB);
        assert_eq!(read_whole(&mount.path(name), MIB).unwrap(), number);
    }
    assert_eq!(size("d/large"), 12 * MIB);
    let asked = server.requests();
    assert!(asked.is_empty(), "{asked:?}");
    match read_whole(&mount.path("d/large"), 12 * MIB) {
        Ok(object) => {
            assert_eq!(object, 1);
            assert_eq!(server.requests(), asked);
        }
        // The kernel may have taken a page back at any time (DAMON does so with memory to spare).
        Err(error) => assert_eq!(error.raw_os_error(), Some(ESTALE), "{error}"),
    }
    // What was seen and not read can't be had any more.
    let error = read_whole(&mount.path("d/unread"), 12 * MIB).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(ESTALE), "{error}");
    // But that it was replaced is known by then, and the next open sees what is there.
    assert_eq!(read_whole(&mount.path("d/unread"), 2 * MIB).unwrap(), 12);
    assert_eq!(size("d/unread"), 2 * MIB);
    mount.unmount();
}

/// Reads everything while `rules` hold. Gives how long that took.
fn under(rules: &str, options: &str) -> Duration {
    let server = Server::start();
    let (large, small) = (24 * MIB + 8, 100_000);
    oss::put(&server, "data", "large", &words(1, large));
    for i in 0..20 {
        oss::put(&server, "data", &format!("small{i}"), &words(i, small));
    }
    let mount = Mounted::new(&server, "data", &format!("ro,{options}"));
    server.set_faults(&format!(r#"{{"seed": 3, "rules": [{rules}]}}"#));
    let began = Instant::now();
    assert_eq!(
        read_whole(&mount.path("large"), large).unwrap(),
        1,
        "{rules}"
    );
    for i in 0..20 {
        let read = read_whole(&mount.path(&format!("small{i}")), small);
        assert_eq!(read.unwrap(), i, "{rules}");
    }
    // Places far apart.
    let file = File::open(mount.path("large")).unwrap();
    for offset in [20 * MIB, 3 * MIB, 11 * MIB] {
        let mut piece = vec![0; 4096];
        file.read_exact_at(&mut piece, offset as u64).unwrap();
        assert_eq!(object_of(&piece, offset), 1, "{rules}");
    }
    drop(file);
    let took = began.elapsed();
    mount.unmount();
    took
}

#[test]
fn reads_outlast_what_passes() {
    for rule in [
        r#"{"when": {"every": 9}, "burst": 3, "code": "RequestLimitExceeded"}"#,
        r#"{"operation": "GetObject", "when": {"every": 5}, "status": 500}"#,
        r#"{"when": {"every": 4}, "reset": "before"}"#,
        r#"{"operation": "GetObject", "when": {"every": 3}, "reset": "body"}"#,
        r#"{"operation": "GetObject", "when": {"every": 2}, "truncate_at": 70000}"#,
        r#"{"operation": "GetObject", "key": "small*", "when": {"every": 3}, "corrupt_at": 5}"#,
    ] {
        let took = under(rule, "retries=8");
        assert!(took < Duration::from_secs(20), "{rule}: {took:?}");
    }
}

#[test]
fn a_range_that_stands_still_is_not_waited_for() {
    // A connection would be given up after 60 s (`readwrite_timeout`).
    let rule =
        r#"{"operation": "GetObject", "key": "large", "when": {"nth": 2}, "stall_at": 5000}"#;
    let took = under(rule, "retries=3");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn neither_is_a_small_object_nor_a_single_read() {
    let server = Server::start();
    let (large, small) = (24 * MIB, 100_000);
    oss::put(&server, "data", "large", &words(1, large));
    oss::put(&server, "data", "small3", &words(2, small));
    for stall_at in [0, 500] {
        for key in ["small3", "large"] {
            let mount = Mounted::new(&server, "data", "ro,retries=3");
            let rule = format!(
                r#"{{"operation": "GetObject", "key": "{key}", "when": {{"nth": 1}}, "stall_at": {stall_at}}}"#
            );
            server.set_faults(&format!(r#"{{"rules": [{rule}]}}"#));
            let began = Instant::now();
            if key == "small3" {
                assert_eq!(read_whole(&mount.path(key), small).unwrap(), 2);
            } else {
                let mut piece = vec![0; 4096];
                let file = File::open(mount.path(key)).unwrap();
                file.read_exact_at(&mut piece, 11 * MIB as u64).unwrap();
                assert_eq!(object_of(&piece, 11 * MIB), 1);
            }
            let took = began.elapsed();
            assert!(took < Duration::from_secs(15), "{rule}: {took:?}");
            mount.unmount();
        }
    }
}

#[test]
fn damage_is_an_error_and_never_wrong_bytes() {
    let server = Server::start();
    let (large, small) = (24 * MIB, 100_000);
    oss::put(&server, "data", "large", &words(1, large));
    oss::put(&server, "data", "small", &words(2, small));
    for rule in [r#""wrong_crc": true"#, r#""corrupt_at": 777"#] {
        let mount = Mounted::new(&server, "data", "ro,retries=2");
        server.set_faults(&format!(
            r#"{{"rules": [{{"operation": "GetObject", {rule}}}]}}"#
        ));
        let error = fs::read(mount.path("small")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5), "{rule}: {error}");
        // Of a large object nobody knows before the last block came.
        let file = File::open(mount.path("large")).unwrap();
        let mut piece = vec![0; PIECE];
        let offsets = (0..large as u64).step_by(PIECE);
        let mut read = offsets.map(|offset| file.read_exact_at(&mut piece, offset));
        let error = read.find_map(Result::err);
        let error = error.expect("the sum does not match").raw_os_error();
        assert_eq!(error, Some(5), "{rule}");
        drop(file);
        server.set_faults(r#"{"rules": []}"#);
        assert_eq!(read_whole(&mount.path("small"), small).unwrap(), 2);
        mount.unmount();
    }
}

#[test]
fn what_fails_for_good_is_told_in_time_and_why() {
    let server = Server::start();
    oss::put(&server, "data", "small", &words(1, 8000));
    oss::put(&server, "data", "large", &words(2, 8 * MIB));
    // Not small: a small one would have been fetched together with its neighbour.
    oss::put(&server, "data", "gone", &words(3, 8 * MIB));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = format!("ro,retries=2,readwrite_timeout=1,logfile={}", log.display());
    let mount = Mounted::new(&server, "data", &options);
    assert_eq!(fs::read_dir(mount.path("")).unwrap().count(), 3);

    server.set_faults(
        r#"{"rules": [{"operation": "GetObject", "key": "small", "code": "AccessDenied"},
                      {"operation": "GetObject", "key": "large", "code": "AccessDenied"}]}"#,
    );
    for name in ["small", "large"] {
        let error = fs::read(mount.path(name)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EACCES), "{name}: {error}");
        let told = fs::read_to_string(&log).unwrap();
        assert!(
            told.contains("AccessDenied") && told.contains(name),
            "{told}"
        );
    }
    server.set_faults(r#"{"rules": [{"operation": "GetObject", "stall_at": 0}]}"#);
    let began = Instant::now();
    let error = fs::read(mount.path("large")).unwrap_err();
    // 2 retries of 1 s each, and the waits between.
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    assert!(matches!(error.raw_os_error(), Some(110 | 5)), "{error}");

    server.set_faults(r#"{"rules": []}"#);
    let gone = oss::send(&server, "DELETE", "data", Some("gone"), &[], &[], b"");
    assert_eq!(gone.status, 204);
    let error = fs::read(mount.path("gone")).unwrap_err();
    let errno = error.raw_os_error();
    assert!(matches!(errno, Some(2 | ESTALE)), "{error}");
    let error = File::open(mount.path("gone")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    mount.unmount();
}

#[test]
fn an_archived_object_says_so_when_it_is_opened() {
    let server = Server::start();
    let class = [("x-oss-storage-class", "Archive")];
    let archived = [("f05", 8000), ("large", 8 * MIB)];
    for (key, length) in archived {
        let body = words(1, length);
        let put = oss::send(&server, "PUT", "data", Some(key), &[], &class, &body);
        assert_eq!(put.status, 200);
    }
    let others = (0..20).filter(|number| *number != 5);
    let others: Vec<String> = others.map(|number| format!("f{number:02}")).collect();
    for key in &others {
        oss::put(&server, "data", key, &words(2, 8000));
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mount = Mounted::new(&server, "data", &format!("ro,logfile={}", log.display()));
    for key in &others {
        assert_eq!(read_whole(&mount.path(key), 8000).unwrap(), 2);
    }
    let asked = server.requests();
    assert_eq!(asked.get("GetObject"), Some(&19), "those that can be read");
    for (key, _) in archived {
        let error = File::open(mount.path(key)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EACCES), "{key}: {error}");
    }
    let told = fs::read_to_string(&log).unwrap();
    assert!(told.contains("archived; restore it first"), "{told}");
    for (key, length) in archived {
        let query = [("restore", "")];
        let restore = oss::send(&server, "POST", "data", Some(key), &query, &[], b"");
        assert_eq!(restore.status, 202);
        until("a copy to be restored", || {
            File::open(mount.path(key)).is_ok()
        });
        assert_eq!(read_whole(&mount.path(key), length).unwrap(), 1);
    }
    mount.unmount();
}

#[test]
fn lookups_in_one_directory_run_side_by_side() {
    // Each lookup asks OSS: without FUSE_PARALLEL_DIROPS in effect the kernel sends them one by one.
    let server = Server::with(&ServerOptions {
        latency: 100,
        ..ServerOptions::default()
    });
    for i in 0..9 {
        oss::put(&server, "data", &format!("d/f{i}"), b"x");
    }
    let mount = Mounted::new(&server, "data", "ro,max_stat_cache_size=0");
    let stat = |i: usize| {
        let path = mount.path(&format!("d/f{i}"));
        assert_eq!(fs::metadata(path).unwrap().len(), 1);
    };
    let began = Instant::now();
    stat(8);
    let one = began.elapsed();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for i in 0..8 {
            scope.spawn(move || stat(i));
        }
    });
    let eight = began.elapsed();
    assert!(eight < 3 * one, "one takes {one:?}, eight take {eight:?}");
    mount.unmount();
}

#[test]
fn a_thousand_open_files_and_64_readers_stay_within_the_budget() {
    const FILES: usize = 1000;
    const READERS: usize = 64;
    // Every twentieth is large: 12 MiB; the others are fetched whole.
    let length = |i: usize| {
        if i.is_multiple_of(20) {
            12 * MIB
        } else {
            200_000
        }
    };
    let server = Server::start();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for i in (part..FILES).step_by(4) {
                    oss::put(
                        server,
                        "data",
                        &format!("f{i:04}"),
                        &words(i as u32, length(i)),
                    );
                }
            });
        }
    });
    let mount = Mounted::new(&server, "data", "ro,kernel_cache,memory=128M");
    let files: Vec<File> = (0..FILES)
        .map(|i| File::open(mount.path(&format!("f{i:04}"))).unwrap())
        .collect();
    // All files are open, and each is read from its beginning to its end in one part of the threads, and in
    // three places in the others.
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (files, next) = (&files, &next);
            scope.spawn(move || {
                let mut piece = vec![0; PIECE];
                loop {
                    let i = next.fetch_add(1, SeqCst);
                    if i >= FILES {
                        break;
                    }
                    let i = (i * 7) % FILES;
                    let size = length(i);
                    let step = if reader % 4 == 3 {
                        size / 24 * 8
                    } else {
                        PIECE
                    };
                    for offset in (0..size).step_by(step) {
                        let piece = &mut piece[..PIECE.min(size - offset)];
                        files[i].read_exact_at(piece, offset as u64).unwrap();
                        assert_eq!(object_of(piece, offset) as usize, i);
                    }
                }
            });
        }
    });
    let peak = mount.peak_memory() >> 20;
    assert!(peak <= 192, "{peak} MiB were resident");
    drop(files);
    mount.unmount();
}
