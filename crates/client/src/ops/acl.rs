//! ACLs of buckets and objects: one word each.

use crate::{Client, Error, Operation, client::Call};
use http::Method;
use ossplit_protocol::{headers as names, xml};

/// `PutBucketAcl`.
#[derive(Debug, Clone, Default)]
pub struct PutBucketAcl {
    /// The bucket.
    pub bucket: String,
    /// private, public-read or public-read-write.
    pub acl: String,
}

/// `GetBucketAcl`.
#[derive(Debug, Clone, Default)]
pub struct GetBucketAcl {
    /// The bucket.
    pub bucket: String,
}

/// `PutObjectAcl`.
#[derive(Debug, Clone, Default)]
pub struct PutObjectAcl {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
    /// default, private, public-read or public-read-write.
    pub acl: String,
}

/// `GetObjectAcl`.
#[derive(Debug, Clone, Default)]
pub struct GetObjectAcl {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl PutBucketAcl {
    /// Gives a bucket this ACL.
    pub fn new(bucket: impl Into<String>, acl: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            acl: acl.into(),
        }
    }
}

impl GetBucketAcl {
    /// Asks for a bucket's ACL.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
        }
    }
}

impl PutObjectAcl {
    /// Gives an object this ACL.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, acl: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            acl: acl.into(),
            version_id: None,
        }
    }
}

impl GetObjectAcl {
    /// Asks for an object's ACL.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

impl Client {
    /// Changes the ACL of a bucket.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket_acl(ossplit::PutBucketAcl::new("bucket", "public-read")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_bucket_acl(&self, request: PutBucketAcl) -> Result<(), Error> {
        let call = Call::new(Operation::PutBucketAcl, Method::PUT)
            .bucket(&request.bucket)
            .query("acl", "")
            .header(names::ACL, &request.acl)?;
        self.execute(&call).await.map(drop)
    }

    /// The ACL of a bucket: private, public-read or public-read-write.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let acl = client.get_bucket_acl(ossplit::GetBucketAcl::new("bucket")).await?;
    /// assert_eq!(acl, "private");
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_acl(&self, request: GetBucketAcl) -> Result<String, Error> {
        let call = Call::new(Operation::GetBucketAcl, Method::GET)
            .bucket(&request.bucket)
            .query("acl", "");
        self.grant(&call).await
    }

    /// Changes the ACL of an object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_object_acl(ossplit::PutObjectAcl::new("bucket", "key", "public-read")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_object_acl(&self, request: PutObjectAcl) -> Result<(), Error> {
        let call = Call::new(Operation::PutObjectAcl, Method::PUT)
            .object(&request.bucket, &request.key)
            .query("acl", "")
            .query_some("versionId", request.version_id)
            .header(names::OBJECT_ACL, &request.acl)?;
        self.execute(&call).await.map(drop)
    }

    /// The ACL of an object: default, private, public-read or public-read-write.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let acl = client.get_object_acl(ossplit::GetObjectAcl::new("bucket", "key")).await?;
    /// assert_eq!(acl, "default");
    /// # Ok(()) });
    /// ```
    pub async fn get_object_acl(&self, request: GetObjectAcl) -> Result<String, Error> {
        let call = Call::new(Operation::GetObjectAcl, Method::GET)
            .object(&request.bucket, &request.key)
            .query("acl", "")
            .query_some("versionId", request.version_id);
        self.grant(&call).await
    }

    async fn grant(&self, call: &Call) -> Result<String, Error> {
        let (_, policy): (_, xml::AccessControlPolicy) = self.document(call).await?;
        Ok(policy.access_control_list.grant)
    }
}
