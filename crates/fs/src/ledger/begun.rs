//! Changes of names that may come again after they took effect.
//!
//! Such a change is noted right before OSS is asked for it, once it is known that it can be made. If the process dies
//! then and the kernel sends the request again, what would be an error of a new request (the name exists; it does not
//! exist) only says that the change took effect.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{Key, Ledger, Left, Request, ResumeError};

/// So many are remembered: more requests than the kernel has under way at once.
const MOST: usize = 4096;

/// What began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Began {
    /// A name that led nowhere was to lead to something new.
    Making,
    /// What the name led to, this node with this `ETag` (empty: none), was to go or to move.
    Taking { node: u64, etag: String },
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// How many there were before.
    count: u64,
    request: u64,
    began: Began,
}

/// The changes that began last.
#[derive(Default)]
pub(crate) struct Begun(Mutex<Last>);

#[derive(Default)]
struct Last {
    by_request: HashMap<u64, Began>,
    order: VecDeque<u64>,
    /// How many there were so far.
    count: u64,
}

impl Begun {
    /// Those of a former process.
    pub(crate) fn restore(&self, left: &mut Left) -> Result<(), ResumeError> {
        let records: Vec<(u64, Record)> = left.take_all(|key| match key {
            Key::Begun(place) => Some(place),
            _ => None,
        })?;
        let mut last = self.0.lock();
        let mut records: Vec<Record> = records.into_iter().map(|(_, record)| record).collect();
        records.sort_unstable_by_key(|record| record.count);
        for record in records {
            last.count = record.count + 1;
            last.insert(record.request, record.began);
        }
        Ok(())
    }

    /// Notes what the present request is about to do.
    pub(crate) fn note(&self, ledger: &Ledger, began: Began) {
        let request = Request::current().number;
        if request == 0 || !ledger.is_on() {
            return;
        }
        let mut last = self.0.lock();
        let place = last.count % MOST as u64;
        let record = Record {
            count: last.count,
            request,
            began,
        };
        last.count += 1;
        ledger.put(Key::Begun(place), &record);
        last.insert(request, record.began);
    }

    /// What the present request began when it was sent to a former process.
    pub(crate) fn before(&self) -> Option<Began> {
        let request = Request::current();
        if !request.resent {
            return None;
        }
        self.0.lock().by_request.get(&request.number).cloned()
    }

    /// Whether the present request was about to make something when it was sent to a former process.
    pub(crate) fn was_making(&self) -> bool {
        self.before() == Some(Began::Making)
    }
}

impl Last {
    fn insert(&mut self, request: u64, began: Began) {
        if self.by_request.insert(request, began).is_none() {
            self.order.push_back(request);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_request.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::ledger::tests::TestVault;
    use std::sync::Arc;

    #[tokio::test]
    async fn the_last_ones_are_remembered_and_no_more() {
        let vault = Arc::new(TestVault::default());
        let holder: Arc<dyn super::super::Vault> = vault.clone();
        let ledger = Ledger::create(holder, Budget::new(1 << 20)).unwrap();
        let begun = Begun::default();
        let request = |number, resent| Request { number, resent };
        let last = 2 * MOST as u64 + 5;
        for number in 1..=last {
            request(number, false).run_now(|| begun.note(&ledger, Began::Making));
        }
        let (second, files) = vault.killed();
        let holder: Arc<dyn super::super::Vault> = second.clone();
        let (ledger, mut left) = Ledger::open(holder, Budget::new(1 << 20), files).unwrap();
        assert_eq!(left.values.len(), MOST);
        let next = Begun::default();
        next.restore(&mut left).unwrap();
        assert!(request(last, true).run_now(|| next.was_making()));
        assert!(!request(last, false).run_now(|| next.was_making()));
        assert!(!request(1, true).run_now(|| next.was_making()));
        let taking = Began::Taking {
            node: 7,
            etag: "e".to_owned(),
        };
        request(last + 1, true).run_now(|| next.note(&ledger, taking.clone()));
        assert_eq!(
            request(last + 1, true).run_now(|| next.before()),
            Some(taking)
        );
        // It took the place of the oldest: a third process knows the last of the first.
        let (third, files) = second.killed();
        let (_ledger, mut left) = Ledger::open(third, Budget::new(1 << 20), files).unwrap();
        let next = Begun::default();
        next.restore(&mut left).unwrap();
        for number in [last + 1, last, last - MOST as u64 + 2] {
            let known = request(number, true).run_now(|| next.before().is_some());
            assert!(known, "{number}");
        }
    }
}
