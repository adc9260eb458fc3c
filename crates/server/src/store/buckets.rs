//! Buckets.

use super::{
    Acl, BucketRecord, Redundancy, StorageClass, Store, StoreError, Totals, Versioning,
    dir::Need,
    keys, need_bucket, now_ms,
    records::Record as _,
    tx::{ReadTx, Table, Walk},
};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

impl Store {
    /// A bucket's record.
    pub fn bucket(&self, name: &str) -> Option<Arc<BucketRecord>> {
        self.buckets.read().get(name).cloned()
    }

    /// Makes a bucket. If it exists with the same class and redundancy, only its ACL changes, and
    /// only if one is given. Whether it was made now.
    pub async fn create_bucket(
        &self,
        name: &str,
        class: StorageClass,
        redundancy: Redundancy,
        acl: Option<Acl>,
    ) -> Result<bool, StoreError> {
        let _alone = self.bucket_changes.lock().await;
        let old = self.bucket(name);
        let record = match &old {
            Some(old) if old.class != class || old.redundancy != redundancy => {
                return Err(StoreError::BucketDiffers);
            }
            Some(old) => BucketRecord {
                acl: acl.unwrap_or(old.acl),
                ..BucketRecord::clone(old)
            },
            None => BucketRecord {
                created_ms: now_ms(),
                class,
                redundancy,
                acl: acl.unwrap_or(Acl::Private),
                versioning: Versioning::Off,
                settings: BTreeMap::new(),
            },
        };
        self.write_bucket(name, record).await?;
        Ok(old.is_none())
    }

    /// Changes a bucket's ACL.
    pub async fn set_bucket_acl(&self, name: &str, acl: Acl) -> Result<(), StoreError> {
        let _alone = self.bucket_changes.lock().await;
        let old = self.bucket(name).ok_or(StoreError::NoSuchBucket)?;
        let record = BucketRecord {
            acl,
            ..BucketRecord::clone(&old)
        };
        self.write_bucket(name, record).await
    }

    /// Begins or suspends to keep versions.
    pub async fn set_versioning(&self, name: &str, to: Versioning) -> Result<(), StoreError> {
        let _alone = self.bucket_changes.lock().await;
        let old = self.bucket(name).ok_or(StoreError::NoSuchBucket)?;
        let record = BucketRecord {
            versioning: to,
            ..BucketRecord::clone(&old)
        };
        self.write_bucket(name, record).await
    }

    async fn write_bucket(&self, name: &str, record: BucketRecord) -> Result<(), StoreError> {
        let (row, key) = (record.encode(), name.to_owned());
        let write =
            move |tx: &mut dyn super::tx::WriteTx| tx.put(Table::Buckets, key.as_bytes(), row);
        self.backend.write(Need::Room, write).await?;
        self.buckets
            .write()
            .insert(name.to_owned(), Arc::new(record));
        Ok(())
    }

    /// The document of a setting.
    pub fn setting(&self, bucket: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
        let bucket = self.bucket(bucket).ok_or(StoreError::NoSuchBucket)?;
        Ok(bucket.settings.get(name).cloned())
    }

    /// Sets a setting, or with `None` removes it; whether it was there.
    pub async fn set_setting(
        &self,
        bucket: &str,
        name: &str,
        document: Option<Bytes>,
    ) -> Result<bool, StoreError> {
        let _alone = self.bucket_changes.lock().await;
        let old = self.bucket(bucket).ok_or(StoreError::NoSuchBucket)?;
        let (row, value) = (keys::object(bucket, name), document.clone());
        let write = move |tx: &mut dyn super::tx::WriteTx| match value {
            Some(value) => tx.put(Table::Settings, &row, value),
            None => tx.remove(Table::Settings, &row).map(drop),
        };
        let need = match &document {
            Some(_) => Need::Room,
            None => Need::Nothing,
        };
        self.backend.write(need, write).await?;
        let mut record = BucketRecord::clone(&old);
        let before = match document {
            Some(document) => record.settings.insert(name.to_owned(), document),
            None => record.settings.remove(name),
        };
        self.buckets
            .write()
            .insert(bucket.to_owned(), Arc::new(record));
        Ok(before.is_some())
    }

    /// Removes a bucket that has neither objects nor unfinished uploads.
    pub async fn delete_bucket(&self, name: &str) -> Result<(), StoreError> {
        let _alone = self.bucket_changes.lock().await;
        let bucket = name.to_owned();
        let old = self.bucket(name).ok_or(StoreError::NoSuchBucket)?;
        let settings: Vec<String> = old.settings.keys().cloned().collect();
        let write = move |tx: &mut dyn super::tx::WriteTx| {
            need_bucket(tx, &bucket)?;
            let prefix = keys::bucket_prefix(&bucket);
            for table in [Table::Objects, Table::Uploads] {
                if has_prefix(tx, table, &prefix)? {
                    return Err(StoreError::BucketNotEmpty);
                }
            }
            for name in &settings {
                tx.remove(Table::Settings, &keys::object(&bucket, name))?;
            }
            tx.remove(Table::Totals, bucket.as_bytes())?;
            tx.remove(Table::Buckets, bucket.as_bytes())?;
            Ok(())
        };
        self.backend.write(Need::Nothing, write).await?;
        self.buckets.write().remove(name);
        Ok(())
    }

    /// The totals of a bucket, and how many uploads and parts are unfinished in it.
    pub async fn totals(&self, bucket: &str) -> Result<(Totals, u64, u64), StoreError> {
        let bucket = bucket.to_owned();
        let read = move |tx: &dyn ReadTx| {
            need_bucket(tx, &bucket)?;
            let mut ids = Vec::new();
            let prefix = keys::bucket_prefix(&bucket);
            tx.scan(Table::Uploads, Bound::Included(&prefix), &mut |key, _| {
                let Some(rest) = key.strip_prefix(prefix.as_slice()) else {
                    return Ok(Walk::Stop);
                };
                ids.extend(keys::split_upload(rest).map(|(_, id)| id));
                Ok(Walk::Next)
            })?;
            let mut parts = 0;
            for id in &ids {
                tx.scan(
                    Table::Parts,
                    Bound::Included(id.as_bytes()),
                    &mut |key, _| {
                        if !key.starts_with(id.as_bytes()) {
                            return Ok(Walk::Stop);
                        }
                        parts += 1;
                        Ok(Walk::Next)
                    },
                )?;
            }
            Ok((totals(tx, &bucket)?, ids.len() as u64, parts))
        };
        self.backend.read(read).await
    }
}

/// The totals row.
pub(super) fn totals(tx: &dyn ReadTx, bucket: &str) -> Result<Totals, StoreError> {
    let row = tx.get(Table::Totals, bucket.as_bytes())?;
    row.map_or(Ok(Totals::default()), |row| Totals::decode(&row))
}

fn has_prefix(tx: &dyn ReadTx, table: Table, prefix: &[u8]) -> Result<bool, StoreError> {
    let mut found = false;
    tx.scan(table, Bound::Included(prefix), &mut |key, _| {
        found = key.starts_with(prefix);
        Ok(Walk::Stop)
    })?;
    Ok(found)
}
