//! What the tests of this crate share: a transport that answers from a script, and a server that
//! does on its connections what a test says.

use crate::{
    Client, ClientConfig, Key,
    http::{RequestBody, ResponseBody, Transport, TransportError, TransportErrorKind},
    retry::RetryPolicy,
};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderMap, Method, Request, Response};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A request as a scripted transport or server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// One answer of a script.
#[expect(clippy::large_enum_variant, reason = "a script has few")]
pub(crate) enum Answer {
    Response(Response<ResponseBody>),
    Failure(TransportError),
}

/// An answer with a status, headers `name: value`, and a body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let body = body.into();
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        response = response.header("content-length", body.len());
    }
    Answer::Response(response.body(ResponseBody::bytes(body)).unwrap())
}

/// An answer that announces `length` bytes and breaks off after `body`.
pub(crate) fn breaks_off(status: u16, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let Answer::Response(response) = answer(status, headers, body) else {
        unreachable!("answer makes responses");
    };
    let chunks = [
        Ok(Bytes::from_static(body.as_bytes())),
        Err(io::Error::other("reset")),
    ];
    let body = ResponseBody::stream(futures_util::stream::iter(chunks));
    Answer::Response(response.map(|_| body))
}

/// The answer of a service that refuses.
pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>{code}.</Message></Error>");
    answer(status, &[], body)
}

/// The request may have been carried out, and its answer is lost.
pub(crate) fn lost() -> Answer {
    let error = TransportError::after(TransportErrorKind::Broken, "connection reset");
    Answer::Failure(error)
}

/// A transport that gives prepared answers in order and notes what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            seen: Mutex::default(),
        })
    }

    /// What was asked so far. All answers must have been used.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        assert!(self.answers.lock().is_empty(), "answers are left");
        self.seen.lock().clone()
    }

    pub(crate) fn client(self: &Arc<Self>) -> Client {
        Client::with_transport(config("http://127.0.0.1:1"), Arc::clone(self) as _)
    }
}

impl Transport for Script {
    fn send(
        &self,
        request: Request<RequestBody>,
    ) -> BoxFuture<'_, Result<Response<ResponseBody>, TransportError>> {
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap();
            self.seen.lock().push(Seen {
                method: head.method,
                target: head.uri.to_string(),
                headers: head.headers,
                body,
            });
            match self.answers.lock().pop_front() {
                Some(Answer::Response(response)) => Ok(response),
                Some(Answer::Failure(error)) => Err(error),
                None => panic!("no answer is left for {}", head.uri),
            }
        }
        .boxed()
    }
}

pub(crate) fn key() -> Key {
    Key {
        id: "id".into(),
        secret: "the-secret".into(),
        token: None,
    }
}

pub(crate) fn config(endpoint: &str) -> ClientConfig {
    ClientConfig::new(endpoint, "cn-hangzhou")
        .unwrap()
        .with_key(key())
}

/// A configuration whose failures come out at once.
pub(crate) fn impatient(endpoint: &str) -> ClientConfig {
    config(endpoint).with_retry(RetryPolicy::never())
}

/// A server on a port of its own. Each connection is handed to the test's function with its number,
/// from 1.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, SeqCst) + 1;
                tokio::spawn(serve(stream, number));
            }
        });
        Self {
            address,
            connections,
            accepting,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Reads the head of a request: its first line and headers. `None` when the connection ended.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8(head).map_err(io::Error::other)?))
}

/// Answers every request of a connection with `body`.
pub(crate) async fn answer_all(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    body: &'static str,
) -> io::Result<()> {
    while read_head(&mut stream).await?.is_some() {
        answer_one(&mut stream, body).await?;
    }
    Ok(())
}

/// Answers one request with `body`.
pub(crate) async fn answer_one(
    stream: &mut (impl AsyncWrite + Unpin),
    body: &str,
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"E\"\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}
