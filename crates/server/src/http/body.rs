//! The body of a response: counted as it goes out, and holding what must live until it is out.

use crate::{
    counters::{Counters, InFlight},
    route::Operation,
    store::ContentReader,
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// What a response carries.
pub(crate) enum Payload {
    /// Nothing.
    Empty,
    /// Nothing, but `Content-Length` says how long the answer to a GET would be.
    Head(u64),
    /// A document.
    Bytes(Bytes),
    /// Bytes of an object.
    Content(ContentReader),
}

impl Payload {
    /// Bytes to come.
    fn remaining(&self) -> u64 {
        match self {
            Self::Empty | Self::Head(_) => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content(reader) => reader.remaining(),
        }
    }
}

/// A payload on its way out.
pub(crate) struct Body {
    payload: Payload,
    counters: Arc<Counters>,
    operation: Operation,
    _in_flight: InFlight,
}

impl Body {
    pub(crate) fn new(
        payload: Payload,
        counters: Arc<Counters>,
        operation: Operation,
        in_flight: InFlight,
    ) -> Self {
        Self {
            payload,
            counters,
            operation,
            _in_flight: in_flight,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match &mut self.payload {
            Payload::Empty | Payload::Head(_) => None,
            Payload::Bytes(bytes) if bytes.is_empty() => None,
            Payload::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
            Payload::Content(reader) => ready!(reader.poll_chunk(cx)),
        };
        if let Some(Ok(chunk)) = &chunk {
            self.counters.bytes_out(self.operation, chunk.len() as u64);
        }
        if let Some(Err(error)) = &chunk {
            tracing::error!(%error, "an object could not be read to its end");
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.payload.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.payload.remaining())
    }
}
