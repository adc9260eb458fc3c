//! The Kubernetes driver as kubelet sees it: real calls, real mounts.
#![allow(clippy::print_stderr, reason = "the figures of docs/reliability.md")]

mod keys;
mod restarts;

use ossplit_testkit::{
    Finished, Server, ServerOptions, console,
    csi::{Code, Driver, Mode, Volume},
    is_mounted, oss, run_with, server, until,
};
use rustix::process::Signal;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

fn served() -> (Server, Driver) {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content");
    oss::put(&server, "data", "train/data/digits", b"0123456789");
    (server, Driver::start(&[]))
}

/// `cat` as another user.
fn cat_as(user: u32, path: &Path) -> Finished {
    let user = user.to_string();
    run_with(
        Command::new("setpriv")
            .args(["--reuid", &user, "--regid", &user, "--clear-groups", "cat"])
            .arg(path),
    )
}

fn refused(driver: &Driver, volume: &Volume) -> (Code, String) {
    let target = driver.target("refused");
    let status = driver.publish(volume, &target).unwrap_err();
    assert!(!is_mounted(&target), "nothing stays: {status:?}");
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new(), "{status:?}");
    let text = status.message().to_owned();
    assert!(!text.contains(server::KEY_SECRET), "{text}");
    assert!(!text.contains('\n'), "one sentence: {text}");
    (status.code(), text)
}

#[test]
fn the_page_s_read_write_form() {
    let (server, driver) = served();
    driver.probe().unwrap();
    let volume = Volume::new(&server, "tf-train-pv")
        .with("path", "/train")
        .with("otherOpts", "-o max_stat_cache_size=0 -o allow_other");
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    assert_eq!(fs::read(target.join("data/digits")).unwrap(), b"0123456789");
    fs::create_dir(target.join("training_logs")).unwrap();
    fs::write(target.join("training_logs/model.ckpt"), b"weights").unwrap();
    let written = oss::get(&server, "data", "train/training_logs/model.ckpt");
    assert_eq!(written.as_deref(), Some(&b"weights"[..]));
    driver.unpublish("tf-train-pv", &target).unwrap();
    assert!(!target.exists());
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn the_page_s_split_form_lets_other_users_read() {
    let (server, driver) = served();
    let volume = Volume::new(&server, "ro").with_mode(Mode::MultiNodeReaderOnly);
    let plain = driver.target("plain/mount");
    driver.publish(&volume, &plain).unwrap();
    assert!(fs::write(plain.join("new"), b"x").is_err());
    let shut = cat_as(1000, &plain.join("f"));
    assert!(shut.stderr.contains("Permission denied"), "{shut:?}");
    let mut open = volume.with(
        "otherOpts",
        "-o max_stat_cache_size=10000 -o kernel_cache -oumask=022",
    );
    open.id = "open".into();
    let target = driver.target("open/mount");
    driver.publish(&open, &target).unwrap();
    assert_eq!(cat_as(1000, &target.join("f")).stdout, "content");
}

#[test]
fn two_pods_share_one_mount() {
    let (server, driver) = served();
    let volume = Volume::new(&server, "shared").with_mode(Mode::MultiNodeReaderOnly);
    let targets = [driver.target("one/mount"), driver.target("two/mount")];
    for target in &targets {
        driver.publish(&volume, target).unwrap();
        // As kubelet does about once a minute.
        driver.publish(&volume, target).unwrap();
        assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
    }
    let device = |path: &Path| {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).unwrap().dev()
    };
    assert_eq!(device(&targets[0]), device(&targets[1]));
    assert_eq!(driver.mounts().len(), 3, "{:?}", driver.mounts());
    driver.unpublish("shared", &targets[0]).unwrap();
    driver.unpublish("shared", &targets[0]).unwrap();
    assert_eq!(fs::read(targets[1].join("f")).unwrap(), b"content");
    driver.unpublish("shared", &targets[1]).unwrap();
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn one_pod_s_read_only_is_no_other_s() {
    let (server, driver) = served();
    let volume = Volume::new(&server, "v");
    let reading = Volume {
        read_only: true,
        ..volume.clone()
    };
    let (ro, rw) = (driver.target("ro/mount"), driver.target("rw/mount"));
    driver.publish(&reading, &ro).unwrap();
    driver.publish(&volume, &rw).unwrap();
    assert!(fs::write(ro.join("new"), b"x").is_err());
    fs::write(rw.join("new"), b"x").unwrap();
    assert_eq!(fs::read(ro.join("new")).unwrap(), b"x");
}

#[test]
fn a_staged_volume_lasts_until_it_is_unstaged() {
    let (server, driver) = served();
    let volume = Volume::new(&server, "staged");
    let staging = driver.target("globalmount");
    driver.stage(&volume, &staging).unwrap();
    driver.stage(&volume, &staging).unwrap();
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    driver.unpublish("staged", &target).unwrap();
    assert_eq!(driver.mounts().len(), 1);
    driver.unstage("staged", &staging).unwrap();
    driver.unstage("staged", &staging).unwrap();
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn figures_and_condition() {
    let (server, driver) = served();
    let target = driver.target("a/mount");
    assert_eq!(
        driver.stats("v", &target).unwrap_err().code(),
        Code::NotFound
    );
    driver.publish(&Volume::new(&server, "v"), &target).unwrap();
    server.reset();
    let stats = driver.stats("v", &target).unwrap();
    assert!(!stats.volume_condition.unwrap().abnormal);
    assert_eq!(stats.usage.len(), 2);
    assert!(stats.usage[0].total > 0);
    assert_eq!(server.requests().len(), 0, "OSS is not asked");
    // The mount's processes are killed, and nobody cleans up: the guard goes first.
    let state = driver.state();
    kill_mounts(&state);
    until("the volume to be abnormal", || {
        driver.stats("v", &target).is_ok_and(|stats| {
            stats
                .volume_condition
                .is_some_and(|condition| condition.abnormal)
        })
    });
    driver.publish(&Volume::new(&server, "v"), &target).unwrap();
    assert_eq!(fs::read(target.join("f")).unwrap(), b"content", "repaired");
}

/// Every process that serves a mount below `state`.
fn mounts_processes(state: &Path) -> Vec<u32> {
    let folders = fs::read_dir(state.join("volumes")).unwrap();
    let points = folders.map(|folder| folder.unwrap().path().join("mnt"));
    let pids: Vec<u32> = points
        .flat_map(|point| ossplit_testkit::mounted::processes_naming(&point))
        .collect();
    assert!(!pids.is_empty());
    pids
}

/// kill -9 of all of them, so fast that none cleans up.
fn kill_mounts(state: &Path) {
    let pids = mounts_processes(state);
    for pid in &pids {
        server::signal(*pid, Signal::STOP);
    }
    for pid in pids {
        server::signal(pid, Signal::KILL);
    }
}

#[test]
fn mount_options_win_over_the_volume_s_own() {
    let (server, driver) = served();
    let mut volume = Volume::new(&server, "v").with("otherOpts", "-o umask=077");
    volume.flags = vec!["umask=022".into()];
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    assert_eq!(cat_as(1000, &target.join("f")).stdout, "content");
    let told = "mountOptions say umask=022 and otherOpts umask=077: mountOptions win";
    assert!(driver.log().contains(told), "{}", driver.log());
}

#[test]
fn failures_speak() {
    let (server, driver) = served();
    let volume = || Volume::new(&server, "v");
    let secret =
        |id: &str, secret: &str| volume().with_secret(&[("akId", id), ("akSecret", secret)]);
    for (what, volume, code, parts) in [
        (
            "option",
            volume().with("otherOpts", "-o max_stat_cache_sise=5"),
            Code::InvalidArgument,
            &[
                "max_stat_cache_sise",
                "did you mean \"max_stat_cache_size\"?",
            ][..],
        ),
        (
            "no -o",
            volume().with("otherOpts", "umask=022"),
            Code::InvalidArgument,
            &["\"umask=022\"", "write -o umask=022"],
        ),
        (
            "half a key",
            volume().with_secret(&[("akId", "x")]),
            Code::InvalidArgument,
            &["no akSecret"],
        ),
        (
            "no key",
            volume().with_secret(&[]),
            Code::InvalidArgument,
            &["there is no key", "nodePublishSecretRef"],
        ),
        (
            "key id",
            secret("nobody", "x"),
            Code::FailedPrecondition,
            &["InvalidAccessKeyId", "unknown or disabled"],
        ),
        (
            "signature",
            secret(server::KEY_ID, "wrong"),
            Code::FailedPrecondition,
            &["SignatureDoesNotMatch", "secret does not fit the id"],
        ),
        (
            "bucket",
            volume().with("bucket", "nothing-there"),
            Code::FailedPrecondition,
            &["NoSuchBucket", "check the bucket's name"],
        ),
        (
            "path",
            volume().with("path", "/not/there"),
            Code::FailedPrecondition,
            &["oss://data/not/there/", "check the prefix"],
        ),
        (
            "path without slash",
            volume().with("path", "train"),
            Code::InvalidArgument,
            &["write /train"],
        ),
        (
            "DNS",
            volume().with("url", "http://oss-nowhere.invalid"),
            Code::FailedPrecondition,
            &["oss-nowhere.invalid", "check the endpoint's spelling"],
        ),
        (
            "nobody listens",
            volume().with("url", "http://127.0.0.1:1"),
            Code::FailedPrecondition,
            &["check the endpoint, its port"],
        ),
        (
            "TLS",
            volume().with("url", &server.url().replace("http:", "https:")),
            Code::FailedPrecondition,
            &["certificate"],
        ),
        (
            "a bucket's domain",
            volume().with("url", "data.oss-cn-beijing.aliyuncs.com"),
            Code::InvalidArgument,
            &["alone: oss-cn-beijing.aliyuncs.com"],
        ),
    ] {
        let started = Instant::now();
        let (got, text) = refused(&driver, &volume);
        assert_eq!(got, code, "{what}: {text}");
        for part in parts {
            assert!(text.contains(part), "{what}: {part:?} is not in: {text}");
        }
        assert!(started.elapsed() < Duration::from_secs(12), "{what}");
    }
}

#[test]
fn a_missing_permission_comes_with_its_policy_and_a_wrong_clock_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let json = r#"{"keys": [{"id": "writer", "secret": "writer-hush-0123", "role": {"policy": {"Version": "1",
        "Statement": [{"Effect": "Allow", "Action": "oss:PutObject", "Resource": "acs:oss:*:*:data/*"}]}}}]}"#;
    fs::write(&keys, json).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.to_str().unwrap().into()],
        ..ServerOptions::default()
    });
    let driver = Driver::start(&[]);
    let volume = Volume::new(&server, "v");
    let writer = volume
        .clone()
        .with_secret(&[("akId", "writer"), ("akSecret", "writer-hush-0123")]);
    let (code, text) = refused(&driver, &writer);
    assert_eq!(code, Code::FailedPrecondition);
    let grant = r#"{"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:data"}"#;
    assert!(text.contains(grant) && !text.contains("hush"), "{text}");
    server.set_faults(r#"{"rules": [{"status": 403, "code": "RequestTimeTooSkewed"}]}"#);
    let (_, text) = refused(&driver, &volume);
    assert!(text.contains("set the clock"), "{text}");
}

#[test]
fn a_volume_s_second_call_is_aborted() {
    let server = Server::with(&ServerOptions {
        latency: 500,
        ..ServerOptions::default()
    });
    let driver = Driver::start(&[]);
    let volume = Volume::new(&server, "v");
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let call = |name: &str| {
            let target = driver.target(name);
            let (driver, volume) = (&driver, &volume);
            scope.spawn(move || driver.publish(volume, &target))
        };
        let calls = [call("a/mount"), call("b/mount")];
        calls.map(|call| call.join().unwrap()).into()
    });
    let aborted = statuses.iter().filter_map(|status| status.as_ref().err());
    let codes: Vec<Code> = aborted.map(ossplit_testkit::csi::Status::code).collect();
    assert_eq!(codes, [Code::Aborted]);
    driver.publish(&volume, &driver.target("a/mount")).unwrap();
    driver.publish(&volume, &driver.target("b/mount")).unwrap();
}

#[test]
fn a_class_with_folders_of_their_own() {
    let (server, driver) = served();
    let class = Volume::new(&server, "")
        .with("path", "/claims")
        .with("volumeAs", "subpath")
        .with("csi.storage.k8s.io/pvc/name", "c");
    let made = driver.create("pvc-1", &class).unwrap();
    assert_eq!(made.volume_id, "pvc-1");
    assert_eq!(made.volume_context["path"], "/claims/pvc-1");
    assert!(
        !made
            .volume_context
            .contains_key("csi.storage.k8s.io/pvc/name")
    );
    assert_eq!(
        driver.create("pvc-1", &class).unwrap(),
        made,
        "the same again"
    );
    let other = class.clone().with("otherOpts", "-o umask=022");
    assert_eq!(
        driver.create("pvc-1", &other).unwrap_err().code(),
        Code::AlreadyExists
    );
    let mut volume = class.clone();
    volume.id.clone_from(&made.volume_id);
    volume.attributes = made.volume_context;
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    fs::write(target.join("model"), b"weights").unwrap();
    assert!(oss::get(&server, "data", "claims/pvc-1/model").is_some());
    driver.unpublish("pvc-1", &target).unwrap();
    oss::put(&server, "data", "claims/pvc-10/kept", b"x");
    driver.delete("pvc-1", &volume.secret).unwrap();
    driver.delete("pvc-1", &volume.secret).unwrap();
    assert_eq!(
        oss::keys(&server, "data", "claims/"),
        ["claims/pvc-10/kept"]
    );
    // What others own is never deleted.
    let direct = Volume::new(&server, "").with("path", "/train");
    driver.create("pvc-2", &direct).unwrap();
    driver.delete("pvc-2", &direct.secret).unwrap();
    assert!(oss::get(&server, "data", "train/data/digits").is_some());
}

#[test]
fn figures_for_prometheus() {
    let server = Server::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let driver = Driver::start(&["--metrics", &port.to_string()]);
    driver
        .publish(&Volume::new(&server, "v"), &driver.target("a/mount"))
        .unwrap();
    let (status, text) = console::http(&port.to_string(), "GET", "/metrics");
    assert_eq!(status, 200);
    for line in [
        r#"ossplit_csi_call_seconds_count{call="NodePublishVolume",code="OK"} 1"#,
        r#"ossplit_csi_mounts{state="alive"} 1"#,
        "ossplit_csi_targets 1",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_hundred_volumes_fit_into_a_gibibyte_and_a_half() {
    let server = Server::start();
    oss::put(&server, "data", "f", &vec![7; 1 << 20]);
    let driver = Driver::with_keeper(&["--memory", "1073741824"]);
    let targets: Vec<PathBuf> = (0..100)
        .map(|i| driver.target(&format!("p{i}/mount")))
        .collect();
    for (i, target) in targets.iter().enumerate() {
        let volume = Volume::new(&server, &format!("v{i}"));
        driver.publish(&volume, target).unwrap();
        assert_eq!(fs::read(target.join("f")).unwrap().len(), 1 << 20);
    }
    // Each process's share of what several have, so that the program's own pages count once.
    let proportional = |pid: u32| -> u64 {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with("Pss:"))
            .unwrap_or("");
        let kib = line
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse::<u64>().ok());
        kib.unwrap_or(0) << 10
    };
    let processes = driver.processes();
    assert!(processes.len() >= 102, "{processes:?}");
    let all: u64 = processes.iter().map(|pid| proportional(*pid)).sum();
    eprintln!(
        "100 volumes, each read from: {} MiB in {} processes",
        all >> 20,
        processes.len()
    );
    assert!(all < 1536 << 20, "{} MiB", all >> 20);
    for (i, target) in targets.iter().enumerate() {
        driver.unpublish(&format!("v{i}"), target).unwrap();
    }
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}
