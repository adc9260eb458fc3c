//! What the facade asks of file contents: the narrow waist between names and bytes. Tests put objects in memory
//! behind it.

mod engine;

use ossplit::NewObject;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::types::{NodeId, ObjectVersion};

/// The contents of one bucket.
pub(crate) trait Contents: Send + Sync {
    /// A reader of one version, which begins to fetch a small object at once. Does not wait.
    fn open(&self, version: &ObjectVersion) -> Arc<dyn ReadObject>;
    /// Begins to fetch a small object that will be opened soon. Does not wait.
    fn prefetch(&self, version: &ObjectVersion, begin: Begin) -> Prefetch;
    /// True if all of a small object is in memory.
    fn has(&self, version: &ObjectVersion) -> bool;
    /// A writer of a node that begins with the contents of `base`, or as an empty file that is not in OSS yet.
    fn write(
        &self,
        node: NodeId,
        key: String,
        base: Option<ObjectVersion>,
        with: NewObject,
    ) -> Arc<dyn WriteObject>;
    /// The writer of a node that a former process left, if there is one.
    fn take_left(&self, node: NodeId, with: NewObject) -> Option<TakenOver>;
    /// Whether the writer that a former process left of a node is of a file without a name, or about to lose it.
    fn left_unlinked(&self, node: NodeId) -> bool;
    /// Ends the writers that were left and not taken.
    fn discard_left(&self);
}

/// A file that a former process was writing.
pub(crate) struct TakenOver {
    pub(crate) object: Arc<dyn WriteObject>,
    /// The version in OSS that has all of it, if one does: the names may not know that yet.
    pub(crate) stored: Option<ObjectVersion>,
}

/// One version of one object, open for reading.
pub(crate) trait ReadObject: Send + Sync {
    /// Pushes the pieces to `out` if they are in memory.
    fn try_read(&self, offset: u64, len: u32, out: &mut Vec<Bytes>) -> Option<Result<()>>;
    /// The pieces, fetched if need be.
    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>>;
    /// From now on the object may be fetched whole into this page cache.
    fn offer(&self, pages: Arc<dyn Pages>);
}

/// One file open for writing. Calls may come at once, but none may be given up
/// half-way: that fails every later one.
pub(crate) trait WriteObject: Send + Sync {
    /// Takes all of `data` (at the end without an offset) if there is nothing to wait for; false: nothing changed.
    fn try_write(&self, offset: Option<u64>, data: &[u8]) -> bool;
    /// Takes all of `data`.
    fn write(&self, offset: u64, data: Bytes) -> BoxFuture<'_, Result<()>>;
    /// Takes all of `data` at the end, wherever that is.
    fn append(&self, data: Bytes) -> BoxFuture<'_, Result<()>>;
    /// What the object is to be written with from now on; false if it is too late for the next flush.
    fn describe(&self, with: NewObject) -> bool;
    /// A new file must be a Normal object, whatever the mount makes.
    fn keep_normal(&self);
    /// A handle will read what is written.
    fn keep_for_reading(&self);
    /// The file's name goes, or it has one after all. Without one it is never made an object by itself.
    fn set_linked(&self, linked: bool) -> BoxFuture<'_, ()>;
    /// The object without which the file can't be read here; `None`: all of it is here.
    fn rests_on(&self) -> BoxFuture<'_, Result<Option<ObjectVersion>>>;
    /// That object is to be found as this version.
    fn rest_on(&self, version: ObjectVersion) -> BoxFuture<'_, ()>;
    /// Whether there is an object under its key, also one that no flush has told of.
    fn is_stored(&self) -> bool;
    /// What was written, on top of the base.
    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>>;
    /// Cuts or extends.
    fn truncate(&self, size: u64) -> BoxFuture<'_, Result<()>>;
    /// Bytes, unflushed ones included.
    fn size(&self) -> u64;
    /// True if a flush has something to do: also for a new file that is not in OSS yet.
    fn is_dirty(&self) -> bool;
    /// Makes everything durable and returns the new version.
    fn flush(&self) -> BoxFuture<'_, Result<ObjectVersion>>;
    /// Aborts what is not finished.
    fn discard(&self) -> BoxFuture<'_, Result<()>>;
}

pub(crate) use crate::read::{Begin, Pages, Prefetch};
pub(crate) use engine::Objects;

#[cfg(test)]
pub(crate) mod fake;
