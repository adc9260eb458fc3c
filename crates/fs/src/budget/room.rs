//! How much of an object the kernel's page cache has room for: it is charged to this process's cgroup, and is no part of
//! the budget, since the kernel takes it back by itself.

use super::machine::{cgroups, meminfo};

/// An object takes at most this share of what is free.
const SHARE: u64 = 2;

/// The most bytes of one object that may be put into the page cache; `None` if nothing tells how much memory there is.
pub(crate) fn room() -> Option<u64> {
    let groups = cgroups().into_iter().filter_map(|folder| {
        let file = |name| std::fs::read_to_string(folder.join(name)).ok();
        in_group(
            &file("memory.max")?,
            &file("memory.current")?,
            &file("memory.stat")?,
        )
    });
    let machine = meminfo("MemAvailable");
    machine
        .into_iter()
        .chain(groups)
        .min()
        .map(|free| free / SHARE)
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
        assert_eq!(in_group("max\n", "5\n", "file 3\n"), None);
        assert_eq!(in_group("100\n", "50\n", "anon 10\nfile 30\n"), Some(80));
        assert_eq!(in_group("100\n", "150\n", "file 0\n"), Some(0));
    }
}
