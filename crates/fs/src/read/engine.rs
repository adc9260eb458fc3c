//! What all readers of a mount share.

use super::{
    Reader,
    buffers::Buffers,
    pace::Pace,
    whole::{Source, Wholes},
};
use crate::{
    Context,
    budget::{Lease, Priority, Reclaim},
    types::ObjectVersion,
};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak},
    time::Instant,
};

/// A small object takes at most this share of the budget: several must fit.
const SMALL_SHARE: u64 = 8;
/// The window of a stream takes at most this share of the budget, so that several have room.
const WINDOW_SHARE: u64 = 4;

/// The reading half of a mount. Clones share it.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) source: Source,
    pub(super) wholes: Wholes,
    /// Objects up to this many bytes are fetched whole.
    pub(super) small: u64,
    /// The largest window of one stream, in bytes.
    pub(super) window: u64,
    /// Memory for blocks.
    pub(super) buffers: Arc<Buffers>,
    pub(super) pace: Pace,
    /// When the mount began.
    pub(super) began: Instant,
    readers: Mutex<HashMap<Identity, Weak<Reader>>>,
}

/// Names one version of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) key: Arc<str>,
    pub(super) etag: Arc<str>,
}

impl Identity {
    pub(super) fn of(version: &ObjectVersion) -> Self {
        Self {
            key: Arc::clone(&version.key),
            etag: Arc::clone(&version.etag),
        }
    }
}

impl Engine {
    /// Reads in tasks of their own on the runtime that it is made on.
    pub fn new(context: &Arc<Context>) -> Self {
        let total = context.budget.total();
        let shared = Arc::new(Shared {
            source: Source::new(context),
            wholes: Wholes::default(),
            small: context.config.small_object_size.min(total / SMALL_SHARE),
            window: context.config.max_readahead.min(total / WINDOW_SHARE),
            buffers: Buffers::new(&context.budget),
            pace: Pace::default(),
            began: Instant::now(),
            readers: Mutex::default(),
        });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        context.budget.register(weak);
        Self(shared)
    }

    /// The reader of a version. A small object's download begins now, if it is not in memory.
    pub fn open(&self, version: &ObjectVersion) -> Arc<Reader> {
        let shared = &self.0;
        let identity = Identity::of(version);
        let mut readers = shared.readers.lock();
        if let Some(reader) = readers.get(&identity).and_then(Weak::upgrade) {
            return reader;
        }
        if readers.len() >= 1024 && readers.len().is_power_of_two() {
            readers.retain(|_, reader| reader.strong_count() > 0);
        }
        let reader = Arc::new(Reader::new(Arc::clone(shared), version.clone()));
        readers.insert(identity, Arc::downgrade(&reader));
        drop(readers);
        if shared.is_small(version.size) {
            // The download runs by itself; `read` joins it.
            shared.begin_whole(version);
        }
        reader
    }
}

impl Shared {
    /// Fetched whole; an empty object need not be fetched at all.
    pub(super) fn is_small(&self, size: u64) -> bool {
        (1..=self.small).contains(&size)
    }

    /// A lease if there is room at once, or if objects that were read already can make room.
    pub(super) fn lease_now(&self, priority: Priority, bytes: u64) -> Option<Lease> {
        let budget = &self.source.context.budget;
        budget.try_lease(priority, bytes).or_else(|| {
            self.wholes.reclaim(bytes, true);
            budget.try_lease(priority, bytes)
        })
    }

    /// Gives bytes to who waits for room, if somebody does. Called when something came that can be
    /// given up again. No lock of a reader may be held.
    pub(super) fn relieve(&self) {
        let missing = self.source.context.budget.missing();
        if missing > 0 {
            self.reclaim(missing);
        }
    }
}

impl Reclaim for Shared {
    fn reclaim(&self, bytes: u64) -> u64 {
        let mut freed = self.wholes.reclaim(bytes, false);
        if freed < bytes {
            let readers: Vec<_> = self
                .readers
                .lock()
                .values()
                .filter_map(Weak::upgrade)
                .collect();
            for reader in readers {
                if freed >= bytes {
                    break;
                }
                freed += reader.reclaim(bytes - freed);
            }
        }
        freed
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("readers", &self.0.readers.lock().len())
            .finish()
    }
}
