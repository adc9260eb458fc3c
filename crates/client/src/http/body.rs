//! Bodies: what is sent, and what is received.

use super::{TransportError, TransportErrorKind, pool::Checkout, wire::WireBody};
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
    time::Duration,
};

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A body in memory is handed to the connection in slices of at most this many bytes, so that a
/// slow upload is seen to move: on a stalled one no slice is taken for the read time-out.
pub(super) const SLICE: usize = 256 << 10;

/// A received piece up to this many bytes is copied out of the connection's read buffer. The buffer
/// may be much larger than the piece (up to [`READ_BUFFER`]) and would live as long as the piece:
/// a cache of small objects would hold many times their size.
const COPIED: usize = 64 << 10;

/// The largest read buffer of a connection, in bytes. hyper halves it while reads fill less than
/// half of it, so that a piece longer than [`COPIED`] keeps at most about twice its size alive.
pub(super) const READ_BUFFER: usize = 256 << 10;

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
    observed: Arc<Observed>,
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
            observed: Arc::default(),
        }
    }

    /// Bytes that come as they are made; chunked when `length` is `None`.
    pub(crate) fn stream(chunks: Chunks, length: Option<u64>) -> Self {
        Self {
            source: Source::Stream(chunks),
            length,
            observed: Arc::default(),
        }
    }

    /// Sums a CRC64 of what is sent.
    pub(crate) fn with_crc(self) -> Self {
        *self.observed.crc.lock() = Some(Crc64::new());
        self
    }

    /// Where to look how the sending goes.
    pub(crate) fn observed(&self) -> Arc<Observed> {
        Arc::clone(&self.observed)
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
            Source::Segments(segments) => match segments.front_mut() {
                Some(front) if front.len() > SLICE => Some(Ok(front.split_to(SLICE))),
                _ => segments.pop_front().map(Ok),
            },
            Source::Stream(stream) => match stream.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            },
        };
        Poll::Ready(next.map(|chunk| {
            let chunk = chunk?;
            this.observed.bytes.fetch_add(chunk.len() as u64, Relaxed);
            if let Some(crc) = this.observed.crc.lock().as_mut() {
                crc.update(&chunk);
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

/// The body of a response. Reading it to its end gives the connection back; dropping it before
/// closes the connection.
pub struct ResponseBody(Received);

enum Received {
    Wire(WireBody),
    Network(Arriving),
    Stream(Chunks),
}

struct Arriving {
    incoming: Incoming,
    checkout: Option<Checkout>,
    /// How long no byte may come.
    patience: Duration,
}

impl ResponseBody {
    pub(super) fn network(incoming: Incoming, checkout: Checkout, patience: Duration) -> Self {
        let mut arriving = Arriving {
            incoming,
            checkout: Some(checkout),
            patience,
        };
        arriving.give_back_at_end();
        Self(Received::Network(arriving))
    }

    pub(super) fn wire(body: WireBody) -> Self {
        Self(Received::Wire(body))
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

    /// The next piece, `None` at the end. The memory that a piece keeps alive is at most about
    /// twice its length.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        match &mut self.0 {
            Received::Stream(stream) => Some(stream.next().await?.map_err(|e| broken(&e))),
            Received::Network(arriving) => arriving.chunk().await,
            Received::Wire(body) => body.chunk().await,
        }
    }

    /// Appends at most `most` bytes to `buffer`, at least one; 0 at the end. `None`: this body only
    /// comes in pieces.
    pub(crate) async fn read_into(
        &mut self,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Option<Result<usize, TransportError>> {
        match &mut self.0 {
            Received::Wire(body) => Some(body.read_into(buffer, most).await),
            Received::Network(_) | Received::Stream(_) => None,
        }
    }
}

impl Arriving {
    async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            let frame = tokio::time::timeout(self.patience, self.incoming.frame()).await;
            let failure = match frame {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        // The last piece frees the connection: nobody need ask for the end.
                        self.give_back_at_end();
                        let small = data.len() <= COPIED;
                        return Some(Ok(if small {
                            Bytes::copy_from_slice(&data)
                        } else {
                            data
                        }));
                    }
                    Err(_trailers) => continue,
                },
                Ok(None) => {
                    self.give_back();
                    return None;
                }
                Ok(Some(Err(error))) => broken(&error),
                Err(_) => TransportError::after(
                    TransportErrorKind::Timeout,
                    format!("the body stalled for {} s", self.patience.as_secs_f64()),
                ),
            };
            // Closes the connection.
            self.checkout = None;
            return Some(Err(failure));
        }
    }

    fn give_back_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(checkout) = self.checkout.take() {
            checkout.give_back();
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> TransportError {
    let message = format!("the body broke off: {error}");
    TransportError::after(TransportErrorKind::Broken, message)
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
