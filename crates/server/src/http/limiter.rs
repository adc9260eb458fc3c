//! So many of something per second, shared by whoever asks.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Gives out bytes or calls at a rate.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Per second.
    rate: f64,
    /// When all that was given out is paid for.
    paid: Mutex<Instant>,
}

impl Limiter {
    /// `rate` is per second, above 0.
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            paid: Mutex::new(Instant::now()),
        }
    }

    /// Gives out `amount`: when it may be used.
    pub(crate) fn reserve(&self, amount: usize) -> Instant {
        let mut paid = self.paid.lock();
        let from = (*paid).max(Instant::now());
        *paid = from + Duration::from_secs_f64(amount as f64 / self.rate);
        from
    }

    /// Gives out one now if there is one; what a second gives (at least one) may be saved up.
    pub(crate) fn try_take(&self) -> bool {
        let mut paid = self.paid.lock();
        let now = Instant::now();
        let saved = Duration::from_secs_f64((self.rate.max(1.0) - 1.0) / self.rate);
        if *paid > now + saved {
            return false;
        }
        *paid = (*paid).max(now) + Duration::from_secs_f64(1.0 / self.rate);
        true
    }

    /// As many at a time as pass in a fiftieth of a second.
    pub(crate) fn piece(&self) -> usize {
        (self.rate / 50.0).clamp(1.0, f64::from(1 << 20)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_refused_above_the_rate_and_bytes_wait() {
        let calls = Limiter::new(5.0);
        let taken = |calls: &Limiter| (0..20).filter(|_| calls.try_take()).count();
        assert_eq!(taken(&calls), 5);
        tokio::time::advance(Duration::from_millis(410)).await;
        assert_eq!(taken(&calls), 2);
        let slow = Limiter::new(0.5);
        assert_eq!(taken(&slow), 1);
        let bytes = Limiter::new(1000.0);
        let start = Instant::now();
        assert_eq!(bytes.reserve(500), start);
        assert_eq!(bytes.reserve(500), start + Duration::from_millis(500));
        assert_eq!(bytes.piece(), 20);
    }
}
