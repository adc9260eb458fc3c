//! A list of paths in the order in which they will be read, from outside.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Ahead;
use super::order::Order;
use super::windows::{Purpose, WindowId};
use crate::budget::{Lease, Priority};
use crate::error::{Error, Result};

/// Bytes of paths that one batch should have.
pub(super) const BATCH: u64 = 64 << 10;
/// Lists take at most this share of the budget each.
const SHARE: u64 = 32;
/// Files that a list fetches before the first of them is opened: its order is certain.
const FIRST: usize = 64;

/// Some paths of a list.
#[derive(Default)]
pub(super) struct Batch {
    /// Each ended by a NUL byte.
    paths: Vec<u8>,
    at: usize,
    _lease: Option<Lease>,
}

impl Batch {
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.paths[self.at..];
        let end = rest.iter().position(|byte| *byte == 0)?;
        self.at += end + 1;
        Some(&rest[..end])
    }
}

/// Takes a list of paths, whose files are fetched ahead of their reads in its order. Dropping it before
/// [`PrefetchList::finish`] ends that.
#[derive(Debug)]
pub struct PrefetchList {
    ahead: Arc<Ahead>,
    id: WindowId,
    batches: mpsc::Sender<Batch>,
    finished: bool,
}

impl PrefetchList {
    pub(super) fn begin(ahead: &Arc<Ahead>, name: &str) -> Self {
        let room = ahead.core.budget.total() / SHARE / BATCH;
        let (batches, receiver) = mpsc::channel(room.max(2) as usize);
        let order = Order::List {
            batches: receiver,
            batch: Batch::default(),
            began: ahead.epochs.lock().now(),
        };
        Self {
            ahead: Arc::clone(ahead),
            id: ahead.begin(Purpose::List(name.into()), FIRST, 0, false, order),
            batches,
            finished: false,
        }
    }

    /// Takes paths relative to the root of the mount, each ended by a NUL byte, at best some 64 KiB of them. Waits while
    /// the list is too far ahead of the reads for the budget.
    ///
    /// # Errors
    /// [`Error::Stale`] if another list of the same name has replaced this one.
    pub async fn push(&self, paths: Vec<u8>) -> Result<()> {
        let budget = &self.ahead.core.budget;
        let lease = budget.lease(Priority::Prefetch, paths.len() as u64).await?;
        if self.ahead.windows.lock().used(self.id).is_none() {
            return Err(Error::Stale);
        }
        let batch = Batch {
            paths,
            at: 0,
            _lease: Some(lease),
        };
        self.batches.send(batch).await.map_err(|_| Error::Stale)
    }

    /// The list is complete: it lives on until it was read, replaced, or unused for ten minutes.
    pub fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for PrefetchList {
    fn drop(&mut self) {
        if !self.finished {
            self.ahead.windows.lock().close(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_its_paths_in_order() {
        let mut batch = Batch {
            paths: b"a\0b/c\0\0cut".to_vec(),
            ..Batch::default()
        };
        let mut paths = Vec::new();
        while let Some(path) = batch.next() {
            paths.push(path.to_vec());
        }
        assert_eq!(paths, [&b"a"[..], b"b/c", b""]);
    }
}
