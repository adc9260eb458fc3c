//! Streams to and from content files, on the blocking threads, two buffers a stream.

use super::{
    super::{StoreError, backend::Backend, content::Extent, writer::Unadopted},
    Dir, Files, Pin,
    files::StreamToken,
};
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use std::{
    collections::VecDeque,
    fs::File,
    future::Future as _,
    io::{self, Write as _},
    pin::Pin as StdPin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Work on a blocking thread.
type Task<T> = JoinHandle<io::Result<T>>;

fn joined<T>(result: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    result.unwrap_or_else(|_| Err(io::Error::other("the disk task was stopped")))
}

/// A file being written, and the guard that removes it if it is not adopted.
struct Open {
    file: File,
    guard: Unadopted,
}

/// Stages a content in a file: one buffer fills while the other is written.
pub(crate) struct FileWriter {
    dir: Arc<Dir>,
    token: StreamToken,
    filling: Vec<u8>,
    open: Option<Open>,
    writing: Option<Task<(Open, Vec<u8>)>>,
    spare: Option<Vec<u8>>,
}

impl FileWriter {
    pub(crate) fn new(dir: Arc<Dir>) -> Self {
        let token = dir.files().stream();
        Self {
            dir,
            token,
            filling: Vec::new(),
            open: None,
            writing: None,
            spare: None,
        }
    }

    pub(crate) async fn write(&mut self, mut data: &[u8]) -> Result<(), StoreError> {
        while !data.is_empty() {
            let room = self.token.buffer().saturating_sub(self.filling.len());
            if room == 0 {
                self.flush().await?;
                continue;
            }
            let (now, later) = data.split_at(room.min(data.len()));
            self.filling.extend_from_slice(now);
            data = later;
        }
        Ok(())
    }

    /// Waits for the buffer that is being written.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if let Some(writing) = self.writing.take() {
            let (open, mut buffer) = joined(writing.await)?;
            self.open = Some(open);
            buffer.clear();
            self.spare = Some(buffer);
        }
        Ok(())
    }

    /// Begins to write the full buffer.
    async fn flush(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        let full = std::mem::replace(&mut self.filling, self.spare.take().unwrap_or_default());
        let (open, dir) = (self.open.take(), Arc::clone(&self.dir));
        self.writing = Some(spawn_blocking(move || {
            let mut open = match open {
                Some(open) => open,
                None => create(&dir)?,
            };
            open.file.write_all(&full)?;
            Ok((open, full))
        }));
        Ok(())
    }

    /// Writes the rest and makes the file's bytes durable. Its name becomes so when it is adopted.
    pub(crate) async fn finish(mut self) -> Result<Unadopted, StoreError> {
        self.settle().await?;
        let (open, last, dir) = (self.open.take(), self.filling, self.dir);
        let job = spawn_blocking(move || {
            let mut open = match open {
                Some(open) => open,
                None => create(&dir)?,
            };
            open.file.write_all(&last)?;
            open.file.sync_all()?;
            Ok(open.guard)
        });
        Ok(joined(job.await)?)
    }
}

fn create(dir: &Arc<Dir>) -> io::Result<Open> {
    let (file, id) = dir.files().create_file()?;
    let guard = Unadopted::new(id, Backend::Dir(Arc::clone(dir)));
    Ok(Open { file, guard })
}

/// Reads extents in order: while one chunk is sent, the next is read.
pub(crate) struct FileReader {
    token: StreamToken,
    _pin: Option<Pin>,
    state: Option<State>,
    reading: Option<Task<(State, Vec<u8>)>>,
}

/// What moves to the blocking thread and back.
struct State {
    plan: VecDeque<Extent>,
    open: Option<File>,
}

impl FileReader {
    /// Reads slices of one open file.
    pub(crate) fn of_open(files: &Arc<Files>, file: File, slices: Vec<Extent>) -> Self {
        Self::new(files, None, slices, Some(file))
    }

    /// Reads files that the pin keeps.
    pub(crate) fn of_pinned(pin: Pin, slices: Vec<Extent>) -> Self {
        let files = Arc::clone(&pin.files);
        Self::new(&files, Some(pin), slices, None)
    }

    fn new(files: &Arc<Files>, pin: Option<Pin>, plan: Vec<Extent>, open: Option<File>) -> Self {
        Self {
            token: files.stream(),
            _pin: pin,
            state: Some(State {
                plan: plan.into(),
                open,
            }),
            reading: None,
        }
    }

    fn begin(&mut self, mut state: State) {
        let (files, limit) = (Arc::clone(self.token.files()), self.token.buffer());
        self.reading = Some(spawn_blocking(move || {
            let chunk = state.read(&files, limit)?;
            Ok((state, chunk))
        }));
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let done = joined(ready!(StdPin::new(reading).poll(cx)));
                self.reading = None;
                let (state, chunk) = match done {
                    Ok(done) => done,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                };
                if state.plan.is_empty() {
                    self.state = Some(state);
                } else {
                    self.begin(state);
                }
                return Poll::Ready(Some(Ok(chunk.into())));
            }
            match self.state.take() {
                Some(state) if !state.plan.is_empty() => self.begin(state),
                _ => return Poll::Ready(None),
            }
        }
    }
}

impl State {
    /// Reads the next chunk, at most `limit` bytes of one extent.
    fn read(&mut self, files: &Files, limit: usize) -> io::Result<Vec<u8>> {
        let Some(extent) = self.plan.front_mut() else {
            return Ok(Vec::new());
        };
        let file = match self.open.take() {
            Some(file) => file,
            None => files.open_file(extent.id)?,
        };
        let want = extent.length.min(limit as u64) as usize;
        let mut chunk = Vec::with_capacity(want);
        while chunk.len() < want {
            let at = extent.offset + chunk.len() as u64;
            if rustix::io::pread(&file, spare_capacity(&mut chunk), at)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        chunk.truncate(want);
        extent.offset += want as u64;
        extent.length -= want as u64;
        if extent.length == 0 {
            self.plan.pop_front();
        } else {
            self.open = Some(file);
        }
        Ok(chunk)
    }
}
