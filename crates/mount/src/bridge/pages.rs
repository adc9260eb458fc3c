//! What the file system puts into the kernel's page cache.

use ossplit_fs::{NodeId, PageSink};
use ossplit_fuse::{Notified, Notifier};

/// The page cache of one mount.
pub(crate) struct KernelPages(Notifier);

impl KernelPages {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self(notifier)
    }
}

impl PageSink for KernelPages {
    fn store(&self, node: NodeId, offset: u64, data: &[u8]) -> bool {
        match self.0.store(node.get(), offset, data) {
            Ok(notified) => notified == Notified::Done,
            Err(error) => {
                tracing::debug!(%error, "the page cache takes no more");
                false
            }
        }
    }
}
