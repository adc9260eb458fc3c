//! A second request for a range whose first brings nothing.
//!
//! Of many connections one may stand still while the others go on: a lost packet, a server in trouble.
//! Its bytes are asked for once more, beside the first request, and whichever answers first is taken.
//! Only a few second requests may be under way at once: a service that is slow for everybody is not to
//! get everything twice.

use super::whole::{Source, stale_if_gone};
use crate::{error::Result, types::ObjectVersion};
use ossplit::GetObjectOutput;
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

/// What came first.
enum First<A, B> {
    Of(A),
    Second(B),
}

impl Hedges {
    /// The answer to a GET of `span`.
    pub(super) async fn get(
        &self,
        source: &Source,
        version: &ObjectVersion,
        span: Range<u64>,
    ) -> Result<GetObjectOutput> {
        let first = get(source, version, span.clone());
        match self.beside(first, source, version, span).await {
            First::Of(answer) => answer,
            First::Second(answer) => Ok(answer),
        }
    }

    /// The next bytes of `answer`, whose next byte is at `at` in the object: appends at most `most` to
    /// `buffer`, at least one; 0 at the end of the range, which is at `end`. Between one byte and the next
    /// there is one second request: where that stands still too, the client's retries and its time limit hold.
    pub(super) async fn read(
        &self,
        answer: &mut GetObjectOutput,
        source: &Source,
        version: &ObjectVersion,
        (at, end): (u64, u64),
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize> {
        let first = next(answer, buffer, most);
        match self.beside(first, source, version, at..end).await {
            First::Of(read) => read,
            First::Second(second) => {
                *answer = second;
                next(answer, buffer, most).await
            }
        }
    }

    /// Waits for `first`, and when it takes long for a second answer about `span` too. An error of either
    /// counts only if the other fails as well.
    async fn beside<T>(
        &self,
        first: impl Future<Output = Result<T>>,
        source: &Source,
        version: &ObjectVersion,
        span: Range<u64>,
    ) -> First<Result<T>, GetObjectOutput> {
        let mut first = pin!(first);
        if let Ok(done) = timeout(AFTER, &mut first).await {
            return First::Of(done);
        }
        let Ok(_permit) = self.0.try_acquire() else {
            return First::Of(first.await);
        };
        tracing::debug!(key = %version.key, ?span, "a range stands still: asked for once more");
        let mut second = pin!(get(source, version, span));
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

async fn next(answer: &mut GetObjectOutput, buffer: &mut Vec<u8>, most: usize) -> Result<usize> {
    let read = answer.body.read_into(buffer, most).await;
    read.map_err(stale_if_gone)
}

async fn get(
    source: &Source,
    version: &ObjectVersion,
    span: Range<u64>,
) -> Result<GetObjectOutput> {
    let request = source.get(version).range(span);
    let answer = source.context.client.get_object(request).await;
    answer.map_err(stale_if_gone)
}
