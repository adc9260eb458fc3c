//! Suites that others wrote: pjdfstest and fsx.

use crate::programs::tool;
use ossplit_testkit::{Mounted, Server, ossplit};
use std::{collections::BTreeSet, fs, process::Command};

/// `naptime` is between two changes of which the second must have a later time.
const SETTINGS: &str = r#"
[features]
secondary_fs = "SECOND"
posix_fallocate = {}
rename_ctime = {}
utime_now = {}
utimensat = {}
[settings]
naptime = 0.01
allow_remount = REMOUNT
[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"], ["bin", "bin"]]
"#;

/// The patterns of the table in `docs/semantics.md`.
fn documented() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/semantics.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| tests | why they fail |").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cell = row.split('|').nth(1).unwrap();
        let names = cell.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn pjdfstest_fails_where_the_page_says() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "allow_other,mp_umask=0");
    let folder = tempfile::tempdir().unwrap();
    let second = folder.path().display().to_string();
    // `mount -o remount` looks for the program by the mount's type, on a path of its own: it finds it there, and nobody
    // else does.
    let script =
        r#"mount -t tmpfs none /usr/local/sbin && ln -s "$0" /usr/local/sbin/ossfs && exec "$@""#;
    let run = |remount: &str, tests: &[&str]| {
        let settings = folder.path().join("settings");
        let text = SETTINGS.replace("SECOND", &second);
        fs::write(&settings, text.replace("REMOUNT", remount)).unwrap();
        let run = Command::new("unshare")
            // A slave: what other tests unmount meanwhile goes away here too.
            .args(["--mount", "--propagation", "slave", "sh", "-c", script])
            .arg(ossplit())
            .arg(tool("pjdfstest"))
            .arg("-c")
            .arg(&settings)
            .arg("-p")
            .arg(mount.path(""))
            .args(tests)
            .output()
            .unwrap();
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    // Other tests leave files open, and such a mount can't be made read-only: those that want that are by themselves.
    let output = run("true", &["erofs"]) + &run("false", &[]);
    let ended = |how: &str| -> BTreeSet<&str> {
        let lines = output.lines().filter(|line| line.ends_with(how));
        lines
            .filter_map(|line| line.split_once(' '))
            .map(|(name, _)| name)
            .collect()
    };
    let (passed, failed) = (ended(" ok"), ended(" FAILED"));
    let patterns = documented();
    // A pattern is one or more whole parts of a name.
    let names =
        |name: &str, pattern: &str| format!("::{name}::").contains(&format!("::{pattern}::"));
    let unexpected: Vec<_> = failed
        .iter()
        .filter(|name| !patterns.iter().any(|pattern| names(name, pattern)))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    let stale: Vec<_> = patterns
        .iter()
        .filter(|pattern| !failed.iter().any(|name| names(name, pattern)))
        .collect();
    assert!(stale.is_empty(), "these pass: {stale:?}");
    assert!(
        passed.len() >= 347,
        "only {} passed:\n{output}",
        passed.len()
    );
    mount.unmount();
}

/// Runs fsx on one file.
fn fsx(mount: &Mounted, operations: u32, seed: u32, config: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("fsx.toml");
    fs::write(&settings, config.join("\n")).unwrap();
    let run = Command::new(tool("fsx"))
        .args(["-N", &operations.to_string(), "-S", &seed.to_string()])
        .arg("-f")
        .arg(settings)
        .arg("-P")
        .arg(folder.path())
        .arg(mount.path(&format!("f{seed}")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "seed {seed}: {said}");
}

#[test]
fn fsx_finds_no_wrong_byte() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    for seed in 1..=4 {
        fsx(&mount, 5000, seed, &[]);
    }
    mount.unmount();
}

#[test]
fn fsx_finds_no_wrong_byte_in_files_of_many_parts() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "multipart_size=1,multipart_copy_size=1");
    let sizes = ["flen = 8388608", "[opsize]", "max = 524288"];
    for seed in 1..=2 {
        fsx(&mount, 1000, seed, &sizes);
    }
    mount.unmount();
}
