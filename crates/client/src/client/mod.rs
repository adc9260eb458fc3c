//! The client: builds, signs, sends, retries, and reads what comes back.

mod call;

pub(crate) use call::Call;

use crate::{
    CallEnded, ClientConfig, Counts, Error, ErrorKind, Key, Operation, ServiceAnswer,
    SignatureVersion,
    http::{
        FreshConnection, Network, RequestBody, ResponseBody, Transport, TransportError,
        TransportErrorKind, collect_limited,
    },
    meter::Meter,
    retry::Budget,
    sign::{RequestSigner, Signed},
};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use ossplit_protocol::{
    encode, headers as names, time,
    xml::{self, ErrorDocument},
};
use serde::de::DeserializeOwned;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// Documents (listings, errors) are at most this long, in bytes.
const DOCUMENT_LIMIT: usize = 16 << 20;

/// A client of OSS. Cheap to clone; clones share connections, counters and the retry budget.
///
/// Needs a running tokio runtime with I/O and time.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    signer: RequestSigner,
    meter: Meter,
    budget: Budget,
    /// The server's clock less ours, in seconds.
    clock_offset: AtomicI64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) response: Response<ResponseBody>,
    /// CRC64 of the body that was sent, if it was to be checked.
    pub(crate) sent_crc: Option<u64>,
}

/// Takes an answer in. A boxed future, since the compiler can't see that those of an async closure are `Send`.
type Read<T> = for<'a> fn(&'a Client, &'a Call, Reply) -> BoxFuture<'a, Result<T, Error>>;

impl Client {
    /// Makes a client that talks to the network. Nothing is sent yet.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let v4 = config.signature == SignatureVersion::V4 && config.credentials.is_some();
        if v4 && config.region.is_empty() {
            let message = "V4 signatures need a region, such as cn-hangzhou";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let network = Network::new(&config).map_err(|e| of_transport(&e))?;
        Ok(Self::with_transport(config, Arc::new(network)))
    }

    /// Makes a client on a transport of the caller's.
    pub fn with_transport(config: ClientConfig, transport: Arc<dyn Transport>) -> Self {
        let signer = RequestSigner::new(&config);
        Self {
            inner: Arc::new(Inner {
                config,
                transport,
                signer,
                meter: Meter::new(),
                budget: Budget::new(),
                clock_offset: AtomicI64::new(0),
            }),
        }
    }

    /// How it was set up.
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// What each operation cost so far.
    pub fn counts(&self) -> Vec<(Operation, Counts)> {
        self.inner.meter.snapshot()
    }

    pub(crate) fn received(&self, operation: Operation, bytes: u64) {
        self.inner.meter.received(operation, bytes);
    }

    /// Sends a call until it succeeds or must not be sent again; the body of the answer follows by
    /// itself.
    pub(crate) async fn execute(&self, call: &Call) -> Result<Reply, Error> {
        self.run(call, |_, _, reply| ready(Ok(reply)).boxed()).await
    }

    /// Sends a call and reads the document that it answers. A document that breaks off, or is none,
    /// is asked for again.
    pub(crate) async fn document<T: DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<(HeaderMap, T), Error> {
        let (head, document) = self.special::<xml::Any<T>>(call).await?;
        Ok((head, document.0))
    }

    /// The same of a document that has a reader of its own.
    pub(crate) async fn special<T: xml::Document>(
        &self,
        call: &Call,
    ) -> Result<(HeaderMap, T), Error> {
        self.run(call, |client, call, reply| {
            async move {
                let (head, body) = reply.response.into_parts();
                let bytes = collect_limited(body, DOCUMENT_LIMIT).await;
                let bytes = bytes.map_err(|e| of_transport(&e))?;
                client.received(call.operation, bytes.len() as u64);
                let document =
                    T::read(&bytes).map_err(|e| Error::new(ErrorKind::Server, e.to_string()))?;
                Ok((head.headers, document))
            }
            .boxed()
        })
        .await
    }

    /// Sends a call and reads all of its answer, which is small.
    pub(crate) async fn bytes(&self, call: &Call) -> Result<Vec<u8>, Error> {
        self.run(call, |client, call, reply| {
            async move {
                let body = reply.response.into_body();
                let bytes = collect_limited(body, DOCUMENT_LIMIT).await;
                let bytes = bytes.map_err(|e| of_transport(&e))?;
                client.received(call.operation, bytes.len() as u64);
                Ok(bytes)
            }
            .boxed()
        })
        .await
    }

    /// Sends a call until it succeeds, must not be sent again, or takes too long; tells who wants to know. `read` takes in
    /// what of the answer must have arrived for the call to have succeeded.
    async fn run<T>(&self, call: &Call, read: Read<T>) -> Result<T, Error> {
        let config = &self.inner.config;
        let (start, tries) = (Instant::now(), AtomicU32::new(0));
        // On the heap: it is large, and a future that waits for another one has room for it several times.
        let attempts = Box::pin(self.attempts(call, read, &tries));
        let ended = match config.call_timeout {
            None => attempts.await,
            Some(limit) => tokio::time::timeout(limit, attempts)
                .await
                .unwrap_or_else(|_| {
                    let message = format!("the call was not done within {limit:?}");
                    let error = Error::new(ErrorKind::Timeout, message);
                    Err(call.fault(error, tries.load(Relaxed), start.elapsed()))
                }),
        };
        if let Some(observer) = &config.observer {
            observer.ended(&CallEnded {
                operation: call.operation,
                tries: tries.load(Relaxed),
                elapsed: start.elapsed(),
                error: ended.as_ref().err().map(Error::kind),
            });
        }
        ended
    }

    /// The one loop that sends things again: see [`crate::retry`].
    async fn attempts<T>(&self, call: &Call, read: Read<T>, sent: &AtomicU32) -> Result<T, Error> {
        call.check_names()?;
        let start = Instant::now();
        let policy = &self.inner.config.retry;
        let (mut tries, mut failures) = (0, 0);
        let mut mended = Vec::new();
        let mut fresh = false;
        loop {
            tries += 1;
            sent.store(tries, Relaxed);
            let failed = match self.send_once(call, tries, fresh).await {
                Ok(reply) => match read(self, call, reply).await {
                    Ok(output) => {
                        self.inner.budget.give_back();
                        return Ok(output);
                    }
                    Err(error) => Failed::plain(error),
                },
                Err(failed) => failed,
            };
            let kind = failed.error.kind();
            if kind != ErrorKind::NotModified {
                self.inner.meter.failed(call.operation);
            }
            let error = call.fault(failed.error, tries, start.elapsed());
            // What the service refused by its clock or key had no effect.
            let had_none = !matches!(failed.mend, None | Some(Mend::FreshConnection));
            if !call.body.is_replayable() || policy.max_tries <= 1 || call.once && !had_none {
                return Err(error);
            }
            fresh = failed.mend == Some(Mend::FreshConnection);
            if let Some(mend) = failed.mend
                && !mended.contains(&mend)
            {
                tracing::debug!(%error, ?mend, "sending again at once");
                mended.push(mend);
                continue;
            }
            failures += 1;
            if !kind.is_transient() || failures >= policy.max_tries || !self.inner.budget.take() {
                return Err(error);
            }
            let wait = policy.wait(failures);
            tracing::debug!(%error, tries, ?wait, "sending again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether a body may be taken up again for the `resumes`th time; waits before it says so.
    pub(crate) async fn may_resume(&self, resumes: u32) -> bool {
        let policy = &self.inner.config.retry;
        if resumes >= policy.max_tries || !self.inner.budget.take() {
            return false;
        }
        // The first time at once: a long body breaks off now and then without any trouble.
        if resumes > 1 {
            tokio::time::sleep(policy.wait(resumes - 1)).await;
        }
        true
    }

    async fn send_once(&self, call: &Call, tries: u32, fresh: bool) -> Result<Reply, Failed> {
        let key = match &self.inner.config.credentials {
            Some(provider) => Some(provider.key().await.map_err(Failed::plain)?),
            None => None,
        };
        let mut request = self.request(call, key.as_ref()).map_err(Failed::plain)?;
        if fresh {
            request.extensions_mut().insert(FreshConnection);
        }
        let observed = request.body().observed();
        let length = call.body.length().unwrap_or(0);
        let again = tries > 1 || call.resumed;
        self.inner.meter.sent(call.operation, again, length);
        let sent = self.inner.transport.send(request).await;
        let response = sent.map_err(|e| Failed {
            mend: (e.kept && e.kind == TransportErrorKind::Broken).then_some(Mend::FreshConnection),
            error: of_transport(&e),
        })?;
        if !response.status().is_success() {
            return Err(self.refused(response, key.as_ref()).await);
        }
        let sent_crc = observed.crc();
        if call.check_crc
            && let Some(ours) = sent_crc
            && let Some(theirs) = crc_header(response.headers())
            && ours != theirs
        {
            let message = format!("CRC64 sent is {ours}, CRC64 stored is {theirs}");
            return Err(Failed::plain(Error::new(ErrorKind::Corrupt, message)));
        }
        Ok(Reply { response, sent_crc })
    }

    /// A URL for a call that somebody else makes, and until when it is good.
    pub(crate) async fn signed_url(
        &self,
        call: &Call,
        expires: i64,
    ) -> Result<(String, i64), Error> {
        call.check_names()?;
        let config = &self.inner.config;
        let Some(provider) = &config.credentials else {
            let message = "a client without a key can't sign a URL";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let key = provider.key().await?;
        let now = now() + self.inner.clock_offset.load(Relaxed);
        let target = Signed {
            method: &call.method,
            bucket: call.bucket.as_deref(),
            key: call.key.as_deref(),
            query: &call.query,
        };
        let signer = &self.inner.signer;
        let query = signer.presign(&target, &call.headers, &key, now, expires);
        let (host, path) = call.address(config);
        let scheme = if config.endpoint.tls { "https" } else { "http" };
        let query = encode::format_query(&query);
        Ok((format!("{scheme}://{host}{path}?{query}"), now + expires))
    }

    fn request(&self, call: &Call, key: Option<&Arc<Key>>) -> Result<Request<RequestBody>, Error> {
        let config = &self.inner.config;
        let invalid =
            |e: &dyn std::fmt::Display| Error::new(ErrorKind::InvalidInput, e.to_string());
        let mut headers = call.headers.clone();
        // Ranges of an object share a signature: what is added here is the same for all of them.
        call.add_what_is_always_sent(config, &mut headers);
        if let Some(key) = key {
            let target = Signed {
                method: &call.method,
                bucket: call.bucket.as_deref(),
                key: call.key.as_deref(),
                query: &call.query,
            };
            let now = now() + self.inner.clock_offset.load(Relaxed);
            let signed = if call.is_range_read() {
                self.inner
                    .signer
                    .sign_range(&target, &mut headers, key, now)
            } else {
                self.inner.signer.sign(&target, &mut headers, key, now)
            };
            signed.map_err(|e| invalid(&format!("the AccessKey can't stand in a header: {e}")))?;
        }
        let (host, path) = call.address(config);
        let uri = if call.query.is_empty() {
            path
        } else {
            format!("{path}?{}", encode::format_query(&call.query))
        };
        let host = HeaderValue::from_str(&host).map_err(|e| invalid(&e))?;
        headers.insert(header::HOST, host);
        let agent = HeaderValue::from_str(&config.user_agent).map_err(|e| invalid(&e))?;
        headers.insert(header::USER_AGENT, agent);
        if call.body.length() == Some(0)
            && matches!(call.method, ::http::Method::PUT | ::http::Method::POST)
        {
            // hyper says nothing of a body that is empty, and OSS wants to hear it (411).
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut body = call.body.to_request();
        if call.check_crc {
            body = body.with_crc();
        }
        let mut request = Request::new(body);
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri.parse().map_err(|e| invalid(&e))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Reads a refusal; learns the server's clock from it where clocks differ.
    async fn refused(&self, response: Response<ResponseBody>, key: Option<&Arc<Key>>) -> Failed {
        let (head, body) = response.into_parts();
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        let bytes = match text(names::ERR) {
            // A HEAD has no body: the document stands in a header.
            Some(encoded) => decode_base64(encoded),
            None => collect_limited(body, DOCUMENT_LIMIT)
                .await
                .unwrap_or_default(),
        };
        let mut document = ErrorDocument::parse(&bytes).unwrap_or_default();
        let fill = |field: &mut String, name: &str| {
            if field.is_empty() {
                text(name).unwrap_or("").clone_into(field);
            }
        };
        fill(&mut document.request_id, names::REQUEST_ID);
        fill(&mut document.ec, names::EC);
        let position = text(names::NEXT_APPEND_POSITION).and_then(|v| v.parse().ok());
        let status = head.status.as_u16();
        let answer = ServiceAnswer {
            headers: head.headers.clone(),
            document: bytes,
        };
        let error = Error::service(status, document, position).answered(answer);
        let mend = match error.kind() {
            ErrorKind::Clock => {
                let date = text("date").and_then(time::parse_http_date);
                date.map(|theirs| {
                    self.inner.clock_offset.store(theirs - now(), Relaxed);
                    self.inner.signer.forget();
                    Mend::Clock
                })
            }
            // A wrong secret is not mended by asking for it again; a key that ended may be.
            ErrorKind::Unauthenticated if error.code() != "SignatureDoesNotMatch" => {
                let provider = self.inner.config.credentials.as_ref();
                let renewed = provider.zip(key).is_some_and(|(p, key)| p.refused(key));
                renewed.then_some(Mend::Key)
            }
            _ => None,
        };
        Failed { error, mend }
    }
}

struct Failed {
    error: Error,
    mend: Option<Mend>,
}

/// What was wrong is put right already: the request is sent again at once, once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mend {
    /// A kept connection broke before an answer: the server closed it while it was idle.
    FreshConnection,
    /// Our clock was wrong, and the server's is known now.
    Clock,
    /// The key is no longer good, and its provider may have another.
    Key,
}

impl Failed {
    /// Nothing can be put right at once.
    fn plain(error: Error) -> Self {
        Self { error, mend: None }
    }
}

pub(crate) fn of_transport(error: &TransportError) -> Error {
    let kind = match error.kind {
        TransportErrorKind::Dns => ErrorKind::Dns,
        TransportErrorKind::Connect | TransportErrorKind::Broken => ErrorKind::Connection,
        TransportErrorKind::Tls => ErrorKind::Tls,
        TransportErrorKind::Timeout => ErrorKind::Timeout,
    };
    Error::new(kind, error.message.clone())
}

pub(crate) fn crc_header(headers: &HeaderMap) -> Option<u64> {
    headers.get(names::CRC64)?.to_str().ok()?.parse().ok()
}

fn decode_base64(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text.trim()).unwrap_or_default()
}

/// Unix seconds.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs().cast_signed())
}

#[cfg(test)]
mod tests;
