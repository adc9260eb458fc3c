//! Memory for data that programs wrote and OSS does not have yet. It is a memory file, so that it outlives the process:
//! whoever takes over finds each byte where it was.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mapped::Raw;

/// Spans are multiples of this, in bytes.
const UNIT: usize = 64 << 10;
/// Memory of this many bytes is kept for the next spans instead of being given back: taking it anew costs a page fault
/// for each 4 KiB.
const WARM: usize = 24 << 20;
/// How long the file is, unless a limit forbids it. Only what is written to takes memory.
const LENGTH: u64 = 256 << 30;

/// The memory.
#[derive(Debug)]
pub(crate) struct Arena {
    raw: Raw,
    free: Mutex<Free>,
}

/// What nobody uses.
#[derive(Debug, Default)]
struct Free {
    /// Start and end of each range.
    ranges: BTreeMap<usize, usize>,
    /// Ranges whose first bytes still have their memory, and how many bytes those are; the last one was used last.
    warm: Vec<(Range<usize>, usize)>,
}

impl Arena {
    pub(crate) fn create() -> io::Result<Arc<Self>> {
        let mut length = LENGTH;
        let raw = loop {
            match Raw::create("ossplit-writes", length) {
                Ok(raw) => break raw,
                // A limit on addresses or files.
                Err(_) if length > 1 << 30 => length /= 4,
                Err(error) => return Err(error),
            }
        };
        let arena = Self {
            raw,
            free: Mutex::default(),
        };
        arena.free.lock().ranges.insert(0, arena.raw.len());
        Ok(Arc::new(arena))
    }

    /// The memory that a former process left, and of it the spans that are still wanted, given as start and length. The
    /// rest is given back. `None` for a span that can't be: outside the file, or wanted twice.
    pub(crate) fn open(
        file: OwnedFd,
        wanted: &[Range<u64>],
    ) -> io::Result<(Arc<Self>, Vec<Option<Span>>)> {
        let raw = Raw::open(file)?;
        let mut free = Free::default();
        free.ranges.insert(0, raw.len());
        let taken: Vec<_> = wanted.iter().map(|range| free.claim(range)).collect();
        for (start, end) in &free.ranges {
            raw.punch(&(*start..*end))?;
        }
        let arena = Arc::new(Self {
            raw,
            free: Mutex::new(free),
        });
        let spans = taken.into_iter().map(|range| {
            let range = range?;
            Some(Span {
                touched: range.end - range.start,
                arena: Arc::clone(&arena),
                range,
            })
        });
        let spans = spans.collect();
        Ok((arena, spans))
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        self.raw.file()
    }

    /// A span of at least `bytes`, of any contents; `None` when the file is used up.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Option<Span> {
        let bytes = usize::try_from(bytes)
            .ok()?
            .checked_next_multiple_of(UNIT)?;
        let (range, touched) = self.free.lock().take(bytes)?;
        Some(Span {
            arena: Arc::clone(self),
            range,
            touched,
        })
    }
}

impl Free {
    fn take(&mut self, bytes: usize) -> Option<(Range<usize>, usize)> {
        let fits = |(range, _): &(Range<usize>, usize)| range.end - range.start == bytes;
        if let Some(at) = self.warm.iter().rposition(fits) {
            return Some(self.warm.remove(at));
        }
        let fits = |(start, end): &(&usize, &usize)| *end - *start >= bytes;
        let (start, end) = self.ranges.iter().find(fits).map(|(s, e)| (*s, *e))?;
        self.ranges.remove(&start);
        if start + bytes < end {
            self.ranges.insert(start + bytes, end);
        }
        Some((start..start + bytes, 0))
    }

    /// Takes one range out.
    fn claim(&mut self, range: &Range<u64>) -> Option<Range<usize>> {
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let (start, end) = self.ranges.range(..=range.start).next_back()?;
        let (start, end) = (*start, *end);
        let aligned = range.start.is_multiple_of(UNIT) && range.end.is_multiple_of(UNIT);
        if range.is_empty() || range.end > end || !aligned {
            return None;
        }
        self.ranges.remove(&start);
        if start < range.start {
            self.ranges.insert(start, range.start);
        }
        if range.end < end {
            self.ranges.insert(range.end, end);
        }
        Some(range)
    }

    /// Makes one range of those that touch.
    fn give_back(&mut self, mut range: Range<usize>) {
        if let Some((start, end)) = self.ranges.range(..range.start).next_back()
            && *end == range.start
        {
            range.start = *start;
        }
        if let Some(end) = self.ranges.remove(&range.end) {
            range.end = end;
        }
        self.ranges.insert(range.start, range.end);
    }
}

/// Part of the memory, which is its owner's alone.
#[derive(Debug)]
pub(crate) struct Span {
    arena: Arc<Arena>,
    range: Range<usize>,
    /// Bytes from the start that may have memory.
    touched: usize,
}

impl Span {
    /// Where it is in the file.
    pub(crate) fn place(&self) -> Range<u64> {
        self.range.start as u64..self.range.end as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.range.end - self.range.start
    }

    /// The first `len` bytes.
    pub(crate) fn bytes(&self, len: usize) -> &[u8] {
        assert!(len <= self.len());
        let at = self.arena.raw.at(&self.range);
        // SAFETY: within the mapping, which lives as long as the arena; the arena gives no range to two spans, and
        // writing takes `self` alone.
        unsafe { std::slice::from_raw_parts(at, len) }
    }

    /// The first `len` bytes, to be written to.
    pub(crate) fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        assert!(len <= self.len());
        self.touched = self.touched.max(len);
        let at = self.arena.raw.at(&self.range);
        // SAFETY: as in `bytes`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(at, len) }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let mut free = self.arena.free.lock();
        free.warm.push((self.range.clone(), self.touched));
        let mut warm: usize = free.warm.iter().map(|(_, touched)| touched).sum();
        while warm > WARM || free.warm.len() > 64 {
            let (range, touched) = free.warm.remove(0);
            warm -= touched;
            if let Err(error) = self.arena.raw.punch(&(range.start..range.start + touched)) {
                tracing::warn!(%error, "memory of written data could not be given back");
            }
            free.give_back(range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_apart_and_their_memory_comes_back() {
        let arena = Arena::create().unwrap();
        let mut spans: Vec<_> = (0..100).map(|_| arena.take(1 << 20).unwrap()).collect();
        for (number, span) in spans.iter_mut().enumerate() {
            span.bytes_mut(1 << 20).fill(number as u8);
        }
        for (number, span) in spans.iter().enumerate() {
            assert!(span.bytes(1 << 20).iter().all(|byte| *byte == number as u8));
        }
        drop(spans);
        let blocks = rustix::fs::fstat(arena.file()).unwrap().st_blocks * 512;
        assert!(blocks as usize <= WARM, "{blocks} bytes stay");
        let free = arena.free.lock();
        let whole: usize = free.ranges.iter().map(|(start, end)| end - start).sum();
        let warm: usize = free.warm.iter().map(|(range, _)| range.len()).sum();
        assert_eq!(whole + warm, arena.raw.len());
    }

    #[test]
    fn a_successor_finds_what_it_asks_for_and_nothing_else() {
        let arena = Arena::create().unwrap();
        let mut kept = arena.take(100).unwrap();
        kept.bytes_mut(5).copy_from_slice(b"hello");
        let mut other = arena.take(100).unwrap();
        other.bytes_mut(5).copy_from_slice(b"world");
        let file = arena.file().try_clone().unwrap();
        let place = kept.place();
        let odd = place.start + 1..place.end;
        let (next, spans) = Arena::open(file, &[place.clone(), place, odd]).unwrap();
        assert_eq!(spans[0].as_ref().unwrap().bytes(5), b"hello");
        assert!(
            spans[1].is_none() && spans[2].is_none(),
            "not twice, not askew"
        );
        let again = next.take(100).unwrap();
        assert_eq!(again.place(), other.place());
        assert_eq!(again.bytes(5), [0; 5], "what nobody wanted was given back");
    }
}
