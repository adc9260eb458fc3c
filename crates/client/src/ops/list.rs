//! Listing objects.

use super::{seconds, undecodable};
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::Method;
use ossplit_protocol::xml;

/// `ListObjectsV2` (a page).
#[derive(Debug, Clone, Default)]
pub struct ListObjectsV2 {
    /// The bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are grouped up to this after the prefix.
    pub delimiter: Option<String>,
    /// Only keys after this.
    pub start_after: Option<String>,
    /// 1 to 1,000; the service says 100 otherwise.
    pub max_keys: Option<u32>,
    /// As the page before gave it.
    pub continuation_token: Option<String>,
}

impl ListObjectsV2 {
    /// Lists the keys that begin with `prefix`, 1,000 a page.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            max_keys: Some(1000),
            ..Self::default()
        }
    }

    /// Groups keys up to `delimiter`.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = Some(delimiter.into());
        self
    }

    /// At most this many keys and groups a page.
    #[must_use]
    pub fn max_keys(mut self, max_keys: u32) -> Self {
        self.max_keys = Some(max_keys);
        self
    }

    /// Only keys after this.
    #[must_use]
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.start_after = Some(key.into());
        self
    }
}

/// `ListObjects` (V1, a page).
#[derive(Debug, Clone, Default)]
pub struct ListObjects {
    /// The bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are grouped up to this after the prefix.
    pub delimiter: Option<String>,
    /// Only keys after this.
    pub marker: Option<String>,
    /// 1 to 1,000; the service says 100 otherwise.
    pub max_keys: Option<u32>,
}

impl ListObjects {
    /// Lists the keys that begin with `prefix`, 1,000 a page.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            max_keys: Some(1000),
            ..Self::default()
        }
    }
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Quoted.
    pub etag: String,
    /// Unix seconds.
    pub last_modified: i64,
    /// Normal, Multipart, Appendable or Symlink.
    pub object_type: String,
    /// Standard and so on.
    pub storage_class: String,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectsOutput {
    /// In byte order of their keys.
    pub objects: Vec<ListedObject>,
    /// Each ends with the delimiter.
    pub common_prefixes: Vec<String>,
    /// Where the next page begins (V1: marker, V2: continuation token), if there is one.
    pub next: Option<String>,
}

fn page(
    contents: Vec<xml::Contents>,
    groups: Vec<xml::CommonPrefix>,
    next: Option<String>,
) -> ListObjectsOutput {
    let objects = contents.into_iter().map(|object| ListedObject {
        last_modified: seconds(&object.last_modified),
        key: object.key,
        size: object.size,
        etag: object.etag,
        object_type: object.object_type,
        storage_class: object.storage_class,
    });
    ListObjectsOutput {
        objects: objects.collect(),
        common_prefixes: groups.into_iter().map(|group| group.prefix).collect(),
        next,
    }
}

impl Client {
    /// A page of a bucket's objects.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let page = client.list_objects_v2(ossplit::ListObjectsV2::new("bucket", "k")).await?;
    /// assert_eq!(page.objects[0].key, "key");
    /// # Ok(()) });
    /// ```
    pub async fn list_objects_v2(
        &self,
        request: ListObjectsV2,
    ) -> Result<ListObjectsOutput, Error> {
        let call = Call::new(Operation::ListObjectsV2, Method::GET)
            .bucket(&request.bucket)
            .query("list-type", "2")
            .query("encoding-type", "url")
            .query("prefix", request.prefix)
            .query_some("delimiter", request.delimiter)
            .query_some("start-after", request.start_after)
            .query_some("max-keys", request.max_keys.map(|n| n.to_string()))
            .query_some("continuation-token", request.continuation_token);
        let (_, result): (_, xml::ListBucketResultV2) = self.special(&call).await?;
        let result = result.decoded().map_err(undecodable)?;
        let next = result.next_continuation_token;
        if result.is_truncated && next.is_none() {
            let message = "the list is truncated and does not say where it goes on";
            return Err(Error::new(ErrorKind::Server, message));
        }
        let next = next.filter(|_| result.is_truncated);
        Ok(page(result.contents, result.common_prefixes, next))
    }

    /// A page of a bucket's objects, by the older call.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let page = client.list_objects(ossplit::ListObjects::new("bucket", "k")).await?;
    /// assert_eq!(page.objects[0].key, "key");
    /// # Ok(()) });
    /// ```
    pub async fn list_objects(&self, request: ListObjects) -> Result<ListObjectsOutput, Error> {
        let call = Call::new(Operation::ListObjects, Method::GET)
            .bucket(&request.bucket)
            .query("encoding-type", "url")
            .query("prefix", request.prefix)
            .query_some("delimiter", request.delimiter)
            .query_some("marker", request.marker)
            .query_some("max-keys", request.max_keys.map(|n| n.to_string()));
        let (_, result): (_, xml::ListBucketResult) = self.document(&call).await?;
        let result = result.decoded().map_err(undecodable)?;
        let mut page = page(result.contents, result.common_prefixes, result.next_marker);
        if !result.is_truncated {
            page.next = None;
        } else if page.next.is_none() {
            // The last name of the page serves as well as the marker that should be there.
            let last = page.objects.last().map(|object| &object.key);
            page.next = last.max(page.common_prefixes.last()).cloned();
        }
        Ok(page)
    }
}
