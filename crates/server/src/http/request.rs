//! A request as operations see it.

use super::{Address, Limiter, State, respond::request_id};
use crate::{auth::Identity, failure::Failure, route, route::Operation};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use md5::{Digest, Md5};
use ossplit_protocol::code::Code;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// The largest document that a request may carry, in bytes.
const MAX_DOCUMENT: usize = 2 << 20;

/// What is read of a body that nobody wants, so that the client sees the answer, in bytes.
const MAX_DRAIN: u64 = 16 << 20;

/// A request.
pub(crate) struct Request {
    pub(crate) state: Arc<State>,
    /// 24 upper-case hex digits.
    pub(crate) id: String,
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) address: Address,
    pub(crate) headers: HeaderMap,
    pub(crate) identity: Identity,
    /// Where it came from.
    pub(crate) peer: Option<IpAddr>,
    /// What the body's bytes are paid to as they come in.
    pub(super) paces: Vec<Arc<Limiter>>,
    /// The document, if somebody looked at it before the operation.
    peeked: Option<Vec<u8>>,
    body: Incoming,
    touched: bool,
}

impl Request {
    pub(super) fn new(
        state: Arc<State>,
        method: Method,
        address: Address,
        headers: HeaderMap,
        body: Incoming,
    ) -> Self {
        Self {
            state,
            id: request_id(),
            operation: Operation::Unknown,
            method,
            address,
            headers,
            identity: Identity::Anonymous,
            peer: None,
            peeked: None,
            paces: Vec::new(),
            body,
            touched: false,
        }
    }

    /// The bucket; empty where the operation has none.
    pub(crate) fn bucket(&self) -> &str {
        self.address.bucket.as_deref().unwrap_or_default()
    }

    /// The key; empty where the operation has none.
    pub(crate) fn key(&self) -> &str {
        self.address.key.as_deref().unwrap_or_default()
    }

    /// A query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        route::parameter(&self.address.query, name)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// A header's value as text; `None` when it is absent or not UTF-8.
    pub(crate) fn text(&self, name: impl header::AsHeaderName) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// A header that says true or false; false when absent.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Failure> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Failure::argument(name, other)),
        }
    }

    /// A parameter that is a number in a range.
    pub(crate) fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
        ec: &'static str,
    ) -> Result<u32, Failure> {
        let Some(value) = self.parameter(name).filter(|value| !value.is_empty()) else {
            return Ok(default);
        };
        let number = value.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            Failure::argument(name, value).ec(ec).message(format!(
                "Argument {name} must be an integer between {} and {}.",
                range.start(),
                range.end()
            ))
        })
    }

    /// Whether keys of the answer are percent-encoded.
    pub(crate) fn encodes_url(&self) -> Result<bool, Failure> {
        match self.parameter("encoding-type") {
            None | Some("") => Ok(false),
            Some("url") => Ok(true),
            Some(other) => Err(Failure::argument("encoding-type", other)),
        }
    }

    /// `Content-Length` as announced.
    pub(crate) fn announced_length(&self) -> Option<u64> {
        self.text(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Refuses a request that announces no body at all, not even an empty one.
    pub(crate) fn need_length(&self) -> Result<(), Failure> {
        let announced = self.headers.contains_key(header::CONTENT_LENGTH)
            || self.headers.contains_key(header::TRANSFER_ENCODING);
        if announced {
            Ok(())
        } else {
            Err(Failure::new(Code::MissingContentLength))
        }
    }

    /// `Content-MD5` as sent and decoded.
    pub(crate) fn announced_md5(&self) -> Result<Option<[u8; 16]>, Failure> {
        let Some(sent) = self.header("content-md5") else {
            return Ok(None);
        };
        let bytes = STANDARD.decode(sent.as_bytes()).unwrap_or_default();
        match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(md5) => Ok(Some(md5)),
            Err(_) if bytes.len() < 16 => Err(self.wrong_md5().ec("0017-00000502")),
            Err(_) => Err(self.wrong_md5()),
        }
    }

    /// The refusal of a `Content-MD5` that is not that of the body.
    pub(crate) fn wrong_md5(&self) -> Failure {
        let sent = self.text("content-md5").unwrap_or_default();
        Failure::new(Code::InvalidDigest).with("Content-MD5", sent)
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.touched = true;
        loop {
            let frame = match tokio::time::timeout(self.state.limits.stall, self.body.frame()).await
            {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) | Err(_) => return Err(Failure::new(Code::RequestTimeout)),
            };
            if let Ok(data) = frame.into_data() {
                let counters = &self.state.counters;
                counters.bytes_in(self.operation, data.len() as u64);
                let free = self.paces.iter().map(|pace| pace.reserve(data.len()));
                if let Some(free) = free.max() {
                    tokio::time::sleep_until(free).await;
                }
                return Ok(Some(data));
            }
        }
    }

    /// The whole body, which is a document; its `Content-MD5` is checked.
    pub(crate) async fn document(&mut self) -> Result<Vec<u8>, Failure> {
        if let Some(document) = self.peeked.take() {
            return Ok(document);
        }
        let announced = self.announced_md5()?;
        let mut out = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if out.len() + chunk.len() > MAX_DOCUMENT {
                return Err(Failure::new(Code::EntityTooLarge));
            }
            out.extend_from_slice(&chunk);
        }
        match announced {
            Some(md5) if md5 != <[u8; 16]>::from(Md5::digest(&out)) => Err(self.wrong_md5()),
            _ => Ok(out),
        }
    }

    /// The document, which stays there for the operation.
    pub(crate) async fn peek_document(&mut self) -> Result<&[u8], Failure> {
        let document = self.document().await?;
        Ok(self.peeked.insert(document))
    }

    /// Reads on to the body's end, within limits: a client that is still sending sees the answer
    /// only then, and the connection can be used again. A client that waits for `100 Continue`
    /// is not asked to go on.
    pub(super) async fn drain(mut self) {
        let waits = self.headers.contains_key(header::EXPECT) && !self.touched;
        if waits || self.body.is_end_stream() || self.announced_length() > Some(MAX_DRAIN) {
            return;
        }
        let mut left = MAX_DRAIN;
        let drained = async {
            while let Ok(Some(chunk)) = self.chunk().await {
                left = left.saturating_sub(chunk.len() as u64);
                if left == 0 {
                    break;
                }
            }
        };
        // Whether it was in time makes no difference to what follows.
        let _ = tokio::time::timeout(Duration::from_secs(5), drained).await;
    }
}
