//! Versions of objects: which row holds which, and what a change does to the others.
//!
//! The objects' table holds the newest version of each key, which may be a delete marker; older
//! ones are in the versions' table. So a bucket whose versions were never kept costs nothing more,
//! and a listing of objects reads one table.

use super::{
    ObjectKind, ObjectRecord, Store, StoreError, VersionId, Versioning,
    backend::{extents, record},
    buckets::totals,
    content::release,
    dir::Need,
    keys,
    list::{Groups, Item, Taken, text},
    need_bucket, now_ms,
    records::Record as _,
    tx::{ReadTx, Table, Walk, WriteTx},
    types::{Content as Where, Totals},
};
use std::ops::Bound;

/// A version of a key: the newest one, or the named one; which may be a delete marker.
pub(super) fn find(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    version: Option<VersionId>,
) -> Result<Option<ObjectRecord>, StoreError> {
    let newest = record(tx, bucket, key)?;
    match (version, newest) {
        (None, newest) => Ok(newest),
        // Without a newest version there is none at all.
        (Some(_), None) => Ok(None),
        (Some(version), Some(newest)) if newest.version == version => Ok(Some(newest)),
        (Some(VersionId::Null), _) => older_null(tx, bucket, key),
        (Some(version @ VersionId::Made { sequence, .. }), _) => {
            let row = tx.get(Table::Versions, &keys::version(bucket, key, sequence))?;
            let found = row.map(|row| ObjectRecord::decode(&row)).transpose()?;
            Ok(found.filter(|found| found.version == version))
        }
    }
}

/// [`find`], refusing what can't be read.
pub(super) fn need(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    version: Option<VersionId>,
) -> Result<ObjectRecord, StoreError> {
    let found = find(tx, bucket, key, version)?;
    match (found, version) {
        (Some(found), None) if found.kind == ObjectKind::DeleteMarker => Err(StoreError::Deleted {
            marker: found.version,
        }),
        (Some(found), Some(marker)) if found.kind == ObjectKind::DeleteMarker => {
            Err(StoreError::IsDeleteMarker { marker })
        }
        (Some(found), _) => Ok(found),
        (None, version) => match (need_bucket(tx, bucket)?.versioning, version) {
            (Versioning::Off, _) | (_, None) => Err(StoreError::NoSuchKey),
            _ => Err(StoreError::NoSuchVersion),
        },
    }
}

/// Visits the older versions of a key, the newest first.
fn each_older(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    below: Option<u64>,
    visit: &mut dyn FnMut(ObjectRecord) -> Walk,
) -> Result<(), StoreError> {
    let prefix = keys::versions_of(bucket, key);
    let start = below.map(|sequence| keys::version(bucket, key, sequence));
    let start = start
        .as_deref()
        .map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
    tx.scan(Table::Versions, start, &mut |row, value| {
        if !row.starts_with(&prefix) {
            return Ok(Walk::Stop);
        }
        Ok(visit(ObjectRecord::decode(value)?))
    })
}

fn older_null(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
) -> Result<Option<ObjectRecord>, StoreError> {
    let mut found = None;
    each_older(tx, bucket, key, None, &mut |record| {
        if record.version != VersionId::Null {
            return Walk::Next;
        }
        found = Some(record);
        Walk::Stop
    })?;
    Ok(found)
}

fn count(
    tx: &mut dyn WriteTx,
    bucket: &str,
    change: impl FnOnce(&mut Totals),
) -> Result<(), StoreError> {
    let mut sums = totals(tx, bucket)?;
    change(&mut sums);
    tx.put(Table::Totals, bucket.as_bytes(), sums.encode())
}

/// What becomes of the content of a record that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// It goes too.
    Release,
    /// The new record took it over.
    Keep,
}

/// Gives up what a record that goes refers to. `new` is the record in its place, if any.
fn give_up(
    tx: &mut dyn WriteTx,
    old: &ObjectRecord,
    new: Option<&ObjectRecord>,
    contents: Contents,
) -> Result<(), StoreError> {
    if contents == Contents::Release {
        let of_old = extents(tx, old)?;
        release(tx, &of_old)?;
    }
    if let Where::Manifest(id) = &old.content
        && new.is_none_or(|new| new.content != old.content)
    {
        tx.remove(Table::Manifests, &id.to_bytes())?;
    }
    Ok(())
}

/// Makes `new` the newest version of a key. `old` is the newest until now; where versions are not
/// kept, it goes, and `contents` says what becomes of its bytes.
pub(super) fn install(
    tx: &mut dyn WriteTx,
    (bucket, key): (&str, &str),
    state: Versioning,
    old: Option<ObjectRecord>,
    new: &mut ObjectRecord,
    contents: Contents,
) -> Result<(), StoreError> {
    new.sequence = new.revision;
    new.version = match state {
        Versioning::Enabled => VersionId::made(new.sequence),
        Versioning::Off | Versioning::Suspended => VersionId::Null,
    };
    let mut gone = None;
    if let Some(old) = old {
        if state != Versioning::Enabled && old.version == VersionId::Null {
            give_up(tx, &old, Some(new), contents)?;
            gone = Some(old);
        } else {
            if state != Versioning::Enabled {
                gone = older_null(tx, bucket, key)?;
                if let Some(null) = &gone {
                    give_up(tx, null, Some(new), Contents::Release)?;
                    tx.remove(Table::Versions, &keys::version(bucket, key, null.sequence))?;
                }
            }
            let row = keys::version(bucket, key, old.sequence);
            tx.put(Table::Versions, &row, old.encode())?;
        }
    }
    tx.put(Table::Objects, &keys::object(bucket, key), new.encode())?;
    count(tx, bucket, |sums| {
        sums.add(new);
        if let Some(gone) = &gone {
            sums.subtract(gone);
        }
    })
}

/// Writes another state of the same version.
pub(super) fn update(
    tx: &mut dyn WriteTx,
    (bucket, key): (&str, &str),
    old: &ObjectRecord,
    new: &ObjectRecord,
) -> Result<(), StoreError> {
    give_up(tx, old, Some(new), Contents::Keep)?;
    let newest = record(tx, bucket, key)?;
    if newest.is_some_and(|newest| newest.version == new.version) {
        tx.put(Table::Objects, &keys::object(bucket, key), new.encode())?;
    } else {
        let row = keys::version(bucket, key, new.sequence);
        tx.put(Table::Versions, &row, new.encode())?;
    }
    count(tx, bucket, |sums| {
        sums.subtract(old);
        sums.add(new);
    })
}

/// Removes a version for ever. If it was the newest, the one before it is the newest again.
fn remove(
    tx: &mut dyn WriteTx,
    (bucket, key): (&str, &str),
    gone: &ObjectRecord,
) -> Result<(), StoreError> {
    give_up(tx, gone, None, Contents::Release)?;
    let newest = record(tx, bucket, key)?;
    if newest.is_some_and(|newest| newest.version == gone.version) {
        let mut next = None;
        each_older(tx, bucket, key, None, &mut |record| {
            next = Some(record);
            Walk::Stop
        })?;
        let row = keys::object(bucket, key);
        if let Some(next) = next {
            tx.put(Table::Objects, &row, next.encode())?;
            tx.remove(Table::Versions, &keys::version(bucket, key, next.sequence))?;
        } else {
            tx.remove(Table::Objects, &row)?;
        }
    } else {
        tx.remove(Table::Versions, &keys::version(bucket, key, gone.sequence))?;
    }
    count(tx, bucket, |sums| sums.subtract(gone))
}

/// What a deletion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deletion {
    /// Whether something was there that is not any more.
    pub found: bool,
    /// The version that was removed for ever or, with `marker`, that was made; `None` where
    /// versions were never kept.
    pub version: Option<VersionId>,
    /// Whether that version is a delete marker.
    pub marker: bool,
}

fn delete(
    tx: &mut dyn WriteTx,
    (bucket, key): (&str, &str),
    state: Versioning,
    version: Option<VersionId>,
    next: &impl Fn() -> u64,
) -> Result<Deletion, StoreError> {
    let old = find(tx, bucket, key, version)?;
    let found = old.is_some();
    if let Some(version) = version {
        let marker = old
            .as_ref()
            .is_some_and(|old| old.kind == ObjectKind::DeleteMarker);
        if let Some(old) = &old {
            remove(tx, (bucket, key), old)?;
        }
        return Ok(Deletion {
            found,
            version: (state != Versioning::Off).then_some(version),
            marker,
        });
    }
    if state == Versioning::Off {
        if let Some(old) = &old {
            remove(tx, (bucket, key), old)?;
        }
        return Ok(Deletion {
            found,
            ..Deletion::default()
        });
    }
    let mut marker = ObjectRecord {
        kind: ObjectKind::DeleteMarker,
        modified_ms: now_ms(),
        revision: next(),
        ..ObjectRecord::default()
    };
    install(
        tx,
        (bucket, key),
        state,
        old,
        &mut marker,
        Contents::Release,
    )?;
    Ok(Deletion {
        found,
        version: Some(marker.version),
        marker: true,
    })
}

/// What to list of the versions of a bucket. All texts may be empty.
#[derive(Debug, Clone, Default)]
pub struct VersionsQuery {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that have this after the prefix are rolled up.
    pub delimiter: String,
    /// Only keys after this one, and versions of it after `version_marker`.
    pub key_marker: String,
    /// The last version of `key_marker` that was shown; without it, all were.
    pub version_marker: Option<VersionId>,
    /// Versions and rolled-up keys together, at most.
    pub limit: usize,
}

/// A version in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// Its key.
    pub key: String,
    /// Whether it is the newest.
    pub is_latest: bool,
    /// What is known of it; it may be a delete marker.
    pub record: ObjectRecord,
}

/// A page of the versions of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionsPage {
    /// Keys in byte order, versions of a key with the newest first.
    pub versions: Vec<ListedVersion>,
    /// The rolled-up keys, in byte order.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// The last key or rolled-up key of this page.
    pub last_key: String,
    /// The last version of this page, if it ends with one.
    pub last_version: Option<VersionId>,
}

/// The versions of one key, at most `room`; those at or above `after` were shown before.
fn versions_of(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    newest: ObjectRecord,
    after: Option<&ObjectRecord>,
    room: usize,
) -> Result<(Vec<ListedVersion>, bool), StoreError> {
    let mut shown = Vec::new();
    if after.is_none() {
        shown.push(ListedVersion {
            key: key.to_owned(),
            is_latest: true,
            record: newest,
        });
    }
    let mut more = false;
    // The newest has no row among the older, so the scan begins with the one after it.
    let below = after.map(|after| after.sequence);
    each_older(tx, bucket, key, below, &mut |record| {
        if shown.len() == room {
            more = true;
            return Walk::Stop;
        }
        shown.push(ListedVersion {
            key: key.to_owned(),
            is_latest: false,
            record,
        });
        Walk::Next
    })?;
    Ok((shown, more))
}

fn list(tx: &dyn ReadTx, bucket: &str, query: &VersionsQuery) -> Result<VersionsPage, StoreError> {
    let base = keys::bucket_prefix(bucket);
    let after = match query.version_marker {
        Some(version) => find(tx, bucket, &query.key_marker, Some(version))?,
        None => None,
    };
    let mut start = keys::object(bucket, &query.key_marker);
    if after.is_none() && !query.key_marker.is_empty() {
        // The smallest key above the marker.
        start.push(0);
    }
    let mut page = VersionsPage::default();
    let groups = Groups {
        table: Table::Objects,
        base: &base,
        prefix: query.prefix.as_bytes(),
        delimiter: query.delimiter.as_bytes(),
        start,
        done: query.key_marker.as_bytes(),
        tail: 0,
        limit: query.limit,
        hidden: |_| Ok(false),
    };
    page.truncated = groups.walk(tx, &mut |item, room| {
        let (versions, more) = match item {
            Item::Group(name) => {
                page.last_key = text(name)?;
                page.last_version = None;
                page.common_prefixes.push(page.last_key.clone());
                return Ok(Taken::ONE);
            }
            Item::Entry { name, value } => {
                let (key, newest) = (text(name)?, ObjectRecord::decode(value)?);
                let after = after.as_ref().filter(|_| key == query.key_marker);
                versions_of(tx, bucket, &key, newest, after, room)?
            }
        };
        if let Some(last) = versions.last() {
            page.last_key.clone_from(&last.key);
            page.last_version = Some(last.record.version);
        }
        let count = versions.len();
        page.versions.extend(versions);
        Ok(Taken { count, more })
    })?;
    Ok(page)
}

impl Store {
    /// Deletes an object or, with a version, that version for ever.
    pub async fn delete(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<Deletion, StoreError> {
        let one = vec![(key.to_owned(), version)];
        let done = self.delete_many(bucket, one).await?;
        Ok(done.into_iter().next().unwrap_or_default())
    }

    /// [`Store::delete`] of many in one transaction, in order.
    pub async fn delete_many(
        &self,
        bucket: &str,
        objects: Vec<(String, Option<VersionId>)>,
    ) -> Result<Vec<Deletion>, StoreError> {
        let (bucket, next) = (bucket.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            let state = need_bucket(tx, &bucket)?.versioning;
            objects
                .iter()
                .map(|(key, version)| delete(tx, (&bucket, key), state, *version, &next))
                .collect()
        };
        self.backend.write(Need::Nothing, write).await
    }

    /// A page of the versions of a bucket's objects.
    pub async fn list_versions(
        &self,
        bucket: &str,
        query: VersionsQuery,
    ) -> Result<VersionsPage, StoreError> {
        let bucket = bucket.to_owned();
        let read = move |tx: &dyn ReadTx| {
            need_bucket(tx, &bucket)?;
            list(tx, &bucket, &query)
        };
        self.backend.read(read).await
    }
}
