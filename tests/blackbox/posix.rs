//! Suites that others wrote: pjdfstest and fsx.

use crate::programs::tool;
use ossplit_testkit::{Mounted, Server};
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
allow_remount = false
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
    let settings = folder.path().join("settings");
    let second = folder.path().display().to_string();
    fs::write(&settings, SETTINGS.replace("SECOND", &second)).unwrap();
    let run = Command::new(tool("pjdfstest"))
        .arg("-c")
        .arg(&settings)
        .arg("-p")
        .arg(mount.path(""))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout).into_owned();
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
        passed.len() >= 334,
        "only {} passed:\n{output}",
        passed.len()
    );
    mount.unmount();
}

#[test]
fn fsx_finds_no_wrong_byte() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    for seed in 1..=4 {
        let file = mount.path(&format!("f{seed}"));
        let run = Command::new(tool("fsx"))
            .args(["-N", "5000", "-S", &seed.to_string()])
            .arg(file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "seed {seed}: {said}");
    }
    mount.unmount();
}
