//! Turning missing blocks into range requests.

use super::{
    blocks::{BLOCK, Block, Slot},
    reader::Reader,
    whole::stale_if_gone,
};
use crate::{
    budget::{Lease, Priority},
    error::{Error, Result},
};
use bytes::{Bytes, BytesMut};
use std::{ops::Range, sync::Arc};

/// Bytes of one range request, at most.
const REQUEST: u64 = 8 << 20;

/// A run of blocks that one request will fill. Dropped before it is done, it says that the blocks
/// are not coming.
pub(super) struct Fetch {
    reader: Arc<Reader>,
    /// Blocks still to fill.
    left: Range<u64>,
    lease: Lease,
    error: Option<Error>,
}

impl Fetch {
    /// Takes over blocks that the caller has marked as loading.
    pub(super) fn new(reader: Arc<Reader>, blocks: Range<u64>, lease: Lease) -> Self {
        Self {
            reader,
            left: blocks,
            lease,
            error: None,
        }
    }

    /// Fetches in a task of its own.
    pub(super) fn spawn(self) {
        let runtime = self.reader.source().runtime.clone();
        runtime.spawn(async move {
            let mut fetch = self;
            let outcome = fetch.run().await;
            fetch.error = outcome.err();
            drop(fetch);
        });
    }

    async fn run(&mut self) -> Result<()> {
        let reader = Arc::clone(&self.reader);
        let size = reader.version.size;
        let span = self.left.start * BLOCK..(self.left.end * BLOCK).min(size);
        let request = reader.source().get(&reader.version).range(span);
        let mut answer = reader
            .source()
            .context
            .client
            .get_object(request)
            .await
            .map_err(stale_if_gone)?;
        if answer.meta.size != size {
            return Err(Error::Stale);
        }
        let mut filling = Filling::default();
        while let Some(chunk) = answer.body.next_chunk().await.map_err(stale_if_gone)? {
            let mut chunk = chunk;
            while !chunk.is_empty() {
                let number = self.left.start;
                let length = BLOCK.min(size - number * BLOCK);
                let take = (length - filling.length).min(chunk.len() as u64);
                filling.push(chunk.split_to(take as usize));
                if filling.length == length {
                    self.done(number, std::mem::take(&mut filling).pieces, length);
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, number: u64, pieces: Vec<Bytes>, length: u64) {
        let lease = self.lease.split(length);
        let mut blocks = self.reader.blocks.lock();
        blocks.slots.insert(
            number,
            Slot::Ready(Block {
                pieces,
                unread: length,
                _lease: lease,
            }),
        );
        drop(blocks);
        self.left.start = number + 1;
        self.reader.arrived.notify_waiters();
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let mut blocks = self.reader.blocks.lock();
        for number in self.left.clone() {
            if matches!(blocks.slots.get(&number), Some(Slot::Loading)) {
                blocks.slots.remove(&number);
            }
        }
        blocks.failures += 1;
        blocks.last_failure = Some(self.error.take().unwrap_or(Error::BadHandle));
        drop(blocks);
        self.reader.arrived.notify_waiters();
    }
}

/// A block that is being filled.
#[derive(Default)]
struct Filling {
    pieces: Vec<Bytes>,
    length: u64,
}

impl Filling {
    fn push(&mut self, piece: Bytes) {
        self.length += piece.len() as u64;
        // Many small pieces would cost more to send to the kernel than to join.
        if piece.len() < 16 << 10
            && let Some(last) = self.pieces.pop()
        {
            if last.len() < 64 << 10 {
                let mut joined = BytesMut::from(last);
                joined.extend_from_slice(&piece);
                self.pieces.push(joined.freeze());
                return;
            }
            self.pieces.push(last);
        }
        self.pieces.push(piece);
    }
}

/// Cuts runs of blocks into requests: a few large ones, but enough to use several connections.
pub(super) fn requests(runs: Vec<Range<u64>>, window: u64) -> Vec<Range<u64>> {
    let each = (window / 4).clamp(BLOCK, REQUEST) / BLOCK;
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

/// A lease for `blocks`, waiting for it only if a program waits for them.
pub(super) async fn demand_lease(reader: &Reader, blocks: &Range<u64>) -> Result<Lease> {
    let bytes = (blocks.end - blocks.start) * BLOCK;
    reader
        .source()
        .context
        .budget
        .lease(Priority::Demand, bytes)
        .await
}

/// A lease for reading ahead, if there is room.
pub(super) fn ahead_lease(reader: &Reader, blocks: &Range<u64>) -> Option<Lease> {
    let bytes = (blocks.end - blocks.start) * BLOCK;
    reader
        .source()
        .context
        .budget
        .try_lease(Priority::Prefetch, bytes)
}
