//! `ossplit upgrade`: has a mount's keeper replace the process that serves by one of our own program.

use super::{Client, own, socket::Address};
use crate::process::{Cause, Failure, holders, mountpoint};
use std::{fs::File, io, os::fd::AsFd as _, path::Path, time::Duration};

/// Has this very program serve the mount on `mountpoint` from now on. Gives the pause: from the moment
/// in which the old process was told to stop to that in which the new one served.
///
/// # Errors
/// One sentence; the mount is served as before then.
pub fn upgrade(mountpoint: &Path) -> Result<Duration, Failure> {
    let place = mountpoint::resolve(mountpoint);
    let shown = place.display();
    let table = |e| Failure::system("read the table of mounts", e);
    let found = ossplit_fuse::mount::find(&place).map_err(table)?;
    let Some(found) = found.filter(ossplit_fuse::mount::Found::is_fuse) else {
        let text =
            format!("no bucket is mounted on {shown}; `mount -t fuse.ossfs` lists those that are");
        return Err(Failure::new(Cause::NotMounted, text));
    };
    by_number(found.id.minor).map_err(|error| {
        let text = format!("{shown}: {error}");
        Failure::new(Cause::System, text)
    })
}

/// The same for every mount that has a keeper: where it is mounted (as far as can be seen from here), and
/// how it went.
pub fn upgrade_all() -> Vec<(String, io::Result<Duration>)> {
    let mounts = holders::kept_mounts().into_iter();
    let named = mounts.map(|minor| {
        let place = ossplit_fuse::mount::place_of(minor).ok().flatten();
        let name = place.map_or_else(
            || format!("mount 0:{minor}"),
            |place| place.display().to_string(),
        );
        (name, by_number(minor))
    });
    named.collect()
}

fn by_number(minor: u32) -> io::Result<Duration> {
    let socket = Address::Abstract(&own::address(minor)).connect();
    let socket = socket.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => io::Error::other(
            "no keeper answers for this mount (it was mounted with failover=off, or in another \
             network namespace); unmount it and mount it again",
        ),
        _ => error,
    })?;
    let program = File::open("/proc/self/exe")?;
    Client::new(socket).upgrade(program.as_fd())
}
