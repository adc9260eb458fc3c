//! Who has something open below a path, from the links in /proc.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// `PID (name)` of each process that keeps `mountpoint` busy, as far as we may look.
pub(super) fn of(mountpoint: &Path) -> Vec<String> {
    processes()
        .filter(|(_, folder)| holds(folder, mountpoint))
        .map(|(pid, folder)| {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            format!("{pid} ({})", name.trim())
        })
        .collect()
}

/// What the main thread of a worker is called, so that `umount` finds it: the mount's device number.
pub(super) fn worker_name(minor: u32) -> String {
    format!("ossplit@{minor}")
}

/// The worker that serves the mount with this device number, and its guard.
pub(super) fn servers(minor: u32) -> Vec<u32> {
    let name = worker_name(minor);
    let mut found = Vec::new();
    for (pid, folder) in processes() {
        let comm = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        if comm.trim_end() == name {
            found.push(pid);
            found.extend(guard_of(&folder));
        }
    }
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
