//! Which reads belong together, and how far ahead of them to read.
//!
//! A stream is a place in the object that moves forward. Streams belong to the object, not to a handle:
//! several processes may share a file, and one may read it in several places. How far from a stream's
//! place a read may be and still belong to it grows with what was read there: a random read of 4 KiB is
//! no reason to believe that one 100 KiB on continues it, but the requests of one readahead window of
//! the kernel may come in any order.
//!
//! The window grows while the stream is young, and then while its reads have to wait, until it covers
//! the program's rate × the network's delay ([`Pace`]). Where reads wait because there is no more
//! processor or network to be had, a larger window would only take memory, and the processor's cache.

use super::{blocks::BLOCK, pace::Pace};
use std::{collections::VecDeque, ops::Range, time::Duration};

/// Streams of one object, and places where one may have begun.
const MOST: usize = 64;
const CANDIDATES: usize = 16;
/// The furthest from a stream's place that a read may belong to it: the kernel's largest readahead.
const SLACK: u64 = 16 << 20;
/// Who reads less at once is near only if it is at most so many times its length away: small reads at random places are no
/// stream because one of them is somewhere near.
const LARGE: u64 = 64 << 10;
const SMALL_SLACK: u64 = 4;
/// A first read of so many bytes at the object's beginning is the kernel's readahead: the rest of its
/// window may come in any order.
const READAHEAD: u64 = 128 << 10;
/// Readahead of a stream that has just begun, in bytes.
const FIRST_WINDOW: u64 = 1 << 20;
/// Up to this the window grows without proof that it is too small.
const TRUSTED_WINDOW: u64 = 8 << 20;

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stream {
    /// Where it began.
    start: u64,
    /// The end of its furthest read.
    place: u64,
    /// Bytes read in it: how far it is trusted.
    seen: u64,
    /// How far ahead of its place to read, in bytes.
    window: u64,
    /// Bytes read since the window was looked at, and when that was.
    steady: u64,
    since: Duration,
    /// A read had to wait since then.
    waited: bool,
    /// Everything before this was asked for.
    requested: u64,
    /// Everything of this stream before this was given up.
    swept: u64,
    /// For finding the oldest.
    used: u64,
}

/// What a read tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// It belongs to no stream: nothing around it is known to be wanted.
    Random,
    /// It belongs to a stream.
    Sequential {
        /// For [`Streams::fell_short`], until the next read is noted.
        stream: usize,
        /// How far ahead it reads, in bytes.
        window: u64,
        /// What to fetch now; often empty, since requests are gathered until they are worth one.
        ahead: Range<u64>,
        /// What nobody will ask for any more, since the stream is far past it.
        behind: Range<u64>,
    },
}

/// A read as [`Streams::note`] sees it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    /// What was asked.
    pub(super) span: Range<u64>,
    /// When, on any steady clock.
    pub(super) at: Duration,
    /// It was not in memory.
    pub(super) waits: bool,
    /// The largest window, in bytes.
    pub(super) limit: u64,
    /// Bytes of the object.
    pub(super) size: u64,
}

/// The streams of one object.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Those that began at the object's beginning, or that a second read continued.
    shown: Vec<Stream>,
    /// The latest reads that may be the first of a stream: one after the other, random reads push each other out of
    /// here, and no stream.
    candidates: VecDeque<Stream>,
    clock: u64,
}

impl Streams {
    /// Notes a read and tells what it means.
    pub(super) fn note(&mut self, read: &Noted, pace: &Pace) -> Pattern {
        self.clock += 1;
        let Range { start, end } = read.span;
        let length = end - start;
        let most = if length >= LARGE {
            SLACK
        } else {
            SMALL_SLACK * length
        };
        let within = |stream: &Stream, most: u64| {
            let slack = stream.seen.min(most);
            start <= stream.place + slack && end + slack >= stream.place
        };
        let near = |stream: &Stream| within(stream, most);
        // The second read of a stream: a small one has to touch the first. Who begins before it goes backward, if it goes
        // at all.
        let first_slack = if length >= LARGE { SLACK } else { 0 };
        let continues = |stream: &Stream| end > stream.start && within(stream, first_slack);
        if let Some(index) = self.shown.iter().position(near) {
            let stream = &mut self.shown[index];
            stream.used = self.clock;
            stream.advance(read, pace);
            return self.answer(index, read);
        }
        if let Some(index) = self.candidates.iter().position(continues) {
            let known = &self.candidates[index];
            if start >= known.start && end <= known.place {
                // The same again is no progress.
                return Pattern::Random;
            }
            if let Some(mut stream) = self.candidates.remove(index) {
                stream.used = self.clock;
                stream.advance(read, pace);
                return self.add(stream, read);
            }
        }
        // Who begins at the beginning usually goes on; who begins elsewhere has to show it.
        let from_start = start == 0;
        let known = from_start && end >= READAHEAD;
        let stream = Stream {
            start,
            place: end,
            seen: if known { SLACK } else { end - start },
            window: FIRST_WINDOW.min(read.limit),
            steady: 0,
            since: read.at,
            waited: false,
            requested: start,
            swept: start,
            used: self.clock,
        };
        if from_start {
            return self.add(stream, read);
        }
        if self.candidates.len() == CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back(stream);
        Pattern::Random
    }

    /// A new stream, in place of the one that was used longest ago if there are too many.
    fn add(&mut self, stream: Stream, read: &Noted) -> Pattern {
        if self.shown.len() >= MOST
            && let Some(oldest) = (0..self.shown.len()).min_by_key(|i| self.shown[*i].used)
        {
            self.shown.swap_remove(oldest);
        }
        self.shown.push(stream);
        self.answer(self.shown.len() - 1, read)
    }

    fn answer(&mut self, index: usize, read: &Noted) -> Pattern {
        let stream = &self.shown[index];
        let target = (stream.place + stream.window).min(read.size);
        let mut begin = stream.requested.max(read.span.start);
        let mut end = target.next_multiple_of(BLOCK).min(read.size);
        // What another stream asked for is here, or was here and has been read.
        for other in self.shown.iter().filter(|other| *other != stream) {
            if other.start <= begin {
                begin = begin.max(other.requested);
            } else if other.requested > other.start {
                end = end.min(other.start.next_multiple_of(BLOCK));
            }
        }
        let stream = &mut self.shown[index];
        stream.requested = stream.requested.max(begin);
        // A request for every block as it comes due would be many small ones: wait until a quarter
        // of the window is due, unless the object ends before.
        let due = end.saturating_sub(begin);
        let ahead = if due > 0 && (due >= stream.window / 4 || end < target || end == read.size) {
            stream.requested = end;
            begin..end
        } else {
            begin..begin
        };
        let past = stream.place.saturating_sub(SLACK + BLOCK) / BLOCK * BLOCK;
        let behind = stream.swept..past.max(stream.swept);
        stream.swept = behind.end;
        Pattern::Sequential {
            stream: index,
            window: stream.window,
            ahead,
            behind,
        }
    }

    /// Of what a stream was told to fetch, the bytes from `at` on found no room: it reads less far
    /// ahead, and asks for them again.
    pub(super) fn fell_short(&mut self, stream: usize, at: u64) {
        if let Some(stream) = self.shown.get_mut(stream) {
            stream.requested = stream.requested.min(at);
            stream.window = (stream.window / 2).max(FIRST_WINDOW.min(stream.window));
            stream.steady = 0;
            stream.waited = false;
        }
    }
}

impl Stream {
    fn advance(&mut self, read: &Noted, pace: &Pace) {
        let length = read.span.end - read.span.start;
        self.place = self.place.max(read.span.end);
        self.seen += length;
        self.steady += length;
        self.waited |= read.waits;
        if self.steady >= self.window / 2 {
            let took = read.at.saturating_sub(self.since).as_secs_f64().max(1e-6);
            let rate = self.steady as f64 / took;
            if self.window < TRUSTED_WINDOW {
                self.window *= 2;
            } else if self.waited {
                let double = self.window * 2;
                let wanted = pace.ahead(rate, self.window).unwrap_or(double);
                self.window = wanted.clamp(self.window, double);
            }
            self.steady = 0;
            self.since = read.at;
            self.waited = false;
        }
        self.window = self.window.min(read.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 64 * MIB;
    const SIZE: u64 = 4096 * MIB;

    fn read(start: u64, end: u64) -> Noted {
        Noted {
            span: start..end,
            at: Duration::ZERO,
            waits: false,
            limit: LIMIT,
            size: SIZE,
        }
    }

    fn waits(start: u64, end: u64) -> Noted {
        Noted {
            waits: true,
            ..read(start, end)
        }
    }

    fn note(streams: &mut Streams, read: &Noted) -> Pattern {
        streams.note(read, &Pace::default())
    }

    fn ahead(pattern: Pattern) -> Range<u64> {
        match pattern {
            Pattern::Sequential { ahead, .. } => ahead,
            Pattern::Random => panic!("a stream is wanted"),
        }
    }

    /// Reads 1,000 MiB and gives the last window.
    fn last_window(noted: fn(u64, u64) -> Noted) -> u64 {
        let mut streams = Streams::default();
        for i in 0..4000 {
            note(&mut streams, &noted(i * MIB / 4, (i + 1) * MIB / 4));
        }
        streams.shown[0].window
    }

    #[test]
    fn the_window_grows_as_long_as_reads_wait() {
        assert_eq!(last_window(waits), LIMIT);
        assert_eq!(last_window(read), TRUSTED_WINDOW);
    }

    #[test]
    fn the_window_stops_where_it_covers_bandwidth_times_delay() {
        // Heads after 20 ms, 125 MB/s a connection; a program that takes 1 GB/s when it can.
        let pace = Pace::default();
        pace.head(Duration::from_millis(20));
        pace.body(125_000_000, Duration::from_secs(1));
        let mut streams = Streams::default();
        for i in 0..4000 {
            let read = Noted {
                at: Duration::from_micros(1000 * i),
                limit: 1 << 30,
                ..waits(i * MIB, (i + 1) * MIB)
            };
            streams.note(&read, &pace);
        }
        let window = streams.shown[0].window;
        assert!((70 * MIB..80 * MIB).contains(&window), "{window}");
    }

    #[test]
    fn everything_is_asked_for_once_and_in_large_pieces() {
        let mut streams = Streams::default();
        let mut at = 0;
        let mut requests = 0;
        for start in (0..SIZE).step_by(MIB as usize / 8) {
            let ahead = ahead(note(&mut streams, &waits(start, start + MIB / 8)));
            if !ahead.is_empty() {
                assert_eq!(ahead.start, at);
                assert!(ahead.end > start + MIB / 8 || ahead.end == SIZE);
                at = ahead.end;
                requests += 1;
            }
        }
        assert_eq!(at, SIZE);
        assert!(requests < 4096 / 10, "{requests}");
    }

    #[test]
    fn no_room_makes_the_window_smaller_and_the_rest_asked_for_again() {
        let mut streams = Streams::default();
        for i in 0..100 {
            note(&mut streams, &waits(i * MIB, (i + 1) * MIB));
        }
        let before = streams.shown[0].window;
        streams.fell_short(0, 101 * MIB);
        assert_eq!(streams.shown[0].window, before / 2);
        let ahead = ahead(note(&mut streams, &read(100 * MIB, 101 * MIB)));
        assert_eq!(ahead.start, 101 * MIB);
        for _ in 0..20 {
            streams.fell_short(0, 0);
        }
        assert_eq!(streams.shown[0].window, FIRST_WINDOW);
    }

    #[test]
    fn reordered_reads_of_one_stream_stay_together() {
        let mut streams = Streams::default();
        note(&mut streams, &read(0, MIB));
        for at in [2, 1, 4, 3, 7, 5, 6] {
            ahead(note(&mut streams, &read(at * MIB, (at + 1) * MIB)));
        }
        assert_eq!(streams.shown.len(), 1);
    }

    #[test]
    fn random_reads_ask_for_nothing_more() {
        let mut streams = Streams::default();
        let mut seed = 1_u64;
        let mut mistaken = 0;
        for _ in 0..1000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 20) % (SIZE / 4096) * 4096 + 4096;
            let pattern = note(&mut streams, &read(at, at + 4096));
            mistaken += u32::from(pattern != Pattern::Random);
        }
        // Two of a thousand pages may touch by chance.
        assert!(mistaken <= 2, "{mistaken}");
        assert!(streams.shown.len() <= 2 && streams.candidates.len() == CANDIDATES);
    }

    #[test]
    fn two_places_of_one_object_are_two_streams() {
        let mut streams = Streams::default();
        for i in 0..8 {
            note(&mut streams, &read(i * MIB, (i + 1) * MIB));
            let second = note(&mut streams, &read((1000 + i) * MIB, (1001 + i) * MIB));
            assert_eq!(i == 0, second == Pattern::Random);
        }
        assert_eq!(streams.shown.len(), 2);
    }

    #[test]
    fn many_places_are_streams_and_random_reads_end_none() {
        let mut streams = Streams::default();
        for i in 0..8 {
            for place in 0..16 {
                let start = place * 100 * MIB + i * MIB;
                let pattern = note(&mut streams, &read(start, start + MIB));
                assert_eq!(pattern == Pattern::Random, i == 0 && place > 0);
            }
        }
        assert_eq!(streams.shown.len(), 16);
        for i in 0..100 {
            let start = 2000 * MIB + i * 7 * MIB;
            let pattern = note(&mut streams, &read(start, start + 4096));
            assert_eq!(pattern, Pattern::Random);
        }
        assert_eq!(streams.shown.len(), 16);
        let goes_on = note(&mut streams, &read(308 * MIB, 309 * MIB));
        assert_ne!(goes_on, Pattern::Random);
    }

    #[test]
    fn what_was_passed_is_given_up_once() {
        let mut streams = Streams::default();
        let mut at = 0;
        for i in 0..100 {
            let pattern = note(&mut streams, &read(i * MIB, (i + 1) * MIB));
            let Pattern::Sequential { behind, .. } = pattern else {
                panic!("a stream is wanted");
            };
            assert_eq!(behind.start, at);
            at = behind.end;
        }
        assert_eq!(at, 100 * MIB - SLACK - BLOCK);
    }
}
