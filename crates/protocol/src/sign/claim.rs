//! The verifying side: what a request claims, and whether the claim holds.

use super::{
    MAX_SKEW_SECONDS, Request, Version, v1,
    v1::SubResources,
    v2,
    v4::{self, Scope, SigningKey},
};
use crate::{code::Code, headers as names, time};
use http::header;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `Authorization`: good for 15 minutes around the request's date.
    Header,
    /// In the query: good until it expires.
    Url,
}

/// What a signed request claims. Nothing in it is verified yet.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The signature's version.
    pub version: Version,
    /// Header or URL.
    pub place: Place,
    /// The key's id.
    pub access_key_id: String,
    /// The STS token that came with it.
    pub token: Option<String>,
    signature: String,
    /// The DATE line as sent.
    date: String,
    /// Unix seconds of the request's date (header) or of its end (URL).
    instant: i64,
    additional: Vec<String>,
    scope: Option<Scope>,
}

/// Why a signature is refused. [`AuthError::code`] and [`AuthError::ec`] are what the service says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The first word of `Authorization` is none we know.
    #[error("Unsupported Authorization Type")]
    UnsupportedType {
        /// The header's value (it is no secret: nothing could sign with it).
        value: String,
    },
    /// `Authorization` lacks a piece.
    #[error("Authorization header is malformed.")]
    MalformedHeader {
        /// The piece, such as `Credential`.
        piece: &'static str,
    },
    /// A signed URL lacks a piece or has a bad one.
    #[error("{message}")]
    MalformedUrl {
        /// What is wrong.
        message: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// The service's EC.
        ec: &'static str,
        /// Whether the service says 403 `AccessDenied` rather than 400 `InvalidArgument`.
        denied: bool,
    },
    /// No usable `Date` or `x-oss-date`.
    #[error("OSS authentication requires a valid Date.")]
    NoDate,
    /// A header is listed as additional and absent.
    #[error("The additional header {name} is not in the request.")]
    AdditionalHeaderAbsent {
        /// Its name.
        name: String,
    },
    /// The scope names another region or product.
    #[error("Invalid signing region in Authorization header.")]
    WrongRegion {
        /// What was sent.
        region: String,
    },
    /// The date is more than 15 minutes off.
    #[error("The difference between the request time and the current time is too large.")]
    Skewed {
        /// Unix seconds of the request.
        request: i64,
        /// Unix seconds here.
        server: i64,
    },
    /// A signed URL is over.
    #[error("Request has expired.")]
    Expired {
        /// Unix seconds of its end.
        expires: i64,
        /// Unix seconds here.
        server: i64,
    },
    /// The signature differs.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )]
    Mismatch {
        /// What was sent.
        provided: String,
        /// What should have been signed.
        string_to_sign: Vec<u8>,
        /// V4 only.
        canonical_request: Option<Vec<u8>>,
    },
}

impl AuthError {
    /// The service's error code.
    pub fn code(&self) -> Code {
        match self {
            Self::UnsupportedType { .. }
            | Self::MalformedHeader { .. }
            | Self::MalformedUrl { denied: false, .. }
            | Self::AdditionalHeaderAbsent { .. }
            | Self::WrongRegion { .. } => Code::InvalidArgument,
            Self::MalformedUrl { denied: true, .. } | Self::NoDate | Self::Expired { .. } => {
                Code::AccessDenied
            }
            Self::Skewed { .. } => Code::RequestTimeTooSkewed,
            Self::Mismatch { .. } => Code::SignatureDoesNotMatch,
        }
    }

    /// The service's EC.
    pub fn ec(&self) -> &'static str {
        match self {
            Self::UnsupportedType { .. } => "0002-00000002",
            Self::MalformedHeader { .. } => "0002-00000213",
            Self::MalformedUrl { ec, .. } => ec,
            Self::NoDate => "0002-00000001",
            Self::AdditionalHeaderAbsent { .. } => "0002-00000230",
            Self::WrongRegion { .. } => "0002-00000226",
            Self::Skewed { .. } => "0002-00000504",
            Self::Expired { .. } => "0002-00000069",
            Self::Mismatch { .. } => "0002-00000040",
        }
    }
}

/// Reads what `request` claims; `Ok(None)` when it is not signed at all (anonymous).
pub fn parse(request: &Request<'_>) -> Result<Option<Claim>, AuthError> {
    if let Some(value) = request.headers.get(header::AUTHORIZATION) {
        let value = String::from_utf8_lossy(value.as_bytes());
        return parse_header(request, value.trim()).map(Some);
    }
    match request.parameter("x-oss-signature-version") {
        Some("OSS2") => return parse_url_v2(request).map(Some),
        Some(v4::ALGORITHM) => return parse_url_v4(request).map(Some),
        Some(_) => {
            return Err(url_fault(
                "x-oss-signature-version is not known.",
                "x-oss-signature-version",
                "0002-00000221",
                false,
            ));
        }
        None => {}
    }
    if request.parameter("OSSAccessKeyId").is_some() || request.parameter("Signature").is_some() {
        return parse_url_v1(request).map(Some);
    }
    Ok(None)
}

fn url_fault(
    message: &'static str,
    parameter: &'static str,
    ec: &'static str,
    denied: bool,
) -> AuthError {
    AuthError::MalformedUrl {
        message,
        parameter,
        ec,
        denied,
    }
}

fn token_of(request: &Request<'_>) -> Option<String> {
    // The Python SDK v2 sends `security-token` in its V1 header mode.
    [names::SECURITY_TOKEN, "security-token"]
        .iter()
        .find_map(|name| request.headers.get(*name))
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .or_else(|| {
            let in_query = request.parameter(names::SECURITY_TOKEN);
            in_query
                .or_else(|| request.parameter("security-token"))
                .map(str::to_owned)
        })
        .filter(|token| !token.is_empty())
}

fn split_list(list: &str) -> Vec<String> {
    let mut out: Vec<String> = list
        .split(';')
        .map(|n| n.trim().to_ascii_lowercase())
        .filter(|n| !n.is_empty())
        .collect();
    out.sort();
    out
}

fn header_text(request: &Request<'_>, name: impl header::AsHeaderName) -> Option<String> {
    request
        .headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn parse_header(request: &Request<'_>, value: &str) -> Result<Claim, AuthError> {
    let (kind, rest) = value.split_once(' ').unwrap_or((value, ""));
    let unsupported = || AuthError::UnsupportedType {
        value: kind.to_owned(),
    };
    let date = header_text(request, names::DATE).or_else(|| header_text(request, header::DATE));
    let claim = |version, id: &str, signature: &str, date: String, instant| Claim {
        version,
        place: Place::Header,
        access_key_id: id.to_owned(),
        token: token_of(request),
        signature: signature.to_owned(),
        date,
        instant,
        additional: Vec::new(),
        scope: None,
    };
    match kind {
        "OSS" => {
            let (id, signature) = rest.trim().split_once(':').ok_or_else(unsupported)?;
            let date = date.ok_or(AuthError::NoDate)?;
            let instant = any_date(&date).ok_or(AuthError::NoDate)?;
            Ok(claim(Version::V1, id, signature, date, instant))
        }
        "OSS2" => {
            let mut id = None;
            let mut signature = None;
            let mut additional = Vec::new();
            for piece in rest.split(',') {
                match piece.trim().split_once(':') {
                    Some(("AccessKeyId", v)) => id = Some(v),
                    Some(("Signature", v)) => signature = Some(v),
                    Some(("AdditionalHeaders", v)) => additional = split_list(v),
                    _ => {}
                }
            }
            let (Some(id), Some(signature)) = (id, signature) else {
                return Err(unsupported());
            };
            let date = header_text(request, header::DATE)
                .or(date)
                .ok_or(AuthError::NoDate)?;
            let instant = any_date(&date).ok_or(AuthError::NoDate)?;
            Ok(Claim {
                additional,
                ..claim(Version::V2, id, signature, date, instant)
            })
        }
        v4::ALGORITHM => {
            let mut credential = None;
            let mut signature = None;
            let mut additional = Vec::new();
            for piece in rest.split(',') {
                match piece.trim().split_once('=') {
                    Some(("Credential", v)) => credential = Some(v),
                    Some(("Signature", v)) => signature = Some(v),
                    Some(("AdditionalHeaders", v)) => additional = split_list(v),
                    _ => {}
                }
            }
            let missing = |piece| AuthError::MalformedHeader { piece };
            let (id, scope) = credential
                .and_then(parse_credential)
                .ok_or_else(|| missing("Credential"))?;
            let signature = signature.ok_or_else(|| missing("Signature"))?;
            // As it was sent: the Go SDK 1 sends and signs a `Date` alone, which is no ISO basic.
            let date = date.ok_or(AuthError::NoDate)?;
            let instant = any_date(&date).ok_or(AuthError::NoDate)?;
            Ok(Claim {
                additional,
                scope: Some(scope),
                ..claim(Version::V4, &id, signature, date, instant)
            })
        }
        _ => Err(unsupported()),
    }
}

fn any_date(text: &str) -> Option<i64> {
    time::parse_http_date(text).or_else(|| time::parse_iso_basic(text))
}

pub(super) fn parse_credential(text: &str) -> Option<(String, Scope)> {
    let mut pieces = text.rsplitn(5, '/');
    let terminator = pieces.next()?;
    let (product, region, day, id) = (
        pieces.next()?,
        pieces.next()?,
        pieces.next()?,
        pieces.next()?,
    );
    let good = terminator == "aliyun_v4_request"
        && day.len() == 8
        && day.bytes().all(|b| b.is_ascii_digit())
        && !id.is_empty();
    let scope = Scope {
        day: day.into(),
        region: region.into(),
        product: product.into(),
    };
    good.then(|| (id.to_owned(), scope))
}

fn parse_url_v1(request: &Request<'_>) -> Result<Claim, AuthError> {
    let fault = |message, ec| url_fault(message, "Expires", ec, true);
    let expires = request.parameter("Expires").ok_or_else(|| {
        fault(
            "OSS authentication requires a valid Expires.",
            "0002-00000067",
        )
    })?;
    if expires.is_empty() {
        return Err(fault(
            "OSS authentication requires a valid Expires.",
            "0002-00000068",
        ));
    }
    let instant = expires.parse().map_err(|_| {
        fault(
            "OSS authentication requires a valid Expires.",
            "0002-00000070",
        )
    })?;
    let id = request.parameter("OSSAccessKeyId");
    let signature = request.parameter("Signature");
    let (Some(id), Some(signature)) = (id, signature) else {
        return Err(url_fault(
            "OSSAccessKeyId and Signature must both be in the URL.",
            "Signature",
            "0002-00000066",
            true,
        ));
    };
    Ok(Claim {
        version: Version::V1,
        place: Place::Url,
        access_key_id: id.to_owned(),
        token: token_of(request),
        signature: signature.to_owned(),
        date: expires.to_owned(),
        instant,
        additional: Vec::new(),
        scope: None,
    })
}

fn parse_url_v2(request: &Request<'_>) -> Result<Claim, AuthError> {
    let wanted = |name: &'static str, ec| {
        request
            .parameter(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| url_fault("A parameter of the signature is missing.", name, ec, true))
    };
    let expires = wanted("x-oss-expires", "0002-00000113")?;
    let instant = expires.parse().map_err(|_| {
        url_fault(
            "x-oss-expires must be a number.",
            "x-oss-expires",
            "0002-00000114",
            true,
        )
    })?;
    Ok(Claim {
        version: Version::V2,
        place: Place::Url,
        access_key_id: wanted("x-oss-access-key-id", "0002-00000111")?.to_owned(),
        token: token_of(request),
        signature: wanted("x-oss-signature", "0002-00000112")?.to_owned(),
        date: expires.to_owned(),
        instant,
        additional: split_list(request.parameter("x-oss-additional-headers").unwrap_or("")),
        scope: None,
    })
}

fn parse_url_v4(request: &Request<'_>) -> Result<Claim, AuthError> {
    let wanted = |name: &'static str, ec| {
        request
            .parameter(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| url_fault("A parameter of the signature is missing.", name, ec, false))
    };
    let (id, scope) =
        parse_credential(wanted("x-oss-credential", "0002-00000223")?).ok_or_else(|| {
            url_fault(
                "x-oss-credential is malformed.",
                "x-oss-credential",
                "0002-00000224",
                false,
            )
        })?;
    let date = wanted("x-oss-date", "0002-00000227")?;
    let signed_at = time::parse_iso_basic(date).ok_or_else(|| {
        url_fault(
            "x-oss-date must be ISO 8601 basic.",
            "x-oss-date",
            "0002-00000228",
            false,
        )
    })?;
    let lifetime = wanted("x-oss-expires", "0002-00000231")?
        .parse::<i64>()
        .ok()
        .filter(|seconds| (1..=v4::MAX_EXPIRES_SECONDS).contains(seconds))
        .ok_or_else(|| {
            url_fault(
                "x-oss-expires must be between 1 and 604800 seconds.",
                "x-oss-expires",
                "0002-00000232",
                false,
            )
        })?;
    Ok(Claim {
        version: Version::V4,
        place: Place::Url,
        access_key_id: id,
        token: token_of(request),
        signature: wanted("x-oss-signature", "0002-00000225")?.to_owned(),
        date: date.to_owned(),
        instant: signed_at + lifetime,
        additional: split_list(request.parameter("x-oss-additional-headers").unwrap_or("")),
        scope: Some(scope),
    })
}

pub(super) fn equal(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Checks time, region and signature of `claim`, whose key has the secret `secret`.
///
/// `now` is unix seconds; `region` is the server's, compared with a V4 scope's.
/// The signature is compared in constant time.
pub fn verify(
    claim: &Claim,
    request: &Request<'_>,
    secret: &str,
    region: &str,
    now: i64,
) -> Result<(), AuthError> {
    let derive = |scope: &Scope| SigningKey::derive(secret, scope);
    verify_with(claim, request, secret, derive, region, now)
}

/// [`verify`] with V4 signing keys from `derive`, which may remember them: it is only asked for
/// scopes of `region`.
pub fn verify_with(
    claim: &Claim,
    request: &Request<'_>,
    secret: &str,
    derive: impl FnOnce(&Scope) -> SigningKey,
    region: &str,
    now: i64,
) -> Result<(), AuthError> {
    match claim.place {
        Place::Header if claim.instant.abs_diff(now) > MAX_SKEW_SECONDS.unsigned_abs() => {
            return Err(AuthError::Skewed {
                request: claim.instant,
                server: now,
            });
        }
        Place::Url if claim.instant < now => {
            return Err(AuthError::Expired {
                expires: claim.instant,
                server: now,
            });
        }
        Place::Header | Place::Url => {}
    }
    for name in &claim.additional {
        if !request.headers.contains_key(name.as_str()) {
            return Err(AuthError::AdditionalHeaderAbsent { name: name.clone() });
        }
    }
    let mismatch = |string_to_sign, canonical_request| AuthError::Mismatch {
        provided: claim.signature.clone(),
        string_to_sign,
        canonical_request,
    };
    match (&claim.version, &claim.scope) {
        (Version::V1, _) | (Version::V4, None) => {
            for set in [SubResources::All, SubResources::Old] {
                let string = v1::string_to_sign(request, claim.date.as_bytes(), set);
                if equal(&v1::signature(secret, &string), &claim.signature) {
                    return Ok(());
                }
            }
            let string = v1::string_to_sign(request, claim.date.as_bytes(), SubResources::All);
            Err(mismatch(string, None))
        }
        (Version::V2, _) => {
            let string = v2::string_to_sign(request, claim.date.as_bytes(), &claim.additional);
            if equal(&v2::signature(secret, &string), &claim.signature) {
                return Ok(());
            }
            Err(mismatch(string, None))
        }
        (Version::V4, Some(scope)) => {
            if scope.region != region || !scope.product.starts_with("oss") {
                return Err(AuthError::WrongRegion {
                    region: scope.region.clone(),
                });
            }
            let canonical = v4::canonical_request(request, &claim.additional);
            let string = v4::string_to_sign(&canonical, &claim.date, scope);
            let expected = derive(scope).sign(string.as_bytes());
            if equal(&expected, &claim.signature) {
                return Ok(());
            }
            Err(mismatch(string.into_bytes(), Some(canonical)))
        }
    }
}
