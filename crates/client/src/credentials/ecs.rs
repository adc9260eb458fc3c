//! The RAM role of an ECS instance, from its metadata service in the hardened mode (IMDSv2: a
//! token first, by PUT; ECS page "Instance metadata").

use super::{Issued, Source, parse_issued};
use crate::{
    Endpoint, Error, ErrorKind,
    http::{RequestBody, Transport, collect_limited},
};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderName, HeaderValue, Method, Request, header};
use std::sync::Arc;

const PATH: &str = "/latest/meta-data/ram/security-credentials/";
/// Answers are a few hundred bytes.
const LIMIT: usize = 64 << 10;

/// Issues keys of the instance's role. Put it into [`super::Refreshing`].
pub struct EcsRole {
    transport: Arc<dyn Transport>,
    endpoint: Endpoint,
    role: Option<String>,
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
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        name: &'static str,
        value: &str,
    ) -> Result<Vec<u8>, Error> {
        let fault = |what: String| {
            Error::new(
                ErrorKind::Unauthenticated,
                format!("ECS metadata {path}: {what}"),
            )
        };
        let mut value = HeaderValue::from_str(value).map_err(|e| fault(e.to_string()))?;
        value.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.endpoint.authority(&self.endpoint.host))
            .header(HeaderName::from_static(name), value)
            .body(RequestBody::empty())
            .map_err(|e| fault(e.to_string()))?;
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(|e| fault(e.to_string()))?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            return Err(fault(format!("HTTP status {}", head.status)));
        }
        collect_limited(body, LIMIT)
            .await
            .map_err(|e| fault(e.to_string()))
    }

    async fn issue_key(&self) -> Result<Issued, Error> {
        let ttl = "x-aliyun-ecs-metadata-token-ttl-seconds";
        let token = self
            .ask(Method::PUT, "/latest/api/token", ttl, "21600")
            .await?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let header = "x-aliyun-ecs-metadata-token";
        let role = if let Some(role) = &self.role {
            role.clone()
        } else {
            let roles = self.ask(Method::GET, PATH, header, &token).await?;
            let roles = String::from_utf8_lossy(&roles).into_owned();
            roles.lines().next().unwrap_or("").trim().to_owned()
        };
        let json = self
            .ask(Method::GET, &format!("{PATH}{role}"), header, &token)
            .await?;
        parse_issued(&json, &format!("RAM role {role}"))
    }
}

impl Source for EcsRole {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
        self.issue_key().boxed()
    }
}
