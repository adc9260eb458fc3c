//! Bodies: what is sent, and what is received.

use super::{TransportError, TransportErrorKind, pool::Checkout};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ossplit_protocol::crc64::Crc64;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What the sender of a body learns while it is sent.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    bytes: AtomicU64,
    crc: Mutex<Option<Crc64>>,
}

impl Observed {
    /// Bytes handed to the connection so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// CRC64 of those bytes, if it was asked for.
    pub(crate) fn crc(&self) -> Option<u64> {
        self.crc.lock().as_ref().map(Crc64::value)
    }
}

/// The body of a request.
pub struct RequestBody {
    source: Source,
    length: Option<u64>,
    observed: Option<Arc<Observed>>,
}

enum Source {
    Segments(VecDeque<Bytes>),
    Stream(Chunks),
}

impl RequestBody {
    /// No body.
    pub fn empty() -> Self {
        Self::segments(Vec::new())
    }

    /// Bytes in memory, sent one after another without a copy.
    pub fn segments(segments: Vec<Bytes>) -> Self {
        let length = segments.iter().map(|s| s.len() as u64).sum();
        Self {
            source: Source::Segments(segments.into()),
            length: Some(length),
            observed: None,
        }
    }

    /// Bytes that come as they are made; chunked when `length` is `None`.
    pub(crate) fn stream(chunks: Chunks, length: Option<u64>) -> Self {
        Self {
            source: Source::Stream(chunks),
            length,
            observed: None,
        }
    }

    /// Tells `observed` how it goes; sums a CRC64 too if `crc`.
    pub(crate) fn observe(mut self, observed: Arc<Observed>, crc: bool) -> Self {
        *observed.crc.lock() = crc.then(Crc64::new);
        self.observed = Some(observed);
        self
    }

    /// Everything, for transports that answer from memory.
    pub async fn collect(mut self) -> io::Result<Bytes> {
        let mut whole = Vec::new();
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.into())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let next = match &mut this.source {
            Source::Segments(segments) => segments.pop_front().map(Ok),
            Source::Stream(stream) => match stream.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            },
        };
        Poll::Ready(next.map(|chunk| {
            let chunk = chunk?;
            if let Some(observed) = &this.observed {
                observed.bytes.fetch_add(chunk.len() as u64, Relaxed);
                if let Some(crc) = observed.crc.lock().as_mut() {
                    crc.update(&chunk);
                }
            }
            Ok(Frame::data(chunk))
        }))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.source, Source::Segments(segments) if segments.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The body of a response. Reading it to its end gives the connection back.
pub struct ResponseBody(Received);

enum Received {
    Network {
        incoming: Incoming,
        checkout: Option<Checkout>,
    },
    Stream(Chunks),
}

impl ResponseBody {
    pub(super) fn network(incoming: Incoming, checkout: Checkout) -> Self {
        if incoming.is_end_stream() {
            checkout.give_back();
            return Self(Received::Network {
                incoming,
                checkout: None,
            });
        }
        Self(Received::Network {
            incoming,
            checkout: Some(checkout),
        })
    }

    /// A body from memory, for transports that answer without a network.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::stream(futures_util::stream::iter([Ok(bytes)]))
    }

    /// A body made by a stream, for transports that break off or stall.
    pub fn stream(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Received::Stream(Box::pin(chunks)))
    }

    /// The next piece, `None` at the end.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        let broken = |e: &dyn std::fmt::Display| {
            TransportError::after(
                TransportErrorKind::Broken,
                format!("the body broke off: {e}"),
            )
        };
        match &mut self.0 {
            Received::Stream(stream) => Some(stream.next().await?.map_err(|e| broken(&e))),
            Received::Network { incoming, checkout } => loop {
                match incoming.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            // The last piece frees the connection: nobody need ask for the end.
                            if incoming.is_end_stream()
                                && let Some(checkout) = checkout.take()
                            {
                                checkout.give_back();
                            }
                            return Some(Ok(data));
                        }
                    }
                    Some(Err(error)) => {
                        *checkout = None;
                        return Some(Err(broken(&error)));
                    }
                    None => {
                        if let Some(checkout) = checkout.take() {
                            checkout.give_back();
                        }
                        return None;
                    }
                }
            },
        }
    }
}

/// Reads a small body whole; a longer one than `limit` bytes is an error.
pub(crate) async fn collect_limited(
    mut body: ResponseBody,
    limit: usize,
) -> Result<Vec<u8>, TransportError> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.chunk().await {
        let chunk = chunk?;
        if whole.len() + chunk.len() > limit {
            let message = format!("the answer is longer than {limit} bytes");
            return Err(TransportError::after(TransportErrorKind::Broken, message));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
