//! One HTTP/1.1 connection, driven by whoever waits for the answer (RFC 9112).
//!
//! For requests without a body, and so for all that reads objects: what the network brings lands
//! where it is wanted. hyper, which sends the bodies, reads into buffers of its own in a task of its
//! own; on loopback that costs half of a large read's CPU time (docs/performance.md).

mod body;
mod framing;

pub(super) use body::WireBody;
use framing::Framing;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, request::Parts,
};
use std::{io, mem::MaybeUninit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Headers of a response at most. User metadata is 8 KiB at most but may be many short ones.
pub(super) const MAX_HEADERS: usize = 512;

/// Bytes of a response's head at most.
const MAX_HEAD: usize = 256 << 10;

/// Read at once while only a head is wanted: with a small object's bytes in most cases, and not much
/// to copy of a large one's.
const AHEAD: usize = 16 << 10;

/// A connection, with or without TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection.
pub(super) struct Wire {
    io: Box<dyn Io>,
    /// Received and not used yet.
    ahead: BytesMut,
}

/// The head of a response, and how its body ends.
struct Head {
    response: Response<()>,
    framing: Framing,
    /// The connection can serve another request.
    keep: bool,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        Self {
            io,
            ahead: BytesMut::new(),
        }
    }

    /// The connection, if its server has neither hung up nor spoken unasked while it was idle.
    pub(super) fn if_idle(mut self) -> Option<Self> {
        let mut nothing = [0];
        let quiet = self.ahead.is_empty() && self.io.read(&mut nothing).now_or_never().is_none();
        quiet.then_some(self)
    }

    /// Sends a request and gives the head of its response.
    async fn exchange(&mut self, request: &Parts) -> io::Result<Head> {
        self.io.write_all(&head_of(request)).await?;
        self.io.flush().await?;
        loop {
            if let Some(head) = self.parse(&request.method)? {
                // 1xx: the answer is still to come.
                if !head.response.status().is_informational() {
                    return Ok(head);
                }
            } else if self.ahead.len() > MAX_HEAD {
                return Err(malformed("the head of the answer is too long"));
            } else if self.more().await? == 0 {
                let cause = "the connection was closed before the answer";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cause));
            }
        }
    }

    /// Takes the head of a response off what was received, if all of it is there.
    fn parse(&mut self, method: &Method) -> io::Result<Option<Head>> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut []);
        let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            &self.ahead,
            &mut headers,
        );
        let length = match outcome.map_err(|e| malformed(&e.to_string()))? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) => length,
        };
        let status = StatusCode::from_u16(parsed.code.unwrap_or(0))
            .map_err(|_| malformed("no such status"))?;
        let modern = parsed.version == Some(1);
        let mut map = HeaderMap::with_capacity(parsed.headers.len());
        // One allocation for all values.
        let text = Bytes::copy_from_slice(&self.ahead[..length]);
        for header in &*parsed.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes())
                .map_err(|e| malformed(&e.to_string()))?;
            let start = header.value.as_ptr().addr() - self.ahead.as_ptr().addr();
            // An empty value may point elsewhere.
            let value = if header.value.is_empty() {
                Bytes::new()
            } else {
                text.slice(start..start + header.value.len())
            };
            let value =
                HeaderValue::from_maybe_shared(value).map_err(|e| malformed(&e.to_string()))?;
            map.append(name, value);
        }
        self.ahead.advance(length);
        let framing = Framing::of(method, status, &map)?;
        let keep = modern && framing.has_an_end() && !says_close(&map);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = if modern {
            Version::HTTP_11
        } else {
            Version::HTTP_10
        };
        *response.headers_mut() = map;
        Ok(Some(Head {
            response,
            framing,
            keep,
        }))
    }

    /// Receives some more; 0 at the end of the connection.
    async fn more(&mut self) -> io::Result<usize> {
        self.ahead.reserve(AHEAD);
        self.io.read_buf(&mut self.ahead).await
    }

    /// Appends at most `most` bytes of the connection to `buffer`, at least one; 0 at its end.
    async fn read(&mut self, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let mut room = bytes::BufMut::limit(buffer, most);
            return self.io.read_buf(&mut room).await;
        }
        let length = most.min(self.ahead.len());
        buffer.extend_from_slice(&self.ahead[..length]);
        self.ahead.advance(length);
        Ok(length)
    }

    /// A line without its end.
    async fn line(&mut self) -> io::Result<BytesMut> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let mut line = self.ahead.split_to(end + 1);
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.truncate(end - 1);
                }
                return Ok(line);
            }
            if self.ahead.len() > AHEAD {
                return Err(malformed("a line of a chunked body is too long"));
            }
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The head of a request as it goes out.
fn head_of(request: &Parts) -> Vec<u8> {
    let mut head = Vec::with_capacity(1024);
    head.extend_from_slice(request.method.as_str().as_bytes());
    head.push(b' ');
    let target = request
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str());
    head.extend_from_slice(target.as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get_all(http::header::CONNECTION)
        .iter()
        .any(|value| {
            value.to_str().is_ok_and(|value| {
                value
                    .split(',')
                    .any(|word| word.trim().eq_ignore_ascii_case("close"))
            })
        })
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
