//! The table under its lock. What a call changed is in the ledger when it unlocks, and so before anybody is answered; and
//! what the table has grown by is leased, so that prefetch and caches get less.

use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard};

use super::Namespace;
use crate::budget::{Budget, Lease};

/// Bytes that an entry takes: asserted in `tests`.
pub(super) const ENTRY: u64 = 112;
/// The table is leased in steps of so many bytes; less than one is not.
const STEP: u64 = 1 << 20;
/// Of the budget at most this share is leased for it: reads must go on whatever the kernel holds. How many entries are
/// kept that the kernel does not hold is `max_stat_cache_size`'s affair.
const SHARE: u64 = 4;

/// A namespace that threads share.
pub(crate) struct SharedNamespace {
    table: Mutex<(Namespace, Option<Lease>)>,
    budget: Budget,
}

impl SharedNamespace {
    pub(crate) fn new(namespace: Namespace, budget: &Budget) -> Self {
        Self {
            table: Mutex::new((namespace, None)),
            budget: budget.clone(),
        }
    }

    pub(crate) fn lock(&self) -> Guard<'_> {
        Guard {
            table: self.table.lock(),
            budget: &self.budget,
        }
    }
}

/// The namespace, locked.
pub(crate) struct Guard<'a> {
    table: MutexGuard<'a, (Namespace, Option<Lease>)>,
    budget: &'a Budget,
}

impl Deref for Guard<'_> {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.table.0
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Namespace {
        &mut self.table.0
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let (namespace, lease) = &mut *self.table;
        if namespace.has_news() {
            namespace.record();
        }
        let bytes = namespace.slots() as u64 * ENTRY / STEP * STEP;
        let leased = lease.as_ref().map_or(0, Lease::bytes);
        if bytes > leased
            && let Some(more) = self.budget.take(SHARE, leased, bytes - leased)
        {
            match lease {
                Some(lease) => lease.merge(more),
                None => *lease = Some(more),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Seen, Slot};
    use super::*;
    use crate::{clock::Moment, config::FsConfig};

    #[test]
    fn the_table_takes_its_share_of_the_budget() {
        let mut config = FsConfig::new("bucket", "");
        config.max_stat_cache_size = 100_000;
        let budget = Budget::new(16 << 20);
        let shared = SharedNamespace::new(Namespace::new(&config, 0), &budget);
        let seen = Seen::File(Facts::default());
        let learn = |range: std::ops::Range<u32>| {
            for number in range {
                let mut ns = shared.lock();
                ns.learn(Slot::ROOT, &number.to_string(), &seen, Moment(1));
            }
            budget.used()
        };
        assert_eq!(learn(0..5_000), 0);
        assert_eq!(learn(5_000..20_000), 2 << 20);
        assert_eq!(learn(20_000..60_000), 4 << 20, "no more than its share");
        drop(shared);
        assert_eq!(budget.used(), 0);
    }
}
