//! What the kernel tells of memory: `/proc/meminfo`, and where this process's cgroups are.

use std::path::{Path, PathBuf};

/// A line of `/proc/meminfo`, such as `MemTotal`, in bytes.
pub fn meminfo(field: &str) -> Option<u64> {
    bytes_of(field, &std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn bytes_of(field: &str, text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The folders of this process's cgroup (v2) and of those above it, its own first: each has limits of its own.
pub fn cgroups() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = root.join(group.unwrap_or(""));
    let above = own.ancestors().take_while(|at| at.starts_with(root));
    above.map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lines_are_understood() {
        let text = "MemTotal:       24000 kB\nMemFree:         100 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(bytes_of("MemAvailable", text), Some(2 << 20));
        assert_eq!(bytes_of("MemAvailable", "MemTotal: 1 kB\n"), None);
        assert_eq!(bytes_of("Mem", text), None);
    }

    #[test]
    fn every_process_has_a_group() {
        let groups = cgroups();
        assert_eq!(groups.last().unwrap(), Path::new("/sys/fs/cgroup"));
        assert!(meminfo("MemTotal").unwrap() > 0);
    }
}
