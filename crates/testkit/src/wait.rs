//! Waiting on a condition with a deadline: the only place in the tests that pauses.

use std::time::{Duration, Instant};

/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
///
/// # Panics
/// After [`DEADLINE`], naming `what`.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || condition().then_some(()));
}

/// Waits until `attempt` gives a value.
///
/// # Panics
/// After [`DEADLINE`], naming `what`.
pub fn until_some<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} for {what}");
        #[allow(
            clippy::disallowed_methods,
            reason = "polls a condition, with a deadline"
        )]
        std::thread::sleep(Duration::from_millis(5));
    }
}
