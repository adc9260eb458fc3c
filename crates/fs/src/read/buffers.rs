//! Memory for blocks, used again and again: fresh memory costs a page fault every 4 KiB, which for a
//! large read is as much time as the copies themselves.

use super::blocks::BLOCK;
use crate::budget::{Budget, Lease, Priority, Reclaim};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// Buffers kept at most, of [`BLOCK`] bytes each.
const MOST: usize = 32;
/// They are at most this share of the budget.
const SHARE: u64 = 8;

/// The buffers that nobody uses now. The one used last is given out first: the processor's cache may
/// still have it. Each has a lease, and goes where there is none to be had.
pub(super) struct Buffers {
    idle: Mutex<Vec<(Vec<u8>, Lease)>>,
    most: usize,
    budget: Budget,
}

impl Buffers {
    /// Within this budget.
    pub(super) fn new(budget: &Budget) -> Arc<Self> {
        let share = (budget.total() / SHARE / BLOCK) as usize;
        let buffers = Arc::new(Self {
            idle: Mutex::default(),
            most: MOST.min(share).max(1),
            budget: budget.clone(),
        });
        let weak = Arc::downgrade(&buffers);
        budget.register(weak);
        buffers
    }

    /// An empty buffer with room for a block, whose lease is the caller's affair.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let idle = self.idle.lock().pop();
        Buffer {
            bytes: idle.map_or_else(|| Vec::with_capacity(BLOCK as usize), |(bytes, _)| bytes),
            home: Arc::clone(self),
        }
    }

    fn put(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        if self.idle.lock().len() >= self.most {
            return;
        }
        if let Some(lease) = self.budget.try_lease(Priority::Prefetch, BLOCK) {
            self.idle.lock().push((bytes, lease));
        }
    }

    #[cfg(test)]
    pub(super) fn leased(&self) -> u64 {
        self.idle.lock().len() as u64 * BLOCK
    }
}

impl Reclaim for Buffers {
    fn reclaim(&self, bytes: u64) -> u64 {
        let mut idle = self.idle.lock();
        let left = idle.len() - idle.len().min(bytes.div_ceil(BLOCK) as usize);
        let gone = idle.split_off(left);
        drop(idle);
        gone.len() as u64 * BLOCK
    }
}

/// A buffer that goes back when it is dropped.
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    home: Arc<Buffers>,
}

impl Buffer {
    /// Its bytes, for anybody; it goes back when the last is done with them.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.put(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_are_bounded() {
        let budget = Budget::new(64 << 20);
        let buffers = Buffers::new(&budget);
        let mut first = buffers.take();
        first.bytes.push(1);
        let address = first.bytes.as_ptr();
        let shared = first.freeze();
        let part = shared.slice(..1);
        drop(shared);
        assert!(buffers.idle.lock().is_empty(), "somebody still reads it");
        drop(part);
        let again = buffers.take();
        assert_eq!((again.bytes.as_ptr(), again.bytes.len()), (address, 0));
        drop(again);
        let many: Vec<_> = (0..9).map(|_| buffers.take()).collect();
        drop(many);
        assert_eq!((buffers.leased(), budget.used()), (8 * BLOCK, 8 * BLOCK));
        assert_eq!(buffers.reclaim(BLOCK + 1), 2 * BLOCK);
        assert_eq!((buffers.leased(), budget.used()), (6 * BLOCK, 6 * BLOCK));
        let _all = budget.lease_now(Priority::Demand, 64 << 20).unwrap();
        drop(buffers.take());
        assert_eq!(buffers.leased(), 0, "no room for what nobody uses");
    }
}
