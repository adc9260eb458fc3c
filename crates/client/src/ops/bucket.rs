//! Buckets.

use super::seconds;
use crate::{Client, Error, Operation, client::Call};
use http::Method;
use ossplit_protocol::{headers as names, xml};

/// `ListBuckets` (a page).
#[derive(Debug, Clone, Default)]
pub struct ListBuckets {
    /// Only names that begin so.
    pub prefix: Option<String>,
    /// Only names after this.
    pub marker: Option<String>,
    /// 1 to 1,000; the service says 100 otherwise.
    pub max_keys: Option<u32>,
}

/// One bucket of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBucket {
    /// Its name.
    pub name: String,
    /// `oss-cn-hangzhou`.
    pub location: String,
    /// Unix seconds.
    pub created: i64,
    /// Standard and so on.
    pub storage_class: String,
}

/// What `ListBuckets` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListBucketsOutput {
    /// By name.
    pub buckets: Vec<ListedBucket>,
    /// The marker of the next page, if there is one.
    pub next_marker: Option<String>,
}

/// `PutBucket`.
#[derive(Debug, Clone, Default)]
pub struct PutBucket {
    /// The bucket.
    pub bucket: String,
    /// private, public-read or public-read-write.
    pub acl: Option<String>,
    /// Standard and so on.
    pub storage_class: Option<String>,
}

impl PutBucket {
    /// Makes a private bucket of class Standard.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            ..Self::default()
        }
    }
}

/// `DeleteBucket`.
#[derive(Debug, Clone, Default)]
pub struct DeleteBucket {
    /// The bucket.
    pub bucket: String,
}

impl DeleteBucket {
    /// Deletes an empty bucket.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
        }
    }
}

/// `GetBucketInfo`.
#[derive(Debug, Clone, Default)]
pub struct GetBucketInfo {
    /// The bucket.
    pub bucket: String,
}

impl GetBucketInfo {
    /// Asks for a bucket's settings.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
        }
    }
}

/// What `GetBucketInfo` answers, as far as most callers care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfoOutput {
    /// Its name.
    pub name: String,
    /// `oss-cn-hangzhou`.
    pub location: String,
    /// Unix seconds.
    pub created: i64,
    /// Standard and so on.
    pub storage_class: String,
    /// private, public-read or public-read-write.
    pub acl: String,
    /// Enabled or Suspended; `None` while never set.
    pub versioning: Option<String>,
}

/// `GetBucketLocation`.
#[derive(Debug, Clone, Default)]
pub struct GetBucketLocation {
    /// The bucket.
    pub bucket: String,
}

impl GetBucketLocation {
    /// Asks for a bucket's region.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
        }
    }
}

impl Client {
    /// A page of the account's buckets.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let page = client.list_buckets(ossplit::ListBuckets::default()).await?;
    /// assert_eq!(page.buckets[0].name, "bucket");
    /// # Ok(()) });
    /// ```
    pub async fn list_buckets(&self, request: ListBuckets) -> Result<ListBucketsOutput, Error> {
        let call = Call::new(Operation::ListBuckets, Method::GET)
            .query_some("prefix", request.prefix)
            .query_some("marker", request.marker)
            .query_some("max-keys", request.max_keys.map(|n| n.to_string()));
        let (_, result): (_, xml::ListAllMyBucketsResult) = self.document(&call).await?;
        let truncated = result.is_truncated == Some(true);
        let buckets = result
            .buckets
            .bucket
            .into_iter()
            .map(|bucket| ListedBucket {
                created: seconds(&bucket.creation_date),
                name: bucket.name,
                location: bucket.location,
                storage_class: bucket.storage_class,
            });
        Ok(ListBucketsOutput {
            buckets: buckets.collect(),
            next_marker: result.next_marker.filter(|_| truncated),
        })
    }

    /// Makes a bucket.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket(ossplit::PutBucket::new("another-bucket")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_bucket(&self, request: PutBucket) -> Result<(), Error> {
        let mut call = Call::new(Operation::PutBucket, Method::PUT)
            .bucket(&request.bucket)
            .header_some(names::ACL, request.acl.as_deref())?;
        if request.storage_class.is_some() {
            let body = xml::write(&xml::CreateBucketConfiguration {
                storage_class: request.storage_class,
                data_redundancy_type: None,
            });
            call = call
                .header("content-type", "application/xml")?
                .body(body.into());
        }
        self.execute(&call).await.map(drop)
    }

    /// Deletes an empty bucket.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket(ossplit::PutBucket::new("another-bucket")).await?;
    /// client.delete_bucket(ossplit::DeleteBucket::new("another-bucket")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_bucket(&self, request: DeleteBucket) -> Result<(), Error> {
        let call = Call::new(Operation::DeleteBucket, Method::DELETE).bucket(&request.bucket);
        self.execute(&call).await.map(drop)
    }

    /// A bucket's settings.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let info = client.get_bucket_info(ossplit::GetBucketInfo::new("bucket")).await?;
    /// assert_eq!(info.acl, "private");
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_info(&self, request: GetBucketInfo) -> Result<BucketInfoOutput, Error> {
        let call = Call::new(Operation::GetBucketInfo, Method::GET)
            .bucket(&request.bucket)
            .query("bucketInfo", "");
        let (_, info): (_, xml::BucketInfo) = self.document(&call).await?;
        let bucket = info.bucket;
        Ok(BucketInfoOutput {
            created: seconds(&bucket.creation_date),
            name: bucket.name,
            location: bucket.location,
            storage_class: bucket.storage_class,
            acl: bucket.access_control_list.grant,
            versioning: bucket.versioning,
        })
    }

    /// A bucket's region, such as `oss-cn-hangzhou`.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let place = client.get_bucket_location(ossplit::GetBucketLocation::new("bucket")).await?;
    /// assert_eq!(place, "oss-cn-local");
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_location(&self, request: GetBucketLocation) -> Result<String, Error> {
        let call = Call::new(Operation::GetBucketLocation, Method::GET)
            .bucket(&request.bucket)
            .query("location", "");
        let (_, constraint): (_, xml::LocationConstraint) = self.document(&call).await?;
        Ok(constraint.location)
    }
}
