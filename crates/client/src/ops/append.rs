//! Appendable objects.

use super::{Body, HeadObject, NewObject, put::text};
use crate::{Client, Error, ErrorKind, Operation, client::Call, client::crc_header};
use http::Method;
use ossplit_protocol::{crc64, headers as names};

/// `AppendObject`: adds bytes at the end of an appendable object, or begins one at position 0.
pub struct AppendObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Bytes that the object has now.
    pub position: u64,
    /// The bytes to add, in memory.
    pub body: Body,
    /// CRC64 of what the object has now; lets the whole be checked. 0 for a new object.
    pub crc_before: Option<u64>,
    /// An earlier process may have sent this already: if the object ends where it would then, the client looks whether
    /// the bytes are there, as when an answer is lost.
    pub resumed: bool,
    /// Counts on the first append only.
    pub with: NewObject,
}

impl AppendObject {
    /// Adds `body` at `position`.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        position: u64,
        body: impl Into<Body>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            position,
            body: body.into(),
            crc_before: (position == 0).then_some(0),
            resumed: false,
            with: NewObject::default(),
        }
    }
}

/// What `AppendObject` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendObjectOutput {
    /// The object's `ETag` now.
    pub etag: String,
    /// Bytes that the object has now.
    pub next_position: u64,
    /// CRC64 of the whole object.
    pub crc64: Option<u64>,
}

/// `SealAppendObject`: nothing can be appended afterwards.
#[derive(Debug, Clone, Default)]
pub struct SealAppendObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Bytes that the object has; another number is [`ErrorKind::AppendConflict`].
    pub position: u64,
}

impl SealAppendObject {
    /// Seals an object that has `position` bytes.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, position: u64) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            position,
        }
    }
}

impl Client {
    /// Seals an appendable object.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.append_object(ossplit::AppendObject::new("bucket", "log", 0, "one line\n")).await?;
    /// client.seal_append_object(ossplit::SealAppendObject::new("bucket", "log", 9)).await?;
    /// # Ok(()) });
    /// ```
    pub async fn seal_append_object(&self, request: SealAppendObject) -> Result<(), Error> {
        let call = Call::new(Operation::SealAppendObject, Method::POST)
            .object(&request.bucket, &request.key)
            .query("seal", "")
            .query("position", request.position.to_string());
        self.execute(&call).await.map(drop)
    }

    /// Appends to an object. When an answer is lost and [`AppendObject::crc_before`] is known, the
    /// client finds out whether the bytes are there; otherwise the caller is told
    /// [`ErrorKind::AppendConflict`]. Nothing is ever added twice.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let first = client.append_object(ossplit::AppendObject::new("bucket", "log", 0, "one\n")).await?;
    /// let next = first.next_position;
    /// client.append_object(ossplit::AppendObject::new("bucket", "log", next, "two\n")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn append_object(&self, request: AppendObject) -> Result<AppendObjectOutput, Error> {
        let Some(length) = request.body.length() else {
            let message = "AppendObject needs a body of known length";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let expected = match (request.crc_before, request.body.known_crc()) {
            (Some(before), Some(added)) => Some(crc64::combine(before, added, length)),
            _ => None,
        };
        let call = Call::new(Operation::AppendObject, Method::POST)
            .object(&request.bucket, &request.key)
            .query("append", "")
            .query("position", request.position.to_string())
            .body(request.body);
        let call = request.with.headers(call, &self.config().object_defaults)?;
        let end = request.position + length;
        let output = match self.execute(&call).await {
            Ok(reply) => {
                let headers = reply.response.headers();
                let next = text(headers, names::NEXT_APPEND_POSITION).and_then(|v| v.parse().ok());
                AppendObjectOutput {
                    etag: text(headers, "etag").unwrap_or_default(),
                    next_position: next.unwrap_or(end),
                    crc64: crc_header(headers),
                }
            }
            Err(error)
                if error.kind() == ErrorKind::AppendConflict
                    && (error.tries() > 1 || request.resumed)
                    && error.next_append_position() == Some(end)
                    && expected.is_some() =>
            {
                let head = HeadObject::new(request.bucket, request.key);
                match self.head_object(head).await {
                    Ok(there) if there.crc64 == expected => AppendObjectOutput {
                        etag: there.etag,
                        next_position: end,
                        crc64: there.crc64,
                    },
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        if let (Some(expected), Some(actual)) = (expected, output.crc64)
            && expected != actual
        {
            let message = format!("CRC64 should be {expected} after the append and is {actual}");
            return Err(call.corrupt(message));
        }
        Ok(output)
    }
}
