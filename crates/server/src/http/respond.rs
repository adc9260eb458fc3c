//! What goes back: the headers of every answer, and the error document.

use super::{Body, Limiter, Link, Payload, Shape};
use crate::{
    counters::{Counters, InFlight},
    failure::Failure,
    faults::Decision,
    route::Operation,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ossplit_protocol::{
    code::Code,
    headers as names, time,
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
    pub(super) faults: Option<Decision>,
    pub(super) paces: Vec<Arc<Limiter>>,
    pub(super) link: Arc<Link>,
    /// Unix seconds by the server's clock, where it is wrong on purpose.
    pub(super) skewed: Option<i64>,
}

/// 24 upper-case hex digits.
pub(crate) fn request_id() -> String {
    format!("{:016X}{:08X}", fastrand::u64(..), fastrand::u32(..))
}

/// Changes the checksum that an answer names, if it names one.
fn spoil_crc(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(names::CRC64) {
        let sum = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        *value = (sum.unwrap_or(0) ^ 1).into();
    }
}

impl Responder {
    /// Makes the response.
    pub(super) fn respond(self, result: Result<Reply, Failure>) -> Response<Body> {
        let mut reply = result.unwrap_or_else(|failure| self.error(failure));
        self.counters.request(self.operation, reply.status.as_u16());
        let headers = &mut reply.headers;
        if let Some(now) = self.skewed
            && let Ok(date) = HeaderValue::try_from(time::http_date(now))
        {
            headers.insert(header::DATE, date);
        }
        if self.faults.as_ref().is_some_and(|faults| faults.wrong_crc) {
            spoil_crc(headers);
        }
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
        let left = reply.payload.remaining();
        let shape = Shape::of(self.faults.as_ref(), self.paces, left, &self.link);
        let counters = self.counters;
        let body = Body::new(
            reply.payload,
            counters,
            self.operation,
            shape,
            self.in_flight,
        );
        let mut response = Response::new(body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    fn error(&self, failure: Failure) -> Reply {
        let mut reply = Reply::status(failure.status());
        for (name, value) in failure.headers() {
            reply.headers.insert(name.clone(), value.clone());
        }
        if failure.code() == Code::NotModified {
            // No document either: oss2 tells 304 from errors by the absence of a code.
            return reply;
        }
        let ec = failure.ec_text();
        let mut document = ErrorDocument {
            code: failure.name().to_owned(),
            message: failure.text().to_owned(),
            request_id: self.request_id.clone(),
            host_id: self.host.clone(),
            extra: Vec::new(),
            access_denied: failure.details().to_vec(),
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
