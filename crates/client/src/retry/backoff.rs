//! Full jitter: a uniformly random wait between nothing and a bound that doubles.

use std::time::Duration;

/// A wait in `0..=min(cap, base * 2^doublings)`.
pub(super) fn full_jitter(base: Duration, cap: Duration, doublings: u32) -> Duration {
    let bound = base
        .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
        .min(cap);
    bound.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_within_their_bound() {
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(1));
        for doublings in 0..40 {
            let bound = base.saturating_mul(1 << doublings.min(20)).min(cap);
            for _ in 0..100 {
                assert!(full_jitter(base, cap, doublings) <= bound);
            }
        }
    }

    #[test]
    fn waits_differ() {
        let one = || full_jitter(Duration::from_secs(1), Duration::from_secs(1), 0);
        let first = one();
        assert!((0..20).any(|_| one() != first));
    }
}
