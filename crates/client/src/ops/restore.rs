//! Objects of archive classes, which must be restored before they can be read.

use crate::{Client, Error, Operation, client::Call};
use http::{Method, StatusCode};
use ossplit_protocol::xml;

/// `RestoreObject`. How far it is, [`ObjectMeta::restore`](crate::ObjectMeta::restore) tells.
#[derive(Debug, Clone, Default)]
pub struct RestoreObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
    /// How long the copy stays readable: 1 to 7 days for Archive, 1 to 365 for the colder classes;
    /// 1 when `None`.
    pub days: Option<u32>,
    /// `Expedited`, `Standard` or `Bulk`; `ColdArchive` and `DeepColdArchive` only.
    pub tier: Option<String>,
}

impl RestoreObject {
    /// Restores an object for one day.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            ..Self::default()
        }
    }
}

/// `CleanRestoredObject`.
#[derive(Debug, Clone, Default)]
pub struct CleanRestoredObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl CleanRestoredObject {
    /// Gives a restored copy up.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// What `RestoreObject` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restoring {
    /// It has begun, and takes from minutes to hours.
    Begun,
    /// The copy was there already, and stays longer.
    Prolonged,
}

impl Client {
    /// Begins to restore an object, or prolongs the copy that is there.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let with = ossplit::NewObject {
    ///     storage_class: Some("Archive".into()),
    ///     ..ossplit::NewObject::default()
    /// };
    /// client.put_object(ossplit::PutObject::new("bucket", "old", "bytes").with(with)).await?;
    /// client.restore_object(ossplit::RestoreObject::new("bucket", "old")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn restore_object(&self, request: RestoreObject) -> Result<Restoring, Error> {
        let mut call = Call::new(Operation::RestoreObject, Method::POST)
            .object(&request.bucket, &request.key)
            .query("restore", "")
            .query_some("versionId", request.version_id);
        if request.days.is_some() || request.tier.is_some() {
            call = call.xml(xml::write(&xml::RestoreRequest {
                days: request.days.map(i64::from),
                job_parameters: request.tier.map(|tier| xml::JobParameters { tier }),
            }))?;
        }
        match self.execute(&call).await {
            Ok(reply) if reply.response.status() == StatusCode::ACCEPTED => Ok(Restoring::Begun),
            Ok(_) => Ok(Restoring::Prolonged),
            // An earlier try was carried out and its answer lost.
            Err(error) if error.code() == "RestoreAlreadyInProgress" && error.tries() > 1 => {
                Ok(Restoring::Begun)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a restored copy up before its time.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// client.clean_restored_object(ossplit::CleanRestoredObject::new("bucket", "old")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn clean_restored_object(&self, request: CleanRestoredObject) -> Result<(), Error> {
        let call = Call::new(Operation::CleanRestoredObject, Method::POST)
            .object(&request.bucket, &request.key)
            .query("cleanRestoredObject", "")
            .query_some("versionId", request.version_id);
        self.execute(&call).await.map(drop)
    }
}
