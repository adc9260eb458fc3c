//! Writing an object from its begin to its end, in parts that go out while the next is filled. The object is there when the
//! file was closed, whole, or not at all.

use super::check_owner;
use crate::{buffer::bytes_of, client::Client, convert, run::run, runtime};
use bytes::{Bytes, BytesMut};
use ossplit::{
    AbortMultipartUpload, CompleteMultipartUpload, CompletedPart, Error, InitiateMultipartUpload,
    NewObject, PutObject, PutObjectOutput, UploadPart,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use std::sync::Arc;
use tokio::{sync::Mutex, task::JoinSet};

/// Parts grow after every so many, so that 10,000 are never too few.
const PARTS_OF_A_SIZE: u32 = 1000;

/// One object that is being written.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Writer {
    state: Arc<Mutex<State>>,
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
    owner: u32,
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
    fn step<S: Step>(
        &self,
        py: Python<'_>,
        asynchronous: bool,
        step: S,
        finish: impl FnOnce(Python<'_>, S::Done) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        check_owner(self.owner)?;
        let Ok(mut state) = self.state.clone().try_lock_owned() else {
            return Err(PyRuntimeError::new_err(
                "another thread or task is writing this file",
            ));
        };
        if state.over {
            return Err(PyValueError::new_err(
                "the file is closed, or was given up after an error",
            ));
        }
        // Until the step has ended well: one that is cancelled in the middle leaves no file to go on with.
        state.over = true;
        let work = async move {
            let done = step.run(&mut state).await;
            match &done {
                Ok(_) => state.over = S::LAST,
                // The first error counts; one while cleaning up would hide it.
                Err(_) => drop(state.abort().await),
            }
            Ok(done?)
        };
        let done = run(py, asynchronous, None, work, finish);
        if done.is_err()
            && let Ok(mut state) = self.state.try_lock()
        {
            // After Ctrl-C its upload may still be there.
            let _ = runtime::wait(py, state.abort());
        }
        done
    }
}

/// A step of writing: closures can't yet promise that their future may move between threads.
trait Step: Send + 'static {
    type Done: Send + 'static;
    /// Whether the file is over afterwards.
    const LAST: bool = true;
    fn run(self, state: &mut State) -> impl Future<Output = Result<Self::Done, Error>> + Send;
}

struct Write(Bytes);

impl Step for Write {
    type Done = ();
    const LAST: bool = false;

    async fn run(self, state: &mut State) -> Result<(), Error> {
        state.write(self.0).await
    }
}

struct Finish;

impl Step for Finish {
    type Done = PutObjectOutput;

    async fn run(self, state: &mut State) -> Result<PutObjectOutput, Error> {
        state.finish().await
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
        let owner = std::process::id();
        Ok(Self {
            state: Arc::new(Mutex::new(State {
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
                owner,
            })),
            owner,
        })
    }

    /// Takes bytes in; gives how many.
    #[pyo3(signature = (data, asynchronous=false))]
    fn write(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let bytes = bytes_of(data)?;
        let length = bytes.len();
        self.step(py, asynchronous, Write(bytes), move |py, ()| {
            Ok(length.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// Makes the object: (ETag, CRC64, version id).
    #[pyo3(signature = (asynchronous=false))]
    fn finish(&self, py: Python<'_>, asynchronous: bool) -> PyResult<Py<PyAny>> {
        self.step(py, asynchronous, Finish, |py, done| {
            let done = (done.etag, done.crc64, done.version_id);
            Ok(done.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// Gives everything up.
    #[pyo3(signature = (asynchronous=false))]
    fn abort(&self, py: Python<'_>, asynchronous: bool) -> PyResult<Py<PyAny>> {
        check_owner(self.owner)?;
        let state = self.state.clone();
        // A step that was cancelled may take a moment to let go.
        let work = async move { Ok(state.lock_owned().await.abort().await?) };
        run(py, asynchronous, None, work, |py, ()| Ok(py.None()))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            // The tasks are the parent's.
            std::mem::forget(std::mem::take(&mut self.sending));
            return;
        }
        // Never closed: the upload would cost its owner money until somebody found it.
        if let (Some(id), Ok(runtime)) = (self.upload.take(), runtime::runtime()) {
            let abort = AbortMultipartUpload::new(&*self.bucket, &*self.key, id);
            let client = self.client.clone();
            runtime.spawn(async move { client.abort_multipart_upload(abort).await });
        }
    }
}
