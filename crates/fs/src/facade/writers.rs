//! Files that are being written: one writer a node, however many handles.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::contents::WriteObject;
use crate::types::NodeId;

/// The writer of one node.
pub(super) struct Writer {
    pub(super) node: NodeId,
    /// Replaced when the file moves to another key.
    object: Mutex<Arc<dyn WriteObject>>,
    /// A handle reads what is written.
    kept: AtomicBool,
    /// Handles that are open for writing.
    handles: AtomicUsize,
    /// Held while the object is made durable, deleted or renamed: one of them at a time.
    pub(super) settling: Arc<tokio::sync::Mutex<()>>,
    /// Held for reading by each call on the object, and for writing while the file moves to another key.
    pub(super) moving: Arc<tokio::sync::RwLock<()>>,
}

impl Writer {
    pub(super) fn object(&self) -> Arc<dyn WriteObject> {
        Arc::clone(&self.object.lock())
    }

    /// The file is at another key now.
    pub(super) fn replace(&self, object: Arc<dyn WriteObject>) {
        let mut at = self.object.lock();
        if self.kept.load(Ordering::Acquire) {
            object.keep_for_reading();
        }
        *at = object;
    }

    /// A handle will read what is written.
    pub(super) fn keep_for_reading(&self) {
        let object = self.object.lock();
        self.kept.store(true, Ordering::Release);
        object.keep_for_reading();
    }
}

/// The writers of a mount.
#[derive(Default)]
pub(super) struct Writers {
    open: Mutex<HashMap<NodeId, Arc<Writer>>>,
    /// How many there are, so that readers need not lock to know that there are none.
    count: AtomicUsize,
}

impl Writers {
    /// The writer of a node, if it is being written.
    pub(super) fn get(&self, node: NodeId) -> Option<Arc<Writer>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.open.lock().get(&node).map(Arc::clone)
    }

    /// One more handle on the node's writer, whose object is made by `make` if there is none yet.
    pub(super) fn join(
        &self,
        node: NodeId,
        make: impl FnOnce() -> Arc<dyn WriteObject>,
    ) -> Arc<Writer> {
        let mut open = self.open.lock();
        if let Some(writer) = open.get(&node) {
            writer.handles.fetch_add(1, Ordering::Relaxed);
            return Arc::clone(writer);
        }
        let writer = Arc::new(Writer {
            node,
            object: Mutex::new(make()),
            kept: AtomicBool::new(false),
            handles: AtomicUsize::new(1),
            settling: Arc::default(),
            moving: Arc::default(),
        });
        open.insert(node, Arc::clone(&writer));
        self.count.store(open.len(), Ordering::Release);
        writer
    }

    /// One handle fewer; true if it was the last, and the writer is no longer found.
    pub(super) fn leave(&self, writer: &Arc<Writer>) -> bool {
        let mut open = self.open.lock();
        if writer.handles.fetch_sub(1, Ordering::Relaxed) > 1 {
            return false;
        }
        open.remove(&writer.node);
        self.count.store(open.len(), Ordering::Release);
        true
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Writer>> {
        self.open.lock().values().map(Arc::clone).collect()
    }
}
