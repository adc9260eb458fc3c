//! Which bucket and key a request names: in its path, or its bucket in the Host.

use crate::failure::Failure;
use http::{HeaderMap, Uri, header};
use ossplit_protocol::{code::Code, encode, names};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    /// The bucket.
    pub(crate) bucket: Option<String>,
    /// The key, decoded.
    pub(crate) key: Option<String>,
    /// Query parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The Host as sent.
    pub(crate) host: String,
    /// The Host without the bucket.
    pub(crate) endpoint: String,
}

/// The Host of a request, as sent.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> String {
    let sent = headers.get(header::HOST);
    let sent = sent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    sent.or_else(|| uri.authority().map(ToString::to_string))
        .unwrap_or_default()
}

/// The bucket in a Host, and how many bytes of the Host it takes with its dot: any name below
/// `localhost` or below one of `domains`.
fn bucket_of_host(host: &str, domains: &[String]) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let below = |domain: &str| Some(name.strip_suffix(domain)?.strip_suffix('.')?.to_owned());
    domains
        .iter()
        .find_map(|domain| below(domain))
        .or_else(|| below("localhost"))
        .filter(|bucket| !bucket.is_empty())
}

impl Address {
    /// Reads a request's address. The bucket's name and the key are checked.
    pub(crate) fn parse(
        uri: &Uri,
        headers: &HeaderMap,
        domains: &[String],
    ) -> Result<Self, (Self, Failure)> {
        let host = host(uri, headers);
        let mut address = Self {
            endpoint: host.clone(),
            host,
            ..Self::default()
        };
        let not_utf8 = || {
            Failure::new(Code::InvalidObjectName)
                .ec("0016-00000004")
                .message("The object name must be UTF-8.")
        };
        let Some(query) = encode::parse_query(uri.query().unwrap_or("")) else {
            return Err((address, Failure::argument("query", "not UTF-8")));
        };
        address.query = query;
        let path = uri.path().strip_prefix('/').unwrap_or(uri.path());
        let key = if let Some(bucket) = bucket_of_host(&address.host, domains) {
            let cut = bucket.len() + 1;
            address.endpoint = address.host.get(cut..).unwrap_or_default().to_owned();
            address.bucket = Some(bucket);
            path
        } else {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let Some(bucket) = encode::decode(bucket) else {
                return Err((address, Failure::new(Code::InvalidBucketName)));
            };
            address.bucket = Some(bucket.into_owned()).filter(|bucket| !bucket.is_empty());
            key
        };
        let Some(key) = encode::decode(key) else {
            return Err((address, not_utf8()));
        };
        address.key = Some(key.into_owned()).filter(|key| !key.is_empty());
        if let Some(bucket) = &address.bucket
            && names::check_bucket(bucket).is_err()
        {
            return Err((address, Failure::new(Code::InvalidBucketName)));
        }
        // `//key` in path style names no bucket but a key.
        if address.bucket.is_none() && address.key.is_some() {
            return Err((address, Failure::new(Code::InvalidBucketName)));
        }
        if let Some(key) = &address.key
            && let Err(reason) = names::check_key(key)
        {
            let failure = Failure::new(Code::InvalidObjectName)
                .ec(reason.ec())
                .message(reason.to_string());
            return Err((address, failure));
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: &str, path: &str) -> Result<(Option<String>, Option<String>), &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        let domains = ["oss.example.com".to_owned()];
        match Address::parse(&path.parse().unwrap(), &headers, &domains) {
            Ok(address) => Ok((address.bucket, address.key)),
            Err((_, failure)) => Err(failure.ec_text()),
        }
    }

    fn found(bucket: &str, key: &str) -> Result<(Option<String>, Option<String>), &'static str> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok((some(bucket), some(key)))
    }

    #[test]
    fn buckets_are_in_the_path_or_in_the_host() {
        assert_eq!(parse("127.0.0.1:9000", "/"), found("", ""));
        assert_eq!(parse("127.0.0.1:9000", "/bkt"), found("bkt", ""));
        assert_eq!(parse("127.0.0.1:9000", "/bkt/"), found("bkt", ""));
        assert_eq!(parse("localhost", "/bkt/a%2Fb%20c"), found("bkt", "a/b c"));
        assert_eq!(parse("x", "/bkt//a"), Err("0016-00000005"));
        assert_eq!(parse("x", "/bkt/a//b/../c"), found("bkt", "a//b/../c"));
        assert_eq!(parse("bkt.localhost:9000", "/a/b"), found("bkt", "a/b"));
        assert_eq!(parse("BKT.LocalHost.:9000", "/"), found("bkt", ""));
        assert_eq!(parse("bkt.oss.example.com", "/k"), found("bkt", "k"));
        assert_eq!(parse("oss.example.com", "/bkt/k"), found("bkt", "k"));
        assert_eq!(
            parse("a.b.localhost", "/k"),
            Err(Code::InvalidBucketName.ec())
        );
        assert_eq!(parse("x", "/B_x/k"), Err(Code::InvalidBucketName.ec()));
        assert_eq!(parse("x", "//k"), Err(Code::InvalidBucketName.ec()));
        assert_eq!(parse("x", "/bkt/%FF"), Err("0016-00000004"));
        assert_eq!(parse("[::1]:9000", "/bkt/k"), found("bkt", "k"));
    }
}
