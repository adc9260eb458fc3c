//! The end of a file, in memory.

use crate::budget::{Budget, Lease, Priority};
use bytes::Bytes;

/// Leases grow by at least this, in bytes.
const STEP: u64 = 64 << 10;

/// Bytes `start..end()` of a file.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) start: u64,
    data: Vec<u8>,
    lease: Option<Lease>,
}

impl Buffer {
    /// An empty buffer at `start`.
    pub(super) fn at(start: u64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// The offset after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }

    pub(super) fn len(&self) -> u64 {
        self.data.len() as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Leases room for the buffer to end at `end`. False when the budget has none now.
    pub(super) fn reserve(&mut self, end: u64, budget: &Budget) -> bool {
        let needed = end.saturating_sub(self.start);
        let held = self.lease.as_ref().map_or(0, Lease::bytes);
        if needed <= held {
            return true;
        }
        // Twice as much each time, so that a stream of small writes asks seldom.
        let generous = (needed - held).max(held).max(STEP);
        let more = budget
            .try_lease(Priority::Write, generous)
            .or_else(|| budget.try_lease(Priority::Write, needed - held));
        let Some(more) = more else { return false };
        match &mut self.lease {
            Some(lease) => lease.merge(more),
            None => self.lease = Some(more),
        }
        true
    }

    /// Writes at `offset`, which is not before the start; a gap becomes zeros. Room must be reserved.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let from = (offset - self.start) as usize;
        let to = from + data.len();
        if from == self.data.len() {
            self.data.extend_from_slice(data);
            return;
        }
        if self.data.len() < to {
            self.data.resize(to, 0);
        }
        self.data[from..to].copy_from_slice(data);
    }

    /// Cuts or grows (with zeros) to end at `end`, which is not before the start.
    pub(super) fn set_end(&mut self, end: u64) {
        self.data.resize((end - self.start) as usize, 0);
    }

    /// Takes the bytes out to send them; [`Buffer::give_back`] puts them back.
    pub(super) fn lend(&mut self) -> Bytes {
        std::mem::take(&mut self.data).into()
    }

    /// Puts lent bytes back; without a copy if nobody else holds them.
    pub(super) fn give_back(&mut self, data: Bytes) {
        self.data = data.into();
    }

    /// Takes everything out, leaving an empty buffer after it.
    pub(super) fn take(&mut self) -> (Bytes, Option<Lease>) {
        self.start = self.end();
        (std::mem::take(&mut self.data).into(), self.lease.take())
    }
}
