//! A mount outlives the process that serves it.

#![allow(clippy::print_stderr, reason = "the figures of docs/reliability.md")]

mod ends;
mod gap;
pub(crate) mod load;
mod oom;
mod upgrades;

use load::{Numbers, Outcome, fill, under_load};
use ossplit_testkit::{Mounted, Server, server::signal, until, until_some};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Options of the mounts under load: small parts, so that files of a few MB are many of them.
pub(crate) const OPTIONS: &str = "multipart_size=1,memory=64M";

/// How often in a trial; `make test-failover` does more.
pub(crate) fn rounds(short: u64) -> u64 {
    option_env!("OSSPLIT_FAILOVER").map_or(short, |text| text.parse().unwrap())
}

/// The longest that a reader may wait. Short forms run beside other tests, on busy machines.
pub(crate) fn patience() -> Duration {
    Duration::from_secs(if option_env!("OSSPLIT_FAILOVER").is_some() {
        2
    } else {
        10
    })
}

/// Waits until another process than `before` serves.
pub(crate) fn successor(mount: &Mounted, before: u32) -> u32 {
    until_some("another process to serve", || {
        let worker = mount.worker()?;
        let name = std::fs::read_to_string(format!("/proc/{worker}/comm")).ok()?;
        // It has the name once it serves.
        (worker != before && name.starts_with("ossplit@")).then_some(worker)
    })
}

/// Lets `time` pass.
pub(crate) fn pass(time: Duration) {
    let start = Instant::now();
    until("time to pass", || start.elapsed() >= time);
}

/// Has `strike` hit the worker `count` times under load, at any moment.
fn strike_under_load(mount: &Mounted, write: bool, count: u64, strike: impl Fn(u32)) -> Outcome {
    under_load(mount, write, || {
        let mut numbers = Numbers::new(count);
        let mut worker = until_some("the worker", || mount.worker());
        for _ in 0..count {
            pass(Duration::from_millis(numbers.below(900)));
            strike(worker);
            worker = successor(mount, worker);
        }
        pass(Duration::from_millis(500));
    })
}

/// What a line of `docs/reliability.md` is made from.
pub(crate) fn report(what: &str, count: u64, outcome: &Outcome) {
    eprintln!(
        "failover: {what} {count} times: {} reader's calls, {} MB compared, {} files closed and compared, \
         longest call {} ms, {} errors",
        outcome.reads.load(std::sync::atomic::Ordering::Relaxed),
        outcome.compared.load(std::sync::atomic::Ordering::Relaxed) >> 20,
        outcome.files(),
        outcome.longest().as_millis(),
        outcome.errors.lock().unwrap().len(),
    );
}

fn trial(what: &str, hooks: &str, count: u64, strike: impl Fn(u32)) {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::with_hooks(&server, "data", OPTIONS, hooks);
    let keeper = mount.keeper();
    let outcome = strike_under_load(&mount, true, count, strike);
    report(what, count, &outcome);
    assert_eq!(mount.keeper(), keeper, "the keeper is the same");
    mount.unmount();
    outcome.check(&server);
    let longest = outcome.longest();
    assert!(longest < patience(), "a reader waited {longest:?}");
}

fn kill(worker: u32) {
    signal(worker, Signal::KILL);
}

#[test]
fn kill_9_under_load() {
    trial("kill -9", "", rounds(20), kill);
}

#[test]
fn kill_9_under_load_without_resend() {
    trial("kill -9 without RESEND", "no-resend", rounds(10), kill);
}

#[test]
fn a_stopped_worker_is_replaced() {
    trial("SIGSTOP", "", rounds(4), |worker| {
        signal(worker, Signal::STOP);
    });
}

#[test]
fn a_worker_that_panics_is_replaced() {
    trial("panic", "panic-on-usr1", rounds(6), |worker| {
        signal(worker, Signal::USR1);
    });
}

#[test]
fn a_worker_that_says_nothing_is_replaced() {
    // It serves all the while, so nobody waits for it; five seconds each.
    trial("silence", "silence-on-usr1", 1, |worker| {
        signal(worker, Signal::USR1);
    });
}

#[test]
fn readers_of_a_read_only_mount_notice_nothing() {
    let server = Server::start();
    fill(&server);
    let options = "ro,kernel_cache,max_stat_cache_size=1000,memory=64M";
    let mount = Mounted::new(&server, "data", options);
    let count = rounds(10);
    let outcome = strike_under_load(&mount, false, count, kill);
    report("kill -9 of a read-only mount", count, &outcome);
    mount.unmount();
    let errors = outcome.errors.lock().unwrap();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(outcome.compared.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

#[test]
fn the_keeper_is_small() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", OPTIONS);
    let outcome = strike_under_load(&mount, true, 2, kill);
    let status = std::fs::read_to_string(format!("/proc/{}/status", mount.keeper())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    eprintln!("failover: the keeper's resident memory: {kib} KiB");
    // A debug build touches more pages of its program than a release build.
    let limit = if cfg!(debug_assertions) { 8192 } else { 5120 };
    assert!(kib < limit, "{kib} KiB");
    let threads = std::fs::read_dir(format!("/proc/{}/task", mount.keeper())).unwrap();
    assert_eq!(threads.count(), 1, "the keeper has one thread");
    mount.unmount();
    outcome.check(&server);
}
