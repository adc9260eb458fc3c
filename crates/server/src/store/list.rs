//! Listings: names in byte order, with those that share a prefix up to a delimiter rolled up into
//! one, which is found once and skipped by a seek: a group of a million keys costs one entry.

use super::{
    Store, StoreError, UploadId, keys,
    records::{Record, is_marker},
    tx::{ReadTx, Table, Walk},
    types::{BucketRecord, ObjectRecord, UploadRecord},
};
use std::{ops::Bound, sync::Arc};

/// What to list. All texts may be empty.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only names that begin with this.
    pub prefix: String,
    /// Names that have this after the prefix are rolled up.
    pub delimiter: String,
    /// Only names after this one. If it is a rolled-up name, the whole group comes before it.
    pub after: String,
    /// Names and rolled-up names together, at most.
    pub limit: usize,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found, in byte order of the names.
    pub entries: Vec<T>,
    /// The rolled-up names, in byte order.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// The last name or rolled-up name of this page; empty on an empty page.
    pub last: String,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            common_prefixes: Vec::new(),
            truncated: false,
            last: String::new(),
        }
    }
}

/// A listing over table keys, whose names are the keys without `base` and without a tail.
pub(super) struct Groups<'a> {
    pub(super) table: Table,
    /// What all keys begin with: the bucket.
    pub(super) base: &'a [u8],
    /// What names begin with.
    pub(super) prefix: &'a [u8],
    pub(super) delimiter: &'a [u8],
    /// The first key to look at.
    pub(super) start: Vec<u8>,
    /// A group that the page before ended with.
    pub(super) done: &'a [u8],
    /// Bytes of a key after its name.
    pub(super) tail: usize,
    pub(super) limit: usize,
    /// Whether a value is passed over, as if it were not there.
    pub(super) hidden: fn(&[u8]) -> Result<bool, StoreError>,
}

pub(super) enum Item<'a> {
    Entry { name: &'a [u8], value: &'a [u8] },
    Group(&'a [u8]),
}

/// What a visitor made of an item.
pub(super) struct Taken {
    /// How much of the limit it used.
    pub(super) count: usize,
    /// Whether the item has more than fitted.
    pub(super) more: bool,
}

impl Taken {
    /// One entry.
    pub(super) const ONE: Self = Self {
        count: 1,
        more: false,
    };
}

impl Groups<'_> {
    /// Visits what the page shows, each with what is left of the limit; whether there is more.
    pub(super) fn walk(
        self,
        tx: &dyn ReadTx,
        each: &mut dyn FnMut(Item<'_>, usize) -> Result<Taken, StoreError>,
    ) -> Result<bool, StoreError> {
        let first = [self.base, self.prefix].concat();
        let start = if self.start < first {
            &first
        } else {
            &self.start
        };
        let mut count = 0;
        let mut truncated = false;
        tx.scan(self.table, Bound::Included(start), &mut |key, value| {
            if !key.starts_with(&first) {
                return Ok(Walk::Stop);
            }
            if (self.hidden)(value)? {
                return Ok(Walk::Next);
            }
            let end = key.len().saturating_sub(self.tail).max(first.len());
            let group = find(&key[first.len()..end], self.delimiter)
                .map(|at| &key[..first.len() + at + self.delimiter.len()]);
            let over = group.map(keys::after_prefix);
            let already = group.is_some_and(|group| &group[self.base.len()..] == self.done);
            if !already {
                if count == self.limit {
                    truncated = true;
                    return Ok(Walk::Stop);
                }
                let item = match group {
                    Some(group) => Item::Group(&group[self.base.len()..]),
                    None => Item::Entry {
                        name: &key[self.base.len()..],
                        value,
                    },
                };
                let taken = each(item, self.limit - count)?;
                count += taken.count;
                if taken.more {
                    truncated = true;
                    return Ok(Walk::Stop);
                }
            }
            Ok(over.map_or(Walk::Next, Walk::Seek))
        })?;
        Ok(truncated)
    }
}

fn find(text: &[u8], piece: &[u8]) -> Option<usize> {
    if piece.is_empty() || piece.len() > text.len() {
        return None;
    }
    text.windows(piece.len()).position(|window| window == piece)
}

pub(super) fn text(bytes: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| StoreError::Corrupt("a key that is not UTF-8".to_owned()))
}

fn unescape(escaped: &[u8]) -> Vec<u8> {
    let mut bytes = escaped.iter();
    let mut out = Vec::with_capacity(escaped.len());
    while let Some(&byte) = bytes.next() {
        out.push(byte);
        if byte == 0 {
            bytes.next();
        }
    }
    out
}

/// An object in a listing.
pub type ListedObject = (String, ObjectRecord);

pub(super) fn objects(
    tx: &dyn ReadTx,
    bucket: &str,
    query: &ListQuery,
) -> Result<Page<ListedObject>, StoreError> {
    let base = keys::bucket_prefix(bucket);
    let mut start = keys::object(bucket, &query.after);
    if !query.after.is_empty() {
        // The smallest key above the marker.
        start.push(0);
    }
    let mut page = Page::default();
    let groups = Groups {
        table: Table::Objects,
        base: &base,
        prefix: query.prefix.as_bytes(),
        delimiter: query.delimiter.as_bytes(),
        start,
        done: query.after.as_bytes(),
        tail: 0,
        limit: query.limit,
        hidden: is_marker,
    };
    page.truncated = groups.walk(tx, &mut |item, _| {
        match item {
            Item::Entry { name, value } => {
                let name = text(name)?;
                page.last.clone_from(&name);
                page.entries.push((name, ObjectRecord::decode(value)?));
            }
            Item::Group(name) => {
                let name = text(name)?;
                page.last.clone_from(&name);
                page.common_prefixes.push(name);
            }
        }
        Ok(Taken::ONE)
    })?;
    Ok(page)
}

/// An upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// The object's key.
    pub key: String,
    /// The upload's id.
    pub id: UploadId,
    /// What is known of it.
    pub record: UploadRecord,
}

pub(super) fn uploads(
    tx: &dyn ReadTx,
    bucket: &str,
    query: &ListQuery,
    after_id: Option<&UploadId>,
) -> Result<Page<ListedUpload>, StoreError> {
    let base = keys::bucket_prefix(bucket);
    let bare = |name: &str| keys::upload_prefix(bucket, name).split_off(base.len());
    let start = match after_id {
        _ if query.after.is_empty() => base.clone(),
        Some(id) => {
            let mut start = keys::upload(bucket, &query.after, id);
            start.push(0);
            start
        }
        None => {
            let mut all_of_key = keys::upload_prefix(bucket, &query.after);
            all_of_key.extend_from_slice(&[0, 2]);
            all_of_key
        }
    };
    let (prefix, delimiter, done) = (
        bare(&query.prefix),
        bare(&query.delimiter),
        bare(&query.after),
    );
    let mut page = Page::default();
    let groups = Groups {
        table: Table::Uploads,
        base: &base,
        prefix: &prefix,
        delimiter: &delimiter,
        start,
        done: &done,
        tail: UploadId::LENGTH + 2,
        limit: query.limit,
        hidden: |_| Ok(false),
    };
    page.truncated = groups.walk(tx, &mut |item, _| {
        match item {
            Item::Entry { name, value } => {
                let (key, id) = keys::split_upload(name)
                    .ok_or_else(|| StoreError::Corrupt("an upload's key".to_owned()))?;
                page.last.clone_from(&key);
                page.entries.push(ListedUpload {
                    key,
                    id,
                    record: UploadRecord::decode(value)?,
                });
            }
            Item::Group(name) => {
                let name = text(&unescape(name))?;
                page.last.clone_from(&name);
                page.common_prefixes.push(name);
            }
        }
        Ok(Taken::ONE)
    })?;
    Ok(page)
}

impl Store {
    /// A page of a bucket's objects.
    pub async fn list(
        &self,
        bucket: &str,
        query: ListQuery,
    ) -> Result<Page<ListedObject>, StoreError> {
        let bucket = bucket.to_owned();
        let read = move |tx: &dyn ReadTx| {
            super::need_bucket(tx, &bucket)?;
            objects(tx, &bucket, &query)
        };
        self.backend.read(read).await
    }

    /// A page of a bucket's unfinished uploads, by key and then by id. `after_id` narrows
    /// `query.after`: uploads of that key with a greater id are still shown.
    pub async fn list_uploads(
        &self,
        bucket: &str,
        query: ListQuery,
        after_id: Option<UploadId>,
    ) -> Result<Page<ListedUpload>, StoreError> {
        let bucket = bucket.to_owned();
        let read = move |tx: &dyn ReadTx| {
            super::need_bucket(tx, &bucket)?;
            uploads(tx, &bucket, &query, after_id.as_ref())
        };
        self.backend.read(read).await
    }

    /// A page of the buckets.
    pub fn list_buckets(&self, query: &ListQuery) -> Page<(String, Arc<BucketRecord>)> {
        let mut page = Page::default();
        for (name, record) in self.buckets.read().iter() {
            if !name.starts_with(&query.prefix) || *name <= query.after {
                continue;
            }
            if page.entries.len() == query.limit {
                page.truncated = true;
                break;
            }
            page.last.clone_from(name);
            page.entries.push((name.clone(), Arc::clone(record)));
        }
        page
    }
}
