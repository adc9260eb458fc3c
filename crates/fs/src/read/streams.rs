//! Which reads belong together, and how far ahead of them to read.
//!
//! A stream is a place in the object that moves forward. A read belongs to the stream whose place it
//! continues, give or take what the kernel's own readahead reorders. Streams belong to the object, not
//! to a handle: several processes may share a file, and one may read it in several places.

use std::ops::Range;

/// Streams remembered for one object.
const MOST: usize = 8;
/// A read this far from the place of a stream that has shown itself still belongs to it: the kernel
/// sends the pages of one readahead window (16 MiB, as the mount sets it) as several requests, in any
/// order.
const SLACK: u64 = 16 << 20;
/// The same for a place that one read has made and that may be nothing.
const NARROW: u64 = 256 << 10;
/// Readahead of a stream that has just begun, in bytes.
const FIRST_WINDOW: u64 = 2 << 20;
/// How far a stream may run ahead of what its reads asked for, besides a factor of four.
const SPARSE: u64 = 8 << 20;
/// Reads in a row that make a stream, where none began at the object's start.
const SHOWN: u32 = 3;

/// One stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    /// The end of its furthest read.
    place: u64,
    /// Before this nothing of it is held any more.
    held_from: u64,
    /// Where it began.
    start: u64,
    /// Bytes that its reads asked for.
    asked: u64,
    /// Reads that belonged to it.
    reads: u32,
    /// How far ahead of its place to read, in bytes.
    window: u64,
    /// The place at which the window grows.
    grow_at: u64,
    /// For finding the oldest.
    used: u64,
}

impl Stream {
    fn is_shown(&self) -> bool {
        self.reads >= SHOWN
    }

    /// How far from its place a read still belongs to it.
    /// Whether its reads leave little out. Random reads that happen to lie near each other do not.
    fn is_dense(&self) -> bool {
        self.place - self.start <= 4 * self.asked + SPARSE
    }

    /// Whether a read of `span` belongs to it.
    fn continues(&self, span: &Range<u64>) -> bool {
        let slack = if self.is_shown() { SLACK } else { NARROW };
        span.start <= self.place + slack && span.end + slack > self.place
    }
}

/// What a read tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// It belongs to no stream: nothing around it is known to be wanted.
    Random,
    /// It belongs to a stream. `ahead` is what to have in memory; nothing of `behind` is needed by
    /// this stream any more.
    Sequential {
        /// From the stream's place to the end of its window.
        ahead: Range<u64>,
        /// What the stream passed since the last time.
        behind: Range<u64>,
    },
}

/// The streams of one object.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    clock: u64,
}

impl Streams {
    /// Notes a read of `span` and tells what it means. `limit` is the largest window, in bytes.
    pub(super) fn note(&mut self, span: &Range<u64>, limit: u64) -> Pattern {
        self.clock += 1;
        if let Some(stream) = self
            .streams
            .iter_mut()
            .find(|stream| stream.continues(span))
        {
            stream.place = stream.place.max(span.end);
            stream.reads = stream.reads.saturating_add(1);
            stream.used = self.clock;
            stream.asked += span.end - span.start;
            if !stream.is_dense() {
                // Begin anew from here.
                *stream = Stream {
                    start: span.start,
                    asked: 0,
                    reads: 1,
                    place: span.end,
                    ..*stream
                };
            }
            if !stream.is_shown() {
                return Pattern::Random;
            }
            if stream.place >= stream.grow_at {
                stream.window = (stream.window * 2).min(limit.max(1));
                stream.grow_at = stream.place + stream.window / 2;
            }
            let passed = stream.place.saturating_sub(SLACK).max(stream.held_from);
            let behind = stream.held_from..passed;
            stream.held_from = passed;
            return Pattern::Sequential {
                ahead: stream.place..stream.place + stream.window,
                behind,
            };
        }
        if self.streams.len() >= MOST
            && let Some(oldest) = (0..self.streams.len()).min_by_key(|i| self.streams[*i].used)
        {
            self.streams.swap_remove(oldest);
        }
        // Who begins at the beginning usually goes on; who begins elsewhere has to show it.
        let from_start = span.start == 0;
        let window = FIRST_WINDOW.min(limit);
        self.streams.push(Stream {
            place: span.end,
            held_from: span.start,
            start: span.start,
            asked: span.end - span.start,
            reads: if from_start { SHOWN } else { 1 },
            window,
            grow_at: span.end + window / 2,
            used: self.clock,
        });
        if from_start {
            Pattern::Sequential {
                ahead: span.end..span.end + window,
                behind: 0..0,
            }
        } else {
            Pattern::Random
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 64 * MIB;

    fn ahead(pattern: &Pattern) -> u64 {
        match pattern {
            Pattern::Sequential { ahead, .. } => ahead.end,
            Pattern::Random => panic!("a stream is wanted"),
        }
    }

    #[test]
    fn a_stream_s_window_grows_to_its_limit() {
        let mut streams = Streams::default();
        let mut windows = Vec::new();
        for i in 0..400 {
            let span = i * MIB / 4..(i + 1) * MIB / 4;
            windows.push(ahead(&streams.note(&span, LIMIT)) - span.end);
        }
        assert_eq!(windows[0], FIRST_WINDOW);
        assert!(windows.is_sorted());
        assert_eq!(windows[399], LIMIT);
    }

    #[test]
    fn reordered_reads_of_one_stream_stay_together() {
        let mut streams = Streams::default();
        streams.note(&(0..MIB), LIMIT);
        for span in [
            2 * MIB..3 * MIB,
            MIB..2 * MIB,
            4 * MIB..5 * MIB,
            3 * MIB..4 * MIB,
        ] {
            assert!(ahead(&streams.note(&span, LIMIT)) >= span.end);
        }
        assert_eq!(streams.streams.len(), 1);
    }

    #[test]
    fn random_reads_ask_for_nothing_more() {
        let mut streams = Streams::default();
        for i in [900, 30, 500, 77, 311] {
            let at = i * 100 * MIB + 4096;
            assert_eq!(streams.note(&(at..at + 4096), LIMIT), Pattern::Random);
        }
        assert!(streams.streams.len() <= MOST);
    }

    #[test]
    fn two_places_of_one_object_are_two_streams() {
        let mut streams = Streams::default();
        for i in 0..8 {
            let low = i * MIB..(i + 1) * MIB;
            let high = 1000 * MIB + i * MIB..1001 * MIB + i * MIB;
            streams.note(&low, LIMIT);
            let second = streams.note(&high, LIMIT);
            assert_eq!(i + 1 < u64::from(SHOWN), second == Pattern::Random);
        }
        assert_eq!(streams.streams.len(), 2);
    }
}
