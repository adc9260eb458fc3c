//! A multipart upload under way.

use crate::{
    Context,
    budget::Lease,
    error::{Error, Result, stale_if_gone},
    ledger::{Batch, Key},
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::{
    AbortMultipartUpload, CompleteMultipartUpload, CompletedPart, InitiateMultipartUpload,
    NewObject, UploadPart, UploadPartCopy,
};
use std::{borrow::Cow, collections::HashMap, ops::Range, sync::Arc};
use tokio::{runtime::Handle, task::JoinSet};

use super::{
    kept::{BufferRecord, PartRecord, UploadRecord},
    parts::{LARGEST_PART, MOST_PARTS, SMALLEST_PART},
    record::abort_unheard,
};

/// One upload. Dropped before it is complete, it is aborted: no part stays behind.
pub(crate) struct Upload {
    context: Arc<Context>,
    /// For aborting it, whatever thread drops it.
    runtime: Handle,
    key: String,
    /// `None` once complete or aborted.
    id: Option<String>,
    /// Where the ledger keeps it; `None`: a successor aborts it.
    kept: Option<u64>,
    /// A former process began it.
    resumed: bool,
    /// Parts that a former process brought to OSS, by number, with the bytes that they are.
    left: HashMap<u32, (Range<u64>, CompletedPart)>,
    next_part: u32,
    /// Bytes that parts were begun for.
    length: u64,
    /// Its last part is too short for another to follow.
    ends_short: bool,
    done: Vec<CompletedPart>,
    in_flight: JoinSet<Result<CompletedPart>>,
}

impl Upload {
    /// Begins an upload of `key`.
    pub(crate) async fn begin(context: &Arc<Context>, key: &str, with: &NewObject) -> Result<Self> {
        Self::begin_kept(context, key, with, None).await
    }

    /// The same, of which the ledger keeps how far it is, if it keeps the file of that number.
    pub(super) async fn begin_kept(
        context: &Arc<Context>,
        key: &str,
        with: &NewObject,
        writer: Option<u64>,
    ) -> Result<Self> {
        let mut request = InitiateMultipartUpload::new(context.config.bucket.clone(), key);
        request.with = with.clone();
        let id = initiate(context, request).await?;
        context.uploads.began(key, &id);
        let ledger = context.ledger();
        let mut kept = None;
        if let Some(writer) = writer {
            let number = ledger.next_number();
            let record = UploadRecord {
                writer,
                key: Cow::Borrowed(key),
                id: Cow::Borrowed(&id),
            };
            ledger.put(
                Key::Upload(*kept.insert(number.unwrap_or_default())),
                &record,
            );
        }
        Ok(Self::new(context, key, id, kept))
    }

    /// Where the ledger keeps it.
    pub(super) fn kept(&self) -> Option<u64> {
        self.kept
    }

    /// Goes on with the upload of a former process.
    pub(super) fn resumed(
        context: &Arc<Context>,
        record: UploadRecord<'static>,
        kept: u64,
        left: HashMap<u32, (Range<u64>, CompletedPart)>,
    ) -> Self {
        context.uploads.begins(context, &record.key);
        context.uploads.began(&record.key, &record.id);
        let id = record.id.into_owned();
        let mut upload = Self::new(context, &record.key, id, Some(kept));
        upload.resumed = true;
        upload.left = left;
        upload
    }

    fn new(context: &Arc<Context>, key: &str, id: String, kept: Option<u64>) -> Self {
        Self {
            context: Arc::clone(context),
            runtime: Handle::current(),
            key: key.to_owned(),
            id: Some(id),
            kept,
            resumed: false,
            left: HashMap::new(),
            next_part: 1,
            length: 0,
            ends_short: false,
            done: Vec::new(),
            in_flight: JoinSet::new(),
        }
    }

    /// The number of the next part.
    pub(super) fn next_part(&self) -> u32 {
        self.next_part
    }

    /// Whether all that can be done with it is to complete it, which a former process was about to.
    pub(super) fn ends_short(&self) -> bool {
        self.ends_short
    }

    /// Bytes that parts were begun for.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn number(&mut self) -> Result<u32> {
        if self.next_part > MOST_PARTS {
            return Err(Error::TooLarge);
        }
        self.next_part += 1;
        Ok(self.next_part - 1)
    }

    fn id(&self) -> Result<String> {
        self.id.clone().ok_or(Error::BadHandle)
    }

    /// Waits until another part may be in flight.
    async fn room(&mut self) -> Result<()> {
        while self.in_flight.len() >= self.context.config.parallel_count.max(1) {
            self.collect_one().await?;
        }
        Ok(())
    }

    /// Takes in one part that ended, which gives its lease back; false when none is in flight.
    pub(super) async fn collect_one(&mut self) -> Result<bool> {
        match self.in_flight.join_next().await {
            None => Ok(false),
            Some(Ok(part)) => {
                self.done.push(part?);
                Ok(true)
            }
            Some(Err(_)) => Err(Error::BadHandle),
        }
    }

    /// Whether a former process brought these bytes to OSS as this part.
    fn is_left(&mut self, number: u32, bytes: &Range<u64>) -> bool {
        match self.left.remove(&number) {
            Some((of, part)) if of == *bytes => {
                self.done.push(part);
                true
            }
            _ => false,
        }
    }

    /// Whether the next part is `bytes`, and a former process brought it to OSS: then it counts as sent.
    pub(super) fn skips(&mut self, bytes: &Range<u64>) -> Result<bool> {
        if !self.is_left(self.next_part, bytes) {
            return Ok(false);
        }
        self.number()?;
        self.length += bytes.end - bytes.start;
        Ok(true)
    }

    /// Sends a part; returns when another may be sent. An earlier part's failure may come out here.
    /// Dropping the future half-way does not lose the part: it is in flight before anything is awaited.
    ///
    /// `place` says which bytes they are, and where they are for a successor; `batch` is written to the ledger along
    /// with that, before anything is sent.
    pub(super) async fn send(
        &mut self,
        data: Bytes,
        lease: Option<Lease>,
        place: BufferRecord,
        mut batch: Batch,
    ) -> Result<()> {
        let part_number = self.number()?;
        self.length += data.len() as u64;
        if let Some(kept) = self.kept {
            let record = PartRecord::Sends {
                number: part_number,
                bytes: place,
            };
            batch.add(Key::Upload(kept), &record);
        }
        self.context.ledger().commit(&mut batch);
        self.start(part_number, data, lease)?;
        self.room().await
    }

    /// Has a part on its way.
    pub(super) fn start(
        &mut self,
        part_number: u32,
        data: Bytes,
        lease: Option<Lease>,
    ) -> Result<()> {
        let context = Arc::clone(&self.context);
        let request = UploadPart {
            bucket: context.config.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id()?,
            part_number,
            body: data.clone().into(),
        };
        let kept = self.kept;
        self.in_flight.spawn(async move {
            let part = context.client.upload_part(request).await;
            note(&context, kept, part.as_ref().ok());
            // Not before that: a successor would look for them in vain.
            drop((data, lease));
            Ok(part?)
        });
        Ok(())
    }

    /// Makes parts of bytes of an object inside OSS: of at least [`SMALLEST_PART`], unless they are the last.
    pub(crate) async fn copy(&mut self, source: &ObjectVersion, range: Range<u64>) -> Result<()> {
        for span in spans(range, self.context.config.multipart_copy_size) {
            let part_number = self.number()?;
            self.length += span.end - span.start;
            if self.is_left(part_number, &span) {
                continue;
            }
            if let Some(kept) = self.kept {
                let mut batch = self.context.ledger().batch();
                let record = PartRecord::Copies {
                    number: part_number,
                    source: source.into(),
                    start: span.start,
                    end: span.end,
                };
                batch.add(Key::Upload(kept), &record);
                self.context.ledger().commit(&mut batch);
            }
            self.start_copy(part_number, source, span)?;
            self.room().await?;
        }
        Ok(())
    }

    /// Has a part copied.
    pub(super) fn start_copy(
        &mut self,
        part_number: u32,
        source: &ObjectVersion,
        span: Range<u64>,
    ) -> Result<()> {
        let context = Arc::clone(&self.context);
        // Of a part that is the whole object, the sum is known even if no answer tells.
        let known = source.crc64.filter(|_| span == (0..source.size));
        let request = UploadPartCopy {
            source_version_id: None,
            bucket: context.config.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id()?,
            part_number,
            source_bucket: context.config.bucket.clone(),
            source_key: source.key.to_string(),
            source_range: Some(span),
            source_if_match: Some(source.etag.to_string()),
        };
        let kept = self.kept;
        self.in_flight.spawn(async move {
            let part = context.client.upload_part_copy(request).await;
            let part = part.map_err(stale_if_gone).map(|mut part| {
                part.crc64 = part.crc64.or(known);
                part
            });
            note(&context, kept, part.as_ref().ok());
            part
        });
        Ok(())
    }

    /// Counts parts of a former process, which are on their way or in OSS: up to number `next`, of these lengths in bytes.
    pub(super) fn count(&mut self, next: u32, lengths: &[u64]) {
        self.next_part = next;
        self.length = lengths.iter().sum();
        self.ends_short = lengths.last().is_some_and(|last| *last < SMALLEST_PART);
        self.done
            .extend(self.left.drain().map(|(_, (_, part))| part));
    }

    /// Waits for all parts and makes the object. The ledger still has it: whoever keeps it says when that is over.
    pub(crate) async fn complete(mut self) -> Result<ossplit::PutObjectOutput> {
        while self.collect_one().await? {}
        let mut parts = std::mem::take(&mut self.done);
        parts.sort_unstable_by_key(|part| part.part_number);
        let request = CompleteMultipartUpload {
            bucket: self.context.config.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id()?,
            parts,
            forbid_overwrite: false,
            resumed: self.resumed,
        };
        let output = self
            .context
            .client
            .complete_multipart_upload(request)
            .await?;
        if let Some(id) = self.id.take() {
            self.context.uploads.ended(&id);
        }
        Ok(output)
    }

    /// Gives the upload up, and returns when its parts are gone.
    pub(super) async fn abort(mut self) -> Result<()> {
        self.forget();
        self.in_flight.shutdown().await;
        match self.abort_request() {
            Some(request) => abort(&self.context, request).await,
            None => Ok(()),
        }
    }

    /// A successor does not go on with it.
    fn forget(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.context.ledger().remove(Key::Upload(kept));
        }
    }

    fn abort_request(&mut self) -> Option<AbortMultipartUpload> {
        Some(AbortMultipartUpload {
            bucket: self.context.config.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id.take()?,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(request) = self.abort_request() else {
            return;
        };
        self.forget();
        let context = Arc::clone(&self.context);
        let mut in_flight = std::mem::take(&mut self.in_flight);
        self.runtime.spawn(async move {
            // A part that arrives after the abort would stay: wait for the tasks first.
            in_flight.shutdown().await;
            if let Err(error) = abort(&context, request).await {
                tracing::warn!(%error, "an unfinished upload could not be aborted");
            }
        });
    }
}

/// Writes down what became of a part.
fn note(context: &Context, kept: Option<u64>, part: Option<&CompletedPart>) {
    if let Some(kept) = kept {
        let mut batch = context.ledger().batch();
        let record = part.map_or(PartRecord::Failed, PartRecord::from);
        batch.add(Key::Upload(kept), &record);
        context.ledger().commit(&mut batch);
    }
}

/// Begins an upload, and leaves none whose answer was lost.
async fn initiate(context: &Context, request: InitiateMultipartUpload) -> Result<String> {
    let policy = &context.client.config().retry;
    let since = context.clock.wall() / 1_000_000_000;
    let key = request.key.clone();
    context.uploads.begins(context, &key);
    let mut tries = 0;
    loop {
        tries += 1;
        let begun = context
            .client
            .initiate_multipart_upload_once(request.clone());
        match begun.await {
            Ok(id) => return Ok(id),
            Err(error) if error.kind().is_transient() => {
                tokio::time::sleep(policy.wait(tries)).await;
                let gone = abort_unheard(context, &key, since).await;
                if tries >= policy.max_tries {
                    if gone.is_ok() {
                        context.uploads.refused(&key);
                    }
                    return Err(error.into());
                }
                gone?;
            }
            Err(error) => {
                context.uploads.refused(&key);
                return Err(error.into());
            }
        }
    }
}

async fn abort(context: &Context, request: AbortMultipartUpload) -> Result<()> {
    let id = request.upload_id.clone();
    context.client.abort_multipart_upload(request).await?;
    context.uploads.ended(&id);
    Ok(())
}

/// Pieces of a range for part copies: each at most 5 GiB and at least 100 KiB, and half of all parts at most.
fn spans(range: Range<u64>, part: u64) -> Vec<Range<u64>> {
    let mut out = Vec::new();
    let mut at = range.start;
    let few = (range.end - range.start).div_ceil(u64::from(MOST_PARTS) / 2);
    let most = part.max(few).min(LARGEST_PART);
    while at < range.end {
        let mut end = (at + most).min(range.end);
        // What would be left must not be too small to be followed by another part.
        if end < range.end && range.end - end < SMALLEST_PART {
            end -= SMALLEST_PART;
        }
        out.push(at..end);
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_spans_cover_the_object_and_are_never_too_small() {
        let part = 512 << 20;
        for size in [SMALLEST_PART, part, part + 1, 3 * part + 5, 48 << 40] {
            let spans = spans(7..7 + size, part);
            assert_eq!(spans.first().map(|s| s.start), Some(7));
            assert_eq!(spans.last().map(|s| s.end), Some(7 + size));
            assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(
                spans
                    .iter()
                    .all(|s| (SMALLEST_PART..=LARGEST_PART).contains(&(s.end - s.start)))
            );
        }
    }
}
