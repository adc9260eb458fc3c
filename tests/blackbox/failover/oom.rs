//! The worker killed by the kernel for its memory, in a cgroup.

use super::{
    OPTIONS,
    load::{Numbers, fill, under_load},
    pass, patience, report, rounds, successor,
};
use ossplit_testkit::{Mounted, Server, until, until_some};
use std::{fs, io, path::PathBuf, time::Duration};

/// A memory cgroup, of either version.
struct Group {
    folder: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `None` where this machine lets nobody make one.
    fn new() -> Option<Self> {
        let name = format!("ossplit-test-{}", std::process::id());
        for (root, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let folder = PathBuf::from(root).join(&name);
            if fs::create_dir(&folder).is_ok() {
                if folder.join(limit).exists() {
                    return Some(Self { folder, limit });
                }
                let _ = fs::remove_dir(&folder);
            }
        }
        None
    }

    fn set_limit(&self, bytes: &str) {
        fs::write(self.folder.join(self.limit), bytes).unwrap();
    }

    fn take(&self, pid: u32) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), pid.to_string())
    }

    /// Processes that the kernel killed in it.
    fn kills(&self) -> u64 {
        let count = ["memory.oom_control", "memory.events"]
            .into_iter()
            .find_map(|file| {
                let text = fs::read_to_string(self.folder.join(file)).ok()?;
                text.lines()
                    .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
            });
        count.expect("the kernel counts")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.set_limit("-1");
        until("the cgroup to be empty", || {
            fs::remove_dir(&self.folder).is_ok()
        });
    }
}

#[test]
fn an_oom_kill_is_survived() {
    let Some(group) = Group::new() else {
        eprintln!("failover: NOT TRIED: the OOM kill; no memory cgroup can be made here");
        return;
    };
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", OPTIONS);
    let count = rounds(4);
    let outcome = under_load(&mount, true, || {
        let mut numbers = Numbers::new(count);
        let mut worker = until_some("the worker", || mount.worker());
        for number in 1..=count {
            pass(Duration::from_millis(numbers.below(900)));
            // What it has is not counted, what it takes from now on is: soon more than this.
            group.set_limit("2097152");
            group.take(worker).unwrap();
            until("the kernel to kill it", || group.kills() >= number);
            worker = successor(&mount, worker);
        }
    });
    report("OOM kill", count, &outcome);
    mount.unmount();
    outcome.check(&server);
    let longest = outcome.longest();
    assert!(longest < patience(), "a reader waited {longest:?}");
}
