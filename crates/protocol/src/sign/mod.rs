//! Signatures: V1 (`OSS`), V2 (`OSS2`) and V4 (`OSS4-HMAC-SHA256`), in the header and in the URL.
//!
//! Signing and verifying share one function a version that builds the string to sign from a
//! [`Request`]; a signer sends its signature, a verifier compares it in constant time.
//! The payload is never signed: CRC64 and Content-MD5 guard it.
//!
//! A client calls `sign_header` of [`v1`], [`v2`] or [`v4`], or their `presign` twins. A server calls
//! [`parse`] to learn what a request claims, looks the key's secret up, and calls [`verify`].

mod claim;
pub mod post;
pub mod v1;
pub mod v2;
pub mod v4;

pub use claim::{AuthError, Claim, Place, parse, verify, verify_with};

use http::HeaderMap;

/// A request as the signature sees it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `PUT` and so on, upper-case.
    pub method: &'a str,
    /// The bucket, wherever the request named it (path or host).
    pub bucket: Option<&'a str>,
    /// The object key, not percent-encoded.
    pub key: Option<&'a str>,
    /// Query parameters, decoded, in any order.
    pub query: &'a [(String, String)],
    /// All headers of the request.
    pub headers: &'a HeaderMap,
}

impl Request<'_> {
    /// The first query parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// `/bucket/key`, `/bucket/` or `/`, not encoded: every version signs one of its spellings.
    fn resource(&self) -> String {
        match (self.bucket, self.key) {
            (None, _) => "/".to_owned(),
            (Some(bucket), key) => format!("/{bucket}/{}", key.unwrap_or("")),
        }
    }

    fn header(&self, name: &str) -> &[u8] {
        self.headers.get(name).map_or(b"", |value| value.as_bytes())
    }

    /// `name:value\n` for each header that `wanted` names, sorted; repeated ones joined by a comma.
    fn canonical_headers(&self, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
        let mut names: Vec<&str> = self
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(|name| wanted(name))
            .collect();
        names.sort_unstable();
        let mut out = Vec::with_capacity(names.len() * 64);
        for name in names {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            for (i, value) in self.headers.get_all(name).iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(value.as_bytes().trim_ascii());
            }
            out.push(b'\n');
        }
        out
    }
}

/// Appends pairs as `name=value`, joined by `&`, with `lead` before the first; an empty value is written
/// as the name alone.
fn append_pairs<N: AsRef<str>, V: AsRef<str>>(out: &mut Vec<u8>, lead: &[u8], pairs: &[(N, V)]) {
    for (i, (name, value)) in pairs.iter().enumerate() {
        out.extend_from_slice(if i == 0 { lead } else { b"&" });
        out.extend_from_slice(name.as_ref().as_bytes());
        if !value.as_ref().is_empty() {
            out.push(b'=');
            out.extend_from_slice(value.as_ref().as_bytes());
        }
    }
}

/// The query as V2 and V4 sign it: encoded, sorted, without the signature itself.
fn encoded_query(request: &Request<'_>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = request
        .query
        .iter()
        .filter(|(name, _)| name != "x-oss-signature")
        .map(|(name, value)| {
            (
                crate::encode::component(name),
                crate::encode::component(value),
            )
        })
        .collect();
    pairs.sort();
    pairs
}

/// A key that signs. `Debug` shows the id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// `AccessKeyId`.
    pub id: String,
    /// `AccessKeySecret`.
    pub secret: String,
    /// STS token, for temporary keys.
    pub token: Option<String>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Which signature version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HMAC-SHA1 over a few headers and the sub-resources.
    V1,
    /// HMAC-SHA256 over every query parameter; only old SDKs send it.
    V2,
    /// HMAC-SHA256 with a key derived from day, region and product.
    V4,
}

/// Header-signed requests may be this far from the server's clock, in seconds, both ways.
pub const MAX_SKEW_SECONDS: i64 = 15 * 60;

fn hmac<M: hmac::Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <M as hmac::Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn lower_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests;
