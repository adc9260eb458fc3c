//! What a program sees while nobody serves: `docs/semantics.md`, "While nobody serves", names these tests.

use super::{pass, successor};
use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, is_mounted, oss, run, server::signal, until};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    time::Duration,
};

fn mounted(options: &str) -> (Server, Mounted) {
    let server = Server::start();
    oss::put(&server, "data", "dir/f", &pattern(3_000_000, 1));
    oss::put(&server, "data", "dir/g", b"g");
    let mount = Mounted::new(&server, "data", options);
    (server, mount)
}

fn kill_and_wait(mount: &Mounted) -> u32 {
    let worker = mount.worker().expect("it is served");
    signal(worker, Signal::KILL);
    successor(mount, worker)
}

#[test]
fn open_files_and_directories_go_on_where_they_were() {
    let (_server, mount) = mounted("");
    let wanted = pattern(3_000_000, 1);
    let mut file = File::open(mount.path("dir/f")).unwrap();
    let mut half = vec![0; 1_500_000];
    file.read_exact(&mut half).unwrap();
    let mut names = fs::read_dir(mount.path("dir")).unwrap();
    let first = names.next().unwrap().unwrap().file_name();
    let inode = fs::metadata(mount.path("dir/f")).unwrap().ino();
    for _ in 0..3 {
        kill_and_wait(&mount);
    }
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert!([half, rest].concat() == wanted);
    let second = names.next().unwrap().unwrap().file_name();
    assert_ne!(first, second);
    assert!(names.next().is_none());
    assert_eq!(fs::metadata(mount.path("dir/f")).unwrap().ino(), inode);
    drop((file, names));
    mount.unmount();
}

#[test]
fn a_pinned_version_stays_pinned() {
    let (server, mount) = mounted("max_stat_cache_size=0");
    let file = File::open(mount.path("dir/f")).unwrap();
    oss::put(&server, "data", "dir/f", &pattern(3_000_000, 2));
    kill_and_wait(&mount);
    let mut piece = [0; 1000];
    let error = file.read_exact_at(&mut piece, 2_000_000).unwrap_err();
    let stale = rustix::io::Errno::STALE.raw_os_error();
    assert_eq!(error.raw_os_error(), Some(stale), "{error}");
    assert!(fs::read(mount.path("dir/f")).unwrap() == pattern(3_000_000, 2));
    drop(file);
    mount.unmount();
}

#[test]
fn what_was_written_and_not_synced_is_not_lost() {
    let (server, mount) = mounted("multipart_size=1");
    let wanted = pattern(5_000_000, 3);
    let mut file = File::create(mount.path("new")).unwrap();
    for (number, piece) in wanted.chunks(700_000).enumerate() {
        file.write_all(piece).unwrap();
        if number % 2 == 0 {
            kill_and_wait(&mount);
        }
    }
    let mut there = Vec::new();
    File::open(mount.path("new"))
        .unwrap()
        .read_to_end(&mut there)
        .unwrap();
    assert!(there == wanted, "it can be read before it is closed");
    rustix::fs::fsync(&file).unwrap();
    assert!(oss::get(&server, "data", "new").unwrap() == wanted);
    // In place, and at the end.
    file.seek(SeekFrom::Start(10)).unwrap();
    file.write_all(b"changed").unwrap();
    kill_and_wait(&mount);
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"the end").unwrap();
    kill_and_wait(&mount);
    drop(file);
    mount.unmount();
    let mut wanted = wanted;
    wanted[10..17].copy_from_slice(b"changed");
    wanted.extend(b"the end");
    assert!(oss::get(&server, "data", "new").unwrap() == wanted);
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn what_was_written_to_a_removed_file_is_not_lost() {
    let (server, mount) = mounted("");
    let path = mount.path("gone");
    let open = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path);
    let mut file = open.unwrap();
    file.write_all(b"still here").unwrap();
    fs::remove_file(&path).unwrap();
    kill_and_wait(&mount);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "still here");
    assert!(!path.exists());
    drop(file);
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "gone"), None);
}

#[test]
fn a_call_in_the_gap_waits_and_a_signal_that_kills_ends_it() {
    let (_server, mount) = mounted("");
    let keeper = mount.keeper();
    // Without its keeper nobody starts another worker: the gap lasts.
    signal(keeper, Signal::STOP);
    let worker = mount.worker().unwrap();
    signal(worker, Signal::KILL);
    // A request that it had taken up would wait for its successor, whatever becomes of the program.
    until("the worker to be dead", || {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        stat.contains(") Z ")
    });
    let mut cat = std::process::Command::new("cat")
        .arg(mount.path("dir/g"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let path = mount.path("dir/f");
    let reader = std::thread::spawn(move || fs::read(path));
    pass(Duration::from_millis(300));
    assert!(cat.try_wait().unwrap().is_none(), "it waits");
    assert!(!reader.is_finished(), "it waits");
    cat.kill().unwrap();
    until("the killed program to end", || {
        cat.try_wait().unwrap().is_some()
    });
    signal(keeper, Signal::CONT);
    assert!(reader.join().unwrap().unwrap() == pattern(3_000_000, 1));
    mount.unmount();
}

#[test]
fn a_program_whose_request_was_taken_up_ends_when_the_next_process_serves() {
    let (server, mount) = mounted("");
    let keeper = mount.keeper();
    signal(keeper, Signal::STOP);
    // The service is silent, so the request stays with the worker.
    signal(server.pid(), Signal::STOP);
    let mut cat = std::process::Command::new("cat")
        .arg(mount.path("dir/g"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let waits = format!("/proc/{}/wchan", cat.id());
    until("cat to wait for its request", || {
        fs::read_to_string(&waits).is_ok_and(|place| place.contains("request_wait_answer"))
    });
    pass(Duration::from_millis(200));
    signal(mount.worker().unwrap(), Signal::KILL);
    cat.kill().unwrap();
    pass(Duration::from_millis(300));
    assert!(
        cat.try_wait().unwrap().is_none(),
        "its request is with nobody"
    );
    signal(server.pid(), Signal::CONT);
    signal(keeper, Signal::CONT);
    until("the killed program to end", || {
        cat.try_wait().unwrap().is_some()
    });
    mount.unmount();
}

#[test]
fn a_request_that_kills_whoever_takes_it_up_costs_itself_alone() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let mount = Mounted::with_hooks(&server, "data", "", "panic-at-name");
    let first = mount.worker().unwrap();
    let error = fs::metadata(mount.path("panic")).unwrap_err();
    let io = rustix::io::Errno::IO.raw_os_error();
    assert_eq!(error.raw_os_error(), Some(io), "{error}");
    let careful = mount.worker().unwrap();
    assert_ne!(careful, first, "it was tried again");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"x");
    fs::metadata(mount.path("panic")).unwrap_err();
    assert_eq!(mount.worker().unwrap(), careful, "no process more");
    mount.unmount();
}

/// Holds the process that is its argument as a debugger does, until its input ends.
const DEBUGGER: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
for thread in map(int, os.listdir(f'/proc/{sys.argv[1]}/task')):
    for request in (SEIZE, INTERRUPT):
        if libc.ptrace(request, thread, None, None):
            raise OSError(ctypes.get_errno(), 'ptrace')
    os.waitpid(thread, WALL)
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn a_process_that_is_being_debugged_is_left_alone() {
    let (_server, mount) = mounted("");
    let worker = mount.worker().unwrap();
    let mut debugger = std::process::Command::new("python3")
        .args(["-c", DEBUGGER, &worker.to_string()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 4];
    let mut says = debugger.stdout.take().unwrap();
    says.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"held");
    let path = mount.path("dir/f");
    let reader = std::thread::spawn(move || fs::read(path));
    // Silence is a hang after five seconds.
    pass(Duration::from_secs(7));
    assert_eq!(mount.worker(), Some(worker), "it was not replaced");
    assert!(!reader.is_finished(), "it waits");
    drop(debugger.stdin.take());
    assert!(debugger.wait().unwrap().success());
    assert!(reader.join().unwrap().unwrap() == pattern(3_000_000, 1));
    assert_eq!(mount.worker(), Some(worker), "the same goes on");
    mount.unmount();
}

#[test]
fn it_can_be_unmounted_in_the_gap() {
    let (server, mount) = mounted("multipart_size=1");
    let wanted = pattern(2_500_000, 4);
    let mut file = File::create(mount.path("new")).unwrap();
    file.write_all(&wanted).unwrap();
    let keeper = mount.keeper();
    signal(keeper, Signal::STOP);
    let worker = mount.worker().unwrap();
    signal(worker, Signal::KILL);
    // Closing waits for who serves next; detaching does not.
    let closing = std::thread::spawn(move || drop(file));
    rustix::mount::unmount(mount.path(""), rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(!is_mounted(&mount.path("")));
    signal(keeper, Signal::CONT);
    closing.join().unwrap();
    until("its processes to end", || mount.processes().is_empty());
    assert!(oss::get(&server, "data", "new").unwrap() == wanted);
}

#[test]
fn without_failover_the_mount_ends_with_its_process() {
    let (_server, mount) = mounted("failover=off");
    let pids = mount.processes();
    assert_eq!(pids.len(), 2, "the guard and the worker");
    signal(pids[1], Signal::KILL);
    until("the mount to be gone", || !is_mounted(&mount.path("")));
    until("its processes to end", || mount.processes().is_empty());
    let finished = run(&["upgrade".as_ref(), mount.path("").as_os_str()]);
    assert_eq!(finished.status, 1, "{finished:?}");
}

#[test]
fn recovery_that_fails_ends_the_mount_and_says_why() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let log = tempfile::tempdir().unwrap();
    let log = log.path().join("log");
    let options = format!("logfile={}", log.display());
    let mount = Mounted::new(&server, "data", &options);
    let open = File::open(mount.path("f")).unwrap();
    // A password file that is gone is what no worker can start without.
    fs::remove_file(mount.path("").parent().unwrap().join("passwd")).unwrap();
    signal(mount.worker().unwrap(), Signal::KILL);
    let start = std::time::Instant::now();
    while is_mounted(&mount.path("")) {
        assert!(
            start.elapsed() < Duration::from_secs(100),
            "it is given up after a minute"
        );
        pass(Duration::from_millis(500));
    }
    assert!(
        start.elapsed() > Duration::from_secs(50),
        "{:?}",
        start.elapsed()
    );
    until("its processes to end", || mount.processes().is_empty());
    let error = open.read_at(&mut [0; 1], 0).unwrap_err();
    let gone = rustix::io::Errno::NOTCONN.raw_os_error();
    assert_eq!(error.raw_os_error(), Some(gone), "{error}");
    let said = fs::read_to_string(log).unwrap();
    assert!(
        said.contains("nobody could serve the mount for 60 s"),
        "{said}"
    );
    assert!(said.contains("passwd"), "{said}");
}
