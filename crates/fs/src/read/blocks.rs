//! The blocks of one large object that are in memory or under way.

use super::{pieces, streams::Streams};
use crate::{budget::Lease, error::Error};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Range};

/// Bytes of a block; the last may be shorter.
pub(super) const BLOCK: u64 = 1 << 20;

pub(super) enum Slot {
    /// A fetch is under way that will fill it.
    Loading,
    Ready(Block),
}

/// A block in memory.
pub(super) struct Block {
    pub(super) pieces: Vec<Bytes>,
    /// Bytes that no read has asked for yet. At 0 the block goes: the page cache has it now.
    pub(super) unread: u64,
    pub(super) _lease: Lease,
}

/// What a reader of a large object remembers.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) slots: BTreeMap<u64, Slot>,
    pub(super) streams: Streams,
    /// Of the last fetch that failed, and how many did.
    pub(super) last_failure: Option<Error>,
    pub(super) failures: u64,
}

/// The numbers of the blocks that hold `span`.
pub(super) fn numbers(span: &Range<u64>) -> Range<u64> {
    span.start / BLOCK..span.end.div_ceil(BLOCK)
}

impl Blocks {
    /// Pushes the bytes of `span` to `out` if all are in memory; else leaves it as it was.
    pub(super) fn collect(&mut self, span: &Range<u64>, out: &mut Vec<Bytes>) -> bool {
        let ready = |number| matches!(self.slots.get(&number), Some(Slot::Ready(_)));
        if !numbers(span).all(ready) {
            return false;
        }
        for number in numbers(span) {
            let Some(Slot::Ready(block)) = self.slots.get_mut(&number) else {
                return false;
            };
            let base = number * BLOCK;
            let (start, end) = (
                span.start.saturating_sub(base),
                (span.end - base).min(BLOCK),
            );
            pieces::slice(&block.pieces, start, end, out);
            block.unread = block.unread.saturating_sub(end - start);
            if block.unread == 0 {
                self.slots.remove(&number);
            }
        }
        true
    }

    /// Runs of blocks of `wanted` that are neither in memory nor under way.
    pub(super) fn missing(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for number in wanted {
            if self.slots.contains_key(&number) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == number => run.end += 1,
                _ => runs.push(number..number + 1),
            }
        }
        runs
    }

    /// Drops what a stream has passed: the blocks that end within `passed`.
    pub(super) fn drop_passed(&mut self, passed: &Range<u64>) {
        let numbers = passed.start / BLOCK..passed.end / BLOCK;
        let passed: Vec<u64> = self
            .slots
            .range(numbers)
            .map(|(number, _)| *number)
            .collect();
        for number in passed {
            if matches!(self.slots.get(&number), Some(Slot::Ready(_))) {
                self.slots.remove(&number);
            }
        }
    }

    /// Drops blocks worth about `bytes`: those furthest along first, since they were read ahead.
    pub(super) fn reclaim(&mut self, bytes: u64) -> u64 {
        let mut freed = 0;
        let ready: Vec<u64> = self
            .slots
            .iter()
            .rev()
            .filter(|(_, slot)| matches!(slot, Slot::Ready(_)))
            .map(|(number, _)| *number)
            .collect();
        for number in ready {
            if freed >= bytes {
                break;
            }
            self.slots.remove(&number);
            freed += BLOCK;
        }
        freed
    }
}
