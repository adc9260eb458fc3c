//! The RAM role of an ECS instance, from its metadata service in the hardened mode (IMDSv2: a
//! token first, by PUT; ECS page "Instance metadata").

use super::{Issued, Source, parse_issued};
use crate::{
    ClientConfig, Endpoint, Error, ErrorKind,
    client::of_transport,
    http::{Network, RequestBody, Transport, collect_limited},
    retry::RetryPolicy,
};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use std::{sync::Arc, time::Duration};

const PATH: &str = "/latest/meta-data/ram/security-credentials/";
/// Answers are a few hundred bytes.
const LIMIT: usize = 64 << 10;

/// Issues keys of the instance's role. Put it into [`super::Refreshing`].
pub struct EcsRole {
    transport: Arc<dyn Transport>,
    endpoint: Endpoint,
    role: Option<String>,
    retry: RetryPolicy,
}

impl EcsRole {
    /// The address of the metadata service on an ECS instance.
    pub const ADDRESS: &'static str = "http://100.100.100.200";

    /// `role` is asked for when it is `None`. `transport` must reach `endpoint`.
    pub fn new(transport: Arc<dyn Transport>, endpoint: Endpoint, role: Option<String>) -> Self {
        Self {
            transport,
            endpoint,
            role,
            retry: RetryPolicy {
                max_tries: 3,
                base: Duration::from_millis(200),
                cap: Duration::from_secs(1),
            },
        }
    }

    /// Reaches the service at `address` (usually [`Self::ADDRESS`]) by connections of its own.
    pub fn connect(address: &str, role: Option<String>) -> Result<Self, Error> {
        let mut config = ClientConfig::new(address, "")?;
        // It is on the same host: what is slower than this is not there.
        config.connect_timeout = Duration::from_secs(2);
        config.read_timeout = Duration::from_secs(5);
        let endpoint = config.endpoint.clone();
        let network = Network::new(&config).map_err(|e| of_transport(&e))?;
        Ok(Self::new(Arc::new(network), endpoint, role))
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        name: &'static str,
        value: &str,
    ) -> Result<Vec<u8>, Error> {
        let mut tries = 1;
        loop {
            let fault = |what: String| {
                let message = format!("ECS metadata {path}: {what}");
                Error::new(ErrorKind::Unauthenticated, message)
            };
            let what = match self.ask_once(method, path, name, value).await {
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((StatusCode::NOT_FOUND, _)) => {
                    return Err(fault("not there: has the instance a RAM role?".into()));
                }
                Ok((status, _)) if status.is_client_error() => {
                    return Err(fault(format!("HTTP status {status}")));
                }
                Ok((status, _)) => format!("HTTP status {status}"),
                Err(what) => what,
            };
            if tries >= self.retry.max_tries {
                return Err(fault(what));
            }
            tokio::time::sleep(self.retry.wait(tries)).await;
            tries += 1;
        }
    }

    async fn ask_once(
        &self,
        method: &Method,
        path: &str,
        name: &'static str,
        value: &str,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut value = HeaderValue::from_str(value).map_err(|e| e.to_string())?;
        value.set_sensitive(true);
        let host = self.endpoint.authority(&self.endpoint.host);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(HeaderName::from_static(name), value)
            .body(RequestBody::empty())
            .map_err(|e| e.to_string())?;
        let answer = self.transport.send(request).await;
        let (head, body) = answer.map_err(|e| e.to_string())?.into_parts();
        let body = collect_limited(body, LIMIT).await;
        Ok((head.status, body.map_err(|e| e.to_string())?))
    }

    async fn issue_key(&self) -> Result<Issued, Error> {
        let ttl = "x-aliyun-ecs-metadata-token-ttl-seconds";
        let token = self
            .ask(&Method::PUT, "/latest/api/token", ttl, "21600")
            .await?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let header = "x-aliyun-ecs-metadata-token";
        let role = if let Some(role) = &self.role {
            role.clone()
        } else {
            let roles = self.ask(&Method::GET, PATH, header, &token).await?;
            let roles = String::from_utf8_lossy(&roles).into_owned();
            let first = roles.lines().next().unwrap_or("").trim();
            if first.is_empty() {
                let message = "ECS metadata: the instance has no RAM role";
                return Err(Error::new(ErrorKind::Unauthenticated, message));
            }
            first.to_owned()
        };
        let json = self
            .ask(&Method::GET, &format!("{PATH}{role}"), header, &token)
            .await?;
        parse_issued(&json, &format!("RAM role {role}"))
    }
}

impl Source for EcsRole {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
        self.issue_key().boxed()
    }
}
