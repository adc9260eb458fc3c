//! Memory for blocks, used again and again: fresh memory costs a page fault every 4 KiB, which for a
//! large read is as much time as the copies themselves.

use super::blocks::BLOCK;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// Buffers kept at most, of [`BLOCK`] bytes each. They come on top of the budget.
const MOST: usize = 16;
/// They are at most this share of the budget.
const SHARE: u64 = 16;

/// The buffers that nobody uses now. The one used last is given out first: the processor's cache may
/// still have it.
pub(super) struct Buffers {
    idle: Mutex<Vec<Vec<u8>>>,
    most: usize,
}

impl Buffers {
    /// For a budget of `total` bytes.
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            most: MOST.min((total / SHARE / BLOCK) as usize).max(1),
        })
    }

    /// An empty buffer with room for a block.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let bytes = self.idle.lock().pop();
        Buffer {
            bytes: bytes.unwrap_or_else(|| Vec::with_capacity(BLOCK as usize)),
            home: Arc::clone(self),
        }
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
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut idle = self.home.idle.lock();
        if idle.len() < self.home.most {
            idle.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_are_bounded() {
        let buffers = Buffers::new(64 << 20);
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
        assert_eq!(buffers.idle.lock().len(), 4);
    }
}
