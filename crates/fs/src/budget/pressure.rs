//! Pressure on memory, as the kernel tells it (PSI: the kernel's Documentation/accounting/psi.rst):
//! when others in the cgroup, the page cache included, find no memory, this mount takes less. First it
//! reads less far ahead; when tasks stand still for memory its caches give half of theirs back.

use super::{Budget, Pool, machine::cgroups};
use std::{
    path::PathBuf,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    time::Duration,
};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Some task waited for memory for this share of the time: there is pressure.
const SOME: f64 = 0.05;
/// Some task did for this share, or all did for [`SOME`]: there is much.
const MUCH: f64 = 0.20;

/// How scarce memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Nobody waits for it.
    None,
    /// Prefetch gets a quarter of the budget.
    Some,
    /// Prefetch gets an eighth, and caches give back half of what is leased.
    Much,
}

/// What tasks waited for memory since the system began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waited {
    /// At least one did.
    some: Duration,
    /// All did.
    full: Duration,
}

impl Waited {
    /// Reads `memory.pressure`; `None` if it is something else.
    fn parse(text: &str) -> Option<Self> {
        let total = |kind: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
            let total = line.split("total=").nth(1)?.trim().parse().ok()?;
            Some(Duration::from_micros(total))
        };
        Some(Self {
            some: total("some ")?,
            full: total("full ")?,
        })
    }

    /// What the waiting since `before`, which was so long ago, means.
    fn since(self, before: Self, ago: Duration) -> Pressure {
        let share = |now: Duration, then: Duration| {
            now.saturating_sub(then).as_secs_f64() / ago.as_secs_f64().max(1e-3)
        };
        let (some, full) = (share(self.some, before.some), share(self.full, before.full));
        if some >= MUCH || full >= SOME {
            Pressure::Much
        } else if some >= SOME {
            Pressure::Some
        } else {
            Pressure::None
        }
    }
}

/// The file that tells of this process's cgroup (v2), or else of the whole machine.
fn file() -> PathBuf {
    let group = cgroups().into_iter().next().unwrap_or_default();
    let own = group.join("memory.pressure");
    if own.exists() {
        own
    } else {
        PathBuf::from("/proc/pressure/memory")
    }
}

impl Budget {
    /// Looks at the pressure on memory once a second for as long as the budget lives. Ends at once on a
    /// kernel that does not tell.
    pub fn watch_pressure(&self) -> impl Future<Output = ()> + Send + 'static {
        watch(Arc::downgrade(&self.0), file())
    }

    /// How scarce memory is now.
    pub fn pressure(&self) -> Pressure {
        match self.0.pressure.load(Relaxed) {
            0 => Pressure::None,
            1 => Pressure::Some,
            _ => Pressure::Much,
        }
    }

    /// From now on memory is so scarce.
    pub(super) fn press(&self, pressure: Pressure) {
        let before = self.0.pressure.swap(pressure as u8, Relaxed);
        if before != pressure as u8 {
            tracing::info!(?pressure, "memory is differently scarce");
        }
        if pressure == Pressure::Much {
            self.give_back_half();
        }
        if (pressure as u8) < before {
            self.0.serve();
        }
    }

    fn give_back_half(&self) {
        let (mut wanted, caches) = {
            let state = self.0.state.lock();
            (state.used / 2, state.reclaimers.clone())
        };
        for cache in caches.iter().filter_map(Weak::upgrade) {
            wanted = wanted.saturating_sub(cache.reclaim(wanted));
            if wanted == 0 {
                break;
            }
        }
    }
}

impl Pool {
    /// The most that prefetch may have leased.
    pub(super) fn prefetch_limit(&self) -> u64 {
        match self.pressure.load(Relaxed) {
            0 => self.total - self.total / 4,
            1 => self.total / 4,
            _ => self.total / 8,
        }
    }
}

async fn watch(pool: Weak<Pool>, file: PathBuf) {
    let mut before: Option<Waited> = None;
    loop {
        // A file of the kernel's; read off the runtime all the same.
        let Some(now) = tokio::fs::read_to_string(&file).await.ok() else {
            return;
        };
        let Some(now) = Waited::parse(&now) else {
            return;
        };
        let Some(pool) = pool.upgrade() else {
            return;
        };
        if let Some(before) = before {
            Budget(pool).press(now.since(before, EVERY));
        }
        before = Some(now);
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Lease, Priority, Reclaim};
    use parking_lot::Mutex;

    const TEXT: &str = "some avg10=1.22 avg60=0.40 avg300=0.10 total=1500000\n\
                        full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n";

    fn waited(some: u64, full: u64) -> Waited {
        Waited {
            some: Duration::from_millis(some),
            full: Duration::from_millis(full),
        }
    }

    #[test]
    fn the_kernel_s_file_is_understood() {
        assert_eq!(Waited::parse(TEXT), Some(waited(1500, 250)));
        assert_eq!(Waited::parse("some avg10=0.00"), None);
        assert_eq!(Waited::parse(""), None);
    }

    #[test]
    fn waiting_is_pressure() {
        let before = waited(1500, 250);
        let after = |some: u64, full: u64| waited(1500 + some, 250 + full).since(before, EVERY);
        assert_eq!(after(0, 0), Pressure::None);
        assert_eq!(after(49, 49), Pressure::None);
        assert_eq!(after(51, 0), Pressure::Some);
        assert_eq!(after(51, 51), Pressure::Much);
        assert_eq!(after(250, 0), Pressure::Much);
        // The counts are of a new cgroup.
        assert_eq!(waited(0, 0).since(before, EVERY), Pressure::None);
    }

    #[tokio::test]
    async fn the_file_is_looked_at_for_as_long_as_the_budget_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.pressure");
        let write = |total: u64| {
            let text = format!("some avg10=0 total={total}\nfull avg10=0 total=0\n");
            let new = folder.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, &file).unwrap();
        };
        write(0);
        let budget = Budget::new(64 << 20);
        let all = budget.0.prefetch_limit();
        let watching = tokio::spawn(watch(Arc::downgrade(&budget.0), file.clone()));
        let step = Duration::from_millis(50);
        for number in 1.. {
            // Some task waits a tenth of the time.
            write(number * 5000);
            tokio::time::sleep(step).await;
            if budget.0.prefetch_limit() < all {
                break;
            }
            assert!(number < 200, "nobody saw the pressure");
        }
        for number in 0.. {
            tokio::time::sleep(step).await;
            if budget.0.prefetch_limit() == all {
                break;
            }
            assert!(number < 200, "nobody saw the pressure end");
        }
        drop(budget);
        let ended = tokio::time::timeout(Duration::from_secs(10), watching).await;
        ended.expect("it ends with the budget").unwrap();
    }

    struct Cache(Mutex<Vec<Lease>>);

    impl Reclaim for Cache {
        fn reclaim(&self, bytes: u64) -> u64 {
            let mut freed = 0;
            while freed < bytes
                && let Some(lease) = self.0.lock().pop()
            {
                freed += lease.bytes();
            }
            freed
        }
    }

    #[test]
    fn pressure_shrinks_prefetch_first_and_then_caches() {
        let budget = Budget::new(800);
        let leases = (0..40).map(|_| budget.try_lease(Priority::Demand, 10));
        let cache = Arc::new(Cache(Mutex::new(leases.flatten().collect())));
        let weak: Weak<Cache> = Arc::downgrade(&cache);
        budget.register(weak);
        assert!(budget.try_lease(Priority::Prefetch, 100).is_some());

        budget.press(Pressure::Some);
        assert!(budget.try_lease(Priority::Prefetch, 1).is_none());
        assert_eq!(budget.used(), 400, "caches keep theirs");
        assert!(budget.try_lease(Priority::Demand, 400).is_some());

        budget.press(Pressure::Much);
        assert_eq!(budget.used(), 200);
        budget.press(Pressure::None);
        assert!(budget.try_lease(Priority::Prefetch, 400).is_some());
    }
}
