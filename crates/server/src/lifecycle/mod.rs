//! Carries the lifecycle rules of buckets out: from time to time, at the time that the caller says it is.
//!
//! Rules by time of access do nothing: that time is not kept here.

mod rule;

#[cfg(test)]
mod tests;

use crate::store::{
    ListQuery, ListedVersion, ObjectKind, Store, StoreError, Versioning, VersionsQuery,
};
use ossplit_protocol::xml::{self, settings::LifecycleConfiguration};
use rule::{Candidate, Fate, Rule};

/// Versions and uploads looked at in one transaction.
const PAGE: usize = 1000;

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Objects and versions that were deleted, and delete markers that were removed.
    pub deleted: u64,
    /// Objects and versions that changed their class.
    pub transitioned: u64,
    /// Uploads that were aborted.
    pub aborted: u64,
}

/// Carries the rules of all buckets out as they are to be at `now_ms`, in milliseconds since 1970.
pub async fn run(store: &Store, now_ms: i64) -> Result<Done, StoreError> {
    let mut done = Done::default();
    let all = ListQuery {
        limit: usize::MAX,
        ..ListQuery::default()
    };
    for (bucket, record) in store.list_buckets(&all).entries {
        let Some(document) = record.settings.get("lifecycle") else {
            continue;
        };
        let Ok(rules) = xml::read::<LifecycleConfiguration>(document) else {
            continue;
        };
        let rules: Vec<Rule> = rules.rule.iter().filter_map(Rule::new).collect();
        objects(store, &bucket, record.versioning, &rules, now_ms, &mut done).await?;
        uploads(store, &bucket, &rules, now_ms, &mut done).await?;
    }
    Ok(done)
}

/// Looks at every version of every object.
async fn objects(
    store: &Store,
    bucket: &str,
    versioning: Versioning,
    rules: &[Rule],
    now_ms: i64,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut query = VersionsQuery {
        limit: PAGE,
        ..VersionsQuery::default()
    };
    // When the version looked at last was made: the one below it is noncurrent since then.
    let mut newer: Option<(String, i64)> = None;
    loop {
        let page = store.list_versions(bucket, query.clone()).await?;
        let keys: Vec<ListedVersion> = page.versions;
        for (n, version) in keys.iter().enumerate() {
            let since = newer
                .as_ref()
                .filter(|(key, _)| *key == version.key)
                .map(|(_, modified_ms)| *modified_ms);
            newer = Some((version.key.clone(), version.record.modified_ms));
            // On the last of a page nothing is known of what follows: it is no lone marker then.
            let next = keys.get(n + 1);
            let alone = version.is_latest
                && match next {
                    Some(next) => next.key != version.key,
                    None => !page.truncated,
                };
            let candidate = Candidate {
                key: &version.key,
                record: &version.record,
                noncurrent_since_ms: since.filter(|_| !version.is_latest),
                alone,
            };
            let fates = rules
                .iter()
                .filter_map(|rule| rule.fate(&candidate, now_ms));
            let Some(fate) = fates.max() else { continue };
            carry_out(store, bucket, versioning, version, fate, done).await?;
        }
        if !page.truncated {
            return Ok(());
        }
        query.key_marker = page.last_key;
        query.version_marker = page.last_version;
    }
}

async fn carry_out(
    store: &Store,
    bucket: &str,
    versioning: Versioning,
    version: &ListedVersion,
    fate: Fate,
    done: &mut Done,
) -> Result<(), StoreError> {
    let id = version.record.version;
    match fate {
        Fate::Transition(class) => {
            let change = store.change(bucket, &version.key, Some(id), move |record| {
                record.meta.class = class;
                Ok::<(), StoreError>(())
            });
            match change.await {
                Ok(_) => done.transitioned += 1,
                // It went away meanwhile.
                Err(StoreError::NoSuchKey | StoreError::NoSuchVersion) => {}
                Err(error) => return Err(error),
            }
        }
        Fate::Delete => {
            // Where versions are kept, an object that expires is hidden by a delete marker.
            let marker = version.record.kind == ObjectKind::DeleteMarker;
            let hide = version.is_latest && !marker && versioning != Versioning::Off;
            let named = (!hide).then_some(id);
            let deletion = store.delete(bucket, &version.key, named).await?;
            done.deleted += u64::from(deletion.found);
        }
    }
    Ok(())
}

async fn uploads(
    store: &Store,
    bucket: &str,
    rules: &[Rule],
    now_ms: i64,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut query = ListQuery {
        limit: PAGE,
        ..ListQuery::default()
    };
    let mut after = None;
    loop {
        let page = store.list_uploads(bucket, query.clone(), after).await?;
        for upload in &page.entries {
            let begun = upload.record.initiated_ms;
            if rules
                .iter()
                .any(|rule| rule.aborts(&upload.key, begun, now_ms))
            {
                match store.abort(bucket, &upload.key, upload.id).await {
                    Ok(()) => done.aborted += 1,
                    Err(StoreError::NoSuchUpload) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if !page.truncated {
            return Ok(());
        }
        after = page.entries.last().map(|last| last.id);
        query.after = page.last;
    }
}
