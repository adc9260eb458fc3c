//! Opens that follow the order of names, by directory. Plain data.

use hashbrown::HashMap;

use crate::types::NodeId;

/// Places in one directory from which an open may go on: that many workers share it.
const HEADS: usize = 8;
/// Directories remembered.
const DIRECTORIES: usize = 256;
/// A few names between two opens are no disorder: threads take turns, and programs skip files.
const NEAR: usize = 8;

/// From this score on, opens follow the order of names: two in a row, or three that are near.
pub(super) const FOLLOWED: u32 = 3;

/// Where the opens of one directory were: index among its names, and the score of those in a row that came there.
type Heads = Vec<(usize, u32)>;

#[derive(Default)]
pub(super) struct Runs(HashMap<NodeId, Heads>);

impl Runs {
    /// Notes an open of the file with this index in the directory, and tells how well the opens that came there follow
    /// the order of names: 2 for each that came right after the one before, 1 for each that came near.
    pub(super) fn note(&mut self, dir: NodeId, index: usize) -> u32 {
        if self.0.len() >= DIRECTORIES && !self.0.contains_key(&dir) {
            // Whichever: those in use come back after two opens.
            let other = self.0.keys().next().copied();
            other.and_then(|other| self.0.remove(&other));
        }
        let heads = self.0.entry(dir).or_default();
        let follows = |(at, _): &(usize, u32)| (*at + 1..=*at + 1 + NEAR).contains(&index);
        let score = match heads.iter().position(follows) {
            Some(found) => {
                let (at, score) = heads.remove(found);
                score.saturating_add(if at + 1 == index { 2 } else { 1 })
            }
            None => 1,
        };
        if heads.len() == HEADS {
            heads.remove(0);
        }
        heads.push((index, score));
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_share_a_directory_each_have_their_order() {
        let mut runs = Runs::default();
        for turn in 0..10 {
            for worker in 0..4 {
                assert_eq!(
                    runs.note(NodeId::ROOT, 100 * worker + turn),
                    2 * turn as u32 + 1
                );
            }
        }
        assert_eq!(runs.note(NodeId::ROOT, 900), 1, "somewhere else");
        assert_eq!(runs.note(NodeId::ROOT, 5), 1, "backwards is no order");
        assert_eq!(runs.note(NodeId::ROOT, 8), 2, "near");
    }

    #[test]
    fn directories_are_bounded() {
        let mut runs = Runs::default();
        for dir in 1..5000 {
            runs.note(NodeId::new(dir).unwrap(), 0);
        }
        assert_eq!(runs.0.len(), DIRECTORIES);
    }
}
