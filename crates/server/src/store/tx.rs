//! The narrow waist of the store: ordered tables of bytes, read and written in transactions.
//!
//! Every rule of the service (what a listing shows, when a completion is refused) is written once,
//! above these two traits; [`super::memory`] and [`super::dir`] only keep bytes in order.

use super::{StoreError, content::ContentId, writer::Unadopted};
use bytes::Bytes;
use std::ops::Bound;

/// The tables. Keys are laid out in [`super::keys`], values by [`super::codec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// Bucket name → bucket record.
    Buckets,
    /// (bucket, key) → record of the newest version, which may be a delete marker.
    Objects,
    /// (bucket, key, newest first) → record of an older version.
    Versions,
    /// Content id → the list of extents of an object that has many.
    Manifests,
    /// Content id → bytes of a small content.
    Inline,
    /// Content id → reference count of a content that lives outside the tables.
    Contents,
    /// Content ids that nothing refers to and whose bytes are still to be removed.
    Garbage,
    /// (bucket, key, upload id) → upload record.
    Uploads,
    /// (upload id, part number) → part record.
    Parts,
    /// Bucket name → running totals.
    Totals,
    /// (bucket, name) → a setting, as its document.
    Settings,
    /// The store's own facts.
    Meta,
}

impl Table {
    pub(crate) const COUNT: usize = 12;

    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Buckets,
        Self::Objects,
        Self::Versions,
        Self::Manifests,
        Self::Inline,
        Self::Contents,
        Self::Garbage,
        Self::Uploads,
        Self::Parts,
        Self::Totals,
        Self::Settings,
        Self::Meta,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Buckets => "buckets",
            Self::Objects => "objects",
            Self::Versions => "versions",
            Self::Manifests => "manifests",
            Self::Inline => "inline",
            Self::Contents => "contents",
            Self::Garbage => "garbage",
            Self::Uploads => "uploads",
            Self::Parts => "parts",
            Self::Totals => "totals",
            Self::Settings => "settings",
            Self::Meta => "meta",
        }
    }
}

/// What a visitor of [`ReadTx::scan`] wants next.
pub(crate) enum Walk {
    /// The next entry.
    Next,
    /// The first entry at or after this key, found by descending the tree again.
    Seek(Vec<u8>),
    /// No more.
    Stop,
}

/// Visits an entry.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Walk, StoreError> + 'a;

/// A consistent view of all tables.
pub(crate) trait ReadTx {
    /// The value of `key`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Visits entries in byte order from `from` on, until the visitor stops.
    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

/// All or nothing. Several writers' calls may share one transaction, so each must check everything
/// it can refuse before its first write.
pub(crate) trait WriteTx: ReadTx {
    /// Sets the value of `key`.
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError>;

    /// Removes `key`; whether it was there.
    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, StoreError>;

    /// Nothing refers to this content any more once the transaction is in force: remove its bytes
    /// when no reader needs them.
    fn discard(&mut self, id: ContentId) -> Result<(), StoreError>;

    /// Takes over a staged content: it stays if the transaction commits and goes if not.
    fn adopt(&mut self, content: Unadopted);
}
