//! Reads that belong to no stream: what was asked, one flight for all who ask for it at once.

use super::{
    pieces,
    whole::{Source, stale_if_gone},
};
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
use std::{ops::Range, sync::Arc};

/// A longer read goes through the blocks, whose requests are several, as does one that is more than a
/// stream's share of the budget.
pub(super) const LONGEST: u64 = 4 << 20;

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

/// The ranges under way. Each is driven by the reads that wait for it, and ends with the last.
#[derive(Default)]
pub(super) struct Flights(Vec<(Range<u64>, WeakShared<Fetch>)>);

impl Flights {
    /// The flight that will bring `span`, begun now if there is none.
    pub(super) fn join(
        &mut self,
        source: &Source,
        version: &ObjectVersion,
        span: &Range<u64>,
    ) -> Flight {
        self.0.retain(|(_, flight)| flight.upgrade().is_some());
        let known = self.0.iter().find_map(|(range, flight)| {
            let inside = range.start <= span.start && span.end <= range.end;
            let flight = inside.then(|| flight.upgrade())??;
            // One that failed is not waited for again.
            flight.peek().is_none_or(Result::is_ok).then_some(flight)
        });
        known.unwrap_or_else(|| {
            let flight = fetch(source.clone(), version.clone(), span.clone())
                .boxed()
                .shared();
            if let Some(weak) = flight.downgrade() {
                self.0.push((span.clone(), weak));
            }
            flight
        })
    }
}

async fn fetch(source: Source, version: ObjectVersion, span: Range<u64>) -> Result<Arc<Exact>> {
    let context = &source.context;
    let bytes = span.end - span.start;
    let lease = context.budget.lease(Priority::Demand, bytes).await?;
    let request = source.get(&version).range(span.clone());
    let answer = context.client.get_object(request).await;
    let mut answer = answer.map_err(stale_if_gone)?;
    if answer.meta.size != version.size {
        return Err(Error::Stale);
    }
    let mut pieces = Vec::new();
    while let Some(piece) = answer.body.next_chunk().await.map_err(stale_if_gone)? {
        pieces.push(piece);
    }
    Ok(Arc::new(Exact {
        pieces,
        start: span.start,
        _lease: lease,
    }))
}
