//! Reads that belong to no stream: what was asked, one flight for all who ask for it at once, and what
//! `random` takes for likely.

use super::{pieces, whole::Source};
use crate::{
    budget::{Lease, Priority},
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{collections::VecDeque, ops::Range, sync::Arc};

/// A longer read goes through the blocks, whose requests are several, as does one that is more than a
/// stream's share of the budget.
pub(super) const LONGEST: u64 = 4 << 20;

/// Ranges kept for reads to come.
const KEPT: usize = 64;

/// A range in memory.
pub(super) struct Exact {
    pieces: Vec<Bytes>,
    start: u64,
    _lease: Lease,
}

impl Exact {
    /// Pushes the bytes of `span`, which is inside.
    pub(super) fn slice(&self, span: &Range<u64>, out: &mut Vec<Bytes>) {
        let (start, end) = (span.start - self.start, span.end - self.start);
        pieces::slice(&self.pieces, start, end, out);
    }
}

type Fetch = BoxFuture<'static, Result<Arc<Exact>>>;
/// A range under way.
pub(super) type Flight = Shared<Fetch>;

/// A range that somebody will probably ask for.
struct Kept {
    range: Range<u64>,
    flight: Flight,
    /// Bytes handed out. Once it is all of them the kernel has them, and the range can go.
    taken: u64,
}

/// The ranges under way, and those kept for reads to come.
#[derive(Default)]
pub(super) struct Flights {
    /// Each is driven by the reads that wait for it, and ends with the last.
    under_way: Vec<(Range<u64>, WeakShared<Fetch>)>,
    kept: VecDeque<Kept>,
    /// Bytes asked of the service.
    pub(super) fetched: u64,
}

fn holds(range: &Range<u64>, span: &Range<u64>) -> bool {
    range.start <= span.start && span.end <= range.end
}

impl Flights {
    /// Pushes the bytes of `span` to `out` if they are kept.
    pub(super) fn take(&mut self, span: &Range<u64>, out: &mut Vec<Bytes>) -> bool {
        let here = |kept: &Kept| matches!(kept.flight.peek(), Some(Ok(_)));
        let flight = self.hand_out(span, here);
        match flight.as_ref().and_then(Flight::peek) {
            Some(Ok(exact)) => exact.slice(span, out),
            _ => return false,
        }
        true
    }

    /// A kept flight that will bring `span`.
    fn hand_out(&mut self, span: &Range<u64>, is: impl Fn(&Kept) -> bool) -> Option<Flight> {
        let kept = self.kept.iter_mut().enumerate();
        let (index, kept) = kept
            .filter(|(_, kept)| holds(&kept.range, span))
            .find(|(_, kept)| is(kept))?;
        kept.taken += span.end - span.start;
        let flight = kept.flight.clone();
        if kept.taken >= kept.range.end - kept.range.start {
            self.kept.remove(index);
        }
        Some(flight)
    }

    /// The flight that will bring `span`. If there is none, `now` is fetched, which has all of it.
    pub(super) fn join(
        &mut self,
        source: &Source,
        version: &ObjectVersion,
        span: &Range<u64>,
        now: &Range<u64>,
    ) -> Flight {
        self.under_way
            .retain(|(_, flight)| flight.upgrade().is_some());
        // One that failed is not waited for again.
        let good = |flight: &Flight| flight.peek().is_none_or(Result::is_ok);
        let under_way = self.under_way.iter();
        let known = under_way
            .filter(|(range, _)| holds(range, span))
            .find_map(|(_, flight)| flight.upgrade().filter(good))
            .or_else(|| self.hand_out(span, |kept| good(&kept.flight)));
        if let Some(flight) = known {
            return flight;
        }
        self.fetched += now.end - now.start;
        let flight = fetch(source.clone(), version.clone(), now.clone(), None)
            .boxed()
            .shared();
        if now != span {
            self.keep(now.clone(), flight.clone(), span.end - span.start);
        } else if let Some(weak) = flight.downgrade() {
            self.under_way.push((span.clone(), weak));
        }
        flight
    }

    /// `span` is here or under way.
    pub(super) fn has(&self, span: &Range<u64>) -> bool {
        let kept = self.kept.iter();
        kept.filter(|kept| kept.flight.peek().is_none_or(Result::is_ok))
            .any(|kept| holds(&kept.range, span))
    }

    /// Fetches `span` for a read to come; what this gives has to be driven.
    pub(super) fn begin(
        &mut self,
        source: &Source,
        version: &ObjectVersion,
        span: &Range<u64>,
        lease: Lease,
    ) -> Flight {
        self.fetched += span.end - span.start;
        let flight = fetch(source.clone(), version.clone(), span.clone(), Some(lease))
            .boxed()
            .shared();
        self.keep(span.clone(), flight.clone(), 0);
        flight
    }

    fn keep(&mut self, range: Range<u64>, flight: Flight, taken: u64) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept {
            range,
            flight,
            taken,
        });
    }

    /// Drops what is kept; gives the bytes that are free now.
    pub(super) fn reclaim(&mut self) -> u64 {
        let here = |kept: &Kept| matches!(kept.flight.peek(), Some(Ok(_)));
        let bytes = self.kept.iter().filter(|kept| here(kept));
        let bytes = bytes.map(|kept| kept.range.end - kept.range.start).sum();
        self.kept.clear();
        bytes
    }
}

async fn fetch(
    source: Source,
    version: ObjectVersion,
    span: Range<u64>,
    lease: Option<Lease>,
) -> Result<Arc<Exact>> {
    let bytes = span.end - span.start;
    let lease = if let Some(lease) = lease {
        lease
    } else {
        let budget = &source.context.budget;
        budget.lease(Priority::Demand, bytes).await?
    };
    let mut hedged = source.fetch(&version, span.clone()).await?;
    if hedged.answer.meta.size != version.size {
        return Err(Error::Stale);
    }
    Ok(Arc::new(Exact {
        pieces: hedged.collect(&source, &version, span.clone()).await?,
        start: span.start,
        _lease: lease,
    }))
}
