//! How much memory each volume of a node may use.

/// The least that a mount works with.
const LEAST: u64 = 16 << 20;
/// More makes no mount faster.
const MOST: u64 = 1 << 30;

/// Bytes for one more volume, when a node has `share` bytes in all and the others have `given`: a quarter of what is
/// left. The first ones get much, the hundredth little, and all together stay near the share.
pub(crate) fn next(share: u64, given: u64) -> u64 {
    (share.saturating_sub(given) / 4).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_volumes_stay_near_the_share() {
        for share in [256 << 20, 1 << 30, 16 << 30] {
            let mut given = 0;
            for _ in 0..100 {
                given += next(share, given);
            }
            assert!(given <= share + 100 * LEAST, "{share}: {given}");
            assert!(given >= share.min(100 * MOST) / 2, "{share}: {given}");
        }
        assert_eq!(next(16 << 30, 0), MOST);
        assert_eq!(next(0, 1), LEAST);
    }
}
