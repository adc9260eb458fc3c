//! Bodies as callers see them.

use crate::{
    Client, Error, ErrorKind, Operation,
    client::{Call, of_transport},
    http::{RequestBody, ResponseBody},
};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, header};
use ossplit_protocol::{crc64::Crc64, range};
use parking_lot::Mutex;
use std::{io, ops::Range, pin::Pin};
use tokio::time::Instant;

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What an upload sends. Bytes in memory can be sent again; a stream can't, so a call with a
/// stream is tried once.
pub struct Body(Kind);

enum Kind {
    Segments(Vec<Bytes>),
    Stream {
        chunks: Mutex<Option<Chunks>>,
        length: Option<u64>,
    },
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self(Kind::Segments(Vec::new()))
    }

    /// Bytes in memory, sent one after another without a copy.
    pub fn segments(segments: Vec<Bytes>) -> Self {
        Self(Kind::Segments(segments))
    }

    /// Bytes that come as they are made. `length` in bytes, if it is known.
    pub fn stream(
        chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self(Kind::Stream {
            chunks: Mutex::new(Some(Box::pin(chunks))),
            length,
        })
    }

    /// Its length in bytes, if it is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Segments(segments) => Some(segments.iter().map(|s| s.len() as u64).sum()),
            Kind::Stream { length, .. } => *length,
        }
    }

    pub(crate) fn is_replayable(&self) -> bool {
        matches!(self.0, Kind::Segments(_))
    }

    /// CRC64 of bytes in memory; `None` for a stream.
    pub(crate) fn known_crc(&self) -> Option<u64> {
        let Kind::Segments(segments) = &self.0 else {
            return None;
        };
        let mut crc = Crc64::new();
        for segment in segments {
            crc.update(segment);
        }
        Some(crc.value())
    }

    pub(crate) fn to_request(&self) -> RequestBody {
        match &self.0 {
            Kind::Segments(segments) => RequestBody::segments(segments.clone()),
            Kind::Stream { chunks, length } => match chunks.lock().take() {
                Some(chunks) => RequestBody::stream(chunks, *length),
                // `is_replayable` keeps calls from coming here twice.
                None => RequestBody::empty(),
            },
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        let bytes = bytes.into();
        Self(Kind::Segments(if bytes.is_empty() {
            Vec::new()
        } else {
            vec![bytes]
        }))
    }
}

/// After this many bytes a body that broke off may break off again as if it were the first time.
const PROGRESS: u64 = 1 << 20;

/// [`BodyStream::collect`] sets this much aside at most before the bytes are there: the announced
/// length is the server's word.
const SET_ASIDE: u64 = 64 << 20;

/// The bytes of an object as they arrive.
///
/// A body that breaks off or stalls is taken up again at the same byte, under `If-Match`, so that
/// it never mixes two versions. When the whole object passed, its CRC64 is compared. Dropping it
/// half-way closes its connection.
pub struct BodyStream {
    client: Client,
    body: ResponseBody,
    /// The GET, to take it up again.
    call: Call,
    /// What is still to come, as offsets in the object.
    left: Range<u64>,
    /// Summed while the whole object passes, with what the sum must be.
    crc: Option<(Crc64, u64)>,
    began: Instant,
    /// How often it was taken up again, and where last.
    resumes: u32,
    resumed_at: u64,
    /// A piece that did not fit into what [`BodyStream::read_into`] was given.
    rest: Bytes,
}

impl BodyStream {
    pub(super) fn new(
        client: Client,
        body: ResponseBody,
        call: Call,
        span: Range<u64>,
        whole_crc: Option<u64>,
    ) -> Self {
        Self {
            client,
            body,
            call,
            resumed_at: span.start,
            left: span,
            crc: whole_crc.map(|expected| (Crc64::new(), expected)),
            began: Instant::now(),
            resumes: 0,
            rest: Bytes::new(),
        }
    }

    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next bytes; `None` when all came. The memory that a chunk keeps alive is at most about
    /// twice its length.
    ///
    /// # Errors
    /// [`ErrorKind::Precondition`] when the object was replaced meanwhile, [`ErrorKind::Corrupt`]
    /// when the whole object's CRC64 differs, and what the network does.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        loop {
            if self.left.is_empty() {
                return self.finish();
            }
            match self.body.chunk().await {
                Some(Ok(chunk)) => {
                    self.took(&chunk)?;
                    return Ok(Some(chunk));
                }
                None => self.cut_off().await?,
                Some(Err(error)) => self.resume(of_transport(&error)).await?,
            }
        }
    }

    /// Appends the next bytes to `buffer`: at least one, at most `most`. 0 when all came. On most
    /// connections they come straight from the socket.
    ///
    /// # Errors
    /// Those of [`BodyStream::next_chunk`].
    pub async fn read_into(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, Error> {
        let before = buffer.len();
        loop {
            if self.rest.is_empty() && self.left.is_empty() {
                return self.finish().map(|_| 0);
            }
            let room = most.min(usize::try_from(self.remaining()).unwrap_or(most));
            let read = if self.rest.is_empty() {
                self.body.read_into(buffer, room).await
            } else {
                None
            };
            match read {
                Some(Ok(0)) => self.cut_off().await?,
                Some(Ok(got)) => {
                    self.took(&buffer[before..])?;
                    return Ok(got);
                }
                Some(Err(error)) => {
                    buffer.truncate(before);
                    self.resume(of_transport(&error)).await?;
                }
                None => {
                    let Some(mut piece) = self.next_chunk().await? else {
                        return Ok(0);
                    };
                    self.rest = piece.split_off(most.min(piece.len()));
                    buffer.extend_from_slice(&piece);
                    return Ok(piece.len());
                }
            }
        }
    }

    /// Counts and sums bytes that came.
    fn took(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() as u64 > self.remaining() {
            let message = "more bytes came than were announced";
            return Err(self.fault(Error::new(ErrorKind::Server, message)));
        }
        self.left.start += bytes.len() as u64;
        if let Some((crc, _)) = &mut self.crc {
            crc.update(bytes);
        }
        self.client
            .received(Operation::GetObject, bytes.len() as u64);
        Ok(())
    }

    async fn cut_off(&mut self) -> Result<(), Error> {
        let message = "the body ended before its length";
        self.resume(Error::new(ErrorKind::Connection, message))
            .await
    }

    /// Everything that is still to come, in one piece. A whole object whose CRC64 differs is read
    /// once more.
    pub async fn collect(&mut self) -> Result<Bytes, Error> {
        let whole = self.left.clone();
        let untouched = self.crc.as_ref().filter(|(crc, _)| crc.length() == 0);
        let expected = untouched.map(|(_, expected)| *expected);
        match (self.collect_once().await, expected) {
            (Err(error), Some(expected))
                if error.kind() == ErrorKind::Corrupt && !whole.is_empty() =>
            {
                self.left = whole;
                self.crc = Some((Crc64::new(), expected));
                self.resume(error).await?;
                self.collect_once().await
            }
            (result, _) => result,
        }
    }

    async fn collect_once(&mut self) -> Result<Bytes, Error> {
        let Some(first) = self.next_chunk().await? else {
            return Ok(Bytes::new());
        };
        if self.left.is_empty() {
            self.next_chunk().await?;
            return Ok(first);
        }
        let rest = self.remaining().min(SET_ASIDE) as usize;
        let mut whole = BytesMut::with_capacity(first.len() + rest);
        whole.extend_from_slice(&first);
        while let Some(chunk) = self.next_chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Compares the CRC64, if the whole object passed.
    fn finish(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some((crc, expected)) = self.crc.take() {
            let actual = crc.value();
            if actual != expected {
                let message = format!("CRC64 of the bytes is {actual}, of the object {expected}");
                return Err(self.fault(Error::new(ErrorKind::Corrupt, message)));
            }
        }
        Ok(None)
    }

    fn fault(&self, error: Error) -> Error {
        self.call
            .fault(error, self.resumes + 1, self.began.elapsed())
    }

    /// Asks for what is still to come, unless `error` came too often.
    async fn resume(&mut self, error: Error) -> Result<(), Error> {
        if self.left.start.saturating_sub(self.resumed_at) >= PROGRESS {
            self.resumes = 0;
        }
        let error = self.fault(error);
        self.resumes += 1;
        self.resumed_at = self.left.start;
        let pinned = self.call.headers.contains_key(header::IF_MATCH);
        if !pinned || !self.client.may_resume(self.resumes).await {
            return Err(error);
        }
        let wanted = range::header_value(&self.left);
        let value = HeaderValue::from_str(&wanted)
            .map_err(|e| self.fault(Error::new(ErrorKind::InvalidInput, e.to_string())))?;
        self.call.headers.insert(header::RANGE, value);
        self.call.resumed = true;
        tracing::debug!(%error, range = wanted, "taking a body up again");
        let reply = self.client.execute(&self.call).await?;
        let (head, body) = reply.response.into_parts();
        let answered = content_range(&head.headers).map(|(span, _)| span);
        if answered.as_ref() != Some(&self.left) {
            let message = format!("asked for {wanted}, got {answered:?}");
            return Err(self.fault(Error::new(ErrorKind::Server, message)));
        }
        self.body = body;
        Ok(())
    }
}

/// The bytes that an answer of status 206 holds, and the object's size.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range::parse_content_range(value)
}

impl std::fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyStream")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
