//! Tags of objects.

use crate::{Client, Error, Operation, client::Call};
use http::Method;
use ossplit_protocol::{encode, xml};

/// Tags as (key, value): at most 10 on an object; keys of 1 to 128 and values of 0 to 256 letters,
/// digits, spaces and `+-=._:/`.
pub type Tags = Vec<(String, String)>;

/// `PutObjectTagging`: replaces all tags.
#[derive(Debug, Clone, Default)]
pub struct PutObjectTagging {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
    /// The new tags.
    pub tags: Tags,
}

impl PutObjectTagging {
    /// Gives an object these tags.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, tags: Tags) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            tags,
            version_id: None,
        }
    }
}

/// `GetObjectTagging`.
#[derive(Debug, Clone, Default)]
pub struct GetObjectTagging {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl GetObjectTagging {
    /// Asks for an object's tags.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// `DeleteObjectTagging`.
#[derive(Debug, Clone, Default)]
pub struct DeleteObjectTagging {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl DeleteObjectTagging {
    /// Takes all tags off an object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// The value of `x-oss-tagging`.
pub(super) fn header(tags: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| {
        format!("{}={}", encode::component(key), encode::component(value))
    };
    tags.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Tags as a document.
pub(super) fn document(tags: Tags) -> String {
    let tags = tags.into_iter();
    xml::write(&xml::Tagging {
        tag_set: xml::TagSet {
            tag: tags.map(|(key, value)| xml::Tag { key, value }).collect(),
        },
    })
}

fn call(
    operation: Operation,
    method: Method,
    (bucket, key): (&str, &str),
    version_id: Option<String>,
) -> Call {
    Call::new(operation, method)
        .object(bucket, key)
        .query("tagging", "")
        .query_some("versionId", version_id)
}

impl Client {
    /// Replaces the tags of an object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let tags = vec![("split".into(), "train".into())];
    /// client.put_object_tagging(ossplit::PutObjectTagging::new("bucket", "key", tags)).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_object_tagging(&self, request: PutObjectTagging) -> Result<(), Error> {
        let body = document(request.tags);
        let object = (&*request.bucket, &*request.key);
        let operation = Operation::PutObjectTagging;
        let call = call(operation, Method::PUT, object, request.version_id).xml(body)?;
        self.execute(&call).await.map(drop)
    }

    /// The tags of an object; none is no error.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let tags = client.get_object_tagging(ossplit::GetObjectTagging::new("bucket", "key")).await?;
    /// assert!(tags.is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn get_object_tagging(&self, request: GetObjectTagging) -> Result<Tags, Error> {
        let object = (&*request.bucket, &*request.key);
        let operation = Operation::GetObjectTagging;
        let call = call(operation, Method::GET, object, request.version_id);
        let (_, tagging): (_, xml::Tagging) = self.document(&call).await?;
        let tags = tagging.tag_set.tag.into_iter();
        Ok(tags.map(|tag| (tag.key, tag.value)).collect())
    }

    /// Takes all tags off an object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.delete_object_tagging(ossplit::DeleteObjectTagging::new("bucket", "key")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_object_tagging(&self, request: DeleteObjectTagging) -> Result<(), Error> {
        let object = (&*request.bucket, &*request.key);
        let operation = Operation::DeleteObjectTagging;
        let call = call(operation, Method::DELETE, object, request.version_id);
        self.execute(&call).await.map(drop)
    }
}
