//! Fetching a large object whole into the kernel's page cache.
//!
//! Who maps a model file and takes its tensors in any order will want all of it, a page fault at a time, and each fault
//! waits for the network. So once reads show that (see [`Fill::is_due`]) the object is fetched from its beginning to its
//! end, with the same parallel ranges and the same blocks that reads have: a read of what is under way waits for that
//! flight, and one that is ahead of it brings its own stretch forward. Each block that came goes into the page cache and
//! out of our memory, so that of an object of any size no more than a window is here.
//!
//! It ends with the reader, at the first failure (the reads that follow meet it themselves), when memory is scarce,
//! and when the page cache takes no more.

use super::{
    blocks::{self, BLOCK, Blocks},
    engine::Shared,
    fetch,
    reader::{Reader, Wanted},
};
use crate::budget::{self, Lease, Pressure, Priority};
use bytes::Bytes;
use std::{
    ops::Range,
    sync::{Arc, Weak},
};
use tokio::sync::Notify;

/// The page cache of one file.
pub trait Pages: Send + Sync {
    /// Puts bytes of the version that is read at `offset`. Blocks, at times until a read under way is answered. False:
    /// nothing can be put there any more.
    fn store(&self, offset: u64, data: &[u8]) -> bool;
}

/// What model files are called.
const MODELS: [&str; 8] = [
    ".safetensors",
    ".gguf",
    ".pt",
    ".pth",
    ".bin",
    ".ckpt",
    ".onnx",
    ".npz",
];
/// So many reads of so many bytes that belong to no stream show that a model file is taken tensor by tensor.
const TENSORS: u32 = 2;
const TENSOR: u64 = 128 << 10;

fn is_model(key: &str) -> bool {
    let ends = |suffix: &&str| {
        let at = key.len().checked_sub(suffix.len());
        at.and_then(|at| key.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    MODELS.iter().any(ends)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    NotBegun,
    Runs,
    Ended,
}

/// How far an object is on its way into the page cache.
#[derive(Default)]
pub(super) struct Fill {
    /// Where it would go, if its name is a model's.
    pages: Option<Arc<dyn Pages>>,
    state: State,
    /// Large reads that belonged to no stream.
    large: u32,
    /// Block by block, what the kernel has, by reads that came before it begins too.
    has: Vec<bool>,
    /// Told of every change while it runs.
    changed: Arc<Notify>,
}

impl Fill {
    /// Notes a read that belongs to no stream; true if the object is to be fetched whole from now on.
    fn is_due(&mut self, span: &Range<u64>) -> bool {
        self.large += u32::from(span.end - span.start >= TENSOR);
        self.state == State::NotBegun && self.pages.is_some() && self.large >= TENSORS
    }

    /// A read that belongs to no stream is to bring whole blocks: what it leaves of them will be wanted.
    pub(super) fn wants_blocks(&self, span: &Range<u64>) -> bool {
        self.runs() || self.keeps() && span.end - span.start >= TENSOR
    }

    /// What a stream has passed and nobody read will be wanted all the same.
    pub(super) fn keeps(&self) -> bool {
        self.runs() || self.state == State::NotBegun && self.pages.is_some()
    }

    pub(super) fn runs(&self) -> bool {
        self.state == State::Runs
    }

    /// A block came, will not come, or is waited for no more.
    pub(super) fn changed(&self) {
        if self.runs() {
            self.changed.notify_one();
        }
    }

    /// The kernel has all of a block.
    pub(super) fn done(&mut self, number: u64) {
        if let Some(has) = self.has.get_mut(number as usize) {
            *has = true;
        }
    }

    pub(super) fn is_done(&self, number: u64) -> bool {
        self.has.get(number as usize).is_some_and(|has| *has)
    }

    /// The first block that the kernel lacks.
    fn first(&self) -> Option<u64> {
        let first = self.has.iter().position(|has| !has);
        first.map(|number| number as u64)
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.has = Vec::new();
        self.pages = None;
    }
}

/// What there is to do next.
enum Step {
    /// Put a block into the page cache.
    Store(u64, Bytes),
    /// Wait until something changed.
    Wait(Arc<Notify>),
    /// Wait for a lease of so many bytes.
    Lease(u64),
    End,
}

impl Reader {
    /// From now on the object may be fetched whole into this page cache.
    pub fn offer(&self, pages: Arc<dyn Pages>) {
        let mut blocks = self.blocks.lock();
        let begins = blocks.fill.pages.is_none() && blocks.fill.state == State::NotBegun;
        if begins && is_model(&self.version.key) {
            let count = self.version.size.div_ceil(BLOCK);
            blocks.fill.has = vec![false; count as usize];
            blocks.fill.pages = Some(pages);
        }
    }

    /// Notes a read that belongs to no stream, after which the whole object may be on its way.
    pub(super) fn fill_if_due(self: &Arc<Self>, blocks: &mut Blocks, span: &Range<u64>) {
        if !blocks.fill.is_due(span) {
            return;
        }
        let Some(pages) = blocks.fill.pages.clone() else {
            return;
        };
        blocks.fill.state = State::Runs;
        let (shared, size) = (Arc::clone(&self.shared), self.version.size);
        let task = run(shared, Arc::downgrade(self), size, pages);
        blocks.spawn(task, &self.shared.source.runtime);
    }

    /// What else a request for these blocks, which a read waits for, should bring: what comes after them is wanted too.
    pub(super) fn extend(&self, blocks: &Blocks, run: Range<u64>) -> (Range<u64>, Option<Lease>) {
        let most = self.shared.pace.request(self.shared.window) / BLOCK;
        let last = self.version.size.div_ceil(BLOCK);
        let free = |number: &u64| blocks.slot(*number).is_none() && !blocks.fill.is_done(*number);
        let end = (run.start + most).min(last);
        let more = (run.end..end).take_while(free).count() as u64;
        let more = run.end..run.end + more;
        if more.is_empty() {
            return (run, None);
        }
        let bytes = blocks::bytes(&more, self.version.size);
        match self.shared.lease_now(Priority::Prefetch, bytes) {
            Some(lease) => (run.start..more.end, Some(lease)),
            None => (run, None),
        }
    }

    fn step(self: &Arc<Self>, failures: u64, lease: &mut Option<Lease>) -> Step {
        let shared = &self.shared;
        let mut blocks = self.blocks.lock();
        let scarce = shared.source.context.budget.pressure() == Pressure::Much;
        let Some(first) = blocks.fill.first() else {
            return Step::End;
        };
        if scarce || blocks.failures != failures || blocks.corrupt.is_some() {
            return Step::End;
        }
        let count = self.version.size.div_ceil(BLOCK);
        let window = first..(first + (shared.window / BLOCK).max(1)).min(count);
        let end = window.end;
        let runs = blocks.missing_in_fill(window);
        let each = shared.pace.request(shared.window);
        let idle = !blocks.any_loading();
        let mut short = None;
        for run in fetch::requests(runs, each) {
            // One request for each block that finds room would be many: it waits for more, but for nothing if nothing comes.
            if run.end == end && end < count && (run.end - run.start) * BLOCK < each && !idle {
                continue;
            }
            let bytes = blocks::bytes(&run, self.version.size);
            let granted = lease.take().filter(|lease| lease.bytes() >= bytes);
            let granted = granted.or_else(|| shared.lease_now(Priority::Prefetch, bytes));
            let Some(mut granted) = granted else {
                short = Some(bytes);
                break;
            };
            granted.shrink(bytes);
            self.begin(&mut blocks, run, granted);
        }
        if let Some((number, data)) = blocks.take_to_store() {
            return Step::Store(number, data);
        }
        match short {
            Some(bytes) if !blocks.any_loading() => Step::Lease(bytes),
            _ => Step::Wait(Arc::clone(&blocks.fill.changed)),
        }
    }
}

async fn run(shared: Arc<Shared>, reader: Weak<Reader>, size: u64, pages: Arc<dyn Pages>) {
    // Files of the kernel's: read off the runtime all the same.
    let room = tokio::task::spawn_blocking(budget::room).await;
    let fits = room.is_ok_and(|room| room.is_none_or(|room| size <= room));
    let failures = reader.upgrade().map(|reader| reader.blocks.lock().failures);
    if let (true, Some(failures)) = (fits, failures) {
        fill(&shared, &reader, failures, &pages).await;
    }
    if let Some(reader) = reader.upgrade() {
        reader.blocks.lock().fill.end();
    }
}

/// Fetches and stores until that ends. Nothing that is waited for keeps the reader.
async fn fill(shared: &Arc<Shared>, reader: &Weak<Reader>, failures: u64, pages: &Arc<dyn Pages>) {
    let mut lease = None;
    loop {
        let Some(reader) = reader.upgrade() else {
            return;
        };
        match reader.step(failures, &mut lease) {
            Step::End => return,
            Step::Wait(changed) => {
                drop(reader);
                changed.notified().await;
            }
            Step::Lease(bytes) => {
                drop(reader);
                let budget = &shared.source.context.budget;
                match budget.lease(Priority::Prefetch, bytes).await {
                    Ok(granted) => lease = Some(granted),
                    Err(_) => return,
                }
            }
            Step::Store(number, data) => {
                // The block, and with it its lease, stays until the kernel has it.
                let wanted = Wanted::of(&reader, number);
                drop(reader);
                let pages = Arc::clone(pages);
                let store = move || {
                    let stored = pages.store(number * BLOCK, &data);
                    drop(data);
                    if stored {
                        wanted.reader.blocks.lock().fill.done(number);
                    }
                    drop(wanted);
                    stored
                };
                // The kernel may keep whoever does this waiting: neither this runtime nor a thread that answers it.
                let stored = tokio::task::spawn_blocking(store).await;
                if !matches!(stored, Ok(true)) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Setup, expect, pattern, read, run};
    use super::*;
    use crate::{Error, types::ObjectVersion};
    use parking_lot::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    const MIB: u64 = 1 << 20;

    /// A kernel's page cache, which takes so many bytes.
    struct Kernel {
        stored: Mutex<Vec<(u64, Bytes)>>,
        room: AtomicU64,
    }

    impl Kernel {
        fn has(&self) -> u64 {
            let stored = self.stored.lock();
            stored.iter().map(|(_, data)| data.len() as u64).sum()
        }

        fn is_part_of(&self, data: &[u8]) -> bool {
            let stored = self.stored.lock();
            let mut stored = stored.iter();
            stored.all(|(offset, part)| data[*offset as usize..].starts_with(part))
        }
    }

    impl Pages for Kernel {
        fn store(&self, offset: u64, data: &[u8]) -> bool {
            let take = |room: u64| room.checked_sub(data.len() as u64);
            let fits = self.room.fetch_update(SeqCst, SeqCst, take).is_ok();
            if fits {
                let data = Bytes::copy_from_slice(data);
                self.stored.lock().push((offset, data));
            }
            fits
        }
    }

    /// An object of that name, open, with a page cache for `room` bytes of it.
    fn open(
        name: &str,
        size: u64,
        room: u64,
    ) -> (Setup, Bytes, ObjectVersion, Arc<Reader>, Arc<Kernel>) {
        let setup = Setup::new(|config| config.memory = 32 * MIB);
        let data = pattern(size, 3);
        let version = setup.oss.store(name, data.clone());
        let reader = setup.engine.open(&version);
        let kernel = Arc::new(Kernel {
            stored: Mutex::default(),
            room: room.into(),
        });
        reader.offer(Arc::clone(&kernel) as Arc<dyn Pages>);
        (setup, data, version, reader, kernel)
    }

    async fn until(mut condition: impl FnMut() -> bool) {
        for _ in 0..20_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_micros(500)).await;
        }
        panic!("it does not come to that");
    }

    #[test]
    fn a_model_read_here_and_there_is_fetched_once_and_pushed() {
        run(async {
            let size = 100 * MIB + 5000;
            let (setup, data, _, reader, kernel) = open("m/x.SafeTensors", size, u64::MAX);
            expect(&reader, &data, 40 * MIB + 4096, 256 << 10).await;
            assert_eq!(kernel.has(), 0);
            let began = setup.oss.fetched();
            // Reads of what is under way, and ahead of it, fetch nothing of their own.
            let places = [90, 3, 4, 50, 77, 99].map(|place| place * MIB - 8192);
            let reads = places.map(|place| expect(&reader, &data, place, MIB));
            futures_util::future::join_all(reads).await;
            until(|| !reader.blocks.lock().fill.runs()).await;
            assert!(kernel.is_part_of(&data));
            // What a read took all of is there by that.
            assert!(kernel.has() >= size - 6 * MIB, "{}", kernel.has());
            let fetched = setup.oss.fetched() - began;
            assert!(fetched <= size, "{fetched} bytes of {size}");
            setup.settle(0).await;
            assert!(setup.context.budget.peak() <= 24 * MIB);
        });
    }

    #[test]
    fn what_is_no_model_is_not() {
        run(async {
            let (setup, data, _, reader, kernel) = open("records", 32 * MIB, u64::MAX);
            let places = [20, 9, 28, 15, 3, 24, 12, 6];
            for place in places {
                expect(&reader, &data, place * MIB, MIB).await;
            }
            setup.settle(0).await;
            assert_eq!((kernel.has(), setup.oss.fetched()), (0, 8 * MIB));
        });
    }

    #[test]
    fn an_object_that_changes_is_not_mixed() {
        run(async {
            let size = 96 * MIB;
            let (setup, data, _, reader, kernel) = open("x.gguf", size, u64::MAX);
            expect(&reader, &data, 80 * MIB, MIB).await;
            expect(&reader, &data, 70 * MIB, MIB).await;
            until(|| kernel.has() >= 8 * MIB).await;
            setup.oss.store("x.gguf", pattern(size, 4));
            until(|| !reader.blocks.lock().fill.runs()).await;
            assert!(kernel.is_part_of(&data), "bytes of another version");
            assert!(kernel.has() < size);
            let left = read(&reader, 95 * MIB, 4096).await;
            assert!(matches!(left, Err(Error::Stale)), "{left:?}");
        });
    }

    #[test]
    fn it_ends_with_the_handle_and_when_the_kernel_takes_no_more() {
        run(async {
            for (room, closes) in [(u64::MAX, true), (10 * MIB, false)] {
                let (setup, data, _, reader, kernel) = open("x.pt", 96 * MIB, room);
                expect(&reader, &data, 80 * MIB, MIB).await;
                expect(&reader, &data, 70 * MIB, MIB).await;
                until(|| kernel.has() >= 8 * MIB).await;
                if closes {
                    drop(reader);
                } else {
                    until(|| !reader.blocks.lock().fill.runs()).await;
                    expect(&reader, &data, 90 * MIB, MIB).await;
                    drop(reader);
                }
                setup.settle(0).await;
                assert!(kernel.has() < 96 * MIB);
            }
        });
    }

    #[test]
    fn models_are_known_by_their_names() {
        for name in ["a/b.safetensors", "x.GGUF", "é.pt", ".bin"] {
            assert!(is_model(name), "{name}");
        }
        for name in ["", "pt", "x.pt2", "safetensors", "é"] {
            assert!(!is_model(name), "{name}");
        }
    }
}
