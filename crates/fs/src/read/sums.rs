//! The CRC64 of a large object whose blocks come in any order.

use super::blocks::BLOCK;
use ossplit::crc64;
use std::{collections::BTreeMap, io, sync::LazyLock};

/// Sums of blocks that wait for an earlier one, at most. Who reads that much out of order does not
/// read the whole object.
const MOST_WAITING: usize = 4096;

/// All blocks but the last have one length.
static WHOLE_BLOCK: LazyLock<crc64::Combiner> = LazyLock::new(|| crc64::Combiner::new(BLOCK));

/// Sums the blocks from the first on; each counts when it comes first.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Of the whole object, as OSS told.
    expected: Option<u64>,
    /// Blocks `0..summed` are in `sum`.
    summed: u64,
    sum: u64,
    waiting: BTreeMap<u64, u64>,
}

/// What is wrong with an object whose bytes have another sum than they should.
pub(super) fn wrong(sum: u64, expected: u64) -> io::Error {
    io::Error::other(format!(
        "CRC64 of the object is {expected}, of its bytes {sum}"
    ))
}

impl Sums {
    /// What the whole object's sum must be.
    pub(super) fn expect(&mut self, crc64: Option<u64>) {
        self.expected = self.expected.or(crc64);
    }

    /// Block `number` of an object of `size` bytes came, with this sum. The error, once all came: the
    /// sum that there is and the one that there should be.
    pub(super) fn add(&mut self, number: u64, crc64: u64, size: u64) -> Result<(), (u64, u64)> {
        if number < self.summed || self.waiting.len() >= MOST_WAITING {
            return Ok(());
        }
        self.waiting.insert(number, crc64);
        let mut grew = false;
        while let Some(next) = self.waiting.remove(&self.summed) {
            let length = BLOCK.min(size - self.summed * BLOCK);
            self.sum = if length == BLOCK {
                WHOLE_BLOCK.combine(self.sum, next)
            } else {
                crc64::combine(self.sum, next, length)
            };
            self.summed += 1;
            grew = true;
        }
        match self.expected {
            Some(expected)
                if grew && self.summed == size.div_ceil(BLOCK) && expected != self.sum =>
            {
                Err((self.sum, expected))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: u64 = 4 * BLOCK + 777;

    /// The sums of an object's blocks, and of the object.
    static DATA: LazyLock<(Vec<u64>, u64)> = LazyLock::new(|| {
        let data: Vec<u8> = (0..SIZE).map(|i| (i / 1000) as u8).collect();
        let blocks = data.chunks(BLOCK as usize).map(crc64::checksum);
        (blocks.collect(), crc64::checksum(&data))
    });

    proptest! {
        #[test]
        fn the_sum_of_all_blocks_is_that_of_the_object(
            order in Just((0..5_u64).collect::<Vec<_>>()).prop_shuffle(),
            again in 0_u64..5,
            damaged in proptest::option::of(0_u64..5),
        ) {
            let mut sums = Sums::default();
            sums.expect(Some(DATA.1));
            let mut outcomes = Vec::new();
            for number in order.iter().chain([&again]) {
                let damage = u64::from(damaged == Some(*number));
                let sum = DATA.0[*number as usize] ^ damage;
                outcomes.push(sums.add(*number, sum, SIZE).is_ok());
            }
            prop_assert_eq!(&outcomes[..4], &[true; 4]);
            prop_assert_eq!(outcomes[4], damaged.is_none());
            prop_assert!(outcomes[5], "told once");
        }
    }
}
