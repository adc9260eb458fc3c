//! Files that are removed or replaced while a program has them open: `docs/semantics.md`, "Reading" and "Writing".

use crate::{acceptance::fresh, failover::successor, read_only::pattern};
use ossplit_testkit::{Mounted, Server, console::http, oss, server::signal, until};
use rustix::process::Signal;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    process::Command,
};

const LARGE: usize = 20 << 20;
const STALE: i32 = rustix::io::Errno::STALE.raw_os_error();

fn nothing_left(server: &Server, wanted: &[&str]) {
    until("what was kept to be deleted", || {
        oss::keys(server, "data", "") == wanted
    });
    assert_eq!(oss::unfinished_uploads(server, "data"), 0);
}

/// All that a handle reads from where it is.
fn rest(mut file: &File) -> Vec<u8> {
    let mut all = Vec::new();
    file.read_to_end(&mut all).unwrap();
    all
}

#[test]
fn what_others_wrote_is_read_on_after_its_name_is_gone() {
    let (server, mount) = fresh("max_stat_cache_size=0");
    let (small, large) = (pattern(100_000, 1), pattern(LARGE, 2));
    for replaced in [false, true] {
        oss::put(&server, "data", "small", &small);
        oss::put(&server, "data", "large", &large);
        let open = |name| File::open(mount.path(name)).unwrap();
        let (one, two) = (open("small"), open("large"));
        let mapped = open("large");
        for name in ["small", "large"] {
            if replaced {
                fs::write(mount.path("new"), name).unwrap();
                fs::rename(mount.path("new"), mount.path(name)).unwrap();
            } else {
                fs::remove_file(mount.path(name)).unwrap();
            }
        }
        let names = fs::read_dir(mount.path("")).unwrap();
        assert_eq!(names.count(), if replaced { 2 } else { 0 });
        let all = oss::keys(&server, "data", "");
        let hidden: Vec<_> = all.iter().filter(|key| key.starts_with('.')).collect();
        assert_eq!(hidden.len(), 1, "of the large one: {all:?}");
        assert!(!mount.path(hidden[0]).exists());
        fs::write(mount.path(hidden[0]), "mine").unwrap_err();
        assert!(rest(&one) == small && rest(&two) == large);
        let script = "import mmap, sys\nm = mmap.mmap(0, 0, access=mmap.ACCESS_READ)\n\
            sys.stdout.buffer.write(m[:])";
        let mut program = Command::new("python3");
        let map = program.args(["-c", script]).stdin(mapped).output().unwrap();
        assert!(
            map.stdout == large,
            "{}",
            String::from_utf8_lossy(&map.stderr)
        );
        // It has the file that it maps for its input.
        drop(program);
        drop((one, two));
        nothing_left(&server, if replaced { &["large", "small"] } else { &[] });
        if replaced {
            assert_eq!(fs::read(mount.path("large")).unwrap(), b"large");
            assert_eq!(fs::read(mount.path("small")).unwrap(), b"small");
        }
    }
    mount.unmount();
}

#[test]
fn a_file_that_nobody_reads_or_that_is_here_costs_no_request_more() {
    let (server, mount) = fresh("");
    for name in ["closed", "written", "cached"] {
        oss::put(&server, "data", name, &pattern(300_000, 3));
    }
    fs::read_dir(mount.path("")).unwrap().count();
    let written = OpenOptions::new()
        .read(true)
        .write(true)
        .open(mount.path("written"))
        .unwrap();
    written.write_all_at(b"changed", 0).unwrap();
    let cached = File::open(mount.path("cached")).unwrap();
    cached.read_exact_at(&mut [0; 10], 0).unwrap();
    fs::metadata(mount.path("closed")).unwrap();
    server.reset();
    for name in ["closed", "written", "cached"] {
        fs::remove_file(mount.path(name)).unwrap();
    }
    let mut wanted = pattern(300_000, 3);
    assert!(rest(&cached) == wanted);
    wanted[..7].copy_from_slice(b"changed");
    assert!(rest(&written) == wanted);
    drop((written, cached));
    let sent = server.requests();
    assert_eq!(sent.values().sum::<u64>(), 3, "{sent:?}");
    assert_eq!(sent["DeleteObject"], 3);
    nothing_left(&server, &[]);
    mount.unmount();
}

#[test]
fn changes_of_a_file_without_a_name_are_read_to_the_last_close() {
    let (server, mount) = fresh("multipart_size=1");
    let large = pattern(LARGE, 4);
    let path = mount.path("f");
    // Changed here and there over what is in OSS, and a new one whose parts are on their way.
    for new in [false, true] {
        let mut wanted = large.clone();
        let (writer, reader) = if new {
            let mut writer = File::create(&path).unwrap();
            writer.write_all(&wanted).unwrap();
            (writer, File::open(&path).unwrap())
        } else {
            oss::put(&server, "data", "f", &large);
            let writer = OpenOptions::new().write(true).open(&path).unwrap();
            let reader = File::open(&path).unwrap();
            writer.write_all_at(b"before", 5_000_000).unwrap();
            wanted[5_000_000..5_000_006].copy_from_slice(b"before");
            (writer, reader)
        };
        fs::remove_file(&path).unwrap();
        writer.write_all_at(b"after", 9_000_000).unwrap();
        wanted[9_000_000..9_000_005].copy_from_slice(b"after");
        drop(writer);
        assert!(rest(&reader) == wanted, "{new}");
        assert!(!path.exists());
        drop(reader);
        nothing_left(&server, &[]);
    }
    mount.unmount();
}

#[test]
fn removed_files_are_read_on_when_another_process_serves() {
    let (server, mount) = fresh("");
    let (small, large) = (pattern(100_000, 5), pattern(LARGE, 6));
    oss::put(&server, "data", "small", &small);
    oss::put(&server, "data", "large", &large);
    let one = File::open(mount.path("small")).unwrap();
    let two = File::open(mount.path("large")).unwrap();
    for kill in [true, false] {
        if kill {
            fs::remove_file(mount.path("small")).unwrap();
            fs::remove_file(mount.path("large")).unwrap();
        }
        let worker = mount.worker().unwrap();
        signal(worker, Signal::KILL);
        successor(&mount, worker);
    }
    assert!(rest(&one) == small && rest(&two) == large);
    drop((one, two));
    nothing_left(&server, &[]);
    mount.unmount();
}

#[test]
fn what_two_killed_processes_kept_is_deleted_by_the_next_mount() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let options = format!("tmpdir={}", folder.path().display());
    oss::put(&server, "data", "large", &pattern(LARGE, 7));
    oss::put(&server, "data", "other", b"stays");
    let mount = Mounted::new(&server, "data", &options);
    let open = File::open(mount.path("large")).unwrap();
    fs::remove_file(mount.path("large")).unwrap();
    assert_eq!(oss::keys(&server, "data", "").len(), 2);
    let (keeper, worker) = (mount.keeper(), mount.worker().unwrap());
    signal(keeper, Signal::KILL);
    signal(worker, Signal::KILL);
    open.read_exact_at(&mut [0; 10], 1 << 20).unwrap_err();
    drop((open, mount));
    let mount = Mounted::new(&server, "data", &options);
    assert_eq!(oss::keys(&server, "data", ""), ["other"]);
    mount.unmount();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_bucket_with_versions_keeps_none_of_it() {
    let server = Server::start();
    let enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let query = [("versioning", "")];
    let set = oss::send(&server, "PUT", "data", None, &query, &[], enabled);
    assert_eq!(set.status, 200);
    let large = pattern(8 << 20, 8);
    oss::put(&server, "data", "large", &large);
    let mount = Mounted::new(&server, "data", "");
    let open = File::open(mount.path("large")).unwrap();
    fs::remove_file(mount.path("large")).unwrap();
    let versions = || {
        let all = oss::send(&server, "GET", "data", None, &[("versions", "")], &[], b"");
        String::from_utf8(all.body).unwrap()
    };
    assert!(versions().contains(".ossplit-removed-"));
    assert!(rest(&open) == large);
    drop(open);
    until("what was kept to be deleted for ever", || {
        !versions().contains(".ossplit-removed-")
    });
    assert!(versions().contains("<Key>large</Key>"), "{}", versions());
    mount.unmount();
}

/// Waits until the server has been asked for what its first rule is about.
fn asked(server: &Server) {
    until("the request to be there", || {
        let (_, rules) = http(&server.console, "GET", "/faults");
        !rules.replace(' ', "").contains("\"matched\":0")
    });
}

#[test]
fn who_opens_a_file_while_it_is_removed_or_replaced_comes_after_that() {
    let (server, mount) = fresh("");
    let (f, other) = (mount.path("f"), mount.path("other"));
    let deletes = r#"{"rules": [{"operation": "DeleteObject", "delay_ms": 250}]}"#;
    let copies = r#"{"rules": [{"operation": "CopyObject", "stall_at": 0, "stall_ms": 250}]}"#;
    for [replaced, made] in [[false; 2], [false, true], [true, false], [true; 2]] {
        fs::write(&f, "old contents").unwrap();
        fs::write(&other, "others' contents").unwrap();
        server.set_faults(if replaced { copies } else { deletes });
        let change = std::thread::spawn({
            let (f, other) = (f.clone(), other.clone());
            move || {
                if replaced {
                    fs::rename(other, f)
                } else {
                    fs::remove_file(f)
                }
            }
        });
        asked(&server);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(made).truncate(false).open(&f);
        if made || replaced {
            let file = opened.unwrap();
            file.write_all_at(b"mine", 0).unwrap();
            drop(file);
        } else {
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
        change.join().unwrap().unwrap();
        server.set_faults(r#"{"rules": []}"#);
        let wanted: Option<&[u8]> = match (replaced, made) {
            (true, _) => Some(b"miners' contents"),
            (false, true) => Some(b"mine"),
            (false, false) => None,
        };
        assert_eq!(oss::get(&server, "data", "f").as_deref(), wanted);
        assert_eq!(fs::read(&f).ok().as_deref(), wanted);
        let _ = fs::remove_file(&f);
    }
    mount.unmount();
}

#[test]
fn opens_for_writing_and_removals_in_a_row_fail_only_as_they_may() {
    let (server, mount) = fresh("");
    let path = mount.path("f");
    let f = path.as_path();
    let absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    std::thread::scope(|threads| {
        threads.spawn(move || {
            for round in 0..150 {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(round % 2 == 0);
                let mut file = options.open(f).unwrap();
                file.write_all(b"a few bytes").unwrap();
            }
        });
        threads.spawn(move || {
            for _ in 0..150 {
                match OpenOptions::new().append(true).open(f) {
                    Ok(mut file) => file.write_all(b"a few more").unwrap(),
                    // The kernel looks a second time where it was too late, and no third one.
                    Err(error) => assert!(
                        absent(&error) || error.raw_os_error() == Some(STALE),
                        "{error}"
                    ),
                }
            }
        });
        threads.spawn(move || {
            for _ in 0..150 {
                let gone = fs::remove_file(f);
                assert!(gone.as_ref().err().is_none_or(absent), "{gone:?}");
            }
        });
    });
    let left = fs::remove_file(f);
    assert!(left.as_ref().err().is_none_or(absent), "{left:?}");
    nothing_left(&server, &[]);
    mount.unmount();
}
