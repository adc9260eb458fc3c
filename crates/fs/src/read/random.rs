//! Reads that belong to no stream, and what they make likely all the same.
//!
//! *Equal steps*: a file that is read from its end, or a column of a matrix. Once four reads lie at equal
//! distances the next ones are fetched before they are asked for: exactly those bytes, or, where they
//! touch, all that is before them.
//!
//! *Neighbours*: the pages of an index, the records of a chunk. While most reads lie close to two that
//! were before, a read fetches some of what is around it as well. Reads that lie anywhere fetch what
//! they ask for.

use std::{collections::VecDeque, ops::Range};

/// Reads remembered.
const HISTORY: usize = 16;
/// So many reads are fetched ahead of one that goes by equal steps, if they are at most this long together.
const AHEAD: u64 = 16;
const AHEAD_BYTES: u64 = 8 << 20;
/// Reads that touch are fetched ahead in pieces of so many bytes.
const PIECE: (u64, u64) = (256 << 10, 1 << 20);
/// So close to another read is a neighbour, in bytes.
const NEAR: u64 = 128 << 10;
/// So many of them show that it is no chance.
const NEIGHBOURS: usize = 2;
/// What is fetched around a read among neighbours is aligned to so many bytes.
const FILL: (u64, u64) = (16 << 10, 256 << 10);
/// All in all, so many times the bytes asked for are fetched at most, and so many more.
const SHARE: u64 = 3;
const CREDIT: u64 = 256 << 10;

/// What to fetch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// For the read itself: all of its bytes, and perhaps some around them.
    pub(super) now: Range<u64>,
    /// For reads that will probably come, the next one first.
    pub(super) ahead: Vec<Range<u64>>,
}

/// The latest reads of one object that belonged to no stream.
#[derive(Debug, Default)]
pub(super) struct Random {
    history: VecDeque<Range<u64>>,
    fill: u64,
    /// Bytes asked for.
    asked: u64,
}

fn length(span: &Range<u64>) -> u64 {
    span.end - span.start
}

impl Random {
    /// Notes a read in an object of `size` bytes, of which `fetched` were fetched for such reads so far.
    pub(super) fn note(&mut self, span: &Range<u64>, size: u64, fetched: u64) -> Guess {
        self.asked += length(span);
        let mut guess = Guess {
            now: span.clone(),
            ahead: Vec::new(),
        };
        // The same again tells nothing.
        if self.history.contains(span) {
            return guess;
        }
        let mut room = (self.asked * SHARE + CREDIT).saturating_sub(fetched);
        if let Some(step) = self.step(span) {
            room = room.saturating_sub(length(span));
            guess.ahead = ahead(span, step, size);
            guess.ahead.retain(|span| {
                let fits = length(span) <= room;
                room -= if fits { length(span) } else { room };
                fits
            });
        } else {
            self.adapt(span);
            if self.fill > 0 {
                let end = span.end.next_multiple_of(self.fill).min(size);
                let around = span.start / self.fill * self.fill..end;
                if length(&around) <= room {
                    guess.now = around;
                }
            }
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(span.clone());
        guess
    }

    /// The distance from a read before, if two reads before that one came at the same.
    fn step(&self, span: &Range<u64>) -> Option<i64> {
        let alike = |known: &&Range<u64>| length(known) == length(span);
        let before = || self.history.iter().rev().filter(alike);
        before().enumerate().find_map(|(index, known)| {
            let step = span.start.cast_signed() - known.start.cast_signed();
            let mut earlier = before().skip(index + 1);
            let mut came = |steps: i64| {
                let start = span.start.checked_add_signed(-step * steps);
                start.is_some_and(|start| earlier.any(|known| known.start == start))
            };
            (came(2) && came(3)).then_some(step)
        })
    }

    fn adapt(&mut self, span: &Range<u64>) {
        let near = |known: &Range<u64>| {
            let apart = known
                .start
                .max(span.start)
                .saturating_sub(known.end.min(span.end));
            apart <= NEAR
        };
        if self.history.iter().filter(|known| near(known)).count() >= NEIGHBOURS {
            self.fill = (self.fill * 2).clamp(FILL.0, FILL.1);
        } else {
            self.fill /= 2;
            if self.fill < FILL.0 {
                self.fill = 0;
            }
        }
    }
}

fn ahead(span: &Range<u64>, step: i64, size: u64) -> Vec<Range<u64>> {
    let length = length(span);
    if step == -length.cast_signed() {
        let piece = (length * AHEAD).next_power_of_two().clamp(PIECE.0, PIECE.1);
        let last = span.start / piece;
        let pieces = (last.saturating_sub(AHEAD_BYTES / 2 / piece)..=last).rev();
        let before = pieces.map(|number| number * piece..((number + 1) * piece).min(span.start));
        return before.filter(|piece| !piece.is_empty()).collect();
    }
    let count = (AHEAD_BYTES / length.max(1)).clamp(1, AHEAD).cast_signed();
    let starts = (1..=count).map_while(|number| span.start.checked_add_signed(step * number));
    let spans = starts.take_while(|start| *start < size);
    spans
        .map(|start| start..(start + length).min(size))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const SIZE: u64 = 1 << 30;

    fn note(random: &mut Random, start: u64, length: u64) -> Guess {
        random.note(&(start..start + length), SIZE, 0)
    }

    #[test]
    fn four_reads_at_equal_distances_tell_the_next() {
        for step in [MIB.cast_signed(), -MIB.cast_signed()] {
            let mut random = Random::default();
            let at = |number: i64| (512 * MIB).saturating_add_signed(step * number);
            for number in 0..3 {
                assert_eq!(note(&mut random, at(number), 4 * KIB).ahead, []);
            }
            let ahead = note(&mut random, at(3), 4 * KIB).ahead;
            let wanted: Vec<_> = (4..20).map(|n| at(n)..at(n) + 4 * KIB).collect();
            assert_eq!(ahead, wanted);
        }
    }

    #[test]
    fn interleaved_readers_do_not_disturb_each_other() {
        let mut random = Random::default();
        for number in 0..10 {
            let first = note(&mut random, number * MIB, 4 * KIB);
            let second = note(&mut random, 700 * MIB - number * 2 * MIB, 8 * KIB);
            assert_eq!(!first.ahead.is_empty(), number >= 3, "{number}");
            assert_eq!(!second.ahead.is_empty(), number >= 3, "{number}");
        }
    }

    #[test]
    fn backward_reads_that_touch_are_fetched_in_pieces() {
        let mut random = Random::default();
        let mut guess = None;
        for number in 1..=24 {
            guess = Some(note(&mut random, 64 * MIB - number * 4 * KIB, 4 * KIB));
        }
        let ahead = guess.map(|guess| guess.ahead).unwrap_or_default();
        let begun = 64 * MIB - 256 * KIB..64 * MIB - 96 * KIB;
        assert_eq!(ahead.first(), Some(&begun));
        assert_eq!(ahead.get(1), Some(&(64 * MIB - 512 * KIB..begun.start)));
        assert!(ahead.iter().map(length).sum::<u64>() <= AHEAD_BYTES);
    }

    #[test]
    fn nothing_beyond_the_ends_is_fetched() {
        let mut random = Random::default();
        for number in (0..6).rev() {
            let ahead = note(&mut random, number * 10 * KIB, KIB).ahead;
            assert!(ahead.len() as u64 <= number, "{ahead:?}");
        }
        for number in 0..6 {
            let start = SIZE - (6 - number) * MIB;
            let ahead = note(&mut random, start, KIB).ahead;
            assert!(ahead.iter().all(|span| span.end <= SIZE), "{ahead:?}");
        }
    }

    #[test]
    fn what_is_around_is_fetched_only_among_neighbours() {
        let mut random = Random::default();
        let mut seed = 1_u64;
        let mut anywhere = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 20) % (SIZE / (4 * KIB)) * 4 * KIB
        };
        for _ in 0..1000 {
            let start = anywhere();
            assert!(length(&note(&mut random, start, 4 * KIB).now) <= 32 * KIB);
        }
        let near = [3, 11, 5, 8, 1, 10, 2, 7];
        let near = near.map(|n| note(&mut random, 300 * MIB + n * 12 * KIB, 4 * KIB).now);
        assert!(length(&near[7]) >= FILL.1, "{near:?}");
        for _ in 0..8 {
            let start = anywhere();
            note(&mut random, start, 4 * KIB);
        }
        let start = anywhere();
        assert_eq!(
            note(&mut random, start, 4 * KIB).now,
            start..start + 4 * KIB
        );
    }

    #[test]
    fn no_more_than_three_times_what_was_asked_is_fetched() {
        let mut random = Random::default();
        let mut fetched = 0;
        let (mut seed, mut asked) = (1_u64, 0);
        for _ in 0..10_000 {
            // A few neighbours here and there, which make it believe that more will come.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let start = (seed >> 20) % SIZE;
            for near in [0, 40 * KIB, 90 * KIB, 120 * KIB] {
                let guess = random.note(&(start + near..start + near + KIB), SIZE, fetched);
                fetched += length(&guess.now) + guess.ahead.iter().map(length).sum::<u64>();
                asked += KIB;
            }
        }
        assert!(fetched <= SHARE * asked + CREDIT, "{fetched} for {asked}");
        assert!(fetched >= 2 * asked, "{fetched} for {asked}");
    }
}
