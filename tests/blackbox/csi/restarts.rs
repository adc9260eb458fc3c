//! The driver ends at any moment, or hangs, and is followed by another: what pods see, and what is left over.
#![allow(clippy::print_stderr, reason = "the figures of docs/reliability.md")]

use super::{kill_mounts, mounts_processes, served};
use ossplit_testkit::{
    Server,
    csi::{Driver, Status, Volume},
    is_mounted, mounted, oss, ossplit, server, until,
};
use rustix::process::Signal;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

#[test]
fn a_driver_that_was_killed_is_followed_by_one_that_knows() {
    let (server, mut driver) = served();
    let volume = Volume::new(&server, "v");
    let (stays, goes) = (driver.target("stays/mount"), driver.target("goes/mount"));
    driver.publish(&volume, &stays).unwrap();
    driver.publish(&volume, &goes).unwrap();
    let open = fs::File::open(stays.join("f")).unwrap();
    driver.restart();
    assert_eq!(
        fs::read(stays.join("f")).unwrap(),
        b"content",
        "the mount went on"
    );
    drop(open);
    // A pod that was deleted by force while nobody looked: kubelet removed its folder.
    driver.kill();
    rustix::mount::unmount(&goes, rustix::mount::UnmountFlags::DETACH).unwrap();
    fs::remove_dir_all(driver.target("goes")).unwrap();
    kill_mounts(&driver.state());
    driver.restart();
    assert!(!is_mounted(&stays), "what is dead is taken away at start");
    driver.publish(&volume, &stays).unwrap();
    assert_eq!(fs::read(stays.join("f")).unwrap(), b"content");
    driver.unpublish("v", &stays).unwrap();
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

/// What the driver changes the node by.
const NODE: [&str; 5] = ["mount", "umount2", "rename", "mkdir", "unlink,rmdir"];
/// What it changes its notes and the bucket by.
const CONTROLLER: [&str; 4] = ["rename", "unlink", "connect", "writev,sendto"];

/// A call that is to be killed, and the one that takes back what it did.
struct Pair<'a> {
    system_calls: &'a [&'a str],
    call: &'a dyn Fn(&Driver) -> Result<(), Status>,
    /// Panics unless the call has done its work.
    done: &'a dyn Fn(&Driver),
    undo: &'a dyn Fn(&Driver) -> Result<(), Status>,
    /// Panics if anything is left of it.
    undone: &'a dyn Fn(&Driver),
}

/// Kills the driver at the first, second, … of each kind of system call in a pair's calls; repeats the one that was cut
/// off, as kubelet does. Gives how often it died.
fn die_at_each_step(mut driver: Driver, pair: &Pair) -> u32 {
    let mut deaths = 0;
    for calls in pair.system_calls {
        for nth in 1..=12 {
            eprint!("{calls} {nth}; ");
            driver.restart_to_die(calls, nth);
            let called = (pair.call)(&driver);
            let undone = called.is_ok().then(|| (pair.undo)(&driver));
            driver.restart();
            // kubelet asks until it is answered. What the dead driver was about to mount may come yet.
            if undone.is_none() {
                until("the call", || (pair.call)(&driver).is_ok());
                (pair.done)(&driver);
            }
            let survived = matches!(undone, Some(Ok(())));
            if !survived {
                // Its death is known a moment after its socket's.
                deaths += 1;
                until("the call back", || (pair.undo)(&driver).is_ok());
            }
            (pair.undone)(&driver);
            if survived {
                break;
            }
        }
    }
    eprintln!("killed at {deaths} steps, repeated each time: nothing was left over");
    deaths
}

fn nothing_is_left(driver: &Driver) {
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

fn publish_dies_at_each_step(driver: Driver) {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content");
    let volume = Volume::new(&server, "v");
    let target = driver.target("pod/mount");
    let deaths = die_at_each_step(
        driver,
        &Pair {
            system_calls: &NODE,
            call: &|driver| driver.publish(&volume, &target),
            done: &|driver| {
                assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
                assert_eq!(driver.mounts().len(), 2, "{:?}", driver.mounts());
            },
            undo: &|driver| driver.unpublish("v", &target),
            undone: &nothing_is_left,
        },
    );
    assert!(deaths >= 8, "only {deaths} deaths: what was tried?");
}

fn stage_dies_at_each_step(driver: Driver) {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content");
    let volume = Volume::new(&server, "v");
    let staging = driver.target("globalmount");
    let deaths = die_at_each_step(
        driver,
        &Pair {
            system_calls: &NODE,
            call: &|driver| driver.stage(&volume, &staging),
            done: &|driver| {
                let mounts = driver.mounts();
                assert_eq!(mounts.len(), 1, "{mounts:?}");
                assert_eq!(fs::read(mounts[0].join("f")).unwrap(), b"content");
            },
            undo: &|driver| driver.unstage("v", &staging),
            undone: &nothing_is_left,
        },
    );
    assert!(deaths >= 6, "only {deaths} deaths: what was tried?");
}

#[test]
fn publish_and_unpublish_can_be_killed_at_each_of_their_steps_and_repeated() {
    publish_dies_at_each_step(Driver::start(&[]));
}

#[test]
fn publish_and_unpublish_can_be_killed_and_repeated_where_a_keeper_holds_the_mounts() {
    publish_dies_at_each_step(Driver::with_keeper(&[]));
}

#[test]
fn stage_and_unstage_can_be_killed_at_each_of_their_steps_and_repeated() {
    stage_dies_at_each_step(Driver::start(&[]));
}

#[test]
fn stage_and_unstage_can_be_killed_and_repeated_where_a_keeper_holds_the_mounts() {
    stage_dies_at_each_step(Driver::with_keeper(&[]));
}

#[test]
fn create_and_delete_can_be_killed_at_each_of_their_steps_and_repeated() {
    let server = Server::start();
    let class = Volume::new(&server, "")
        .with("path", "/claims")
        .with("volumeAs", "subpath");
    let in_bucket = || oss::keys(&server, "data", "claims/");
    let notes = |driver: &Driver| {
        let entries = fs::read_dir(driver.state()).unwrap();
        let provisioned = fs::read_dir(driver.state().join("provisioned")).unwrap();
        let keys = entries.map(|entry| entry.unwrap().path()).filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("key-")
        });
        let made = provisioned.map(|entry| entry.unwrap().path());
        keys.chain(made).collect::<Vec<_>>()
    };
    let deaths = die_at_each_step(
        Driver::start(&[]),
        &Pair {
            system_calls: &CONTROLLER,
            call: &|driver| driver.create("pvc-1", &class).map(drop),
            done: &|driver| {
                assert_eq!(in_bucket(), ["claims/pvc-1/"]);
                assert_eq!(notes(driver).len(), 1, "{:?}", notes(driver));
            },
            undo: &|driver| driver.delete("pvc-1", &class.secret),
            undone: &|driver| {
                assert_eq!(in_bucket(), Vec::<String>::new());
                assert_eq!(notes(driver), Vec::<PathBuf>::new());
            },
        },
    );
    assert!(deaths >= 6, "only {deaths} deaths: what was tried?");
}

/// Reads, lists and writes in the folder `$1` until there is a file `$3`; says `ok` after each round, and what went wrong.
const POD: &str = r#"
exec 2>&1
turn=0
until [ -e "$3" ]; do
    [ "$(cat "$1/f$((turn % 20))")" = content ] || { echo "$2, round $turn: other bytes"; exit; }
    ls -f "$1" > /dev/null || exit
    echo $turn > "$1/$2" || exit
    [ "$(cat "$1/$2")" = $turn ] || { echo "$2, round $turn: read something else"; exit; }
    echo ok
    turn=$((turn + 1))
done
"#;

/// A program of its own: an open file of this process would be closed in each program that this process starts, which
/// waits for the driver; and one of those is the driver.
fn pod(folder: &Path, name: &str, stop: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", POD, "sh"]);
    command.arg(folder).arg(name).arg(stop);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Counts a pod's rounds until it ends; gives what else it said.
fn watch(pod: &mut Child, rounds: &AtomicU32) -> Vec<String> {
    let lines = BufReader::new(pod.stdout.take().unwrap()).lines();
    let mut errors = Vec::new();
    for line in lines.map(Result::unwrap) {
        if line == "ok" {
            rounds.fetch_add(1, Ordering::Relaxed);
        } else {
            errors.push(line);
        }
    }
    pod.wait().unwrap();
    errors
}

/// New drivers in a trial.
const RESTARTS: u32 = 20;

/// Two pods read, list and write without pause while `replace` brings a new driver twenty times.
fn pods_see_nothing(what: &str, mut replace: impl FnMut(&mut Driver, u32)) {
    let server = Server::start();
    for i in 0..20 {
        oss::put(&server, "data", &format!("f{i}"), b"content");
    }
    let mut driver = Driver::with_keeper(&[]);
    let volume = Volume::new(&server, "v").with("otherOpts", "-o max_stat_cache_size=0");
    let targets = [driver.target("a/mount"), driver.target("b/mount")];
    for target in &targets {
        driver.publish(&volume, target).unwrap();
    }
    let rounds = AtomicU32::new(0);
    let folder = tempfile::tempdir().unwrap();
    let stop = folder.path().join("stop");
    let mut pods = [
        pod(&targets[0], "w-a", &stop),
        pod(&targets[1], "w-b", &stop),
    ];
    let mut pauses = Vec::new();
    let errors: Vec<String> = std::thread::scope(|scope| {
        let workers = pods.each_mut().map(|pod| {
            let rounds = &rounds;
            scope.spawn(move || watch(pod, rounds))
        });
        for turn in 0..RESTARTS {
            let before = rounds.load(Ordering::Relaxed);
            let started = Instant::now();
            replace(&mut driver, turn);
            until("the pods to go on", || {
                rounds.load(Ordering::Relaxed) > before + 6
                    || workers
                        .iter()
                        .any(std::thread::ScopedJoinHandle::is_finished)
            });
            pauses.push(started.elapsed());
        }
        fs::write(&stop, "").unwrap();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert_eq!(errors, Vec::<String>::new());
    pauses.sort();
    eprintln!(
        "the driver {what} {RESTARTS} times, {} rounds of reading, listing and writing: 0 errors; until all went on: \
         median {:?}, longest {:?}",
        rounds.load(Ordering::Relaxed),
        pauses[pauses.len() / 2],
        pauses[pauses.len() - 1]
    );
    for target in &targets {
        driver.unpublish("v", target).unwrap();
    }
    nothing_is_left(&driver);
}

#[test]
fn pods_see_nothing_of_a_driver_that_is_killed_twenty_times() {
    pods_see_nothing("killed", |driver, _| driver.restart());
}

#[test]
fn pods_see_nothing_of_a_driver_that_is_stopped_twenty_times() {
    pods_see_nothing("stopped (SIGTERM)", |driver, _| driver.upgrade(&ossplit()));
}

#[test]
fn pods_see_nothing_of_a_driver_that_is_upgraded_twenty_times() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("ossplit");
    fs::copy(ossplit(), &other).unwrap();
    let programs = [other, ossplit()];
    pods_see_nothing("upgraded", |driver, turn| {
        driver.upgrade(&programs[(turn % 2) as usize]);
    });
}

/// Reads a line of the open file 3; another one of the open file 4 once it is told to. It is read exactly, as a read
/// beyond a file's end asks how long the file is.
const READER: &str = r#"
exec 3<"$1" 4<"$1"
dd bs=8 count=1 status=none <&3
read -r go
dd bs=8 count=1 status=none <&4
"#;

#[test]
fn while_the_driver_is_away_cached_pages_are_read_and_other_requests_wait() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content\n");
    oss::put(&server, "data", "g", b"later");
    let mut driver = Driver::with_keeper(&[]);
    let volume = Volume::new(&server, "v").with("otherOpts", "-o kernel_cache");
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    // Programs of their own, as with `pod`.
    let mut reader = Command::new("sh")
        .args(["-c", READER, "sh"])
        .arg(target.join("f"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, read) = mpsc::channel();
    let lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map(Result::unwrap)
            .try_for_each(|line| tell.send(line))
    });
    let soon = Duration::from_secs(20);
    assert_eq!(read.recv_timeout(soon).as_deref(), Ok("content"));
    let point = driver
        .mounts()
        .into_iter()
        .find(|path| path.starts_with(driver.state()));
    let point = point.unwrap();
    driver.kill();
    until("its serving process to end", || {
        mounted::processes_naming(&point).is_empty()
    });
    reader.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let again = read.recv_timeout(soon);
    assert_eq!(again.as_deref(), Ok("content"), "without a driver");
    let mut waiting = Command::new("cat")
        .arg(target.join("g"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = Instant::now();
    until("a second", || asked.elapsed() > Duration::from_secs(1));
    assert!(waiting.try_wait().unwrap().is_none(), "it waits");
    driver.start_again();
    let mut text = String::new();
    let mut stdout = waiting.stdout.take().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(text, "later");
    assert!(waiting.wait().unwrap().success() && reader.wait().unwrap().success());
    driver.unpublish("v", &target).unwrap();
    nothing_is_left(&driver);
}

#[test]
fn a_volume_whose_processes_hang_is_abnormal_and_can_be_taken_away() {
    let (server, driver) = served();
    let volume = Volume::new(&server, "v");
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    let pids = mounts_processes(&driver.state());
    for pid in &pids {
        server::signal(*pid, Signal::STOP);
    }
    let asked = Instant::now();
    let condition = driver
        .stats("v", &target)
        .unwrap()
        .volume_condition
        .unwrap();
    assert!(
        condition.abnormal && condition.message.contains("no answer"),
        "{condition:?}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    let again = driver.publish(&volume, &target).unwrap_err();
    assert!(again.message().contains("no answer"), "{again:?}");
    driver.unpublish("v", &target).unwrap();
    nothing_is_left(&driver);
    // The keeper last: of one that is still stopped it would make another, for which the key is gone.
    for pid in pids.iter().rev() {
        server::signal(*pid, Signal::CONT);
    }
    until("its processes to end", || {
        pids.iter()
            .all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    });
}

#[test]
fn a_driver_that_kubelet_refuses_ends() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--registration-dir", folder.path().to_str().unwrap()];
    let mut driver = Driver::start(&words);
    let socket = || fs::read_dir(folder.path()).unwrap().next();
    until("the registration's socket", || socket().is_some());
    let socket = socket().unwrap().unwrap().path();
    let info = driver.plugin_info(&socket).unwrap();
    assert_eq!(
        (&*info.r#type, &*info.name, &*info.supported_versions),
        (
            "CSIPlugin",
            "ossplugin.csi.alibabacloud.com",
            &["1.0.0".to_owned()][..]
        )
    );
    assert!(info.endpoint.ends_with("/csi.sock"), "{info:?}");
    driver.tell_registered(&socket, Ok(())).unwrap();
    driver.probe().unwrap();
    // Its answer may be lost with it.
    let _ = driver.tell_registered(&socket, Err("another driver has the name"));
    until("the driver to end", || driver.is_dead());
    assert!(
        driver.log().contains("another driver has the name"),
        "{}",
        driver.log()
    );
}

#[test]
fn a_killed_keeper_leaves_nothing_stuck() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content");
    let mut driver = Driver::with_keeper(&[]);
    let volume = Volume::new(&server, "v");
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    driver.restart_keeper();
    // kubelet publishes again, as it does about once a minute, and does it again when it is refused.
    until("the volume to be usable again", || {
        driver.publish(&volume, &target).is_ok() && fs::read(target.join("f")).is_ok()
    });
    // And with the driver restarted as well, the keeper that is there now holds the mount.
    driver.restart();
    until("the volume to be usable after the driver", || {
        driver.publish(&volume, &target).is_ok() && fs::read(target.join("f")).is_ok()
    });
    driver.unpublish("v", &target).unwrap();
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}
