//! `ossplit checkpoint`: saving, looking, restoring, and what it says when something is wrong.

use crate::full_disk::SmallDisk;
use ossplit_testkit::{Finished, Server, ServerOptions, oss, run_with, server, until};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) const PLACE: &str = "oss://data/run";

/// A command on the server's checkpoints.
pub(crate) fn command(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(ossplit_testkit::ossplit());
    command
        .arg("checkpoint")
        .args(words)
        .args(["-e", &server.url(), "--region", "cn-local"])
        .args(["-i", server::KEY_ID, "-k", server::KEY_SECRET]);
    command
}

/// Runs one that must end well, and reads the JSON that it prints.
pub(crate) fn json(server: &Server, words: &[&str]) -> Value {
    let mut words = words.to_vec();
    words.extend(["--output", "json"]);
    let done = run_with(&mut command(server, &words));
    assert_eq!(done.status, 0, "{words:?}: {}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{words:?}: {e}: {}", done.stdout))
}

fn failed(server: &Server, words: &[&str], status: i32) -> Finished {
    let done = run_with(&mut command(server, words));
    assert_eq!(
        done.status, status,
        "{words:?}: {} {}",
        done.stdout, done.stderr
    );
    done
}

/// A folder to save, which differs from step to step.
pub(crate) fn write(folder: &Path, step: u64) {
    fs::create_dir_all(folder.join("sub")).unwrap();
    let large = crate::read_only::pattern(1_500_000, step);
    fs::write(folder.join("model.data"), large).unwrap();
    fs::write(folder.join("sub/index"), format!("index of {step}")).unwrap();
    fs::write(
        folder.join("sub/constant"),
        crate::read_only::pattern(50_000, 7),
    )
    .unwrap();
}

/// Panics unless two folders hold the same.
pub(crate) fn compare(one: &Path, other: &Path) {
    for name in ["model.data", "sub/index", "sub/constant"] {
        let (one, other) = (fs::read(one.join(name)), fs::read(other.join(name)));
        assert!(one.unwrap() == other.unwrap(), "{name} differs");
    }
}

struct Local(tempfile::TempDir);

impl Local {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn a_checkpoint_is_saved_listed_verified_and_restored() {
    let (server, local) = (Server::start(), Local::new());
    let (logs, staging) = (local.text("logs"), local.text("staging"));
    for step in ["1", "2", "30"] {
        write(&local.path("logs"), step.parse().unwrap());
        let save = [
            "save",
            PLACE,
            &logs,
            "--step",
            step,
            "--keep",
            "2",
            "--staging-dir",
            &staging,
        ];
        let saved = json(&server, &save);
        assert_eq!(
            (&saved["files"], &saved["step"]),
            (&3.into(), &step.parse::<u64>().unwrap().into())
        );
    }
    let listed = json(&server, &["ls", PLACE]);
    let steps: Vec<u64> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [2, 30]);
    let verified = json(&server, &["verify", PLACE, "--deep"]);
    assert_eq!(verified.as_array().unwrap().len(), 2);
    let to = local.text("restored");
    assert_eq!(json(&server, &["restore", PLACE, &to])["step"], 30);
    compare(&local.path("logs"), &local.path("restored"));
    let text = run_with(&mut command(&server, &["ls", PLACE]));
    assert!(
        text.stdout.contains("30") && text.stdout.contains("3 files"),
        "{}",
        text.stdout
    );
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[test]
fn a_spoilt_checkpoint_is_told_by_the_exit_status() {
    let (server, local) = (Server::start(), Local::new());
    let logs = local.text("logs");
    for step in [1, 2] {
        write(&local.path("logs"), step);
        json(
            &server,
            &["save", PLACE, &logs, "--step", &step.to_string()],
        );
    }
    let keys = oss::keys(&server, "data", "run/data/00000000000000000002/");
    let spoilt = keys.iter().find(|key| key.ends_with("sub/index")).unwrap();
    oss::put(&server, "data", spoilt, b"index of 9");
    let done = failed(&server, &["verify", PLACE], 3);
    assert!(
        done.stderr.contains("step 2: sub/index: CRC64"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("step 1: whole"), "{}", done.stdout);
    failed(&server, &["verify", PLACE, "--step", "2"], 1);
    let to = local.text("restored");
    let done = failed(&server, &["restore", PLACE, &to, "--step", "2"], 1);
    assert!(
        done.stderr.contains("is not what was saved"),
        "{}",
        done.stderr
    );
    assert!(!local.path("restored/sub/index").exists());
}

#[test]
fn what_is_wrong_is_said_with_the_mend() {
    let (server, local) = (Server::start(), Local::new());
    let to = local.text("to");
    let done = failed(&server, &["ls", "data/run"], 2);
    assert!(done.stderr.contains("give oss://BUCKET"), "{}", done.stderr);
    let done = failed(&server, &["restore", PLACE, &to], 1);
    assert!(
        done.stderr
            .contains("no committed checkpoint in oss://data/run/"),
        "{}",
        done.stderr
    );
    let done = failed(&server, &["verify", PLACE, "--step", "7"], 1);
    assert!(done.stderr.contains("step 7"), "{}", done.stderr);
    let done = failed(&server, &["save", PLACE, &to, "--step", "1"], 1);
    assert!(done.stderr.contains(&to), "{}", done.stderr);
    fs::create_dir(&to).unwrap();
    let done = failed(&server, &["save", PLACE, &to, "--step", "1"], 1);
    assert!(done.stderr.contains("no file to save"), "{}", done.stderr);
    let done = failed(
        &server,
        &["save", PLACE, &to, "--step", "1", "--keep", "0"],
        2,
    );
    assert!(done.stderr.contains("keep=0"), "{}", done.stderr);
    let mut bare = Command::new(ossplit_testkit::ossplit());
    bare.args(["checkpoint", "ls", PLACE])
        .env_remove("OSS_ENDPOINT")
        .env_remove("URL");
    let done = run_with(&mut bare);
    assert_eq!(done.status, 2);
    assert!(done.stderr.contains("set OSS_ENDPOINT"), "{}", done.stderr);
    let done = run_with(bare.args(["-e", "http://127.0.0.1:1", "--region", "x"]));
    assert!(done.stderr.contains("OSS_ACCESS_KEY_ID"), "{}", done.stderr);
    let done = failed(&server, &["ls", "oss://nobucket/p"], 1);
    assert!(done.stderr.contains("NoSuchBucket"), "{}", done.stderr);
    assert!(!done.stderr.contains(server::KEY_SECRET));
}

#[test]
fn a_full_staging_disk_is_said_and_nothing_is_left() {
    let (server, disk, local) = (Server::start(), SmallDisk::new(1), Local::new());
    write(&local.path("logs"), 1);
    let (logs, staging) = (local.text("logs"), disk.path().join("staging"));
    let staging = staging.to_str().unwrap();
    let save = [
        "save",
        PLACE,
        &logs,
        "--step",
        "1",
        "--staging",
        "copy",
        "--staging-dir",
        staging,
    ];
    let done = failed(&server, &save, 1);
    assert!(done.stderr.contains("the disk is full"), "{}", done.stderr);
    assert!(done.stderr.contains("stage in memory"), "{}", done.stderr);
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
    assert_eq!(oss::keys(&server, "data", ""), Vec::<String>::new());
}

#[test]
fn gc_leaves_young_things_alone() {
    let (server, local) = (Server::start(), Local::new());
    let orphan = "run/data/00000000000000000005/0123456789abcdef/x";
    oss::put(&server, "data", orphan, b"left");
    write(&local.path("logs"), 1);
    json(
        &server,
        &["save", PLACE, &local.text("logs"), "--step", "1"],
    );
    assert_eq!(json(&server, &["gc", PLACE])["objects"], 0);
    assert_eq!(
        json(&server, &["gc", PLACE, "--older-than", "0", "--dry-run"])["objects"],
        1
    );
    assert!(oss::get(&server, "data", orphan).is_some());
    assert_eq!(
        json(&server, &["gc", PLACE, "--older-than", "0"])["steps"][0],
        5
    );
    assert!(oss::get(&server, "data", orphan).is_none());
    json(&server, &["verify", PLACE]);
}

#[test]
fn ranks_commit_together_and_a_missing_one_is_named() {
    let (server, local) = (Server::start(), Local::new());
    let save = |rank: &str, step: &str, timeout: &str| {
        let shard = local.path(&format!("shard-{rank}"));
        fs::write(&shard, format!("shard of {rank}")).unwrap();
        let staging = local.text("staging");
        let words = [
            "save",
            PLACE,
            shard.to_str().unwrap(),
            "--step",
            step,
            "--rank",
            rank,
            "--world-size",
            "3",
            "--run",
            "job",
            "--timeout",
            timeout,
            "--staging-dir",
            &staging,
        ];
        command(&server, &words)
    };
    let others: Vec<_> = ["1", "2"]
        .map(|r| save(r, "1", "25").spawn().unwrap())
        .into();
    assert_eq!(run_with(&mut save("0", "1", "25")).status, 0);
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }
    let to = local.text("restored");
    json(&server, &["restore", PLACE, &to]);
    let shard = fs::read_to_string(local.path("restored/rank-2/shard-2"));
    assert_eq!(shard.unwrap(), "shard of 2");
    let mut other = save("2", "2", "2").spawn().unwrap();
    let done = run_with(&mut save("0", "2", "2"));
    assert_eq!(done.status, 1);
    assert!(
        done.stderr
            .contains("rank 1 of 3 did not finish within 2 s"),
        "{}",
        done.stderr
    );
    assert!(!other.wait().unwrap().success());
    assert_eq!(json(&server, &["ls", PLACE]).as_array().unwrap().len(), 1);
}

/// A file system with reflinks, in a file.
struct Reflinks(Local);

impl Reflinks {
    fn new() -> Self {
        let local = Local::new();
        let image = local.path("image");
        fs::File::create(&image)
            .unwrap()
            .set_len(320 << 20)
            .unwrap();
        fs::create_dir(local.path("disk")).unwrap();
        let run = |program: &str, args: &[&str]| {
            let done = Command::new(program).args(args).output();
            let done = done.unwrap_or_else(|e| panic!("{program}: {e}"));
            assert!(
                done.status.success(),
                "{}",
                String::from_utf8_lossy(&done.stderr)
            );
        };
        run("mkfs.xfs", &["-q", &local.text("image")]);
        run(
            "mount",
            &["-o", "loop", &local.text("image"), &local.text("disk")],
        );
        Self(local)
    }
}

impl Drop for Reflinks {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.0.path("disk"))
            .status();
    }
}

#[test]
fn a_reflink_shares_the_blocks_and_not_what_is_written_later() {
    let options = ServerOptions {
        latency: 100,
        ..Default::default()
    };
    let (server, disk) = (Server::with(&options), Reflinks::new());
    let (logs, staging) = (disk.0.path("disk/logs"), disk.0.text("disk/staging"));
    write(&logs, 1);
    let logs_text = logs.to_str().unwrap().to_owned();
    let save = [
        "save",
        PLACE,
        &logs_text,
        "--step",
        "1",
        "--staging",
        "reflink",
        "--staging-dir",
        &staging,
    ];
    let mut child = command(&server, &save).spawn().unwrap();
    // Staged once its record is there; then training writes into the same file.
    until("the save to be staged", || {
        fs::read_dir(&staging).is_ok_and(|folders| {
            folders
                .flatten()
                .any(|folder| folder.path().join("record.json").exists())
        })
    });
    write(&logs, 2);
    assert!(child.wait().unwrap().success());
    let to = disk.0.text("restored");
    json(&server, &["restore", PLACE, &to]);
    let before = disk.0.path("before");
    write(&before, 1);
    compare(&disk.0.path("restored"), &before);
    // Where there is none, it says so.
    let (server, local) = (Server::start(), Local::new());
    let other = SmallDisk::new(8);
    write(&local.path("logs"), 1);
    let staging = other.path();
    let logs = local.text("logs");
    let save = [
        "save",
        PLACE,
        &logs,
        "--step",
        "1",
        "--staging",
        "reflink",
        "--staging-dir",
        staging.to_str().unwrap(),
    ];
    let done = failed(&server, &save, 1);
    assert!(
        done.stderr.contains("link into the staging folder"),
        "{}",
        done.stderr
    );
}
