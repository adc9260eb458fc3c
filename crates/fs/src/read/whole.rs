//! Small objects, fetched whole by one GET and kept while the budget has room.

use super::engine::Identity;
use crate::{
    Context,
    budget::{Lease, Priority},
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use hashbrown::HashMap;
use ossplit::GetObject;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

/// Where bytes come from, and who pays for them.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) context: Arc<Context>,
    pub(super) runtime: Handle,
}

impl Source {
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
    _lease: Lease,
}

type Flight = Shared<BoxFuture<'static, Result<Arc<Whole>>>>;

struct Kept {
    flight: Flight,
    bytes: u64,
    used: u64,
}

/// The cache of whole objects. What was used longest ago goes first.
#[derive(Default)]
pub(super) struct Wholes(Mutex<State>);

#[derive(Default)]
struct State {
    kept: HashMap<Identity, Kept>,
    clock: u64,
}

impl Wholes {
    /// The object if it is in memory.
    pub(super) fn peek(&self, identity: &Identity) -> Option<Arc<Whole>> {
        let mut state = self.0.lock();
        state.clock += 1;
        let clock = state.clock;
        let kept = state.kept.get_mut(identity)?;
        kept.used = clock;
        kept.flight.peek()?.as_ref().ok().cloned()
    }

    /// The download of an object, begun now unless it is under way or done.
    pub(super) fn start(
        &self,
        source: &Source,
        version: &ObjectVersion,
        priority: Priority,
    ) -> Flight {
        self.join(source, version, |source, version| {
            async move {
                let lease = source.context.budget.lease(priority, version.size).await?;
                download(&source, &version, lease).await
            }
            .boxed()
        })
    }

    /// Begins a download that nobody waits for, if there is room for it. `permit` is held until it ends.
    pub(super) fn prefetch(
        &self,
        source: &Source,
        version: &ObjectVersion,
        permit: OwnedSemaphorePermit,
    ) {
        if self.0.lock().kept.contains_key(&Identity::of(version)) {
            return;
        }
        let Some(lease) = source
            .context
            .budget
            .try_lease(Priority::Prefetch, version.size)
        else {
            return;
        };
        let flight = self.join(source, version, |source, version| {
            async move {
                let whole = download(&source, &version, lease).await;
                drop(permit);
                whole
            }
            .boxed()
        });
        // Nobody waits for it: its task runs by itself.
        drop(flight);
    }

    fn join(
        &self,
        source: &Source,
        version: &ObjectVersion,
        fetch: impl FnOnce(Source, ObjectVersion) -> BoxFuture<'static, Result<Arc<Whole>>>,
    ) -> Flight {
        let identity = Identity::of(version);
        let mut state = self.0.lock();
        state.clock += 1;
        let clock = state.clock;
        if let Some(kept) = state.kept.get_mut(&identity) {
            // A download that failed is tried again by the next who wants the bytes.
            if kept.flight.peek().is_none_or(Result::is_ok) {
                kept.used = clock;
                return kept.flight.clone();
            }
        }
        // A task of its own: it goes on when whoever began it is interrupted.
        let task = source.runtime.spawn(fetch(source.clone(), version.clone()));
        let flight = async move { task.await.unwrap_or(Err(Error::BadHandle)) }
            .boxed()
            .shared();
        let kept = Kept {
            flight: flight.clone(),
            bytes: version.size,
            used: clock,
        };
        state.kept.insert(identity, kept);
        flight
    }

    /// Forgets objects worth about `bytes`, those used longest ago first.
    pub(super) fn reclaim(&self, bytes: u64) -> u64 {
        let mut gone = Vec::new();
        let mut freed = 0;
        {
            let mut state = self.0.lock();
            let mut oldest: Vec<(u64, Identity)> = state
                .kept
                .iter()
                .filter(|(_, kept)| kept.flight.peek().is_some())
                .map(|(identity, kept)| (kept.used, identity.clone()))
                .collect();
            oldest.sort_unstable_by_key(|(used, _)| *used);
            for (_, identity) in oldest {
                if freed >= bytes {
                    break;
                }
                if let Some(kept) = state.kept.remove(&identity) {
                    freed += kept.bytes;
                    gone.push(kept);
                }
            }
        }
        // Leases go back when the bytes are dropped, outside the lock.
        drop(gone);
        freed
    }
}

async fn download(source: &Source, version: &ObjectVersion, lease: Lease) -> Result<Arc<Whole>> {
    let get = source.context.client.get_object(source.get(version)).await;
    let mut answer = get.map_err(stale_if_gone)?;
    if answer.meta.size != version.size {
        return Err(Error::Stale);
    }
    let mut pieces = Vec::new();
    while let Some(piece) = answer.body.next_chunk().await.map_err(stale_if_gone)? {
        pieces.push(piece);
    }
    Ok(Arc::new(Whole {
        pieces,
        crc64: answer.meta.crc64,
        _lease: lease,
    }))
}

/// An open file whose object is gone is stale, not absent.
pub(super) fn stale_if_gone(error: ossplit::Error) -> Error {
    match Error::from(error) {
        Error::NotFound => Error::Stale,
        other => other,
    }
}
