//! The order in which files were opened, so that a pass that repeats an earlier one is recognised. Plain data.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::budget::{Budget, Lease, Priority};
use crate::types::NodeId;

/// Opens remembered at most.
const MOST: usize = 1 << 20;
/// Opens by which the memory for them grows, and what each takes: 8 bytes here, and about 20 in the index.
const STEP: usize = 4096;
const EACH: u64 = 32;
/// The record takes at most this share of the budget.
const SHARE: u64 = 64;
/// So many opens in the order of an earlier pass show that it repeats.
const REPEATS: u32 = 4;
/// A few files between two opens are no disorder: threads take turns, and programs skip files.
const NEAR: u64 = 8;

/// What was opened, oldest first. A place is a number that only grows.
pub(super) struct Epochs {
    budget: Budget,
    opens: VecDeque<NodeId>,
    /// The place of the first of `opens`.
    first: u64,
    /// Where each node was opened last.
    last: HashMap<NodeId, u64>,
    /// The place in an earlier pass that the last open was at, and how many opens in a row followed it.
    at: u64,
    run: u32,
    leases: Vec<Lease>,
}

impl Epochs {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            opens: VecDeque::new(),
            first: 0,
            last: HashMap::new(),
            at: 0,
            run: 0,
            leases: Vec::new(),
        }
    }

    /// Notes an open. If it follows an earlier pass: the place after it there, and the place where this pass began.
    pub(super) fn note(&mut self, node: NodeId) -> Option<(u64, u64)> {
        if self.opens.len() == STEP * self.leases.len() {
            let most = (self.budget.total() / SHARE / EACH).min(MOST as u64) as usize;
            let lease = (self.opens.len() < most).then(|| {
                self.budget
                    .try_lease(Priority::Prefetch, STEP as u64 * EACH)
            });
            match lease.flatten() {
                Some(lease) => self.leases.push(lease),
                None if self.opens.is_empty() => return None,
                None => self.forget_oldest(),
            }
        }
        let place = self.first + self.opens.len() as u64;
        self.opens.push_back(node);
        let before = self.last.insert(node, place);
        let before = before.filter(|before| *before >= self.first);
        self.run = match before {
            Some(before) if (self.at + 1..=self.at + 1 + NEAR).contains(&before) => self.run + 1,
            // Out of its turn, but near.
            Some(before) if self.run > 0 && before <= self.at && before + NEAR >= self.at => {
                return None;
            }
            Some(_) => 1,
            None => 0,
        };
        let before = before?;
        self.at = before;
        (self.run >= REPEATS).then(|| (before + 1, place + 1 - u64::from(self.run)))
    }

    fn forget_oldest(&mut self) {
        if let Some(node) = self.opens.pop_front() {
            if self.last.get(&node) == Some(&self.first) {
                self.last.remove(&node);
            }
            self.first += 1;
        }
    }

    /// The place that the next open gets.
    pub(super) fn now(&self) -> u64 {
        self.first + self.opens.len() as u64
    }

    /// What was opened at a place, and the next place that is remembered.
    pub(super) fn get(&self, place: u64) -> Option<(NodeId, u64)> {
        let place = place.max(self.first);
        let node = self.opens.get((place - self.first) as usize)?;
        Some((*node, place + 1))
    }

    /// True if the node was opened at most so many opens ago.
    pub(super) fn lately(&self, node: NodeId, opens: u64) -> bool {
        let last = self.last.get(&node);
        last.is_some_and(|last| last + opens >= self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u64) -> NodeId {
        NodeId::new(number + 2).unwrap()
    }

    #[test]
    fn a_repeated_order_is_recognised_and_another_is_not() {
        let budget = Budget::new(64 << 20);
        let mut epochs = Epochs::new(&budget);
        let order: Vec<u64> = (0..100).map(|i| i * 37 % 100).collect();
        for number in &order {
            assert_eq!(epochs.note(node(*number)), None);
        }
        let found: Vec<_> = order.iter().map(|n| epochs.note(node(*n))).collect();
        assert_eq!(found[..4], [None, None, None, Some((4, 100))]);
        assert_eq!(epochs.get(4), Some((node(order[4]), 5)));
        assert!(found[4..].iter().all(Option::is_some));
        let other = (0..100).map(|i| i * 13 % 100);
        let found = other.filter(|n| epochs.note(node(*n)).is_some()).count();
        assert!(found < 5, "{found}");
        assert!(epochs.lately(node(0), 100) && !epochs.lately(node(777), 100));
    }

    #[test]
    fn the_record_stays_within_its_share() {
        let budget = Budget::new(64 << 20);
        let mut epochs = Epochs::new(&budget);
        for number in 0..100_000 {
            epochs.note(node(number));
        }
        let most = (budget.total() / SHARE) as usize;
        assert!(budget.used() as usize <= most + STEP * EACH as usize);
        assert!(epochs.opens.len() * (EACH as usize) <= most + STEP * EACH as usize);
        assert_eq!(epochs.last.len(), epochs.opens.len());
        assert_eq!(epochs.now(), 100_000);
        let (oldest, _) = epochs.get(0).unwrap();
        assert_eq!(oldest, node(epochs.first));
    }
}
