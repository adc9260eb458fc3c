//! What the server keeps: buckets, objects, unfinished uploads.
//!
//! The rules are here, once; [`backend`] chooses where the bytes are: in memory or in a directory.
//! Nothing here knows HTTP or XML. Keys are checked by the caller; any UTF-8 is safe.

mod append;
mod backend;
mod buckets;
mod codec;
mod content;
mod dir;
mod error;
mod keys;
mod list;
mod memory;
mod multipart;
mod objects;
mod reader;
mod records;
mod tx;
mod types;
mod version;
mod versions;
mod writer;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use list::{ListQuery, ListedObject, ListedUpload, Page};
pub use multipart::{Choice, MAX_PARTS, MIN_PART_BYTES, PartSource, PartsPage};
pub use objects::CopySource;
pub use reader::{Content, ContentReader};
pub use types::{
    Acl, BucketRecord, ClassTotals, Encryption, ObjectKind, ObjectMeta, ObjectRecord, PartRecord,
    Redundancy, Restore, SseAlgorithm, StorageClass, StoredHeader, Totals, UploadId, UploadRecord,
    Versioning,
};
pub use version::VersionId;
pub use versions::{Deletion, ListedVersion, VersionsPage, VersionsQuery};
pub use writer::{ContentWriter, Staged};

use backend::Backend;
use parking_lot::RwLock;
use records::Record as _;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tx::{ReadTx, Table};

/// The largest object made by one put or by appends, in bytes: 5 GiB.
pub const MAX_PUT_BYTES: u64 = 5 << 30;

/// A store.
pub struct Store {
    backend: Backend,
    /// The last revision given out.
    revision: Arc<AtomicU64>,
    /// All buckets, so that every request can look at its bucket without a transaction.
    buckets: RwLock<BTreeMap<String, Arc<BucketRecord>>>,
    /// Held while a bucket is made, changed or removed.
    bucket_changes: tokio::sync::Mutex<()>,
}

impl Store {
    /// A store that is gone when it is dropped.
    pub fn in_memory() -> Self {
        Self {
            backend: Backend::Memory(Arc::default()),
            revision: Arc::default(),
            buckets: RwLock::default(),
            bucket_changes: tokio::sync::Mutex::default(),
        }
    }

    /// The store in `path`, made if it is not there; only one process can have it open. Blocks.
    pub fn in_directory(path: &Path) -> Result<Self, StoreError> {
        let dir = dir::Dir::open(path)?;
        let mut buckets: BTreeMap<String, BucketRecord> = BTreeMap::new();
        dir.read(|tx| {
            tx.scan(
                Table::Buckets,
                std::ops::Bound::Unbounded,
                &mut |key, value| {
                    let name = String::from_utf8(key.to_vec())
                        .map_err(|_| StoreError::Corrupt("a bucket's name".to_owned()))?;
                    buckets.insert(name, BucketRecord::decode(value)?);
                    Ok(tx::Walk::Next)
                },
            )?;
            tx.scan(
                Table::Settings,
                std::ops::Bound::Unbounded,
                &mut |key, value| {
                    let key = list::text(key)?;
                    let (bucket, name) = key
                        .split_once('\0')
                        .ok_or_else(|| StoreError::Corrupt("a setting's name".to_owned()))?;
                    if let Some(bucket) = buckets.get_mut(bucket) {
                        let value = bytes::Bytes::copy_from_slice(value);
                        bucket.settings.insert(name.to_owned(), value);
                    }
                    Ok(tx::Walk::Next)
                },
            )
        })?;
        let buckets = buckets
            .into_iter()
            .map(|(name, record)| (name, Arc::new(record)))
            .collect();
        Ok(Self {
            // Revisions of an earlier run are all below.
            revision: Arc::new(AtomicU64::new(u64::from(dir.run()) << 32)),
            backend: Backend::Dir(dir),
            buckets: RwLock::new(buckets),
            bucket_changes: tokio::sync::Mutex::default(),
        })
    }

    /// Finishes what was begun and lets the data directory go. Later writes are refused. Blocks.
    pub fn close(&self) {
        if let Backend::Dir(dir) = &self.backend {
            dir.close();
        }
    }

    /// Begins to take the bytes of an object. `expected` is their announced number, if any.
    pub fn writer(&self, expected: Option<u64>) -> ContentWriter {
        ContentWriter::new(self.backend.clone(), expected, true)
    }

    /// Begins to take the bytes of a part.
    pub fn part_writer(&self, expected: Option<u64>) -> ContentWriter {
        ContentWriter::new(self.backend.clone(), expected, false)
    }

    /// Gives out revisions inside a transaction, so that their order is that of the changes.
    fn revisions(&self) -> impl Fn() -> u64 + Send + 'static {
        let revision = Arc::clone(&self.revision);
        move || revision.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Milliseconds since 1970, of the store's and the server's times.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// The bucket's record.
fn need_bucket(tx: &dyn ReadTx, bucket: &str) -> Result<BucketRecord, StoreError> {
    match tx.get(Table::Buckets, bucket.as_bytes())? {
        Some(row) => BucketRecord::decode(&row),
        None => Err(StoreError::NoSuchBucket),
    }
}
