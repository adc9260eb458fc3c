//! What is sent again, when, and how often.
//!
//! A request is sent again when it failed in a way that may pass ([`is_transient`](crate::ErrorKind::is_transient): 5xx, 429, time-outs, broken connections, clock skew, a wrong
//! CRC64) and when sending it twice does no harm:
//!
//! * Every read, listing and HEAD.
//! * `PutObject`, `DeleteObject`, `CopyObject`, `UploadPart`: the second has the same effect as the
//!   first. With `forbid_overwrite` the second may meet the first's object; the client then compares
//!   size and CRC64 and calls it success if they are ours.
//! * `AppendObject`: the position guards it. If the second answer says that the object ends where ours
//!   would end, the client compares the CRC64.
//! * `CompleteMultipartUpload`: the second may find the upload gone; the client then looks whether the
//!   object is the one that it asked for.
//! * `InitiateMultipartUpload`: a lost answer may leave an upload that nobody knows, but one without
//!   parts, which costs nothing; failing the write would cost the user more.
//!
//! A document that breaks off half-way counts as a failure too; an object's body that breaks off is
//! taken up again at the same byte by [`BodyStream`](crate::BodyStream). A body that is a stream can't
//! be sent twice, so its call is tried once.
//!
//! Three things are put right rather than waited for, at once and once each: a kept connection that
//! the server had closed (a new one is made), a wrong clock (the server's `Date` is learned), and a key
//! that is no longer good (its [provider](crate::CredentialsProvider::refused) is asked for another).
//!
//! Between tries it waits a random time up to a bound that doubles ("full jitter", AWS Architecture
//! Blog, "Exponential Backoff And Jitter", 2015). A [budget](throttle::Budget) shared by all requests
//! of a client stops retries from multiplying the load of a service in trouble.

mod backoff;
mod throttle;

pub(crate) use throttle::Budget;

use std::time::Duration;

/// How often and how long a request is sent again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Tries in all, the first included; at least 1. 5 by default.
    pub max_tries: u32,
    /// Bound of the first wait. 100 ms by default.
    pub base: Duration,
    /// No wait is longer. 10 s by default.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_tries: 5,
            base: Duration::from_millis(100),
            cap: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// Never sends anything again.
    pub fn never() -> Self {
        Self {
            max_tries: 1,
            ..Self::default()
        }
    }

    /// The wait after this many failures, at random up to a bound that doubles with each.
    pub fn wait(&self, failures: u32) -> Duration {
        backoff::full_jitter(self.base, self.cap, failures.saturating_sub(1))
    }
}
