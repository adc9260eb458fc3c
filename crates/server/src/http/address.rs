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

/// The bucket in a Host: any name below `localhost`, below one of `domains`, or below a name of the
/// real service, which ali-oss sends as Host when its endpoint is an address.
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
        .or_else(|| {
            let named = below("aliyuncs.com")?;
            let (bucket, region) = named.rsplit_once('.')?;
            region.starts_with("oss-").then(|| bucket.to_owned())
        })
        .filter(|bucket| !bucket.is_empty())
}

impl Address {
    /// Reads a request's address. The bucket's name and the key are checked: what was read before
    /// a fault is there as well.
    pub(crate) fn parse(
        uri: &Uri,
        headers: &HeaderMap,
        domains: &[String],
    ) -> (Self, Option<Failure>) {
        let host = host(uri, headers);
        let mut address = Self {
            endpoint: host.clone(),
            host,
            ..Self::default()
        };
        let fault = address.read(uri, domains).err();
        (address, fault)
    }

    fn read(&mut self, uri: &Uri, domains: &[String]) -> Result<(), Failure> {
        let bad_bucket = || Failure::new(Code::InvalidBucketName);
        self.query = encode::parse_query(uri.query().unwrap_or(""))
            .ok_or_else(|| Failure::argument("query", "not UTF-8"))?;
        let path = uri.path().strip_prefix('/').unwrap_or(uri.path());
        let key = if let Some(bucket) = bucket_of_host(&self.host, domains) {
            let endpoint = self.host.get(bucket.len() + 1..).unwrap_or_default();
            self.endpoint = endpoint.to_owned();
            self.bucket = Some(bucket);
            path
        } else {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let bucket = encode::decode(bucket).ok_or_else(bad_bucket)?;
            self.bucket = Some(bucket.into_owned()).filter(|bucket| !bucket.is_empty());
            key
        };
        let key = encode::decode(key).ok_or_else(|| {
            Failure::new(Code::InvalidObjectName)
                .ec("0016-00000004")
                .message("The object name must be UTF-8.")
        })?;
        self.key = Some(key.into_owned()).filter(|key| !key.is_empty());
        match (&self.bucket, &self.key) {
            (Some(bucket), _) => names::check_bucket(bucket).map_err(|_| bad_bucket())?,
            // `//key` in path style names no bucket but a key.
            (None, Some(_)) => return Err(bad_bucket()),
            (None, None) => {}
        }
        let checked = self.key.as_deref().map_or(Ok(()), names::check_key);
        checked.map_err(|reason| {
            Failure::new(Code::InvalidObjectName)
                .ec(reason.ec())
                .message(reason.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: &str, path: &str) -> Result<(Option<String>, Option<String>), &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        let domains = ["oss.example.com".to_owned()];
        let (address, fault) = Address::parse(&path.parse().unwrap(), &headers, &domains);
        match fault {
            None => Ok((address.bucket, address.key)),
            Some(failure) => Err(failure.ec_text()),
        }
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "it is compared with what parsing gives"
    )]
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
        let real = "oss-cn-local.aliyuncs.com";
        assert_eq!(parse(&format!("bkt.{real}"), "/a/b"), found("bkt", "a/b"));
        assert_eq!(parse(real, "/bkt/k"), found("bkt", "k"));
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
