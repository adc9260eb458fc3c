//! What a mount must withstand: other users, stray signals, dead and silent mounts, killed readers.

use ossplit_testkit::{
    Mounted, Server, is_mounted, mounted, oss, run, run_with, server::signal, until,
};
use rustix::process::Signal;
use std::{
    fs,
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// `sh -c SCRIPT` as nobody; its exit status.
fn as_nobody(script: &str) -> i32 {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).uid(65534).gid(65534);
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().unwrap().code().unwrap()
}

/// A temporary folder that everybody may look into, with a mount point and a password file.
struct Place {
    folder: tempfile::TempDir,
    point: PathBuf,
    passwords: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let point = folder.path().join("mnt");
        fs::create_dir(&point).unwrap();
        let passwords = mounted::password_file(folder.path());
        Self {
            folder,
            point,
            passwords,
        }
    }

    fn mount(&self, server: &Server, options: &str) -> ossplit_testkit::Finished {
        let url = server.url();
        let command = mounted::command(&url, "data", &self.point, &self.passwords, options);
        run_with(&mut { command })
    }
}

#[test]
fn other_users_may_do_what_modes_allow_and_no_more() {
    let server = Server::start();
    let place = Place::new();
    assert_eq!(place.mount(&server, "allow_other").status, 0);
    let file = place.point.join("f");
    fs::write(&file, b"secret").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&place.point, fs::Permissions::from_mode(0o755)).unwrap();
    let shown = file.display();
    for script in [
        format!("cat {shown}"),
        format!("echo x >> {shown}"),
        format!("rm -f {shown}"),
        format!("chmod 666 {shown}"),
        format!("touch {}", place.point.join("new").display()),
    ] {
        assert_ne!(as_nobody(&script), 0, "{script}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"secret");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(as_nobody(&format!("cat {shown}")), 0);
    assert_eq!(run(&["umount".as_ref(), place.point.as_os_str()]).status, 0);
}

#[test]
fn signals_that_ask_for_nothing_end_nothing() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let place = Place::new();
    let log = place.folder.path().join("log");
    let options = format!("logfile={}", log.display());
    assert_eq!(place.mount(&server, &options).status, 0);
    for kind in [Signal::USR1, Signal::USR2, Signal::HUP] {
        for pid in mounted::processes_naming(&place.point) {
            signal(pid, kind);
        }
    }
    until("the log's new level", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("level is"))
    });
    assert_eq!(fs::read(place.point.join("f")).unwrap(), b"x");
    assert_eq!(run(&["umount".as_ref(), place.point.as_os_str()]).status, 0);
}

#[test]
fn a_busy_mount_ends_when_it_is_told_and_keeps_what_was_written() {
    let server = Server::start();
    let place = Place::new();
    assert_eq!(place.mount(&server, "").status, 0);
    let mut open = fs::File::create(place.point.join("f")).unwrap();
    open.write_all(b"half").unwrap();
    for pid in mounted::processes_naming(&place.point) {
        signal(pid, Signal::TERM);
    }
    until("the mount to be gone", || !is_mounted(&place.point));
    until("its processes to end", || {
        mounted::processes_naming(&place.point).is_empty()
    });
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"half");
    assert!(
        open.write_all(b"more")
            .and_then(|()| open.sync_all())
            .is_err()
    );
}

/// Stops the serving process for a while, and lets it go on when dropped.
struct Stopped(Vec<u32>);

impl Stopped {
    fn of(point: &Path) -> Self {
        let mut stopped = Vec::new();
        loop {
            let pids = mounted::processes_naming(point);
            assert!(!pids.is_empty());
            for pid in &pids {
                signal(*pid, Signal::STOP);
            }
            // A keeper that was not stopped yet may have replaced a worker that was.
            if pids == stopped {
                return Self(stopped);
            }
            stopped = pids;
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            signal(*pid, Signal::CONT);
        }
    }
}

#[test]
fn a_mount_point_whose_server_is_silent_is_refused_in_time() {
    let server = Server::start();
    let place = Place::new();
    assert_eq!(place.mount(&server, "").status, 0);
    let stopped = Stopped::of(&place.point);
    let finished = place.mount(&server, "");
    assert!(
        finished.status > 0 && finished.took < Duration::from_secs(10),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("already"), "{finished:?}");
    drop(stopped);
    assert_eq!(run(&["umount".as_ref(), place.point.as_os_str()]).status, 0);
}

#[test]
fn a_dead_mount_is_replaced() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let place = Place::new();
    assert_eq!(place.mount(&server, "").status, 0);
    // All stop first, so that none can clean up after another.
    let stopped = Stopped::of(&place.point);
    for pid in &stopped.0 {
        signal(*pid, Signal::KILL);
    }
    until("the mount to be dead", || {
        fs::metadata(&place.point).is_err()
    });
    assert!(is_mounted(&place.point));
    let log = place.folder.path().join("log");
    let finished = place.mount(&server, &format!("logfile={}", log.display()));
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(fs::read(place.point.join("f")).unwrap(), b"x");
    assert!(fs::read_to_string(&log).unwrap().contains("dead mount"));
    assert_eq!(run(&["umount".as_ref(), place.point.as_os_str()]).status, 0);
    assert!(!is_mounted(&place.point));
}

#[test]
fn a_program_that_waits_for_a_silent_endpoint_can_be_killed() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    signal(server.pid(), Signal::STOP);
    let mut reader = Command::new("cat")
        .arg(mount.path("f"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let wchan = format!("/proc/{}/wchan", reader.id());
    until("the reader to wait", || {
        fs::read_to_string(&wchan)
            .is_ok_and(|place| place.contains("fuse") || place.contains("request"))
    });
    let start = Instant::now();
    signal(reader.id(), Signal::TERM);
    until("the reader to end", || reader.try_wait().unwrap().is_some());
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    signal(server.pid(), Signal::CONT);
    assert_eq!(
        fs::read(mount.path("f")).unwrap(),
        b"x",
        "the mount goes on"
    );
    mount.unmount();
}

#[test]
fn mount_points_may_be_named_by_links_and_relative_paths() {
    let server = Server::start();
    let (first, second) = (Place::new(), Place::new());
    for place in [&first, &second] {
        symlink("mnt", place.folder.path().join("link")).unwrap();
        let mut mount = mounted::command(
            &server.url(),
            "data",
            Path::new("mnt"),
            &place.passwords,
            "",
        );
        let finished = run_with(mount.current_dir(place.folder.path()));
        assert_eq!(finished.status, 0, "{finished:?}");
    }
    // Both were called with the same words: each ends for itself.
    let start = Instant::now();
    for place in [&first, &second] {
        let link = place.folder.path().join("link");
        let finished = run(&["umount".as_ref(), link.as_os_str()]);
        assert_eq!(finished.status, 0, "{finished:?}");
        assert!(!is_mounted(&place.point));
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_log_that_cannot_be_written_is_told_before_anything_is_mounted() {
    let server = Server::start();
    let place = Place::new();
    let finished = place.mount(&server, "logfile=/no/such/folder/log");
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(
        finished.stderr.contains("/no/such/folder/log"),
        "{finished:?}"
    );
    assert!(!is_mounted(&place.point));
}

#[test]
fn a_word_that_is_unknown_is_told_without_its_value() {
    let server = Server::start();
    let place = Place::new();
    let finished = place.mount(&server, "oss_access_key_secret=hidden-value");
    assert_eq!(finished.status, 2, "{finished:?}");
    assert!(
        finished.stderr.contains("oss_access_key_secret"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains("hidden-value"), "{finished:?}");
}

#[test]
fn a_program_for_keys_that_hangs_is_told_in_time() {
    let server = Server::start();
    let place = Place::new();
    let program = place.folder.path().join("keys");
    fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let finished = place.mount(
        &server,
        &format!("credential_process={}", program.display()),
    );
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(finished.took < Duration::from_secs(10), "{finished:?}");
    assert!(
        finished.stderr.contains("credential_process"),
        "{finished:?}"
    );
    assert!(!is_mounted(&place.point));
}

#[test]
fn new_objects_get_the_class_and_the_acl_that_were_asked_for() {
    let server = Server::start();
    let mount = Mounted::new(
        &server,
        "data",
        "storage_class=ia,default_acl=public-read,multipart_size=1",
    );
    fs::write(mount.path("small"), b"x").unwrap();
    fs::write(mount.path("large"), vec![7; 9 << 20]).unwrap();
    fs::create_dir(mount.path("d")).unwrap();
    fs::rename(mount.path("small"), mount.path("renamed")).unwrap();
    for key in ["renamed", "large", "d/"] {
        let head = oss::head(&server, "data", key).unwrap();
        let class = head.get("x-oss-storage-class").map(String::as_str);
        assert_eq!(class, Some("IA"), "{key}: {head:?}");
        let query = [("acl", "")];
        let acl = oss::send(&server, "GET", "data", Some(key), &query, &[], b"");
        let text = String::from_utf8(acl.body).unwrap();
        assert!(text.contains("public-read"), "{key}: {text}");
    }
    mount.unmount();
}

#[test]
fn ossfs_2_s_command_line_and_file() {
    let server = Server::start();
    oss::put(&server, "data", "p/f", b"x");
    let place = Place::new();
    let program = place.folder.path().join("ossfs2");
    symlink(ossplit_testkit::ossplit(), &program).unwrap();
    let (id, secret) = (
        ossplit_testkit::server::KEY_ID,
        ossplit_testkit::server::KEY_SECRET,
    );
    let file = place.folder.path().join("conf");
    let text = format!(
        "# as in ossfs 2's page\n--oss_endpoint={}\n--oss_bucket=data\n--oss_bucket_prefix=p/\n\
         --oss_region=cn-local\n--oss_access_key_id={id}\n--oss_access_key_secret={secret}\n",
        server.url()
    );
    fs::write(&file, text).unwrap();
    let mut mount = Command::new(&program);
    mount.arg("mount").arg(&place.point).arg("-c").arg(&file);
    let finished = run_with(mount.arg("--fuse_threads=4"));
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(
        finished.stderr.contains("fuse_threads: accepted"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains(secret), "{finished:?}");
    assert_eq!(fs::read(place.point.join("f")).unwrap(), b"x");
    // V4 with the region, and modes as ossfs 2 has them.
    let mode = fs::metadata(place.point.join("f"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o777);
    assert_eq!(run(&["umount".as_ref(), place.point.as_os_str()]).status, 0);
}
