//! A disk that runs full under the server.

use ossplit_testkit::{Server, ServerOptions, oss};
use std::{path::PathBuf, process::Command};

/// A small file system of its own; gone when dropped.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn new(megabytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]);
        assert!(mount.arg(folder.path()).status().unwrap().success());
        Self(folder)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn put(server: &Server, key: &str, body: &[u8]) -> oss::Answer {
    oss::send(server, "PUT", "data", Some(key), &[], &[], body)
}

#[test]
fn a_full_disk_is_a_clean_500_and_leaves_no_half_object() {
    let disk = SmallDisk::new(32);
    let options = ServerOptions {
        data: Some(disk.path().join("store")),
        ..Default::default()
    };
    let server = Server::with(&options);
    let large: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 253) as u8).collect();
    let mut stored = Vec::new();
    let refused = loop {
        let key = format!("k{:02}", stored.len());
        let answer = put(&server, &key, &large);
        if answer.status != 200 {
            break answer;
        }
        stored.push(key);
        assert!(stored.len() < 20, "the disk is not that large");
    };
    assert!(!stored.is_empty());
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status, 500, "{text}");
    assert!(text.contains("<Code>InternalError</Code>"), "{text}");
    assert!(text.contains("full"), "{text}");
    // Small ones do not slip through into a half state either: each is there as a whole or not.
    let mut small = Vec::new();
    for i in 0..200 {
        let key = format!("s{i:03}");
        match put(&server, &key, &large[..20_000]).status {
            200 => small.push(key),
            status => assert_eq!(status, 500),
        }
    }
    let expected: Vec<String> = stored.iter().chain(&small).cloned().collect();
    assert_eq!(oss::keys(&server, "data", ""), expected);
    for key in &stored {
        assert_eq!(oss::get(&server, "data", key).unwrap(), large, "{key}");
    }
    for key in &expected {
        oss::delete(&server, "data", key);
    }
    ossplit_testkit::until("there is room again", || {
        put(&server, "again", &large).status == 200
    });
    assert_eq!(oss::get(&server, "data", "again").unwrap(), large);
    assert_eq!(server.stop(), 0);
    let server = Server::with(&options);
    assert_eq!(oss::keys(&server, "data", ""), ["again"]);
}
