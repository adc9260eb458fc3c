//! A refusal in the service's words.

use crate::{
    faults::Injected,
    store::{StoreError, VersionId},
};
use http::{HeaderName, HeaderValue, StatusCode};
use ossplit_protocol::{code::Code, headers as names, sign::AuthError, time};
use std::borrow::Cow;

/// Why a request is refused: what the error document will say, and headers that go with it.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    ec: &'static str,
    message: Cow<'static, str>,
    extra: Vec<(&'static str, String)>,
    /// Elements of `AccessDeniedDetail`.
    detail: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Status and code of a fault that was asked for; they need not be the service's.
    injected: Option<Injected>,
}

impl Failure {
    pub(crate) fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            ec: code.ec(),
            message: Cow::Borrowed(code.message()),
            extra: Vec::new(),
            detail: Vec::new(),
            headers: Vec::new(),
            injected: None,
        }))
    }

    /// An error that somebody wants to see.
    pub(crate) fn injected(injected: Injected) -> Self {
        let known = Code::from_name(&injected.code);
        let mut failure = Self::new(known.unwrap_or(Code::InternalError));
        if known.is_none() {
            failure = failure.message("This error was asked for by a fault rule.");
        }
        failure.0.injected = Some(injected);
        failure
    }

    /// An argument with a bad value.
    pub(crate) fn argument(name: &'static str, value: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument)
            .with("ArgumentName", name)
            .with("ArgumentValue", value)
    }

    pub(crate) fn ec(mut self, ec: &'static str) -> Self {
        self.0.ec = ec;
        self
    }

    pub(crate) fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds an element to the document.
    pub(crate) fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.extra.push((name, text.into()));
        self
    }

    /// Adds an element to the document's `AccessDeniedDetail`.
    pub(crate) fn detail(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.detail.push((name, text.into()));
        self
    }

    /// Elements of the document's `AccessDeniedDetail`.
    pub(crate) fn details(&self) -> &[(&'static str, String)] {
        &self.0.detail
    }

    /// Adds a header to the response.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        let header = (HeaderName::from_static(name), value.into());
        self.0.headers.push(header);
        self
    }

    /// Names the delete marker that was found instead of an object.
    fn of_marker(self, marker: VersionId) -> Self {
        let marked = self.header(names::DELETE_MARKER, HeaderValue::from_static("true"));
        match HeaderValue::try_from(marker.to_string()) {
            Ok(version) => marked.header(names::VERSION_ID, version),
            Err(_) => marked,
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        let injected = self.0.injected.as_ref();
        let injected = injected.and_then(|error| StatusCode::from_u16(error.status).ok());
        injected.unwrap_or_else(|| self.0.code.status())
    }

    /// The word in the `Code` element.
    pub(crate) fn name(&self) -> &str {
        let injected = self.0.injected.as_ref();
        injected.map_or(self.0.code.name(), |error| &error.code)
    }

    pub(crate) fn ec_text(&self) -> &'static str {
        self.0.ec
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// The document's own elements; those that only the request knows are added for codes that
    /// want them.
    pub(crate) fn elements(
        self,
        bucket: Option<&str>,
        key: Option<&str>,
        upload_id: Option<&str>,
    ) -> Vec<(&'static str, String)> {
        let mut extra = self.0.extra;
        let mut add = |name, value: Option<&str>| {
            if extra.iter().all(|(present, _)| *present != name) {
                extra.extend(value.map(|value| (name, value.to_owned())));
            }
        };
        match self.0.code {
            Code::NoSuchBucket | Code::BucketNotEmpty | Code::BucketAlreadyExists => {
                add("BucketName", bucket);
            }
            Code::InvalidBucketName => add("BucketName", bucket),
            Code::NoSuchKey | Code::NoSuchVersion => add("Key", key),
            Code::InvalidObjectName => add("ObjectName", key),
            Code::NoSuchUpload | Code::InvalidPart => add("UploadId", upload_id),
            _ => {}
        }
        extra
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchBucket => Self::new(Code::NoSuchBucket),
            StoreError::BucketNotEmpty => Self::new(Code::BucketNotEmpty),
            StoreError::BucketDiffers => Self::new(Code::BucketAlreadyExists)
                .message("The bucket exists with another storage class or redundancy type."),
            StoreError::NoSuchKey => Self::new(Code::NoSuchKey),
            StoreError::NoSuchVersion => Self::new(Code::NoSuchVersion),
            StoreError::Deleted { marker } => Self::new(Code::NoSuchKey).of_marker(marker),
            StoreError::IsDeleteMarker { marker } => Self::new(Code::MethodNotAllowed)
                .ec("0017-00000002")
                .header("allow", HeaderValue::from_static("DELETE"))
                .of_marker(marker),
            StoreError::NotSequential => Self::new(Code::PartNotSequential),
            StoreError::Sealed => Self::new(Code::AppendSealedObjectNotAllowed),
            StoreError::NoSuchUpload => Self::new(Code::NoSuchUpload),
            StoreError::Exists => Self::new(Code::FileAlreadyExists),
            StoreError::NotAppendable => Self::new(Code::ObjectNotAppendable),
            StoreError::WrongPosition { length, crc64 } => {
                Self::new(Code::PositionNotEqualToLength)
                    .header(names::NEXT_APPEND_POSITION, length)
                    .header(names::CRC64, crc64)
            }
            StoreError::InvalidPart { number } => {
                Self::new(Code::InvalidPart).with("PartNumber", number.to_string())
            }
            StoreError::PartTooSmall { number, size, etag } => Self::new(Code::EntityTooSmall)
                .with("ETag", etag)
                .with("MinSizeAllowed", crate::store::MIN_PART_BYTES.to_string())
                .with("ProposedSize", size.to_string())
                .with("PartNumber", number.to_string()),
            StoreError::TooLarge => Self::new(Code::EntityTooLarge),
            StoreError::Full => Self::new(Code::InternalError)
                .message("The disk that holds the data directory is full."),
            StoreError::Changed => Self::new(Code::ServiceUnavailable)
                .message("The object changed while it was read. Please try again."),
            error @ (StoreError::Unusable(_)
            | StoreError::Io(_)
            | StoreError::Corrupt(_)
            | StoreError::Closed) => {
                tracing::error!(%error, "the store failed");
                Self::new(Code::InternalError)
            }
        }
    }
}

/// Bytes as upper-case hex pairs, each with a space after it.
fn hex_pairs(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02X} ");
        out
    })
}

impl Failure {
    /// A signature that is refused; `id` is the key's id, if the request got as far as naming one.
    pub(crate) fn of_auth(error: AuthError, id: Option<&str>) -> Self {
        let base = Self::new(error.code())
            .ec(error.ec())
            .message(error.to_string());
        match error {
            AuthError::UnsupportedType { value } => base
                .with("ArgumentName", "Authorization")
                .with("ArgumentValue", value),
            AuthError::MalformedUrl { parameter, .. } => base.with("ArgumentName", parameter),
            AuthError::WrongRegion { region } => base
                .with("ArgumentName", "Region")
                .with("ArgumentValue", region),
            AuthError::Skewed { request, server } => base
                .with("MaxAllowedSkewMilliseconds", "900000")
                .with("RequestTime", time::xml_time(request))
                .with("ServerTime", time::xml_time(server)),
            AuthError::Expired { expires, server } => base
                .with("Expires", time::xml_time(expires))
                .with("ServerTime", time::xml_time(server)),
            AuthError::Mismatch {
                provided,
                string_to_sign,
                canonical_request,
            } => {
                let text = String::from_utf8_lossy(&string_to_sign).into_owned();
                let base = base
                    .with("OSSAccessKeyId", id.unwrap_or_default())
                    .with("SignatureProvided", provided)
                    .with("StringToSign", text)
                    .with("StringToSignBytes", hex_pairs(&string_to_sign));
                match canonical_request {
                    Some(request) => {
                        let text = String::from_utf8_lossy(&request).into_owned();
                        base.with("CanonicalRequest", text)
                    }
                    None => base,
                }
            }
            AuthError::MalformedHeader { piece } => base.with("ArgumentName", piece),
            AuthError::NoDate | AuthError::AdditionalHeaderAbsent { .. } => base,
        }
    }
}
