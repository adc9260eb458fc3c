//! Any request at all: for operations that have no method of their own, and for libraries that offer another API on this client.

use super::Body;
use crate::{
    Client, Error, Operation,
    client::{Call, of_transport},
    http::ResponseBody,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

/// One request, as the API's pages describe it.
pub struct RawRequest {
    /// What the client counts it as, and what its errors name; [`Operation::Raw`] if there is none that fits.
    pub operation: Operation,
    /// GET, PUT and so on.
    pub method: Method,
    /// The bucket; none for requests to the service.
    pub bucket: Option<String>,
    /// The key; none for requests about the bucket.
    pub key: Option<String>,
    /// Parameters, not encoded; an empty value stands for none.
    pub query: Vec<(String, String)>,
    /// Headers. The client adds `Host`, `Date`, `User-Agent`, the length and the signature.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// Compare the CRC64 of the body with the one in the answer.
    pub check_crc: bool,
    /// The request is not sent again once it may have taken effect.
    pub once: bool,
}

impl RawRequest {
    /// A request without parameters, headers or body.
    pub fn new(method: Method) -> Self {
        Self {
            operation: Operation::Raw,
            method,
            bucket: None,
            key: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::empty(),
            check_crc: false,
            once: false,
        }
    }
}

/// An answer whose status is 2xx.
#[derive(Debug)]
pub struct RawOutput {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// What follows them.
    pub body: RawBody,
    /// CRC64 of the body that was sent, with [`RawRequest::check_crc`].
    pub sent_crc: Option<u64>,
}

/// The body of an answer, as it comes. It is not taken up again when it breaks off. Dropping it before its end closes its
/// connection.
pub struct RawBody {
    body: ResponseBody,
    client: Client,
    /// For errors.
    call: Call,
    began: Instant,
}

impl RawBody {
    /// The next bytes; `None` at the end.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.body.chunk().await {
            None => Ok(None),
            Some(Ok(chunk)) => {
                self.client
                    .received(self.call.operation, chunk.len() as u64);
                Ok(Some(chunk))
            }
            Some(Err(error)) => {
                let error = of_transport(&error);
                Err(self.call.fault(error, 1, self.began.elapsed()))
            }
        }
    }
}

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawBody").finish_non_exhaustive()
    }
}

impl Client {
    /// Signs and sends any request; retries it as it does others ([`retry`](crate::retry)).
    ///
    /// # Errors
    /// Every answer whose status is not 2xx; [`Error::answer`] holds it.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let mut request = ossplit::RawRequest::new(http::Method::GET);
    /// request.bucket = Some("bucket".into());
    /// request.query.push(("acl".into(), String::new()));
    /// let mut answer = client.send_raw(request).await?;
    /// let document = answer.body.next_chunk().await?.unwrap_or_default();
    /// assert!(document.starts_with(b"<?xml"));
    /// # Ok(()) });
    /// ```
    pub async fn send_raw(&self, request: RawRequest) -> Result<RawOutput, Error> {
        let mut call = Call::new(request.operation, request.method).body(request.body);
        call.bucket = request.bucket;
        call.key = request.key;
        call.query = request.query;
        for (name, value) in &request.headers {
            call = call.header(name, value)?;
        }
        call.check_crc = request.check_crc;
        call.once = request.once;
        let began = Instant::now();
        let reply = self.execute(&call).await?;
        let (head, body) = reply.response.into_parts();
        // The bytes that were sent are not needed any more.
        call.body = Body::empty();
        Ok(RawOutput {
            status: head.status,
            headers: head.headers,
            body: RawBody {
                body,
                client: self.clone(),
                call,
                began,
            },
            sent_crc: reply.sent_crc,
        })
    }
}
