//! Signed URLs: whoever has one may make that one request until it expires, with any HTTP client.

use crate::{Client, Error, ErrorKind, Operation, SignatureVersion, client::Call};
use http::{HeaderMap, Method};
use ossplit_protocol::sign::v4::MAX_EXPIRES_SECONDS;
use std::time::Duration;

/// A request that somebody else is to make.
#[derive(Debug, Clone)]
pub struct Presign {
    /// GET, PUT, HEAD, POST or DELETE.
    pub method: Method,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Parameters, such as `versionId`, `uploadId` or `response-content-type`; they are signed.
    pub query: Vec<(String, String)>,
    /// Headers that the request must have; they are signed, with V1 only `Content-Type`, `Content-MD5`
    /// and `x-oss-*`.
    pub headers: Vec<(String, String)>,
    /// How long the URL is good: with V4 from 1 second to 7 days, and never longer than an STS token.
    pub expires: Duration,
}

impl Presign {
    /// A request of this method on an object.
    pub fn new(method: Method, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            method,
            bucket: bucket.into(),
            key: key.into(),
            query: Vec::new(),
            headers: Vec::new(),
            expires: Duration::from_mins(15),
        }
    }

    /// A download, good for 15 minutes.
    pub fn get(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(Method::GET, bucket, key)
    }

    /// An upload, good for 15 minutes.
    pub fn put(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(Method::PUT, bucket, key)
    }

    /// Adds a parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header that the request must have.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets how long the URL is good.
    #[must_use]
    pub fn expires(mut self, expires: Duration) -> Self {
        self.expires = expires;
        self
    }
}

/// A signed URL. It is a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    url: String,
    /// Headers that the request must have.
    pub headers: HeaderMap,
    /// Until when it is good, in Unix seconds.
    pub expires_at: i64,
}

impl SignedUrl {
    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl std::fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedUrl")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Signs a URL. Sends nothing, but may have to ask for a key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a time that the service would refuse, a name that no object can
    /// have, or a client without a key.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let url = client.presign(ossplit::Presign::get("bucket", "key")).await?;
    /// assert!(url.url().starts_with("http://127.0.0.1:"));
    /// # Ok(()) });
    /// ```
    pub async fn presign(&self, request: Presign) -> Result<SignedUrl, Error> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidInput, message);
        let seconds = i64::try_from(request.expires.as_secs()).unwrap_or(i64::MAX);
        let v4 = self.config().signature == SignatureVersion::V4;
        if seconds < 1 || (v4 && seconds > MAX_EXPIRES_SECONDS) {
            return Err(invalid(format!(
                "a URL good for {seconds} s: give 1 to {MAX_EXPIRES_SECONDS}"
            )));
        }
        let mut call =
            Call::new(Operation::GetObject, request.method).object(&request.bucket, &request.key);
        for (name, value) in request.query {
            call = call.query(&name, value);
        }
        for (name, value) in &request.headers {
            call = call.header(name, value)?;
        }
        let (url, expires_at) = self.signed_url(&call, seconds).await?;
        Ok(SignedUrl {
            url,
            headers: call.headers,
            expires_at,
        })
    }
}
