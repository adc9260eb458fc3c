//! A budget of retries shared by all requests of a client (as gRPC's retry throttling, A6): each
//! failure takes a token, each success gives a tenth back, and below half no retry is sent.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// In tenths of a token.
const FULL: u32 = 10_000;
const FAILURE: u32 = 10;
const SUCCESS: u32 = 1;

/// The budget.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(FULL))
    }

    /// Notes a failure; whether a retry may be sent.
    pub(crate) fn take(&self) -> bool {
        let left = self
            .0
            .fetch_update(Relaxed, Relaxed, |n| Some(n.saturating_sub(FAILURE)));
        left.is_ok_and(|before| before.saturating_sub(FAILURE) > FULL / 2)
    }

    /// Notes a success.
    pub(crate) fn give_back(&self) {
        // A full budget is the usual case: do not write to the shared line for it.
        if self.0.load(Relaxed) < FULL {
            let _ = self
                .0
                .fetch_update(Relaxed, Relaxed, |n| Some((n + SUCCESS).min(FULL)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_end_retries_and_successes_bring_them_back() {
        let budget = Budget::new();
        let allowed = (0..2000).filter(|_| budget.take()).count();
        assert!((400..600).contains(&allowed), "{allowed}");
        assert!(!budget.take());
        for _ in 0..FULL {
            budget.give_back();
        }
        assert!(budget.take());
    }
}
