use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_lease_comes_back_when_dropped() {
    let budget = Budget::new(100);
    let lease = budget.try_lease(Priority::Demand, 100).unwrap();
    assert!(budget.try_lease(Priority::Demand, 1).is_none());
    drop(lease);
    assert_eq!(budget.used(), 0);
    assert_eq!(budget.peak(), 100);
}

#[test]
fn lower_classes_leave_room() {
    let budget = Budget::new(800);
    let _prefetch = budget.try_lease(Priority::Prefetch, 600).unwrap();
    assert!(budget.try_lease(Priority::Prefetch, 1).is_none());
    let _write = budget.try_lease(Priority::Write, 100).unwrap();
    assert!(budget.try_lease(Priority::Write, 1).is_none());
    assert!(budget.try_lease(Priority::Demand, 100).is_some());
}

#[test]
fn split_shrink_and_merge_keep_the_sum() {
    let budget = Budget::new(100);
    let mut lease = budget.try_lease(Priority::Demand, 60).unwrap();
    let mut part = lease.split(20);
    assert_eq!((lease.bytes(), part.bytes(), budget.used()), (40, 20, 60));
    lease.shrink(10);
    assert_eq!(budget.used(), 30);
    part.merge(lease);
    assert_eq!((part.bytes(), budget.used()), (30, 30));
    drop(part);
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn demand_passes_prefetch_and_first_come_is_first_served() {
    let budget = Budget::new(100);
    let all = budget.try_lease(Priority::Demand, 100).unwrap();
    let mut prefetch = Box::pin(budget.lease(Priority::Prefetch, 50));
    assert!(poll(&mut prefetch).is_pending());
    let mut first = Box::pin(budget.lease(Priority::Demand, 60));
    let mut second = Box::pin(budget.lease(Priority::Demand, 60));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(
        budget.try_lease(Priority::Demand, 1).is_none(),
        "somebody waits"
    );
    drop(all);
    let Poll::Ready(Ok(lease)) = poll(&mut first) else {
        panic!("the first is served")
    };
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut prefetch).is_pending());
    drop(lease);
    let lease = second.now_or_never().unwrap().unwrap();
    assert!(poll(&mut prefetch).is_pending());
    drop(lease);
    assert_eq!(prefetch.now_or_never().unwrap().unwrap().bytes(), 50);
}

#[tokio::test]
async fn giving_up_leaves_nothing_behind() {
    let budget = Budget::new(100);
    let all = budget.try_lease(Priority::Demand, 100).unwrap();
    let mut gone = Box::pin(budget.lease(Priority::Demand, 100));
    assert!(poll(&mut gone).is_pending());
    let mut waits = Box::pin(budget.lease(Priority::Demand, 10));
    assert!(poll(&mut waits).is_pending());
    drop(gone);
    drop(all);
    assert_eq!(waits.await.unwrap().bytes(), 10);
    assert_eq!(budget.used(), 0);
    // Granted, but never looked at.
    let all = budget.try_lease(Priority::Demand, 100).unwrap();
    let mut granted = Box::pin(budget.lease(Priority::Demand, 100));
    assert!(poll(&mut granted).is_pending());
    drop(all);
    assert_eq!(budget.used(), 100);
    drop(granted);
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn who_stood_behind_a_waiter_that_gave_up_is_served() {
    let budget = Budget::new(100);
    let _half = budget.try_lease(Priority::Demand, 50).unwrap();
    let mut large = Box::pin(budget.lease(Priority::Demand, 100));
    assert!(poll(&mut large).is_pending());
    let mut small = Box::pin(budget.lease(Priority::Demand, 10));
    assert!(poll(&mut small).is_pending());
    drop(large);
    assert!(poll(&mut small).is_ready());
}

#[tokio::test]
async fn more_than_the_pool_is_refused_at_once() {
    let budget = Budget::new(100);
    assert!(matches!(
        budget.lease(Priority::Demand, 101).await,
        Err(Error::OverBudget)
    ));
    assert!(matches!(
        budget.lease(Priority::Prefetch, 76).await,
        Err(Error::OverBudget)
    ));
}

struct Cache {
    held: Mutex<Vec<Lease>>,
    asked: AtomicU64,
}

impl Reclaim for Cache {
    fn reclaim(&self, bytes: u64) -> u64 {
        self.asked.store(bytes, Ordering::Relaxed);
        let mut freed = 0;
        while freed < bytes {
            let Some(lease) = self.held.lock().pop() else {
                break;
            };
            freed += lease.bytes();
        }
        freed
    }
}

#[tokio::test]
async fn caches_make_room_for_demand() {
    let budget = Budget::new(100);
    let cache = Arc::new(Cache {
        held: Mutex::new(Vec::new()),
        asked: AtomicU64::new(0),
    });
    let weak: Weak<Cache> = Arc::downgrade(&cache);
    budget.register(weak);
    for _ in 0..7 {
        cache
            .held
            .lock()
            .push(budget.try_lease(Priority::Prefetch, 10).unwrap());
    }
    let lease = budget.lease(Priority::Demand, 50).await.unwrap();
    assert_eq!(cache.asked.load(Ordering::Relaxed), 20);
    assert_eq!(budget.used(), 100);
    drop(lease);
}

proptest! {
    /// Whatever is taken, waited for, given up and dropped: never over the total, and all comes back.
    #[test]
    fn the_total_is_hard(steps in proptest::collection::vec((0..3usize, 0..60u64, 0..6u8), 1..80)) {
        // A lease that waits uses a timer.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _timers = runtime.enter();
        let budget = Budget::new(100);
        let classes = [Priority::Demand, Priority::Write, Priority::Prefetch];
        let mut held = Vec::new();
        let mut waiting: Vec<std::pin::Pin<Box<dyn Future<Output = _>>>> = Vec::new();
        for (class, bytes, step) in steps {
            match step {
                0 | 1 => held.extend(budget.try_lease(classes[class], bytes)),
                2 | 3 => {
                    let budget = budget.clone();
                    let mut future: std::pin::Pin<Box<dyn Future<Output = Result<Lease, Error>>>> =
                        Box::pin(async move { budget.lease(classes[class], bytes).await });
                    match future.as_mut().now_or_never() {
                        Some(lease) => held.extend(lease.ok()),
                        None => waiting.push(future),
                    }
                }
                4 if !held.is_empty() => drop(held.swap_remove(bytes as usize % held.len())),
                5 if !waiting.is_empty() => drop(waiting.swap_remove(bytes as usize % waiting.len())),
                _ => {}
            }
            prop_assert!(budget.used() <= 100);
        }
        held.clear();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for mut future in waiting {
                if future.as_mut().now_or_never().is_none() {
                    still.push(future);
                }
            }
            prop_assert!(still.len() < before, "somebody waits although the pool is free");
            waiting = still;
        }
        prop_assert_eq!(budget.used(), 0);
    }
}
