//! Objects that are kept under hidden keys: those of files that were removed or replaced while a program reads them. As
//! NFS clients and libfuse do, the object moves to a name that nobody uses, and is deleted at the last close.
//!
//! A key is noted on local disk before its object is made, so that the next mount deletes what a killed process left. A
//! process that goes on with a dead one's open files goes on with their objects too.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::error::Result;
use crate::journal::{Journal, Left, Place};
use crate::namespace::names;
use crate::remote::{Bucket, Remote};
use crate::types::{NodeId, ObjectVersion, UnixNanos};

/// Records have names that begin so.
const NAME: &str = "ossplit-removed-";

/// One line of the record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// There will be an object under this key.
    Kept { key: String },
    /// There is none any more.
    Gone { key: String },
}

/// The hidden objects of one mount.
pub(crate) struct Hidden {
    journal: Journal,
    /// The mount's.
    prefix: String,
    next: AtomicU64,
    /// By the node whose handles read them.
    kept: Mutex<HashMap<NodeId, Vec<ObjectVersion>>>,
    /// How many nodes have some, so that closing a file need not lock to know that it has none.
    count: AtomicUsize,
    /// Deletions under way.
    deletions: Mutex<Vec<JoinHandle<()>>>,
}

impl Hidden {
    pub(crate) fn new(folder: &Path, of: String, prefix: &str) -> Self {
        Self {
            journal: Journal::new(place(folder, of)),
            prefix: prefix.to_owned(),
            next: AtomicU64::new(0),
            kept: Mutex::default(),
            count: AtomicUsize::new(0),
            deletions: Mutex::default(),
        }
    }

    /// A key for another object, which is noted. It is the mount's root that has it: its folder may be removed too.
    pub(crate) fn begins(&self, wall: UnixNanos) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let (prefix, name) = (&self.prefix, names::REMOVED);
        let key = format!("{prefix}{name}{wall:016x}-{process:x}-{number:x}");
        self.note(&key);
        key
    }

    fn note(&self, key: &str) {
        let key = key.to_owned();
        if let Err(error) = self.journal.begins(&Line::Kept { key }) {
            tracing::warn!(%error, "the object of a removed file could not be noted: if this process is killed, it may stay");
        }
    }

    /// The object is there, for the handles of this node.
    pub(crate) fn is_kept(&self, node: NodeId, version: ObjectVersion) {
        let mut kept = self.kept.lock();
        kept.entry(node).or_default().push(version);
        self.count.store(kept.len(), Ordering::Release);
    }

    /// A former process kept this version for a handle of the node, if it is one of the hidden ones.
    pub(crate) fn go_on(&self, node: NodeId, version: &ObjectVersion) {
        if self.hides(&version.key) && !self.has(&version.key) {
            self.note(&version.key);
            self.is_kept(node, version.clone());
        }
    }

    /// Whether a key is one of those under which objects are kept.
    pub(crate) fn hides(&self, key: &str) -> bool {
        key.strip_prefix(&*self.prefix)
            .is_some_and(names::is_hidden)
    }

    fn has(&self, key: &str) -> bool {
        let kept = self.kept.lock();
        kept.values().flatten().any(|version| *version.key == *key)
    }

    /// Whether anything is kept.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// What was kept for a node that has no handle any more.
    pub(crate) fn take(&self, node: NodeId) -> Vec<ObjectVersion> {
        let mut kept = self.kept.lock();
        let taken = kept.remove(&node).unwrap_or_default();
        self.count.store(kept.len(), Ordering::Release);
        taken
    }

    /// There is no object under this key any more.
    pub(crate) fn gone(&self, key: &str) {
        let key = key.to_owned();
        self.journal.ends(&Line::Gone { key });
    }

    /// A deletion that an orderly end waits for.
    pub(crate) fn deletes(&self, task: JoinHandle<()>) {
        let mut deletions = self.deletions.lock();
        deletions.retain(|task| !task.is_finished());
        deletions.push(task);
    }

    /// Waits for the deletions that have begun.
    pub(crate) async fn all_deleted(&self) {
        let deletions = std::mem::take(&mut *self.deletions.lock());
        for task in deletions {
            // One that panicked is in the log.
            let _ = task.await;
        }
    }
}

/// Deletes what killed processes kept and this one does not go on with. What can't be deleted now is left for the next
/// start.
pub(crate) async fn recover(context: &Arc<Context>) {
    let remote = Bucket::new(context);
    let place = place(&context.config.tmpdir, remote.place());
    let left = tokio::task::spawn_blocking(move || place.left::<Line>()).await;
    for Left {
        path, lines, lock, ..
    } in left.unwrap_or_default()
    {
        match delete_all(&remote, lines, |key| context.hidden.has(key)).await {
            Ok(()) => drop(std::fs::remove_file(path)),
            Err(error) => {
                tracing::warn!(%error, "objects of removed files that a killed process left stay for now");
            }
        }
        drop(lock);
    }
}

async fn delete_all(
    remote: &dyn Remote,
    lines: Vec<Line>,
    goes_on: impl Fn(&str) -> bool,
) -> Result<()> {
    let mut keys = BTreeSet::new();
    for line in lines {
        match line {
            Line::Kept { key } => drop(keys.insert(key)),
            Line::Gone { key } => drop(keys.remove(&key)),
        }
    }
    for key in keys.iter().filter(|key| !goes_on(key)) {
        let Some(facts) = remote.head(key).await? else {
            continue;
        };
        tracing::info!(key, "a killed process left this object of a removed file");
        let version = facts.details.and_then(|details| details.version_id);
        remote.erase(key, version.as_deref()).await?;
    }
    Ok(())
}

fn place(folder: &Path, of: String) -> Place {
    Place {
        folder: folder.to_owned(),
        name: NAME,
        of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::FakeBucket;

    #[tokio::test]
    async fn what_a_killed_process_left_goes_unless_its_successor_reads_it() {
        let bucket = FakeBucket::new(&["a", "h1", "h2", "h3"]);
        let key = |key: &str| key.to_owned();
        let lines = vec![
            Line::Kept { key: key("h1") },
            Line::Kept { key: key("h2") },
            Line::Kept { key: key("h3") },
            Line::Kept { key: key("h4") },
            Line::Gone { key: key("h1") },
        ];
        let goes_on = |key: &str| key == "h2";
        delete_all(&*bucket, lines, goes_on).await.unwrap();
        assert_eq!(bucket.keys(), ["a", "h1", "h2"]);
    }
}
