//! Mounts with `enable_appendable_object`: what is written at the end of a file is added to its object, once.

use crate::failover::successor;
use crate::kills::kill_all;
use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss, server::signal, until};
use rustix::process::Signal;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    time::{Duration, UNIX_EPOCH},
};

const OPTION: &str = "enable_appendable_object";

fn kind(server: &Server, key: &str) -> String {
    oss::head(server, "data", key).unwrap()["x-oss-object-type"].clone()
}

fn logger(mount: &Mounted, name: &str) -> File {
    let mut options = OpenOptions::new();
    let options = options.append(true).create(true);
    options.open(mount.path(name)).unwrap()
}

fn line(number: usize) -> String {
    format!("{number:06} something happened\n")
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.map(line).collect::<String>().into_bytes()
}

#[test]
fn a_logger_costs_one_request_each_fsync() {
    let server = Server::start();
    // A worker that a busy machine starves would be replaced, and what it was sending counted twice.
    let options = format!("{OPTION},failover=off");
    let mount = Mounted::new(&server, "data", &options);
    let mut log = logger(&mount, "log");
    server.reset();
    for number in 0..1000 {
        log.write_all(line(number).as_bytes()).unwrap();
        if number % 10 == 9 {
            log.sync_all().unwrap();
        }
    }
    let counted = server.requests();
    assert_eq!(counted.get("AppendObject"), Some(&100), "{counted:?}");
    assert_eq!(counted.values().sum::<u64>(), 100, "{counted:?}");
    drop(log);
    // Opened, appended to and closed, as a shell does with >>.
    for number in 1000..1010 {
        let mut log = logger(&mount, "log");
        log.write_all(line(number).as_bytes()).unwrap();
    }
    let counted = server.requests();
    assert_eq!(counted.get("AppendObject"), Some(&110), "{counted:?}");
    assert_eq!(counted.values().sum::<u64>(), 110, "{counted:?}");
    assert!(fs::read(mount.path("log")).unwrap() == lines(0..1010));
    mount.unmount();
    assert!(oss::get(&server, "data", "log").unwrap() == lines(0..1010));
    assert_eq!(kind(&server, "log"), "Appendable");
}

#[test]
fn a_log_that_is_removed_is_written_and_read_on_and_leaves_nothing() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", OPTION);
    let mut options = OpenOptions::new();
    let options = options.read(true).append(true).create(true);
    let mut log = options.open(mount.path("log")).unwrap();
    (0..100).for_each(|number| log.write_all(line(number).as_bytes()).unwrap());
    log.sync_all().unwrap();
    (100..150).for_each(|number| log.write_all(line(number).as_bytes()).unwrap());
    fs::remove_file(mount.path("log")).unwrap();
    fs::write(mount.path("log"), "another\n").unwrap();
    (150..200).for_each(|number| log.write_all(line(number).as_bytes()).unwrap());
    log.sync_all().unwrap();
    let mut all = Vec::new();
    log.seek(SeekFrom::Start(0)).unwrap();
    log.read_to_end(&mut all).unwrap();
    assert!(all == lines(0..200));
    drop(log);
    until("the removed file's bytes to be deleted", || {
        oss::keys(&server, "data", "") == ["log"]
    });
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "log").unwrap(), b"another\n");
}

#[test]
fn an_appendable_object_of_others_stays_one_and_without_the_option_becomes_normal() {
    let server = Server::start();
    let append = |key: &str| {
        let query = [("append", ""), ("position", "0")];
        let sent = oss::send(&server, "POST", "data", Some(key), &query, &[], b"theirs\n");
        assert_eq!(sent.status, 200);
    };
    append("one");
    append("other");
    append("sealed");
    let query = [("seal", ""), ("position", "7")];
    let sealed = oss::send(&server, "POST", "data", Some("sealed"), &query, &[], b"");
    assert_eq!(sealed.status, 200);
    oss::put(&server, "data", "normal", b"theirs\n");
    let mount = Mounted::new(&server, "data", OPTION);
    for name in ["one", "normal", "sealed"] {
        logger(&mount, name).write_all(b"ours\n").unwrap();
        let there = oss::get(&server, "data", name).unwrap();
        assert_eq!(there, b"theirs\nours\n", "{name}");
    }
    mount.unmount();
    assert_eq!(kind(&server, "one"), "Appendable");
    assert_eq!(kind(&server, "normal"), "Normal");
    assert_eq!(kind(&server, "sealed"), "Normal");
    let mount = Mounted::new(&server, "data", "");
    logger(&mount, "other").write_all(b"ours\n").unwrap();
    mount.unmount();
    assert_eq!(
        oss::get(&server, "data", "other").unwrap(),
        b"theirs\nours\n"
    );
    assert_eq!(kind(&server, "other"), "Normal");
}

#[test]
fn what_it_can_not_do_makes_a_normal_object_of_the_right_bytes() {
    let server = Server::start();
    let options = format!("{OPTION},multipart_size=1");
    let mount = Mounted::new(&server, "data", &options);
    let begin = |name: &str| {
        let body = pattern(2_500_000, 7);
        fs::write(mount.path(name), &body).unwrap();
        assert_eq!(kind(&server, name), "Appendable");
        body
    };
    let mut body = begin("middle");
    let file = OpenOptions::new().write(true).open(mount.path("middle"));
    file.unwrap().write_all_at(b"changed", 1_500_000).unwrap();
    body[1_500_000..1_500_007].copy_from_slice(b"changed");
    let mut cut = begin("cut");
    let file = OpenOptions::new().write(true).open(mount.path("cut"));
    file.unwrap().set_len(1_200_000).unwrap();
    cut.truncate(1_200_000);
    begin("replaced");
    fs::write(mount.path("replaced"), b"anew").unwrap();
    let moved = begin("old");
    fs::rename(mount.path("old"), mount.path("moved")).unwrap();
    let wanted = [
        ("middle", body),
        ("cut", cut),
        ("replaced", b"anew".to_vec()),
        ("moved", moved),
    ];
    for (name, body) in &wanted {
        assert!(fs::read(mount.path(name)).unwrap() == *body, "{name}");
        assert!(oss::get(&server, "data", name).unwrap() == *body, "{name}");
        assert_ne!(kind(&server, name), "Appendable", "{name}");
    }
    // They are appended to as ever.
    for (name, body) in &wanted {
        logger(&mount, name).write_all(b"more").unwrap();
        let there = oss::get(&server, "data", name).unwrap();
        assert!(there == [body, &b"more"[..]].concat(), "{name}");
    }
    mount.unmount();
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn two_handles_and_a_reader_see_one_file() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", OPTION);
    let (mut one, mut other) = (logger(&mount, "log"), logger(&mount, "log"));
    for number in 0..200 {
        let log = if number % 2 == 0 {
            &mut one
        } else {
            &mut other
        };
        log.write_all(line(number).as_bytes()).unwrap();
        if number % 25 == 24 {
            log.sync_data().unwrap();
            assert!(oss::get(&server, "data", "log").unwrap() == lines(0..number + 1));
        }
        if number % 60 == 59 {
            assert!(fs::read(mount.path("log")).unwrap() == lines(0..number + 1));
        }
    }
    drop((one, other));
    // One that also reads.
    let open = OpenOptions::new()
        .read(true)
        .append(true)
        .open(mount.path("log"));
    let mut both = open.unwrap();
    both.write_all(line(200).as_bytes()).unwrap();
    both.seek(SeekFrom::Start(0)).unwrap();
    let mut text = Vec::new();
    both.read_to_end(&mut text).unwrap();
    assert!(text == lines(0..201));
    drop(both);
    mount.unmount();
    assert!(oss::get(&server, "data", "log").unwrap() == lines(0..201));
    assert_eq!(kind(&server, "log"), "Appendable");
}

#[test]
fn times_and_modes_are_those_that_programs_gave() {
    let server = Server::start();
    let old = UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    {
        let mount = Mounted::new(&server, "data", OPTION);
        // As `cp -p` and `tar` do it: a time that was chosen is kept, by a Normal object.
        let mut copied = File::create(mount.path("copied")).unwrap();
        copied.write_all(b"bytes").unwrap();
        copied.set_modified(old).unwrap();
        drop(copied);
        assert_eq!(kind(&server, "copied"), "Normal");
        let log = File::create(mount.path("log")).unwrap();
        log.set_permissions(fs::Permissions::from_mode(0o604))
            .unwrap();
        drop(log);
        logger(&mount, "log").write_all(b"line\n").unwrap();
        mount.unmount();
        assert_eq!(kind(&server, "log"), "Appendable");
    }
    let head = oss::head(&server, "data", "log").unwrap();
    assert!(!head.contains_key("x-oss-meta-mtime"), "{head:?}");
    let mount = Mounted::new(&server, "data", OPTION);
    let copied = fs::metadata(mount.path("copied")).unwrap();
    assert_eq!(copied.modified().unwrap(), old);
    let log = fs::metadata(mount.path("log")).unwrap();
    assert_eq!(log.permissions().mode() & 0o7777, 0o604);
    let age = log.modified().unwrap().elapsed().unwrap_or_default();
    assert!(age < Duration::from_mins(1), "{age:?}");
    // A change later on costs a copy, and is kept.
    fs::set_permissions(mount.path("log"), fs::Permissions::from_mode(0o640)).unwrap();
    logger(&mount, "log").write_all(b"more\n").unwrap();
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "log").unwrap(), b"line\nmore\n");
    let mount = Mounted::new(&server, "data", OPTION);
    let log = fs::metadata(mount.path("log")).unwrap();
    assert_eq!(log.permissions().mode() & 0o7777, 0o640);
    mount.unmount();
}

#[test]
fn whatever_goes_wrong_on_the_way_nothing_is_there_twice() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", OPTION);
    let rules = [
        r#"{"operation": "AppendObject", "when": {"every": 5}, "reset": "after"}"#,
        r#"{"operation": "AppendObject", "when": {"every": 7}, "reset": "before"}"#,
        r#"{"operation": "AppendObject", "when": {"nth": 12}, "burst": 2, "status": 503}"#,
        r#"{"operation": "HeadObject", "when": {"every": 3}, "reset": "after"}"#,
    ];
    server.set_faults(&format!(r#"{{"rules": [{}]}}"#, rules.join(",")));
    let mut log = logger(&mount, "log");
    for number in 0..25 {
        log.write_all(line(number).as_bytes()).unwrap();
        log.sync_all().unwrap();
        assert!(oss::get(&server, "data", "log").unwrap() == lines(0..number + 1));
    }
    drop(log);
    // An answer with a wrong sum is an error, and what there is a prefix.
    server.set_faults(r#"{"rules": [{"operation": "AppendObject", "wrong_crc": true}]}"#);
    let mut log = logger(&mount, "log");
    log.write_all(line(25).as_bytes()).unwrap();
    assert!(log.sync_all().is_err());
    drop(log);
    server.set_faults(r#"{"rules": []}"#);
    mount.unmount();
    let there = oss::get(&server, "data", "log").unwrap();
    assert!(lines(0..26).starts_with(&there) && there.starts_with(&lines(0..25)));
}

#[test]
fn a_killed_worker_loses_nothing_and_adds_nothing_twice() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", OPTION);
    // Slow enough to be killed in the middle.
    server.set_faults(
        r#"{"rules": [{"operation": "AppendObject", "when": {"every": 2}, "delay_ms": 20}]}"#,
    );
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = logger(&mount, "log");
            for number in 0..300 {
                log.write_all(line(number).as_bytes()).unwrap();
                if number % 5 == 4 {
                    log.sync_all().unwrap();
                    let there = oss::get(&server, "data", "log").unwrap();
                    assert!(there == lines(0..number + 1), "{number}");
                }
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        let mut worker = mount.worker().unwrap();
        for round in 1..4 {
            let sent = || {
                let counted = server.requests().get("AppendObject").copied();
                counted.unwrap_or(0) >= round * 15
            };
            until("some appends", sent);
            signal(worker, Signal::KILL);
            worker = successor(&mount, worker);
        }
    });
    assert!(done.into_inner());
    mount.unmount();
    assert!(oss::get(&server, "data", "log").unwrap() == lines(0..300));
    assert_eq!(kind(&server, "log"), "Appendable");
}

#[test]
fn what_was_synced_is_there_once_after_all_is_killed() {
    let server = Server::start();
    let mut synced = 0;
    for round in 0..4_usize {
        let mount = Mounted::new(&server, "data", OPTION);
        // The number that comes next is told by what is there.
        let there = oss::get(&server, "data", "log").unwrap_or_default();
        let mut next = there.len() / line(0).len();
        assert!(next >= synced && there == lines(0..next), "round {round}");
        synced = next;
        let mut log = logger(&mount, "log");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                loop {
                    if log.write_all(line(next).as_bytes()).is_err() {
                        return;
                    }
                    next += 1;
                    if next.is_multiple_of(3) {
                        if log.sync_all().is_err() {
                            return;
                        }
                        synced = next;
                    }
                }
            });
            server.reset();
            until("some appends", || {
                let counted = server.requests().get("AppendObject").copied();
                counted.unwrap_or(0) >= 10 + 7 * round as u64
            });
            kill_all(&mount);
            writer.join().unwrap();
        });
        drop(log);
        until("the dead to be gone", || mount.processes().is_empty());
        drop(mount);
        let there = oss::get(&server, "data", "log").unwrap();
        let whole = there.len() / line(0).len();
        assert!(
            whole >= synced && there == lines(0..whole),
            "round {round}: {synced} lines were synced, {whole} are there"
        );
    }
}
