//! `ossplit umount`: the orderly end, from outside.

use super::{
    failure::{Cause, Failure},
    holders, mountpoint,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    mount::UnmountFlags,
    process::{Pid, PidfdFlags, pidfd_open},
};
use std::{
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How long the mount's processes may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// They take longer where another namespace has the mount too: one looks for it after this.
const LOOK: Duration = Duration::from_secs(2);

/// Unmounts what is mounted on `mountpoint`, and returns when its processes are gone.
///
/// # Errors
/// One sentence: nothing is mounted there, or who keeps it busy.
pub fn unmount(mountpoint: &Path) -> Result<(), Failure> {
    let place = mountpoint::resolve(mountpoint);
    let shown = place.display();
    let table = |e| Failure::system("read the table of mounts", e);
    let found = ossplit_fuse::mount::find(&place).map_err(table)?;
    let Some(found) = found.filter(ossplit_fuse::mount::Found::is_fuse) else {
        let text =
            format!("no bucket is mounted on {shown}; `mount -t fuse.ossfs` lists those that are");
        return Err(Failure::new(Cause::NotMounted, text));
    };
    let servers = holders::servers(found.id.minor);
    if servers.is_empty() && found.kind != "fuse.ossfs" {
        let kind = found.kind;
        let text =
            format!("{shown} is another program's mount ({kind}); end it with fusermount3 -u");
        return Err(Failure::new(Cause::NotMounted, text));
    }
    // Before anything ends: a number may belong to somebody else afterwards.
    let servers: Vec<(u32, OwnedFd)> = servers
        .into_iter()
        .filter_map(|pid| {
            Some((
                pid,
                pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::empty()).ok()?,
            ))
        })
        .collect();
    match rustix::mount::unmount(&place, UnmountFlags::NOFOLLOW) {
        Ok(()) => {}
        Err(Errno::BUSY) => return Err(busy(&place)),
        Err(Errno::PERM) => by_helper(&place)?,
        Err(errno) => return Err(Failure::system(&format!("unmount {shown}"), errno)),
    }
    let Some(_) = first_alive(&servers, LOOK) else {
        return Ok(());
    };
    if let Some(holder) = holders::elsewhere(found.id) {
        let text = format!(
            "{shown} is unmounted here, but process {holder} has the mount in a mount namespace of its own (a \
             container's, say); it goes on there until that ends or unmounts it"
        );
        return Err(Failure::new(Cause::Busy, text));
    }
    match first_alive(&servers, PATIENCE) {
        None => Ok(()),
        Some(pid) => {
            let text = format!(
                "{shown} is unmounted, but process {pid} has not ended yet; it may still be sending \
                 what was written"
            );
            Err(Failure::new(Cause::Unsent, text))
        }
    }
}

/// Waits so long for processes to end; gives one that has not.
fn first_alive(processes: &[(u32, OwnedFd)], time: Duration) -> Option<u32> {
    let end = Instant::now() + time;
    let mut alive = processes
        .iter()
        .filter(|(_, process)| !ends_before(process, end));
    alive.next().map(|(pid, _)| *pid)
}

fn busy(place: &Path) -> Failure {
    let holders = holders::of(place);
    let who = if holders.is_empty() {
        "something in another namespace".to_owned()
    } else {
        format!("process {}", holders.join(", "))
    };
    let shown = place.display();
    let text = format!("{shown} is busy: {who} has it open; end that and try again");
    Failure::new(Cause::Busy, text)
}

/// Waits for a process that is not our child.
fn ends_before(process: &OwnedFd, end: Instant) -> bool {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => return ready > 0,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

fn by_helper(place: &Path) -> Result<(), Failure> {
    let mut helper = Command::new("fusermount3");
    helper.args(["-u", "--"]).arg(place).stdin(Stdio::null());
    match helper.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("busy") {
                return Err(busy(place));
            }
            let text = format!("{}; unmount it as root", said.trim());
            Err(Failure::new(Cause::Helper, text))
        }
        Err(error) => {
            let text = format!("can't run fusermount3: {error}; install fuse3, or be root");
            Err(Failure::new(Cause::Helper, text))
        }
    }
}
