//! Multipart uploads. Completing copies nothing: the parts' contents become the object's extents.
//! Abort and completion are transactions, so of two at once one finds the upload gone.

use super::{
    Acl, ContentReader, CopySource, ObjectKind, ObjectMeta, ObjectRecord, PartRecord, Staged,
    Store, StoreError, UploadId, UploadRecord,
    backend::{extents, record},
    content::{Extent, Place, release, share, slice},
    dir::Need,
    keys, need_bucket, now_ms,
    objects::{forbid, hold},
    records::Record as _,
    tx::{ReadTx, Table, Walk, WriteTx},
    versions::{Contents, install},
};
use ossplit_protocol::{crc64, etag};
use std::{collections::BTreeMap, ops::Bound, ops::Range};

/// The greatest part number, and so the greatest number of parts.
pub const MAX_PARTS: u16 = 10_000;

/// The smallest size of a part that is not the last, in bytes.
pub const MIN_PART_BYTES: u64 = 100 << 10;

/// Which parts a completion takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// All that were uploaded.
    All,
    /// These, in ascending order of number, each with its `ETag`.
    Listed(Vec<(u16, String)>),
}

/// A page of the parts of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsPage {
    /// The upload.
    pub upload: UploadRecord,
    /// (number, part), ascending.
    pub parts: Vec<(u16, PartRecord)>,
    /// Whether there are more.
    pub truncated: bool,
}

/// A range of an object that becomes a part.
#[derive(Debug, Clone)]
pub struct PartSource {
    /// The object.
    pub source: CopySource,
    /// Bytes of it.
    pub range: Range<u64>,
    /// `ETag` of those bytes, quoted.
    pub etag: String,
    /// CRC-64 of those bytes.
    pub crc64: u64,
}

fn upload_of(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    id: &UploadId,
) -> Result<UploadRecord, StoreError> {
    need_bucket(tx, bucket)?;
    let row = tx.get(Table::Uploads, &keys::upload(bucket, key, id))?;
    UploadRecord::decode(&row.ok_or(StoreError::NoSuchUpload)?)
}

/// All parts of an upload whose number is above `after`, at most `limit`, and whether there are
/// more.
fn parts_of(
    tx: &dyn ReadTx,
    id: &UploadId,
    after: u16,
    limit: usize,
) -> Result<(Vec<(u16, PartRecord)>, bool), StoreError> {
    let mut parts = Vec::new();
    let mut more = false;
    let start = keys::part(id, after);
    tx.scan(Table::Parts, Bound::Excluded(&start), &mut |key, value| {
        let number = key.strip_prefix(id.as_bytes());
        let Some(number) = number.and_then(|number| number.try_into().ok()) else {
            return Ok(Walk::Stop);
        };
        if parts.len() == limit {
            more = true;
            return Ok(Walk::Stop);
        }
        parts.push((u16::from_be_bytes(number), PartRecord::decode(value)?));
        Ok(Walk::Next)
    })?;
    Ok((parts, more))
}

fn put_part(
    tx: &mut dyn WriteTx,
    upload: &UploadRecord,
    id: &UploadId,
    number: u16,
    part: &PartRecord,
) -> Result<(), StoreError> {
    let row = keys::part(id, number);
    if upload.sequential {
        let has = |number: u16| tx.get(Table::Parts, &keys::part(id, number));
        let follows = number == 1 || has(number - 1)?.is_some();
        let ends = number == MAX_PARTS || has(number + 1)?.is_none();
        if !(follows && ends) {
            return Err(StoreError::NotSequential);
        }
    }
    if let Some(old) = tx.get(Table::Parts, &row)? {
        release(tx, &PartRecord::decode(&old)?.extents)?;
    }
    tx.put(Table::Parts, &row, part.encode())
}

/// The chosen parts, in order; refuses what the service refuses.
fn choose(
    mut uploaded: BTreeMap<u16, PartRecord>,
    choice: Choice,
) -> Result<Vec<(u16, PartRecord)>, StoreError> {
    let chosen = match choice {
        Choice::All => uploaded.into_iter().collect::<Vec<_>>(),
        Choice::Listed(listed) => listed
            .into_iter()
            .map(|(number, tag)| {
                let part = uploaded.remove(&number);
                part.filter(|part| etag::same(&part.etag, &tag))
                    .map(|part| (number, part))
                    .ok_or(StoreError::InvalidPart { number })
            })
            .collect::<Result<Vec<_>, _>>()?,
    };
    let Some((_, before_last)) = chosen.split_last() else {
        return Err(StoreError::InvalidPart { number: 1 });
    };
    match before_last
        .iter()
        .find(|(_, part)| part.size < MIN_PART_BYTES)
    {
        Some((number, part)) => Err(StoreError::PartTooSmall {
            number: *number,
            size: part.size,
            etag: part.etag.clone(),
        }),
        None => Ok(chosen),
    }
}

impl Store {
    /// Begins an upload.
    pub async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        meta: ObjectMeta,
        sequential: bool,
    ) -> Result<UploadId, StoreError> {
        let id = UploadId::random();
        let (bucket, row) = (bucket.to_owned(), keys::upload(bucket, key, &id));
        let write = move |tx: &mut dyn WriteTx| {
            need_bucket(tx, &bucket)?;
            let upload = UploadRecord {
                initiated_ms: now_ms(),
                meta,
                sequential,
            };
            tx.put(Table::Uploads, &row, upload.encode())
        };
        self.backend.write(Need::Room, write).await?;
        Ok(id)
    }

    /// Refuses when the upload is not there.
    pub async fn need_upload(
        &self,
        bucket: &str,
        key: &str,
        id: UploadId,
    ) -> Result<UploadRecord, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let read = move |tx: &dyn ReadTx| upload_of(tx, &bucket, &key, &id);
        self.backend.read(read).await
    }

    /// Makes a staged content a part, in place of an earlier one of this number.
    pub async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        id: UploadId,
        number: u16,
        content: Staged,
    ) -> Result<PartRecord, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let write = move |tx: &mut dyn WriteTx| {
            let upload = upload_of(tx, &bucket, &key, &id)?;
            let part = PartRecord {
                size: content.size,
                etag: etag::of_md5(&content.md5),
                crc64: content.crc64,
                modified_ms: now_ms(),
                extents: content.adopt(tx)?,
            };
            put_part(tx, &upload, &id, number, &part)?;
            Ok(part)
        };
        self.backend.write(Need::Room, write).await
    }

    /// Makes a range of an object a part; its bytes are shared, not copied, unless they are so few
    /// that they are kept inline.
    pub async fn copy_part(
        &self,
        bucket: &str,
        key: &str,
        id: UploadId,
        number: u16,
        from: PartSource,
    ) -> Result<PartRecord, StoreError> {
        let staged = self.stage_if_inline(&from).await?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let write = move |tx: &mut dyn WriteTx| {
            let upload = upload_of(tx, &bucket, &key, &id)?;
            let source = from.source.find(tx)?;
            let extents = if let Some(staged) = staged {
                staged.adopt(tx)?
            } else {
                let of_source = extents(tx, &source)?;
                share(tx, &slice(&of_source, &from.range))?
            };
            let part = PartRecord {
                size: from.range.end - from.range.start,
                etag: from.etag,
                crc64: from.crc64,
                modified_ms: now_ms(),
                extents,
            };
            put_part(tx, &upload, &id, number, &part)?;
            Ok(part)
        };
        self.backend.write(Need::Room, write).await
    }

    /// A content of its own for the range of an inline object: parts are never inline.
    async fn stage_if_inline(&self, from: &PartSource) -> Result<Option<Staged>, StoreError> {
        let source = from.source.clone();
        let read = move |tx: &dyn ReadTx| {
            let found = source.find(tx)?;
            extents(tx, &found)
        };
        let extents: Vec<Extent> = self.backend.read(read).await?;
        if extents.iter().all(|extent| extent.place == Place::Outside) {
            return Ok(None);
        }
        let (found, content) = self
            .open(&from.source.bucket, &from.source.key, from.source.version)
            .await?;
        if found.revision != from.source.revision {
            return Err(StoreError::Changed);
        }
        let mut writer = self.part_writer(Some(from.range.end - from.range.start));
        let mut reader: ContentReader = content.read(from.range.clone());
        while let Some(chunk) = reader.next().await {
            writer.write(&chunk?).await?;
        }
        writer.finish().await.map(Some)
    }

    /// A page of the parts whose number is above `after`.
    pub async fn list_parts(
        &self,
        bucket: &str,
        key: &str,
        id: UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let read = move |tx: &dyn ReadTx| {
            let upload = upload_of(tx, &bucket, &key, &id)?;
            let (parts, truncated) = parts_of(tx, &id, after, limit)?;
            Ok(PartsPage {
                upload,
                parts,
                truncated,
            })
        };
        self.backend.read(read).await
    }

    /// Makes an object of the chosen parts; the others are dropped, and the upload with them.
    pub async fn complete(
        &self,
        bucket: &str,
        key: &str,
        id: UploadId,
        choice: Choice,
        acl: Option<Acl>,
        forbid_overwrite: bool,
    ) -> Result<ObjectRecord, StoreError> {
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            let upload = upload_of(tx, &bucket, &key, &id)?;
            let (uploaded, _) = parts_of(tx, &id, 0, usize::from(MAX_PARTS))?;
            let uploaded: BTreeMap<_, _> = uploaded.into_iter().collect();
            let all: Vec<(u16, Vec<Extent>)> = uploaded
                .iter()
                .map(|(number, part)| (*number, part.extents.clone()))
                .collect();
            let chosen = choose(uploaded, choice)?;
            let state = need_bucket(tx, &bucket)?.versioning;
            let old = record(tx, &bucket, &key)?;
            forbid(forbid_overwrite, state, old.as_ref())?;
            for (number, extents) in all {
                if chosen.binary_search_by_key(&number, |(n, _)| *n).is_err() {
                    release(tx, &extents)?;
                }
                tx.remove(Table::Parts, &keys::part(&id, number))?;
            }
            tx.remove(Table::Uploads, &keys::upload(&bucket, &key, &id))?;
            let mut meta = upload.meta;
            if let Some(acl) = acl {
                meta.acl = acl;
            }
            let extents = chosen.iter().flat_map(|(_, part)| part.extents.clone());
            let sizes = chosen.iter().map(|(number, part)| (*number, part.size));
            let mut new = ObjectRecord {
                size: chosen.iter().map(|(_, part)| part.size).sum(),
                etag: etag::of_parts(chosen.iter().map(|(_, part)| part.etag.as_str())),
                crc64: chosen.iter().fold(0, |sum, (_, part)| {
                    crc64::combine(sum, part.crc64, part.size)
                }),
                md5: None,
                modified_ms: now_ms(),
                kind: ObjectKind::Multipart,
                meta,
                revision: next(),
                content: hold(tx, extents.collect(), sizes.collect())?,
                ..ObjectRecord::default()
            };
            let place = (bucket.as_str(), key.as_str());
            install(tx, place, state, old, &mut new, Contents::Release)?;
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
    }

    /// Drops an upload and its parts.
    pub async fn abort(&self, bucket: &str, key: &str, id: UploadId) -> Result<(), StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let write = move |tx: &mut dyn WriteTx| {
            upload_of(tx, &bucket, &key, &id)?;
            let (parts, _) = parts_of(tx, &id, 0, usize::from(MAX_PARTS))?;
            for (number, part) in parts {
                release(tx, &part.extents)?;
                tx.remove(Table::Parts, &keys::part(&id, number))?;
            }
            tx.remove(Table::Uploads, &keys::upload(&bucket, &key, &id))?;
            Ok(())
        };
        self.backend.write(Need::Nothing, write).await
    }
}
