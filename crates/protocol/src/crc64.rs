//! CRC-64 as OSS computes it: polynomial `0x42F0E1EBA9EA3693` reflected, initial value and final
//! xor all ones ("CRC-64/XZ"). The header `x-oss-hash-crc64ecma` holds it as an unsigned decimal.

use crc_fast::CrcAlgorithm::Crc64Xz;

/// A running CRC-64 over bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub struct Crc64 {
    digest: crc_fast::Digest,
    length: u64,
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc64 {
    /// Starts at the checksum of no bytes, which is 0.
    pub fn new() -> Self {
        Self {
            digest: crc_fast::Digest::new(Crc64Xz),
            length: 0,
        }
    }

    /// Adds `data` to the end of what was summed so far.
    pub fn update(&mut self, data: &[u8]) {
        self.digest.update(data);
        self.length += data.len() as u64;
    }

    /// The checksum of everything added so far.
    pub fn value(&self) -> u64 {
        self.digest.finalize()
    }

    /// How many bytes were added so far.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// The checksum of `data`.
pub fn checksum(data: &[u8]) -> u64 {
    crc_fast::checksum(Crc64Xz, data)
}

/// The checksum of A followed by B, from the checksum of each and the length of B in bytes.
///
/// This is how the checksum of a multipart object follows from those of its parts.
pub fn combine(first: u64, second: u64, second_length: u64) -> u64 {
    crc_fast::checksum_combine(Crc64Xz, first, second, second_length)
}

/// [`combine`] for one length of B, prepared: 64 steps instead of the thousands that finding out what so
/// many bytes do to a checksum takes (0.2 ms for 1 MiB).
#[derive(Clone, Debug)]
pub struct Combiner {
    /// What becomes of each bit of the first checksum: [`combine`] is linear in it.
    columns: [u64; 64],
}

impl Combiner {
    /// For a second part of so many bytes.
    pub fn new(second_length: u64) -> Self {
        Self {
            columns: std::array::from_fn(|bit| combine(1 << bit, 0, second_length)),
        }
    }

    /// As [`combine`].
    pub fn combine(&self, first: u64, second: u64) -> u64 {
        let mut sum = second;
        for (bit, column) in self.columns.iter().enumerate() {
            // All ones where the bit is set.
            sum ^= column & (first >> bit & 1).wrapping_neg();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_made_with_the_python_sdk() {
        assert_eq!(checksum(b""), 0);
        assert_eq!(checksum(b"a"), 3_675_645_893_302_102_789);
        assert_eq!(checksum(b"123456789"), 11_051_210_869_376_104_954);
        assert_eq!(checksum(b"hello"), 11_177_612_005_948_864_433);
        assert_eq!(checksum(b"hello world"), 5_981_764_153_023_615_706);
        assert_eq!(checksum(&vec![0; 1 << 20]), 6_947_770_692_288_575_170);
        assert_eq!(checksum(b"hello "), 1_796_661_072_844_795_914);
        assert_eq!(checksum(b"world"), 4_472_352_582_074_980_600);
        assert_eq!(
            combine(1_796_661_072_844_795_914, 4_472_352_582_074_980_600, 5),
            5_981_764_153_023_615_706
        );
    }

    proptest! {
        #[test]
        fn pieces_and_combination_agree_with_the_whole(
            data in proptest::collection::vec(any::<u8>(), 0..4096),
            at in any::<prop::sample::Index>(),
        ) {
            let cut = at.index(data.len() + 1);
            let (a, b) = data.split_at(cut);
            let mut running = Crc64::new();
            running.update(a);
            running.update(b);
            prop_assert_eq!(running.value(), checksum(&data));
            prop_assert_eq!(running.length(), data.len() as u64);
            prop_assert_eq!(combine(checksum(a), checksum(b), b.len() as u64), checksum(&data));
        }
    }

    proptest! {
        #[test]
        fn a_prepared_combination_is_the_same(
            first in proptest::collection::vec(any::<u8>(), 0..200),
            second in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let (a, b) = (checksum(&first), checksum(&second));
            let combiner = Combiner::new(second.len() as u64);
            prop_assert_eq!(combiner.combine(a, b), checksum(&[first, second].concat()));
        }
    }
}
