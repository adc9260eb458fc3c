//! One pool of bytes for the whole mount: every buffer holds a [`Lease`] on it.
//!
//! The total is hard: the leases that exist never add up to more, but for what has to be there for anything to go on
//! and waits for nobody ([`Budget::take`]): others get less for it. Whoever needs bytes waits in the queue of its
//! [`Priority`]; a higher class is always served first, and within a class first come is first served. The lower
//! classes can't fill the pool: writes leave an eighth to reads that a program is waiting for, prefetch leaves a
//! quarter. Caches register a [`Reclaim`] and are asked to let go of bytes when somebody has to wait.
//!
//! To stay free of deadlock, a task that holds a lease and waits for a second one must be able to give the first
//! back, or take what it needs in one lease and [`Lease::split`] it.

mod lease;
mod machine;
mod pressure;
mod room;

use std::collections::VecDeque;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::Error;
pub use lease::Lease;
pub use machine::{cgroups, meminfo};
pub use pressure::Pressure;
pub(crate) use room::room;

/// How long a waiter waits before it asks the caches again.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Who is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A program waits for these bytes.
    Demand,
    /// A program wrote them and goes on.
    Write,
    /// Nobody asked yet.
    Prefetch,
}

/// By the place of their queues.
const CLASSES: [Priority; 3] = [Priority::Demand, Priority::Write, Priority::Prefetch];

/// A cache that can give bytes back.
pub trait Reclaim: Send + Sync {
    /// Drops leases worth about `bytes` and tells how much that was. Called with no lock of the budget held.
    fn reclaim(&self, bytes: u64) -> u64;
}

/// The pool. Clones share it.
#[derive(Clone)]
pub struct Budget(Arc<Pool>);

pub(crate) struct Pool {
    total: u64,
    /// A [`Pressure`].
    pressure: AtomicU8,
    state: Mutex<State>,
}

struct State {
    used: u64,
    peak: u64,
    queues: [VecDeque<Waiter>; 3],
    reclaimers: Vec<Weak<dyn Reclaim>>,
}

struct Waiter {
    bytes: u64,
    grant: oneshot::Sender<Lease>,
}

impl Budget {
    /// A pool of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self(Arc::new(Pool {
            total,
            pressure: AtomicU8::new(Pressure::None as u8),
            state: Mutex::new(State {
                used: 0,
                peak: 0,
                queues: Default::default(),
                reclaimers: Vec::new(),
            }),
        }))
    }

    /// The size of the pool in bytes.
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Bytes leased now.
    pub fn used(&self) -> u64 {
        self.0.state.lock().used
    }

    /// The most bytes that were ever leased at once.
    pub fn peak(&self) -> u64 {
        self.0.state.lock().peak
    }

    /// The most that a class may have leased when its request is granted.
    fn limit(&self, priority: Priority) -> u64 {
        self.0.limit(priority)
    }

    /// Has `cache` asked for bytes when somebody waits, for as long as it lives.
    pub fn register(&self, cache: Weak<dyn Reclaim>) {
        let mut state = self.0.state.lock();
        state.reclaimers.retain(|known| known.strong_count() > 0);
        state.reclaimers.push(cache);
    }

    /// Bytes that whoever is served next still lacks; 0 when nobody waits. A cache that could not give
    /// anything when it was asked looks here when it can.
    pub fn missing(&self) -> u64 {
        let mut state = self.0.state.lock();
        let Some(class) = state.first_waiting() else {
            return 0;
        };
        let bytes = state.queues[class].front().map_or(0, |waiter| waiter.bytes);
        (state.used + bytes).saturating_sub(self.limit(CLASSES[class]))
    }

    /// A lease if it can be had at once, without passing anybody who waits in the same or a higher class.
    pub fn try_lease(&self, priority: Priority, bytes: u64) -> Option<Lease> {
        let mut state = self.0.state.lock();
        let waiting = state.queues[..=priority as usize]
            .iter()
            .flatten()
            .any(|waiter| !waiter.grant.is_closed());
        if waiting || state.used + bytes > self.limit(priority) {
            return None;
        }
        state.take(bytes);
        Some(Lease::new(Arc::clone(&self.0), bytes))
    }

    /// A lease at once, whether there is room or not, of at most this share of the pool together with what `known` is
    /// already; for what can't wait and has bounds of its own. Caches give way when somebody asks next.
    pub fn take(&self, share: u64, known: u64, bytes: u64) -> Option<Lease> {
        let bytes = bytes.min((self.total() / share).saturating_sub(known));
        (bytes > 0).then(|| {
            self.0.state.lock().take(bytes);
            Lease::new(Arc::clone(&self.0), bytes)
        })
    }

    /// As [`Budget::try_lease`], and if it can't be had at once, whether it can when the caches have given what they can.
    pub fn lease_now(&self, priority: Priority, bytes: u64) -> Option<Lease> {
        self.try_lease(priority, bytes).or_else(|| {
            if bytes > self.limit(priority) {
                return None;
            }
            self.reclaim(priority, bytes);
            self.try_lease(priority, bytes)
        })
    }

    /// A lease, waiting for it if need be. Dropping the future gives up the place in the queue.
    ///
    /// Fails only if `bytes` is more than this class could ever have.
    pub async fn lease(&self, priority: Priority, bytes: u64) -> Result<Lease, Error> {
        if bytes > self.limit(priority) {
            return Err(Error::OverBudget);
        }
        if let Some(lease) = self.try_lease(priority, bytes) {
            return Ok(lease);
        }
        // Dropped last, after the receiver: whoever stood behind a waiter that gave up may fit now.
        let _serve = ServeOnDrop(&self.0);
        let (grant, granted) = oneshot::channel();
        self.0.state.lock().queues[priority as usize].push_back(Waiter { bytes, grant });
        tokio::pin!(granted);
        loop {
            self.reclaim(priority, bytes);
            // What a cache takes in after it was asked can be asked for again, once those who wait for
            // it have had the time to use it. Without this a full cache and a waiter could wait for
            // each other.
            if let Ok(lease) = tokio::time::timeout(ASK_AGAIN, &mut granted).await {
                // The sender lives in the queue until it is used; the queue lives as long as `self`.
                return lease.map_err(|_| Error::OverBudget);
            }
        }
    }

    /// Asks the caches for what `bytes` more would need, and serves who waits.
    fn reclaim(&self, priority: Priority, bytes: u64) {
        let (mut missing, caches) = {
            let state = self.0.state.lock();
            let missing = (state.used + bytes).saturating_sub(self.limit(priority));
            (missing, state.reclaimers.clone())
        };
        for cache in caches.iter().filter_map(Weak::upgrade) {
            if missing == 0 {
                break;
            }
            missing = missing.saturating_sub(cache.reclaim(missing));
        }
        // Room may have come between the two locks, or from a cache without a lease: look once.
        self.0.serve();
    }
}

struct ServeOnDrop<'a>(&'a Arc<Pool>);

impl Drop for ServeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.serve();
    }
}

impl State {
    fn take(&mut self, bytes: u64) {
        self.used += bytes;
        self.peak = self.peak.max(self.used);
    }
}

impl Pool {
    fn limit(&self, priority: Priority) -> u64 {
        match priority {
            Priority::Demand => self.total,
            Priority::Write => self.total - self.total / 8,
            Priority::Prefetch => self.prefetch_limit(),
        }
    }

    /// Gives `bytes` back and serves who waits.
    fn give_back(self: &Arc<Self>, bytes: u64) {
        self.state.lock().used -= bytes;
        self.serve();
    }

    /// Grants what fits, highest class first; a class that can't be served stops those below it.
    fn serve(self: &Arc<Self>) {
        loop {
            let (grant, bytes) = {
                let mut state = self.state.lock();
                let Some(class) = state.first_waiting() else {
                    return;
                };
                let bytes = state.queues[class].front().map_or(0, |waiter| waiter.bytes);
                if state.used + bytes > self.limit(CLASSES[class]) {
                    return;
                }
                let Some(waiter) = state.queues[class].pop_front() else {
                    return;
                };
                state.take(bytes);
                (waiter.grant, bytes)
            };
            // If the waiter gave up meanwhile, the lease comes back here and its drop would call `serve` again:
            // give the bytes back by hand and go on instead of recursing.
            if let Err(lease) = grant.send(Lease::new(Arc::clone(self), bytes)) {
                self.state.lock().used -= lease.dissolve();
            }
        }
    }
}

impl State {
    /// The highest class with somebody waiting, after forgetting those who gave up.
    fn first_waiting(&mut self) -> Option<usize> {
        for (class, queue) in self.queues.iter_mut().enumerate() {
            while queue.front().is_some_and(|waiter| waiter.grant.is_closed()) {
                queue.pop_front();
            }
            if !queue.is_empty() {
                return Some(class);
            }
        }
        None
    }
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Budget")
            .field("total", &self.0.total)
            .field("used", &state.used)
            .field("peak", &state.peak)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
