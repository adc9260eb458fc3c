//! Who has something open below a path, from the links in /proc.

use ossplit_fuse::mount::{ConnectionId, is_seen_by};
use std::{
    ffi::CString,
    fs,
    path::{Path, PathBuf},
};

/// `PID (name)` of each process that keeps `mountpoint` busy, as far as we may look.
pub(crate) fn of(mountpoint: &Path) -> Vec<String> {
    processes()
        .filter(|(_, folder)| holds(folder, mountpoint))
        .map(|process| shown(&process))
        .collect()
}

/// `PID (name)` of a process whose mount namespace, another one than ours, has a mount of this connection, as far as we may look.
pub(crate) fn elsewhere(id: ConnectionId) -> Option<String> {
    let namespace = |folder: &Path| fs::read_link(folder.join("ns/mnt"));
    let ours = namespace(Path::new("/proc/self")).ok()?;
    processes()
        .filter(|(_, folder)| namespace(folder).is_ok_and(|theirs| theirs != ours))
        .find(|(pid, _)| is_seen_by(*pid, id).unwrap_or(false))
        .map(|process| shown(&process))
}

fn shown((pid, folder): &(u32, PathBuf)) -> String {
    let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
    format!("{pid} ({})", name.trim())
}

/// What the main thread of a worker is called, so that `umount` finds it: the mount's device number.
fn worker_name(minor: u32) -> String {
    format!("ossplit@{minor}")
}

/// Gives the main thread, which is to call this, the name of a worker's.
pub(crate) fn name_worker(minor: u32) {
    name(worker_name(minor));
}

/// The same for a keeper's.
pub(crate) fn name_keeper(minor: u32) {
    name(keeper_name(minor));
}

fn name(name: String) {
    if let Ok(name) = CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

const KEEPER: &str = "osskeep@";

/// What the main thread of a mount's keeper is called.
fn keeper_name(minor: u32) -> String {
    format!("{KEEPER}{minor}")
}

/// The device numbers of the mounts that have a keeper.
pub(crate) fn kept_mounts() -> Vec<u32> {
    let numbers = processes().filter_map(|(_, folder)| {
        let comm = fs::read_to_string(folder.join("comm")).ok()?;
        comm.trim_end().strip_prefix(KEEPER)?.parse().ok()
    });
    numbers.collect()
}

/// The worker that serves the mount with this device number, and its keeper or guard.
pub(crate) fn servers(minor: u32) -> Vec<u32> {
    let (worker, keeper) = (worker_name(minor), keeper_name(minor));
    let mut found = Vec::new();
    for (pid, folder) in processes() {
        let comm = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let comm = comm.trim_end();
        if comm == worker {
            found.push(pid);
            // A driver is the parent of its workers, asks this itself, and is not about to end.
            found.extend(guard_of(&folder).filter(|guard| *guard != std::process::id()));
        } else if comm == keeper {
            found.push(pid);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The parent of a worker, if it is one of us.
fn guard_of(worker: &Path) -> Option<u32> {
    let status = fs::read_to_string(worker.join("status")).ok()?;
    let parent = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))?
        .trim()
        .to_owned();
    let same = fs::read_link(worker.join("exe")).ok()?
        == fs::read_link(format!("/proc/{parent}/exe")).ok()?;
    same.then(|| parent.parse().ok()).flatten()
}

fn processes() -> impl Iterator<Item = (u32, PathBuf)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

fn holds(process: &Path, mountpoint: &Path) -> bool {
    let inside = |link: PathBuf| fs::read_link(link).is_ok_and(|path| path.starts_with(mountpoint));
    ["cwd", "root", "exe"]
        .iter()
        .any(|name| inside(process.join(name)))
        || fs::read_dir(process.join("fd"))
            .is_ok_and(|open| open.flatten().any(|entry| inside(entry.path())))
}
