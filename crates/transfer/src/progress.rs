//! How far a transfer is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are where they belong, those of earlier tries included. Never falls.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Is told how far a transfer is, at its begin and whenever it went on. Called on the transfer's own tasks: it must not wait.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts for one transfer.
#[derive(Clone)]
pub(crate) struct Counter {
    done: Arc<AtomicU64>,
    total: u64,
    tell: Option<ProgressFn>,
}

impl Counter {
    pub(crate) fn new(total: u64, tell: Option<ProgressFn>) -> Self {
        let counter = Self {
            done: Arc::default(),
            total,
            tell,
        };
        counter.add(0);
        counter
    }

    pub(crate) fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(tell) = &self.tell {
            let total = self.total;
            tell(Progress { done, total });
        }
    }
}
