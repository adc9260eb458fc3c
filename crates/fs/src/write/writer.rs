//! One file that is open for writing.

use super::{
    append::Tail,
    parts::SMALLEST_PART,
    spill::Spill,
    state::{Place, State},
    upload::Upload,
};
use crate::{
    Context,
    error::{Error, Result},
    ledger::Ledger,
    types::{NodeId, ObjectVersion},
};
use bytes::Bytes;
use ossplit::NewObject;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Mutex;

/// How long a stream waits for room: for a whole part before it sends a smaller one, for its first before it goes to disk.
const PATIENCE: Duration = Duration::from_millis(500);
/// A part is at least this share of its full size, unless [`PATIENCE`] ran out: 10,000 are all there are.
const SMALL_SHARE: u64 = 8;

/// One file that is open for writing; all handles on it share one. Every method may be called at
/// once with every other. One that is dropped half-way fails every later one, rather than send what
/// nobody knows to be whole: run them in tasks of their own.
pub struct Writer {
    pub(super) file: Arc<File>,
    _spill: Arc<Spill>,
}

/// What a writer knows.
pub(super) struct File {
    pub(super) context: Arc<Context>,
    /// What a successor will go on with, and under which number; `None`: there will be none.
    pub(super) ledger: Ledger,
    pub(super) id: Option<u64>,
    pub(super) node: NodeId,
    pub(super) with: parking_lot::Mutex<NewObject>,
    pub(super) size: AtomicU64,
    pub(super) dirty: AtomicBool,
    /// There is an object under its key, by this writer's doing or from before.
    pub(super) stored: AtomicBool,
    /// A new object is a Normal one, even where the mount makes Appendable ones.
    pub(super) normal: AtomicBool,
    /// A handle reads what is written: what was sent must stay here.
    pub(super) kept: AtomicBool,
    /// Somebody wrote since the budget last asked for memory.
    pub(super) busy: AtomicBool,
    pub(super) state: Arc<Mutex<State>>,
}

impl Writer {
    /// A node's file, which begins with the contents of `base`, or empty. It goes to `key` with `with`.
    pub fn new(
        context: Arc<Context>,
        node: NodeId,
        key: String,
        base: Option<ObjectVersion>,
        with: NewObject,
    ) -> Self {
        let size = base.as_ref().map_or(0, |version| version.size);
        let place = match &base {
            Some(_) => Place::Base,
            None if context.config.appendable > 0 => Place::Appended(Tail::default()),
            None => Place::empty(),
        };
        // A new file is not in OSS: its first flush makes it, even empty.
        let dirty = base.is_none();
        let state = State {
            key,
            base,
            place,
            failed: None,
            inside: false,
            upload: None,
            last: None,
            resumed: None,
            unlinked: false,
        };
        let id = context.ledger().next_number();
        let writer = Self::with_state(context, (node, id), state, (size, dirty, false), with);
        if dirty && let Ok(state) = writer.file.state.try_lock() {
            writer.file.save(&state);
        }
        writer
    }

    /// A file that is `state`, of this size, dirty or not, and to be a Normal object or not.
    pub(super) fn with_state(
        context: Arc<Context>,
        (node, id): (NodeId, Option<u64>),
        state: State,
        (size, dirty, normal): (u64, bool, bool),
        with: NewObject,
    ) -> Self {
        let file = Arc::new(File {
            ledger: context.ledger(),
            context,
            id,
            node,
            with: parking_lot::Mutex::new(with),
            size: AtomicU64::new(size),
            dirty: AtomicBool::new(dirty),
            stored: AtomicBool::new(state.base.is_some()),
            normal: AtomicBool::new(normal),
            kept: AtomicBool::new(state.unlinked),
            busy: AtomicBool::new(true),
            state: Arc::new(Mutex::new(state)),
        });
        let spill = Spill::register(&file);
        Self {
            file,
            _spill: spill,
        }
    }

    /// What the object is to be written with from now on; false if it is too late for the next flush, since its
    /// upload has begun.
    pub fn describe(&self, with: NewObject) -> bool {
        *self.file.with.lock() = with;
        let Ok(state) = self.file.state.try_lock() else {
            return false;
        };
        match &state.place {
            Place::Memory { upload, .. } => upload.is_none(),
            // What is added to an object says nothing of the rest.
            Place::Appended(_) => state.base.is_none(),
            Place::Base | Place::Staged(_) => true,
        }
    }

    /// Says that a new file must be a Normal object: it has times that an Appendable one could not keep, or replaces what
    /// is there.
    pub fn keep_normal(&self) {
        self.file.normal.store(true, Ordering::Relaxed);
        if let Ok(state) = self.file.state.try_lock() {
            self.file.save(&state);
        }
    }

    /// Says that a handle will read what is written: what was sent is then kept in `tmpdir`.
    pub fn keep_for_reading(&self) {
        self.file.kept.store(true, Ordering::Relaxed);
    }

    /// Whether there is an object under its key, also one that no flush has told of.
    pub fn is_stored(&self) -> bool {
        self.file.stored.load(Ordering::Acquire)
    }

    /// Bytes that the file has now.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Whether a flush would send anything.
    pub fn is_dirty(&self) -> bool {
        self.file.is_dirty()
    }

    /// Writes all of `data` at `offset`; a gap before it becomes zeros.
    pub async fn write(&self, offset: u64, data: Bytes) -> Result<()> {
        let mut state = self.file.enter().await?;
        let result = self.file.write_locked(&mut state, offset, data).await;
        self.file.end(&mut state, result)
    }

    /// Writes all of `data` at the end, wherever that is, and tells where it was.
    pub async fn append(&self, data: Bytes) -> Result<u64> {
        let mut state = self.file.enter().await?;
        let offset = state.again().map_or(self.size(), |last| last.offset);
        let result = self.file.write_locked(&mut state, offset, data).await;
        self.file.end(&mut state, result)?;
        Ok(offset)
    }

    /// Cuts the file, or grows it with zeros.
    pub async fn truncate(&self, size: u64) -> Result<()> {
        let mut state = self.file.enter().await?;
        let result = self.file.truncate_locked(&mut state, size).await;
        self.file.end(&mut state, result)
    }

    /// What the file has at `offset`: `len` bytes, or fewer at its end. A read that fails changes
    /// nothing; one of what was sent already moves the file, as `keep_for_reading` would have.
    pub async fn read(&self, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let mut state = self.file.state.lock().await;
        state.check()?;
        let unsure = match &state.place {
            Place::Memory { buffer, .. } => offset < buffer.start && offset < self.size(),
            Place::Appended(tail) => tail.sending,
            Place::Base | Place::Staged(_) => false,
        };
        if unsure {
            state.enter()?;
            let result = match &state.place {
                Place::Appended(_) => self.file.finish_tail(&mut state).await,
                _ => self.file.stage(&mut state).await,
            };
            self.file.end(&mut state, result)?;
        }
        self.file.read_locked(&mut state, offset, len).await
    }

    /// Makes everything durable: when this returns, OSS has it. Sends nothing if nothing changed.
    pub async fn flush(&self) -> Result<ObjectVersion> {
        let mut state = self.file.enter().await?;
        let result = self.file.flush_locked(&mut state).await;
        self.file.end(&mut state, result)
    }

    /// Forgets what was not flushed: the file was unlinked. Its parts are gone when this returns.
    pub async fn discard(&self) -> Result<()> {
        let mut state = self.file.state.lock().await;
        self.file.dirty.store(false, Ordering::Release);
        match self.file.put_in(&mut state, Place::empty()) {
            Place::Memory {
                upload: Some(upload),
                ..
            } => upload.abort().await,
            _ => Ok(()),
        }
    }
}

impl File {
    pub(super) async fn enter(&self) -> Result<tokio::sync::MutexGuard<'_, State>> {
        self.set_busy();
        let mut state = self.state.lock().await;
        state.enter()?;
        Ok(state)
    }

    async fn write_locked(&self, state: &mut State, offset: u64, data: Bytes) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(Error::TooLarge)?;
        let done = state.begin_write(offset, data.len());
        let (mut offset, mut data) = (offset + done as u64, data.slice(done..));
        if data.is_empty() {
            return Ok(());
        }
        state.resumed = None;
        self.complete_short(state).await?;
        self.finish_tail(state).await?;
        if matches!(state.place, Place::Base) {
            self.take_base(state, offset == self.size()).await?;
        }
        // A long write crosses part borders: take it piece by piece.
        while !data.is_empty() {
            let kept = self.kept.load(Ordering::Relaxed);
            match &mut state.place {
                Place::Base => return Err(Error::BadHandle),
                Place::Appended(_) => {
                    let take = self.write_tail(state, offset, &data).await?;
                    offset += take as u64;
                    drop(data.split_to(take));
                }
                Place::Staged(overlay) => {
                    let take = data.len();
                    overlay
                        .write(self, offset, std::mem::take(&mut data))
                        .await?;
                    self.set_size(self.size().max(end));
                    state.wrote(take);
                    self.save(state);
                }
                Place::Memory { buffer, upload } => {
                    let full = self.full(upload.as_ref());
                    let limit = buffer.start + full;
                    let take = limit.saturating_sub(offset).min(data.len() as u64);
                    if offset < buffer.start || take == 0 {
                        // Before the buffer, or far after it.
                        self.stage(state).await?;
                        continue;
                    }
                    // A stream's next part will most likely be a full one.
                    let likely = buffer.likely(offset + take, full, upload.is_some());
                    let streams = offset == buffer.end() && !kept;
                    let take = if buffer.reserve(offset + take, likely, full, &self.context) {
                        take
                    } else if streams && buffer.spare() > 0 {
                        take.min(buffer.spare())
                    } else if streams && (upload.is_some() || buffer.len() >= SMALLEST_PART) {
                        self.make_room(state, take.min(SMALLEST_PART)).await?;
                        continue;
                    } else {
                        // Memory that others give back just now is better than the disk, which may be full.
                        let end = offset + take.min(SMALLEST_PART);
                        let has_room = streams && {
                            let room = buffer.wait_for_room(end, full, &self.context);
                            matches!(tokio::time::timeout(PATIENCE, room).await, Ok(Ok(())))
                        };
                        if !has_room {
                            self.stage(state).await?;
                        }
                        continue;
                    };
                    buffer.write(offset, &data.split_to(take as usize), &self.context)?;
                    offset += take;
                    self.set_size(self.size().max(offset));
                    let filled = buffer.len() >= full && !kept;
                    state.wrote(take as usize);
                    self.save(state);
                    if filled {
                        self.send_buffer(state).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins an upload, of which a successor learns how far it is.
    pub(super) async fn begin_upload(&self, key: &str) -> Result<Upload> {
        Upload::begin_kept(&self.context, key, &self.with(), self.id).await
    }

    /// Sends the buffer as the next part.
    pub(super) async fn send_buffer(&self, state: &mut State) -> Result<()> {
        let Place::Memory { buffer, upload } = &mut state.place else {
            return Err(Error::BadHandle);
        };
        if upload.is_none() {
            let begun = self.begin_upload(&state.key).await?;
            state.upload = upload.insert(begun).kept();
        }
        let taken = buffer.take();
        let batch = self.batch(state);
        let Place::Memory { upload, .. } = &mut state.place else {
            return Err(Error::BadHandle);
        };
        let upload = upload.as_mut().ok_or(Error::BadHandle)?;
        upload
            .send(taken.data, taken.lease, taken.record, batch)
            .await
    }

    /// Waits until a stream, for whose next `bytes` the budget has no room, may go on. It waits for its
    /// own parts first, and never holds more than the smallest part while it waits for others.
    async fn make_room(&self, state: &mut State, bytes: u64) -> Result<()> {
        let Place::Memory { buffer, upload } = &mut state.place else {
            return Ok(());
        };
        let full = self.full(upload.as_ref());
        if let Some(upload) = upload
            && upload.collect_one().await?
        {
            return Ok(());
        }
        if buffer.len() >= (full / SMALL_SHARE).max(SMALLEST_PART) {
            return self.send_buffer(state).await;
        }
        let context = &self.context;
        let end = buffer.end() + bytes;
        if buffer.len() < SMALLEST_PART {
            return buffer.wait_for_room(end, full, context).await;
        }
        match tokio::time::timeout(PATIENCE, buffer.wait_for_room(end, full, context)).await {
            Ok(room) => room,
            Err(_) => self.send_buffer(state).await,
        }
    }

    /// Makes the object that a former process was making when it died, if no part can follow the last one it sent.
    async fn complete_short(&self, state: &mut State) -> Result<()> {
        match &state.place {
            Place::Memory {
                upload: Some(upload),
                ..
            } if upload.ends_short() => self.leave_upload(state).await,
            _ => Ok(()),
        }
    }

    async fn truncate_locked(&self, state: &mut State, size: u64) -> Result<()> {
        if size == self.size() {
            return Ok(());
        }
        state.resumed = None;
        if size == 0 {
            self.set_size(0);
            // An upload under way is dropped, which aborts it.
            drop(self.put_in(state, Place::empty()));
            return Ok(());
        }
        self.complete_short(state).await?;
        self.finish_tail(state).await?;
        if matches!(state.place, Place::Base) {
            self.take_base(state, false).await?;
        }
        if let Place::Appended(tail) = &mut state.place {
            if self.resize_tail(tail, size)? {
                self.set_size(size);
                self.save(state);
                return Ok(());
            }
            self.leave_tail(state).await?;
        }
        let in_buffer = match &mut state.place {
            Place::Memory { buffer, upload } => {
                let likely = size.saturating_sub(buffer.start);
                let full = self.full(upload.as_ref());
                size >= buffer.start
                    && likely <= full
                    && buffer.reserve(size, likely, full, &self.context)
            }
            Place::Base | Place::Appended(_) | Place::Staged(_) => false,
        };
        if let Place::Memory { buffer, .. } = &mut state.place
            && in_buffer
        {
            buffer.set_end(size, &self.context)?;
        } else {
            self.stage(state).await?;
            let Place::Staged(overlay) = &mut state.place else {
                return Err(Error::BadHandle);
            };
            overlay.set_len(self, size).await?;
        }
        self.set_size(size);
        self.save(state);
        Ok(())
    }

    async fn read_locked(&self, state: &mut State, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let size = self.size();
        let end = offset.saturating_add(u64::from(len)).min(size);
        if offset >= end {
            return Ok(Vec::new());
        }
        match &mut state.place {
            Place::Base => {
                let base = state.base.clone().ok_or(Error::BadHandle)?;
                Ok(vec![self.get(&base, offset..end).await?])
            }
            Place::Memory { buffer, .. } => {
                let from = (offset - buffer.start) as usize;
                let to = (end - buffer.start) as usize;
                Ok(vec![Bytes::copy_from_slice(&buffer.bytes()[from..to])])
            }
            Place::Appended(tail) => {
                self.read_tail(tail, state.base.as_ref(), (offset, end))
                    .await
            }
            Place::Staged(overlay) => Ok(vec![overlay.read(self, offset..end).await?]),
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("size", &self.size())
            .field("dirty", &self.is_dirty())
            .finish_non_exhaustive()
    }
}
