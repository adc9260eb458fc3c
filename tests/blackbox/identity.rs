//! Keys with roles and keys for a time, from the programs' side; and that none of them is logged.

use ossplit_testkit::{Server, ServerOptions, console, mounted, oss, run, run_with, server, until};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const KEYS: &str = r#"{
    "keys": [{"id": "viewer", "secret": "viewer-hush-0123456789", "role": "read-only"}],
    "roles": [{"name": "node", "role": "read-only", "ecs": true, "ecs_session_seconds": 3}]
}"#;

fn keys_file(folder: &Path, mode: u32) -> PathBuf {
    let file = folder.join("keys.json");
    fs::write(&file, KEYS).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file
}

fn with_keys(file: &Path, log: Option<PathBuf>) -> Server {
    Server::with(&ServerOptions {
        more: vec!["--keys".into(), file.to_str().unwrap().into()],
        log,
        ..Default::default()
    })
}

#[test]
fn a_mount_goes_on_over_the_end_of_its_role_keys() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_keys(&keys_file(folder.path(), 0o600), None);
    for i in 0..50 {
        oss::put(&server, "data", &format!("f{i}"), b"x");
    }
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let role = format!(
        "ram_role=http://{}/latest/meta-data/ram/security-credentials/node",
        server.console
    );
    let url = server.url();
    let mut command = std::process::Command::new(ossplit_testkit::ossplit());
    let options = format!("url={url},{role},max_stat_cache_size=0");
    command
        .args(["mount", "data"])
        .arg(&point)
        .args(["-o", &options]);
    let mounted = run_with(&mut command);
    assert_eq!(mounted.status, 0, "{mounted:?}");
    // Longer than two keys live: a file that was not read before each time.
    let start = Instant::now();
    let mut next = 0;
    until("the keys have been renewed", || {
        if next < 50 && start.elapsed() > Duration::from_millis(150) * next {
            assert_eq!(fs::read(point.join(format!("f{next}"))).unwrap(), b"x");
            next += 1;
        }
        start.elapsed() > Duration::from_secs(7)
    });
    // What a close gave is not told by `fs::write`.
    let written = fs::File::create(point.join("new")).and_then(|file| file.sync_all());
    assert!(written.is_err(), "the role only reads");
    assert_eq!(oss::get(&server, "data", "new"), None);
    assert_eq!(run(&["umount", point.to_str().unwrap()]).status, 0);
    assert!(!mounted::is_mounted(&point));
}

#[test]
fn a_keys_file_that_others_can_read_is_told_and_a_wrong_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    drop(with_keys(
        &keys_file(folder.path(), 0o644),
        Some(log.clone()),
    ));
    let logged = fs::read_to_string(&log).unwrap();
    assert!(
        logged.contains("can be read by others (mode 644): chmod 600 it"),
        "{logged}"
    );
    drop(with_keys(
        &keys_file(folder.path(), 0o600),
        Some(log.clone()),
    ));
    assert!(!fs::read_to_string(&log).unwrap().contains("chmod"));
    let file = folder.path().join("bad.json");
    fs::write(
        &file,
        r#"{"keys": [{"id": "a", "secret": "hush", "role": "king"}]}"#,
    )
    .unwrap();
    let refused = run(&[
        "serve",
        "--memory",
        "--listen",
        "127.0.0.1:0",
        "--keys",
        file.to_str().unwrap(),
    ]);
    assert_eq!(refused.status, 2, "{refused:?}");
    let text = format!("{refused:?}");
    assert!(
        text.contains("key 1: role") && !text.contains("hush"),
        "{text}"
    );
}

#[test]
fn no_secret_token_or_signature_is_logged_at_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = with_keys(&keys_file(folder.path(), 0o600), Some(log.clone()));
    oss::put(&server, "data", "k", b"x");
    let presigned = "/data/k?OSSAccessKeyId=test-key&Expires=9999999999&Signature=UFJFU0lHTkVE";
    assert_eq!(console::http(&server.address, "GET", presigned).0, 403);
    let v4 = "/data/k?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-security-token=VE9LRU4tSFVTSA&x-oss-signature=cafebabecafebabe&x-oss-credential=a/20200101/cn-local/oss/aliyun_v4_request&x-oss-date=20200101T000000Z&x-oss-expires=60";
    assert_eq!(console::http(&server.address, "GET", v4).0, 403);
    let sts = "/?Action=AssumeRole&AccessKeyId=viewer&Signature=U1RTLVNJRw&SignatureNonce=1&Timestamp=2020-01-01T00:00:00Z&SecurityToken=U1RTLVRPS0VO";
    assert_eq!(console::http(&server.console, "POST", sts).0, 400);
    let point = folder.path().join("mnt");
    fs::create_dir(&point).unwrap();
    let role = format!("ram_role=http://{}/latest/node", server.console);
    let mut command = std::process::Command::new(ossplit_testkit::ossplit());
    let options = format!("url={},{role}", server.url());
    command
        .args(["mount", "data"])
        .arg(&point)
        .args(["-o", &options]);
    assert_eq!(run_with(&mut command).status, 0);
    assert_eq!(fs::read(point.join("k")).unwrap(), b"x");
    assert_eq!(run(&["umount", point.to_str().unwrap()]).status, 0);
    assert_eq!(server.stop(), 0);
    let logged = fs::read_to_string(&log).unwrap();
    for secret in [
        server::KEY_SECRET,
        "viewer-hush",
        "UFJFU0lHTkVE",
        "VE9LRU4tSFVTSA",
        "cafebabecafebabe",
        "U1RTLVNJRw",
        "U1RTLVRPS0VO",
        "CAIS",
        "Authorization",
        "authorization",
    ] {
        assert!(
            !logged.contains(secret),
            "{secret} is in the log:\n{logged}"
        );
    }
}
