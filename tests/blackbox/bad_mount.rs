//! Bad input to `ossplit mount`: one sentence with the mend on standard error, a non-zero exit
//! within 10 seconds, nothing mounted, nothing running.

use ossplit_testkit::{Finished, Mounted, Server, is_mounted, mounted, oss, run_with, until};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration};

fn refused(finished: &Finished, words: &[&str]) {
    assert!(finished.status > 0, "{finished:?}");
    assert!(finished.took < Duration::from_secs(10), "{finished:?}");
    for word in words {
        assert!(
            finished.stderr.contains(word),
            "{word:?} is wanted: {finished:?}"
        );
    }
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
    assert!(
        !finished
            .stderr
            .contains(ossplit_testkit::server::KEY_SECRET),
        "{finished:?}"
    );
}

/// Mounts with `options` and expects a refusal that holds `words`.
fn mount_refused(url: &str, what: &str, options: &str, words: &[&str]) {
    match Mounted::try_new(url, what, options) {
        Ok(_) => panic!("{what} -o {options} was mounted"),
        Err(finished) => refused(&finished, words),
    }
}

fn nothing_left(point: &Path) {
    assert!(!is_mounted(point));
    until("no process to be left", || {
        mounted::processes_naming(point).is_empty()
    });
}

#[test]
fn options_that_are_wrong() {
    let server = Server::start();
    let url = server.url();
    for (options, words) in [
        (
            "max_stat_cache_sise=5",
            &["max_stat_cache_sise", "max_stat_cache_size"][..],
        ),
        ("umask=9z", &["umask", "9z"]),
        ("parallel_count=0", &["parallel_count", "0"]),
        ("max_stat_cache_size=many", &["max_stat_cache_size", "many"]),
        ("uid=-5", &["uid", "-5"]),
        ("memory=lots", &["memory", "lots"]),
        // Every fault at once.
        ("umask=9z,parallel_count=x", &["umask", "parallel_count"]),
    ] {
        mount_refused(&url, "data", options, words);
    }
}

#[test]
fn keys_that_are_wrong() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let passwords = folder.path().join("passwd");
    let mount = || {
        run_with(&mut mounted::command(
            &server.url(),
            "data",
            &point,
            &passwords,
            "",
        ))
    };
    let write = |text: &str, mode| {
        fs::write(&passwords, text).unwrap();
        fs::set_permissions(&passwords, fs::Permissions::from_mode(mode)).unwrap();
    };
    let id = ossplit_testkit::server::KEY_ID;

    refused(&mount(), &["passwd", "No such file"]);
    write(&format!("{id}:not-the-secret"), 0o600);
    let wrong = mount();
    refused(&wrong, &["SignatureDoesNotMatch"]);
    assert!(!wrong.stderr.contains("not-the-secret"), "{wrong:?}");
    write("nobody:not-the-secret", 0o600);
    refused(&mount(), &["nobody"]);
    write("no colon here", 0o600);
    refused(&mount(), &["passwd"]);
    write(&format!("{id}:secret"), 0o644);
    refused(&mount(), &["644", "600"]);
    nothing_left(&point);
}

#[test]
fn buckets_and_prefixes_that_are_not_there() {
    let server = Server::start();
    oss::put(&server, "data", "here/f", b"x");
    mount_refused(&server.url(), "no-such-bucket", "", &["no-such-bucket"]);
    mount_refused(&server.url(), "Bad_Name", "", &["Bad_Name"]);
    mount_refused(&server.url(), "data:/not/here", "", &["not/here"]);
}

#[test]
fn endpoints_that_do_not_answer() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    mount_refused(
        &format!("http://{closed}"),
        "data",
        "",
        &[&closed.to_string()],
    );
    let address = silent.local_addr().unwrap();
    mount_refused(
        &format!("http://{address}"),
        "data",
        "",
        &[&address.to_string()],
    );
    mount_refused(
        "http://no-such-host.invalid",
        "data",
        "",
        &["no-such-host.invalid"],
    );
    mount_refused("ftp://127.0.0.1", "data", "", &["ftp"]);
}

#[test]
fn mount_points_that_do_not_do() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    let folder = tempfile::tempdir().unwrap();
    let passwords = mounted::password_file(folder.path());
    let mount = |at: &Path, options: &str| {
        run_with(&mut mounted::command(
            &server.url(),
            "data",
            at,
            &passwords,
            options,
        ))
    };
    let missing = folder.path().join("missing");
    refused(&mount(&missing, ""), &["missing", "mkdir"]);
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    refused(&mount(&file, ""), &["file", "directory"]);
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("x"), b"").unwrap();
    refused(&mount(&full, ""), &["full", "nonempty"]);
    nothing_left(&full);
    let finished = mount(&full, "nonempty");
    assert_eq!(finished.status, 0, "{finished:?}");
    refused(&mount(&full, "nonempty"), &["already", "fusermount3 -u"]);
    let finished = ossplit_testkit::run(&["umount".as_ref(), full.as_os_str()]);
    assert_eq!(finished.status, 0, "{finished:?}");
    nothing_left(&full);
}

#[test]
fn a_machine_that_cannot_mount() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let passwords = mounted::password_file(folder.path());
    let inner = mounted::command(&server.url(), "data", &point, &passwords, "");

    // Without /dev/fuse: in a mount namespace of its own, /dev is empty but for null.
    let script = "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec \"$@\"";
    let mut hidden = Command::new("unshare");
    hidden.args([
        "--mount",
        "--propagation",
        "slave",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    hidden.arg(inner.get_program()).args(inner.get_args());
    refused(&run_with(&mut hidden), &["/dev/fuse", "modprobe"]);

    // Not root, and no fusermount3 to be found.
    let public = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), public).unwrap();
    let program = folder.path().join("ossplit");
    fs::copy(ossplit_testkit::ossplit(), &program).unwrap();
    std::os::unix::fs::chown(&passwords, Some(65534), Some(65534)).unwrap();
    std::os::unix::fs::chown(&point, Some(65534), Some(65534)).unwrap();
    let script = "mount -t tmpfs none /usr/bin && exec \"$0\" --reuid=65534 --regid=65534 \
                  --clear-groups \"$@\"";
    let tools = folder.path().join("setpriv");
    fs::copy("/usr/bin/setpriv", &tools).unwrap();
    let mut powerless = Command::new("unshare");
    powerless
        .args([
            "--mount",
            "--propagation",
            "slave",
            "/bin/dash",
            "-c",
            script,
        ])
        .arg(&tools)
        .arg(&program);
    powerless.args(inner.get_args());
    refused(&run_with(&mut powerless), &["root", "fusermount3"]);
    nothing_left(&point);
}

#[test]
fn wrong_usage_is_status_2() {
    for args in [
        &["mount"][..],
        &["mount", "b"],
        &["mount", "b", "/tmp", "--no-such-flag"],
        &["no"],
    ] {
        let finished = ossplit_testkit::run(args);
        assert_eq!(finished.status, 2, "{args:?} {finished:?}");
        assert!(!finished.stderr.is_empty());
    }
}
