//! Reading objects and what is known of them.

use super::{BodyStream, ObjectMeta, body::content_range};
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::{HeaderValue, Method, StatusCode, header};
use ossplit_protocol::{headers as names, range};
use std::{ops::Range, time::Duration};

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
    /// Only if the object is newer; Unix seconds.
    pub if_modified_since: Option<i64>,
    /// Only if the object is not newer; Unix seconds.
    pub if_unmodified_since: Option<i64>,
    /// This version.
    pub version_id: Option<String>,
    /// Headers that the answer has instead of the stored ones.
    pub response: ResponseOverrides,
}

/// Headers that an answer to [`GetObject`] has instead of those stored with the object. Not for
/// anonymous requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseOverrides {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`.
    pub expires: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
}

impl ResponseOverrides {
    fn query(&self, call: Call) -> Call {
        call.query_some("response-content-type", self.content_type.as_deref())
            .query_some(
                "response-content-language",
                self.content_language.as_deref(),
            )
            .query_some("response-expires", self.expires.as_deref())
            .query_some("response-cache-control", self.cache_control.as_deref())
            .query_some(
                "response-content-disposition",
                self.content_disposition.as_deref(),
            )
            .query_some(
                "response-content-encoding",
                self.content_encoding.as_deref(),
            )
    }
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
            .header_some("if-none-match", self.if_none_match.as_deref())?
            .header_time("if-modified-since", self.if_modified_since)?
            .header_time("if-unmodified-since", self.if_unmodified_since)?;
        call = self.response.query(call);
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
    /// Only if the object has this ETag.
    pub if_match: Option<String>,
    /// Only if the object has another ETag.
    pub if_none_match: Option<String>,
    /// This version.
    pub version_id: Option<String>,
}

impl HeadObject {
    /// Asks for everything but the bytes.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            ..Self::default()
        }
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
}

/// `GetObjectMeta`: size, ETag, CRC64 and time only.
#[derive(Debug, Clone, Default)]
pub struct GetObjectMeta {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl GetObjectMeta {
    /// Asks for size, ETag, CRC64 and time.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

impl Client {
    /// Reads an object, or a range of it.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchKey`], [`ErrorKind::Precondition`], [`ErrorKind::InvalidRange`],
    /// [`ErrorKind::Archived`] and those of any call.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let mut answer = client.get_object(ossplit::GetObject::new("bucket", "key").range(0..3)).await?;
    /// assert_eq!(answer.body.collect().await?, "hel");
    /// # Ok(()) });
    /// ```
    pub async fn get_object(&self, request: GetObject) -> Result<GetObjectOutput, Error> {
        let mut call = request.call()?;
        let reply = self.execute(&call).await?;
        let (head, body) = reply.response.into_parts();
        let meta = ObjectMeta::of(&head.headers);
        let span = if head.status == StatusCode::PARTIAL_CONTENT {
            content_range(&head.headers).map(|(span, _)| span)
        } else {
            // Without a length nobody could tell a whole body from one that broke off.
            let known = head.headers.contains_key(header::CONTENT_LENGTH);
            known.then_some(0..meta.size)
        };
        // What was asked for and nothing else: a caller puts the bytes where it asked them from.
        let expected = match &request.range {
            Some(wanted) => wanted.start..wanted.end.min(meta.size),
            None => 0..meta.size,
        };
        if span.as_ref() != Some(&expected) {
            let message = format!("asked for bytes {expected:?}, the answer holds {span:?}");
            let error = Error::new(ErrorKind::Server, message);
            return Err(call.fault(error, 1, Duration::ZERO));
        }
        let span = expected;
        // Taken up again, if it breaks off, only for the same version.
        if let Ok(etag) = HeaderValue::from_str(&meta.etag)
            && !meta.etag.is_empty()
        {
            call.headers.insert(header::IF_MATCH, etag);
            for condition in [
                header::IF_NONE_MATCH,
                header::IF_MODIFIED_SINCE,
                header::IF_UNMODIFIED_SINCE,
            ] {
                call.headers.remove(condition);
            }
        }
        call.headers
            .insert(names::RANGE_BEHAVIOR, HeaderValue::from_static("standard"));
        let crc = (span == (0..meta.size)).then_some(meta.crc64).flatten();
        let body = BodyStream::new(self.clone(), body, call, span.clone(), crc);
        Ok(GetObjectOutput { meta, span, body })
    }

    /// Everything about an object but its bytes.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let meta = client.head_object(ossplit::HeadObject::new("bucket", "key")).await?;
    /// assert_eq!(meta.size, 5);
    /// # Ok(()) });
    /// ```
    pub async fn head_object(&self, request: HeadObject) -> Result<ObjectMeta, Error> {
        let call = Call::new(Operation::HeadObject, Method::HEAD)
            .object(&request.bucket, &request.key)
            .query_some("versionId", request.version_id)
            .header_some("if-match", request.if_match.as_deref())?
            .header_some("if-none-match", request.if_none_match.as_deref())?;
        Ok(ObjectMeta::of(
            self.execute(&call).await?.response.headers(),
        ))
    }

    /// Size, ETag, CRC64 and time of an object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let meta = client.get_object_meta(ossplit::GetObjectMeta::new("bucket", "key")).await?;
    /// assert_eq!(meta.size, 5);
    /// # Ok(()) });
    /// ```
    pub async fn get_object_meta(&self, request: GetObjectMeta) -> Result<ObjectMeta, Error> {
        let call = Call::new(Operation::GetObjectMeta, Method::HEAD)
            .object(&request.bucket, &request.key)
            .query("objectMeta", "")
            .query_some("versionId", request.version_id);
        Ok(ObjectMeta::of(
            self.execute(&call).await?.response.headers(),
        ))
    }
}
