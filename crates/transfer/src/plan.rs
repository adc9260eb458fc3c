//! How large parts are (API page "UploadPart": 10,000 parts of 100 KiB to 5 GiB, the last may be smaller).

use std::ops::Range;

const MOST_PARTS: u64 = 10_000;
const SMALLEST_PART: u64 = 100 << 10;

/// Parts of `size` bytes, all equal but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) size: u64,
    pub(crate) part_size: u64,
}

impl Plan {
    /// Parts of `wanted` bytes, or larger if those would be too many.
    pub(crate) fn new(size: u64, wanted: u64) -> Self {
        let part_size = wanted.max(SMALLEST_PART).max(size.div_ceil(MOST_PARTS));
        Self { size, part_size }
    }

    /// How many.
    pub(crate) fn parts(self) -> u32 {
        self.size.div_ceil(self.part_size) as u32
    }

    /// The bytes of part `number`, which is 1 to [`Plan::parts`].
    pub(crate) fn range(self, number: u32) -> Range<u64> {
        let start = u64::from(number - 1) * self.part_size;
        start..(start + self.part_size).min(self.size)
    }

    /// Bytes of part `number`.
    pub(crate) fn length(self, number: u32) -> u64 {
        let range = self.range(number);
        range.end - range.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_file_and_are_never_too_many() {
        for size in [0, 1, 8 << 20, (8 << 20) + 1, 100 << 30, 48 << 40] {
            let plan = Plan::new(size, 8 << 20);
            assert!(u64::from(plan.parts()) <= MOST_PARTS);
            let sum: u64 = (1..=plan.parts()).map(|n| plan.length(n)).sum();
            assert_eq!(sum, size);
            assert!((1..plan.parts()).all(|n| plan.range(n).end == plan.range(n + 1).start));
        }
        assert_eq!(Plan::new(1 << 20, 1).part_size, SMALLEST_PART);
    }
}
