//! How much of an object the kernel's page cache has room for: it is charged to this process's cgroup, and is no part of
//! the budget, since the kernel takes it back by itself.

use std::path::Path;

/// An object takes at most this share of what is free.
const SHARE: u64 = 2;

/// The most bytes of one object that may be put into the page cache; `None` if nothing tells how much memory there is.
pub(crate) fn room() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| available(&text));
    let root = Path::new("/sys/fs/cgroup");
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let group = root.join(group.unwrap_or(""));
    let folders = group.ancestors().take_while(|at| at.starts_with(root));
    let groups = folders.filter_map(|folder| {
        let file = |name| read(&folder.join(name));
        in_group(
            &file("memory.max")?,
            &file("memory.current")?,
            &file("memory.stat")?,
        )
    });
    machine
        .into_iter()
        .chain(groups)
        .min()
        .map(|free| free / SHARE)
}

/// What `/proc/meminfo` says is available, in bytes.
fn available(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// What a cgroup (v2) has left beside its page cache, which gives way; `None` without a limit.
fn in_group(max: &str, current: &str, stat: &str) -> Option<u64> {
    let max: u64 = max.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    let mut lines = stat.lines();
    let file: u64 = lines
        .find_map(|line| line.strip_prefix("file "))?
        .trim()
        .parse()
        .ok()?;
    Some(max.saturating_sub(current.saturating_sub(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_understood() {
        let text = "MemTotal:       24000 kB\nMemFree:         100 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available(text), Some(2 << 20));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert_eq!(in_group("max\n", "5\n", "file 3\n"), None);
        assert_eq!(in_group("100\n", "50\n", "anon 10\nfile 30\n"), Some(80));
        assert_eq!(in_group("100\n", "150\n", "file 0\n"), Some(0));
    }
}
