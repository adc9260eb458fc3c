//! Bytes in several pieces, sliced without a copy.

use bytes::Bytes;

/// Pushes to `out` the bytes `start..end` of the concatenation of `pieces`.
pub(super) fn slice(pieces: &[Bytes], start: u64, end: u64, out: &mut Vec<Bytes>) {
    let mut at = 0;
    for piece in pieces {
        let length = piece.len() as u64;
        let (from, to) = (start.max(at), end.min(at + length));
        if from < to {
            out.push(piece.slice((from - at) as usize..(to - at) as usize));
        }
        at += length;
        if at >= end {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slices_are_those_of_the_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..6),
            a in 0_u64..60, b in 0_u64..60,
        ) {
            let whole = pieces.concat();
            let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
            let mut out = Vec::new();
            slice(&pieces, a, b, &mut out);
            let end = (b as usize).min(whole.len());
            let start = (a as usize).min(end);
            prop_assert!(out.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(out.concat(), &whole[start..end]);
        }
    }
}
