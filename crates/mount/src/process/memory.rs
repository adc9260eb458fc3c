//! How much memory there is for us.

use ossplit_fs::budget::{cgroups, meminfo};
use std::fs;

/// Bytes that this process may use: the tightest limit of its cgroup (v2) and those above it, or what
/// the machine has.
pub fn limit() -> u64 {
    let machine = meminfo("MemTotal").unwrap_or(1 << 30);
    let limits = cgroups().into_iter().filter_map(|folder| {
        let max = fs::read_to_string(folder.join("memory.max")).ok()?;
        max.trim().parse().ok()
    });
    limits.fold(machine, u64::min)
}
