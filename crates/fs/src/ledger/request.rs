//! Which request of the kernel a call serves.
//!
//! A process that takes over gets again what the former one had not answered. Whoever changes something asks here
//! whether that may have happened already. It goes along with the task instead of through every signature: only a
//! handful of places far down look at it.

use std::cell::Cell;

tokio::task_local! {
    static CURRENT: Cell<Request>;
}

/// One request of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Identifies it; 0: none of the kernel's.
    pub number: u64,
    /// It was sent to a former process too.
    pub resent: bool,
}

impl Request {
    /// The request that the present task serves.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Cell::get).unwrap_or_default()
    }

    /// Runs `call` on behalf of this request.
    pub(crate) async fn run<T>(self, call: impl Future<Output = T>) -> T {
        CURRENT.scope(Cell::new(self), call).await
    }

    /// The same, where nothing is awaited.
    pub fn run_now<T>(self, call: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Cell::new(self), call)
    }
}
