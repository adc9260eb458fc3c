//! A second request for a range whose first brings nothing.
//!
//! Of many connections one may stand still while the others go on: a lost packet, a server in trouble.
//! Its bytes are asked for once more, beside the first request, and whichever answers first is taken.
//! Only a few second requests may be under way at once: a service that is slow for everybody is not to
//! get everything twice.

use super::whole::Source;
use crate::{
    error::{Result, stale_if_gone},
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::{GetObject, GetObjectOutput};
use std::{ops::Range, pin::pin, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// How long a request may bring nothing before a second is sent. The client itself gives up a connection
/// much later (`readwrite_timeout`).
pub(super) const AFTER: Duration = Duration::from_secs(1);
/// Second requests under way at once, in the whole mount.
const MOST: usize = 4;

/// Leave to send second requests.
pub(super) struct Hedges(Semaphore);

impl Default for Hedges {
    fn default() -> Self {
        Self(Semaphore::new(MOST))
    }
}

/// The answer to a GET, whose bytes may come from a second request.
pub(super) struct Hedged {
    pub(super) answer: GetObjectOutput,
    /// Some of it comes from a second request.
    pub(super) second: bool,
}

/// What came first.
enum First<A, B> {
    Of(A),
    Second(B),
}

impl Source {
    /// The answer to a GET of `span`.
    pub(super) async fn fetch(&self, version: &ObjectVersion, span: Range<u64>) -> Result<Hedged> {
        let request = self.get(version).range(span.clone());
        self.first(request, version, span).await
    }

    /// The answer to a GET of the whole object.
    pub(super) async fn fetch_whole(&self, version: &ObjectVersion) -> Result<Hedged> {
        self.first(self.get(version), version, 0..version.size)
            .await
    }

    async fn first(
        &self,
        request: GetObject,
        version: &ObjectVersion,
        span: Range<u64>,
    ) -> Result<Hedged> {
        match self
            .beside(self.send(version, request), version, span)
            .await
        {
            First::Of(answer) => answer.map(|answer| Hedged {
                answer,
                second: false,
            }),
            First::Second(answer) => Ok(Hedged {
                answer,
                second: true,
            }),
        }
    }

    async fn send(&self, version: &ObjectVersion, request: GetObject) -> Result<GetObjectOutput> {
        let answer = self.context.client.get_object(request).await;
        answer.map_err(|error| self.failed(version, error))
    }

    /// Waits for `first`, and when it takes long for a second answer about `span` too. An error of either
    /// counts only if the other fails as well.
    async fn beside<T>(
        &self,
        first: impl Future<Output = Result<T>>,
        version: &ObjectVersion,
        span: Range<u64>,
    ) -> First<Result<T>, GetObjectOutput> {
        let mut first = pin!(first);
        if let Ok(done) = timeout(AFTER, &mut first).await {
            return First::Of(done);
        }
        let Ok(_permit) = self.hedges.0.try_acquire() else {
            return First::Of(first.await);
        };
        tracing::debug!(key = %version.key, ?span, "a range stands still: asked for once more");
        let mut second = pin!(self.send(version, self.get(version).range(span)));
        tokio::select! {
            done = &mut first => match done {
                Ok(_) => First::Of(done),
                Err(error) => match second.await {
                    Ok(answer) => First::Second(answer),
                    Err(_) => First::Of(Err(error)),
                },
            },
            answer = &mut second => match answer {
                Ok(answer) => First::Second(answer),
                Err(_) => First::Of(first.await),
            },
        }
    }
}

impl Hedged {
    /// The next bytes, the first of which is at `at` in the object: appends at most `most` to `buffer`, at
    /// least one; 0 at the end of the range, which is at `end`. Between one byte and the next there is one
    /// second request: where that stands still too, the client's retries and its time limit hold.
    pub(super) async fn read(
        &mut self,
        source: &Source,
        version: &ObjectVersion,
        (at, end): (u64, u64),
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize> {
        let first = next(&mut self.answer, buffer, most);
        match source.beside(first, version, at..end).await {
            First::Of(read) => read,
            First::Second(second) => {
                self.turn_to(second);
                next(&mut self.answer, buffer, most).await
            }
        }
    }

    /// All bytes of `span`, which is what was asked for.
    pub(super) async fn collect(
        &mut self,
        source: &Source,
        version: &ObjectVersion,
        span: Range<u64>,
    ) -> Result<Vec<Bytes>> {
        let mut pieces = Vec::new();
        let mut at = span.start;
        loop {
            let first = next_piece(&mut self.answer);
            let piece = match source.beside(first, version, at..span.end).await {
                First::Of(piece) => piece?,
                First::Second(second) => {
                    self.turn_to(second);
                    next_piece(&mut self.answer).await?
                }
            };
            let Some(piece) = piece else {
                return Ok(pieces);
            };
            at += piece.len() as u64;
            // The first clone allocates the counter: here rather than where a read is answered.
            drop(piece.clone());
            pieces.push(piece);
        }
    }

    fn turn_to(&mut self, second: GetObjectOutput) {
        self.answer = second;
        self.second = true;
    }
}

async fn next(answer: &mut GetObjectOutput, buffer: &mut Vec<u8>, most: usize) -> Result<usize> {
    let read = answer.body.read_into(buffer, most).await;
    read.map_err(stale_if_gone)
}

async fn next_piece(answer: &mut GetObjectOutput) -> Result<Option<Bytes>> {
    answer.body.next_chunk().await.map_err(stale_if_gone)
}
