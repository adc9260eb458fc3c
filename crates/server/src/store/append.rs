//! Appending.
//!
//! What is appended becomes a further extent, so an append costs its own bytes. Small extents at
//! the end are merged when the last is not larger than twice what follows it, so that an object
//! made of a million small appends has few extents, each byte having been copied a few times.

use super::{
    Content, ContentWriter, ObjectKind, ObjectMeta, ObjectRecord, Staged, Store, StoreError,
    backend::{extents, record},
    content::{Extent, Place, release},
    dir::Need,
    need_bucket, now_ms,
    objects::hold,
    tx::{ReadTx, WriteTx},
    versions::{Contents, install, update},
};
use md5::{Digest, Md5};
use ossplit_protocol::{crc64, etag};
use std::ops::Range;

/// Extents are merged up to this many bytes.
const MERGE_LIMIT: u64 = 4 << 20;

/// What an append makes of the extents that are there.
struct Plan {
    /// Extents that stay.
    kept: usize,
    /// Bytes of those that are merged.
    merged: u64,
}

fn plan(extents: &[Extent], data: u64) -> Plan {
    let (mut kept, mut merged) = (extents.len(), 0);
    while let Some(last) = extents[..kept].last() {
        let total = data + merged;
        let small = last.length <= 2 * total && last.length + total <= MERGE_LIMIT;
        // An inline extent must be the only one of its object.
        let alone = last.place == Place::Inline;
        if !small && !alone {
            break;
        }
        merged += last.length;
        kept -= 1;
    }
    Plan { kept, merged }
}

/// The `ETag` of an appended object: 24 hex digits of a sum over the history, and zeros. Not an
/// MD5 of the content, as at the service.
fn next_etag(old: Option<&ObjectRecord>, data: &[u8; 16]) -> String {
    let mut sum = Md5::new();
    if let Some(old) = old {
        sum.update(old.etag.as_bytes());
    }
    sum.update(data);
    let mut sum: [u8; 16] = sum.finalize().into();
    sum[12..].fill(0);
    etag::of_md5(&sum)
}

/// Whether there is something that an append could go on with.
fn is_object(found: &ObjectRecord) -> bool {
    found.kind != ObjectKind::DeleteMarker
}

fn check(found: Option<&ObjectRecord>, position: u64, data: u64) -> Result<(), StoreError> {
    let (length, crc64) = match found {
        Some(found) if found.kind != ObjectKind::Appendable => {
            return Err(StoreError::NotAppendable);
        }
        Some(found) if found.sealed_ms.is_some() => return Err(StoreError::Sealed),
        Some(found) => (found.size, found.crc64),
        None => (0, 0),
    };
    if position != length {
        return Err(StoreError::WrongPosition { length, crc64 });
    }
    if length + data > super::MAX_PUT_BYTES {
        return Err(StoreError::TooLarge);
    }
    Ok(())
}

impl Store {
    /// Adds a staged content to the end of an object, which must have `position` bytes; at 0 the
    /// object may be absent and is made, and only then `meta` counts.
    pub async fn append(
        &self,
        bucket: &str,
        key: &str,
        position: u64,
        meta: ObjectMeta,
        data: Staged,
    ) -> Result<ObjectRecord, StoreError> {
        let (size, md5, crc64) = (data.size, data.md5, data.crc64);
        let looked = self.look(bucket, key).await?;
        check(looked.as_ref().map(|(found, _)| found), position, size)?;
        let old = looked.map_or_else(Vec::new, |(_, extents)| extents);
        let plan = plan(&old, size);
        // An inline content can only be the first.
        let data = if plan.merged == 0 && (plan.kept == 0 || data.peek().is_err()) {
            data
        } else {
            let (_, content) = self.open(bucket, key, None).await?;
            let span = position - plan.merged..position;
            self.merge(content, span, data, plan.kept == 0).await?
        };
        let (bucket, key, next) = (bucket.to_owned(), key.to_owned(), self.revisions());
        let write = move |tx: &mut dyn WriteTx| {
            let state = need_bucket(tx, &bucket)?.versioning;
            let newest = record(tx, &bucket, &key)?;
            let found = newest.as_ref().filter(|found| is_object(found));
            check(found, position, size)?;
            let now = found.map_or(Ok(Vec::new()), |found| extents(tx, found))?;
            if now != old {
                // Replaced by another object of the same length while the bytes came.
                return Err(StoreError::Changed);
            }
            release(tx, &old[plan.kept..])?;
            let mut content = old[..plan.kept].to_vec();
            content.extend(data.adopt(tx)?);
            let mut new = ObjectRecord {
                size: position + size,
                etag: next_etag(found, &md5),
                crc64: found.map_or(crc64, |found| crc64::combine(found.crc64, crc64, size)),
                md5: None,
                modified_ms: now_ms(),
                kind: ObjectKind::Appendable,
                meta: found.map_or(meta, |found| found.meta.clone()),
                revision: next(),
                content: hold(tx, content, Vec::new())?,
                ..ObjectRecord::default()
            };
            if let Some(found) = found {
                // The same version goes on; the contents that stay belong to the new record now.
                (new.version, new.sequence) = (found.version, found.sequence);
                update(tx, (&bucket, &key), found, &new)?;
            } else {
                let place = (bucket.as_str(), key.as_str());
                install(tx, place, state, newest, &mut new, Contents::Release)?;
            }
            Ok(new)
        };
        self.backend.write(Need::Room, write).await
    }

    /// An object's record and extents, if it is there.
    async fn look(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<(ObjectRecord, Vec<Extent>)>, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let read = move |tx: &dyn ReadTx| {
            need_bucket(tx, &bucket)?;
            let Some(found) = record(tx, &bucket, &key)?.filter(is_object) else {
                return Ok(None);
            };
            let extents = extents(tx, &found)?;
            Ok(Some((found, extents)))
        };
        self.backend.read(read).await
    }

    /// Stages `span` of `old` and then `data` as one content.
    async fn merge(
        &self,
        old: Content,
        span: Range<u64>,
        data: Staged,
        may_inline: bool,
    ) -> Result<Staged, StoreError> {
        let total = span.end - span.start + data.size;
        let mut writer = ContentWriter::new(self.backend.clone(), Some(total), may_inline);
        let mut reader = old.read(span);
        while let Some(chunk) = reader.next().await {
            writer.write(&chunk?).await?;
        }
        let mut reader = self.backend.staged(&data).await?;
        while let Some(chunk) = reader.next().await {
            writer.write(&chunk?).await?;
        }
        writer.finish().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::content::ContentId;

    #[test]
    fn many_small_appends_leave_few_extents() {
        let mut extents: Vec<Extent> = Vec::new();
        let mut copied = 0;
        for _ in 0..10_000 {
            let plan = plan(&extents, 100);
            copied += plan.merged;
            extents.truncate(plan.kept);
            extents.push(Extent {
                place: Place::Outside,
                id: ContentId::new(1, 1),
                offset: 0,
                length: plan.merged + 100,
            });
        }
        assert_eq!(extents.iter().map(|e| e.length).sum::<u64>(), 1_000_000);
        assert!(extents.len() < 20, "{}", extents.len());
        assert!(copied < 20_000_000, "{copied}");
    }
}
