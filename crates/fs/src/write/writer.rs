//! One file that is open for writing.

use super::{
    buffer::Buffer,
    parts::{self, SMALLEST_PART},
    staging::Staging,
    upload::Upload,
};
use crate::{
    Context,
    budget::Priority,
    error::{Error, Result},
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::{GetObject, NewObject, PutObject, PutObjectOutput};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::Mutex;

/// One file that is open for writing; all handles on it share one. Every method may be called at
/// once with every other. One that is dropped half-way fails every later one, rather than send what
/// nobody knows to be whole: run them in tasks of their own.
pub struct Writer {
    context: Arc<Context>,
    with: NewObject,
    size: AtomicU64,
    dirty: AtomicBool,
    /// A handle reads what is written: what was sent must stay here.
    kept: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// Where the object goes; a rename changes it.
    key: String,
    /// What is in OSS and what the file began with; `None`: an empty file that is not there yet.
    base: Option<ObjectVersion>,
    place: Place,
    /// Once something failed, the file's contents here are not known any more.
    failed: Option<Error>,
}

/// Where the bytes are.
enum Place {
    /// In OSS, as `base`, untouched.
    Base,
    /// Before the buffer's start in `upload` (if there is one), the rest in the buffer.
    Memory {
        buffer: Buffer,
        upload: Option<Upload>,
    },
    /// All of them in a local file.
    Staged(Staging),
}

impl Writer {
    /// A file that begins with the contents of `base`, or empty. It goes to `key` with `with`.
    pub fn new(
        context: Arc<Context>,
        key: String,
        base: Option<ObjectVersion>,
        with: NewObject,
    ) -> Self {
        let size = base.as_ref().map_or(0, |version| version.size);
        let place = match &base {
            Some(_) => Place::Base,
            None => Place::Memory {
                buffer: Buffer::default(),
                upload: None,
            },
        };
        Self {
            context,
            with,
            size: AtomicU64::new(size),
            // A new file is not in OSS: its first flush makes it, even empty.
            dirty: AtomicBool::new(base.is_none()),
            kept: AtomicBool::new(false),
            state: Mutex::new(State {
                key,
                base,
                place,
                failed: None,
            }),
        }
    }

    /// Says that a handle will read what is written: what was sent is then kept in `tmpdir`.
    pub fn keep_for_reading(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Bytes that the file has now.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Whether a flush would send anything.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// Writes all of `data` at `offset`; a gap before it becomes zeros.
    pub async fn write(&self, offset: u64, data: Bytes) -> Result<()> {
        let mut state = self.state.lock().await;
        state.enter()?;
        let result = self.write_locked(&mut state, offset, data).await;
        state.remember(result)
    }

    /// Writes all of `data` at the end, wherever that is, and tells where it was.
    pub async fn append(&self, data: Bytes) -> Result<u64> {
        let mut state = self.state.lock().await;
        state.enter()?;
        let offset = self.size();
        let result = self.write_locked(&mut state, offset, data).await;
        state.remember(result)?;
        Ok(offset)
    }

    /// Cuts the file, or grows it with zeros.
    pub async fn truncate(&self, size: u64) -> Result<()> {
        let mut state = self.state.lock().await;
        state.enter()?;
        let result = self.truncate_locked(&mut state, size).await;
        state.remember(result)
    }

    /// What the file has at `offset`: `len` bytes, or fewer at its end.
    pub async fn read(&self, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let mut state = self.state.lock().await;
        state.enter()?;
        let result = self.read_locked(&mut state, offset, len).await;
        state.remember(result)
    }

    /// Makes everything durable: when this returns, OSS has it. Sends nothing if nothing changed.
    pub async fn flush(&self) -> Result<ObjectVersion> {
        let mut state = self.state.lock().await;
        state.enter()?;
        let result = self.flush_locked(&mut state).await;
        state.remember(result)
    }

    /// From now on the object goes to `key`. An upload under another key is begun anew there.
    pub async fn rename(&self, key: &str) -> Result<()> {
        let mut state = self.state.lock().await;
        if state.key == key {
            return Ok(());
        }
        if matches!(
            &state.place,
            Place::Memory {
                upload: Some(_),
                ..
            }
        ) {
            let result = self.stage(&mut state).await;
            state.remember(result)?;
        }
        key.clone_into(&mut state.key);
        Ok(())
    }

    /// Forgets what was not flushed: the file was unlinked. Its parts are gone when this returns.
    pub async fn discard(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        self.dirty.store(false, Ordering::Release);
        let empty = Place::Memory {
            buffer: Buffer::default(),
            upload: None,
        };
        match std::mem::replace(&mut state.place, empty) {
            Place::Memory {
                upload: Some(upload),
                ..
            } => upload.abort().await,
            _ => Ok(()),
        }
    }

    fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
        self.dirty.store(true, Ordering::Release);
    }

    async fn write_locked(&self, state: &mut State, offset: u64, data: Bytes) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(Error::TooLarge)?;
        if matches!(state.place, Place::Base) {
            self.take_base(state, offset == self.size()).await?;
        }
        // A long write crosses part borders: take it piece by piece.
        let mut offset = offset;
        let mut data = data;
        while !data.is_empty() {
            match &mut state.place {
                Place::Base => return Err(Error::BadHandle),
                Place::Staged(staging) => {
                    staging.write(offset, std::mem::take(&mut data)).await?;
                    continue;
                }
                Place::Memory { buffer, upload } => {
                    let number = upload.as_ref().map_or(1, Upload::next_part);
                    let full = parts::growing(number, self.context.config.multipart_size);
                    let limit = buffer.start + full;
                    let take = limit.saturating_sub(offset).min(data.len() as u64);
                    let fits = offset >= buffer.start && take > 0;
                    if fits && buffer.reserve(offset + take, &self.context.budget) {
                        let piece = data.split_to(take as usize);
                        buffer.write(offset, &piece);
                        offset += take;
                        self.set_size(self.size().max(offset));
                        if buffer.len() < full || self.kept.load(Ordering::Relaxed) {
                            continue;
                        }
                    } else if offset != buffer.end()
                        || buffer.len() < SMALLEST_PART
                        || self.kept.load(Ordering::Relaxed)
                    {
                        // Before the buffer, far after it, or no room for even a small part.
                        self.stage(state).await?;
                        continue;
                    }
                }
            }
            self.send_buffer(state).await?;
        }
        self.set_size(self.size().max(end));
        Ok(())
    }

    /// Sends the buffer as the next part.
    async fn send_buffer(&self, state: &mut State) -> Result<()> {
        let State { key, place, .. } = state;
        let Place::Memory { buffer, upload } = place else {
            return Err(Error::BadHandle);
        };
        let upload = match upload {
            Some(upload) => upload,
            None => upload.insert(Upload::begin(&self.context, key, &self.with).await?),
        };
        let (data, lease) = buffer.take();
        upload.send(data, lease).await
    }

    /// Brings the contents of `base` to where they can be changed.
    async fn take_base(&self, state: &mut State, at_end: bool) -> Result<()> {
        let base = state.base.clone().ok_or(Error::BadHandle)?;
        let config = &self.context.config;
        let kept = self.kept.load(Ordering::Relaxed);
        if base.size <= config.multipart_size {
            let mut buffer = Buffer::default();
            if buffer.reserve(base.size, &self.context.budget) {
                let whole = self.download(&base).await?;
                buffer.write(0, &whole);
                state.place = Place::Memory {
                    buffer,
                    upload: None,
                };
                return Ok(());
            }
        } else if at_end && !kept && base.size >= SMALLEST_PART {
            // Appending: the old bytes never leave OSS.
            let mut upload = Upload::begin(&self.context, &state.key, &self.with).await?;
            upload.copy(&base, base.size).await?;
            let buffer = Buffer::at(base.size);
            state.place = Place::Memory {
                buffer,
                upload: Some(upload),
            };
            return Ok(());
        }
        state.place = Place::Staged(self.stage_base(&base, base.size).await?);
        Ok(())
    }

    fn get(&self, base: &ObjectVersion) -> GetObject {
        let bucket = self.context.config.bucket.clone();
        GetObject::new(bucket, &*base.key).if_match(&*base.etag)
    }

    async fn download(&self, base: &ObjectVersion) -> Result<Bytes> {
        if base.size == 0 {
            return Ok(Bytes::new());
        }
        let mut answer = self.context.client.get_object(self.get(base)).await?;
        Ok(answer.body.collect().await?)
    }

    /// The first `size` bytes of `base` in a staging file.
    async fn stage_base(&self, base: &ObjectVersion, size: u64) -> Result<Staging> {
        let staging = Staging::create(&self.context.config.tmpdir).await?;
        if size > 0 {
            let get = self.get(base);
            let get = if size < base.size {
                get.range(0..size)
            } else {
                get
            };
            let mut answer = self.context.client.get_object(get).await?;
            let mut offset = 0;
            while let Some(chunk) = answer.body.next_chunk().await? {
                let length = chunk.len() as u64;
                staging.write(offset, chunk).await?;
                offset += length;
            }
        }
        Ok(staging)
    }

    /// Moves everything into a staging file.
    async fn stage(&self, state: &mut State) -> Result<()> {
        if let Place::Memory {
            upload: Some(_), ..
        } = &state.place
        {
            // What was sent can only be read back as an object.
            self.flush_locked(state).await?;
            self.dirty.store(true, Ordering::Release);
        }
        let staging = match &mut state.place {
            Place::Staged(_) => return Ok(()),
            Place::Base => {
                let base = state.base.clone().ok_or(Error::BadHandle)?;
                self.stage_base(&base, base.size).await?
            }
            Place::Memory { buffer, .. } => {
                let staging = Staging::create(&self.context.config.tmpdir).await?;
                staging
                    .write(0, Bytes::copy_from_slice(buffer.bytes()))
                    .await?;
                staging
            }
        };
        state.place = Place::Staged(staging);
        Ok(())
    }

    async fn truncate_locked(&self, state: &mut State, size: u64) -> Result<()> {
        if size == self.size() {
            return Ok(());
        }
        if size == 0 {
            let empty = Place::Memory {
                buffer: Buffer::default(),
                upload: None,
            };
            // An upload under way is dropped, which aborts it.
            state.place = empty;
            self.set_size(0);
            return Ok(());
        }
        if matches!(state.place, Place::Base) {
            let base = state.base.clone().ok_or(Error::BadHandle)?;
            if size < base.size && base.size > self.context.config.multipart_size {
                // Only what stays is fetched.
                state.place = Place::Staged(self.stage_base(&base, size).await?);
            } else {
                self.take_base(state, false).await?;
            }
        }
        let in_buffer = match &mut state.place {
            Place::Memory { buffer, upload } => {
                let number = upload.as_ref().map_or(1, Upload::next_part);
                let full = parts::growing(number, self.context.config.multipart_size);
                size >= buffer.start
                    && size - buffer.start <= full
                    && buffer.reserve(size, &self.context.budget)
            }
            Place::Base | Place::Staged(_) => false,
        };
        if let Place::Memory { buffer, .. } = &mut state.place
            && in_buffer
        {
            buffer.set_end(size);
        } else {
            self.stage(state).await?;
            let Place::Staged(staging) = &state.place else {
                return Err(Error::BadHandle);
            };
            staging.set_len(size).await?;
        }
        self.set_size(size);
        Ok(())
    }

    async fn read_locked(&self, state: &mut State, offset: u64, len: u32) -> Result<Vec<Bytes>> {
        let size = self.size();
        let end = offset.saturating_add(u64::from(len)).min(size);
        if offset >= end {
            return Ok(Vec::new());
        }
        if let Place::Memory {
            buffer,
            upload: Some(_),
        } = &state.place
            && offset < buffer.start
        {
            self.stage(state).await?;
        }
        match &state.place {
            Place::Base => {
                let base = state.base.clone().ok_or(Error::BadHandle)?;
                let get = self.get(&base).range(offset..end);
                let mut answer = self.context.client.get_object(get).await?;
                Ok(vec![answer.body.collect().await?])
            }
            Place::Memory { buffer, .. } => {
                let from = (offset - buffer.start) as usize;
                let to = (end - buffer.start) as usize;
                Ok(vec![Bytes::copy_from_slice(&buffer.bytes()[from..to])])
            }
            Place::Staged(staging) => Ok(vec![staging.read(offset, end - offset).await?]),
        }
    }

    async fn flush_locked(&self, state: &mut State) -> Result<ObjectVersion> {
        if let (false, Some(base)) = (self.is_dirty(), &state.base) {
            return Ok(base.clone());
        }
        let size = self.size();
        let output = match &mut state.place {
            Place::Base => return state.base.clone().ok_or(Error::BadHandle),
            Place::Memory {
                buffer,
                upload: None,
            } => {
                let data = buffer.lend();
                let output = self.put(&state.key, data.clone()).await?;
                buffer.give_back(data);
                output
            }
            Place::Memory { buffer, upload } => {
                let mut sending = upload.take().ok_or(Error::BadHandle)?;
                if buffer.len() > 0 {
                    let (data, lease) = buffer.take();
                    sending.send(data, lease).await?;
                }
                debug_assert_eq!(sending.length(), size, "parts cover the file");
                sending.complete().await?
            }
            Place::Staged(staging) => {
                let staging = staging.clone();
                self.send_staged(&state.key, &staging, size).await?
            }
        };
        let version = ObjectVersion {
            key: state.key.as_str().into(),
            etag: output.etag.into(),
            version_id: output.version_id.map(Into::into),
            size,
            mtime: self.context.clock.wall(),
            crc64: output.crc64,
        };
        state.base = Some(version.clone());
        if matches!(&state.place, Place::Memory { buffer, .. } if buffer.start > 0) {
            // What was sent is in OSS now; the next write begins from there.
            state.place = Place::Base;
        }
        self.dirty.store(false, Ordering::Release);
        Ok(version)
    }

    async fn put(&self, key: &str, data: Bytes) -> Result<PutObjectOutput> {
        let request = PutObject::new(self.context.config.bucket.clone(), key, data);
        Ok(self
            .context
            .client
            .put_object(request.with(self.with.clone()))
            .await?)
    }

    async fn send_staged(
        &self,
        key: &str,
        staging: &Staging,
        size: u64,
    ) -> Result<PutObjectOutput> {
        let budget = &self.context.budget;
        // No more in memory at once than the class may ever lease.
        let most = (budget.total() / 4).max(SMALLEST_PART);
        let part = parts::even(size, self.context.config.multipart_size.min(most));
        if size <= part {
            let _lease = budget.lease(Priority::Write, size).await?;
            return self.put(key, staging.read(0, size).await?).await;
        }
        let mut upload = Upload::begin(&self.context, key, &self.with).await?;
        let mut offset = 0;
        while offset < size {
            let length = part.min(size - offset);
            let lease = budget.lease(Priority::Write, length).await?;
            upload
                .send(staging.read(offset, length).await?, Some(lease))
                .await?;
            offset += length;
        }
        upload.complete().await
    }
}

impl State {
    /// Refuses once something failed. Until [`State::remember`] says otherwise, this call did.
    fn enter(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.failed = Some(Error::Unsupported("going on after an interrupted call"));
        Ok(())
    }

    fn remember<T>(&mut self, result: Result<T>) -> Result<T> {
        self.failed = result.as_ref().err().cloned();
        result
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
