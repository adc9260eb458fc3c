//! The end of a file, in memory.

use crate::{
    budget::{Budget, Lease, Priority},
    error::Result,
};
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

    /// Leases room for the buffer to end at `end`, and for up to `likely` bytes in all if that is as
    /// easily had. False when the budget has no room now.
    pub(super) fn reserve(&mut self, end: u64, likely: u64, budget: &Budget) -> bool {
        let needed = end.saturating_sub(self.start);
        let held = self.held();
        if needed <= held {
            return true;
        }
        let generous = likely.max(needed) - held;
        let more = budget
            .try_lease(Priority::Write, generous)
            .or_else(|| budget.lease_now(Priority::Write, needed - held));
        let Some(more) = more else { return false };
        self.grow(more);
        true
    }

    /// The same, waiting for room.
    pub(super) async fn wait_for_room(&mut self, end: u64, budget: &Budget) -> Result<()> {
        let needed = end.saturating_sub(self.start);
        let more = needed.saturating_sub(self.held());
        self.grow(budget.lease(Priority::Write, more).await?);
        Ok(())
    }

    /// How much to lease for a buffer of which nobody knows how long it gets: twice as much each time,
    /// so that a stream of small writes asks seldom.
    pub(super) fn likely(&self, end: u64) -> u64 {
        let needed = end.saturating_sub(self.start);
        needed.max(2 * self.held()).max(STEP)
    }

    /// Bytes leased.
    pub(super) fn held(&self) -> u64 {
        self.lease.as_ref().map_or(0, Lease::bytes)
    }

    /// Bytes that may be added to the end without another lease.
    pub(super) fn spare(&self) -> u64 {
        self.held().saturating_sub(self.len())
    }

    /// Takes no more memory than is leased: the vector never doubles by itself.
    fn grow(&mut self, more: Lease) {
        match &mut self.lease {
            Some(lease) => lease.merge(more),
            None => self.lease = Some(more),
        }
        let room = self.held() as usize;
        self.data
            .reserve_exact(room.saturating_sub(self.data.len()));
    }

    /// Gives back what is leased beyond the bytes that there are.
    pub(super) fn trim(&mut self) {
        self.data.shrink_to_fit();
        if let Some(lease) = &mut self.lease {
            lease.shrink(self.data.len() as u64);
        }
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
