//! Reading objects and what is known of them.

use super::{BodyStream, ObjectMeta};
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::{HeaderValue, Method, StatusCode, header};
use ossplit_protocol::{headers as names, range};
use std::ops::Range;

/// `GetObject` (API page "GetObject").
#[derive(Debug, Clone, Default)]
pub struct GetObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Bytes to read; an end of `u64::MAX` means to the end. All when `None`.
    pub range: Option<Range<u64>>,
    /// Only if the object has this ETag.
    pub if_match: Option<String>,
    /// Only if the object has another ETag.
    pub if_none_match: Option<String>,
    /// This version.
    pub version_id: Option<String>,
}

impl GetObject {
    /// Reads the whole object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            ..Self::default()
        }
    }

    /// Reads these bytes only; past the object's end is [`ErrorKind::InvalidRange`].
    #[must_use]
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// Fails with [`ErrorKind::Precondition`] unless the object has this ETag.
    #[must_use]
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.if_match = Some(etag.into());
        self
    }

    /// Fails with [`ErrorKind::NotModified`] if the object has this ETag.
    #[must_use]
    pub fn if_none_match(mut self, etag: impl Into<String>) -> Self {
        self.if_none_match = Some(etag.into());
        self
    }

    fn call(&self) -> Result<Call, Error> {
        let mut call = Call::new(Operation::GetObject, Method::GET)
            .object(&self.bucket, &self.key)
            .query_some("versionId", self.version_id.as_deref())
            .header_some("if-match", self.if_match.as_deref())?
            .header_some("if-none-match", self.if_none_match.as_deref())?;
        if let Some(range) = &self.range {
            if range.is_empty() {
                let message = format!("range {range:?} holds no byte");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            call = call
                .header("range", &range::header_value(range))?
                .header(names::RANGE_BEHAVIOR, "standard")?;
        }
        Ok(call)
    }
}

/// What `GetObject` answers.
#[derive(Debug)]
pub struct GetObjectOutput {
    /// Of the whole object.
    pub meta: ObjectMeta,
    /// Which bytes follow.
    pub span: Range<u64>,
    /// The bytes.
    pub body: BodyStream,
}

/// `HeadObject`.
#[derive(Debug, Clone, Default)]
pub struct HeadObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl HeadObject {
    /// Asks for everything but the bytes.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// `GetObjectMeta`: size, ETag, CRC64 and time only.
#[derive(Debug, Clone, Default)]
pub struct GetObjectMeta {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

impl GetObjectMeta {
    /// Asks for size, ETag, CRC64 and time.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
        }
    }
}

impl Client {
    /// Reads an object, or a range of it.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchKey`], [`ErrorKind::Precondition`], [`ErrorKind::InvalidRange`],
    /// [`ErrorKind::Archived`] and those of any call.
    pub async fn get_object(&self, request: GetObject) -> Result<GetObjectOutput, Error> {
        let mut call = request.call()?;
        let reply = self.execute(&call).await?;
        let (head, body) = reply.response.into_parts();
        let meta = ObjectMeta::of(&head.headers);
        let whole = head.status != StatusCode::PARTIAL_CONTENT;
        let span = if whole {
            0..meta.size
        } else {
            let value = head
                .headers
                .get(header::CONTENT_RANGE)
                .and_then(|v| v.to_str().ok());
            let parsed = value.and_then(range::parse_content_range);
            let missing = || Error::new(ErrorKind::Server, "206 without a usable Content-Range");
            parsed.ok_or_else(missing)?.0
        };
        // Taken up again, if it breaks off, only for the same version.
        if let Ok(etag) = HeaderValue::from_str(&meta.etag)
            && !meta.etag.is_empty()
        {
            call.headers.insert(header::IF_MATCH, etag);
            call.headers.remove(header::IF_NONE_MATCH);
        }
        call.headers
            .insert(names::RANGE_BEHAVIOR, HeaderValue::from_static("standard"));
        let crc = (span == (0..meta.size)).then_some(meta.crc64).flatten();
        let body = BodyStream::new(self.clone(), body, call, span.clone(), crc);
        Ok(GetObjectOutput { meta, span, body })
    }

    /// Everything about an object but its bytes.
    pub async fn head_object(&self, request: HeadObject) -> Result<ObjectMeta, Error> {
        let call = Call::new(Operation::HeadObject, Method::HEAD)
            .object(&request.bucket, &request.key)
            .query_some("versionId", request.version_id);
        Ok(ObjectMeta::of(
            self.execute(&call).await?.response.headers(),
        ))
    }

    /// Size, ETag, CRC64 and time of an object.
    pub async fn get_object_meta(&self, request: GetObjectMeta) -> Result<ObjectMeta, Error> {
        let call = Call::new(Operation::GetObjectMeta, Method::HEAD)
            .object(&request.bucket, &request.key)
            .query("objectMeta", "");
        Ok(ObjectMeta::of(
            self.execute(&call).await?.response.headers(),
        ))
    }
}
