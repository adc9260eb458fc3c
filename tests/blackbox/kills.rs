//! `kill -9` of a read-write mount at any moment: what was closed or synced is in OSS, nothing is there by halves, and the
//! next mount aborts the uploads that the dead one left.

use ossplit_testkit::{Mounted, Server, oss, until};
use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    os::fd::OwnedFd,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Rounds; `make test-kills` does more.
const ROUNDS: u64 = 12;

/// Kills a mount's processes all at once: one that sees another die would end in good order, and store files as far as
/// they are.
pub(crate) fn kill_all(mount: &Mounted) {
    let send = |pid: &u32, signal| {
        let _ = kill_process(Pid::from_raw(*pid as i32).unwrap(), signal);
    };
    let mut stopped = Vec::new();
    // One that is stopped for long is replaced, as long as the keeper is not stopped too.
    loop {
        let mut new = mount.processes();
        new.retain(|pid| !stopped.contains(pid));
        if new.is_empty() {
            break;
        }
        for pid in &new {
            send(pid, Signal::STOP);
        }
        stopped.append(&mut new);
    }
    for pid in &stopped {
        send(pid, Signal::KILL);
    }
}

/// What a file of the run has: made from its name.
fn body(name: &str) -> Vec<u8> {
    let seed: u64 = name.bytes().map(u64::from).sum();
    let size = match seed % 4 {
        0 => 0,
        1 => 5_000,
        2 => 900_000,
        _ => 4_500_000,
    };
    crate::read_only::pattern(size, seed)
}

/// Files and how many of their bytes were acknowledged.
type Acknowledged = Mutex<BTreeMap<String, usize>>;

/// Writes files below `root` until the mount is gone. By descriptor: the path leads elsewhere once the mount is taken away.
fn write_files(root: &OwnedFd, names: &str, acknowledged: &Acknowledged) {
    let (flags, mode) = (OFlags::CREATE | OFlags::WRONLY, Mode::from(0o600));
    for number in 0_u64.. {
        let name = format!("{names}-{number}");
        let body = body(&name);
        let note = |bytes| acknowledged.lock().unwrap().insert(name.clone(), bytes);
        let Ok(file) = rustix::fs::openat(root, &*name, flags, mode) else {
            return;
        };
        let mut file = File::from(file);
        let (first, rest) = body.split_at(body.len() / 3);
        if file.write_all(first).is_err() {
            return;
        }
        if number % 5 == 0 {
            if file.sync_all().is_err() {
                return;
            }
            note(first.len());
        }
        if file.write_all(rest).is_err() || rustix::fs::fsync(&file).is_err() {
            return;
        }
        note(body.len());
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_nothing_is_left_by_halves() {
    let rounds = option_env!("OSSPLIT_KILLS").map_or(ROUNDS, |text| text.parse().unwrap());
    let server = Server::start();
    let tmpdir = tempfile::tempdir().unwrap();
    let options = format!("multipart_size=1,tmpdir={}", tmpdir.path().display());
    let acknowledged = Mutex::new(BTreeMap::new());
    for round in 0..rounds {
        let mount = Mounted::new(&server, "data", &options);
        until("uploads of the dead one to be aborted", || {
            oss::unfinished_uploads(&server, "data") == 0
        });
        let root = OwnedFd::from(File::open(mount.path("")).unwrap());
        let go = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (root, go, acknowledged) = (&root, &go, &acknowledged);
                let names = format!("r{round}-w{writer}");
                scope.spawn(move || {
                    go.store(true, Ordering::Release);
                    write_files(root, &names, acknowledged);
                });
            }
            // Some rounds end before the first file is there, some in the middle of many.
            let start = Instant::now();
            let moment = Duration::from_millis(round * 37 % 211);
            until("the moment", || {
                go.load(Ordering::Acquire) && start.elapsed() >= moment
            });
            kill_all(&mount);
        });
        until("the dead processes to be gone", || {
            mount.processes().is_empty()
        });
        drop(mount);
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > rounds as usize, "{acknowledged:?}");
    for (name, bytes) in &acknowledged {
        let wanted = body(name);
        let there = oss::get(&server, "data", name).unwrap_or_else(|| panic!("{name} is lost"));
        assert!(
            there.len() >= *bytes,
            "{name}: {} of {bytes} bytes",
            there.len()
        );
        assert!(wanted.starts_with(&there), "{name} has wrong bytes");
    }
    for key in oss::keys(&server, "data", "r") {
        let (wanted, there) = (body(&key), oss::get(&server, "data", &key).unwrap());
        let whole = [0, wanted.len() / 3, wanted.len()].contains(&there.len());
        assert!(
            whole && wanted.starts_with(&there),
            "{key}: {} bytes",
            there.len()
        );
    }
    Mounted::new(&server, "data", &options).unmount();
    until("the last uploads to be aborted", || {
        oss::unfinished_uploads(&server, "data") == 0
    });
    let left: Vec<_> = tmpdir.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_upload_that_oss_began_in_the_moment_of_death_is_found() {
    let server = Server::start();
    for key in ["ours", "ours-not", "known"] {
        let begun = oss::send(
            &server,
            "POST",
            "data",
            Some(key),
            &[("uploads", "")],
            &[],
            b"",
        );
        assert_eq!(begun.status, 200);
    }
    let tmpdir = tempfile::tempdir().unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let record = format!(
        r#"{{"of":{{"endpoint":"{}","bucket":"data"}}}}
{{"begins":{{"key":"known","at":{now}}}}}
{{"refused":{{"key":"known"}}}}
{{"begins":{{"key":"ours","at":{now}}}}}
{{"beg"#,
        server.url()
    );
    std::fs::write(tmpdir.path().join("ossplit-uploads-x"), record).unwrap();
    let options = format!("tmpdir={}", tmpdir.path().display());
    let mount = Mounted::new(&server, "data", &options);
    assert_eq!(oss::unfinished_uploads(&server, "data"), 2, "others' stay");
    mount.unmount();
}

/// The keys below a prefix without it.
fn below(server: &Server, prefix: &str) -> Vec<String> {
    let keys = oss::keys(server, "data", prefix);
    keys.iter()
        .map(|key| key[prefix.len()..].to_owned())
        .collect()
}

#[test]
fn a_rename_that_was_cut_is_finished_or_undone_by_the_next_mount() {
    let server = Server::with(&ossplit_testkit::ServerOptions {
        latency: 5,
        ..Default::default()
    });
    let tmpdir = tempfile::tempdir().unwrap();
    let options = format!("tmpdir={}", tmpdir.path().display());
    let names: Vec<String> = (0..200).map(|n| format!("f{n:03}")).collect();
    for name in &names {
        oss::put(&server, "data", &format!("d0/{name}"), name.as_bytes());
    }
    let (mut finished, mut undone) = (0, 0);
    let mut now = 0;
    for round in 0..8_u64 {
        let mount = Mounted::new(&server, "data", &options);
        let root = OwnedFd::from(File::open(mount.path("")).unwrap());
        let (from, to) = (format!("d{now}"), format!("d{}", now + 1));
        std::thread::scope(|scope| {
            let rename = scope.spawn(|| rustix::fs::renameat(&root, &*from, &root, &*to));
            let start = Instant::now();
            let moment = Duration::from_millis(10 + round * 29 % 190);
            until("the moment", || start.elapsed() >= moment);
            kill_all(&mount);
            let _ = rename.join().unwrap();
        });
        until("the dead processes to be gone", || {
            mount.processes().is_empty()
        });
        // At every moment one of the names is whole.
        let (old, new) = (format!("{from}/"), format!("{to}/"));
        assert!(
            [&old, &new]
                .iter()
                .any(|prefix| below(&server, prefix) == names),
            "round {round}: neither name is whole"
        );
        drop(mount);
        Mounted::new(&server, "data", &options).unmount();
        let (old, new) = (below(&server, &old), below(&server, &new));
        match (old.len(), new.len()) {
            (0, _) => {
                assert!(new == names, "round {round}");
                finished += 1;
                now += 1;
            }
            (_, 0) => {
                assert!(old == names, "round {round}");
                undone += 1;
            }
            both => panic!("round {round}: {both:?} objects"),
        }
    }
    for name in &names {
        let there = oss::get(&server, "data", &format!("d{now}/{name}"));
        assert_eq!(there.as_deref(), Some(name.as_bytes()));
    }
    assert!(finished + undone == 8 && undone > 0, "{finished} {undone}");
    let left: Vec<_> = tmpdir.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
