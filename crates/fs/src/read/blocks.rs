//! The blocks of one large object that are in memory or under way.

use super::{exact::Flights, fill::Fill, random::Random, streams::Streams, sums::Sums};
use crate::{budget::Lease, error::Error};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Range, sync::Arc};
use tokio::{runtime::Handle, sync::Notify, task::JoinSet};

/// Bytes of a block; the last may be shorter.
pub(super) const BLOCK: u64 = 1 << 20;

pub(super) enum Slot {
    /// A fetch is under way that will fill it: told when it did, or will not.
    Loading(Arc<Notify>),
    Ready(Ready),
}

pub(super) struct Ready {
    /// Given back before the bytes are: their buffer, once idle, wants a lease of its own.
    _lease: Lease,
    data: Bytes,
    /// Bytes handed out. Once it is all of them the kernel has them, and the block can go.
    taken: u64,
}

impl Ready {
    fn length(&self) -> u64 {
        self.data.len() as u64
    }
}

/// What a reader of a large object remembers.
#[derive(Default)]
pub(super) struct Blocks {
    slots: BTreeMap<u64, Slot>,
    /// How many reads wait for a block: it stays until they have taken it.
    wanted: BTreeMap<u64, u32>,
    pub(super) streams: Streams,
    pub(super) random: Random,
    pub(super) exact: Flights,
    pub(super) fill: Fill,
    pub(super) sums: Sums,
    /// How many fetches failed, and why the last did.
    pub(super) failures: u64,
    pub(super) last_failure: Option<Error>,
    /// Once the whole object's bytes turned out to be wrong, nothing is handed out any more.
    pub(super) corrupt: Option<Error>,
    /// The fetches under way. They end with the reader.
    tasks: JoinSet<()>,
}

/// The numbers of the blocks that hold `span`.
pub(super) fn numbers(span: &Range<u64>) -> Range<u64> {
    span.start / BLOCK..span.end.div_ceil(BLOCK)
}

/// Bytes of a run of blocks of an object of `size` bytes.
pub(super) fn bytes(run: &Range<u64>, size: u64) -> u64 {
    (run.end * BLOCK).min(size) - run.start * BLOCK
}

impl Blocks {
    pub(super) fn slot(&self, number: u64) -> Option<&Slot> {
        self.slots.get(&number)
    }

    /// All of `span` is in memory.
    pub(super) fn has(&self, span: &Range<u64>) -> bool {
        numbers(span).all(|number| matches!(self.slots.get(&number), Some(Slot::Ready(_))))
    }

    /// All of `span` is in memory or under way.
    pub(super) fn covers(&self, span: &Range<u64>) -> bool {
        numbers(span).all(|number| self.slots.contains_key(&number))
    }

    /// Pushes to `out` what block `number` has of `span`. A block that was handed out whole goes.
    pub(super) fn take(&mut self, number: u64, span: &Range<u64>, out: &mut Vec<Bytes>) {
        let Some(Slot::Ready(block)) = self.slots.get_mut(&number) else {
            return;
        };
        let base = number * BLOCK;
        let start = span.start.max(base) - base;
        let end = (span.end - base).min(block.length());
        out.push(block.data.slice(start as usize..end as usize));
        block.taken += end - start;
        self.drop_taken(number);
    }

    fn drop_taken(&mut self, number: u64) {
        let Some(Slot::Ready(block)) = self.slots.get(&number) else {
            return;
        };
        if self.wanted.contains_key(&number) {
            return;
        }
        if block.taken >= block.length() {
            self.fill.done(number);
            self.slots.remove(&number);
        } else if self.fill.runs() && self.fill.is_done(number) {
            self.slots.remove(&number);
        }
    }

    /// A block for the page cache: none that a read waits for, since the kernel has its pages locked until that is
    /// answered. From here on it stays until [`Blocks::unwant`].
    pub(super) fn take_to_store(&mut self) -> Option<(u64, Bytes)> {
        let (number, data) = self.slots.iter().find_map(|(number, slot)| match slot {
            Slot::Ready(block) if !self.wanted.contains_key(number) => {
                Some((*number, block.data.clone()))
            }
            _ => None,
        })?;
        self.want(number);
        Some((number, data))
    }

    pub(super) fn any_loading(&self) -> bool {
        let mut slots = self.slots.values();
        slots.any(|slot| matches!(slot, Slot::Loading(_)))
    }

    /// Runs a fetch, which ends with the reader.
    pub(super) fn spawn(&mut self, fetch: impl Future<Output = ()> + Send + 'static, on: &Handle) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn_on(fetch, on);
    }

    /// A read waits for a block.
    pub(super) fn want(&mut self, number: u64) {
        *self.wanted.entry(number).or_default() += 1;
    }

    /// A read waits no more.
    pub(super) fn unwant(&mut self, number: u64) {
        if let Some(count) = self.wanted.get_mut(&number) {
            *count -= 1;
            if *count == 0 {
                self.wanted.remove(&number);
            }
        }
        self.drop_taken(number);
        self.fill.changed();
    }

    /// The runs of blocks among `wanted` that are neither here nor under way.
    pub(super) fn missing(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        self.missing_but(wanted, |_| false)
    }

    /// The same of what a fill has not put into the page cache yet.
    pub(super) fn missing_in_fill(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        self.missing_but(wanted, |number| self.fill.is_done(number))
    }

    fn missing_but(&self, wanted: Range<u64>, skip: impl Fn(u64) -> bool) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for number in wanted {
            if self.slots.contains_key(&number) || skip(number) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == number => run.end += 1,
                _ => runs.push(number..number + 1),
            }
        }
        runs
    }

    /// A fetch of these blocks begins.
    pub(super) fn load(&mut self, run: Range<u64>) {
        for number in run {
            self.slots.insert(number, Slot::Loading(Arc::default()));
        }
    }

    /// A block came. Who waits for it is to be told when the lock is free.
    pub(super) fn fill(&mut self, number: u64, data: Bytes, lease: Lease) -> Option<Arc<Notify>> {
        let ready = Ready {
            data,
            taken: 0,
            _lease: lease,
        };
        self.fill.changed();
        match self.slots.insert(number, Slot::Ready(ready)) {
            Some(Slot::Loading(waiting)) => Some(waiting),
            _ => None,
        }
    }

    /// These blocks will not come.
    pub(super) fn give_up(&mut self, run: Range<u64>, why: Error) {
        self.failures += 1;
        self.last_failure = Some(why);
        self.fill.changed();
        for number in run {
            if let Some(Slot::Loading(waiting)) = self.slots.get(&number) {
                waiting.notify_waiters();
                self.slots.remove(&number);
            }
        }
    }

    fn is_free(&self, number: u64) -> bool {
        matches!(self.slots.get(&number), Some(Slot::Ready(_)))
            && !self.wanted.contains_key(&number)
    }

    /// Drops what a stream has passed.
    pub(super) fn drop_behind(&mut self, behind: &Range<u64>) {
        if behind.is_empty() || self.fill.keeps() {
            return;
        }
        for number in numbers(behind) {
            if self.is_free(number) {
                self.slots.remove(&number);
            }
        }
    }

    /// Drops everything that nobody waits for.
    pub(super) fn clear(&mut self) {
        self.slots
            .retain(|_, slot| matches!(slot, Slot::Loading(_)));
    }

    /// Drops blocks worth about `bytes`: those handed out in part first, then those furthest along,
    /// since they were read ahead.
    pub(super) fn reclaim(&mut self, bytes: u64) -> u64 {
        let mut freed = self.exact.reclaim();
        for begun in [true, false] {
            let free: Vec<u64> = self
                .slots
                .iter()
                .rev()
                .filter(
                    |(_, slot)| matches!(slot, Slot::Ready(ready) if (ready.taken > 0) == begun),
                )
                .map(|(number, _)| *number)
                .collect();
            for number in free {
                if freed >= bytes {
                    return freed;
                }
                if self.wanted.contains_key(&number) {
                    continue;
                }
                if let Some(Slot::Ready(ready)) = self.slots.remove(&number) {
                    freed += ready.length();
                }
            }
        }
        freed
    }
}
