//! Signing of outgoing requests, with what can be kept kept: the V4 key of the day, and the signed
//! headers of an object that is read range by range (the range is not signed, so one signature
//! serves all ranges of a key for 15 minutes).

use crate::{ClientConfig, Key, SignatureVersion};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::InvalidHeaderValue};
use ossplit_protocol::sign::{
    self, v1, v2,
    v4::{self, Scope, Signer, SigningKey, Target},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Signed headers are used this long, in seconds; the service takes them for 15 minutes.
const KEEP_SECONDS: i64 = 300;
/// Objects whose signed headers are kept.
const KEEP_OBJECTS: usize = 1024;

pub(crate) struct RequestSigner {
    version: SignatureVersion,
    region: String,
    day: Mutex<Option<Day>>,
    ranges: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Day {
    key: Arc<Key>,
    scope: Arc<Scope>,
    signing_key: Arc<SigningKey>,
}

struct Kept {
    key: Arc<Key>,
    signed_at: i64,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is signed beside the headers.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a Method,
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) query: &'a [(String, String)],
}

/// A location, `oss-cn-hangzhou`, names its region, `cn-hangzhou`.
fn region(text: &str) -> &str {
    text.strip_prefix("oss-").unwrap_or(text)
}

impl RequestSigner {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        Self {
            version: config.signature,
            region: region(&config.region).to_owned(),
            day: Mutex::new(None),
            ranges: Mutex::new(HashMap::new()),
        }
    }

    /// Signs `headers` in place. `unix_seconds` is the server's time as far as we know it.
    pub(crate) fn sign(
        &self,
        target: &Signed<'_>,
        headers: &mut HeaderMap,
        key: &Arc<Key>,
        unix_seconds: i64,
    ) -> Result<(), InvalidHeaderValue> {
        let method = target.method.as_str();
        match self.version {
            SignatureVersion::V1 | SignatureVersion::V2 => {
                let sign = match self.version {
                    SignatureVersion::V2 => v2::sign_header,
                    _ => v1::sign_header,
                };
                sign(
                    method,
                    target.bucket,
                    target.key,
                    target.query,
                    headers,
                    key,
                    unix_seconds,
                )
            }
            SignatureVersion::V4 => {
                let day = self.day(key, unix_seconds);
                let signer = Signer {
                    key,
                    scope: &day.scope,
                    signing_key: &day.signing_key,
                };
                v4::sign_header(
                    method,
                    target.bucket,
                    target.key,
                    target.query,
                    headers,
                    signer,
                    &[],
                    unix_seconds,
                )
            }
        }
    }

    /// The query of a URL that is good for `expires` seconds from `unix_seconds` on.
    pub(crate) fn presign(
        &self,
        target: &Signed<'_>,
        headers: &HeaderMap,
        key: &Arc<Key>,
        unix_seconds: i64,
        expires: i64,
    ) -> Vec<(String, String)> {
        let request = sign::Request {
            method: target.method.as_str(),
            bucket: target.bucket,
            key: target.key,
            query: target.query,
            headers,
        };
        match self.version {
            SignatureVersion::V1 => v1::presign(&request, key, unix_seconds + expires),
            SignatureVersion::V2 => v2::presign(&request, key, unix_seconds + expires),
            SignatureVersion::V4 => {
                let day = self.day(key, unix_seconds);
                let signer = Signer {
                    key,
                    scope: &day.scope,
                    signing_key: &day.signing_key,
                };
                // Whatever headers are wanted, the request must have them.
                let all: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
                v4::presign(&request, signer, &all, unix_seconds, expires)
            }
        }
    }

    /// Signs a GET of a range, whose headers but for `Range` and `If-Match` are always the same.
    pub(crate) fn sign_range(
        &self,
        target: &Signed<'_>,
        headers: &mut HeaderMap,
        key: &Arc<Key>,
        unix_seconds: i64,
    ) -> Result<(), InvalidHeaderValue> {
        let name = format!(
            "{}/{}",
            target.bucket.unwrap_or(""),
            target.key.unwrap_or("")
        );
        if let Some(kept) = self.ranges.lock().get(&name)
            && Arc::ptr_eq(&kept.key, key)
            && (0..KEEP_SECONDS).contains(&(unix_seconds - kept.signed_at))
        {
            headers.extend(kept.headers.iter().cloned());
            return Ok(());
        }
        let before: Vec<HeaderName> = headers.keys().cloned().collect();
        self.sign(target, headers, key, unix_seconds)?;
        let added = headers.iter().filter(|(name, _)| !before.contains(name));
        let kept = Kept {
            key: Arc::clone(key),
            signed_at: unix_seconds,
            headers: added
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        };
        let mut ranges = self.ranges.lock();
        if ranges.len() >= KEEP_OBJECTS {
            ranges.clear();
        }
        ranges.insert(name, kept);
        Ok(())
    }

    /// Forgets what is kept: the clock was found wrong, or the key is refused.
    pub(crate) fn forget(&self) {
        self.ranges.lock().clear();
    }

    fn day(&self, key: &Arc<Key>, unix_seconds: i64) -> Day {
        let target = Target {
            region: &self.region,
            product: "oss",
        };
        let today = ossplit_protocol::time::day(unix_seconds);
        let mut day = self.day.lock();
        if let Some(day) = day.as_ref()
            && day.scope.day == today
            && Arc::ptr_eq(&day.key, key)
        {
            return day.clone();
        }
        let scope = target.scope(unix_seconds);
        let signing_key = Arc::new(SigningKey::derive(&key.secret, &scope));
        let fresh = Day {
            key: Arc::clone(key),
            scope: Arc::new(scope),
            signing_key,
        };
        *day = Some(fresh.clone());
        fresh
    }
}
