//! A call before it is sent: what an operation makes of its request.

use crate::{Addressing, ClientConfig, Error, ErrorKind, Operation, ops::Body};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, header};
use md5::{Digest as _, Md5};
use ossplit_protocol::{encode, headers as names, time};
use std::time::Duration;

/// A call, ready to be sent as often as needed.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Compare the body's CRC64 with the answer's.
    pub(crate) check_crc: bool,
    /// It goes on with a body that broke off: counted as a retry.
    pub(crate) resumed: bool,
    /// Not to be sent again if it may have taken effect.
    pub(crate) once: bool,
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
            check_crc: false,
            resumed: false,
            once: false,
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

    /// A header that is a date, if there is one, in Unix seconds.
    pub(crate) fn header_time(self, name: &str, seconds: Option<i64>) -> Result<Self, Error> {
        match seconds {
            Some(seconds) => self.header(name, &time::http_date(seconds)),
            None => Ok(self),
        }
    }

    /// An XML document as the body, with its MD5, which some operations demand.
    pub(crate) fn xml(self, document: String) -> Result<Self, Error> {
        let md5 = STANDARD.encode(Md5::digest(document.as_bytes()));
        let call = self
            .header("content-md5", &md5)?
            .header("content-type", "application/xml")?;
        Ok(call.body(document.into()))
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// An error of this call, which was sent `tries` times.
    pub(crate) fn fault(&self, error: Error, tries: u32, elapsed: Duration) -> Error {
        let (bucket, key) = (self.bucket.as_deref(), self.key.as_deref());
        error.in_call(self.operation, bucket, key, tries, elapsed)
    }

    /// Bytes that are not what they should be.
    pub(crate) fn corrupt(&self, message: String) -> Error {
        self.fault(Error::new(ErrorKind::Corrupt, message), 1, Duration::ZERO)
    }

    /// Refuses what must not go to a server.
    pub(super) fn check_names(&self) -> Result<(), Error> {
        let invalid = |e: &dyn std::fmt::Display| {
            let error = Error::new(ErrorKind::InvalidInput, e.to_string());
            self.fault(error, 0, Duration::ZERO)
        };
        if let Some(bucket) = &self.bucket {
            ossplit_protocol::names::check_bucket(bucket).map_err(|e| invalid(&e))?;
        }
        if let Some(key) = &self.key {
            ossplit_protocol::names::check_key(key).map_err(|e| invalid(&e))?;
        }
        Ok(())
    }

    /// Whether this is a GET of a range with no more headers than those that
    /// [`sign_range`](crate::sign::RequestSigner::sign_range) counts on.
    pub(super) fn is_range_read(&self) -> bool {
        self.operation == Operation::GetObject
            && self.query.is_empty()
            && self.headers.contains_key(header::RANGE)
            && self.headers.contains_key(names::RANGE_BEHAVIOR)
            && self.headers.keys().all(|name| {
                name == header::RANGE
                    || name == header::IF_MATCH
                    || name.as_str() == names::RANGE_BEHAVIOR
            })
    }

    /// The headers that the client's configuration gives to every call of its kind.
    pub(super) fn add_what_is_always_sent(&self, config: &ClientConfig, headers: &mut HeaderMap) {
        let limits = config.traffic_limits;
        let limit = match self.operation {
            Operation::GetObject => limits.download,
            Operation::PutObject
            | Operation::AppendObject
            | Operation::UploadPart
            | Operation::CopyObject
            | Operation::UploadPartCopy => limits.upload,
            _ => None,
        };
        if let Some(limit) = limit {
            headers.insert(names::TRAFFIC_LIMIT, HeaderValue::from(limit));
        }
        if config.requester_pays {
            headers.insert(names::REQUEST_PAYER, HeaderValue::from_static("requester"));
        }
    }

    /// The value of `Host`, and the path.
    pub(super) fn address(&self, config: &ClientConfig) -> (String, String) {
        let endpoint = &config.endpoint;
        let plain = endpoint.authority(&endpoint.host);
        let Some(bucket) = &self.bucket else {
            return (plain, "/".into());
        };
        let key = encode::path(self.key.as_deref().unwrap_or(""));
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
            let host = format!("{bucket}.{}", endpoint.host);
            (endpoint.authority(&host), format!("/{key}"))
        }
    }
}
