//! The reader of one version of one object.

use super::{
    blocks::{BLOCK, Blocks, Slot, numbers},
    engine::{Identity, Shared},
    fetch::{self, Fetch},
    pieces,
    streams::Pattern,
    whole::{Source, Whole, stale_if_gone},
};
use crate::{
    budget::Priority,
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{ops::Range, sync::Arc};
use tokio::sync::Notify;

/// How often a read whose fetch failed is tried again. The client has tried several times already;
/// this is for blocks that somebody else's fetch, read ahead, had promised.
const TRIES: u32 = 2;
/// Requests under way for one object at most.
const WINDOW_SHARE: u64 = 4;

/// Reads one version of one object; all handles on it share one.
pub struct Reader {
    pub(super) version: ObjectVersion,
    shared: Arc<Shared>,
    pub(super) blocks: Mutex<Blocks>,
    /// Told whenever a block arrived, or will not.
    pub(super) arrived: Notify,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, version: ObjectVersion) -> Self {
        Self {
            version,
            shared,
            blocks: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    pub(super) fn source(&self) -> &Source {
        &self.shared.source
    }

    /// The version that is read.
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    fn is_small(&self) -> bool {
        self.version.size <= self.shared.source.context.config.small_object_size
    }

    /// The part of `offset..offset + len` that the object has.
    fn span(&self, offset: u64, len: u32) -> Range<u64> {
        let size = self.version.size;
        offset.min(size)..offset.saturating_add(u64::from(len)).min(size)
    }

    /// Pushes the bytes at `offset` to `out` if they are in memory: `len` of them, or fewer at the end
    /// of the object. `None` is a miss and leaves `out` as it was.
    pub fn try_read(
        self: &Arc<Self>,
        offset: u64,
        len: u32,
        out: &mut Vec<Bytes>,
    ) -> Option<Result<()>> {
        self.hit(offset, len, out).then_some(Ok(()))
    }

    fn hit(self: &Arc<Self>, offset: u64, len: u32, out: &mut Vec<Bytes>) -> bool {
        let span = self.span(offset, len);
        if span.is_empty() {
            return true;
        }
        if self.is_small() {
            let Some(whole) = self.shared.wholes.peek(&Identity::of(&self.version)) else {
                return false;
            };
            pieces::slice(&whole.pieces, span.start, span.end, out);
            return true;
        }
        let mut blocks = self.blocks.lock();
        if !blocks.collect(&span, out) {
            return false;
        }
        if let Pattern::Sequential { ahead, behind } = blocks.streams.note(&span, self.window()) {
            blocks.drop_passed(&behind);
            self.read_ahead(&mut blocks, &ahead);
        }
        true
    }

    /// The bytes at `offset`: `len` of them, or fewer at the end of the object; no piece is empty.
    ///
    /// # Errors
    /// [`Error::Stale`] when the object changed or went away and the bytes are not in memory.
    pub async fn read(self: &Arc<Self>, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let span = self.span(offset, len);
        let mut out = Vec::new();
        if span.is_empty() {
            return Ok(out);
        }
        if self.is_small() {
            let whole = self.whole().await?;
            pieces::slice(&whole.pieces, span.start, span.end, &mut out);
            return Ok(out);
        }
        let pattern = self.blocks.lock().streams.note(&span, self.window());
        match pattern {
            Pattern::Random => self.read_exactly(&span).await,
            Pattern::Sequential { ahead, behind } => {
                self.read_stream(&span, &ahead, &behind, &mut out).await?;
                Ok(out)
            }
        }
    }

    /// CRC64 of the object, if it was downloaded whole and the service told.
    pub fn crc64(&self) -> Option<u64> {
        self.shared
            .wholes
            .peek(&Identity::of(&self.version))
            .and_then(|whole| whole.crc64)
    }

    async fn whole(&self) -> Result<Arc<Whole>> {
        let wholes = &self.shared.wholes;
        wholes
            .start(self.source(), &self.version, Priority::Demand)
            .await
    }

    /// The largest window of one stream: a share of the budget, so that several streams have room.
    fn window(&self) -> u64 {
        let share = self.source().context.budget.total() / WINDOW_SHARE;
        self.shared
            .source
            .context
            .config
            .max_readahead
            .min(share)
            .max(BLOCK)
    }

    /// What was asked, and no more; nothing is kept.
    async fn read_exactly(self: &Arc<Self>, span: &Range<u64>) -> Result<Vec<Bytes>> {
        let mut out = Vec::new();
        if self.blocks.lock().collect(span, &mut out) {
            return Ok(out);
        }
        let bytes = span.end - span.start;
        let _lease = self
            .source()
            .context
            .budget
            .lease(Priority::Demand, bytes)
            .await?;
        let request = self.source().get(&self.version).range(span.clone());
        let mut answer = self
            .source()
            .context
            .client
            .get_object(request)
            .await
            .map_err(stale_if_gone)?;
        while let Some(chunk) = answer.body.next_chunk().await.map_err(stale_if_gone)? {
            out.push(chunk);
        }
        Ok(out)
    }

    async fn read_stream(
        self: &Arc<Self>,
        span: &Range<u64>,
        ahead: &Range<u64>,
        behind: &Range<u64>,
        out: &mut Vec<Bytes>,
    ) -> Result<()> {
        let mut tries = 0;
        let mut failures = self.blocks.lock().failures;
        loop {
            // Registered before looking, so that nothing that arrives in between is missed.
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let missing = {
                let mut blocks = self.blocks.lock();
                if blocks.collect(span, out) {
                    blocks.drop_passed(behind);
                    self.read_ahead(&mut blocks, ahead);
                    return Ok(());
                }
                if blocks.failures > failures {
                    failures = blocks.failures;
                    tries += 1;
                    if tries >= TRIES || matches!(blocks.last_failure, Some(Error::Stale)) {
                        return Err(blocks.last_failure.clone().unwrap_or(Error::BadHandle));
                    }
                }
                blocks.missing(numbers(span))
            };
            for run in missing {
                let lease = fetch::demand_lease(self, &run).await?;
                self.begin(&mut self.blocks.lock(), run, lease);
            }
            {
                let mut blocks = self.blocks.lock();
                self.read_ahead(&mut blocks, ahead);
            }
            arrived.await;
        }
    }

    /// Marks the blocks of `run` that nobody fetches yet, and fetches them.
    fn begin(
        self: &Arc<Self>,
        blocks: &mut Blocks,
        run: Range<u64>,
        mut lease: crate::budget::Lease,
    ) {
        for run in blocks.missing(run) {
            for number in run.clone() {
                blocks.slots.insert(number, Slot::Loading);
            }
            let part = lease.split((run.end - run.start) * BLOCK);
            Fetch::new(Arc::clone(self), run, part).spawn();
        }
    }

    /// Fetches what of `ahead` is missing, as far as the budget has room.
    fn read_ahead(self: &Arc<Self>, blocks: &mut Blocks, ahead: &Range<u64>) {
        let end = ahead.end.min(self.version.size);
        if ahead.start >= end {
            return;
        }
        let wanted = numbers(&(ahead.start..end));
        let runs = blocks.missing(wanted.clone());
        let window = end - ahead.start;
        // A request for every block as it comes due would be many small ones: wait until a quarter
        // of the window is due, unless the object ends before.
        let due: u64 = runs.iter().map(|run| run.end - run.start).sum();
        let last = end == self.version.size;
        if due == 0 || (due * BLOCK < window / 4 && !last) {
            return;
        }
        for run in fetch::requests(runs, window) {
            let Some(lease) = fetch::ahead_lease(self, &run) else {
                return;
            };
            self.begin(blocks, run, lease);
        }
    }

    pub(super) fn reclaim(&self, bytes: u64) -> u64 {
        self.blocks.lock().reclaim(bytes)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
