//! What all readers of a mount share.

use super::{
    Reader,
    whole::{Source, Wholes},
};
use crate::{
    Context,
    budget::{Priority, Reclaim},
    types::ObjectVersion,
};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use tokio::{runtime::Handle, sync::Semaphore};

/// Objects being fetched before they were opened, over the whole mount.
const PREFETCHES_IN_FLIGHT: usize = 64;

/// The reading half of a mount. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

pub(super) struct Shared {
    pub(super) source: Source,
    pub(super) wholes: Wholes,
    /// Leave to fetch an object that nobody opened yet.
    prefetches: Arc<Semaphore>,
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
        let source = Source {
            context: Arc::clone(context),
            runtime: Handle::current(),
        };
        let shared = Arc::new(Shared {
            source,
            wholes: Wholes::default(),
            prefetches: Arc::new(Semaphore::new(PREFETCHES_IN_FLIGHT)),
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
        if version.size > 0 && version.size <= shared.source.context.config.small_object_size {
            // The download runs by itself; `read` joins it.
            drop(
                shared
                    .wholes
                    .start(&shared.source, version, Priority::Demand),
            );
        }
        reader
    }

    /// Fetches small objects that will be opened soon, as far as the budget has room: an object that
    /// is large, in memory or under way, or finds no room, is passed over.
    pub fn prefetch(&self, versions: Vec<ObjectVersion>) {
        let shared = &self.0;
        for version in versions {
            if version.size == 0 || version.size > shared.source.context.config.small_object_size {
                continue;
            }
            let Ok(permit) = Arc::clone(&shared.prefetches).try_acquire_owned() else {
                return;
            };
            shared.wholes.prefetch(&shared.source, &version, permit);
        }
    }
}

impl Reclaim for Shared {
    fn reclaim(&self, bytes: u64) -> u64 {
        let mut freed = self.wholes.reclaim(bytes);
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
