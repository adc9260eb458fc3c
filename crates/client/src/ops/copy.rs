//! Copying objects inside the service.

use super::{HeadObject, NewObject, put::text, seconds};
use crate::{Client, Error, ErrorKind, Operation, client::Call, client::crc_header};
use http::Method;
use ossplit_protocol::{encode, headers as names, xml};

/// `CopyObject`: the source's metadata come along unless [`CopyObject::replace_metadata`] gives new.
#[derive(Debug, Clone, Default)]
pub struct CopyObject {
    /// Bucket of the copy.
    pub bucket: String,
    /// Key of the copy.
    pub key: String,
    /// Bucket of the source.
    pub source_bucket: String,
    /// Key of the source.
    pub source_key: String,
    /// This version of the source.
    pub source_version_id: Option<String>,
    /// Only if the source has this ETag.
    pub source_if_match: Option<String>,
    /// Only if the source has another ETag; [`ErrorKind::NotModified`] otherwise.
    pub source_if_none_match: Option<String>,
    /// Only if the source is newer; Unix seconds.
    pub source_if_modified_since: Option<i64>,
    /// Only if the source is not newer; Unix seconds.
    pub source_if_unmodified_since: Option<i64>,
    /// Metadata that replace the source's; its tags too, if there are any here.
    pub replace: Option<NewObject>,
    /// Fail rather than replace an object.
    pub forbid_overwrite: bool,
}

impl CopyObject {
    /// Copies `source_key` to `key` within a bucket.
    pub fn new(
        bucket: impl Into<String>,
        source_key: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        let bucket = bucket.into();
        Self {
            source_bucket: bucket.clone(),
            bucket,
            source_key: source_key.into(),
            key: key.into(),
            ..Self::default()
        }
    }

    /// Only if the source has this ETag.
    #[must_use]
    pub fn source_if_match(mut self, etag: impl Into<String>) -> Self {
        self.source_if_match = Some(etag.into());
        self
    }

    /// Gives the copy these metadata instead of the source's.
    #[must_use]
    pub fn replace_metadata(mut self, with: NewObject) -> Self {
        self.replace = Some(with);
        self
    }
}

/// What `CopyObject` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyObjectOutput {
    /// The copy's, quoted.
    pub etag: String,
    /// The copy's.
    pub crc64: Option<u64>,
    /// Unix seconds.
    pub last_modified: i64,
    /// Only in buckets with versioning.
    pub version_id: Option<String>,
}

/// The value of `x-oss-copy-source`.
pub(super) fn source(bucket: &str, key: &str, version_id: Option<&str>) -> String {
    let path = format!("/{bucket}/{}", encode::path(key));
    match version_id {
        Some(id) => format!("{path}?versionId={}", encode::component(id)),
        None => path,
    }
}

impl Client {
    /// Copies an object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.copy_object(ossplit::CopyObject::new("bucket", "key", "copy")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn copy_object(&self, request: CopyObject) -> Result<CopyObjectOutput, Error> {
        let mut call = Call::new(Operation::CopyObject, Method::PUT)
            .object(&request.bucket, &request.key)
            .header(
                names::COPY_SOURCE,
                &source(
                    &request.source_bucket,
                    &request.source_key,
                    request.source_version_id.as_deref(),
                ),
            )?
            .header_some(
                names::COPY_SOURCE_IF_MATCH,
                request.source_if_match.as_deref(),
            )?
            .header_some(
                names::COPY_SOURCE_IF_NONE_MATCH,
                request.source_if_none_match.as_deref(),
            )?
            .header_time(
                names::COPY_SOURCE_IF_MODIFIED_SINCE,
                request.source_if_modified_since,
            )?
            .header_time(
                names::COPY_SOURCE_IF_UNMODIFIED_SINCE,
                request.source_if_unmodified_since,
            )?;
        let otherwise = &self.config().object_defaults;
        if let Some(with) = &request.replace {
            call = call.header(names::METADATA_DIRECTIVE, "REPLACE")?;
            if !with.tags.is_empty() {
                call = call.header(names::TAGGING_DIRECTIVE, "Replace")?;
            }
            call = with.headers(call, otherwise)?;
        } else {
            call = NewObject::default().headers_as_they_are(call, otherwise)?;
        }
        if request.forbid_overwrite && !call.headers.contains_key(names::FORBID_OVERWRITE) {
            call = call.header(names::FORBID_OVERWRITE, "true")?;
        }
        let done: Result<(_, xml::CopyObjectResult), Error> = self.document(&call).await;
        match done {
            Ok((headers, result)) => Ok(CopyObjectOutput {
                etag: result.etag,
                crc64: crc_header(&headers),
                last_modified: seconds(&result.last_modified),
                version_id: text(&headers, names::VERSION_ID),
            }),
            // An earlier try may have been carried out and its answer lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && error.tries() > 1 => {
                let source = HeadObject {
                    version_id: request.source_version_id,
                    ..HeadObject::new(request.source_bucket, request.source_key)
                };
                let copy = HeadObject::new(request.bucket, request.key);
                match (self.head_object(source).await, self.head_object(copy).await) {
                    (Ok(source), Ok(copy))
                        if copy.crc64.is_some()
                            && (copy.crc64, copy.size) == (source.crc64, source.size) =>
                    {
                        Ok(CopyObjectOutput {
                            etag: copy.etag,
                            crc64: copy.crc64,
                            last_modified: copy.last_modified,
                            version_id: copy.version_id,
                        })
                    }
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}
