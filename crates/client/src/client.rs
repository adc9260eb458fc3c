//! The client: builds, signs, sends, retries, and reads what comes back.

use crate::{
    Addressing, ClientConfig, Counts, Error, ErrorKind, Key, Operation,
    http::{
        Network, Observed, RequestBody, ResponseBody, Transport, TransportError,
        TransportErrorKind, collect_limited,
    },
    meter::Meter,
    ops::Body,
    retry::Budget,
    sign::{RequestSigner, Signed},
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use ossplit_protocol::{encode, headers as names, time, xml::ErrorDocument};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

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

/// A call, ready to be sent as often as needed.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Sending it twice does no harm, or the caller finds out whether it did.
    pub(crate) repeatable: bool,
    /// Compare the body's CRC64 with the answer's.
    pub(crate) check_crc: bool,
}

impl Call {
    pub(crate) fn new(operation: Operation, method: Method) -> Self {
        Self {
            operation,
            method,
            bucket: None,
            key: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::empty(),
            repeatable: true,
            check_crc: false,
        }
    }

    pub(crate) fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    pub(crate) fn object(mut self, bucket: &str, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self.bucket(bucket)
    }

    pub(crate) fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// A query parameter, if there is a value.
    pub(crate) fn query_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// A header, whose value may be any bytes but control characters.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let fault = |what: &dyn std::fmt::Display| {
            Error::new(ErrorKind::InvalidInput, format!("header {name}: {what}"))
        };
        let name: http::HeaderName = name.parse().map_err(|e| fault(&e))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|e| fault(&e))?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// A header, if there is a value.
    pub(crate) fn header_some(self, name: &str, value: Option<&str>) -> Result<Self, Error> {
        match value {
            Some(value) => self.header(name, value),
            None => Ok(self),
        }
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) response: Response<ResponseBody>,
    /// How often the request was sent.
    pub(crate) tries: u32,
    /// CRC64 of the body that was sent, if it was to be checked.
    pub(crate) sent_crc: Option<u64>,
}

impl Client {
    /// Makes a client that talks to the network. Nothing is sent yet.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
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

    /// Sends a call until it succeeds or must not be sent again.
    pub(crate) async fn execute(&self, call: &Call) -> Result<Reply, Error> {
        check_names(call)?;
        let start = Instant::now();
        let policy = &self.inner.config.retry;
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.send_once(call, tries).await {
                Ok(mut reply) => {
                    self.inner.budget.give_back();
                    reply.tries = tries;
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
            self.inner.meter.failed(call.operation);
            let transient = failed.error.kind().is_transient();
            let again = transient
                && (call.repeatable || !failed.maybe_done)
                && call.body.is_replayable()
                && tries < policy.max_tries
                && self.inner.budget.take();
            let (bucket, key) = (call.bucket.as_deref(), call.key.as_deref());
            let error = failed
                .error
                .in_call(call.operation, bucket, key, tries, start.elapsed());
            if !again {
                return Err(error);
            }
            tracing::debug!(%error, tries, "sending again");
            // A kept connection that the server closed is no sign of trouble, nor is a wrong clock.
            let at_once = tries == 1 && (failed.stale || error.kind() == ErrorKind::Clock);
            if !at_once {
                tokio::time::sleep(policy.wait(tries + 1)).await;
            }
        }
    }

    /// Sends a call and reads its (short) answer.
    pub(crate) async fn document(&self, call: &Call) -> Result<(HeaderMap, Vec<u8>), Error> {
        let start = Instant::now();
        let reply = self.execute(call).await?;
        let (head, body) = reply.response.into_parts();
        let read = self.within(collect_limited(body, DOCUMENT_LIMIT)).await;
        let bytes = read.map_err(|e| {
            let (bucket, key) = (call.bucket.as_deref(), call.key.as_deref());
            of_transport(&e).in_call(call.operation, bucket, key, reply.tries, start.elapsed())
        })?;
        self.received(call.operation, bytes.len() as u64);
        Ok((head.headers, bytes))
    }

    /// Lets `work` take as long as nothing may move.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        let limit = self.inner.config.read_timeout;
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(stalled(self, limit)))
    }

    async fn send_once(&self, call: &Call, tries: u32) -> Result<Reply, Failed> {
        let observed = Arc::new(Observed::default());
        let request = self
            .request(call, &observed)
            .await
            .map_err(Failed::before)?;
        let length = call.body.length().unwrap_or(0);
        self.inner.meter.sent(call.operation, tries > 1, length);
        let sending = self.inner.transport.send(request);
        let response = self.watch(sending, &observed).await.map_err(|e| Failed {
            stale: e.sent && e.kind == TransportErrorKind::Broken,
            maybe_done: e.sent,
            error: of_transport(&e),
        })?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let sent_crc = observed.crc();
        if call.check_crc
            && let Some(ours) = sent_crc
            && let Some(theirs) = crc_header(response.headers())
            && ours != theirs
        {
            let message = format!("CRC64 sent is {ours}, CRC64 stored is {theirs}");
            let error = Error::new(ErrorKind::Corrupt, message);
            return Err(Failed {
                error,
                maybe_done: true,
                stale: false,
            });
        }
        Ok(Reply {
            response,
            tries,
            sent_crc,
        })
    }

    /// Waits for the head of a response; gives up when no byte of the body moved for too long.
    async fn watch<T>(
        &self,
        sending: impl Future<Output = Result<T, TransportError>>,
        observed: &Observed,
    ) -> Result<T, TransportError> {
        let limit = self.inner.config.read_timeout;
        tokio::pin!(sending);
        let mut seen = observed.bytes();
        loop {
            if let Ok(done) = tokio::time::timeout(limit, &mut sending).await {
                return done;
            }
            let now = observed.bytes();
            if now == seen {
                return Err(stalled(self, limit));
            }
            seen = now;
        }
    }

    async fn request(
        &self,
        call: &Call,
        observed: &Arc<Observed>,
    ) -> Result<Request<RequestBody>, Error> {
        let config = &self.inner.config;
        let invalid =
            |e: &dyn std::fmt::Display| Error::new(ErrorKind::InvalidInput, e.to_string());
        let mut headers = call.headers.clone();
        let key: Option<Arc<Key>> = match &config.credentials {
            Some(provider) => Some(provider.key().await?),
            None => None,
        };
        if let Some(key) = &key {
            let target = Signed {
                method: &call.method,
                bucket: call.bucket.as_deref(),
                key: call.key.as_deref(),
                query: &call.query,
            };
            let now = now() + self.inner.clock_offset.load(Relaxed);
            let signed = if is_range_read(call) {
                self.inner
                    .signer
                    .sign_range(&target, &mut headers, key, now)
            } else {
                self.inner.signer.sign(&target, &mut headers, key, now)
            };
            signed.map_err(|e| invalid(&format!("the AccessKey can't stand in a header: {e}")))?;
        }
        let (host, path) = address(config, call.bucket.as_deref(), call.key.as_deref());
        let uri = if call.query.is_empty() {
            path
        } else {
            format!("{path}?{}", encode::format_query(&call.query))
        };
        let host = HeaderValue::from_str(&host).map_err(|e| invalid(&e))?;
        headers.insert(header::HOST, host);
        let agent = HeaderValue::from_str(&config.user_agent).map_err(|e| invalid(&e))?;
        headers.insert(header::USER_AGENT, agent);
        if call.body.length() == Some(0) && matches!(call.method, Method::PUT | Method::POST) {
            // hyper says nothing of a body that is empty, and OSS wants to hear it (411).
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut request = Request::new(
            call.body
                .to_request()
                .observe(Arc::clone(observed), call.check_crc),
        );
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri.parse().map_err(|e| invalid(&e))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Reads a refusal; learns the server's clock from it where clocks differ.
    async fn refused(&self, response: Response<ResponseBody>) -> Failed {
        let (head, body) = response.into_parts();
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        let bytes = match text(names::ERR) {
            // A HEAD has no body: the document stands in a header.
            Some(encoded) => decode_base64(encoded),
            None => self
                .within(collect_limited(body, DOCUMENT_LIMIT))
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
        let error = Error::service(status, document, position);
        if error.kind() == ErrorKind::Clock
            && let Some(theirs) = text("date").and_then(time::parse_http_date)
        {
            self.inner.clock_offset.store(theirs - now(), Relaxed);
            self.inner.signer.forget();
        }
        // A 5xx may come after the effect; a 4xx never does.
        Failed {
            error,
            maybe_done: status >= 500,
            stale: false,
        }
    }
}

struct Failed {
    error: Error,
    /// The server may have carried the request out.
    maybe_done: bool,
    /// The connection broke before an answer.
    stale: bool,
}

impl Failed {
    fn before(error: Error) -> Self {
        Self {
            error,
            maybe_done: false,
            stale: false,
        }
    }
}

/// A GET of a range with no more headers than those that [`RequestSigner::sign_range`] counts on.
fn is_range_read(call: &Call) -> bool {
    call.operation == Operation::GetObject
        && call.query.is_empty()
        && call.headers.contains_key(header::RANGE)
        && call.headers.keys().all(|name| {
            name == header::RANGE
                || name == header::IF_MATCH
                || name.as_str() == names::RANGE_BEHAVIOR
        })
}

/// The names that a request must not carry to a server.
fn check_names(call: &Call) -> Result<(), Error> {
    let invalid = |message: String| {
        let error = Error::new(ErrorKind::InvalidInput, message);
        error.in_call(
            call.operation,
            call.bucket.as_deref(),
            call.key.as_deref(),
            0,
            Duration::ZERO,
        )
    };
    if let Some(bucket) = &call.bucket {
        ossplit_protocol::names::check_bucket(bucket).map_err(|e| invalid(e.to_string()))?;
    }
    if let Some(key) = &call.key {
        ossplit_protocol::names::check_key(key).map_err(|e| invalid(e.to_string()))?;
    }
    Ok(())
}

/// The value of `Host`, and the path.
fn address(config: &ClientConfig, bucket: Option<&str>, key: Option<&str>) -> (String, String) {
    let endpoint = &config.endpoint;
    let plain = endpoint.authority(&endpoint.host);
    let Some(bucket) = bucket else {
        return (plain, "/".into());
    };
    let key = encode::path(key.unwrap_or(""));
    let path_style = match config.addressing {
        Addressing::Auto => endpoint.prefers_path_style(),
        Addressing::Path => true,
        Addressing::VirtualHost | Addressing::Cname => false,
    };
    if path_style {
        (plain, format!("/{bucket}/{key}"))
    } else if config.addressing == Addressing::Cname {
        (plain, format!("/{key}"))
    } else {
        (
            endpoint.authority(&format!("{bucket}.{}", endpoint.host)),
            format!("/{key}"),
        )
    }
}

fn stalled(client: &Client, limit: Duration) -> TransportError {
    let endpoint = &client.inner.config.endpoint;
    let seconds = limit.as_secs_f64();
    let message = format!("{endpoint}: nothing moved for {seconds} s");
    TransportError::after(TransportErrorKind::Timeout, message)
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
