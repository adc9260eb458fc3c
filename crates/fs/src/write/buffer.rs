//! The end of a file, in memory that outlives the process.

use super::kept::BufferRecord;
use crate::{
    Context,
    budget::{Lease, Priority},
    cache::Span,
    error::{Error, Result},
};
use bytes::Bytes;
use std::sync::Arc;

/// Leases grow by at least this, in bytes.
const STEP: u64 = 64 << 10;

/// Bytes `start..end()` of a file.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) start: u64,
    len: usize,
    /// Where they are; shared with whoever sends them just now.
    span: Option<Arc<Span>>,
    lease: Option<Lease>,
}

/// Bytes that are being sent. Nobody changes them meanwhile, and they stay where a successor finds them.
struct Lent {
    span: Arc<Span>,
    len: usize,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.span.bytes(self.len)
    }
}

/// Everything that a buffer held, taken out.
pub(super) struct Taken {
    pub(super) data: Bytes,
    pub(super) lease: Option<Lease>,
    pub(super) record: BufferRecord,
}

impl Buffer {
    /// An empty buffer at `start`.
    pub(super) fn at(start: u64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// The buffer of a former process.
    pub(super) fn resumed(record: &BufferRecord, span: Option<Span>, context: &Context) -> Self {
        let budget = &context.budget;
        let len = record.len;
        let lease = budget
            .try_lease(Priority::Write, len)
            .or_else(|| budget.try_lease(Priority::Demand, len));
        Self {
            start: record.start,
            len: len as usize,
            span: span.map(Arc::new),
            lease: lease.filter(|lease| lease.bytes() > 0),
        }
    }

    /// Where it is, for a successor.
    pub(super) fn record(&self) -> BufferRecord {
        BufferRecord {
            start: self.start,
            len: self.len(),
            place: self.span.as_ref().map(|span| {
                let place = span.place();
                (place.start, place.end)
            }),
        }
    }

    /// The offset after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.len()
    }

    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.span.as_ref().map_or(&[], |span| span.bytes(self.len))
    }

    /// Leases room for the buffer to end at `end`, and for up to `likely` bytes in all if that is as
    /// easily had; it will never hold more than `most`. False when there is no room now.
    pub(super) fn reserve(&mut self, end: u64, likely: u64, most: u64, context: &Context) -> bool {
        let needed = end.saturating_sub(self.start);
        let held = self.held();
        if needed > held {
            let generous = likely.max(needed) - held;
            let budget = &context.budget;
            let more = budget
                .try_lease(Priority::Write, generous)
                .or_else(|| budget.lease_now(Priority::Write, needed - held));
            let Some(more) = more else { return false };
            self.grow(more);
        }
        self.place(needed, most, context).is_ok()
    }

    /// The same, waiting for room.
    pub(super) async fn wait_for_room(
        &mut self,
        end: u64,
        most: u64,
        context: &Context,
    ) -> Result<()> {
        let needed = end.saturating_sub(self.start);
        let more = needed.saturating_sub(self.held());
        self.grow(context.budget.lease(Priority::Write, more).await?);
        self.place(needed, most, context)
    }

    /// How much to lease for a buffer of which nobody knows how long it gets: twice as much each time,
    /// so that a stream of small writes asks seldom; all of a part once a `stream` has sent one.
    pub(super) fn likely(&self, end: u64, full: u64, stream: bool) -> u64 {
        if stream {
            return full;
        }
        let needed = end.saturating_sub(self.start);
        needed.max(2 * self.held()).max(STEP).min(full)
    }

    /// Bytes leased.
    pub(super) fn held(&self) -> u64 {
        self.lease.as_ref().map_or(0, Lease::bytes)
    }

    /// Bytes that may be added to the end without another lease.
    pub(super) fn spare(&self) -> u64 {
        self.held().saturating_sub(self.len())
    }

    fn grow(&mut self, more: Lease) {
        match &mut self.lease {
            Some(lease) => lease.merge(more),
            None => self.lease = Some(more),
        }
    }

    /// Has addresses for `needed` bytes, at once for `most`: they cost nothing until they are written to.
    fn place(&mut self, needed: u64, most: u64, context: &Context) -> Result<()> {
        if needed == 0
            || self
                .span
                .as_ref()
                .is_some_and(|span| span.len() as u64 >= needed)
        {
            return Ok(());
        }
        let most = most.min(context.budget.total()).max(needed);
        let mut span = context.arena()?.take(most).ok_or(Error::NoSpace)?;
        span.bytes_mut(self.len).copy_from_slice(self.bytes());
        self.span = Some(Arc::new(span));
        Ok(())
    }

    /// Gives back what is leased beyond the bytes that there are.
    pub(super) fn trim(&mut self) {
        let len = self.len();
        if let Some(lease) = &mut self.lease {
            lease.shrink(len);
        }
    }

    /// Writes at `offset`, which is not before the start; a gap becomes zeros. Room must be reserved.
    pub(super) fn write(&mut self, offset: u64, data: &[u8], context: &Context) -> Result<()> {
        if data.is_empty() {
            // There may be no memory at all yet.
            return Ok(());
        }
        let from = (offset - self.start) as usize;
        let to = from + data.len();
        let (len, bytes) = self.bytes_mut(to, context)?;
        if len < from {
            bytes[len..from].fill(0);
        }
        bytes[from..to].copy_from_slice(data);
        self.len = len.max(to);
        Ok(())
    }

    /// Cuts or grows (with zeros) to end at `end`, which is not before the start.
    pub(super) fn set_end(&mut self, end: u64, context: &Context) -> Result<()> {
        let to = (end - self.start) as usize;
        if to > self.len {
            let (len, bytes) = self.bytes_mut(to, context)?;
            bytes[len..to].fill(0);
        }
        self.len = to;
        Ok(())
    }

    /// The length, and the memory up to `to`, for nobody else to see.
    fn bytes_mut(&mut self, to: usize, context: &Context) -> Result<(usize, &mut [u8])> {
        self.place(to as u64, 0, context)?;
        let span = self.span.as_mut().ok_or(Error::BadHandle)?;
        if Arc::get_mut(span).is_none() {
            // Somebody still sends these bytes as they are.
            let mut copy = context
                .arena()?
                .take(span.len() as u64)
                .ok_or(Error::NoSpace)?;
            copy.bytes_mut(self.len)
                .copy_from_slice(span.bytes(self.len));
            *span = Arc::new(copy);
        }
        let span = Arc::get_mut(span).ok_or(Error::BadHandle)?;
        Ok((self.len, span.bytes_mut(to.max(self.len))))
    }

    /// The bytes, to be sent; they stay here too.
    pub(super) fn lend(&self) -> Bytes {
        match &self.span {
            Some(span) if self.len > 0 => Bytes::from_owner(Lent {
                span: Arc::clone(span),
                len: self.len,
            }),
            _ => Bytes::new(),
        }
    }

    /// Takes everything out, leaving an empty buffer after it.
    pub(super) fn take(&mut self) -> Taken {
        let taken = Taken {
            data: self.lend(),
            record: self.record(),
            lease: self.lease.take(),
        };
        *self = Self::at(self.end());
        taken
    }
}
