//! Removing what saves left that were never committed.
//!
//! What no commit names is garbage once it is old: a save under way, here or elsewhere, looks just the same while it is young.

use crate::{Result, Store};
use ossplit::ListedUpload;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What is garbage.
#[derive(Debug, Clone)]
pub struct GcSettings {
    /// Nothing younger than this is touched. One day by default: longer than any save takes.
    pub older_than: Duration,
    /// Only look.
    pub dry_run: bool,
}

impl Default for GcSettings {
    fn default() -> Self {
        Self {
            older_than: Duration::from_hours(24),
            dry_run: false,
        }
    }
}

/// What was found, and is gone unless it was a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Steps that saves were of which were not committed, or were replaced.
    pub steps: BTreeSet<u64>,
    /// Objects.
    pub objects: usize,
    /// Their bytes.
    pub size: u64,
    /// Unfinished uploads.
    pub uploads: usize,
}

/// What one save has in OSS.
#[derive(Default)]
struct Left {
    keys: Vec<String>,
    size: u64,
    uploads: Vec<ListedUpload>,
    /// Unix seconds.
    newest: i64,
}

impl Store {
    /// Removes what saves left that were never committed.
    ///
    /// # Errors
    /// [`Error::Oss`](crate::Error::Oss), [`Error::Format`](crate::Error::Format): while a commit can't be read, nothing is removed.
    pub async fn gc(&self, settings: &GcSettings) -> Result<Garbage> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |t| t.as_secs());
        let limit = now
            .saturating_sub(settings.older_than.as_secs())
            .cast_signed();
        let location = self.location();
        let mut saves: BTreeMap<(u64, String), Left> = BTreeMap::new();
        for object in self.objects(&location.all_data()).await? {
            let Some((step, token)) = location.token_of(&object.key) else {
                continue;
            };
            let left = saves.entry((step, token.to_owned())).or_default();
            left.newest = left.newest.max(object.last_modified);
            left.size += object.size;
            left.keys.push(object.key);
        }
        for upload in self.uploads(&location.all_data()).await? {
            let Some((step, token)) = location.token_of(&upload.key) else {
                continue;
            };
            let left = saves.entry((step, token.to_owned())).or_default();
            left.newest = left.newest.max(upload.initiated);
            left.uploads.push(upload);
        }
        let mut found = Garbage::default();
        let mut keys = Vec::new();
        let shards = self.objects(&location.all_shards()).await?;
        let old = shards
            .into_iter()
            .filter(|object| object.last_modified <= limit);
        keys.extend(old.map(|object| object.key));
        // After the data: a save that is committed between the two is seen as committed.
        let mut named = BTreeSet::new();
        for step in self.list().await? {
            let Some(commit) = self.find(step).await? else {
                continue;
            };
            let of = |key: &str| {
                location
                    .token_of(key)
                    .map(|(step, token)| (step, token.to_owned()))
            };
            named.extend(
                commit
                    .files
                    .iter()
                    .filter_map(|file| of(&location.key_of(file))),
            );
        }
        saves.retain(|_, left| left.newest <= limit);
        let mut uploads = Vec::new();
        for (save, left) in saves {
            // A save that was committed needs none: the answer to one was lost.
            uploads.extend(left.uploads);
            if !named.contains(&save) {
                found.steps.insert(save.0);
                found.size += left.size;
                keys.extend(left.keys);
            }
        }
        (found.objects, found.uploads) = (keys.len(), uploads.len());
        if !settings.dry_run {
            for upload in uploads {
                self.abort(upload).await?;
            }
            self.delete_keys(keys).await?;
        }
        Ok(found)
    }
}
