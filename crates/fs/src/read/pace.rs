//! How fast the network answers, learned from the answers: what a stream's window and the length of
//! its requests follow from.
//!
//! Two figures, as in BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016): the
//! shortest wait for an answer's head, and the highest rate of one connection. Both are of the network
//! alone. Means would count the waiting in our own queues, and a window that follows its own waiting
//! grows for ever.

use super::blocks::BLOCK;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A figure that was not met again moves so much of the way to what is seen now.
const FADE: u64 = 64;
/// A body shorter than this says nothing about the rate.
const TELLING: u64 = BLOCK;
/// Bytes of one range request, at most.
const REQUEST: u64 = 8 << 20;
/// A request's body should take at least so long: its head costs both sides some of that in work.
const WORTH_A_REQUEST: Duration = Duration::from_millis(8);

/// What was learned. All 0 at first.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The shortest wait for a head, in nanoseconds.
    wait: AtomicU64,
    /// The highest rate of a body, in bytes per second.
    rate: AtomicU64,
}

/// Moves `figure` to `seen` if that is better, and otherwise a little. Lost races are forgiven.
fn follow(figure: &AtomicU64, seen: u64, better: fn(u64, u64) -> bool) {
    let known = figure.load(Relaxed);
    let next = if known == 0 || better(seen, known) {
        seen
    } else {
        known - known / FADE + seen / FADE
    };
    figure.store(next.max(1), Relaxed);
}

impl Pace {
    /// The head of an answer came after `wait`.
    pub(super) fn head(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        follow(&self.wait, wait, |seen, known| seen < known);
    }

    /// A body of `bytes` took so long.
    pub(super) fn body(&self, bytes: u64, took: Duration) {
        if bytes >= TELLING {
            let rate = bytes as f64 / took.as_secs_f64().max(1e-6);
            follow(&self.rate, rate as u64, |seen, known| seen > known);
        }
    }

    fn wait(&self) -> Duration {
        Duration::from_nanos(self.wait.load(Relaxed))
    }

    /// How many bytes one request should ask for, out of a window of so many: enough to be worth a
    /// request, and no more than comes in the time in which its head does, so that a rate that is
    /// capped for each connection is met with many of them.
    pub(super) fn request(&self, window: u64) -> u64 {
        let rate = self.rate.load(Relaxed);
        let worth = if rate == 0 {
            REQUEST
        } else {
            (rate as f64 * self.wait().max(WORTH_A_REQUEST).as_secs_f64()) as u64
        };
        let most = (window / 4).clamp(BLOCK, REQUEST);
        worth.clamp(BLOCK, most) / BLOCK * BLOCK
    }

    /// How far ahead to read, in bytes, for a program that takes `rate` bytes per second: twice what it
    /// takes while one request is answered. `None`: nothing is known yet.
    pub(super) fn ahead(&self, rate: f64, window: u64) -> Option<u64> {
        let network = self.rate.load(Relaxed);
        if network == 0 {
            return None;
        }
        let body = self.request(window) as f64 / network as f64;
        let answered = self.wait().as_secs_f64() + body;
        Some((2.0 * rate * answered) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const MIB: u64 = 1 << 20;

    fn pace(wait: Duration, rate: u64) -> Pace {
        let pace = Pace::default();
        pace.head(wait);
        pace.body(10 * rate, Duration::from_secs(10));
        pace
    }

    #[test]
    fn the_best_that_was_seen_counts_and_fades() {
        let pace = pace(20 * MS, 1000 * MIB);
        for _ in 0..10 {
            pace.head(200 * MS);
            pace.body(10 * MIB, 1000 * MS);
        }
        assert!(pace.wait() < 60 * MS, "{:?}", pace.wait());
        for _ in 0..1000 {
            pace.head(200 * MS);
            pace.body(10 * MIB, 1000 * MS);
        }
        assert!(pace.wait() > 190 * MS, "{:?}", pace.wait());
        assert!(pace.rate.load(Relaxed) < 12 * MIB);
        pace.head(MS);
        assert_eq!(pace.wait(), MS);
    }

    #[test]
    fn requests_are_short_where_a_connection_is_slow() {
        assert_eq!(Pace::default().request(64 * MIB), 8 * MIB);
        // 1 Gbit/s and 20 ms.
        assert_eq!(pace(20 * MS, 125_000_000).request(128 * MIB), 2 * MIB);
        assert_eq!(pace(20 * MS, 4_000_000_000).request(128 * MIB), 8 * MIB);
        assert_eq!(pace(MS, 1_000_000).request(128 * MIB), MIB);
        assert_eq!(pace(20 * MS, 4_000_000_000).request(8 * MIB), 2 * MIB);
        assert_eq!(pace(20 * MS, 4_000_000_000).request(MIB), MIB);
    }

    #[test]
    fn the_window_covers_bandwidth_times_delay() {
        assert_eq!(Pace::default().ahead(1e9, 8 * MIB), None);
        // 2 GB/s over connections of 1 Gbit/s at 20 ms: 2 MiB take 17 ms.
        let far = pace(20 * MS, 125_000_000).ahead(2e9, 128 * MIB);
        assert!(
            (140_000_000..160_000_000).contains(&far.unwrap_or(0)),
            "{far:?}"
        );
        // A fast network close by.
        let near = pace(MS / 5, 4_000_000_000).ahead(2e9, 8 * MIB);
        assert!(near.unwrap_or(u64::MAX) < 8 * MIB, "{near:?}");
    }
}
