//! Multipart uploads.

use super::{
    Body, HeadObject, NewObject, PutObjectOutput, copy::source, put::text, seconds, undecodable,
};
use crate::{Client, Error, ErrorKind, Operation, client::Call, client::crc_header};
use http::Method;
use ossplit_protocol::{crc64, headers as names, range, xml};
use std::ops::Range;

/// `InitiateMultipartUpload`.
#[derive(Debug, Clone, Default)]
pub struct InitiateMultipartUpload {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Fixed now for the whole object.
    pub with: NewObject,
}

impl InitiateMultipartUpload {
    /// Begins an upload.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            with: NewObject::default(),
        }
    }
}

/// `UploadPart`: 100 KiB to 5 GiB; the last may be smaller.
pub struct UploadPart {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// 1 to 10,000.
    pub part_number: u32,
    /// The bytes.
    pub body: Body,
}

/// `UploadPartCopy`.
#[derive(Debug, Clone, Default)]
pub struct UploadPartCopy {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// 1 to 10,000.
    pub part_number: u32,
    /// Bucket of the source.
    pub source_bucket: String,
    /// Key of the source.
    pub source_key: String,
    /// This version of the source.
    pub source_version_id: Option<String>,
    /// Bytes of the source; all when `None`.
    pub source_range: Option<Range<u64>>,
    /// Only if the source has this ETag.
    pub source_if_match: Option<String>,
}

/// A part that is in the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub part_number: u32,
    /// Quoted.
    pub etag: String,
    /// Bytes; lets the whole object's CRC64 be checked.
    pub size: Option<u64>,
    /// CRC64 of the part; lets the whole object's be checked.
    pub crc64: Option<u64>,
}

/// `CompleteMultipartUpload`.
#[derive(Debug, Clone, Default)]
pub struct CompleteMultipartUpload {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Ascending numbers.
    pub parts: Vec<CompletedPart>,
    /// Fail rather than replace an object.
    pub forbid_overwrite: bool,
    /// An earlier process may have asked for this already: if the upload is gone, the client looks whether the object
    /// is there, as when an answer is lost.
    pub resumed: bool,
}

/// `AbortMultipartUpload`.
#[derive(Debug, Clone, Default)]
pub struct AbortMultipartUpload {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
}

/// `ListParts` (a page).
#[derive(Debug, Clone, Default)]
pub struct ListParts {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Only numbers after this.
    pub part_number_marker: Option<u32>,
    /// 1 to 1,000.
    pub max_parts: Option<u32>,
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// 1 to 10,000.
    pub part_number: u32,
    /// Quoted.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// CRC64 of the part.
    pub crc64: Option<u64>,
    /// Unix seconds.
    pub last_modified: i64,
}

/// What `ListParts` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPartsOutput {
    /// By number.
    pub parts: Vec<ListedPart>,
    /// The marker of the next page, if there is one.
    pub next_marker: Option<u32>,
}

/// `ListMultipartUploads` (a page).
#[derive(Debug, Clone, Default)]
pub struct ListMultipartUploads {
    /// The bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Only keys after this (or the same key, with an upload id after the other marker).
    pub key_marker: Option<String>,
    /// Counts only with `key_marker`.
    pub upload_id_marker: Option<String>,
    /// 1 to 1,000.
    pub max_uploads: Option<u32>,
}

/// One upload of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Unix seconds.
    pub initiated: i64,
}

/// What `ListMultipartUploads` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMultipartUploadsOutput {
    /// By key, then upload id.
    pub uploads: Vec<ListedUpload>,
    /// Key and upload id markers of the next page, if there is one.
    pub next: Option<(String, String)>,
}

impl UploadPart {
    /// Sends `body` as part `part_number`.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        upload_id: impl Into<String>,
        part_number: u32,
        body: impl Into<Body>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            upload_id: upload_id.into(),
            part_number,
            body: body.into(),
        }
    }
}

impl CompleteMultipartUpload {
    /// Makes the object of `parts`.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        upload_id: impl Into<String>,
        parts: Vec<CompletedPart>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            upload_id: upload_id.into(),
            parts,
            forbid_overwrite: false,
            resumed: false,
        }
    }
}

impl AbortMultipartUpload {
    /// Gives an upload up.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            upload_id: upload_id.into(),
        }
    }
}

impl ListParts {
    /// Lists an upload's parts, 1,000 a page.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            upload_id: upload_id.into(),
            part_number_marker: None,
            max_parts: Some(1000),
        }
    }
}

impl ListMultipartUploads {
    /// Lists the unfinished uploads of keys that begin with `prefix`, 1,000 a page.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            max_uploads: Some(1000),
            ..Self::default()
        }
    }
}

impl Client {
    /// Begins an upload and gives its id.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// # Ok(()) });
    /// ```
    pub async fn initiate_multipart_upload(
        &self,
        request: InitiateMultipartUpload,
    ) -> Result<String, Error> {
        self.initiate(request, false).await
    }

    /// Begins an upload as [`Client::initiate_multipart_upload`] does, but is not sent again when nobody knows whether it took
    /// effect: after a transient error the service may have begun an upload whose id was lost, and the caller can look for it.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload_once(upload).await?;
    /// # Ok(()) });
    /// ```
    pub async fn initiate_multipart_upload_once(
        &self,
        request: InitiateMultipartUpload,
    ) -> Result<String, Error> {
        self.initiate(request, true).await
    }

    async fn initiate(
        &self,
        request: InitiateMultipartUpload,
        once: bool,
    ) -> Result<String, Error> {
        let mut call = Call::new(Operation::InitiateMultipartUpload, Method::POST)
            .object(&request.bucket, &request.key)
            .query("uploads", "")
            .query("encoding-type", "url");
        call.once = once;
        let call = request.with.headers(call, &self.config().object_defaults)?;
        let (_, result): (_, xml::InitiateMultipartUploadResult) = self.document(&call).await?;
        Ok(result.upload_id)
    }

    /// Sends a part. When this returns, the service has it, and its CRC64 is that of the bytes.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// let part = ossplit::UploadPart::new("bucket", "large", &*id, 1, "the only part");
    /// let part = client.upload_part(part).await?;
    /// assert_eq!(part.part_number, 1);
    /// # Ok(()) });
    /// ```
    pub async fn upload_part(&self, request: UploadPart) -> Result<CompletedPart, Error> {
        let size = request.body.length();
        let mut call = Call::new(Operation::UploadPart, Method::PUT)
            .object(&request.bucket, &request.key)
            .query("partNumber", request.part_number.to_string())
            .query("uploadId", request.upload_id)
            .body(request.body);
        call.check_crc = true;
        let reply = self.execute(&call).await?;
        let headers = reply.response.headers();
        Ok(CompletedPart {
            part_number: request.part_number,
            etag: text(headers, "etag").unwrap_or_default(),
            size,
            crc64: crc_header(headers).or(reply.sent_crc),
        })
    }

    /// Makes a part from a range of an object, inside the service.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// let part = ossplit::UploadPartCopy {
    ///     bucket: "bucket".into(),
    ///     key: "large".into(),
    ///     upload_id: id,
    ///     part_number: 1,
    ///     source_bucket: "bucket".into(),
    ///     source_key: "key".into(),
    ///     ..ossplit::UploadPartCopy::default()
    /// };
    /// client.upload_part_copy(part).await?;
    /// # Ok(()) });
    /// ```
    pub async fn upload_part_copy(&self, request: UploadPartCopy) -> Result<CompletedPart, Error> {
        if let Some(range) = &request.source_range
            && (range.is_empty() || range.end == u64::MAX)
        {
            let message = format!("source range {range:?}: give both its ends");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let span = request.source_range.as_ref().map(range::header_value);
        let call = Call::new(Operation::UploadPartCopy, Method::PUT)
            .object(&request.bucket, &request.key)
            .query("partNumber", request.part_number.to_string())
            .query("uploadId", request.upload_id)
            .header(
                names::COPY_SOURCE,
                &source(
                    &request.source_bucket,
                    &request.source_key,
                    request.source_version_id.as_deref(),
                ),
            )?
            .header_some(names::COPY_SOURCE_RANGE, span.as_deref())?
            .header_some(
                names::COPY_SOURCE_IF_MATCH,
                request.source_if_match.as_deref(),
            )?;
        let (headers, result): (_, xml::CopyPartResult) = self.document(&call).await?;
        Ok(CompletedPart {
            part_number: request.part_number,
            etag: result.etag,
            size: request.source_range.map(|range| range.end - range.start),
            crc64: crc_header(&headers),
        })
    }

    /// Makes the object of its parts. When an answer is lost the client looks whether the object is
    /// there. Where every part's size and CRC64 is known, the whole object's CRC64 is compared.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// let part = ossplit::UploadPart::new("bucket", "large", &*id, 1, "the only part");
    /// let parts = vec![client.upload_part(part).await?];
    /// let complete = ossplit::CompleteMultipartUpload::new("bucket", "large", id, parts);
    /// client.complete_multipart_upload(complete).await?;
    /// # Ok(()) });
    /// ```
    pub async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUpload,
    ) -> Result<PutObjectOutput, Error> {
        let expected = request.parts.iter().try_fold((0, 0), |(crc, size), part| {
            let (part_crc, part_size) = (part.crc64?, part.size?);
            Some((crc64::combine(crc, part_crc, part_size), size + part_size))
        });
        let part = request.parts.iter().map(|part| xml::PartToComplete {
            part_number: part.part_number,
            etag: part.etag.clone(),
        });
        let body = xml::write(&xml::CompleteMultipartUpload {
            part: part.collect(),
        });
        let mut call = Call::new(Operation::CompleteMultipartUpload, Method::POST)
            .object(&request.bucket, &request.key)
            .query("uploadId", request.upload_id)
            .query("encoding-type", "url")
            .header("content-type", "application/xml")?
            // Here and not when the upload began: the service takes it with the last call alone.
            .header_some(
                names::OBJECT_ACL,
                self.config().object_defaults.acl.as_deref(),
            )?
            .body(body.into());
        if request.forbid_overwrite {
            call = call.header(names::FORBID_OVERWRITE, "true")?;
        }
        let done: Result<(_, xml::CompleteMultipartUploadResult), Error> =
            self.document(&call).await;
        let output = match done {
            Ok((headers, result)) => PutObjectOutput {
                etag: result.etag,
                crc64: crc_header(&headers),
                version_id: text(&headers, names::VERSION_ID),
            },
            // An earlier try may have been carried out and its answer lost.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NoSuchUpload | ErrorKind::AlreadyExists
                ) && (error.tries() > 1 || request.resumed) =>
            {
                let head = HeadObject::new(request.bucket, request.key);
                match (self.head_object(head).await, expected) {
                    (Ok(there), Some((crc, size)))
                        if there.crc64 == Some(crc) && there.size == size =>
                    {
                        PutObjectOutput {
                            etag: there.etag,
                            crc64: there.crc64,
                            version_id: there.version_id,
                        }
                    }
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        if let (Some((expected, _)), Some(actual)) = (expected, output.crc64)
            && expected != actual
        {
            let message = format!("CRC64 of the parts is {expected}, of the object {actual}");
            return Err(call.corrupt(message));
        }
        Ok(output)
    }

    /// Ends an upload and frees its parts. An upload that is gone already is fine.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// let abort = ossplit::AbortMultipartUpload::new("bucket", "large", id);
    /// client.abort_multipart_upload(abort).await?;
    /// # Ok(()) });
    /// ```
    pub async fn abort_multipart_upload(&self, request: AbortMultipartUpload) -> Result<(), Error> {
        let call = Call::new(Operation::AbortMultipartUpload, Method::DELETE)
            .object(&request.bucket, &request.key)
            .query("uploadId", request.upload_id);
        match self.execute(&call).await {
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => Ok(()),
            other => other.map(drop),
        }
    }

    /// A page of an upload's parts.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let upload = ossplit::InitiateMultipartUpload::new("bucket", "large");
    /// let id = client.initiate_multipart_upload(upload).await?;
    /// let page = client.list_parts(ossplit::ListParts::new("bucket", "large", id)).await?;
    /// assert!(page.parts.is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn list_parts(&self, request: ListParts) -> Result<ListPartsOutput, Error> {
        let call = Call::new(Operation::ListParts, Method::GET)
            .object(&request.bucket, &request.key)
            .query("uploadId", request.upload_id)
            .query("encoding-type", "url")
            .query_some(
                "part-number-marker",
                request.part_number_marker.map(|n| n.to_string()),
            )
            .query_some("max-parts", request.max_parts.map(|n| n.to_string()));
        let (_, result): (_, xml::ListPartsResult) = self.document(&call).await?;
        let parts = result.part.into_iter().map(|part| ListedPart {
            part_number: part.part_number,
            etag: part.etag,
            size: part.size,
            crc64: part.crc64,
            last_modified: seconds(&part.last_modified),
        });
        Ok(ListPartsOutput {
            parts: parts.collect(),
            next_marker: result
                .is_truncated
                .then_some(result.next_part_number_marker),
        })
    }

    /// A page of a bucket's unfinished uploads.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let list = ossplit::ListMultipartUploads::new("bucket", "");
    /// let page = client.list_multipart_uploads(list).await?;
    /// assert!(page.uploads.is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploads,
    ) -> Result<ListMultipartUploadsOutput, Error> {
        let call = Call::new(Operation::ListMultipartUploads, Method::GET)
            .bucket(&request.bucket)
            .query("uploads", "")
            .query("encoding-type", "url")
            .query("prefix", request.prefix)
            .query_some("key-marker", request.key_marker)
            .query_some("upload-id-marker", request.upload_id_marker)
            .query_some("max-uploads", request.max_uploads.map(|n| n.to_string()));
        let (_, result): (_, xml::ListMultipartUploadsResult) = self.document(&call).await?;
        let result = result.decoded().map_err(undecodable)?;
        let uploads = result.upload.into_iter().map(|upload| ListedUpload {
            initiated: seconds(&upload.initiated),
            key: upload.key,
            upload_id: upload.upload_id,
        });
        let next = (result.next_key_marker, result.next_upload_id_marker);
        Ok(ListMultipartUploadsOutput {
            uploads: uploads.collect(),
            next: result.is_truncated.then_some(next),
        })
    }
}
