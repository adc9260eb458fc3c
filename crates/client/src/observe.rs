//! Hooks for metrics: what each call came to.

use crate::{ErrorKind, Operation};
use std::time::Duration;

/// A call that ended.
#[derive(Debug, Clone, Copy)]
pub struct CallEnded {
    /// Which.
    pub operation: Operation,
    /// How often it was sent.
    pub tries: u32,
    /// From its begin to its end, waits between tries included. Of a `GetObject`, to the head of the answer.
    pub elapsed: Duration,
    /// What was wrong with it; `None` if it succeeded.
    pub error: Option<ErrorKind>,
}

/// Is told of every call that ended; calls whose future was dropped are not among them. Called on the call's own task: it
/// must not wait. Nothing that it is told names a bucket, a key or who asked, so all of it may become a metric's label.
///
/// ```
/// # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl ossplit::Observer for Failures {
///     fn ended(&self, call: &ossplit::CallEnded) {
///         self.0.fetch_add(u64::from(call.error.is_some()), Ordering::Relaxed);
///     }
/// }
///
/// let failures = Arc::new(Failures::default());
/// let config = ossplit::ClientConfig::new("http://127.0.0.1:9000", "cn-local")?
///     .with_observer(failures.clone());
/// # Ok::<(), ossplit::Error>(())
/// ```
pub trait Observer: Send + Sync {
    /// A call ended.
    fn ended(&self, call: &CallEnded);
}
