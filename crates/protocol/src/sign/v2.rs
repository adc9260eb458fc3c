//! Signature V2 (`OSS2`): only old SDKs, and programs written for them, send it.

use super::{Key, Request, v1};
use crate::encode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use sha2::Sha256;

/// The string to sign. `date` is the `Date` header, or the expiry number in the URL form;
/// `additional` are the additional headers, lower-case and sorted.
pub(super) fn string_to_sign(request: &Request<'_>, date: &[u8], additional: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(request.method.as_bytes());
    for part in [
        request.header("content-md5"),
        request.header("content-type"),
        date,
    ] {
        out.push(b'\n');
        out.extend_from_slice(part);
    }
    out.push(b'\n');
    out.extend(request.canonical_headers(|name| {
        name.starts_with("x-oss-") || additional.iter().any(|wanted| wanted == name)
    }));
    out.extend_from_slice(additional.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(encode::component(&request.resource()).as_bytes());
    super::append_pairs(&mut out, b"?", &super::encoded_query(request));
    out
}

pub(super) fn signature(secret: &str, string_to_sign: &[u8]) -> String {
    STANDARD.encode(super::hmac::<hmac::Hmac<Sha256>>(
        secret.as_bytes(),
        string_to_sign,
    ))
}

/// Adds `Date` (when neither it nor `x-oss-date` is there), the token and `Authorization`. Signs no additional headers.
pub fn sign_header(
    method: &str,
    bucket: Option<&str>,
    object: Option<&str>,
    query: &[(String, String)],
    headers: &mut HeaderMap,
    key: &Key,
    unix_seconds: i64,
) -> Result<(), http::header::InvalidHeaderValue> {
    v1::add_token_and_date(headers, key, unix_seconds)?;
    let request = Request {
        method,
        bucket,
        key: object,
        query,
        headers,
    };
    let string = string_to_sign(&request, v1::date_line(&request), &[]);
    let mut value = HeaderValue::from_str(&format!(
        "OSS2 AccessKeyId:{},Signature:{}",
        key.id,
        signature(&key.secret, &string)
    ))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// The query of a URL that is signed until `expires` (unix seconds): the parameters given, and the
/// signature's own.
pub fn presign(request: &Request<'_>, key: &Key, expires: i64) -> Vec<(String, String)> {
    let mut query = request.query.to_vec();
    if let Some(token) = &key.token {
        query.push(("security-token".into(), token.clone()));
    }
    query.push(("x-oss-signature-version".into(), "OSS2".into()));
    query.push(("x-oss-expires".into(), expires.to_string()));
    query.push(("x-oss-access-key-id".into(), key.id.clone()));
    let string = string_to_sign(
        &Request {
            query: &query,
            ..*request
        },
        expires.to_string().as_bytes(),
        &[],
    );
    query.push(("x-oss-signature".into(), signature(&key.secret, &string)));
    query
}
