//! Small objects, fetched whole by one GET and kept while the budget has room.

use super::engine::{Engine, Identity, Shared};
use super::hedge::Hedges;
use super::sums;
use crate::{
    Context,
    budget::{Lease, Priority},
    error::{Error, Result, stale_if_gone},
    types::ObjectVersion,
};
use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
};
use hashbrown::HashMap;
use ossplit::{GetObject, crc64::Crc64};
use parking_lot::Mutex;
use std::{
    any::Any,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{runtime::Handle, sync::oneshot};

/// Leased for each object beyond its bytes: what remembering it costs.
pub(super) const ENTRY: u64 = 512;
/// Objects that were read are kept in this share of the budget, for programs that read the same ones: the kernel has a
/// copy in its page cache.
const READ_SHARE: u64 = 8;
/// Objects looked at, at most, to find one that was read already.
const LOOKED_AT: usize = 64;

/// Where bytes come from, and who pays for them.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) context: Arc<Context>,
    pub(super) runtime: Handle,
    pub(super) hedges: Arc<Hedges>,
    /// The last object of which the log was told that it went away.
    gone: Arc<Mutex<Option<Arc<str>>>>,
}

impl Source {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self {
            context: Arc::clone(context),
            runtime: Handle::current(),
            hedges: Arc::default(),
            gone: Arc::default(),
        }
    }

    /// An open file whose object is gone is stale. The log is told once for all its reads.
    pub(super) fn failed(&self, version: &ObjectVersion, error: ossplit::Error) -> Error {
        if error.kind() == ossplit::ErrorKind::NoSuchKey {
            let before = self.gone.lock().replace(Arc::clone(&version.key));
            if before.as_ref() != Some(&version.key) {
                tracing::warn!(key = %version.key, %error, "an object went away while it was open");
            }
        }
        stale_if_gone(error)
    }

    /// A GET of this version and no other.
    pub(super) fn get(&self, version: &ObjectVersion) -> GetObject {
        let get = GetObject::new(self.context.config.bucket.clone(), &*version.key);
        get.if_match(&*version.etag)
    }
}

/// A whole object in memory.
pub(super) struct Whole {
    pub(super) pieces: Vec<Bytes>,
    /// Of the object, if the service told; compared with the bytes already.
    pub(super) crc64: Option<u64>,
    /// Somebody read it.
    read: AtomicBool,
    /// Somebody read it since the cache last looked for what to forget.
    used: AtomicBool,
    lease: Lease,
}

impl Whole {
    /// Says that it is being read.
    pub(super) fn touch(&self) {
        // Most often it was: a load does not take the cache line from others.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        if !self.read.load(Ordering::Relaxed) {
            self.read.store(true, Ordering::Relaxed);
        }
    }
}

type Flight = future::Shared<BoxFuture<'static, Result<Arc<Whole>>>>;

/// A whole object, here or coming.
#[derive(Clone)]
enum Kept {
    Coming(Flight),
    Here(Arc<Whole>),
}

/// The cache of whole objects. Those read lately get a second chance when room is needed.
#[derive(Default)]
pub(super) struct Wholes(Mutex<State>);

#[derive(Default)]
struct State {
    kept: HashMap<Identity, Kept>,
    /// The objects in memory; the front is looked at first when room is needed.
    order: VecDeque<Identity>,
}

impl Wholes {
    /// The object if it is in memory.
    pub(super) fn peek(&self, identity: &Identity) -> Option<Arc<Whole>> {
        match self.0.lock().kept.get(identity)? {
            Kept::Here(whole) => Some(Arc::clone(whole)),
            Kept::Coming(_) => None,
        }
    }

    /// The outcome of a download: what came is kept, what did not is tried again by the next who asks.
    fn landed(&self, identity: &Identity, outcome: &Result<Arc<Whole>>) {
        let mut state = self.0.lock();
        match outcome {
            Ok(whole) => {
                let whole = Kept::Here(Arc::clone(whole));
                state.kept.insert(identity.clone(), whole);
                state.order.push_back(identity.clone());
            }
            Err(_) => {
                state.kept.remove(identity);
            }
        }
    }

    /// Forgets objects worth about `bytes`. With `only_read`, none that was fetched ahead and that
    /// nobody opened yet, and it does not look far.
    pub(super) fn reclaim(&self, bytes: u64, only_read: bool) -> u64 {
        let mut gone = Vec::new();
        let mut freed = 0;
        {
            let mut state = self.0.lock();
            // Twice round: the first time may find all of them used.
            let mut looks = 2 * state.order.len();
            if only_read {
                looks = looks.min(LOOKED_AT);
            }
            while freed < bytes && looks > 0 {
                looks -= 1;
                let Some(identity) = state.order.pop_front() else {
                    break;
                };
                let Some(Kept::Here(whole)) = state.kept.get(&identity) else {
                    continue;
                };
                let spared = whole.used.swap(false, Ordering::Relaxed)
                    || (only_read && !whole.read.load(Ordering::Relaxed));
                if spared {
                    state.order.push_back(identity);
                } else {
                    freed += whole.lease.bytes();
                    gone.extend(state.kept.remove(&identity));
                }
            }
        }
        // Leases go back when the bytes are dropped, outside the lock.
        drop(gone);
        freed
    }
}

/// What became of the wish to fetch an object ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefetch {
    /// It is on its way now.
    Begun,
    /// It is in memory or on its way already, or it is too large (or too small) to be fetched whole.
    Needless,
    /// The budget has no room for it now.
    NoRoom,
}

/// Called when a download begins; what it gives is dropped when the download ends.
pub type Begin = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

impl Engine {
    /// Begins to fetch a small object that will be opened soon. Nobody waits for it, neither here nor for memory.
    pub fn prefetch(&self, version: &ObjectVersion, begin: Begin) -> Prefetch {
        let shared = &self.0;
        let known = |shared: &Shared| {
            let wholes = shared.wholes.0.lock();
            wholes.kept.contains_key(&Identity::of(version))
        };
        if !shared.is_small(version.size) || known(shared) {
            return Prefetch::Needless;
        }
        shared.trim(version.size + ENTRY);
        let Some(lease) = shared.lease_now(Priority::Prefetch, version.size + ENTRY) else {
            return Prefetch::NoRoom;
        };
        // Its task runs by itself.
        drop(shared.join(version, |shared, version| {
            async move {
                let under_way = begin();
                let whole = download(&shared.source, &version, lease).await;
                drop(under_way);
                whole
            }
            .boxed()
        }));
        Prefetch::Begun
    }

    /// True if all of a small object is in memory.
    pub fn has(&self, version: &ObjectVersion) -> bool {
        self.0.wholes.peek(&Identity::of(version)).is_some()
    }
}

impl Shared {
    /// The object, from memory or by the download that is under way or begins now.
    pub(super) async fn whole(self: &Arc<Self>, version: &ObjectVersion) -> Result<Arc<Whole>> {
        match self.start(version) {
            Kept::Here(whole) => Ok(whole),
            Kept::Coming(flight) => flight.await,
        }
    }

    /// Begins the download of an object that is being opened, unless it is here or coming.
    pub(super) fn begin_whole(self: &Arc<Self>, version: &ObjectVersion) {
        drop(self.start(version));
    }

    /// Forgets objects that were read, to make up for `bytes` more, if there are many.
    fn trim(&self, bytes: u64) {
        let budget = &self.source.context.budget;
        if budget.used() + bytes > budget.total() / READ_SHARE {
            self.wholes.reclaim(bytes, true);
        }
    }

    fn start(self: &Arc<Self>, version: &ObjectVersion) -> Kept {
        self.join(version, |shared, version| {
            async move {
                shared.trim(version.size + ENTRY);
                let budget = &shared.source.context.budget;
                let lease = budget.lease(Priority::Demand, version.size + ENTRY).await?;
                download(&shared.source, &version, lease).await
            }
            .boxed()
        })
    }

    fn join(
        self: &Arc<Self>,
        version: &ObjectVersion,
        fetch: impl FnOnce(Arc<Self>, ObjectVersion) -> BoxFuture<'static, Result<Arc<Whole>>>,
    ) -> Kept {
        let identity = Identity::of(version);
        let mut state = self.wholes.0.lock();
        match state.kept.get(&identity) {
            // One that ended without telling, since its task was killed, is begun anew.
            Some(Kept::Coming(flight)) if matches!(flight.peek(), Some(Err(_))) => {}
            Some(kept) => return kept.clone(),
            None => {}
        }
        let (told, task) = oneshot::channel();
        let flight = async move { task.await.unwrap_or(Err(Error::BadHandle)) };
        let kept = Kept::Coming(flight.boxed().shared());
        state.kept.insert(identity.clone(), kept.clone());
        // Not before the lock is free: who is woken for the task would wait for it.
        drop(state);
        // A task of its own: it goes on when whoever began it is interrupted.
        let fetch = fetch(Arc::clone(self), version.clone());
        let shared = Arc::clone(self);
        self.source.runtime.spawn(async move {
            let outcome = fetch.await;
            shared.wholes.landed(&identity, &outcome);
            // Only now can these bytes be had back by who waits for room.
            shared.relieve();
            // Most often nobody waits.
            let _ = told.send(outcome);
        });
        kept
    }
}

async fn download(source: &Source, version: &ObjectVersion, lease: Lease) -> Result<Arc<Whole>> {
    let (pieces, crc64) = match download_once(source, version).await {
        // Damaged on the way, most likely.
        Err(Error::Corrupt(_)) => download_once(source, version).await?,
        other => other?,
    };
    Ok(Arc::new(Whole {
        pieces,
        crc64,
        read: AtomicBool::new(false),
        used: AtomicBool::new(false),
        lease,
    }))
}

async fn download_once(
    source: &Source,
    version: &ObjectVersion,
) -> Result<(Vec<Bytes>, Option<u64>)> {
    let mut hedged = source.fetch_whole(version).await?;
    let crc64 = hedged.answer.meta.crc64;
    if hedged.answer.meta.size != version.size {
        return Err(Error::Stale);
    }
    let pieces = hedged.collect(source, version, 0..version.size).await?;
    // The client compares the sum only of what came as one answer.
    if hedged.second
        && let Some(expected) = crc64
    {
        let mut sum = Crc64::new();
        for piece in &pieces {
            sum.update(piece);
        }
        if sum.value() != expected {
            let wrong = sums::wrong(sum.value(), expected);
            return Err(Error::Corrupt(Arc::new(wrong)));
        }
    }
    Ok((pieces, crc64))
}
