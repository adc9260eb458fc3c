//! Files that are kept as Appendable objects: what is written at the end is added to the object, and nothing else travels.
//!
//! Bytes are there for everybody as soon as they were added, so an object grows instead of appearing whole. The position
//! guards each `AppendObject`: one whose answer was lost, or which a former process sent, is found by the object's length and
//! CRC64, and never done twice. What such an object can't do (changes before its end, more than 5 GiB, attributes) makes it a
//! Normal one at the next flush.

use super::{
    buffer::Buffer,
    overlay::Overlay,
    parts::SMALLEST_PART,
    staging::Staging,
    state::{Place, State},
    writer::File,
};
use crate::{
    error::{Error, Result, stale_if_gone},
    remote::posix,
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::{AppendObject, ErrorKind, HeadObject, NewObject};
use std::sync::atomic::Ordering;

/// The end of a file, of which the rest is in OSS: the writer's base. Without a base there is nothing before it.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) buffer: Buffer,
    /// All of the buffer is being added to the object, or was when a former process died.
    pub(super) sending: bool,
    /// It was: OSS may have it already.
    pub(super) resumed: bool,
}

impl File {
    /// The end of a base that bytes can be added to, where the mount is to do that.
    pub(super) async fn tail_of(&self, state: &mut State) -> Result<Option<Tail>> {
        let Some(base) = &mut state.base else {
            return Ok(None);
        };
        // A time of change in its metadata would be wrong afterwards.
        let timed = posix::is_timed(&self.with());
        if !base.appendable || timed || base.size >= self.context.config.appendable {
            return Ok(None);
        }
        if base.crc64.is_none() {
            // A listing does not tell it, and without it no answer could be checked.
            let head = HeadObject::new(&self.context.config.bucket, &*base.key);
            let head = self.context.client.head_object(head).await;
            let head = head.map_err(stale_if_gone)?;
            if *head.etag != *base.etag {
                return Err(Error::Stale);
            }
            base.crc64 = head.crc64;
        }
        Ok(Some(Tail {
            buffer: Buffer::at(base.size),
            ..Tail::default()
        }))
    }

    /// Takes what it can of `data` at `offset`, and tells how many bytes; 0: the file's place may be another one now.
    pub(super) async fn write_tail(
        &self,
        state: &mut State,
        offset: u64,
        data: &Bytes,
    ) -> Result<usize> {
        let Place::Appended(tail) = &mut state.place else {
            return Ok(0);
        };
        if state.base.is_none() && self.normal.load(Ordering::Relaxed) {
            self.leave_tail(state).await?;
            return Ok(0);
        }
        let (full, most) = (self.full(None), self.context.config.appendable);
        let buffer = &mut tail.buffer;
        let limit = most.min(buffer.start + full);
        let mut take = limit.saturating_sub(offset).min(data.len() as u64);
        if take == 0 && offset == most && offset == buffer.start {
            self.outgrow(state).await?;
            return Ok(0);
        }
        if offset < buffer.start || take == 0 {
            self.leave_tail(state).await?;
            return Ok(0);
        }
        let likely = buffer.likely(offset + take, full, false);
        if !buffer.reserve(offset + take, likely, full, &self.context) {
            let room = (buffer.start + buffer.held()).saturating_sub(offset);
            if room == 0 && buffer.len() > 0 {
                self.append_tail(state).await?;
                return Ok(0);
            }
            if room == 0 {
                let end = offset + take.min(SMALLEST_PART);
                buffer.wait_for_room(end, full, &self.context).await?;
                return Ok(0);
            }
            take = take.min(room);
        }
        let take = take as usize;
        buffer.write(offset, &data[..take], &self.context)?;
        let filled = buffer.end() == limit;
        self.set_size(self.size().max(offset + take as u64));
        state.wrote(take);
        self.save(state);
        if filled {
            self.append_tail(state).await?;
        }
        Ok(take)
    }

    /// Cuts or grows the file within its buffer; false: the buffer has not got that.
    pub(super) fn resize_tail(&self, tail: &mut Tail, size: u64) -> Result<bool> {
        let (full, buffer) = (self.full(None), &mut tail.buffer);
        let within = size >= buffer.start
            && size < buffer.start + full
            && size <= self.context.config.appendable
            && buffer.reserve(size, size - buffer.start, full, &self.context);
        if within {
            buffer.set_end(size, &self.context)?;
        }
        Ok(within)
    }

    /// Bytes of a file that is kept so.
    pub(super) async fn read_tail(
        &self,
        tail: &Tail,
        base: Option<&ObjectVersion>,
        (offset, end): (u64, u64),
    ) -> Result<Vec<Bytes>> {
        let start = tail.buffer.start;
        let mut pieces = Vec::new();
        if let Some(base) = base
            && offset < start
        {
            pieces.push(self.get(base, offset..end.min(start)).await?);
        }
        if end > start {
            let from = (offset.max(start) - start) as usize;
            let bytes = &tail.buffer.bytes()[from..(end - start) as usize];
            pieces.push(Bytes::copy_from_slice(bytes));
        }
        Ok(pieces)
    }

    /// Ends what a former process was sending when it died.
    pub(super) async fn finish_tail(&self, state: &mut State) -> Result<()> {
        match &state.place {
            Place::Appended(tail) if tail.sending => self.append_tail(state).await,
            _ => Ok(()),
        }
    }

    /// Makes everything durable; `None` if that takes more than adding bytes to the object.
    pub(super) async fn flush_tail(&self, state: &mut State) -> Result<Option<ObjectVersion>> {
        match &state.place {
            Place::Appended(tail) if tail.buffer.len() > 0 || state.base.is_none() => {
                self.append_tail(state).await?;
            }
            _ => {}
        }
        let (Place::Appended(_), Some(base)) = (&state.place, &state.base) else {
            return Ok(None);
        };
        let version = base.clone();
        self.dirty.store(false, Ordering::Release);
        self.save(state);
        Ok(Some(version))
    }

    /// Adds the buffer to the object, or makes the object. If that can't be, the file is not kept so any more.
    pub(super) async fn append_tail(&self, state: &mut State) -> Result<()> {
        let first = state.base.is_none();
        if state.unlinked || (first && self.normal.load(Ordering::Relaxed)) {
            return self.leave_tail(state).await;
        }
        let Place::Appended(tail) = &mut state.place else {
            return Ok(());
        };
        tail.sending = true;
        let mut with = NewObject::default();
        if first {
            with = self.with();
            posix::drop_times(&mut with);
        }
        let crc_before = state.base.as_ref().map_or(Some(0), |base| base.crc64);
        let request = AppendObject {
            bucket: self.context.config.bucket.clone(),
            key: state.key.clone(),
            position: tail.buffer.start,
            body: tail.buffer.lend().into(),
            crc_before,
            resumed: tail.resumed,
            with,
        };
        // Before OSS knows: a successor must not send more than this as one piece.
        self.save(state);
        let done = match self.context.client.append_object(request).await {
            Ok(done) => done,
            Err(error) if error.kind() == ErrorKind::AppendConflict => {
                tracing::warn!(key = %state.key, %error, "the file goes on as a Normal object");
                return self.leave_tail(state).await;
            }
            Err(error) => return Err(error.into()),
        };
        let Place::Appended(tail) = &mut state.place else {
            return Err(Error::BadHandle);
        };
        let sent = tail.buffer.take();
        (tail.sending, tail.resumed) = (false, false);
        state.base = Some(ObjectVersion {
            key: state.key.as_str().into(),
            etag: done.etag.into(),
            version_id: None,
            size: tail.buffer.start,
            mtime: self.context.clock.wall(),
            crc64: done.crc64,
            appendable: true,
        });
        self.stored.store(true, Ordering::Release);
        self.save(state);
        // Not before that: a successor would look for them in vain.
        drop(sent);
        Ok(())
    }

    /// From here on the file is what any other is: its next flush makes a Normal object.
    pub(super) async fn leave_tail(&self, state: &mut State) -> Result<()> {
        let Place::Appended(tail) = &mut state.place else {
            return Ok(());
        };
        let Some(base) = &state.base else {
            let buffer = std::mem::take(&mut tail.buffer);
            let upload = None;
            self.put_in(state, Place::Memory { buffer, upload });
            return Ok(());
        };
        let under = base.clone();
        self.stage_over(state, under).await
    }

    /// A file that gets too long for an Appendable object goes on as a stream: what there is never leaves OSS.
    async fn outgrow(&self, state: &mut State) -> Result<()> {
        let streams = !state.unlinked && !self.kept.load(Ordering::Relaxed);
        let base = state.base.clone().filter(|_| streams);
        let Some(base) = base.filter(|base| base.size >= SMALLEST_PART) else {
            return self.leave_tail(state).await;
        };
        let mut upload = self.begin_upload(&state.key).await?;
        upload.copy(&base, 0..base.size).await?;
        let place = Place::Memory {
            buffer: Buffer::at(base.size),
            upload: Some(upload),
        };
        drop(self.put_in(state, place));
        Ok(())
    }

    /// Moves the buffer into a staging file over an object that has what is before it.
    pub(super) async fn stage_over(&self, state: &mut State, under: ObjectVersion) -> Result<()> {
        let (Place::Memory { buffer, .. } | Place::Appended(Tail { buffer, .. })) =
            &mut state.place
        else {
            return Ok(());
        };
        self.context.config.check_room(buffer.len())?;
        let staging = Staging::create(&self.context).await?;
        let overlay = Overlay::over(staging.clone(), under).await?;
        staging.write(buffer.start, buffer.lend()).await?;
        // An upload is dropped, which aborts it.
        drop(self.put_in(state, Place::Staged(overlay)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Context, Error, ObjectVersion,
        read::{
            fake::{FakeOss, Fault, Op},
            tests::{pattern, run},
        },
        types::NodeId,
        write::Writer,
    };
    use bytes::Bytes;
    use ossplit::NewObject;
    use std::sync::Arc;

    const PART: u64 = 100 << 10;

    fn setup() -> (FakeOss, Arc<Context>) {
        let oss = FakeOss::default();
        let context = oss.context(|config| {
            config.multipart_size = PART;
            config.appendable = 6 * PART;
        });
        (oss, context)
    }

    fn open(context: &Arc<Context>, base: Option<ObjectVersion>) -> Writer {
        let with = NewObject::default();
        Writer::new(Arc::clone(context), NodeId::ROOT, "k".into(), base, with)
    }

    fn line(number: u64) -> Bytes {
        format!("line {number}\n").into()
    }

    #[test]
    fn each_flush_is_one_append_of_what_is_new() {
        run(async {
            let (oss, context) = setup();
            let (mut writer, mut model) = (open(&context, None), Vec::new());
            for number in 0..40 {
                model.extend_from_slice(&line(number));
                writer.append(line(number)).await.unwrap();
                if number % 4 == 3 {
                    let version = writer.flush().await.unwrap();
                    assert!(oss.object("k").unwrap().0 == model && version.appendable);
                    if number == 19 {
                        // Closed, and opened again.
                        writer = open(&context, Some(version));
                    }
                }
            }
            assert_eq!((oss.asked(Op::Append), oss.asked_at_all()), (10, 10));
            let from = line(0).len() as u64;
            let middle = writer.read(from, 7).await.unwrap().concat();
            assert_eq!(middle, line(1)[..7], "what was sent is read from OSS");
        });
    }

    #[test]
    fn of_an_object_that_a_listing_showed_the_sum_is_asked_for_once() {
        run(async {
            let (oss, context) = setup();
            let base = oss.store_appendable("k", pattern(3 * PART, 1));
            let writer = open(&context, Some(base));
            for number in 0..3 {
                writer.append(line(number)).await.unwrap();
                writer.flush().await.unwrap();
            }
            let asked = (oss.asked(Op::Head), oss.asked(Op::Append));
            assert_eq!((asked, oss.asked_at_all()), ((1, 3), 4));
            assert!(oss.is_appendable("k"));
        });
    }

    #[test]
    fn what_can_not_be_appended_makes_a_normal_object() {
        run(async {
            for what in 0..4 {
                let (oss, context) = setup();
                let writer = open(&context, None);
                let mut model = pattern(2 * PART + 5, 1).to_vec();
                writer.append(model.clone().into()).await.unwrap();
                writer.flush().await.unwrap();
                assert!(oss.is_appendable("k"));
                match what {
                    0 => {
                        writer.write(7, line(1)).await.unwrap();
                        model[7..14].copy_from_slice(&line(1));
                    }
                    1 => {
                        writer.truncate(PART).await.unwrap();
                        model.truncate(PART as usize);
                    }
                    2 => {
                        writer.truncate(0).await.unwrap();
                        model.clear();
                    }
                    _ => {
                        let more = pattern(5 * PART, 2);
                        model.extend_from_slice(&more);
                        writer.append(more).await.unwrap();
                    }
                }
                let version = writer.flush().await.unwrap();
                assert!(oss.object("k").unwrap().0 == model, "{what}");
                assert!(!oss.is_appendable("k") && !version.appendable, "{what}");
                if what == 3 {
                    assert_eq!(oss.asked(Op::Get), 0, "what there was never left OSS");
                }
            }
        });
    }

    #[test]
    fn an_object_of_others_in_the_way_is_replaced_if_it_is_new_and_stale_if_it_changed() {
        run(async {
            let (oss, context) = setup();
            let writer = open(&context, None);
            oss.store("k", "theirs");
            writer.append(line(1)).await.unwrap();
            writer.flush().await.unwrap();
            assert_eq!(oss.object("k").unwrap().0, line(1));

            let base = oss.store_appendable("k", "ours");
            let writer = open(&context, Some(base));
            writer.append(line(1)).await.unwrap();
            oss.store_appendable("k", "ours and theirs");
            let flushed = writer.flush().await;
            assert!(matches!(flushed, Err(Error::Stale)), "{flushed:?}");
            assert_eq!(&oss.object("k").unwrap().0[..], b"ours and theirs");
        });
    }

    #[test]
    fn a_lost_answer_or_a_busy_service_adds_nothing_twice() {
        run(async {
            for fault in [Fault::BrokenBefore, Fault::BrokenAfter, Fault::Busy] {
                let (oss, context) = setup();
                let writer = open(&context, None);
                let mut model = Vec::new();
                for number in 0..10 {
                    oss.fail(Op::Append, fault);
                    oss.fail(Op::Append, fault);
                    model.extend_from_slice(&line(number));
                    writer.append(line(number)).await.unwrap();
                    writer.flush().await.unwrap();
                    assert!(oss.object("k").unwrap().0 == model, "{fault:?}");
                }
            }
        });
    }
}
