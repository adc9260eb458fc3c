//! Which parts an object is made of when some of its bytes are in OSS already.

use super::parts::{MOST_PARTS, SMALLEST_PART};
use std::ops::Range;

/// Unchanged runs shorter than this, in bytes, are sent along: a request costs as much.
const WORTH_A_COPY: u64 = 1 << 20;

/// Where a run of bytes comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The object that is there, in OSS; the same bytes of it.
    Copy(Range<u64>),
    /// Here.
    Send(Range<u64>),
}

/// Covers `0..size` in order with pieces of at least [`SMALLEST_PART`] bytes but the last, at most [`MOST_PARTS`]. Those that are
/// sent have about `part` bytes; `unchanged` (in order, within `0..size`) is copied where that is worth a request.
pub(super) fn plan(size: u64, part: u64, unchanged: &[Range<u64>]) -> Vec<Piece> {
    let (mut part, mut worth) = (part, part.clamp(SMALLEST_PART, WORTH_A_COPY));
    loop {
        let pieces = try_plan(size, part, worth, unchanged);
        if pieces.len() <= MOST_PARTS as usize {
            return pieces;
        }
        (part, worth) = (part * 2, worth * 4);
    }
}

fn try_plan(size: u64, part: u64, worth: u64, unchanged: &[Range<u64>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // Everything before is planned.
    let mut at = 0;
    for run in unchanged {
        let mut run = run.clone();
        // What is sent before it must be a part: it takes from the run what it lacks.
        if run.start > at {
            run.start = run.start.max(at + SMALLEST_PART);
        }
        // So must what is sent behind it, of which nobody knows yet how short it is; but at the end any part will do.
        if run.end <= run.start || run.end - run.start < worth {
            continue;
        }
        send(&mut pieces, at..run.start, part);
        at = run.end;
        pieces.push(Piece::Copy(run));
    }
    send(&mut pieces, at..size, part);
    pieces
}

/// Splits what is sent evenly.
fn send(pieces: &mut Vec<Piece>, range: Range<u64>, part: u64) {
    let length = range.end - range.start;
    if length == 0 {
        return;
    }
    let most = (length / SMALLEST_PART).max(1);
    let count = length.div_ceil(part).min(most);
    let border = |number| range.start + length * number / count;
    pieces.extend((0..count).map(|number| Piece::Send(border(number)..border(number + 1))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::slice;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_small_change_of_a_large_file_is_little_to_send() {
        let (size, changed) = (1 << 30, 500 * MIB);
        let runs = [0..changed, changed + 4096..size];
        let end = changed + SMALLEST_PART;
        let wanted = [
            Piece::Copy(0..changed),
            Piece::Send(changed..end),
            Piece::Copy(end..size),
        ];
        assert_eq!(plan(size, 10 * MIB, &runs), wanted);
    }

    #[test]
    fn what_was_appended_or_cut_off_leaves_the_rest_where_it_is() {
        let all = 0..30 * MIB;
        let appended = plan(30 * MIB + 5, 10 * MIB, slice::from_ref(&all));
        let tail = Piece::Send(30 * MIB..30 * MIB + 5);
        assert_eq!(appended, [Piece::Copy(0..30 * MIB), tail]);
        let left = 0..20 * MIB;
        let cut = plan(20 * MIB, 10 * MIB, slice::from_ref(&left));
        assert_eq!(cut, [Piece::Copy(0..20 * MIB)]);
    }

    #[test]
    fn changes_everywhere_never_make_too_many_parts() {
        let size = 40_000 * MIB;
        let runs: Vec<_> = (0..20_000)
            .map(|n| n * 2 * MIB..(n * 2 + 1) * MIB)
            .collect();
        assert!(plan(size, 10 * MIB, &runs).len() <= MOST_PARTS as usize);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_file_and_only_the_last_is_small(
            size in 1..8_000_000_u64,
            cuts in proptest::collection::btree_set(0..8_000_000_u64, 0..12),
        ) {
            let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut <= size).collect();
            let runs: Vec<_> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
            let pieces = plan(size, 300_000, &runs);
            let mut at = 0;
            for (number, piece) in pieces.iter().enumerate() {
                let (Piece::Copy(range) | Piece::Send(range)) = piece;
                prop_assert_eq!(range.start, at);
                at = range.end;
                let length = range.end - range.start;
                prop_assert!(length >= SMALLEST_PART || number + 1 == pieces.len());
                match piece {
                    Piece::Copy(range) => {
                        let within = |run: &Range<u64>| run.start <= range.start && range.end <= run.end;
                        prop_assert!(runs.iter().any(within), "only what is unchanged is copied");
                    }
                    Piece::Send(_) => prop_assert!(length <= 300_000),
                }
            }
            prop_assert_eq!(at, size);
        }
    }
}
