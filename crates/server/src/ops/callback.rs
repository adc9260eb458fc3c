//! Callbacks: after a write the service posts to a server of the caller's, and hands that server's
//! answer to the client.
//!
//! Only plain HTTP, and by default only to loopback addresses: an emulator must not be a way into a
//! network. The service's RSA signature of the call can't be had here and is not sent.

use crate::{
    failure::Failure,
    http::{Payload, Reply, Request},
    store::{ObjectRecord, StoredHeader},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ossplit_protocol::{code::Code, encode, headers as names};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokio::net::TcpStream;

/// The callback's server must answer within this.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of its answer.
const MAX_ANSWER: usize = 3 << 20;

/// The most URLs of one callback.
const MAX_URLS: usize = 5;

/// What a caller asks for.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(rename = "callbackUrl")]
    url: String,
    #[serde(rename = "callbackHost", default)]
    host: Option<String>,
    #[serde(rename = "callbackBody")]
    body: String,
    #[serde(rename = "callbackBodyType", default)]
    body_type: Option<String>,
}

/// A callback that was asked for in a form that makes sense.
#[derive(Debug)]
pub(super) struct Callback {
    urls: Vec<Uri>,
    host: Option<String>,
    body: String,
    json: bool,
    variables: BTreeMap<String, String>,
}

fn refuse(name: &'static str, sent: &str, ec: &'static str) -> Failure {
    Failure::argument(name, sent)
        .ec(ec)
        .message("The callback configuration is not json format.")
}

fn decode<T: serde::de::DeserializeOwned>(
    name: &'static str,
    sent: &str,
    ecs: [&'static str; 2],
) -> Result<T, Failure> {
    let bytes = STANDARD
        .decode(sent)
        .map_err(|_| refuse(name, sent, ecs[0]))?;
    serde_json::from_slice(&bytes).map_err(|_| refuse(name, sent, ecs[1]))
}

/// The callback of a request, in its headers or in its URL.
pub(super) fn of_request(request: &Request) -> Result<Option<Callback>, Failure> {
    let either = |header, parameter| {
        request
            .text(header)
            .or_else(|| request.parameter(parameter))
    };
    let Some(sent) = either(names::CALLBACK, "callback") else {
        return Ok(None);
    };
    let variables: BTreeMap<String, String> = match either(names::CALLBACK_VAR, "callback-var") {
        None => BTreeMap::new(),
        Some(sent) => decode("callback-var", sent, ["0007-00000102", "0007-00000103"])?,
    };
    of_parts(sent, variables).map(Some)
}

/// The callback of a form, whose variables are fields.
pub(super) fn of_form(sent: &str, variables: Vec<(String, String)>) -> Result<Callback, Failure> {
    of_parts(sent, variables.into_iter().collect())
}

fn of_parts(sent: &str, variables: BTreeMap<String, String>) -> Result<Callback, Failure> {
    let wanted: Wanted = decode("callback", sent, ["0007-00000002", "0007-00000003"])?;
    let odd = || refuse("callback", sent, "0007-00000004");
    let urls: Vec<Uri> = wanted
        .url
        .split(';')
        .map(|url| {
            let url = if url.contains("://") {
                url.to_owned()
            } else {
                format!("http://{url}")
            };
            url.parse().map_err(|_| odd())
        })
        .collect::<Result<_, _>>()?;
    let good = |url: &Uri| url.scheme_str() == Some("http") && url.host().is_some();
    if urls.len() > MAX_URLS || !urls.iter().all(good) {
        return Err(odd().message("A callback's URL must begin with http:// at this server."));
    }
    let json = match wanted.body_type.as_deref() {
        None | Some("" | "application/x-www-form-urlencoded") => false,
        Some("application/json") => true,
        Some(_) => return Err(odd()),
    };
    Ok(Callback {
        urls,
        host: wanted.host.filter(|host| !host.is_empty()),
        body: wanted.body,
        json,
        variables,
    })
}

/// How a variable stands in a body.
fn write(value: &Value, json: bool, in_quotes: bool) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (json, in_quotes) {
        (false, _) => encode::component(&text),
        (true, false) => value.to_string(),
        (true, true) => {
            let quoted = Value::String(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}

/// The body with `${name}` replaced; a variable that nobody knows is empty.
fn fill(template: &str, json: bool, value_of: impl Fn(&str) -> Option<Value>) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        let in_quotes = before.ends_with('"') && after.starts_with('"');
        let value = value_of(name).unwrap_or_else(|| Value::String(String::new()));
        out.push_str(&write(&value, json, in_quotes));
        rest = after;
    }
    out.push_str(rest);
    out
}

impl Callback {
    fn body(&self, request: &Request, record: &ObjectRecord) -> String {
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let content_type = || {
            let stored = record.meta.headers.iter();
            let mut found = stored.filter(|(name, _)| *name == StoredHeader::ContentType);
            found
                .next()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        fill(&self.body, self.json, |name| match name {
            "bucket" => text(request.bucket()),
            "object" => text(request.key()),
            "etag" => text(record.etag.trim_matches('"')),
            "size" => Some(record.size.into()),
            "mimeType" => text(&content_type().unwrap_or_default()),
            "crc64" => text(&record.crc64.to_string()),
            "contentMd5" => text(
                &record
                    .md5
                    .map(|md5| STANDARD.encode(md5))
                    .unwrap_or_default(),
            ),
            "reqId" => text(&request.id),
            "clientIp" => text("127.0.0.1"),
            "operation" => text(request.operation.name()),
            name => self.variables.get(name).and_then(|value| text(value)),
        })
    }

    /// Calls, one URL after the other until one answers with 200; the answer is the reply's body.
    pub(super) async fn call(
        &self,
        request: &Request,
        record: &ObjectRecord,
        mut reply: Reply,
    ) -> Result<Reply, Failure> {
        let body = self.body(request, record);
        let mut failure = String::new();
        for url in &self.urls {
            let call = tokio::time::timeout(TIMEOUT, self.post(request, url, &body));
            match call
                .await
                .unwrap_or_else(|_| Err("Callback timed out.".to_owned()))
            {
                Ok((headers, answer)) => {
                    if serde_json::from_slice::<Value>(&answer).is_err() {
                        return Err(Failure::new(Code::CallbackFailed)
                            .ec("0007-00000205")
                            .message("Response body is not valid json format."));
                    }
                    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
                        reply.set(header::CONTENT_TYPE, kind.clone());
                    }
                    reply.payload = Payload::Bytes(answer);
                    return Ok(reply);
                }
                Err(error) => failure = error,
            }
        }
        Err(Failure::new(Code::CallbackFailed).message(failure))
    }

    async fn post(
        &self,
        request: &Request,
        url: &Uri,
        body: &str,
    ) -> Result<(HeaderMap, Bytes), String> {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let address = resolve(
            host,
            url.port_u16().unwrap_or(80),
            request.state.callbacks_anywhere,
        );
        let stream = TcpStream::connect(address.await?).await;
        let stream = stream.map_err(|error| format!("Could not connect: {error}."))?;
        let lost = |error: hyper::Error| format!("The connection failed: {error}.");
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let connection = tokio::spawn(connection);
        let authority = url.authority().map_or(host, |authority| authority.as_str());
        let call = http::Request::post(url.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, self.host.as_deref().unwrap_or(authority))
            .header(header::USER_AGENT, "aliyun-oss-callback")
            .header(header::CONNECTION, "close")
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static(if self.json {
                    "application/json"
                } else {
                    "application/x-www-form-urlencoded"
                }),
            )
            .header("x-oss-bucket", request.bucket())
            .header(names::REQUEST_ID, &request.id)
            .body(Full::new(Bytes::from(body.to_owned())))
            .map_err(|error| format!("The call can't be made: {error}."))?;
        let answer = sender.send_request(call).await.map_err(lost)?;
        let (head, body) = answer.into_parts();
        if head.status != http::StatusCode::OK {
            return Err(format!("Error status : {}.", head.status.as_u16()));
        }
        let whole = Limited::new(body, MAX_ANSWER).collect().await;
        let whole = whole.map_err(|error| format!("The answer could not be read: {error}."))?;
        connection.abort();
        Ok((head.headers, whole.to_bytes()))
    }
}

/// Where a host is; refused when it is not here, unless that is allowed.
async fn resolve(host: &str, port: u16, anywhere: bool) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let mut found = found.map_err(|error| format!("Could not resolve {host}: {error}."))?;
    found
        .find(|address| anywhere || address.ip().is_loopback())
        .ok_or_else(|| {
            format!("{host} is not a loopback address: start the server with --callbacks-anywhere.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_written_as_the_body_wants_them() {
        let value_of = |name: &str| match name {
            "object" => Some(Value::String("a b\"中".into())),
            "size" => Some(7.into()),
            _ => None,
        };
        let form = fill("o=${object}&s=${size}&x=${x:none}&${", false, value_of);
        assert_eq!(form, "o=a%20b%22%E4%B8%AD&s=7&x=&${");
        let json = r#"{"o":${object},"q":"${object}","s":${size},"n":${x:none}}"#;
        let filled = fill(json, true, value_of);
        let read: Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(read["o"], "a b\"中");
        assert_eq!(read["q"], read["o"]);
        assert_eq!(read["s"], 7);
        assert_eq!(read["n"], "");
    }

    #[test]
    fn odd_callbacks_are_refused() {
        let of = |json: &str| of_parts(&STANDARD.encode(json), BTreeMap::new());
        assert!(
            of(r#"{"callbackUrl":"127.0.0.1/x;http://localhost:1","callbackBody":"a"}"#).is_ok()
        );
        for bad in [
            "{",
            r#"{"callbackUrl":"http://a/"}"#,
            r#"{"callbackUrl":"https://a/","callbackBody":"a"}"#,
            r#"{"callbackUrl":"a;b;c;d;e;f","callbackBody":"a"}"#,
            r#"{"callbackUrl":"a","callbackBody":"a","callbackBodyType":"text/plain"}"#,
        ] {
            let refused = of(bad).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{bad}");
        }
        assert_eq!(
            of_parts("%", BTreeMap::new()).unwrap_err().ec_text(),
            "0007-00000002"
        );
    }
}
