//! Objects: put, look, copy, change what is said of them.

use super::{
    Content, ObjectKind, ObjectMeta, ObjectRecord, Staged, Store, StoreError, VersionId,
    Versioning,
    backend::{extents, record},
    content::{ContentId, Extent, share},
    dir::Need,
    need_bucket, now_ms,
    records::Record as _,
    tx::{ReadTx, Table, WriteTx},
    types::{Content as Where, Manifest},
    versions::{Contents, install, need, update},
};
use md5::{Digest as _, Md5};
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
    /// The version; `None` for the newest.
    pub version: Option<VersionId>,
    /// [`ObjectRecord::revision`]; a copy of another is refused as [`StoreError::Changed`].
    pub revision: u64,
}

impl CopySource {
    /// The record, if it is still the one that was looked at.
    pub(super) fn find(&self, tx: &dyn ReadTx) -> Result<ObjectRecord, StoreError> {
        let found = need(tx, &self.bucket, &self.key, self.version)?;
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

impl Store {
    /// The record of an object or, with a version, of that version.
    pub async fn head(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<ObjectRecord, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let read = move |tx: &dyn ReadTx| need(tx, &bucket, &key, version);
        self.backend.read(read).await
    }

    /// An object's record and its bytes, of one moment.
    pub async fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<(ObjectRecord, Content), StoreError> {
        self.backend.open(bucket, key, version).await
    }

    /// Makes `new`, whose content `fill` puts in place, the newest version of its key.
    async fn make<F>(
        &self,
        bucket: &str,
        key: &str,
        mut new: ObjectRecord,
        forbid_overwrite: bool,
        fill: F,
    ) -> Result<ObjectRecord, StoreError>
    where
        F: FnOnce(&mut dyn WriteTx) -> Result<Where, StoreError> + Send + 'static,
    {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            let state = need_bucket(tx, &bucket)?.versioning;
            let old = record(tx, &bucket, &key)?;
            forbid(forbid_overwrite, state, old.as_ref())?;
            new.content = fill(tx)?;
            new.modified_ms = now_ms();
            new.revision = next();
            install(tx, (&bucket, &key), state, old, &mut new, Contents::Release)?;
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
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
        let new = ObjectRecord {
            size: content.size,
            etag: etag::of_md5(&content.md5),
            crc64: content.crc64,
            md5: Some(content.md5),
            meta,
            ..ObjectRecord::default()
        };
        let fill = |tx: &mut dyn WriteTx| content.adopt(tx).map(Where::Extents);
        self.make(bucket, key, new, forbid_overwrite, fill).await
    }

    /// Makes a symlink to another key of the bucket, which need not be there.
    pub async fn put_symlink(
        &self,
        bucket: &str,
        key: &str,
        meta: ObjectMeta,
        target: String,
        forbid_overwrite: bool,
    ) -> Result<ObjectRecord, StoreError> {
        let sum = Md5::digest(format!("symlink to {target}")).into();
        let new = ObjectRecord {
            etag: etag::of_md5(&sum),
            kind: ObjectKind::Symlink,
            meta,
            target: Some(target),
            ..ObjectRecord::default()
        };
        let fill = |_: &mut dyn WriteTx| Ok(Where::default());
        self.make(bucket, key, new, forbid_overwrite, fill).await
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
            let state = need_bucket(tx, &bucket)?.versioning;
            let from = source.find(tx)?;
            let old = record(tx, &bucket, &key)?;
            forbid(forbid_overwrite, state, old.as_ref())?;
            // Of an object that the copy replaces, only the metadata change.
            let in_place = state != Versioning::Enabled
                && (&source.bucket, &source.key) == (&bucket, &key)
                && old.as_ref().is_some_and(|old| {
                    old.version == VersionId::Null && old.sequence == from.sequence
                });
            let (content, contents) = if in_place {
                (from.content.clone(), Contents::Keep)
            } else {
                let of_source = extents(tx, &from)?;
                let shared = share(tx, &of_source)?;
                (hold(tx, shared, Vec::new())?, Contents::Release)
            };
            let mut new = ObjectRecord {
                modified_ms: now_ms(),
                // Copies of an appendable object are no longer so, but it may change in place.
                kind: match from.kind {
                    ObjectKind::Appendable if !in_place => ObjectKind::Normal,
                    kind => kind,
                },
                meta,
                restore: None,
                sealed_ms: from.sealed_ms.filter(|_| in_place),
                revision: next(),
                content,
                ..from
            };
            install(tx, (&bucket, &key), state, old, &mut new, contents)?;
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
    }

    /// Changes what is said of an object, and neither its bytes nor its `ETag` nor its time. What
    /// `change` refuses is the inner error.
    pub async fn change<E, F>(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
        change: F,
    ) -> Result<Result<ObjectRecord, E>, StoreError>
    where
        E: Send + 'static,
        F: FnOnce(&mut ObjectRecord) -> Result<(), E> + Send + 'static,
    {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            let old = need(tx, &bucket, &key, version)?;
            let mut new = old.clone();
            if let Err(refused) = change(&mut new) {
                return Ok(Err(refused));
            }
            if new != old {
                new.revision = next();
                update(tx, (&bucket, &key), &old, &new)?;
            }
            Ok(Ok(new))
        };
        self.backend.write(Need::Room, write).await
    }
}

/// Refuses to replace an object, where that is asked and no version keeps it.
pub(super) fn forbid(
    forbid_overwrite: bool,
    state: Versioning,
    old: Option<&ObjectRecord>,
) -> Result<(), StoreError> {
    if forbid_overwrite && state == Versioning::Off && old.is_some() {
        return Err(StoreError::Exists);
    }
    Ok(())
}
