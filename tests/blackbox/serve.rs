//! `ossplit serve` as a program: its key, its end, its store across restarts, its delays.

use ossplit_testkit::{Server, ServerOptions, oss, run};
use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

#[test]
fn it_stops_in_good_order() {
    assert_eq!(Server::start().stop(), 0);
}

#[test]
fn objects_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        data: Some(folder.path().join("store")),
        ..Default::default()
    };
    let server = Server::with(&options);
    for key in ["a", "d/b", "../../up", "a//b"] {
        oss::put(&server, "data", key, key.as_bytes());
    }
    assert_eq!(server.stop(), 0);
    let mut server = Server::with(&options);
    assert_eq!(
        oss::keys(&server, "data", ""),
        ["../../up", "a", "a//b", "d/b"]
    );
    server.kill();
    let server = Server::with(&options);
    assert_eq!(oss::get(&server, "data", "../../up").unwrap(), b"../../up");
    assert!(!folder.path().join("up").exists());
}

#[test]
fn the_key_is_made_once_and_kept_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("store");
    let show = || run(&["serve", "--show-key", "--data", data.to_str().unwrap()]);
    let first = show();
    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stdout.contains("ossplit"), "{first:?}");
    assert_eq!(show().stdout, first.stdout);
    let secret = first.stdout.split_whitespace().last().unwrap().to_owned();
    let mut holders = 0;
    let mut folders = vec![data];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap())
                .contains(&secret)
            {
                holders += 1;
                assert_eq!(
                    entry.metadata().unwrap().permissions().mode() & 0o777,
                    0o600
                );
            }
        }
    }
    assert_eq!(holders, 1);
}

#[test]
fn latency_is_added_to_each_request_and_blocks_no_other() {
    let server = Server::with(&ServerOptions {
        latency: 300,
        ..Default::default()
    });
    let start = Instant::now();
    std::thread::scope(|scope| {
        for i in 0..20 {
            let server = &server;
            scope.spawn(move || oss::put(server, "data", &format!("k{i}"), b"x"));
        }
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(
        took < Duration::from_secs(3),
        "20 requests ran one after another: {took:?}"
    );
}

#[test]
fn a_wrong_signature_is_explained() {
    let server = Server::start();
    let (status, body) = ossplit_testkit::console::http(
        &server.address,
        "GET",
        "/data/?OSSAccessKeyId=test-key&Expires=9999999999&Signature=bm8=",
    );
    assert_eq!(status, 403, "{body}");
    for word in [
        "SignatureDoesNotMatch",
        "StringToSign",
        "SignatureProvided",
        "<EC>",
    ] {
        assert!(body.contains(word), "{word}: {body}");
    }
}

#[test]
fn the_console_counts_by_operation() {
    let server = Server::start();
    oss::put(&server, "data", "k", b"x");
    oss::get(&server, "data", "k");
    oss::get(&server, "data", "k");
    let counted = server.requests();
    assert_eq!(counted.get("PutObject"), Some(&1), "{counted:?}");
    assert_eq!(counted.get("GetObject"), Some(&2), "{counted:?}");
    server.reset();
    assert!(server.requests().is_empty());
}
