//! How large parts are, so that 10,000 of them never limit a file.

/// OSS's largest part number.
pub(super) const MOST_PARTS: u32 = 10_000;
/// OSS's smallest part but the last, in bytes.
pub(super) const SMALLEST_PART: u64 = 100 << 10;
/// OSS's largest part, in bytes.
pub(super) const LARGEST_PART: u64 = 5 << 30;

/// Bytes of part `number` (1 and up) of a stream whose length nobody knows yet: parts grow fivefold
/// after the first thousand and again after 5,000, so that even parts of 10 MB make 1.3 TB.
pub(super) fn growing(number: u32, base: u64) -> u64 {
    let factor = match number {
        0..=1000 => 1,
        1001..=5000 => 5,
        _ => 25,
    };
    (base * factor).min(LARGEST_PART)
}

/// Bytes of every part of a file of `size` bytes, `base` if that is enough.
pub(super) fn even(size: u64, base: u64) -> u64 {
    base.max(size.div_ceil(u64::from(MOST_PARTS)))
        .max(SMALLEST_PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_megabyte_parts_make_more_than_a_terabyte() {
        let total: u64 = (1..=MOST_PARTS).map(|n| growing(n, 10 << 20)).sum();
        assert!(total > 1_300_000_000_000, "{total}");
    }

    #[test]
    fn even_parts_are_never_too_many() {
        for size in [1, 10 << 20, 100 << 30, 48 << 40] {
            let part = even(size, 10 << 20);
            assert!(size.div_ceil(part) <= u64::from(MOST_PARTS));
            assert!(part >= SMALLEST_PART);
        }
    }
}
