//! Signature V2 (`OSS2`): only old SDKs send it. A server verifies it; nothing here sends it
//! outside tests.

use super::Request;
use crate::encode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
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
