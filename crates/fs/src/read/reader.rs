//! The reader of one version of one object.

use super::{
    blocks::{self, BLOCK, Blocks, Slot, numbers},
    engine::{Identity, Shared},
    exact,
    fetch::{self, Fetch},
    pieces,
    streams::{Noted, Pattern},
    whole::Whole,
};
use crate::{
    budget::{Lease, Priority},
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use std::{
    ops::Range,
    sync::{Arc, Weak},
};

/// How often a block that somebody else had promised may fail to come. The client has tried each
/// request several times already.
const TRIES: u32 = 2;

/// Reads one version of one object; all handles on it share one.
pub struct Reader {
    pub(super) version: ObjectVersion,
    pub(super) shared: Arc<Shared>,
    /// A small object, as long as the cache has it.
    whole: Mutex<Weak<Whole>>,
    pub(super) blocks: Mutex<Blocks>,
}

/// What a read has to do.
enum Course {
    /// Fetch the span and keep nothing.
    Exact(exact::Flight),
    /// Take block after block. Those of the runs are fetched because of this read; so many fetches had
    /// failed before. The blocks that are wanted stay until the read has all.
    Blocks(Vec<Range<u64>>, u64, Vec<Wanted>),
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, version: ObjectVersion) -> Self {
        Self {
            version,
            shared,
            whole: Mutex::default(),
            blocks: Mutex::default(),
        }
    }

    /// The version that is read.
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    fn is_small(&self) -> bool {
        self.version.size <= self.shared.small
    }

    /// The part of `offset..offset + len` that the object has.
    fn span(&self, offset: u64, len: u32) -> Range<u64> {
        let size = self.version.size;
        offset.min(size)..offset.saturating_add(u64::from(len)).min(size)
    }

    fn noted(&self, span: &Range<u64>, waits: bool) -> Noted {
        Noted {
            span: span.clone(),
            at: self.shared.began.elapsed(),
            waits,
            limit: self.shared.window.max(BLOCK),
            size: self.version.size,
        }
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
            let Some(whole) = self.whole_here() else {
                return false;
            };
            pieces::slice(&whole.pieces, span.start, span.end, out);
            return true;
        }
        let mut blocks = self.blocks.lock();
        if blocks.has(&span) {
            for number in numbers(&span) {
                blocks.take(number, &span, out);
            }
        } else if !blocks.exact.take(&span, out) {
            return false;
        }
        let pattern = blocks
            .streams
            .note(&self.noted(&span, false), &self.shared.pace);
        if pattern == Pattern::Random {
            self.fill_if_due(&mut blocks, &span);
            self.guess(&mut blocks, &span);
        }
        self.follow(&mut blocks, pattern);
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
            let whole = self.shared.whole(&self.version).await?;
            whole.touch();
            *self.whole.lock() = Arc::downgrade(&whole);
            pieces::slice(&whole.pieces, span.start, span.end, &mut out);
            return Ok(out);
        }
        match self.course(&span)? {
            Course::Exact(flight) => flight.await?.slice(&span, &mut out),
            Course::Blocks(mine, failures, _wanted) => {
                for number in numbers(&span) {
                    let own = mine.iter().any(|run| run.contains(&number));
                    self.take(number, own, failures, &span, &mut out).await?;
                }
            }
        }
        Ok(out)
    }

    /// CRC64 of the object, if it was downloaded whole and the service told.
    pub fn crc64(&self) -> Option<u64> {
        self.whole_here().and_then(|whole| whole.crc64)
    }

    /// A small object, if it is in memory.
    fn whole_here(&self) -> Option<Arc<Whole>> {
        let mut known = self.whole.lock();
        let whole = known.upgrade().or_else(|| {
            let whole = self.shared.wholes.peek(&Identity::of(&self.version))?;
            *known = Arc::downgrade(&whole);
            Some(whole)
        })?;
        whole.touch();
        Some(whole)
    }

    /// Does what the stream of a read asks for.
    fn follow(self: &Arc<Self>, blocks: &mut Blocks, pattern: Pattern) {
        let Pattern::Sequential {
            stream,
            window,
            ahead,
            behind,
        } = pattern
        else {
            return;
        };
        blocks.drop_behind(&behind);
        // All of it is on its way.
        if blocks.fill.runs() {
            return;
        }
        if ahead.is_empty() {
            return;
        }
        let each = self.shared.pace.request(window);
        for run in fetch::requests(blocks.missing(numbers(&ahead)), each) {
            let bytes = blocks::bytes(&run, self.version.size);
            let Some(lease) = self.shared.lease_now(Priority::Prefetch, bytes) else {
                blocks.streams.fell_short(stream, run.start * BLOCK);
                return;
            };
            self.begin(blocks, run, lease);
        }
    }

    /// Decides how a read that has to wait gets its bytes, and begins what can begin at once.
    fn course(self: &Arc<Self>, span: &Range<u64>) -> Result<Course> {
        let mut blocks = self.blocks.lock();
        if let Some(error) = &blocks.corrupt {
            return Err(error.clone());
        }
        let failures = blocks.failures;
        let pattern = blocks
            .streams
            .note(&self.noted(span, true), &self.shared.pace);
        let length = span.end - span.start;
        let longest = exact::LONGEST.min(self.shared.window);
        if pattern == Pattern::Random {
            self.fill_if_due(&mut blocks, span);
        }
        let lacks = |number| !blocks.fill.is_done(number);
        let whole = blocks.fill.wants_blocks(span) && numbers(span).any(lacks);
        let fills = whole && blocks.fill.runs();
        if pattern == Pattern::Random && !whole && length <= longest && !blocks.covers(span) {
            let now = self.guess(&mut blocks, span);
            let source = &self.shared.source;
            let flight = blocks.exact.join(source, &self.version, span, &now);
            return Ok(Course::Exact(flight));
        }
        let mut wanted = Vec::new();
        if fills {
            // A block that came is gone as soon as the kernel has it.
            for number in numbers(span) {
                blocks.want(number);
                wanted.push(Wanted::of(self, number));
            }
        }
        // What this read waits for is asked for before what its stream will want.
        let mut mine = Vec::new();
        let each = if fills { self.shared.window } else { length };
        let each = self.shared.pace.request(each);
        for run in fetch::requests(blocks.missing(numbers(span)), each) {
            let bytes = blocks::bytes(&run, self.version.size);
            let Some(lease) = self.shared.lease_now(Priority::Demand, bytes) else {
                // Waited for later, block by block; nothing is read ahead meanwhile.
                if let Pattern::Sequential { stream, ahead, .. } = pattern {
                    blocks.streams.fell_short(stream, ahead.start);
                }
                return Ok(Course::Blocks(mine, failures, wanted));
            };
            let (mut run, mut lease) = (run, lease);
            if fills {
                let (longer, more) = self.extend(&blocks, run);
                if let Some(more) = more {
                    lease.merge(more);
                }
                run = longer;
            }
            self.begin(&mut blocks, run.clone(), lease);
            mine.push(run);
        }
        self.follow(&mut blocks, pattern);
        Ok(Course::Blocks(mine, failures, wanted))
    }

    /// Fetches what a read that belongs to no stream makes likely; gives what to fetch for itself.
    fn guess(&self, blocks: &mut Blocks, span: &Range<u64>) -> Range<u64> {
        if blocks.fill.runs() {
            return span.clone();
        }
        let fetched = blocks.exact.fetched;
        let guess = blocks.random.note(span, self.version.size, fetched);
        let source = &self.shared.source;
        for span in guess.ahead {
            if blocks.covers(&span) || blocks.exact.has(&span) {
                continue;
            }
            let bytes = span.end - span.start;
            let Some(lease) = self.shared.lease_now(Priority::Prefetch, bytes) else {
                break;
            };
            let flight = blocks.exact.begin(source, &self.version, &span, lease);
            // Who reads it hears whether it failed.
            blocks.spawn(flight.map(drop), &source.runtime);
        }
        guess.now
    }

    /// Marks the blocks of `run` as coming, and fetches them.
    pub(super) fn begin(self: &Arc<Self>, blocks: &mut Blocks, run: Range<u64>, lease: Lease) {
        blocks.load(run.clone());
        let fetch = Fetch::new(&self.shared, self, run, lease);
        blocks.spawn(fetch.run(), &self.shared.source.runtime);
    }

    /// Waits for a block and pushes what it has of `span`. `own`: this read began its fetch, when
    /// `failures` had failed.
    async fn take(
        self: &Arc<Self>,
        number: u64,
        mut own: bool,
        mut failures: u64,
        span: &Range<u64>,
        out: &mut Vec<Bytes>,
    ) -> Result<()> {
        let mut wanted = None;
        let mut promised = own;
        let mut tries = 0;
        loop {
            let mut arrival = None;
            {
                let mut blocks = self.blocks.lock();
                if let Some(error) = &blocks.corrupt {
                    return Err(error.clone());
                }
                match blocks.slot(number) {
                    Some(Slot::Ready(_)) => {
                        blocks.take(number, span, out);
                        return Ok(());
                    }
                    Some(Slot::Loading(waiting)) => {
                        // It hears of all that happens once this lock is free.
                        arrival = Some(Arc::clone(waiting).notified_owned());
                        promised = true;
                        failures = blocks.failures;
                    }
                    // It came, and was given up for others before this read looked.
                    None if blocks.failures == failures => promised = false,
                    None if promised => {
                        // Who only heard of somebody's readahead that failed asks for itself.
                        tries += 1;
                        failures = blocks.failures;
                        let error = blocks.last_failure.clone().unwrap_or(Error::BadHandle);
                        if own || tries >= TRIES || matches!(error, Error::Stale) {
                            return Err(error);
                        }
                        promised = false;
                    }
                    None => {}
                }
                // From here on the block stays until this read has taken it.
                wanted.get_or_insert_with(|| {
                    blocks.want(number);
                    Wanted::of(self, number)
                });
            }
            if let Some(arrival) = arrival {
                arrival.await;
                continue;
            }
            let run = number..number + 1;
            let bytes = blocks::bytes(&run, self.version.size);
            let budget = &self.shared.source.context.budget;
            let lease = budget.lease(Priority::Demand, bytes).await?;
            let mut blocks = self.blocks.lock();
            if blocks.slot(number).is_none() {
                self.begin(&mut blocks, run, lease);
                own = true;
            }
            failures = blocks.failures;
            promised = true;
        }
    }

    pub(super) fn reclaim(&self, bytes: u64) -> u64 {
        self.blocks.lock().reclaim(bytes)
    }
}

/// A read waits for this block.
pub(super) struct Wanted {
    pub(super) reader: Arc<Reader>,
    number: u64,
}

impl Wanted {
    /// Of a block that the caller has marked as wanted.
    pub(super) fn of(reader: &Arc<Reader>, number: u64) -> Self {
        Self {
            reader: Arc::clone(reader),
            number,
        }
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.reader.blocks.lock().unwant(self.number);
        self.reader.shared.relieve();
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
