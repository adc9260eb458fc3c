//! What went wrong, by what a caller can do about it.

use crate::Operation;
use http::HeaderMap;
use ossplit_protocol::xml::ErrorDocument;
use std::{borrow::Cow, time::Duration};

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The key is not there.
    NoSuchKey,
    /// The bucket is not there.
    NoSuchBucket,
    /// The upload id is not there (any more).
    NoSuchUpload,
    /// The bucket still holds something.
    BucketNotEmpty,
    /// The signature is wrong, the key id unknown, or the token no good.
    Unauthenticated,
    /// The key may not do this.
    AccessDenied,
    /// `If-Match` or a like condition failed.
    Precondition,
    /// `If-None-Match` or `If-Modified-Since`: nothing new.
    NotModified,
    /// `forbid_overwrite`, and the object is there; or the bucket belongs to somebody else.
    AlreadyExists,
    /// The range is past the object's end.
    InvalidRange,
    /// The append position is not the object's length, or the object can't be appended to.
    AppendConflict,
    /// The object is archived and must be restored first.
    Archived,
    /// Too many requests.
    Throttled,
    /// Nothing came in time.
    Timeout,
    /// The host's name has no address.
    Dns,
    /// Connecting failed, or the connection broke.
    Connection,
    /// The TLS handshake or certificate failed.
    Tls,
    /// The clocks differ by more than 15 minutes.
    Clock,
    /// Bytes differ from their CRC64.
    Corrupt,
    /// The request can't be sent as it is.
    InvalidInput,
    /// The service refused it for another reason of the caller's (4xx).
    Refused,
    /// The service failed (5xx), or answered what no OSS answers.
    Server,
}

impl ErrorKind {
    /// Whether the same request may succeed later.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Throttled
            | Self::Timeout
            | Self::Dns
            | Self::Connection
            | Self::Clock
            | Self::Corrupt
            | Self::Server => true,
            Self::NoSuchKey
            | Self::NoSuchBucket
            | Self::NoSuchUpload
            | Self::BucketNotEmpty
            | Self::Unauthenticated
            | Self::AccessDenied
            | Self::Precondition
            | Self::NotModified
            | Self::AlreadyExists
            | Self::InvalidRange
            | Self::AppendConflict
            | Self::Archived
            | Self::Tls
            | Self::InvalidInput
            | Self::Refused => false,
        }
    }

    fn of_service(status: u16, code: &str) -> Self {
        match (status, code) {
            (_, "NoSuchKey" | "SymlinkTargetNotExist" | "NoSuchVersion") => Self::NoSuchKey,
            (_, "NoSuchBucket") => Self::NoSuchBucket,
            (_, "NoSuchUpload") => Self::NoSuchUpload,
            (_, "BucketNotEmpty") => Self::BucketNotEmpty,
            (
                _,
                "SignatureDoesNotMatch"
                | "InvalidAccessKeyId"
                | "InvalidSecurityToken"
                | "SecurityTokenExpired"
                | "AccessKeyIdAndSecurityTokenNotMatch",
            ) => Self::Unauthenticated,
            (_, "RequestTimeTooSkewed") => Self::Clock,
            (_, "InvalidObjectState") => Self::Archived,
            (_, "FileAlreadyExists" | "BucketAlreadyExists") => Self::AlreadyExists,
            (
                _,
                "PositionNotEqualToLength" | "ObjectNotAppendable" | "AppendSealedObjectNotAllowed",
            ) => Self::AppendConflict,
            (_, "InvalidDigest") => Self::Corrupt,
            (_, "RequestTimeout") | (408, _) => Self::Timeout,
            (304, _) => Self::NotModified,
            (401, _) => Self::Unauthenticated,
            (403, _) => Self::AccessDenied,
            (404, _) => Self::NoSuchKey,
            (412, _) => Self::Precondition,
            (416, _) => Self::InvalidRange,
            (429 | 503, _) => Self::Throttled,
            (300..=499, _) => Self::Refused,
            _ => Self::Server,
        }
    }
}

/// An error, one pointer wide. `Display` is one sentence with what is known: operation, address,
/// the service's code, EC and request id, and the mend.
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, Default)]
struct Inner {
    kind: Option<ErrorKind>,
    message: String,
    operation: Option<Operation>,
    bucket: Option<String>,
    key: Option<String>,
    status: Option<u16>,
    code: String,
    ec: String,
    request_id: String,
    tries: u32,
    elapsed: Duration,
    next_append_position: Option<u64>,
    answer: Option<ServiceAnswer>,
}

/// What the service answered when it refused, as it came. Its document may quote the string that was signed, with a token in
/// it: `Debug` shows neither document nor headers.
#[derive(Clone)]
pub struct ServiceAnswer {
    /// All headers.
    pub headers: HeaderMap,
    /// The error document, usually XML; empty if there was none.
    pub document: Vec<u8>,
}

impl std::fmt::Debug for ServiceAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAnswer").finish_non_exhaustive()
    }
}

impl Error {
    /// An error that no service answered.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind: Some(kind),
            message: message.into(),
            ..Inner::default()
        }))
    }

    /// An error that the service answered.
    pub(crate) fn service(
        status: u16,
        document: ErrorDocument,
        next_append_position: Option<u64>,
    ) -> Self {
        Self(Box::new(Inner {
            kind: Some(ErrorKind::of_service(status, &document.code)),
            message: document.message,
            status: Some(status),
            code: document.code,
            ec: document.ec,
            request_id: document.request_id,
            next_append_position,
            ..Inner::default()
        }))
    }

    pub(crate) fn answered(mut self, answer: ServiceAnswer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    pub(crate) fn in_call(
        mut self,
        operation: Operation,
        bucket: Option<&str>,
        key: Option<&str>,
        tries: u32,
        elapsed: Duration,
    ) -> Self {
        // A HEAD whose answer carries no code: without a key only the bucket can be missing.
        if key.is_none() && self.0.kind == Some(ErrorKind::NoSuchKey) && self.0.code.is_empty() {
            self.0.kind = Some(ErrorKind::NoSuchBucket);
        }
        self.0.operation = Some(operation);
        self.0.bucket = bucket.map(str::to_owned);
        self.0.key = key.map(str::to_owned);
        self.0.tries = tries;
        self.0.elapsed = elapsed;
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind.unwrap_or(ErrorKind::Server)
    }

    /// The call that failed.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// The bucket it was about.
    pub fn bucket(&self) -> Option<&str> {
        self.0.bucket.as_deref()
    }

    /// The object it was about.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// HTTP status, if the service answered.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's code, such as `NoSuchKey`; empty if it gave none.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The service's EC; empty if it gave none.
    pub fn ec(&self) -> &str {
        &self.0.ec
    }

    /// The service's request id; empty if it gave none.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// How often the request was sent.
    pub fn tries(&self) -> u32 {
        self.0.tries
    }

    /// How long all tries took.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Where the next append must begin, on [`ErrorKind::AppendConflict`].
    pub fn next_append_position(&self) -> Option<u64> {
        self.0.next_append_position
    }

    /// What the service answered, if it refused.
    pub fn answer(&self) -> Option<&ServiceAnswer> {
        self.0.answer.as_ref()
    }

    /// What the user can do, where we know.
    fn mend(&self) -> Option<Cow<'static, str>> {
        if self.kind() == ErrorKind::AccessDenied {
            return Some(self.policy().map_or(
                Cow::Borrowed("grant this action on this resource to the key"),
                |policy| format!("a RAM policy with this statement grants it: {policy}").into(),
            ));
        }
        Some(Cow::Borrowed(match (self.kind(), self.code()) {
            (ErrorKind::Dns, _) => "check the endpoint's spelling and the resolver",
            (ErrorKind::Tls, _) => {
                "check the endpoint's certificate, the CA store, and whether the endpoint speaks TLS at all"
            }
            (ErrorKind::Clock, _) => "set the clock: requests may be 15 minutes off at most",
            // Region of the credential's scope.
            (_, "InvalidArgument") if self.ec() == "0002-00000226" => {
                "set the region to that of the endpoint"
            }
            (_, "InvalidAccessKeyId") => "the AccessKey id is unknown or disabled: check it",
            (_, "SignatureDoesNotMatch") => {
                "the AccessKey secret does not fit the id (or, in V4, the region): check both"
            }
            (_, "SecurityTokenExpired" | "InvalidSecurityToken") => {
                "the STS token is over: get a new one"
            }
            (ErrorKind::NoSuchBucket, _) => {
                "check the bucket's name and that the endpoint is of its region"
            }
            (ErrorKind::Archived, _) => "restore the object first (ossutil restore)",
            (ErrorKind::Connection | ErrorKind::Timeout, _) => {
                "check the endpoint, its port and the network"
            }
            _ => return None,
        }))
    }

    /// The statement of a RAM policy that would have let the call through (the RAM page "RAM policies": listing needs
    /// `oss:ListObjects` on the bucket, everything else its own action on the object). `None` where the action has
    /// another name than the call.
    fn policy(&self) -> Option<String> {
        let bucket = self.bucket()?;
        let action = match self.operation()? {
            Operation::ListObjects | Operation::ListObjectsV2 => "ListObjects",
            Operation::GetObject | Operation::HeadObject | Operation::GetObjectMeta => "GetObject",
            Operation::PutObject
            | Operation::AppendObject
            | Operation::CopyObject
            | Operation::InitiateMultipartUpload
            | Operation::UploadPart
            | Operation::UploadPartCopy
            | Operation::CompleteMultipartUpload => "PutObject",
            Operation::AbortMultipartUpload => "AbortMultipartUpload",
            Operation::DeleteObject | Operation::DeleteMultipleObjects => "DeleteObject",
            _ => return None,
        };
        let below = if action == "ListObjects" { "" } else { "/*" };
        Some(format!(
            r#"{{"Effect":"Allow","Action":"oss:{action}","Resource":"acs:oss:*:*:{bucket}{below}"}}"#
        ))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = &self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{}", operation.name())?;
            match (&inner.bucket, &inner.key) {
                (Some(bucket), Some(key)) => write!(f, " oss://{bucket}/{key}")?,
                (Some(bucket), None) => write!(f, " oss://{bucket}")?,
                _ => {}
            }
            f.write_str(": ")?;
        }
        if !inner.code.is_empty() {
            write!(f, "{}: ", inner.code)?;
        }
        f.write_str(inner.message.trim_end_matches('.'))?;
        if inner.message.is_empty() {
            write!(f, "HTTP status {}", inner.status.unwrap_or(0))?;
        }
        match (inner.ec.as_str(), inner.request_id.as_str()) {
            ("", "") => {}
            ("", request) => write!(f, " (request {request})")?,
            (ec, "") => write!(f, " (EC {ec})")?,
            (ec, request) => write!(f, " (EC {ec}, request {request})")?,
        }
        if inner.tries > 1 {
            write!(
                f,
                " after {} tries in {:.1} s",
                inner.tries,
                inner.elapsed.as_secs_f64()
            )?;
        }
        self.mend().map_or(Ok(()), |mend| write!(f, "; {mend}"))
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {self}", self.kind())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_sentence_with_the_mend() {
        let document = ErrorDocument {
            code: "NoSuchBucket".into(),
            message: "The specified bucket does not exist.".into(),
            request_id: "R".into(),
            ec: "0015-00000101".into(),
            ..ErrorDocument::default()
        };
        let error = Error::service(404, document, None).in_call(
            Operation::GetObject,
            Some("b"),
            Some("k"),
            1,
            Duration::ZERO,
        );
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
        assert_eq!(
            error.to_string(),
            "GetObject oss://b/k: NoSuchBucket: The specified bucket does not exist \
             (EC 0015-00000101, request R); check the bucket's name and that the endpoint is of \
             its region"
        );
    }

    #[test]
    fn a_missing_permission_comes_with_the_policy_that_grants_it() {
        let refused = |operation, key| {
            let document = ErrorDocument {
                code: "AccessDenied".into(),
                message: "You have no right to access this object".into(),
                ..ErrorDocument::default()
            };
            let error = Error::service(403, document, None);
            let error = error.in_call(operation, Some("b"), key, 1, Duration::ZERO);
            error.to_string()
        };
        let list = refused(Operation::ListObjectsV2, None);
        assert!(
            list.ends_with(
                r#"grants it: {"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:b"}"#
            ),
            "{list}"
        );
        let put = refused(Operation::UploadPart, Some("k"));
        assert!(
            put.contains(r#""oss:PutObject","Resource":"acs:oss:*:*:b/*""#),
            "{put}"
        );
        let other = refused(Operation::PutBucketWebsite, None);
        assert!(other.ends_with("grant this action on this resource to the key"));
    }

    #[test]
    fn statuses_without_a_code_have_a_kind() {
        for (status, kind) in [
            (304, ErrorKind::NotModified),
            (404, ErrorKind::NoSuchKey),
            (412, ErrorKind::Precondition),
            (416, ErrorKind::InvalidRange),
            (418, ErrorKind::Refused),
            (500, ErrorKind::Server),
            (503, ErrorKind::Throttled),
        ] {
            assert_eq!(
                Error::service(status, ErrorDocument::default(), None).kind(),
                kind
            );
        }
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
