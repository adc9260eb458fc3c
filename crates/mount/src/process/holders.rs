//! Who has something open below a path, from the links in /proc.

use std::{
    ffi::OsStr,
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

/// The processes that serve `mountpoint`: those that were called as we are, with it as an argument.
pub(super) fn servers(mountpoint: &Path) -> Vec<u32> {
    processes()
        .filter(|(pid, folder)| *pid != std::process::id() && serves(folder, mountpoint))
        .map(|(pid, _)| pid)
        .collect()
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

fn serves(process: &Path, mountpoint: &Path) -> bool {
    let Ok(line) = fs::read(process.join("cmdline")) else {
        return false;
    };
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().map(|word| Path::new(as_text(word)));
    let name = program
        .and_then(Path::file_name)
        .and_then(OsStr::to_str)
        .unwrap_or("");
    let ours = ["ossplit", "ossfs", "mount.ossfs", "mount.fuse.ossfs"].contains(&name);
    ours && words.any(|word| {
        let word = Path::new(as_text(word));
        // A daemon's folder is `/`: a relative word can only be compared by its end.
        word == mountpoint
            || (word.is_relative() && mountpoint.ends_with(word) && !word.as_os_str().is_empty())
    }) && !line.windows(8).any(|word| word == b"\0umount\0")
}

fn as_text(word: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(word)
}
