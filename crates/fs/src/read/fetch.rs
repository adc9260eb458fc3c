//! Turning missing blocks into range requests.

use super::{
    blocks::{BLOCK, bytes},
    buffers::Buffer,
    engine::Shared,
    reader::Reader,
    sums,
};
use crate::{
    budget::Lease,
    error::{Error, Result},
    types::ObjectVersion,
};
use ossplit::crc64;
use std::{
    ops::Range,
    sync::{Arc, Weak},
    time::Instant,
};

/// A run of blocks that one request will fill. Dropped before it is done, it says that the blocks
/// are not coming. It ends with its reader.
pub(super) struct Fetch {
    shared: Arc<Shared>,
    reader: Weak<Reader>,
    version: ObjectVersion,
    /// Blocks still to fill.
    left: Range<u64>,
    lease: Lease,
    error: Option<Error>,
}

impl Fetch {
    /// Takes over blocks that the caller has marked as loading.
    pub(super) fn new(
        shared: &Arc<Shared>,
        reader: &Arc<Reader>,
        run: Range<u64>,
        lease: Lease,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            reader: Arc::downgrade(reader),
            version: reader.version.clone(),
            left: run,
            lease,
            error: None,
        }
    }

    pub(super) async fn run(mut self) {
        if let Err(error) = self.fill().await {
            self.error = Some(error);
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let source = &shared.source;
        let size = self.version.size;
        let start = self.left.start * BLOCK;
        let span = start..start + bytes(&self.left, size);
        let (length, end) = (span.end - span.start, span.end);
        let asked = Instant::now();
        let mut hedged = source.fetch(&self.version, span).await?;
        let answered = Instant::now();
        shared.pace.head(answered - asked);
        let meta = &hedged.answer.meta;
        if meta.size != size {
            return Err(Error::Stale);
        }
        let crc64 = self.version.crc64.or(meta.crc64);
        while !self.left.is_empty() {
            let number = self.left.start;
            let length = BLOCK.min(size - number * BLOCK) as usize;
            let mut block = shared.buffers.take();
            let mut sum = crc64::Crc64::new();
            while block.bytes.len() < length {
                let before = block.bytes.len();
                let rest = (number * BLOCK + before as u64, end);
                let (bytes, most) = (&mut block.bytes, length - before);
                let version = &self.version;
                let got = hedged.read(source, version, rest, bytes, most);
                if got.await? == 0 {
                    // The client has seen to it that all of the range came.
                    return Err(Error::BadHandle);
                }
                sum.update(&block.bytes[before..]);
            }
            self.done(number, block, sum.value(), crc64)?;
        }
        shared.pace.body(length, answered.elapsed());
        Ok(())
    }

    /// A block came; `expected` is the sum that all of the object must have.
    fn done(&mut self, number: u64, block: Buffer, sum: u64, expected: Option<u64>) -> Result<()> {
        // Nobody reads any more.
        let reader = self.reader.upgrade().ok_or(Error::BadHandle)?;
        let lease = self.lease.split(block.bytes.len() as u64);
        let waiting = {
            let mut blocks = reader.blocks.lock();
            blocks.sums.expect(expected);
            if let Err((sum, expected)) = blocks.sums.add(number, sum, self.version.size) {
                let wrong = sums::wrong(sum, expected);
                tracing::error!(key = %self.version.key, "{wrong}");
                let error = Error::Corrupt(Arc::new(wrong));
                blocks.corrupt = Some(error.clone());
                blocks.clear();
                return Err(error);
            }
            blocks.fill(number, block.freeze(), lease)
        };
        self.left.start = number + 1;
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
        // Only now can this block be had back by who waits for room.
        self.shared.relieve();
        Ok(())
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let Some(reader) = self.reader.upgrade() else {
            return;
        };
        let why = self.error.take().unwrap_or(Error::BadHandle);
        reader.blocks.lock().give_up(self.left.clone(), why);
    }
}

/// Cuts runs of blocks into requests of at most `most` bytes, a multiple of [`BLOCK`].
pub(super) fn requests(runs: Vec<Range<u64>>, most: u64) -> Vec<Range<u64>> {
    let each = (most / BLOCK).max(1);
    let mut out = Vec::new();
    for run in runs {
        let mut at = run.start;
        while at < run.end {
            let end = (at + each).min(run.end);
            out.push(at..end);
            at = end;
        }
    }
    out
}
