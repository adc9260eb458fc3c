//! The read-only mount: what is in the bucket is what programs read.

use ossplit_testkit::{Mounted, Server, oss};
use std::{
    fs,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _},
};

/// Bytes that differ at every offset, so that a shifted read shows.
pub(crate) fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

#[test]
fn files_of_all_sizes_read_right() {
    let server = Server::start();
    let sizes = [0, 1, 4095, 4096, 4097, 131_072, 1_048_577, 9_000_001];
    for size in sizes {
        oss::put(
            &server,
            "data",
            &format!("dir/f{size}"),
            &pattern(size, size as u64),
        );
    }
    let mount = Mounted::new(&server, "data", "ro");
    for size in sizes {
        let path = mount.path(&format!("dir/f{size}"));
        assert_eq!(fs::metadata(&path).unwrap().len(), size as u64);
        assert!(
            fs::read(&path).unwrap() == pattern(size, size as u64),
            "{size} bytes differ"
        );
    }
    mount.unmount();
}

#[test]
fn reads_at_any_offset_are_right() {
    let server = Server::start();
    let body = pattern(20_000_000, 7);
    oss::put(&server, "data", "big", &body);
    let mount = Mounted::new(&server, "data", "ro");
    let file = fs::File::open(mount.path("big")).unwrap();
    let offsets = pattern(400, 3);
    for pair in offsets.chunks_exact(4) {
        let random = u32::from_le_bytes(pair.try_into().unwrap()) as usize;
        let (offset, length) = (random % body.len(), 1 + random % 300_000);
        let end = (offset + length).min(body.len());
        let mut got = vec![0; length];
        let mut filled = 0;
        while filled < end - offset {
            let n = file
                .read_at(&mut got[filled..], (offset + filled) as u64)
                .unwrap();
            assert!(n > 0, "early end at {}", offset + filled);
            filled += n;
        }
        assert!(
            got[..filled] == body[offset..end],
            "bytes at {offset}+{length} differ"
        );
    }
    let mut end = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::End(-10)).unwrap();
    file.read_to_end(&mut end).unwrap();
    assert_eq!(end, body[body.len() - 10..]);
    drop(file);
    mount.unmount();
}

#[test]
fn many_readers_of_one_object_agree() {
    let server = Server::start();
    let body = pattern(12_000_000, 11);
    oss::put(&server, "data", "shared", &body);
    let mount = Mounted::new(&server, "data", "ro");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(fs::read(mount.path("shared")).unwrap() == body));
        }
    });
    server.reset();
    mount.unmount();
}

#[test]
fn directories_come_from_the_keys() {
    let server = Server::start();
    for key in [
        "a/b/c.txt",
        "a/b-c.txt",
        "a/b.txt",
        "a/d/",
        "top",
        "名/文 件",
    ] {
        oss::put(&server, "data", key, b"x");
    }
    let mount = Mounted::new(&server, "data", "ro");
    let names = |path: &str| {
        let mut names: Vec<_> = fs::read_dir(mount.path(path))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["a", "top", "名"]);
    assert_eq!(names("a"), ["b", "b-c.txt", "b.txt", "d"]);
    assert_eq!(names("a/b"), ["c.txt"]);
    assert!(names("a/d").is_empty());
    assert_eq!(names("名"), ["文 件"]);
    assert!(fs::metadata(mount.path("a/b")).unwrap().is_dir());
    assert!(fs::metadata(mount.path("a/b.txt")).unwrap().is_file());
    for absent in ["b", "a/b/c", "a/b/c.tx", "top/x"] {
        let kind = fs::metadata(mount.path(absent)).unwrap_err().kind();
        assert!(
            matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory),
            "{absent} {kind}"
        );
    }
    mount.unmount();
}

#[test]
fn a_directory_of_many_pages_lists_once_each() {
    let server = Server::start();
    let mut wanted = Vec::new();
    for i in 0..2_345 {
        let name = format!("file-{i:05}");
        oss::put(&server, "data", &format!("many/{name}"), b"x");
        wanted.push(name);
    }
    let mount = Mounted::new(&server, "data", "ro");
    let mut names: Vec<_> = fs::read_dir(mount.path("many"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, wanted);
    mount.unmount();
}

#[test]
fn modes_and_owners_follow_the_options() {
    let server = Server::start();
    oss::put(&server, "data", "d/f", b"x");
    let plain = Mounted::new(&server, "data", "ro");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(plain.path("d/f")) & 0o7777, 0o640);
    assert_eq!(mode(plain.path("d")) & 0o7777, 0o750);
    plain.unmount();
    let masked = Mounted::new(&server, "data", "ro,umask=022,uid=1234,gid=5678");
    assert_eq!(mode(masked.path("d/f")) & 0o7777, 0o755);
    assert_eq!(mode(masked.path("d")) & 0o7777, 0o755);
    let meta = fs::metadata(masked.path("d/f")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (1234, 5678));
    masked.unmount();
    let seed_page = Mounted::new(&server, "data", "ro,mask=022");
    assert_eq!(mode(seed_page.path("d/f")) & 0o7777, 0o755);
    seed_page.unmount();
}

#[test]
fn a_prefix_is_the_root() {
    let server = Server::start();
    oss::put(&server, "data", "tf-train/train/data/x", b"inside");
    oss::put(&server, "data", "other", b"outside");
    for what in ["data:/tf-train/train/data", "data:/tf-train/train/data/"] {
        let mount = Mounted::new(&server, what, "ro");
        assert_eq!(fs::read(mount.path("x")).unwrap(), b"inside");
        assert_eq!(fs::read_dir(mount.path("")).unwrap().count(), 1);
        mount.unmount();
    }
}

#[test]
fn writing_is_refused() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let mount = Mounted::new(&server, "data", "ro");
    let refused = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    };
    refused(fs::write(mount.path("f"), b"y"));
    refused(fs::write(mount.path("new"), b"y"));
    refused(fs::create_dir(mount.path("dir")));
    refused(fs::remove_file(mount.path("f")));
    refused(fs::rename(mount.path("f"), mount.path("g")));
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"x");
}

#[test]
fn an_overwritten_object_is_never_mixed() {
    let server = Server::start();
    let (old, new) = (pattern(30_000_000, 1), pattern(30_000_000, 2));
    oss::put(&server, "data", "f", &old);
    let mount = Mounted::new(&server, "data", "ro,max_stat_cache_size=0");
    let file = fs::File::open(mount.path("f")).unwrap();
    let mut start = vec![0; 4096];
    file.read_exact_at(&mut start, 0).unwrap();
    assert_eq!(start, old[..4096]);
    oss::put(&server, "data", "f", &new);
    // The old handle gives old bytes (already fetched) or ESTALE, never new ones.
    for offset in (0..old.len() - 4096).step_by(1_000_000) {
        let mut got = vec![0; 4096];
        match file.read_exact_at(&mut got, offset as u64) {
            Ok(()) => assert!(got == old[offset..offset + 4096], "new bytes at {offset}"),
            Err(e) => assert_eq!(e.raw_os_error(), Some(116), "ESTALE is wanted, got {e}"),
        }
    }
    drop(file);
    assert!(
        fs::read(mount.path("f")).unwrap() == new,
        "a new open reads the new object"
    );
    mount.unmount();
}

#[test]
fn kernel_cache_keeps_pages_until_the_object_changes() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"old bytes");
    let mount = Mounted::new(&server, "data", "ro,kernel_cache,max_stat_cache_size=0");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"old bytes");
    oss::put(&server, "data", "f", b"new ones!");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"new ones!");
    oss::put(&server, "data", "f", b"longer than before");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"longer than before");
    mount.unmount();
}

#[test]
fn keys_that_are_no_paths_are_not_shown_and_do_no_harm() {
    let server = Server::start();
    let long = format!("d/{}", "n".repeat(300));
    for key in ["both", "both/in", "d/f", "d//f", "d/./f", "d/../f", &long] {
        oss::put(&server, "data", key, key.as_bytes());
    }
    let mount = Mounted::new(&server, "data", "ro");
    // An object and a prefix of one name: the object is shown.
    assert_eq!(fs::read(mount.path("both")).unwrap(), b"both");
    let names: Vec<_> = fs::read_dir(mount.path("d"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["f"]);
    assert_eq!(fs::read(mount.path("d/f")).unwrap(), b"d/f");
    mount.unmount();
}

#[test]
fn the_kernel_reads_far_ahead_and_each_core_has_a_thread() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let mount = Mounted::new(&server, "data", "ro");
    let device = fs::metadata(mount.path("")).unwrap().dev();
    let device = format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    let ahead = fs::read_to_string(format!("/sys/class/bdi/{device}/read_ahead_kb")).unwrap();
    assert_eq!(ahead.trim(), "16384");

    let cores = std::thread::available_parallelism().unwrap().get();
    let wanted = cores.clamp(2, 16);
    let process = format!("/proc/{}", mount.worker().unwrap());
    let threads = fs::read_dir(format!("{process}/task")).unwrap();
    let names = threads.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap());
    let threads = names.filter(|name| name.starts_with("fuse-")).count();
    assert_eq!(threads, wanted);
    let opened = fs::read_dir(format!("{process}/fd")).unwrap();
    let targets = opened.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    let devices = targets
        .filter(|target| target.ends_with("dev/fuse"))
        .count();
    assert_eq!(devices, wanted, "one descriptor a thread");
    mount.unmount();
}

#[test]
fn random_reads_are_one_request_each_at_most() {
    let server = Server::start();
    let body = pattern(64 << 20, 5);
    oss::put(&server, "data", "big", &body);
    for (count, length) in [(200, 4 << 10), (50, 128 << 10)] {
        let mount = Mounted::new(&server, "data", "ro");
        let file = fs::File::open(mount.path("big")).unwrap();
        server.reset();
        let mut piece = vec![0; length];
        for random in pattern(4 * count, 11).chunks_exact(4) {
            let random = u32::from_le_bytes(random.try_into().unwrap()) as usize;
            let offset = random % (body.len() / length) * length;
            file.read_exact_at(&mut piece, offset as u64).unwrap();
            assert!(piece == body[offset..offset + length], "at {offset}");
        }
        let asked = server.requests()["GetObject"];
        assert!(asked <= count as u64, "{asked} requests for {count} reads");
        let bytes = ossplit_testkit::console::bytes_out(&server.console, "GetObject");
        let most = 4 * (count * length) as u64;
        assert!(bytes <= most, "{bytes} bytes for {count} reads of {length}");
        drop(file);
        mount.unmount();
    }
}

#[test]
fn a_refusal_and_a_lost_object_are_told_in_the_log() {
    let server = Server::start();
    oss::put(&server, "data", "dir/large", &pattern(12 << 20, 6));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let told = |what: &str| fs::read_to_string(&log).unwrap().matches(what).count();
    let mount = Mounted::new(&server, "data", &format!("ro,logfile={}", log.display()));
    server.set_faults(
        r#"{"rules": [{"operation": "ListObjectsV2", "status": 403, "code": "AccessDenied"}]}"#,
    );
    let error = fs::read_dir(mount.path("dir"))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(told("AccessDenied") > 0);
    server.set_faults(r#"{"rules": []}"#);

    let file = fs::File::open(mount.path("dir/large")).unwrap();
    let gone = oss::send(&server, "DELETE", "data", Some("dir/large"), &[], &[], b"");
    assert_eq!(gone.status, 204);
    let mut piece = [0; 4096];
    for offset in [3 << 20, 7 << 20, 10 << 20] {
        let error = file.read_exact_at(&mut piece, offset).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(116), "{error}");
    }
    assert_eq!(told("NoSuchKey"), 1, "once for all its reads");
    drop(file);
    mount.unmount();
}
