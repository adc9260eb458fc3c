//! Deleting objects.

use super::put::text;
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::Method;
use ossplit_protocol::{headers as names, xml};

/// `DeleteObject`: succeeds whether or not the object is there.
#[derive(Debug, Clone, Default)]
pub struct DeleteObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version, for ever.
    pub version_id: Option<String>,
}

impl DeleteObject {
    /// Deletes the object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// What `DeleteObject` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteObjectOutput {
    /// The version that is gone or, with `is_delete_marker` and none named, that was made; only in
    /// buckets with versioning.
    pub version_id: Option<String>,
    /// Whether that version is a delete marker.
    pub is_delete_marker: bool,
}

/// `DeleteMultipleObjects`: at most 1,000 objects.
#[derive(Debug, Clone, Default)]
pub struct DeleteMultipleObjects {
    /// The bucket.
    pub bucket: String,
    /// What goes.
    pub objects: Vec<ObjectToDelete>,
}

/// One object of [`DeleteMultipleObjects`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectToDelete {
    /// Its key.
    pub key: String,
    /// This version, for ever.
    pub version_id: Option<String>,
}

impl DeleteMultipleObjects {
    /// Deletes these objects.
    pub fn new(bucket: impl Into<String>, keys: impl IntoIterator<Item = String>) -> Self {
        let object = |key| ObjectToDelete {
            key,
            version_id: None,
        };
        Self {
            bucket: bucket.into(),
            objects: keys.into_iter().map(object).collect(),
        }
    }
}

/// One object that [`DeleteMultipleObjects`] deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedObject {
    /// Its key.
    pub key: String,
    /// The version that was named.
    pub version_id: Option<String>,
    /// The delete marker that was made or, with a version named, that is gone.
    pub delete_marker_version_id: Option<String>,
}

impl Client {
    /// Deletes an object, or one version of it.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.delete_object(ossplit::DeleteObject::new("bucket", "key")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_object(&self, request: DeleteObject) -> Result<DeleteObjectOutput, Error> {
        let call = Call::new(Operation::DeleteObject, Method::DELETE)
            .object(&request.bucket, &request.key)
            .query_some("versionId", request.version_id);
        let reply = self.execute(&call).await?;
        let headers = reply.response.headers();
        Ok(DeleteObjectOutput {
            version_id: text(headers, names::VERSION_ID),
            is_delete_marker: text(headers, names::DELETE_MARKER).as_deref() == Some("true"),
        })
    }

    /// Deletes up to 1,000 objects and gives those that the service says are gone.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let keys = ["key", "other"].map(String::from).to_vec();
    /// client.delete_multiple_objects(ossplit::DeleteMultipleObjects::new("bucket", keys)).await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_multiple_objects(
        &self,
        request: DeleteMultipleObjects,
    ) -> Result<Vec<DeletedObject>, Error> {
        if request.objects.is_empty() || request.objects.len() > 1000 {
            let message = format!("{} objects: give 1 to 1,000", request.objects.len());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let objects = request.objects.into_iter();
        let body = xml::write(&xml::Delete {
            quiet: false,
            object: objects
                .map(|object| xml::ObjectToDelete {
                    key: object.key,
                    version_id: object.version_id,
                })
                .collect(),
        });
        let call = Call::new(Operation::DeleteMultipleObjects, Method::POST)
            .bucket(&request.bucket)
            .query("delete", "")
            .query("encoding-type", "url")
            .xml(body)?;
        let (_, result): (_, xml::DeleteResult) = self.document(&call).await?;
        let result = result.decoded().map_err(super::undecodable)?;
        let deleted = result.deleted.into_iter().map(|one| DeletedObject {
            key: one.key,
            version_id: one.version_id,
            delete_marker_version_id: one.delete_marker_version_id,
        });
        Ok(deleted.collect())
    }
}
