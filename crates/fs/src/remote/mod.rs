//! What the namespace asks of OSS: the narrow waist between names and the client.
//!
//! Every method is one request (or one page). Tests put a bucket in memory behind it and count.

pub(crate) mod link;
mod oss;
pub(crate) mod posix;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::namespace::{Facts, Meta};
use crate::types::ObjectVersion;

/// One `ListObjectsV2` request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListRequest {
    /// Keys that begin with this.
    pub(crate) prefix: String,
    /// Keys with another `/` after the prefix are rolled up.
    pub(crate) delimiter: bool,
    /// At most so many keys and prefixes, 1,000 at the most.
    pub(crate) max_keys: u32,
    /// Go on where this answer's token says.
    pub(crate) token: Option<String>,
    /// Otherwise: go on after this key.
    pub(crate) start_after: Option<String>,
}

/// One answer to it. Both lists are in key order.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListPage {
    /// Objects, by whole key.
    pub(crate) objects: Vec<(String, Facts)>,
    /// Rolled-up prefixes, whole, each ending in `/`.
    pub(crate) prefixes: Vec<String>,
    /// Present if there is more.
    pub(crate) next: Option<String>,
}

/// Metadata that a copy gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewMeta {
    /// Ours.
    pub(crate) meta: Meta,
    /// The source has no others that should stay.
    pub(crate) own: bool,
}

/// One bucket.
pub(crate) trait Remote: Send + Sync {
    /// Which bucket of which endpoint: the same in every process.
    fn place(&self) -> String;
    /// One page of a listing.
    fn list(&self, request: ListRequest) -> BoxFuture<'_, Result<ListPage>>;
    /// What one object is, or `None` if there is none.
    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>>;
    /// What one of OSS's own symlinks is; also of any other object that turns out to be there.
    fn link<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>>;
    /// Makes one of OSS's own symlinks, which names the key `target`.
    fn put_link<'a>(
        &'a self,
        key: &'a str,
        target: &'a str,
        meta: Meta,
    ) -> BoxFuture<'a, Result<Facts>>;
    /// Makes a directory's marker object.
    fn put_marker<'a>(&'a self, key: &'a str, meta: Meta) -> BoxFuture<'a, Result<()>>;
    /// Makes a small object whose metadata say what it stands for.
    fn put<'a>(
        &'a self,
        key: &'a str,
        body: Bytes,
        meta: Meta,
    ) -> BoxFuture<'a, Result<ObjectVersion>>;
    /// Deletes an object; fine if there is none.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Deletes this version of an object for ever, where the bucket keeps versions; otherwise the object.
    fn erase<'a>(&'a self, key: &'a str, version_id: Option<&'a str>) -> BoxFuture<'a, Result<()>>;
    /// Deletes up to 1,000 objects.
    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>>;
    /// Copies a version within the bucket over whatever `to` is, with its own metadata or with new ones. `Stale` if it
    /// is no longer what the key holds.
    fn copy<'a>(
        &'a self,
        from: &'a ObjectVersion,
        to: &'a str,
        with: Option<NewMeta>,
    ) -> BoxFuture<'a, Result<ObjectVersion>>;
}

pub(crate) use oss::{Bucket, place};

#[cfg(test)]
pub(crate) mod fake;
