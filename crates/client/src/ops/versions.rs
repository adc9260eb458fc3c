//! Versions of objects: whether a bucket keeps them, and which there are.

use super::{seconds, undecodable};
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::Method;
use ossplit_protocol::xml;

/// `PutBucketVersioning`. Once enabled, versioning can be suspended but never turned off.
#[derive(Debug, Clone, Default)]
pub struct PutBucketVersioning {
    /// The bucket.
    pub bucket: String,
    /// Whether versions are kept from now on; `false` suspends.
    pub enabled: bool,
}

impl PutBucketVersioning {
    /// Keeps versions from now on.
    pub fn enable(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            enabled: true,
        }
    }

    /// Keeps the versions that are there, and no more.
    pub fn suspend(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            enabled: false,
        }
    }
}

/// `GetBucketVersioning`.
#[derive(Debug, Clone, Default)]
pub struct GetBucketVersioning {
    /// The bucket.
    pub bucket: String,
}

impl GetBucketVersioning {
    /// Asks whether a bucket keeps versions.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
        }
    }
}

/// `ListObjectVersions` (a page).
#[derive(Debug, Clone, Default)]
pub struct ListObjectVersions {
    /// The bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are grouped up to this after the prefix.
    pub delimiter: Option<String>,
    /// Where the page begins, as [`ListObjectVersionsOutput::next`] gave it.
    pub after: Option<VersionMarker>,
    /// 1 to 1,000; the service says 100 otherwise.
    pub max_keys: Option<u32>,
}

impl ListObjectVersions {
    /// Lists the versions of keys that begin with `prefix`, 1,000 a page.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            max_keys: Some(1000),
            ..Self::default()
        }
    }
}

/// Where a page of versions ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionMarker {
    /// The last key, or the last group.
    pub key: String,
    /// The last version of that key; `None`: all of it were shown.
    pub version_id: Option<String>,
}

/// One version of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// Its key.
    pub key: String,
    /// `null` for what was written while versions were not kept.
    pub version_id: String,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it says that the object was deleted; it has no bytes then.
    pub is_delete_marker: bool,
    /// Bytes.
    pub size: u64,
    /// Quoted; empty on a delete marker.
    pub etag: String,
    /// Unix seconds.
    pub last_modified: i64,
    /// Standard and so on; empty on a delete marker.
    pub storage_class: String,
}

/// A page of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectVersionsOutput {
    /// Keys in byte order, the versions of a key with the newest first.
    pub versions: Vec<ListedVersion>,
    /// Each ends with the delimiter.
    pub common_prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<VersionMarker>,
}

fn listed(entry: xml::ListedVersion) -> Option<ListedVersion> {
    let (version, is_delete_marker) = match entry {
        xml::ListedVersion::Version(version) => (version, false),
        xml::ListedVersion::DeleteMarker(version) => (version, true),
        xml::ListedVersion::Unknown => return None,
    };
    Some(ListedVersion {
        key: version.key,
        version_id: version.version_id,
        is_latest: version.is_latest,
        is_delete_marker,
        size: version.size.unwrap_or(0),
        etag: version.etag.unwrap_or_default(),
        last_modified: seconds(&version.last_modified),
        storage_class: version.storage_class.unwrap_or_default(),
    })
}

impl Client {
    /// Enables or suspends versioning.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket_versioning(ossplit::PutBucketVersioning::enable("bucket")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_bucket_versioning(&self, request: PutBucketVersioning) -> Result<(), Error> {
        let status = if request.enabled {
            "Enabled"
        } else {
            "Suspended"
        };
        let body = xml::write(&xml::VersioningConfiguration {
            status: Some(status.to_owned()),
        });
        let call = Call::new(Operation::PutBucketVersioning, Method::PUT)
            .bucket(&request.bucket)
            .query("versioning", "")
            .xml(body)?;
        self.execute(&call).await.map(drop)
    }

    /// Whether a bucket keeps versions: `Enabled`, `Suspended`, or `None` while never set.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let state = client.get_bucket_versioning(ossplit::GetBucketVersioning::new("bucket")).await?;
    /// assert!(state.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_versioning(
        &self,
        request: GetBucketVersioning,
    ) -> Result<Option<String>, Error> {
        let call = Call::new(Operation::GetBucketVersioning, Method::GET)
            .bucket(&request.bucket)
            .query("versioning", "");
        let (_, state): (_, xml::VersioningConfiguration) = self.document(&call).await?;
        Ok(state.status)
    }

    /// A page of the versions of a bucket's objects.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket_versioning(ossplit::PutBucketVersioning::enable("bucket")).await?;
    /// client.put_object(ossplit::PutObject::new("bucket", "key", "newer")).await?;
    /// let page = client.list_object_versions(ossplit::ListObjectVersions::new("bucket", "")).await?;
    /// assert_eq!(page.versions.len(), 2);
    /// # Ok(()) });
    /// ```
    pub async fn list_object_versions(
        &self,
        request: ListObjectVersions,
    ) -> Result<ListObjectVersionsOutput, Error> {
        let after = request.after.unwrap_or_default();
        let call = Call::new(Operation::ListObjectVersions, Method::GET)
            .bucket(&request.bucket)
            .query("versions", "")
            .query("encoding-type", "url")
            .query("prefix", request.prefix)
            .query_some("delimiter", request.delimiter)
            .query_some("key-marker", Some(after.key).filter(|key| !key.is_empty()))
            .query_some("version-id-marker", after.version_id)
            .query_some("max-keys", request.max_keys.map(|n| n.to_string()));
        let (_, result): (_, xml::ListVersionsResult) = self.document(&call).await?;
        let result = result.decoded().map_err(undecodable)?;
        let next = result.next_key_marker.map(|key| VersionMarker {
            key,
            version_id: result.next_version_id_marker.filter(|id| !id.is_empty()),
        });
        if result.is_truncated && next.is_none() {
            let message = "the list is truncated and does not say where it goes on";
            return Err(Error::new(ErrorKind::Server, message));
        }
        let groups = result.common_prefixes.into_iter();
        Ok(ListObjectVersionsOutput {
            versions: result.versions.into_iter().filter_map(listed).collect(),
            common_prefixes: groups.map(|group| group.prefix).collect(),
            next: next.filter(|_| result.is_truncated),
        })
    }
}
