//! Writing an object from its begin to its end, in parts that go out while the next is filled. The object is there when the
//! file was closed, whole, or not at all.

use super::check_owner;
use crate::{buffer::bytes_of, client::Client, convert, errors::Failure, runtime};
use bytes::{Bytes, BytesMut};
use ossplit::{
    AbortMultipartUpload, CompleteMultipartUpload, CompletedPart, Error, InitiateMultipartUpload,
    NewObject, PutObject, PutObjectOutput, UploadPart,
};
use parking_lot::Mutex;
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use tokio::task::JoinSet;

/// Parts grow after every so many, so that 10,000 are never too few.
const PARTS_OF_A_SIZE: u32 = 1000;

/// One object that is being written.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Writer {
    state: Mutex<State>,
    owner: u32,
}

struct State {
    client: ossplit::Client,
    bucket: String,
    key: String,
    with: NewObject,
    part_size: usize,
    parallel: usize,
    /// What was written and is not on its way.
    part: BytesMut,
    upload: Option<String>,
    next: u32,
    sending: JoinSet<Result<CompletedPart, Error>>,
    sent: Vec<CompletedPart>,
    over: bool,
}

impl State {
    fn part_size(&self) -> usize {
        self.part_size << (self.next / PARTS_OF_A_SIZE).min(12)
    }

    /// Takes bytes in; waits while too many parts are on their way.
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        while !bytes.is_empty() {
            let size = self.part_size();
            let room = size - self.part.len();
            let some = bytes.split_to(bytes.len().min(room));
            self.part.extend_from_slice(&some);
            if self.part.len() == size {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), Error> {
        let id = if let Some(id) = &self.upload {
            id.clone()
        } else {
            let mut initiate = InitiateMultipartUpload::new(&*self.bucket, &*self.key);
            initiate.with = self.with.clone();
            let id = self.client.initiate_multipart_upload(initiate).await?;
            self.upload.insert(id).clone()
        };
        while self.sending.len() >= self.parallel {
            self.one_sent().await?;
        }
        let body = self.part.split().freeze();
        let part = UploadPart::new(&*self.bucket, &*self.key, id, self.next, body);
        let client = self.client.clone();
        self.sending
            .spawn(async move { client.upload_part(part).await });
        self.next += 1;
        Ok(())
    }

    async fn one_sent(&mut self) -> Result<(), Error> {
        match self.sending.join_next().await {
            Some(Ok(sent)) => self.sent.push(sent?),
            Some(Err(error)) => {
                let message = format!("a part's task ended: {error}");
                return Err(Error::new(ossplit::ErrorKind::Connection, message));
            }
            None => {}
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<PutObjectOutput, Error> {
        if self.upload.is_none() {
            let body = self.part.split().freeze();
            let put = PutObject::new(&*self.bucket, &*self.key, body).with(self.with.clone());
            return self.client.put_object(put).await;
        }
        if !self.part.is_empty() {
            self.send_part().await?;
        }
        while !self.sending.is_empty() {
            self.one_sent().await?;
        }
        self.sent.sort_by_key(|part| part.part_number);
        let parts = std::mem::take(&mut self.sent);
        let id = self.upload.clone().unwrap_or_default();
        let mut complete = CompleteMultipartUpload::new(&*self.bucket, &*self.key, id, parts);
        complete.forbid_overwrite = self.with.forbid_overwrite;
        let done = self.client.complete_multipart_upload(complete).await?;
        self.upload = None;
        Ok(done)
    }

    /// Leaves nothing behind.
    async fn abort(&mut self) -> Result<(), Error> {
        self.over = true;
        self.part = BytesMut::new();
        self.sending.shutdown().await;
        match self.upload.take() {
            Some(id) => {
                let abort = AbortMultipartUpload::new(&*self.bucket, &*self.key, id);
                self.client.abort_multipart_upload(abort).await
            }
            None => Ok(()),
        }
    }
}

impl Writer {
    /// Runs one step; what fails, or is interrupted, ends the file and its upload.
    fn step<T: Send>(&self, py: Python<'_>, step: impl AsyncStep<T>) -> PyResult<T> {
        check_owner(self.owner)?;
        let Some(mut state) = self.state.try_lock() else {
            return Err(PyRuntimeError::new_err(
                "another thread is writing this file",
            ));
        };
        if state.over {
            return Err(PyValueError::new_err(
                "the file is closed, or was given up after an error",
            ));
        }
        let state: &mut State = &mut state;
        let done = runtime::wait(py, step.run(state));
        let error = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => Failure::from(error).into_py(py),
            Err(interrupted) => interrupted,
        };
        // The first error counts; one while cleaning up would hide it.
        let _ = runtime::wait(py, state.abort());
        Err(error)
    }
}

/// A step of writing: closures can't yet promise that their future may move between threads.
trait AsyncStep<T>: Send {
    fn run(self, state: &mut State) -> impl Future<Output = Result<T, Error>> + Send;
}

struct Write(Bytes);

impl AsyncStep<()> for Write {
    async fn run(self, state: &mut State) -> Result<(), Error> {
        state.write(self.0).await
    }
}

struct Finish;

impl AsyncStep<PutObjectOutput> for Finish {
    async fn run(self, state: &mut State) -> Result<PutObjectOutput, Error> {
        let done = state.finish().await?;
        state.over = true;
        Ok(done)
    }
}

struct Abort;

impl AsyncStep<()> for Abort {
    async fn run(self, state: &mut State) -> Result<(), Error> {
        state.abort().await
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (client, bucket, key, options=None, part_size=8 << 20, parallel=4))]
    fn new(
        py: Python<'_>,
        client: &Client,
        bucket: String,
        key: String,
        options: Option<&Bound<'_, PyDict>>,
        part_size: usize,
        parallel: usize,
    ) -> PyResult<Self> {
        if !(100 << 10..=512 << 20).contains(&part_size) {
            return Err(PyValueError::new_err(format!(
                "part_size={part_size}: give 102400 (100 KiB) to 536870912 (512 MiB) bytes"
            )));
        }
        Ok(Self {
            state: Mutex::new(State {
                client: client.here(py)?,
                bucket,
                key,
                with: convert::new_object(options)?,
                part_size,
                parallel: parallel.max(1),
                part: BytesMut::new(),
                upload: None,
                next: 1,
                sending: JoinSet::new(),
                sent: Vec::new(),
                over: false,
            }),
            owner: std::process::id(),
        })
    }

    /// Takes bytes in.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let bytes = bytes_of(data)?;
        let length = bytes.len();
        self.step(py, Write(bytes))?;
        Ok(length)
    }

    /// Makes the object: (ETag, CRC64, version id).
    fn finish(&self, py: Python<'_>) -> PyResult<(String, Option<u64>, Option<String>)> {
        let done = self.step(py, Finish)?;
        Ok((done.etag, done.crc64, done.version_id))
    }

    /// Gives everything up.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.step(py, Abort)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if self.owner != std::process::id() {
            // The tasks are the parent's.
            std::mem::forget(std::mem::take(&mut state.sending));
            return;
        }
        // Never closed: the upload would cost its owner money until somebody found it.
        if let (Some(id), Ok(runtime)) = (state.upload.take(), runtime::runtime()) {
            let abort = AbortMultipartUpload::new(&*state.bucket, &*state.key, id);
            let client = state.client.clone();
            runtime.spawn(async move { client.abort_multipart_upload(abort).await });
        }
    }
}
