//! Deleting objects.

use crate::{Client, Error, ErrorKind, Operation, client::Call};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use md5::{Digest as _, Md5};
use ossplit_protocol::xml;

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

/// `DeleteMultipleObjects`: at most 1,000 keys.
#[derive(Debug, Clone, Default)]
pub struct DeleteMultipleObjects {
    /// The bucket.
    pub bucket: String,
    /// The keys.
    pub keys: Vec<String>,
}

impl DeleteMultipleObjects {
    /// Deletes these objects.
    pub fn new(bucket: impl Into<String>, keys: Vec<String>) -> Self {
        Self {
            bucket: bucket.into(),
            keys,
        }
    }
}

impl Client {
    /// Deletes an object, or one version of it.
    pub async fn delete_object(&self, request: DeleteObject) -> Result<(), Error> {
        let call = Call::new(Operation::DeleteObject, Method::DELETE)
            .object(&request.bucket, &request.key)
            .query_some("versionId", request.version_id);
        self.execute(&call).await.map(drop)
    }

    /// Deletes up to 1,000 objects and gives the keys that the service says are gone.
    pub async fn delete_multiple_objects(
        &self,
        request: DeleteMultipleObjects,
    ) -> Result<Vec<String>, Error> {
        if request.keys.is_empty() || request.keys.len() > 1000 {
            let message = format!("{} keys: give 1 to 1,000", request.keys.len());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let object = request.keys.into_iter();
        let object = object
            .map(|key| xml::ObjectToDelete {
                key,
                version_id: None,
            })
            .collect();
        let body = xml::write(&xml::Delete {
            quiet: false,
            object,
        });
        let call = Call::new(Operation::DeleteMultipleObjects, Method::POST)
            .bucket(&request.bucket)
            .query("delete", "")
            .query("encoding-type", "url")
            .header(
                "content-md5",
                &STANDARD.encode(Md5::digest(body.as_bytes())),
            )?
            .header("content-type", "application/xml")?
            .body(body.into());
        let (_, result): (_, xml::DeleteResult) = self.document(&call).await?;
        let result = result.decoded().map_err(super::undecodable)?;
        Ok(result.deleted.into_iter().map(|one| one.key).collect())
    }
}
