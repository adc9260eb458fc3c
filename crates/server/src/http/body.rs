//! The body of a response: counted as it goes out, and holding what must live until it is out.

use super::Shape;
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
    pub(super) fn remaining(&self) -> u64 {
        match self {
            Self::Empty | Self::Head(_) => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content(reader) => reader.remaining(),
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Self::Empty | Self::Head(_) => Poll::Ready(None),
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Self::Content(reader) => reader.poll_chunk(cx),
        }
    }
}

/// A payload on its way out.
pub(crate) struct Body {
    payload: Payload,
    counters: Arc<Counters>,
    operation: Operation,
    shape: Option<Box<Shape>>,
    _in_flight: InFlight,
}

impl Body {
    pub(crate) fn new(
        payload: Payload,
        counters: Arc<Counters>,
        operation: Operation,
        shape: Option<Box<Shape>>,
        in_flight: InFlight,
    ) -> Self {
        Self {
            payload,
            counters,
            operation,
            shape,
            _in_flight: in_flight,
        }
    }

    /// Bytes to come.
    fn remaining(&self) -> u64 {
        let held = self.shape.as_ref().map_or(0, |shape| shape.held());
        self.payload.remaining() + held
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let chunk = ready!(match &mut this.shape {
            None => this.payload.poll_chunk(cx),
            Some(shape) => shape.poll(cx, |cx| this.payload.poll_chunk(cx)),
        });
        if let Some(Ok(chunk)) = &chunk {
            this.counters.bytes_out(this.operation, chunk.len() as u64);
        }
        if let Some(Err(error)) = &chunk {
            tracing::error!(%error, "an object could not be read to its end");
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}
