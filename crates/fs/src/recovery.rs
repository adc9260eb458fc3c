//! What a new mount does about what killed ones left.

use crate::context::Context;
use crate::{hidden, moves, write};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a mount waits for half-done renames to be settled.
const RENAMES: Duration = Duration::from_mins(1);
/// How long it waits for unfinished uploads to be aborted.
const UPLOADS: Duration = Duration::from_secs(5);
/// How long it waits for objects of removed files to be deleted.
const REMOVED: Duration = Duration::from_secs(5);

/// Settles what processes that were killed left in this mount's bucket, as their records in `tmpdir` say: renames are
/// finished or undone, uploads aborted, objects of files that were removed while they were read deleted. To be called before anything is written. What takes too long, or fails, is left
/// for the next start, and logged.
pub async fn recover(context: &Arc<Context>) {
    if timeout(RENAMES, moves::recover(context)).await.is_err() {
        tracing::warn!("renames that a killed process left stay half done for now: OSS is slow");
    }
    let aborted = write::abort_left_uploads(context);
    if timeout(UPLOADS, aborted).await.is_err() {
        tracing::warn!("uploads that a killed process left stay for now: OSS is slow");
    }
    if timeout(REMOVED, hidden::recover(context)).await.is_err() {
        tracing::warn!(
            "objects of removed files that a killed process left stay for now: OSS is slow"
        );
    }
}
