//! What goes back: the headers of every answer, and the error document.

use super::{Body, Payload};
use crate::{
    counters::{Counters, InFlight},
    failure::Failure,
    route::Operation,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ossplit_protocol::{
    code::Code,
    headers as names,
    xml::{self, ErrorDocument},
};
use std::{sync::Arc, time::Instant};

/// An operation's answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
}

impl Reply {
    /// 200 with no body.
    pub(crate) fn ok() -> Self {
        Self::status(StatusCode::OK)
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self::status(StatusCode::NO_CONTENT)
    }

    pub(crate) fn status(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::with_capacity(24),
            payload: Payload::Empty,
        }
    }

    /// 200 with a document.
    pub(crate) fn xml<T: serde::Serialize>(document: &T) -> Self {
        let mut reply = Self::ok();
        reply.payload = Payload::Bytes(Bytes::from(xml::write(document)));
        reply.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/xml"),
        );
        reply
    }

    /// Adds a header; `name` is lower-case.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        self.set(HeaderName::from_static(name), value.into());
        self
    }

    /// Adds a header whose value is text of our own.
    pub(crate) fn with_text(self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }

    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }
}

/// What every answer to a request needs.
pub(super) struct Responder {
    pub(super) method: Method,
    pub(super) operation: Operation,
    pub(super) host: String,
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
    pub(super) upload_id: Option<String>,
    pub(super) request_id: String,
    pub(super) start: Instant,
    pub(super) counters: Arc<Counters>,
    pub(super) in_flight: InFlight,
}

/// 24 upper-case hex digits.
pub(crate) fn request_id() -> String {
    format!("{:016X}{:08X}", fastrand::u64(..), fastrand::u32(..))
}

impl Responder {
    /// Makes the response.
    pub(super) fn respond(self, result: Result<Reply, Failure>) -> Response<Body> {
        self.counters.request(self.operation);
        let mut reply = result.unwrap_or_else(|failure| self.error(failure));
        if reply.status.as_u16() >= 400 {
            self.counters.error(self.operation);
        }
        let headers = &mut reply.headers;
        headers.insert(header::SERVER, HeaderValue::from_static("AliyunOSS"));
        if let Ok(id) = HeaderValue::try_from(self.request_id) {
            headers.insert(HeaderName::from_static(names::REQUEST_ID), id);
        }
        let spent = self.start.elapsed().as_millis() as u64;
        headers.insert(HeaderName::from_static(names::SERVER_TIME), spent.into());
        let length = match &reply.payload {
            Payload::Head(length) => Some(*length),
            Payload::Empty if reply.status != StatusCode::NOT_MODIFIED => Some(0),
            _ => None,
        };
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let body = Body::new(reply.payload, self.counters, self.operation, self.in_flight);
        let mut response = Response::new(body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    fn error(&self, failure: Failure) -> Reply {
        let status = failure.code().status();
        let mut reply = Reply::status(status);
        for (name, value) in failure.headers() {
            reply.headers.insert(name.clone(), value.clone());
        }
        if failure.code() == Code::NotModified {
            // No document either: oss2 tells 304 from errors by the absence of a code.
            return reply;
        }
        let ec = failure.ec_text();
        let mut document = ErrorDocument {
            code: failure.code().name().to_owned(),
            message: failure.text().to_owned(),
            request_id: self.request_id.clone(),
            host_id: self.host.clone(),
            extra: Vec::new(),
            ec: ec.to_owned(),
        };
        document.extra = failure.elements(
            self.bucket.as_deref(),
            self.key.as_deref(),
            self.upload_id.as_deref(),
        );
        let text = document.to_xml();
        reply = reply.with(names::EC, HeaderValue::from_static(ec));
        if self.method == Method::HEAD {
            reply.with_text(names::ERR, &STANDARD.encode(text))
        } else {
            reply.payload = Payload::Bytes(Bytes::from(text));
            reply.with("content-type", HeaderValue::from_static("application/xml"))
        }
    }
}
