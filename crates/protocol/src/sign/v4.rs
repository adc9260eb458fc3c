//! Signature V4: `OSS4-HMAC-SHA256`.
//!
//! Neither the range nor the payload is signed, so the headers signed for a GET of one key serve
//! every range of it for [`super::MAX_SKEW_SECONDS`].

use super::{Key, Request, lower_hex};
use crate::{encode, headers as names, time};
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

/// The algorithm's name, first word of `Authorization` and of the string to sign.
pub const ALGORITHM: &str = "OSS4-HMAC-SHA256";
/// The only payload hash that the service takes.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// A signed URL lives at most this long, in seconds.
pub const MAX_EXPIRES_SECONDS: i64 = 7 * 24 * 3600;

/// Day, region and product of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub day: String,
    /// `cn-hangzhou`, with no `oss-` before it; the cloud box's id for cloud boxes.
    pub region: String,
    /// `oss`, or `oss-cloudbox`.
    pub product: String,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}/{}/aliyun_v4_request",
            self.day, self.region, self.product
        )
    }
}

/// A key derived for one scope. Deriving costs four HMACs and depends only on (secret, scope):
/// keep it for the day.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// Derives the key for `scope`.
    pub fn derive(secret: &str, scope: &Scope) -> Self {
        let mut key = format!("aliyun_v4{secret}").into_bytes();
        for part in [
            &scope.day,
            &scope.region,
            &scope.product,
            "aliyun_v4_request",
        ] {
            key = super::hmac::<hmac::Hmac<Sha256>>(&key, part.as_bytes());
        }
        Self(key)
    }

    pub(super) fn sign(&self, string_to_sign: &[u8]) -> String {
        lower_hex(&super::hmac::<hmac::Hmac<Sha256>>(&self.0, string_to_sign))
    }
}

fn is_default_signed(name: &str) -> bool {
    name == "content-type" || name == "content-md5" || name.starts_with("x-oss-")
}

/// Keeps of `wanted` those headers that are present and not signed anyway, lower-case and sorted.
fn additional_headers(wanted: &[&str], headers: &HeaderMap) -> Vec<String> {
    let mut out: Vec<String> = wanted
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .filter(|name| !is_default_signed(name) && headers.contains_key(name.as_str()))
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The canonical request; `additional` are lower-case and sorted.
pub(super) fn canonical_request(request: &Request<'_>, additional: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(encode::path(&request.resource()).as_bytes());
    out.push(b'\n');
    super::append_pairs(&mut out, b"", &super::encoded_query(request));
    out.push(b'\n');
    out.extend(request.canonical_headers(|name| {
        is_default_signed(name) || additional.iter().any(|wanted| wanted == name)
    }));
    out.push(b'\n');
    out.extend_from_slice(additional.join(";").as_bytes());
    out.push(b'\n');
    match request.headers.get(names::CONTENT_SHA256) {
        Some(hash) => out.extend_from_slice(hash.as_bytes()),
        None => out.extend_from_slice(UNSIGNED_PAYLOAD.as_bytes()),
    }
    out
}

/// The string to sign, from the canonical request. `date` is the date's header as it was sent.
pub(super) fn string_to_sign(canonical_request: &[u8], date: &str, scope: &Scope) -> String {
    format!(
        "{ALGORITHM}\n{date}\n{scope}\n{}",
        lower_hex(&Sha256::digest(canonical_request))
    )
}

/// Region and product that requests are signed for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// `cn-hangzhou`, or a cloud box's id.
    pub region: &'a str,
    /// `oss`, or `oss-cloudbox`.
    pub product: &'a str,
}

impl Target<'_> {
    /// The scope on the day of `unix_seconds`.
    pub fn scope(&self, unix_seconds: i64) -> Scope {
        Scope {
            day: time::day(unix_seconds),
            region: self.region.to_owned(),
            product: self.product.to_owned(),
        }
    }
}

/// What signs: the key's id and token, and the key derived for the scope.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The key; only its id and token are read.
    pub key: &'a Key,
    /// The scope that `signing_key` was derived for.
    pub scope: &'a Scope,
    /// Derived from the key's secret and the scope.
    pub signing_key: &'a SigningKey,
}

/// Adds `x-oss-date`, `x-oss-content-sha256`, the token and `Authorization` to `headers`.
/// `additional` names further headers to sign; those absent are dropped.
#[allow(
    clippy::too_many_arguments,
    reason = "a request's parts and its signer, each once"
)]
pub fn sign_header(
    method: &str,
    bucket: Option<&str>,
    object: Option<&str>,
    query: &[(String, String)],
    headers: &mut HeaderMap,
    signer: Signer<'_>,
    additional: &[&str],
    unix_seconds: i64,
) -> Result<(), http::header::InvalidHeaderValue> {
    let date = time::iso_basic(unix_seconds);
    headers.insert(names::DATE, HeaderValue::from_str(&date)?);
    headers.insert(
        names::CONTENT_SHA256,
        HeaderValue::from_static(UNSIGNED_PAYLOAD),
    );
    if let Some(token) = &signer.key.token {
        let mut value = HeaderValue::from_str(token)?;
        value.set_sensitive(true);
        headers.insert(names::SECURITY_TOKEN, value);
    }
    let additional = additional_headers(additional, headers);
    let request = Request {
        method,
        bucket,
        key: object,
        query,
        headers,
    };
    let string = string_to_sign(
        &canonical_request(&request, &additional),
        &date,
        signer.scope,
    );
    let signature = signer.signing_key.sign(string.as_bytes());
    let listed = if additional.is_empty() {
        String::new()
    } else {
        format!("AdditionalHeaders={},", additional.join(";"))
    };
    let mut value = HeaderValue::from_str(&format!(
        "{ALGORITHM} Credential={}/{},{listed}Signature={signature}",
        signer.key.id, signer.scope
    ))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// The query of a URL that is signed at `unix_seconds` and lives `expires` seconds: the parameters
/// given, and the signature's own.
pub fn presign(
    request: &Request<'_>,
    signer: Signer<'_>,
    additional: &[&str],
    unix_seconds: i64,
    expires: i64,
) -> Vec<(String, String)> {
    let date = time::iso_basic(unix_seconds);
    let additional = additional_headers(additional, request.headers);
    let mut query = request.query.to_vec();
    query.push(("x-oss-signature-version".into(), ALGORITHM.into()));
    query.push(("x-oss-date".into(), date.clone()));
    query.push(("x-oss-expires".into(), expires.to_string()));
    query.push((
        "x-oss-credential".into(),
        format!("{}/{}", signer.key.id, signer.scope),
    ));
    if let Some(token) = &signer.key.token {
        query.push(("x-oss-security-token".into(), token.clone()));
    }
    if !additional.is_empty() {
        query.push(("x-oss-additional-headers".into(), additional.join(";")));
    }
    let canonical = canonical_request(
        &Request {
            query: &query,
            ..*request
        },
        &additional,
    );
    let string = string_to_sign(&canonical, &date, signer.scope);
    query.push((
        "x-oss-signature".into(),
        signer.signing_key.sign(string.as_bytes()),
    ));
    query
}
