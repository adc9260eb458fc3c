//! CPU time and memory of processes, from /proc (`man 5 proc`).

/// What some processes used since they began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Sum of the largest resident sizes, in MiB.
    pub(crate) peak_rss_mib: f64,
}

/// What `pids` used together.
pub(crate) fn of(pids: &[u32]) -> Usage {
    pids.iter()
        .filter_map(|pid| one(*pid))
        .fold(Usage::default(), |a, b| Usage {
            cpu_seconds: a.cpu_seconds + b.cpu_seconds,
            peak_rss_mib: a.peak_rss_mib + b.peak_rss_mib,
        })
}

fn one(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks: fields are counted after its closing parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = peak
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<f64>()
        .ok()?;
    Some(Usage {
        cpu_seconds: ticks / rustix::param::clock_ticks_per_second() as f64,
        peak_rss_mib: kib / 1024.0,
    })
}
