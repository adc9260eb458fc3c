//! The Security Token Service: keys for a time of a RAM role (API version 2015-04-01), for the token of a
//! Kubernetes service account (RRSA) or for another key.

use super::{Issued, IssuedJson, Key, of_json};
use crate::{
    ClientConfig, Endpoint, Error, ErrorKind,
    client::of_transport,
    http::{Network, RequestBody, Transport, collect_limited},
};
use bytes::Bytes;
use http::{Method, Request, header};
use ossplit_protocol::{encode, sign::post, time};
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Answers are a few kilobytes.
const LIMIT: usize = 256 << 10;
/// How often a call is sent that no answer came to.
const TRIES: u32 = 3;

/// Which role, and under which name its session is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role<'a> {
    /// `acs:ram::ACCOUNT:role/NAME`.
    pub arn: &'a str,
    /// 2 to 64 letters, digits and `.@-_`.
    pub session: &'a str,
}

/// The service at one address.
pub struct Sts {
    transport: Arc<dyn Transport>,
    endpoint: Endpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    credentials: Option<IssuedJson>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Sts {
    /// The service's address everywhere.
    pub const ADDRESS: &'static str = "https://sts.aliyuncs.com";

    /// Reaches the service at `address` (such as [`Self::ADDRESS`]) by connections of its own.
    pub fn connect(address: &str) -> Result<Self, Error> {
        let mut config = ClientConfig::new(address, "")?;
        config.connect_timeout = Duration::from_secs(3);
        config.read_timeout = Duration::from_secs(5);
        let network = Network::new(&config).map_err(|e| of_transport(&e))?;
        Ok(Self {
            transport: Arc::new(network),
            endpoint: config.endpoint,
        })
    }

    /// `AssumeRoleWithOIDC`: `provider` is the ARN of the OIDC provider that RAM trusts, `token` what it signed. The
    /// call is not signed.
    pub async fn assume_role_with_oidc(
        &self,
        role: &Role<'_>,
        provider: &str,
        token: &str,
    ) -> Result<Issued, Error> {
        let form = [
            ("Action", "AssumeRoleWithOIDC"),
            ("Format", "JSON"),
            ("OIDCProviderArn", provider),
            ("OIDCToken", token),
            ("RoleArn", role.arn),
            ("RoleSessionName", role.session),
            ("Version", "2015-04-01"),
        ];
        self.ask("AssumeRoleWithOIDC", role, &form).await
    }

    /// `AssumeRole`, signed with `key`.
    pub async fn assume_role(
        &self,
        key: &Key,
        role: &Role<'_>,
        external_id: Option<&str>,
    ) -> Result<Issued, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs().cast_signed());
        let timestamp = time::xml_time(now).replace(".000Z", "Z");
        let nonce = format!("{:032x}", fastrand::u128(..));
        let mut form = vec![
            ("AccessKeyId", key.id.as_str()),
            ("Action", "AssumeRole"),
            ("Format", "JSON"),
            ("RoleArn", role.arn),
            ("RoleSessionName", role.session),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", &nonce),
            ("SignatureVersion", "1.0"),
            ("Timestamp", &timestamp),
            ("Version", "2015-04-01"),
        ];
        form.extend(external_id.map(|id| ("ExternalId", id)));
        form.extend(key.token.as_deref().map(|token| ("SecurityToken", token)));
        let signature = sign(&key.secret, &form);
        form.push(("Signature", &signature));
        self.ask("AssumeRole", role, &form).await
    }

    async fn ask(
        &self,
        action: &str,
        role: &Role<'_>,
        form: &[(&str, &str)],
    ) -> Result<Issued, Error> {
        let whence = format!("STS {action} of {} at {}", role.arn, self.endpoint.host);
        let body = Bytes::from(encode::format_query(form));
        let mut tries = 1;
        let (status, body) = loop {
            match self.send(body.clone()).await {
                Ok(answer) => break answer,
                Err(error) if tries >= TRIES => {
                    let message = format!("{whence}: {error}");
                    return Err(Error::new(error.kind(), message));
                }
                Err(_) => tries += 1,
            }
        };
        let fault = |what: &str| {
            let message = format!("{whence}: {what}");
            Error::new(ErrorKind::Unauthenticated, message)
        };
        // Its text is not quoted when it can't be read: there may be a secret in it.
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| fault(&format!("HTTP status {status}, and not the JSON expected")))?;
        match answer.credentials {
            Some(json) => of_json(json, &whence),
            None => Err(fault(&format!(
                "{}: {} (request {}); check the role's trust policy, and the ARNs of role and provider",
                answer.code.as_deref().unwrap_or("no code"),
                answer
                    .message
                    .as_deref()
                    .unwrap_or("")
                    .trim_end_matches('.'),
                answer.request_id.as_deref().unwrap_or("unknown"),
            ))),
        }
    }

    async fn send(&self, form: Bytes) -> Result<(u16, Vec<u8>), Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(header::HOST, self.endpoint.authority(&self.endpoint.host))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, form.len())
            .body(RequestBody::segments(vec![form]))
            .map_err(|e| Error::new(ErrorKind::InvalidInput, e.to_string()))?;
        let answer = self.transport.send(request).await;
        let (head, body) = answer.map_err(|e| of_transport(&e))?.into_parts();
        let body = collect_limited(body, LIMIT).await;
        Ok((head.status.as_u16(), body.map_err(|e| of_transport(&e))?))
    }
}

/// The page "Request syntax and signature method V2 for RPC APIs".
fn sign(secret: &str, form: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> = form
        .iter()
        .map(|(name, value)| (encode::component(name), encode::component(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let text = format!("POST&%2F&{}", encode::component(&pairs.join("&")));
    post::sign_v1(&format!("{secret}&"), &text)
}
