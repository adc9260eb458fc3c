//! A server in this process, and a client that sends exactly what it is told.

use crate::counters::Counters;
use crate::{Config, Key, Server, store::Store};
use http::HeaderMap;
use ossplit_protocol::{encode, sign, time};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) console: Option<SocketAddr>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) task: JoinHandle<()>,
    pub(super) counters: Arc<Counters>,
}

pub(super) fn key() -> Key {
    Key {
        id: "id".into(),
        secret: "secret".into(),
        token: None,
    }
}

pub(super) fn config() -> Config {
    Config {
        buckets: vec!["bucket".into()],
        domains: vec!["oss.test".into()],
        ..Config::new(key())
    }
}

pub(super) async fn start_with(config: Config) -> Running {
    let server = Server::bind(config, Store::in_memory()).await.unwrap();
    let counters = server.counters();
    let address = server.address().unwrap();
    let console = server.console_address().map(Result::unwrap);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running {
        address,
        console,
        counters,
        stop: Some(stop),
        task,
    }
}

pub(super) async fn start() -> Running {
    start_with(config()).await
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let found = self.head.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_slice())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.bytes(name)
            .map(|value| std::str::from_utf8(value).unwrap())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The code of an error document.
    pub(super) fn code(&self) -> &str {
        let text = self.text();
        let code = text.split("<Code>").nth(1).unwrap_or_default();
        code.split('<').next().unwrap_or_default()
    }
}

/// Reads one answer off a connection; `bodiless` after HEAD.
pub(super) async fn read_answer(stream: &mut TcpStream, bodiless: bool) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut lines = head.split(|b| *b == b'\n');
    let status = String::from_utf8_lossy(lines.next().unwrap()).into_owned();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let head: Vec<(String, Vec<u8>)> = lines
        .filter_map(|line| {
            let line = line.trim_ascii();
            let colon = line.iter().position(|b| *b == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    let mut answer = Answer {
        status,
        head,
        body: Vec::new(),
    };
    let length = answer.header("content-length").map(|l| l.parse().unwrap());
    if !bodiless && let Some(length) = length {
        answer.body = vec![0; length];
        stream.read_exact(&mut answer.body).await.unwrap();
    }
    answer
}

/// Who signs, and how.
#[derive(Clone)]
struct Signed {
    key: Key,
    version: sign::Version,
}

/// A request to be signed (V1) and sent.
#[derive(Clone)]
pub(super) struct Ask {
    method: &'static str,
    bucket: Option<&'static str>,
    key: Option<String>,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Option<Vec<u8>>,
    signed: Option<Signed>,
    target: Option<String>,
}

pub(super) fn ask(method: &'static str, object: &str, query: &str) -> Ask {
    Ask {
        method,
        bucket: Some("bucket"),
        key: Some(object.to_owned()).filter(|key| !key.is_empty()),
        query: encode::parse_query(query).unwrap(),
        headers: Vec::new(),
        body: None,
        signed: Some(Signed {
            key: key(),
            version: sign::Version::V1,
        }),
        target: None,
    }
}

impl Ask {
    pub(super) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub(super) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    pub(super) fn bucket(mut self, bucket: &'static str) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// Asks the service, not a bucket.
    pub(super) fn service(mut self) -> Self {
        self.bucket = None;
        self
    }

    pub(super) fn anonymous(mut self) -> Self {
        self.signed = None;
        self
    }

    /// Signs with this key.
    pub(super) fn by(mut self, key: &Key) -> Self {
        let version = self
            .signed
            .map_or(sign::Version::V1, |signed| signed.version);
        let key = key.clone();
        self.signed = Some(Signed { key, version });
        self
    }

    /// Signs as this version does: V1 or V4.
    pub(super) fn version(mut self, version: sign::Version) -> Self {
        if let Some(signed) = &mut self.signed {
            signed.version = version;
        }
        self
    }

    /// Sends this as the request's target, whatever was signed.
    pub(super) fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// The head as bytes, with `Content-Length` if there is a body.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, value.as_slice().try_into().unwrap());
        }
        if let Some(Signed { key, version }) = &self.signed {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let now = now.unwrap().as_secs() as i64;
            if !headers.contains_key("date") {
                headers.insert("date", time::http_date(now).try_into().unwrap());
            }
            let (bucket, object) = (self.bucket, self.key.as_deref());
            let (method, query) = (self.method, &self.query);
            if *version == sign::Version::V4 {
                let scope = sign::v4::Scope {
                    day: time::day(now),
                    region: "cn-local".into(),
                    product: "oss".into(),
                };
                let signer = sign::v4::Signer {
                    key,
                    scope: &scope,
                    signing_key: &sign::v4::SigningKey::derive(&key.secret, &scope),
                };
                let headers = &mut headers;
                sign::v4::sign_header(method, bucket, object, query, headers, signer, &[], now)
                    .unwrap();
            } else {
                sign::v1::sign_header(method, bucket, object, query, &mut headers, key, now)
                    .unwrap();
            }
        }
        let target = self.target.clone().unwrap_or_else(|| {
            let key = encode::path(self.key.as_deref().unwrap_or_default());
            let query = encode::format_query(&self.query);
            match self.bucket {
                Some(bucket) => format!("/{bucket}/{key}?{query}"),
                None => format!("/?{query}"),
            }
        });
        let mut out = format!("{} {target} HTTP/1.1\r\n", self.method).into_bytes();
        if !headers.contains_key("host") {
            out.extend_from_slice(b"Host: 127.0.0.1\r\n");
        }
        if let Some(body) = &self.body {
            out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        for (name, value) in &headers {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// Sends it on a connection.
    pub(super) async fn on(&self, stream: &mut TcpStream) -> Answer {
        stream.write_all(&self.head()).await.unwrap();
        if let Some(body) = &self.body {
            stream.write_all(body).await.unwrap();
        }
        read_answer(stream, self.method == "HEAD").await
    }

    /// Sends it on a connection of its own.
    pub(super) async fn to(&self, server: &Running) -> Answer {
        self.on(&mut server.connect().await).await
    }
}

impl Running {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}
