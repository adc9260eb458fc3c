//! `mount -o remount`: other flags for a mount that is there. `mount(8)` calls us for it.

use super::{
    failure::{Cause, Failure},
    mountpoint,
};
use crate::options::Written;
use rustix::{io::Errno, mount::MountFlags};
use std::path::Path;

/// Which word sets or clears which flag.
const WORDS: [(&str, MountFlags, bool); 8] = [
    ("ro", MountFlags::RDONLY, true),
    ("rw", MountFlags::RDONLY, false),
    ("noexec", MountFlags::NOEXEC, true),
    ("exec", MountFlags::NOEXEC, false),
    ("noatime", MountFlags::NOATIME, true),
    ("atime", MountFlags::NOATIME, false),
    ("sync", MountFlags::SYNCHRONOUS, true),
    ("async", MountFlags::SYNCHRONOUS, false),
];

/// Gives the mount on `path` the flags that the words name; the others stay. What else the words say is fixed when a
/// bucket is mounted.
///
/// # Errors
/// One sentence with the mend.
pub fn remount(path: &Path, words: &[Written]) -> Result<(), Failure> {
    let place = mountpoint::resolve(path);
    let shown = place.display();
    let table = |e| Failure::system("read the table of mounts", e);
    let found = ossplit_fuse::mount::find(&place).map_err(table)?;
    if !found.is_some_and(|found| found.is_fuse()) {
        let text = format!("no bucket is mounted on {shown}: leave `remount` out");
        return Err(Failure::new(Cause::NotMounted, text));
    }
    let now =
        rustix::fs::statvfs(&place).map_err(|e| Failure::system(&format!("look at {shown}"), e))?;
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV;
    for (there, flag) in [
        (rustix::fs::StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (rustix::fs::StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (rustix::fs::StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (
            rustix::fs::StatVfsMountFlags::RELATIME,
            MountFlags::RELATIME,
        ),
        (
            rustix::fs::StatVfsMountFlags::SYNCHRONOUS,
            MountFlags::SYNCHRONOUS,
        ),
    ] {
        flags.set(flag, now.f_flag.contains(there));
    }
    for word in words {
        let known = WORDS.iter().find(|(name, ..)| *name == word.spec.name);
        if let Some((_, flag, on)) = known {
            flags.set(*flag, *on);
        }
    }
    rustix::mount::mount_remount(&place, flags, c"").map_err(|errno| match errno {
        Errno::PERM => Failure::new(Cause::System, "only root may remount".to_owned()),
        Errno::BUSY => Failure::new(
            Cause::Busy,
            format!("files on {shown} are open for writing: close them first"),
        ),
        errno => Failure::system(&format!("remount {shown}"), errno),
    })
}
