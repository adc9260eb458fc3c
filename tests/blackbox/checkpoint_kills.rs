//! `kill -9` in the middle of saves: what is listed is whole, and what was interrupted is finished by the next process.

use crate::checkpoint::{PLACE, command, compare, json, write};
use ossplit_testkit::{Server, ServerOptions, oss, run_with, until};
use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

/// Rounds; `make test-checkpoint-kills` does more.
const ROUNDS: u64 = 12;

/// Saves a step of `logs`, and is killed after `moment` if it takes so long; whether it ended well.
fn save(server: &Server, local: &Path, step: u64, moment: Option<Duration>) -> bool {
    let (logs, staging) = (local.join("logs"), local.join("staging"));
    write(&logs, step);
    let step = step.to_string();
    let words = [
        "save",
        PLACE,
        logs.to_str().unwrap(),
        "--step",
        &step,
        "--keep",
        "3",
        "--staging",
        "copy",
        "--part-size",
        "131072",
        "--staging-dir",
        staging.to_str().unwrap(),
    ];
    let mut command = command(server, &words);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let mut status = None;
    until("the moment, or the end", || {
        status = child.try_wait().unwrap();
        status.is_some() || moment.is_some_and(|moment| began.elapsed() >= moment)
    });
    if status.is_none() {
        child.kill().unwrap();
    }
    child.wait().unwrap().success()
}

/// Verifies every byte of all that is listed; gives the latest step, compared with what it must hold.
fn check(server: &Server, local: &Path) -> u64 {
    let verified = json(server, &["verify", PLACE, "--deep"]);
    let Some(last) = verified.as_array().unwrap().last() else {
        return 0;
    };
    let latest = last["step"].as_u64().unwrap();
    let (to, expected) = (local.join("restored"), local.join("expected"));
    let _ = fs::remove_dir_all(&to);
    let restored = json(server, &["restore", PLACE, to.to_str().unwrap()]);
    assert_eq!(restored["step"], latest);
    write(&expected, latest);
    compare(&to, &expected);
    latest
}

#[test]
fn the_latest_checkpoint_is_whole_whenever_a_save_is_killed() {
    let rounds = option_env!("OSSPLIT_KILLS").map_or(ROUNDS, |text| text.parse().unwrap());
    let options = ServerOptions {
        latency: 3,
        ..Default::default()
    };
    let server = Server::with(&options);
    let local = tempfile::tempdir().unwrap();
    let local = local.path();
    let began = Instant::now();
    assert!(save(&server, local, 1, None));
    let whole = began.elapsed();
    let (mut committed, mut killed, mut resumed) = (1, 0, 0);
    let mut seed = std::process::id();
    for step in 2..2 + rounds {
        // Any moment from the begin of a save to a little after its end.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let moment = whole * (seed >> 22) / 900;
        if save(&server, local, step, Some(moment)) {
            committed = step;
        } else {
            killed += 1;
        }
        let latest = check(&server, local);
        assert!(
            latest >= committed,
            "latest is {latest}, {committed} was committed"
        );
        if step % 3 == 0 {
            let staging = local.join("staging");
            let words = [
                "resume",
                PLACE,
                "--keep",
                "3",
                "--staging-dir",
                staging.to_str().unwrap(),
            ];
            let done = json(&server, &words);
            let done = done
                .as_array()
                .unwrap()
                .iter()
                .filter(|save| save["state"] == "committed");
            resumed += done.count();
            check(&server, local);
            assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
        }
    }
    assert!(killed > 0, "no save was killed: each takes {whole:?}");
    let staging = local.join("staging");
    let done = run_with(&mut command(
        &server,
        &["resume", PLACE, "--staging-dir", staging.to_str().unwrap()],
    ));
    assert_eq!(done.status, 0, "{}", done.stderr);
    json(&server, &["gc", PLACE, "--older-than", "0"]);
    check(&server, local);
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
    let listed = json(&server, &["ls", PLACE]).as_array().unwrap().len();
    let keys = oss::keys(&server, "data", "run/data/");
    let named = keys.iter().filter(|key| !key.ends_with(".ossplit-resumed"));
    assert_eq!(named.count(), 3 * listed);
    eprintln!("{rounds} rounds: {killed} saves killed, {resumed} of them finished later");
}
