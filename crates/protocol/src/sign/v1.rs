//! Signature V1: `Authorization: OSS id:base64(HMAC-SHA1(secret, string))`.

use super::{Key, Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use sha1::Sha1;

/// Query parameters that V1 signs: the union over the official clients.
const SUB_RESOURCES: &[&str] = &[
    "accessPoint",
    "accessPointPolicy",
    "acl",
    "append",
    "asyncFetch",
    "bucketArchiveDirectRead",
    "bucketInfo",
    "callback",
    "callback-var",
    "cleanRestoredObject",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "dataPipeline",
    "delete",
    "encryption",
    "endTime",
    "group",
    "httpsConfig",
    "img",
    "inventory",
    "inventoryId",
    "legalHold",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "objectInfo",
    "objectMeta",
    "objectWorm",
    "overwriteConfig",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "publicAccessBlock",
    "qos",
    "qosInfo",
    "qosRequester",
    "quota",
    "redundancyTransition",
    "referer",
    "regionList",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "requesterQosInfo",
    "resourceGroup",
    "resourcePool",
    "resourcePoolBuckets",
    "resourcePoolInfo",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "rtc",
    "seal",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "transferAcceleration",
    "uploadId",
    "uploads",
    "userDefinedLogFieldsConfig",
    "versionId",
    "versioning",
    "versions",
    "vod",
    "website",
    "worm",
    "wormExtend",
    "wormId",
];

/// Parameters that came after 2020: a client older than they are sends them unsigned.
const RECENT_SUB_RESOURCES: &[&str] = &[
    "accessPoint",
    "accessPointPolicy",
    "bucketArchiveDirectRead",
    "cleanRestoredObject",
    "cloudboxes",
    "dataPipeline",
    "httpsConfig",
    "legalHold",
    "metaQuery",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "objectWorm",
    "overwriteConfig",
    "policyStatus",
    "publicAccessBlock",
    "qosRequester",
    "quota",
    "redundancyTransition",
    "regionList",
    "requesterQosInfo",
    "resourceGroup",
    "resourcePool",
    "resourcePoolBuckets",
    "resourcePoolInfo",
    "retention",
    "rtc",
    "seal",
    "style",
    "styleName",
    "userDefinedLogFieldsConfig",
];

/// Which sub-resources a verifier takes as signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubResources {
    /// The union of what clients sign.
    All,
    /// Without those introduced after 2020.
    Old,
}

fn is_signed(name: &str, set: SubResources) -> bool {
    if name.starts_with("x-oss-") {
        return true;
    }
    SUB_RESOURCES.binary_search(&name).is_ok()
        && (set == SubResources::All || !RECENT_SUB_RESOURCES.contains(&name))
}

/// The string to sign. `date` is the DATE line: a date in the header form, the `Expires` number in
/// the URL form.
pub(super) fn string_to_sign(request: &Request<'_>, date: &[u8], set: SubResources) -> Vec<u8> {
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
    out.extend(request.canonical_headers(|name| name.starts_with("x-oss-")));
    out.extend_from_slice(request.resource().as_bytes());
    let mut pairs: Vec<_> = request
        .query
        .iter()
        .filter(|(n, _)| is_signed(n, set))
        .collect();
    pairs.sort();
    let pairs: Vec<(&str, &str)> = pairs
        .into_iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    super::append_pairs(&mut out, b"?", &pairs);
    out
}

pub(super) fn signature(secret: &str, string_to_sign: &[u8]) -> String {
    STANDARD.encode(super::hmac::<hmac::Hmac<Sha1>>(
        secret.as_bytes(),
        string_to_sign,
    ))
}

/// Adds `Date` (when neither it nor `x-oss-date` is there), the token and `Authorization`.
///
/// `request.headers` must be `headers` as they are before the call; the caller passes both because
/// signing changes them. `unix_seconds` is the time of the request.
pub fn sign_header(
    method: &str,
    bucket: Option<&str>,
    object: Option<&str>,
    query: &[(String, String)],
    headers: &mut HeaderMap,
    key: &Key,
    unix_seconds: i64,
) -> Result<(), http::header::InvalidHeaderValue> {
    add_token_and_date(headers, key, unix_seconds)?;
    let request = Request {
        method,
        bucket,
        key: object,
        query,
        headers,
    };
    let string = string_to_sign(&request, date_line(&request), SubResources::All);
    let mut value = HeaderValue::from_str(&format!(
        "OSS {}:{}",
        key.id,
        signature(&key.secret, &string)
    ))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// What V1 and V2 add before they sign.
pub(super) fn add_token_and_date(
    headers: &mut HeaderMap,
    key: &Key,
    unix_seconds: i64,
) -> Result<(), http::header::InvalidHeaderValue> {
    if let Some(token) = &key.token {
        let mut value = HeaderValue::from_str(token)?;
        value.set_sensitive(true);
        headers.insert(crate::headers::SECURITY_TOKEN, value);
    }
    if !headers.contains_key(crate::headers::DATE) && !headers.contains_key(header::DATE) {
        headers.insert(
            header::DATE,
            HeaderValue::from_str(&crate::time::http_date(unix_seconds))?,
        );
    }
    Ok(())
}

/// The DATE line of a header-signed request: `x-oss-date` if it is there, else `Date`.
pub(super) fn date_line<'a>(request: &Request<'a>) -> &'a [u8] {
    let own = request.headers.get(crate::headers::DATE);
    own.or_else(|| request.headers.get(header::DATE))
        .map_or(b"", |value| value.as_bytes())
}

/// The query of a URL that is signed until `expires` (unix seconds): the parameters given, and the
/// signature's own.
pub fn presign(request: &Request<'_>, key: &Key, expires: i64) -> Vec<(String, String)> {
    let mut query = request.query.to_vec();
    if let Some(token) = &key.token {
        query.push(("security-token".into(), token.clone()));
    }
    let string = string_to_sign(
        &Request {
            query: &query,
            ..*request
        },
        expires.to_string().as_bytes(),
        SubResources::All,
    );
    query.push(("OSSAccessKeyId".into(), key.id.clone()));
    query.push(("Expires".into(), expires.to_string()));
    query.push(("Signature".into(), signature(&key.secret, &string)));
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_agree() {
        assert!(SUB_RESOURCES.is_sorted());
        for name in RECENT_SUB_RESOURCES {
            assert!(SUB_RESOURCES.contains(name), "{name}");
        }
    }
}
