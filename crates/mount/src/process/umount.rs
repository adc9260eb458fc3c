//! `ossplit umount`: the orderly end, from outside.

use super::holders;
use rustix::{io::Errno, mount::UnmountFlags};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// How long the mount's processes may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Unmounts what is mounted on `mountpoint`, and returns when its processes are gone.
///
/// # Errors
/// One sentence: nothing is mounted there, or who keeps it busy.
pub fn unmount(mountpoint: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(mountpoint).map_err(|e| e.to_string())?;
    let shown = absolute.display();
    let Some(minor) = fuse_device(&absolute) else {
        return Err(format!(
            "no bucket is mounted on {shown}; `mount -t fuse.ossfs` lists them"
        ));
    };
    let servers = holders::servers(minor);
    match rustix::mount::unmount(&absolute, UnmountFlags::NOFOLLOW) {
        Ok(()) => {}
        Err(Errno::BUSY) => {
            let holders = holders::of(&absolute);
            let who = if holders.is_empty() {
                "something in another namespace".to_owned()
            } else {
                format!("process {}", holders.join(", "))
            };
            return Err(format!(
                "{shown} is busy: {who} has it open; end that and try again"
            ));
        }
        Err(Errno::PERM) => by_helper(&absolute)?,
        Err(errno) => return Err(format!("can't unmount {shown}: {errno}")),
    }
    let end = Instant::now() + PATIENCE;
    while servers
        .iter()
        .any(|pid| Path::new(&format!("/proc/{pid}")).exists())
    {
        if Instant::now() > end {
            return Err(format!(
                "{shown} is unmounted, but process {servers:?} does not end"
            ));
        }
        // Nobody tells us when a process that is not our child ends: look now and then.
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Ok(())
}

fn by_helper(mountpoint: &Path) -> Result<(), String> {
    let output = Command::new("fusermount3")
        .arg("-u")
        .arg(mountpoint)
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!(
            "can't run fusermount3: {error}; install fuse3, or be root"
        )),
    }
}

/// The device number (its minor half) of the FUSE mount on `path`, from /proc/self/mountinfo (`man 5
/// proc`): field 3 is `major:minor`, field 5 the place, and the type follows " - ".
fn fuse_device(path: &Path) -> Option<u32> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let wanted = path.to_string_lossy().replace(' ', "\\040");
    // The last of several mounts on one place is the one on top.
    let line = table
        .lines()
        .rfind(|line| line.split(' ').nth(4) == Some(&wanted))?;
    let (fields, rest) = line.split_once(" - ")?;
    let device = fields.split(' ').nth(2)?;
    rest.starts_with("fuse")
        .then(|| device.split_once(':')?.1.parse().ok())
        .flatten()
}
