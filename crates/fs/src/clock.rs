//! Time that tests can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::types::UnixNanos;

/// A moment on the monotonic clock: nanoseconds since the [`Clock`] was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// The time from `earlier` to this moment; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The clock that everything in this crate reads. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { start: Instant },
    Manual { nanos: AtomicU64 },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System {
            start: Instant::now(),
        }))
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual() -> Self {
        Self(Arc::new(Source::Manual {
            nanos: AtomicU64::new(0),
        }))
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        match &*self.0 {
            Source::System { start } => {
                Moment(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
            }
            Source::Manual { nanos } => Moment(nanos.load(Ordering::Relaxed)),
        }
    }

    /// The time of day; of a manual clock, its age counted from 1970.
    pub fn wall(&self) -> UnixNanos {
        match &*self.0 {
            Source::System { .. } => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
                Err(_) => 0,
            },
            Source::Manual { nanos } => {
                i64::try_from(nanos.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves a manual clock; the machine's clock takes no orders and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { nanos } = &*self.0 {
            nanos.fetch_add(
                u64::try_from(by.as_nanos()).unwrap_or(u64::MAX),
                Ordering::Relaxed,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_time_moves_only_when_told() {
        let clock = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_millis(5));
        assert_eq!(clock.now().since(start), Duration::from_millis(5));
        assert_eq!(start.since(clock.now()), Duration::ZERO);
        assert_eq!(clock.wall(), 5_000_000);
    }

    #[test]
    fn system_time_is_after_2020() {
        let clock = Clock::system();
        clock.advance(Duration::from_secs(9));
        assert!(clock.wall() > 1_577_836_800_000_000_000);
        assert!(clock.now() < Moment(8_000_000_000));
    }
}
