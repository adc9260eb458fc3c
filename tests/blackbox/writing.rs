//! Ways of writing that one has to ask for, and commands around a read-write mount.

use ossplit_testkit::{Mounted, Server, mounted, oss, ossplit, run_with, until};
use rustix::io::Errno;
use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

fn upload_status(path: &Path) -> String {
    let mut value = Vec::with_capacity(1000);
    let room = rustix::buffer::spare_capacity(&mut value);
    rustix::fs::getxattr(path, "user.ossplit.upload", room).unwrap();
    String::from_utf8(value).unwrap()
}

#[test]
fn a_close_that_does_not_wait_tells_how_it_went() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "close=async,retries=1");
    let slow = r#"{"rules": [{"operation": "PutObject", "delay_ms": 2000}]}"#;
    server.set_faults(slow);
    let start = Instant::now();
    fs::write(mount.path("f"), b"text").unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(upload_status(&mount.path("f")), "pending");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"text");
    until("the upload", || upload_status(&mount.path("f")) == "stored");
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"text");

    // fsync waits all the same.
    let mut file = File::create(mount.path("g")).unwrap();
    file.write_all(b"synced").unwrap();
    file.sync_all().unwrap();
    assert_eq!(oss::get(&server, "data", "g").unwrap(), b"synced");
    drop(file);

    let refused =
        r#"{"rules": [{"operation": "PutObject", "status": 403, "code": "AccessDenied"}]}"#;
    server.set_faults(refused);
    fs::write(mount.path("f"), b"lost").unwrap();
    until("the upload to fail", || {
        upload_status(&mount.path("f")).starts_with("failed: ")
    });
    assert!(upload_status(&mount.path("f")).contains("denied"));
    server.set_faults(r#"{"rules": []}"#);
    fs::write(mount.path("f"), b"again").unwrap();
    until("the upload", || upload_status(&mount.path("f")) == "stored");
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"again");

    // What is under way when the mount ends is waited for.
    server.set_faults(slow);
    fs::write(mount.path("last"), b"words").unwrap();
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "last").unwrap(), b"words");
}

/// The program under ossfs's name, and a password file for it.
fn as_ossfs(folder: &Path) -> Command {
    let program = folder.join("ossfs");
    if !program.exists() {
        symlink(ossplit(), &program).unwrap();
    }
    Command::new(program)
}

#[test]
fn unfinished_uploads_are_listed_and_aborted() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let passwords = mounted::password_file(folder.path());
    let options = format!("url={},passwd_file={}", server.url(), passwords.display());
    for key in ["p/one", "p/two words", "other"] {
        let query = [("uploads", "")];
        let begun = oss::send(&server, "POST", "data", Some(key), &query, &[], b"");
        assert_eq!(begun.status, 200);
    }
    let ossfs = |words: &[&str]| {
        let mut command = as_ossfs(folder.path());
        let finished = run_with(command.args(words).args(["-o", &options]));
        assert_eq!(finished.status, 0, "{words:?} {finished:?}");
        finished.stdout
    };
    for words in [["-u", "data"], ["--incomplete-mpu-list", "data"]] {
        let said = ossfs(&words);
        for wanted in [
            "/p/one",
            "/p/two words",
            "/other",
            "UploadId",
            "3 unfinished",
        ] {
            assert!(said.contains(wanted), "{said}");
        }
    }
    // A day old: none.
    let said = ossfs(&["--incomplete-mpu-abort", "data"]);
    assert!(said.contains("0 uploads aborted, 3 are younger"), "{said}");
    let said = ossfs(&["--incomplete-mpu-abort=all", "data:/p"]);
    assert!(said.contains("2 uploads aborted"), "{said}");
    assert_eq!(oss::unfinished_uploads(&server, "data"), 1);
    let said = ossfs(&["--incomplete-mpu-abort=all", "data"]);
    assert!(said.contains("aborted /other"), "{said}");
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
    let mut wrong = as_ossfs(folder.path());
    let finished = run_with(wrong.args(["--incomplete-mpu-abort=soon", "data", "-o", &options]));
    assert_eq!(finished.status, 2, "{finished:?}");
}

#[test]
fn what_was_deleted_comes_back_in_a_bucket_with_versions() {
    let server = Server::start();
    let enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let query = [("versioning", "")];
    let set = oss::send(&server, "PUT", "data", None, &query, &[], enabled);
    assert_eq!(set.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let passwords = mounted::password_file(folder.path());
    let options = format!("url={},passwd_file={}", server.url(), passwords.display());
    let undelete = |address: &str| {
        let mut command = Command::new(ossplit());
        run_with(command.args(["undelete", address, "-o", &options]))
    };
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    fs::write(mount.path("f"), b"first").unwrap();
    fs::write(mount.path("f"), b"second").unwrap();
    fs::create_dir(mount.path("d")).unwrap();
    fs::write(mount.path("d/g"), b"in d").unwrap();
    fs::write(mount.path("stays"), b"x").unwrap();
    fs::remove_file(mount.path("f")).unwrap();
    fs::remove_dir_all(mount.path("d")).unwrap();
    assert_eq!(oss::keys(&server, "data", ""), ["stays"]);
    let back = undelete("oss://data/f");
    assert_eq!(back.status, 0, "{back:?}");
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"second");
    let back = undelete("oss://data/d/");
    assert!(back.stdout.contains("oss://data/d/g"), "{back:?}");
    assert_eq!(fs::read(mount.path("d/g")).unwrap(), b"in d");
    assert_eq!(oss::keys(&server, "data", ""), ["d/", "d/g", "f", "stays"]);
    let nothing = undelete("oss://data/none");
    assert_eq!(nothing.status, 1, "{nothing:?}");
    assert_eq!(undelete("data/none").status, 2);
    mount.unmount();
}

#[test]
fn a_mount_can_be_remounted_read_only() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    fs::write(mount.path("f"), b"x").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let remount = |flags: &str| {
        let mut command = as_ossfs(folder.path());
        let words = [
            "ossfs".as_ref(),
            mount.path("").into_os_string().as_os_str(),
        ]
        .map(ToOwned::to_owned);
        let options = format!("rw,nosuid,nodev,relatime,user_id=0,group_id=0,remount,{flags}");
        run_with(command.args(words).args(["-o", &options]))
    };
    let finished = remount("ro");
    assert_eq!(finished.status, 0, "{finished:?}");
    let refused = fs::write(mount.path("g"), b"x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(Errno::ROFS.raw_os_error()));
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"x");
    let finished = remount("rw");
    assert_eq!(finished.status, 0, "{finished:?}");
    fs::write(mount.path("g"), b"x").unwrap();
    mount.unmount();
    let nowhere = run_with(as_ossfs(folder.path()).args(["ossfs", "/", "-o", "remount,ro"]));
    assert_eq!(nowhere.status, 1, "{nowhere:?}");
}

#[test]
fn an_append_to_a_large_object_sends_what_is_new() {
    let server = Server::start();
    let mut model = crate::read_only::pattern(64 << 20, 1);
    oss::put(&server, "data", "f", &model);
    let mount = Mounted::new(&server, "data", "");
    server.reset();
    let mut options = fs::OpenOptions::new();
    let file = options.append(true).open(mount.path("f"));
    file.unwrap().write_all(b"ten bytes.").unwrap();
    model.extend_from_slice(b"ten bytes.");
    let counted = server.requests();
    assert_eq!(counted.get("GetObject"), None, "{counted:?}");
    assert_eq!(counted.get("UploadPart"), Some(&1), "{counted:?}");
    assert!(oss::get(&server, "data", "f").unwrap() == model);
    mount.unmount();
}

#[test]
fn close_tells_that_an_upload_was_refused() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mount = Mounted::new(&server, "data", &format!("logfile={}", log.display()));
    server.set_faults(
        r#"{"rules": [{"operation": "PutObject", "status": 403, "code": "AccessDenied"}]}"#,
    );
    let script = "import os, sys\n\
                  f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n\
                  os.write(f, b'refused')\n\
                  try: os.close(f)\n\
                  except PermissionError: sys.exit(0)\n\
                  sys.exit('close did not fail')";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(mount.path("the-key"));
    let finished = run_with(&mut python);
    assert_eq!(finished.status, 0, "{finished:?}");
    until("the log says why", || {
        let told = fs::read_to_string(&log).unwrap_or_default();
        let mut lines = told.lines();
        lines.any(|line| line.contains("AccessDenied") && line.contains("the-key"))
    });
    server.set_faults(r#"{"rules": []}"#);
    mount.unmount();
    assert_eq!(oss::get(&server, "data", "the-key"), None);
}
