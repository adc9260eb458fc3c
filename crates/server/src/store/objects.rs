//! Objects: put, look, delete, copy, change the ACL.

use super::{
    Acl, Content, ObjectKind, ObjectMeta, ObjectRecord, Staged, Store, StoreError,
    backend::{extents, record},
    buckets::totals,
    content::{ContentId, Extent, release, share},
    dir::Need,
    keys, need_bucket, now_ms,
    records::Record as _,
    tx::{Table, WriteTx},
    types::{Content as Where, Manifest},
};
use ossplit_protocol::etag;

/// Extents that a record itself holds; more go to a manifest, so that listings stay fast.
const EXTENTS_IN_RECORD: usize = 4;

/// What a copy reads: the object as it was when the caller looked at it.
#[derive(Debug, Clone)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// [`ObjectRecord::revision`]; a copy of another is refused as [`StoreError::Changed`].
    pub revision: u64,
}

impl CopySource {
    /// The record, if it is still the one that was looked at.
    pub(super) fn find(&self, tx: &dyn super::tx::ReadTx) -> Result<ObjectRecord, StoreError> {
        let found = record(tx, &self.bucket, &self.key)?.ok_or(StoreError::NoSuchKey)?;
        if found.revision == self.revision {
            Ok(found)
        } else {
            Err(StoreError::Changed)
        }
    }
}

/// Puts extents where a record keeps them.
pub(super) fn hold(
    tx: &mut dyn WriteTx,
    extents: Vec<Extent>,
    parts: Vec<(u16, u64)>,
) -> Result<Where, StoreError> {
    if extents.len() <= EXTENTS_IN_RECORD && parts.len() <= 1 {
        return Ok(Where::Extents(extents));
    }
    let id = ContentId::random();
    let manifest = Manifest { extents, parts };
    tx.put(Table::Manifests, &id.to_bytes(), manifest.encode())?;
    Ok(Where::Manifest(id))
}

/// Makes `new` the object of this key instead of `old`, or removes the object. Every change of an
/// object goes through here. `keep` leaves the old contents, which the new record took over.
pub(super) fn replace(
    tx: &mut dyn WriteTx,
    bucket: &str,
    key: &str,
    old: Option<&ObjectRecord>,
    new: Option<&ObjectRecord>,
    keep: bool,
) -> Result<(), StoreError> {
    let row = keys::object(bucket, key);
    if let Some(old) = old {
        if !keep {
            let of_old = extents(tx, old)?;
            release(tx, &of_old)?;
        }
        if let Where::Manifest(id) = &old.content
            && new.is_none_or(|new| new.content != old.content)
        {
            tx.remove(Table::Manifests, &id.to_bytes())?;
        }
    }
    match new {
        Some(new) => tx.put(Table::Objects, &row, new.encode())?,
        None => {
            tx.remove(Table::Objects, &row)?;
        }
    }
    let mut sums = totals(tx, bucket)?;
    let (added, gone) = (u64::from(new.is_some()), u64::from(old.is_some()));
    sums.objects = (sums.objects + added).saturating_sub(gone);
    let (added, gone) = (new.map_or(0, |new| new.size), old.map_or(0, |old| old.size));
    sums.bytes = (sums.bytes + added).saturating_sub(gone);
    tx.put(Table::Totals, bucket.as_bytes(), sums.encode())
}

impl Store {
    /// An object's record.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<ObjectRecord, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let read = move |tx: &dyn super::tx::ReadTx| {
            let found = record(tx, &bucket, &key)?;
            match found {
                Some(found) => Ok(found),
                None => need_bucket(tx, &bucket).and(Err(StoreError::NoSuchKey)),
            }
        };
        self.backend.read(read).await
    }

    /// An object's record and its bytes, of one moment.
    pub async fn open(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<(ObjectRecord, Content), StoreError> {
        match self.backend.open(bucket, key).await {
            Err(StoreError::NoSuchKey) if self.bucket(bucket).is_none() => {
                Err(StoreError::NoSuchBucket)
            }
            other => other,
        }
    }

    /// Makes an object of a staged content.
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        meta: ObjectMeta,
        content: Staged,
        forbid_overwrite: bool,
    ) -> Result<ObjectRecord, StoreError> {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            need_bucket(tx, &bucket)?;
            let old = record(tx, &bucket, &key)?;
            if forbid_overwrite && old.is_some() {
                return Err(StoreError::Exists);
            }
            let new = ObjectRecord {
                size: content.size,
                etag: etag::of_md5(&content.md5),
                crc64: content.crc64,
                md5: Some(content.md5),
                modified_ms: now_ms(),
                kind: ObjectKind::Normal,
                meta,
                revision: next(),
                content: Where::Extents(content.adopt(tx)?),
            };
            replace(tx, &bucket, &key, old.as_ref(), Some(&new), false)?;
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
    }

    /// Removes an object; whether it was there.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<bool, StoreError> {
        let gone = self.delete_many(bucket, vec![key.to_owned()]).await?;
        Ok(gone > 0)
    }

    /// Removes objects in one transaction; how many were there.
    pub async fn delete_many(&self, bucket: &str, keys: Vec<String>) -> Result<usize, StoreError> {
        let bucket = bucket.to_owned();
        let write = move |tx: &mut dyn WriteTx| {
            need_bucket(tx, &bucket)?;
            let mut gone = 0;
            for key in &keys {
                if let Some(old) = record(tx, &bucket, key)? {
                    replace(tx, &bucket, key, Some(&old), None, false)?;
                    gone += 1;
                }
            }
            Ok(gone)
        };
        self.backend.write(Need::Nothing, write).await
    }

    /// Makes an object of another's bytes, which are shared, not copied. `meta` is what the new
    /// object says of itself.
    pub async fn copy(
        &self,
        source: CopySource,
        bucket: &str,
        key: &str,
        meta: ObjectMeta,
        forbid_overwrite: bool,
    ) -> Result<ObjectRecord, StoreError> {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            need_bucket(tx, &bucket)?;
            let from = source.find(tx)?;
            let in_place = source.bucket == bucket && source.key == key;
            let old = record(tx, &bucket, &key)?;
            if forbid_overwrite && old.is_some() {
                return Err(StoreError::Exists);
            }
            let content = if in_place {
                from.content.clone()
            } else {
                let of_source = extents(tx, &from)?;
                let shared = share(tx, &of_source)?;
                hold(tx, shared, Vec::new())?
            };
            let new = ObjectRecord {
                modified_ms: now_ms(),
                // Copies of an appendable object are no longer so, but it may change in place.
                kind: match from.kind {
                    ObjectKind::Appendable if !in_place => ObjectKind::Normal,
                    kind => kind,
                },
                meta,
                revision: next(),
                content,
                ..from
            };
            replace(tx, &bucket, &key, old.as_ref(), Some(&new), in_place)?;
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
    }

    /// Changes an object's ACL, and neither its `ETag` nor its time.
    pub async fn set_object_acl(
        &self,
        bucket: &str,
        key: &str,
        acl: Acl,
    ) -> Result<(), StoreError> {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            need_bucket(tx, &bucket)?;
            let old = record(tx, &bucket, &key)?.ok_or(StoreError::NoSuchKey)?;
            let mut new = old.clone();
            new.meta.acl = acl;
            new.revision = next();
            replace(tx, &bucket, &key, Some(&old), Some(&new), true)
        };
        self.backend.write(Need::Room, write).await
    }
}
