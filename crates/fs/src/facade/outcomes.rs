//! What became of files whose `close` did not wait for OSS (`close=async`): told by an extended attribute.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::files::Files;
use crate::error::{Error, Result};
use crate::types::{FileHandle, NodeId};

/// The extended attribute that tells how the upload of a file stands.
pub(super) const UPLOAD: &str = "user.ossplit.upload";
/// So many failures are remembered; what is logged stays.
const MOST: usize = 1000;

/// Why the last upload of a file failed.
#[derive(Default)]
pub(super) struct Outcomes(Mutex<HashMap<NodeId, String>>);

impl Outcomes {
    /// An upload of a node ended.
    pub(super) fn note(&self, node: NodeId, error: Option<&Error>) {
        let mut failures = self.0.lock();
        match error {
            None => drop(failures.remove(&node)),
            Some(error) if failures.len() < MOST => drop(failures.insert(node, error.to_string())),
            Some(_) => {}
        }
    }
}

impl Files {
    /// `close(2)`: waits for OSS unless the mount is told not to.
    pub(super) async fn flush(self: &Arc<Self>, handle: FileHandle) -> Result<()> {
        if !self.core.config.close_early {
            return self.sync(handle).await;
        }
        let files = Arc::clone(self);
        tokio::spawn(async move {
            // The release that follows notes what becomes of it.
            if let Err(error) = files.sync(handle).await {
                tracing::error!(?handle, %error, "what was closed did not come to OSS");
            }
        });
        Ok(())
    }

    /// How the upload of a file stands: `stored`, `pending`, or `failed` with the reason.
    pub(super) fn upload_status(&self, node: NodeId) -> Result<Vec<u8>> {
        let slot_is_dir = {
            let ns = self.core.ns.lock();
            ns.is_dir(ns.resolve(node)?)
        };
        if slot_is_dir {
            return Err(Error::NoAttribute);
        }
        let writer = self.writers.get(node);
        let status = match self.outcomes.0.lock().get(&node) {
            Some(reason) => format!("failed: {reason}"),
            None if writer.is_some_and(|writer| writer.object().is_dirty()) => "pending".into(),
            None => "stored".into(),
        };
        Ok(status.into())
    }
}
