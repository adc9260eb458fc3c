//! Sets of byte ranges.

use std::{collections::BTreeMap, ops::Range};

/// Bytes of a file, as ranges that neither overlap nor touch. A range costs about 50 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extents(BTreeMap<u64, u64>);

impl Extents {
    /// Number of ranges.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Start and end of each range, in order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }

    /// Adds a range.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        // Whatever begins at or before the end and does not end before the start becomes part of it.
        while let Some((&from, &to)) = self.0.range(..=end).next_back() {
            if to < start {
                break;
            }
            self.0.remove(&from);
            start = start.min(from);
            end = end.max(to);
        }
        self.0.insert(start, end);
    }

    /// Forgets everything from `size` on.
    pub(super) fn truncate(&mut self, size: u64) {
        drop(self.0.split_off(&size));
        if let Some(mut last) = self.0.last_entry()
            && *last.get() > size
        {
            *last.get_mut() = size;
        }
    }

    /// What of `range` is not in the set, in order.
    pub(super) fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = range.start;
        let before = self.0.range(..at).next_back();
        for (&from, &to) in before.into_iter().chain(self.0.range(range.clone())) {
            if from > at {
                gaps.push(at..from);
            }
            at = at.max(to);
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        gaps
    }
}

impl FromIterator<Range<u64>> for Extents {
    fn from_iter<T: IntoIterator<Item = Range<u64>>>(ranges: T) -> Self {
        let mut extents = Self::default();
        for range in ranges {
            extents.insert(range);
        }
        extents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn extents_are_a_vector_of_bools(
            steps in proptest::collection::vec((0..4_u8, 0..64_u64, 0..64_u64), 1..40)
        ) {
            let (mut extents, mut model) = (Extents::default(), [false; 64]);
            for (what, one, other) in steps {
                let range = one.min(other)..one.max(other);
                match what {
                    0 => {
                        extents.truncate(one);
                        model[one as usize..].fill(false);
                    }
                    1 => {
                        let mut bytes = [true; 64];
                        for gap in extents.gaps(range.clone()) {
                            prop_assert!(!gap.is_empty());
                            bytes[gap.start as usize..gap.end as usize].fill(false);
                        }
                        for at in range {
                            prop_assert_eq!(bytes[at as usize], model[at as usize]);
                        }
                    }
                    _ => {
                        extents.insert(range.clone());
                        model[range.start as usize..range.end as usize].fill(true);
                    }
                }
                let runs = model.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
                prop_assert_eq!(extents.len(), runs, "ranges that touch are one");
            }
        }
    }
}
