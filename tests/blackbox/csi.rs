//! The Kubernetes driver as kubelet sees it: real calls, real mounts.
#![allow(clippy::print_stderr, reason = "the figures of docs/reliability.md")]

use ossplit_testkit::{
    Finished, Server, ServerOptions, console,
    csi::{Code, Driver, Mode, Volume},
    is_mounted, oss, run_with, server, until,
};
use rustix::process::Signal;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
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

/// kill -9 of every process that serves a mount below `state`, so fast that none cleans up.
fn kill_mounts(state: &Path) {
    let folders = fs::read_dir(state.join("volumes")).unwrap();
    let points: Vec<PathBuf> = folders
        .map(|folder| folder.unwrap().path().join("mnt"))
        .collect();
    let pids: Vec<u32> = points
        .iter()
        .flat_map(|point| ossplit_testkit::mounted::processes_naming(point))
        .collect();
    assert!(!pids.is_empty());
    for pid in &pids {
        server::signal(*pid, Signal::STOP);
    }
    for pid in pids {
        server::signal(pid, Signal::KILL);
    }
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
fn a_new_token_replaces_the_old_one_under_a_pod_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let end = |seconds: u64| {
        let at = std::time::SystemTime::now() + Duration::from_secs(seconds);
        let unix = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let date =
            run_with(Command::new("date").args(["-u", "-d", &format!("@{unix}"), "+%FT%TZ"]));
        date.stdout.trim().to_owned()
    };
    let json = format!(
        r#"{{"keys": [{{"id": "t1", "secret": "one-hush-01234567", "token": "tok1", "expires": "{}", "role": "read-only"}},
            {{"id": "t2", "secret": "two-hush-01234567", "token": "tok2", "expires": "{}", "role": "read-only"}}]}}"#,
        end(6),
        end(600)
    );
    fs::write(&keys, json).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.to_str().unwrap().into()],
        ..ServerOptions::default()
    });
    for i in 0..200 {
        oss::put(&server, "data", &format!("f{i}"), b"x");
    }
    let driver = Driver::start(&[]);
    let volume = |n: &str, secret: &str| {
        Volume::new(&server, "v")
            .with("authType", "sts")
            .with("otherOpts", "-o max_stat_cache_size=0")
            .with_mode(Mode::MultiNodeReaderOnly)
            .with_secret(&[
                ("AccessKeyId", &format!("t{n}")),
                ("AccessKeySecret", secret),
                ("SecurityToken", &format!("tok{n}")),
                ("Expiration", "2026-11-23T10:00:00Z"),
            ])
    };
    let target = driver.target("a/mount");
    let first = volume("1", "one-hush-01234567");
    // kubelet has the Secret of nodePublishSecretRef for a publish alone.
    let without = first.clone().with_secret(&[]);
    driver
        .stage(&without, &driver.target("globalmount"))
        .unwrap();
    driver.publish(&first, &target).unwrap();
    let inode = |path: &Path| {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).unwrap().dev()
    };
    let before = inode(&target);
    let start = Instant::now();
    let (mut read, mut renewed) = (0, false);
    until("nine seconds of reading", || {
        if !renewed && start.elapsed() > Duration::from_secs(3) {
            driver
                .publish(&volume("2", "two-hush-01234567"), &target)
                .unwrap();
            renewed = true;
        }
        if start.elapsed() > Duration::from_millis(45) * read && read < 200 {
            let file = target.join(format!("f{read}"));
            assert_eq!(fs::read(file).unwrap(), b"x", "{:?}", start.elapsed());
            read += 1;
        }
        start.elapsed() > Duration::from_secs(9)
    });
    assert!(renewed && read > 150, "{read}");
    assert_eq!(inode(&target), before, "the mount is the same");
    let log = driver.log();
    assert!(!log.contains("hush") && !log.contains("tok2"), "{log}");
}

#[test]
fn a_pod_s_token_becomes_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let json = r#"{"roles": [{"name": "pod", "role": "read-only", "oidc": {"issuer": "https://cluster",
        "subject": "system:serviceaccount:ml:*", "audience": "sts.aliyuncs.com"}}]}"#;
    fs::write(&keys, json).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.to_str().unwrap().into()],
        ..ServerOptions::default()
    });
    oss::put(&server, "data", "f", b"content");
    let driver = Driver::start(&["--sts-endpoint", &format!("http://{}", server.console)]);
    let volume = |account: &str| {
        let token = token(&format!("system:serviceaccount:ml:{account}"));
        Volume::new(&server, "v")
            .with_secret(&[])
            .with("authType", "rrsa")
            .with("roleArn", "acs:ram::1000000000000000:role/pod")
            .with(
                "oidcProviderArn",
                "acs:ram::1000000000000000:oidc-provider/c",
            )
            .with("csi.storage.k8s.io/pod.namespace", "ml")
            .with("csi.storage.k8s.io/serviceAccount.name", account)
            .with(
                "csi.storage.k8s.io/serviceAccount.tokens",
                &format!(r#"{{"sts.aliyuncs.com": {{"token": "{token}"}}}}"#),
            )
    };
    let (a, b) = (driver.target("a/mount"), driver.target("b/mount"));
    driver.publish(&volume("train"), &a).unwrap();
    driver.publish(&volume("train"), &a).unwrap();
    assert_eq!(fs::read(a.join("f")).unwrap(), b"content");
    driver.publish(&volume("other"), &b).unwrap();
    let mounts = driver.mounts();
    assert_eq!(
        mounts.len(),
        4,
        "each account has a mount with its rights: {mounts:?}"
    );
    let mut without = volume("train");
    without.id = "w".into();
    without
        .attributes
        .remove("csi.storage.k8s.io/serviceAccount.tokens");
    let status = driver
        .publish(&without, &driver.target("c/mount"))
        .unwrap_err();
    assert!(status.message().contains("tokenRequests"), "{status:?}");
    let mut stranger = volume("train").with("roleArn", "acs:ram::1000000000000000:role/none");
    stranger.id = "s".into();
    let status = driver
        .publish(&stranger, &driver.target("c/mount"))
        .unwrap_err();
    assert!(
        status.message().contains("EntityNotExist.Role"),
        "{status:?}"
    );
    for (target, id) in [(a, "v"), (b, "v")] {
        driver.unpublish(id, &target).unwrap();
    }
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
}

/// A token as Kubernetes signs it; the server has no JWKS here and does not check the signature.
fn token(subject: &str) -> String {
    let encode = |text: &str| {
        let finished = run_with(Command::new("sh").args([
            "-c",
            "printf %s \"$1\" | base64 -w0 | tr '+/' '-_' | tr -d =",
            "sh",
            text,
        ]));
        finished.stdout
    };
    let head = encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let claims = encode(&format!(
        r#"{{"iss":"https://cluster","sub":"{subject}","aud":["sts.aliyuncs.com"],"exp":9999999999,"iat":1,"nbf":1}}"#
    ));
    format!("{head}.{claims}.{}", encode("signature"))
}

#[test]
fn a_role_of_the_instance_signs() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    fs::write(
        &keys,
        r#"{"roles": [{"name": "node", "role": "read-only", "ecs": true}]}"#,
    )
    .unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.to_str().unwrap().into()],
        ..ServerOptions::default()
    });
    oss::put(&server, "data", "f", b"content");
    let driver = Driver::start(&[]);
    let role = format!("http://{}/latest/node", server.console);
    let volume = Volume::new(&server, "v")
        .with_secret(&[])
        .with("ramRole", &role);
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
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

/// What the driver changes the world by.
const CALLS: [&str; 5] = ["mount", "umount2", "rename", "mkdir", "unlink,rmdir"];

/// Kills the driver at the first, second, … of each kind of system call of a publish and an unpublish; repeats both each
/// time, as kubelet does. Gives how often it died.
fn die_at_each_step(mut driver: Driver) -> u32 {
    let server = Server::start();
    oss::put(&server, "data", "f", b"content");
    let volume = Volume::new(&server, "v");
    let mut deaths = 0;
    for calls in CALLS {
        for nth in 1..=12 {
            let target = driver.target("pod/mount");
            driver.restart_to_die(calls, nth);
            let done = driver
                .publish(&volume, &target)
                .and_then(|()| driver.unpublish("v", &target));
            // Its death is known a moment after its socket's.
            deaths += u32::from(done.is_err());
            driver.restart();
            // kubelet asks until it is answered. What the dead driver was about to mount may come yet.
            until("the volume", || driver.publish(&volume, &target).is_ok());
            let read = fs::read(target.join("f")).unwrap();
            assert_eq!(read, b"content", "{calls} {nth}");
            assert_eq!(
                driver.mounts().len(),
                2,
                "{calls} {nth}: {:?}",
                driver.mounts()
            );
            driver.unpublish("v", &target).unwrap();
            assert_eq!(driver.leftovers(), Vec::<PathBuf>::new(), "{calls} {nth}");
            if done.is_ok() {
                break;
            }
        }
    }
    assert!(deaths >= 8, "only {deaths} deaths: what was tried?");
    deaths
}

#[test]
fn every_call_can_be_killed_at_each_of_its_steps_and_repeated() {
    let deaths = die_at_each_step(Driver::start(&[]));
    eprintln!("killed at {deaths} steps, repeated each time: nothing was left over");
}

#[test]
fn every_call_can_be_killed_and_repeated_where_a_keeper_holds_the_mounts() {
    let deaths = die_at_each_step(Driver::with_keeper(&[]));
    eprintln!("killed at {deaths} steps, repeated each time: nothing was left over");
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

/// Kills of the driver.
const RESTARTS: u32 = 20;

#[test]
fn pods_see_nothing_of_a_driver_that_is_killed_twenty_times() {
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
        for _ in 0..RESTARTS {
            let before = rounds.load(Ordering::Relaxed);
            let started = Instant::now();
            driver.restart();
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
        "{RESTARTS} kills of the driver, {} rounds of reading, listing and writing: 0 errors; until all went on: \
         median {:?}, longest {:?}",
        rounds.load(Ordering::Relaxed),
        pauses[pauses.len() / 2],
        pauses[pauses.len() - 1]
    );
    for target in &targets {
        driver.unpublish("v", target).unwrap();
    }
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
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
