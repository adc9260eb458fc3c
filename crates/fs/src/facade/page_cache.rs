//! Putting what is fetched into the kernel's page cache.
//!
//! Bytes of one version must never get under a node that has another. Two things see to that. A node that somebody
//! else's change found open keeps its version, and the change gets a node of its own (see [`crate::namespace`]): for as
//! long as bytes are on their way to the kernel the node is held like an open file. And only this mount's own writes
//! change the version of a held node, so that nothing is put anywhere on a mount that writes.
//!
//! Where an open drops the pages (no `kernel_cache`) there is no use in putting them there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::RwLock;

use super::core::Core;
use super::files::Files;
use crate::contents::Pages;
use crate::types::{NodeId, ObjectVersion};

/// How long the end of what is on its way is waited for.
const LAST: Duration = Duration::from_millis(200);

/// The kernel's page cache.
pub trait PageSink: Send + Sync {
    /// Puts bytes of a node there. Blocks, at times until a read of that node under way is answered: it is never called by
    /// a thread that answers reads. False: the kernel takes no more of this node.
    fn store(&self, node: NodeId, offset: u64, data: &[u8]) -> bool;
}

/// The way to the page cache, once there is one.
#[derive(Default)]
pub(super) struct PageCache {
    sink: OnceLock<Arc<dyn PageSink>>,
    /// True once nothing is to be put there any more. Read-locked while something is on its way.
    closed: RwLock<bool>,
}

impl PageCache {
    /// From now on there is one.
    pub(super) fn open(&self, sink: Arc<dyn PageSink>) {
        // A second one would be the same.
        let _ = self.sink.set(sink);
    }

    /// Puts nothing there any more, and lets what is on its way arrive.
    pub(super) fn close(&self) {
        if let Some(mut closed) = self.closed.try_write_for(LAST) {
            *closed = true;
        }
    }
}

impl Files {
    /// The page cache of a node that is open as `version`, if anything may be put there.
    pub(super) fn pages(&self, node: NodeId, version: &ObjectVersion) -> Option<Arc<dyn Pages>> {
        let config = &self.core.config;
        let may = config.read_only && config.kernel_cache && self.page_cache.sink.get().is_some();
        may.then(|| {
            let pages = NodePages {
                core: Arc::clone(&self.core),
                cache: Arc::clone(&self.page_cache),
                node,
                etag: Arc::clone(&version.etag),
            };
            Arc::new(pages) as Arc<dyn Pages>
        })
    }
}

struct NodePages {
    core: Arc<Core>,
    cache: Arc<PageCache>,
    node: NodeId,
    etag: Arc<str>,
}

impl Pages for NodePages {
    fn store(&self, offset: u64, data: &[u8]) -> bool {
        let Some(sink) = self.cache.sink.get() else {
            return false;
        };
        let closed = self.cache.closed.read();
        if *closed || !self.hold() {
            return false;
        }
        let stored = sink.store(self.node, offset, data);
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(self.node) {
            ns.unhold(slot);
        }
        stored
    }
}

impl NodePages {
    /// Holds the node, if it still has the version that is read.
    fn hold(&self) -> bool {
        let mut ns = self.core.ns.lock();
        let Ok(slot) = ns.resolve(self.node) else {
            return false;
        };
        let same = ns.has_etag(slot, &self.etag);
        if same {
            ns.hold(slot);
        }
        same
    }
}
