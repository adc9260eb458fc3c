//! How a client is set up.

use crate::{
    Addressing, CredentialsProvider, Encryption, Endpoint, Error, ErrorKind, Key, NewObject,
    Observer, credentials::StaticProvider, retry::RetryPolicy,
};
use std::{sync::Arc, time::Duration};

/// Which signature requests carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureVersion {
    /// HMAC-SHA1; needs no region.
    V1,
    /// HMAC-SHA256; needs no region. For programs that were written for it.
    V2,
    /// HMAC-SHA256 over day, region and product.
    #[default]
    V4,
}

/// What an object gets because of its key.
pub type ByKey = dyn Fn(&str) -> NewObject + Send + Sync;

/// What each object that a client writes or copies gets, unless the request says otherwise.
#[derive(Clone, Default)]
pub struct ObjectDefaults {
    /// default, private, public-read or public-read-write.
    pub acl: Option<String>,
    /// Standard, IA and so on; the bucket's otherwise.
    pub storage_class: Option<String>,
    /// Server-side encryption; the bucket's otherwise.
    pub encryption: Option<Encryption>,
    /// What an object with this key gets: a content type by its suffix, for instance. A copy that keeps its source's
    /// headers gets nothing of it.
    pub by_key: Option<Arc<ByKey>>,
}

/// `x-oss-traffic-limit`: how fast one request may go, in bits per second, 819,200 to 838,860,800 (the API page
/// *Single-connection bandwidth throttling*).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficLimits {
    /// Of requests that send an object's bytes.
    pub upload: Option<u64>,
    /// Of requests that ask for them.
    pub download: Option<u64>,
}

/// How a client is set up. Every field has a default but the endpoint.
#[derive(Clone)]
pub struct ClientConfig {
    /// Where requests go.
    pub endpoint: Endpoint,
    /// `cn-hangzhou`, or as a location `oss-cn-hangzhou`; signed in V4.
    pub region: String,
    /// Which signature.
    pub signature: SignatureVersion,
    /// Where the bucket stands.
    pub addressing: Addressing,
    /// Who signs; `None` sends anonymous requests.
    pub credentials: Option<Arc<dyn CredentialsProvider>>,
    /// How long connecting may take. 10 s by default, as in the SDKs.
    pub connect_timeout: Duration,
    /// How long a request may stand still: no byte sent, none received. 20 s by default.
    pub read_timeout: Duration,
    /// How long a call may take in all, its retries included; then it ends with [`ErrorKind::Timeout`]. A body that is read
    /// after the call has its own pace. No limit by default.
    pub call_timeout: Option<Duration>,
    /// Kept connections at most, and requests in flight at most. 256 by default.
    pub max_connections: usize,
    /// How long an unused connection is kept. 50 s by default; the service closes them at 60 s.
    pub idle_timeout: Duration,
    /// What is sent again.
    pub retry: RetryPolicy,
    /// What each new object gets.
    pub object_defaults: ObjectDefaults,
    /// How fast requests may go.
    pub traffic_limits: TrafficLimits,
    /// Say with each request that the bucket's owner need not pay for it (`x-oss-request-payer`).
    pub requester_pays: bool,
    /// Is told of every call that ended.
    pub observer: Option<Arc<dyn Observer>>,
    /// `User-Agent`.
    pub user_agent: String,
    /// Check the server's certificate. Only tests and private endpoints have reason not to.
    pub verify_tls: bool,
    /// Certificates of authorities to trust beside the system's, in PEM.
    pub ca_pem: Option<Vec<u8>>,
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConfig")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

impl ClientConfig {
    /// The defaults for an endpoint (`[http[s]://]host[:port]`) and a region.
    pub fn new(endpoint: &str, region: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(endpoint)
            .map_err(|e| Error::new(ErrorKind::InvalidInput, e.to_string()))?;
        Ok(Self {
            endpoint,
            region: region.to_owned(),
            signature: SignatureVersion::default(),
            addressing: Addressing::default(),
            credentials: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(20),
            call_timeout: None,
            max_connections: 256,
            idle_timeout: Duration::from_secs(50),
            retry: RetryPolicy::default(),
            object_defaults: ObjectDefaults::default(),
            traffic_limits: TrafficLimits::default(),
            requester_pays: false,
            observer: None,
            user_agent: format!("ossplit/{}", env!("CARGO_PKG_VERSION")),
            verify_tls: true,
            ca_pem: None,
        })
    }

    /// Signs with one key that never changes.
    #[must_use]
    pub fn with_key(self, key: Key) -> Self {
        self.with_credentials(Arc::new(StaticProvider::new(key)))
    }

    /// Signs with what a provider gives.
    #[must_use]
    pub fn with_credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.credentials = Some(provider);
        self
    }

    /// Puts the bucket there.
    #[must_use]
    pub fn with_addressing(mut self, addressing: Addressing) -> Self {
        self.addressing = addressing;
        self
    }

    /// Sends again what this says.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Ends calls that take longer than this.
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// Tells this of every call that ended.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Signs with this version.
    #[must_use]
    pub fn with_signature(mut self, version: SignatureVersion) -> Self {
        self.signature = version;
        self
    }
}
