//! Signatures of calls: RPC's HMAC-SHA1 in the parameters, and ACS3-HMAC-SHA256 in the header.

use super::{fault::Fault, parameters::Parameters};
use crate::{
    auth::Account,
    http::{State, unix_seconds},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::request::Parts;
use ossplit_protocol::{code::Code, encode, sign::MAX_SKEW_SECONDS, time};
use ring::{digest, hmac};
use std::{fmt::Write as _, sync::Arc};
use subtle::ConstantTimeEq as _;

const ACS3: &str = "ACS3-HMAC-SHA256";

fn mismatch() -> Fault {
    Fault::new(
        400,
        "SignatureDoesNotMatch",
        "Specified signature does not match our calculation.",
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn encoded(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (encode::component(name), encode::component(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn check_time(text: &str) -> Result<(), Fault> {
    let at = time::parse_xml_time(text).ok_or_else(|| {
        let message = "Specified time stamp or date value is not well formatted.";
        Fault::new(400, "InvalidTimeStamp.Format", message)
    })?;
    if at.abs_diff(unix_seconds()) > MAX_SKEW_SECONDS.unsigned_abs() {
        let message = "Specified time stamp or date value is expired.";
        return Err(Fault::new(400, "InvalidTimeStamp.Expired", message));
    }
    Ok(())
}

fn account(state: &State, id: &str, token: Option<&str>) -> Result<Arc<Account>, Fault> {
    let found = state.keys.account(id, token, unix_seconds());
    found.map_err(|failure| match failure.code() {
        Code::InvalidAccessKeyId => Fault::new(
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        ),
        Code::SecurityTokenExpired => Fault::new(
            400,
            "InvalidSecurityToken.Expired",
            "Specified SecurityToken is expired.",
        ),
        _ => Fault::new(
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
            "Specified SecurityToken mismatch with the AccessKey.",
        ),
    })
}

/// What RPC signs.
fn rpc_string(method: &str, parameters: &[(String, String)]) -> String {
    let signed: Vec<(String, String)> = parameters
        .iter()
        .filter(|(name, _)| name != "Signature")
        .cloned()
        .collect();
    let canonical = encode::component(&encoded(&signed));
    format!("{method}&%2F&{canonical}")
}

fn rpc(state: &State, head: &Parts, parameters: &Parameters) -> Result<Arc<Account>, Fault> {
    let id = parameters.need("AccessKeyId")?;
    let signature = parameters.need("Signature")?;
    parameters.need("SignatureNonce")?;
    if parameters.get("SignatureMethod").unwrap_or("HMAC-SHA1") != "HMAC-SHA1" {
        return Err(Fault::parameter("SignatureMethod"));
    }
    check_time(parameters.need("Timestamp")?)?;
    let account = account(state, id, parameters.get("SecurityToken"))?;
    let secret = format!("{}&", account.key.secret);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let string = rpc_string(head.method.as_str(), parameters.all());
    let expected = STANDARD.encode(hmac::sign(&key, string.as_bytes()));
    if bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
        Ok(account)
    } else {
        Err(mismatch())
    }
}

/// The canonical request of ACS3.
fn acs3_request(head: &Parts, body: &[u8], query: &[(String, String)], names: &str) -> String {
    let headers = names.split(';').fold(String::new(), |mut out, name| {
        let value = head.headers.get(name);
        let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
        let _ = writeln!(out, "{name}:{}", value.trim());
        out
    });
    format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        head.method,
        head.uri.path(),
        encoded(query),
        hex(digest::digest(&digest::SHA256, body).as_ref())
    )
}

fn acs3(
    state: &State,
    head: &Parts,
    body: &[u8],
    query: &[(String, String)],
    value: &str,
) -> Result<Arc<Account>, Fault> {
    let piece = |name: &str| {
        let mut pieces = value.split(',').map(str::trim);
        pieces.find_map(|piece| piece.strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(id), Some(names), Some(signature)) = (
        piece("Credential"),
        piece("SignedHeaders"),
        piece("Signature"),
    ) else {
        let message = "The Authorization header is incomplete.";
        return Err(Fault::new(400, "IncompleteSignature", message));
    };
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    check_time(text("x-acs-date").unwrap_or_default())?;
    let account = account(state, id, text("x-acs-security-token"))?;
    let request = acs3_request(head, body, query, names);
    let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let key = hmac::Key::new(hmac::HMAC_SHA256, account.key.secret.as_bytes());
    let expected = hex(hmac::sign(&key, format!("{ACS3}\n{hash}").as_bytes()).as_ref());
    if bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
        Ok(account)
    } else {
        Err(mismatch())
    }
}

/// Whose call it is.
pub(super) fn caller(
    state: &State,
    head: &Parts,
    body: &[u8],
    parameters: &Parameters,
) -> Result<Arc<Account>, Fault> {
    let authorization = head.headers.get(http::header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    match authorization.and_then(|value| value.strip_prefix(ACS3)) {
        Some(rest) => acs3(state, head, body, &parameters.query, rest.trim()),
        None => rpc(state, head, parameters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_signs_as_the_page_shows() {
        // The example of the page "Request syntax and signature method V2 for RPC APIs".
        let parameters = [
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("Format", "XML"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Version", "2014-05-26"),
            ("Signature", "whatever"),
        ];
        let parameters: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let string = rpc_string("GET", &parameters);
        assert_eq!(
            string,
            "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
        );
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"testsecret&");
        let signature = STANDARD.encode(hmac::sign(&key, string.as_bytes()));
        assert_eq!(signature, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }
}
