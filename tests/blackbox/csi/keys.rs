//! Who signs: tokens that are replaced, pods' service accounts, the instance's role.

use ossplit_testkit::{
    Server, ServerOptions,
    csi::{Driver, Mode, Volume},
    oss, run_with, until,
};
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// A server with these further keys and roles, an object `f`, and the folder that its keys are in.
fn with_keys(json: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    fs::write(&keys, json).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&ServerOptions {
        more: vec!["--keys".into(), keys.to_str().unwrap().into()],
        ..ServerOptions::default()
    });
    oss::put(&server, "data", "f", b"content");
    (folder, server)
}

/// Which mount it is.
fn device(path: &Path) -> u64 {
    fs::metadata(path).unwrap().dev()
}

#[test]
fn a_new_token_replaces_the_old_one_under_a_pod_that_reads() {
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
    let (_folder, server) = with_keys(&json);
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
    let before = device(&target);
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
    assert_eq!(device(&target), before, "the mount is the same");
    let log = driver.log();
    assert!(!log.contains("hush") && !log.contains("tok2"), "{log}");
}

/// Roles that pods of the namespace `ml` may take on: one that reads, one for 15 minutes, and one that may do nothing but
/// take on a further one.
const ROLES: &str = r#"{"roles": [
    {"name": "pod", "role": "read-only", "oidc": TRUST},
    {"name": "short", "role": "read-only", "max_session_seconds": 900, "oidc": TRUST},
    {"name": "door", "role": {"bucket": "none", "prefixes": [""], "access": "read"}, "oidc": TRUST},
    {"name": "data", "role": "read-only", "external_id": "contract-1"}]}"#;
const TRUST: &str = r#"{"issuer": "https://cluster", "subject": "system:serviceaccount:ml:*", "audience": "sts.aliyuncs.com"}"#;

/// A server with those roles, and a driver that asks its STS.
fn with_roles() -> (tempfile::TempDir, Server, Driver) {
    let (folder, server) = with_keys(&ROLES.replace("TRUST", TRUST));
    let sts = format!("http://{}", server.console);
    (folder, server, Driver::start(&["--sts-endpoint", &sts]))
}

/// A volume as kubelet asks for it for a pod of this account.
fn volume_of(server: &Server, id: &str, role: &str, account: &str) -> Volume {
    let token = token(&format!("system:serviceaccount:ml:{account}"));
    Volume::new(server, id)
        .with_secret(&[])
        .with("authType", "rrsa")
        .with("roleArn", &arn(role))
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
}

fn arn(role: &str) -> String {
    format!("acs:ram::1000000000000000:role/{role}")
}

/// The key that the driver's only mount has now.
fn stored_key(driver: &Driver) -> Vec<u8> {
    let folders = fs::read_dir(driver.state().join("volumes")).unwrap();
    let mut keys = folders.map(|folder| fs::read(folder.unwrap().path().join("key.json")).unwrap());
    let key = keys.next().unwrap();
    assert!(keys.next().is_none(), "one mount");
    key
}

#[test]
fn a_pod_s_token_becomes_a_key() {
    let (_folder, server, driver) = with_roles();
    let volume = |account: &str| volume_of(&server, "v", "pod", account);
    let (a, b) = (driver.target("a/mount"), driver.target("b/mount"));
    driver.publish(&volume("train"), &a).unwrap();
    let key = stored_key(&driver);
    driver.publish(&volume("train"), &a).unwrap();
    assert_eq!(stored_key(&driver), key, "an hour is long enough");
    assert_eq!(fs::read(a.join("f")).unwrap(), b"content");
    driver.publish(&volume("other"), &b).unwrap();
    let mounts = driver.mounts();
    assert_eq!(
        mounts.len(),
        4,
        "each account has a mount with its rights: {mounts:?}"
    );
    let mut without = volume_of(&server, "w", "pod", "train");
    without
        .attributes
        .remove("csi.storage.k8s.io/serviceAccount.tokens");
    let status = driver
        .publish(&without, &driver.target("c/mount"))
        .unwrap_err();
    assert!(status.message().contains("tokenRequests"), "{status:?}");
    let stranger = volume_of(&server, "s", "none", "train");
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

#[test]
fn a_pod_s_role_takes_on_a_further_one() {
    let (_folder, server, driver) = with_roles();
    let door = volume_of(&server, "v", "door", "train");
    let target = driver.target("a/mount");
    let alone = driver.publish(&door, &target).unwrap_err();
    assert!(alone.message().contains("AccessDenied"), "{alone:?}");
    let further = door.with("assumeRoleArn", &arn("data"));
    let wrong = further.clone().with("externalId", "contract-2");
    let wrong = driver.publish(&wrong, &target).unwrap_err();
    assert!(
        wrong.message().contains("AssumeRole of acs:ram::")
            && wrong.message().contains("role/data"),
        "it says which role is meant: {wrong:?}"
    );
    assert_eq!(driver.leftovers(), Vec::<PathBuf>::new());
    let right = further.with("externalId", "contract-1");
    driver.publish(&right, &target).unwrap();
    assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
}

#[test]
fn a_key_that_ends_soon_is_renewed_by_a_republish_under_the_live_mount() {
    let (_folder, server, driver) = with_roles();
    // Its keys last 15 minutes: less than is enough, so that each publish brings a new one.
    let volume =
        volume_of(&server, "v", "short", "train").with("otherOpts", "-o max_stat_cache_size=0");
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    let (mount, mut key) = (device(&target), stored_key(&driver));
    for i in 0..5 {
        driver.publish(&volume, &target).unwrap();
        let renewed = stored_key(&driver);
        assert_ne!(renewed, key);
        key = renewed;
        let name = format!("new-{i}");
        oss::put(&server, "data", &name, b"content");
        assert_eq!(fs::read(target.join(name)).unwrap(), b"content");
    }
    assert_eq!(device(&target), mount, "nothing is mounted anew");
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
    let (_folder, server) =
        with_keys(r#"{"roles": [{"name": "node", "role": "read-only", "ecs": true}]}"#);
    let driver = Driver::start(&[]);
    let role = format!("http://{}/latest/node", server.console);
    let volume = Volume::new(&server, "v")
        .with_secret(&[])
        .with("ramRole", &role);
    let target = driver.target("a/mount");
    driver.publish(&volume, &target).unwrap();
    assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
}
