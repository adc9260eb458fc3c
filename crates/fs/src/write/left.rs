//! Files that a former process was writing.

use super::{
    Writer,
    append::Tail,
    buffer::Buffer,
    kept::{
        BufferRecord, ExtentRecord, OverlayRecord, PartRecord, PlaceRecord, UploadRecord,
        WriterRecord,
    },
    overlay::Overlay,
    staging::Staging,
    state::{Place, State},
    upload::Upload,
};
use crate::{
    Context,
    cache::{Arena, Span},
    error::{Error, Result},
    ledger::{Key, Left, ResumeError, VersionRecord},
    types::{NodeId, ObjectVersion},
};
use ossplit::{CompletedPart, NewObject};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    os::fd::OwnedFd,
    sync::Arc,
};

/// One file that a former process was writing, as the ledger has it.
pub(crate) struct LeftWriter {
    id: u64,
    record: WriterRecord<'static>,
    span: Option<Span>,
    upload: Option<LeftUpload>,
    /// Uploads that it does not go on with.
    useless: Vec<LeftUpload>,
    overlay: Option<(OwnedFd, OverlayRecord<'static>, Vec<ExtentRecord>)>,
}

struct LeftUpload {
    number: u64,
    record: UploadRecord<'static>,
    parts: BTreeMap<u32, LeftPart>,
    failed: bool,
}

struct LeftPart {
    what: What,
    done: Option<CompletedPart>,
}

/// What a part is made of.
enum What {
    Bytes(BufferRecord, Option<Span>),
    Copy(ObjectVersion, Range<u64>),
}

impl LeftPart {
    fn bytes(&self) -> Range<u64> {
        match &self.what {
            What::Bytes(record, _) => record.start..record.start + record.len,
            What::Copy(_, range) => range.clone(),
        }
    }
}

impl LeftUpload {
    fn new(number: u64, record: UploadRecord<'static>, added: Vec<PartRecord<'static>>) -> Self {
        let mut upload = Self {
            number,
            record,
            parts: BTreeMap::new(),
            failed: false,
        };
        for part in added {
            match part {
                PartRecord::Sends { number, bytes } => {
                    let what = What::Bytes(bytes, None);
                    upload.parts.insert(number, LeftPart { what, done: None });
                }
                PartRecord::Copies {
                    number,
                    source,
                    start,
                    end,
                } => {
                    let what = What::Copy(source.into(), start..end);
                    upload.parts.insert(number, LeftPart { what, done: None });
                }
                PartRecord::Done {
                    number,
                    etag,
                    size,
                    crc64,
                } => {
                    if let Some(part) = upload.parts.get_mut(&number) {
                        part.done = Some(CompletedPart {
                            part_number: number,
                            etag: etag.into_owned(),
                            size,
                            crc64,
                        });
                    }
                }
                PartRecord::Failed => upload.failed = true,
            }
        }
        upload
    }

    /// Where the parts are that OSS does not have, unless a staging file has them.
    fn places(&mut self) -> impl Iterator<Item = (Range<u64>, &mut Option<Span>)> {
        let missing = self.parts.values_mut().filter(|part| part.done.is_none());
        missing.filter_map(|part| match &mut part.what {
            What::Bytes(record, span) => {
                let (start, end) = record.place?;
                Some((start..end, span))
            }
            What::Copy(..) => None,
        })
    }

    /// Goes on with it; parts that OSS has count when they come up again.
    fn resume(self, context: &Arc<Context>) -> (Upload, BTreeMap<u32, LeftPart>) {
        let done = self.parts.iter().filter_map(|(number, part)| {
            let done = part.done.clone()?;
            Some((*number, (part.bytes(), done)))
        });
        let upload = Upload::resumed(context, self.record, self.number, done.collect());
        (upload, self.parts)
    }

    /// Goes on with it as a stream's: what is not in OSS is sent again.
    fn resume_stream(self, context: &Arc<Context>) -> Result<Upload> {
        if self.failed {
            return Err(Error::Lost);
        }
        let (mut upload, parts) = self.resume(context);
        let next = parts.keys().next_back().map_or(1, |last| last + 1);
        let lengths = parts.values().map(|part| {
            let bytes = part.bytes();
            bytes.end - bytes.start
        });
        upload.count(next, &lengths.collect::<Vec<_>>());
        for (number, part) in parts {
            match part {
                LeftPart { done: Some(_), .. } => {}
                LeftPart {
                    what: What::Bytes(record, span),
                    ..
                } => {
                    if span.is_none() && record.len > 0 {
                        return Err(Error::Lost);
                    }
                    let mut buffer = Buffer::resumed(&record, span, context);
                    let taken = buffer.take();
                    upload.start(number, taken.data, taken.lease)?;
                }
                LeftPart {
                    what: What::Copy(source, range),
                    ..
                } => upload.start_copy(number, &source, range)?,
            }
        }
        Ok(upload)
    }
}

impl LeftWriter {
    /// All of them, by node.
    pub(crate) fn all(
        context: &Context,
        left: &mut Left,
    ) -> std::result::Result<hashbrown::HashMap<NodeId, Self>, ResumeError> {
        let records: Vec<(u64, WriterRecord<'static>)> = left.take_all(|key| match key {
            Key::Writer(id) => Some(id),
            _ => None,
        })?;
        let mut uploads = Self::uploads(left)?;
        let mut writers: Vec<Self> = Vec::new();
        for (id, record) in records {
            let mut theirs = uploads.remove(&id).unwrap_or_default();
            let wanted = match record.place {
                PlaceRecord::Base | PlaceRecord::Appended(..) => None,
                PlaceRecord::Memory(_) => theirs
                    .iter()
                    .position(|upload| Some(upload.number) == record.upload),
                // Of the staging file, the last one is being sent.
                PlaceRecord::Staged => theirs.len().checked_sub(1),
            };
            let upload = wanted.map(|at| theirs.remove(at));
            let overlay = Self::overlay(left, id)?;
            writers.push(Self {
                id,
                record,
                span: None,
                upload,
                useless: theirs,
                overlay,
            });
        }
        Self::find_spans(context, left, &mut writers)?;
        let ledger = context.ledger();
        for name in left.files.keys() {
            ledger.let_go(name);
        }
        // Uploads of files that nobody writes any more are in the record on disk, and end with those of other dead
        // processes.
        let mut batch = ledger.batch();
        for upload in uploads.values().flatten() {
            batch.remove(Key::Upload(upload.number));
        }
        ledger.commit(&mut batch);
        let mut all = hashbrown::HashMap::new();
        for writer in writers {
            let Some(node) = NodeId::new(writer.record.node) else {
                continue;
            };
            // A file that was renamed had two for a moment; the later one counts.
            if let Some(old) = all.insert(node, writer) {
                old.discard(context);
            }
        }
        Ok(all)
    }

    /// Whether it has no name any more, or is about to lose it.
    pub(crate) fn is_unlinked(&self) -> bool {
        self.record.unlinked
    }

    fn uploads(left: &mut Left) -> std::result::Result<HashMap<u64, Vec<LeftUpload>>, ResumeError> {
        let keys = left.values.keys();
        let numbers = keys.filter_map(|key| match key {
            Key::Upload(number) => Some(*number),
            _ => None,
        });
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        let mut uploads: HashMap<u64, Vec<LeftUpload>> = HashMap::new();
        for number in numbers {
            let found: Option<(UploadRecord<'static>, _)> = left.take_list(Key::Upload(number))?;
            if let Some((record, added)) = found {
                let upload = LeftUpload::new(number, record, added);
                uploads
                    .entry(upload.record.writer)
                    .or_default()
                    .push(upload);
            }
        }
        Ok(uploads)
    }

    fn overlay(
        left: &mut Left,
        id: u64,
    ) -> std::result::Result<
        Option<(OwnedFd, OverlayRecord<'static>, Vec<ExtentRecord>)>,
        ResumeError,
    > {
        let found: Option<(OverlayRecord<'static>, Vec<ExtentRecord>)> =
            left.take_list(Key::Extents(id))?;
        let Some((record, added)) = found else {
            return Ok(None);
        };
        let file = left.files.remove(&*record.file);
        Ok(file.map(|file| (file, record, added)))
    }

    /// Takes over the memory that the writers name, and gives the rest back.
    fn find_spans(
        context: &Context,
        left: &mut Left,
        writers: &mut [Self],
    ) -> std::result::Result<(), ResumeError> {
        let Some(file) = left.arena.take() else {
            return Ok(());
        };
        let mut wanted = Vec::new();
        let mut places = Vec::new();
        for writer in writers {
            if let PlaceRecord::Memory(buffer) | PlaceRecord::Appended(buffer, _) =
                &writer.record.place
                && let Some((start, end)) = buffer.place
            {
                wanted.push(start..end);
                places.push(&mut writer.span);
            }
            if let Some(upload) = &mut writer.upload {
                for (range, span) in upload.places() {
                    wanted.push(range);
                    places.push(span);
                }
            }
        }
        let (arena, spans) = Arena::open(file, &wanted)?;
        for (place, span) in places.into_iter().zip(spans) {
            *place = span;
        }
        // Nobody wrote anything yet.
        let _ = context.arena.set(arena);
        Ok(())
    }

    /// The version that it is in OSS, if that has all there is.
    pub(crate) fn stored(&self) -> Option<ObjectVersion> {
        let base = self.record.base.clone().map(ObjectVersion::from);
        base.filter(|_| !self.record.dirty)
    }

    /// Goes on with it.
    pub(crate) fn resume(mut self, context: &Arc<Context>, with: NewObject) -> Writer {
        for upload in std::mem::take(&mut self.useless) {
            // Dropped: aborted.
            drop(upload.resume(context));
        }
        let record = self.record;
        let key = record.key.clone().into_owned();
        let mut failed = record.failed.then_some(Error::Lost);
        let mut resumed = None;
        let place = match record.place {
            PlaceRecord::Base => Ok(Place::Base),
            PlaceRecord::Memory(buffer) => {
                resume_memory(context, &buffer, self.span, self.upload.take())
            }
            PlaceRecord::Appended(buffer, sending) => {
                let stored = record.base.as_ref().map_or(0, VersionRecord::size);
                resume_tail(context, &buffer, (sending, stored), self.span)
            }
            PlaceRecord::Staged => {
                resumed = self.upload.take().map(|upload| upload.resume(context).0);
                let overlay = self.overlay.ok_or(Error::Lost);
                overlay.and_then(|(file, overlay, added)| {
                    let staging = Staging::resumed(file, &overlay.file, context);
                    let overlay = Overlay::resumed(staging, overlay, added, record.size)?;
                    Ok(Place::Staged(overlay))
                })
            }
        };
        let place = place.unwrap_or_else(|error| {
            tracing::error!(key, %error, "what a former process had of a file can't be found");
            failed = Some(Error::Lost);
            Place::Base
        });
        let state = State {
            key,
            base: record.base.map(ObjectVersion::from),
            upload: match &place {
                Place::Memory {
                    upload: Some(upload),
                    ..
                } => upload.kept(),
                _ => None,
            },
            place,
            failed,
            inside: false,
            last: record.last,
            resumed,
            unlinked: record.unlinked,
        };
        let node = NodeId::new(record.node).unwrap_or(NodeId::ROOT);
        let size = (record.size, record.dirty, record.normal);
        Writer::with_state(
            Arc::clone(context),
            (node, Some(self.id)),
            state,
            size,
            with,
        )
    }

    /// Forgets it: nobody has it open.
    pub(crate) fn discard(self, context: &Context) {
        let ledger = context.ledger();
        let mut batch = ledger.batch();
        batch.remove(Key::Writer(self.id));
        batch.remove(Key::Extents(self.id));
        for upload in self.upload.iter().chain(&self.useless) {
            batch.remove(Key::Upload(upload.number));
        }
        ledger.commit(&mut batch);
        if let Some((_, overlay, _)) = &self.overlay {
            ledger.let_go(&overlay.file);
        }
    }
}

fn resume_memory(
    context: &Arc<Context>,
    record: &BufferRecord,
    span: Option<Span>,
    upload: Option<LeftUpload>,
) -> Result<Place> {
    if span.is_none() && record.len > 0 {
        return Err(Error::Lost);
    }
    let upload = upload.map(|upload| upload.resume_stream(context));
    let upload = upload.transpose()?;
    if upload.as_ref().map_or(0, Upload::length) != record.start {
        return Err(Error::Lost);
    }
    let buffer = Buffer::resumed(record, span, context);
    Ok(Place::Memory { buffer, upload })
}

fn resume_tail(
    context: &Arc<Context>,
    record: &BufferRecord,
    (sending, stored): (bool, u64),
    span: Option<Span>,
) -> Result<Place> {
    if (span.is_none() && record.len > 0) || stored != record.start {
        return Err(Error::Lost);
    }
    Ok(Place::Appended(Tail {
        buffer: Buffer::resumed(record, span, context),
        sending,
        resumed: sending,
    }))
}
