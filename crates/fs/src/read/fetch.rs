//! Turning missing blocks into range requests.

use super::{
    blocks::{BLOCK, bytes},
    engine::Shared,
    reader::Reader,
    whole::stale_if_gone,
};
use crate::{
    budget::Lease,
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::{Bytes, BytesMut};
use ossplit::crc64;
use std::{
    ops::Range,
    sync::{Arc, Weak},
};

/// Bytes of one range request, at most.
const REQUEST: u64 = 8 << 20;

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
        let source = &self.shared.source;
        let size = self.version.size;
        let start = self.left.start * BLOCK;
        let span = start..start + bytes(&self.left, size);
        let request = source.get(&self.version).range(span);
        let answer = source.context.client.get_object(request).await;
        let mut answer = answer.map_err(stale_if_gone)?;
        if answer.meta.size != size {
            return Err(Error::Stale);
        }
        let crc64 = self.version.crc64.or(answer.meta.crc64);
        let mut filling = Filling::default();
        while let Some(chunk) = answer.body.next_chunk().await.map_err(stale_if_gone)? {
            let mut chunk = chunk;
            while !chunk.is_empty() {
                let number = self.left.start;
                let length = BLOCK.min(size - number * BLOCK);
                let take = (length - filling.length).min(chunk.len() as u64);
                filling.push(chunk.split_to(take as usize));
                if filling.length == length {
                    self.done(number, std::mem::take(&mut filling), crc64)?;
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, number: u64, filled: Filling, expected: Option<u64>) -> Result<()> {
        // Nobody reads any more.
        let reader = self.reader.upgrade().ok_or(Error::BadHandle)?;
        let lease = self.lease.split(filled.length);
        let length = filled.length;
        let (pieces, sum) = filled.finish();
        {
            let mut blocks = reader.blocks.lock();
            blocks.sums.expect(expected);
            if let Err((sum, expected)) = blocks.sums.add(number, sum, self.version.size) {
                let message = format!("CRC64 of the object is {expected}, of its bytes {sum}");
                tracing::error!(key = %self.version.key, "{message}");
                let error = Error::Corrupt(Arc::new(std::io::Error::other(message)));
                blocks.corrupt = Some(error.clone());
                blocks.clear();
                return Err(error);
            }
            blocks.fill(number, pieces, length, lease);
        }
        self.left.start = number + 1;
        reader.arrived.notify_waiters();
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
        reader.arrived.notify_waiters();
    }
}

/// Many small pieces would cost more to send to the kernel than to join.
const SMALL_PIECE: usize = 16 << 10;
/// Joined pieces are this long.
const JOINED: usize = 64 << 10;

/// A block that is being filled.
#[derive(Default)]
struct Filling {
    pieces: Vec<Bytes>,
    joined: BytesMut,
    length: u64,
    sum: crc64::Crc64,
}

impl Filling {
    fn push(&mut self, piece: Bytes) {
        self.length += piece.len() as u64;
        self.sum.update(&piece);
        if piece.len() < SMALL_PIECE {
            if self.joined.capacity() == 0 {
                self.joined.reserve(JOINED);
            }
            self.joined.extend_from_slice(&piece);
            if self.joined.len() > JOINED - SMALL_PIECE {
                self.end_joined();
            }
        } else {
            self.end_joined();
            self.pieces.push(piece);
        }
    }

    fn end_joined(&mut self) {
        if !self.joined.is_empty() {
            let joined = std::mem::take(&mut self.joined);
            self.pieces.push(joined.freeze());
        }
    }

    fn finish(mut self) -> (Vec<Bytes>, u64) {
        self.end_joined();
        (self.pieces, self.sum.value())
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
