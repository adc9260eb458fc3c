//! `ossplit-checkpoint` behind two classes: where checkpoints are, and a save under way.

use crate::{
    buffer::bytes_of,
    client::Client,
    errors::checkpoint_error,
    runtime::{PerProcess, wait},
};
use bytes::Bytes;
use ossplit_checkpoint::{
    Commit, Content, Depth, Error, GcSettings, Item, Location, Staging, Store, WhenBusy, Writer,
    WriterSettings, discard,
};
use pyo3::{exceptions::PyValueError, prelude::*};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// Files, bytes, and of each fault the name, the rank and what is wrong.
type Verified = (usize, u64, Vec<(String, u32, String)>);

/// How often a waiting thread looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);

/// Uploads go on beside training: on threads of their own, which yield to it where there are too few cores.
static BACKGROUND: PerProcess<Runtime> = PerProcess::new();

/// Of `setpriority(2)`: 0 is what training has, 19 yields most.
const NICE: i32 = 10;

fn background() -> PyResult<&'static Runtime> {
    BACKGROUND.get(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ossplit-save")
            .on_thread_start(|| {
                // SAFETY: takes numbers only. On Linux a thread's id stands for that thread alone.
                unsafe {
                    libc::setpriority(libc::PRIO_PROCESS, libc::gettid().cast_unsigned(), NICE)
                };
            })
            .enable_all()
            .build()
            .map_err(|e| {
                PyValueError::new_err(format!("the threads of a checkpoint can't be started: {e}"))
            })
    })
}

fn document(commit: &Commit) -> PyResult<String> {
    serde_json::to_string(commit).map_err(|e| PyValueError::new_err(e.to_string()))
}

/// A file to save: its name, and its path or the buffers that are its bytes.
type Named<'py> = (String, Option<PathBuf>, Vec<Bound<'py, PyAny>>);

/// The checkpoints at one place.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Checkpoints {
    client: Py<Client>,
    location: Location,
    settings: WriterSettings,
    writer: PerProcess<Writer>,
}

impl Checkpoints {
    fn store(&self, py: Python<'_>) -> PyResult<Store> {
        Ok(Store::new(
            self.client.get().here(py)?,
            self.location.clone(),
        ))
    }

    /// This process's writer.
    fn writer(&self, py: Python<'_>) -> PyResult<&Writer> {
        self.writer.get(|| {
            let store = self.store(py)?;
            let _entered = background()?.enter();
            Writer::new(store, self.settings.clone()).map_err(|e| checkpoint_error(py, &e))
        })
    }

    /// Waits for a look-up.
    fn look<T: Send>(
        py: Python<'_>,
        look: impl Future<Output = Result<T, Error>> + Send,
    ) -> PyResult<T> {
        wait(py, look)?.map_err(|e| checkpoint_error(py, &e))
    }
}

#[pymethods]
impl Checkpoints {
    #[new]
    #[pyo3(signature = (client, place, *, keep=None, staging="auto", staging_dir=None, memory=2 << 30, reserve=0,
        when_busy="wait", queue=1, part_size=8 << 20, parallel=8, rank=0, world_size=1, run=String::new(), timeout=600.0))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn new(
        py: Python<'_>,
        client: Py<Client>,
        place: &str,
        keep: Option<usize>,
        staging: &str,
        staging_dir: Option<PathBuf>,
        memory: u64,
        reserve: u64,
        when_busy: &str,
        queue: usize,
        part_size: u64,
        parallel: usize,
        rank: u32,
        world_size: u32,
        run: String,
        timeout: f64,
    ) -> PyResult<Self> {
        let staging = match staging {
            "auto" => Staging::Auto,
            "reflink" => Staging::Reflink,
            "hardlink" => Staging::HardLink,
            "copy" => Staging::Copy,
            "memory" => Staging::Memory,
            other => {
                return Err(PyValueError::new_err(format!(
                    "staging={other:?}: give \"auto\", \"reflink\", \"hardlink\", \"copy\" or \"memory\""
                )));
            }
        };
        let when_busy = match when_busy {
            "wait" => WhenBusy::Wait,
            "skip" => WhenBusy::Skip,
            "queue" => WhenBusy::Queue(queue),
            other => {
                return Err(PyValueError::new_err(format!(
                    "when_busy={other:?}: give \"wait\", \"skip\" or \"queue\""
                )));
            }
        };
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| {
            PyValueError::new_err(format!("timeout={timeout}: give seconds, 0 or more"))
        })?;
        let standard = WriterSettings::default();
        let settings = WriterSettings {
            keep,
            staging,
            staging_dir: staging_dir.unwrap_or(standard.staging_dir),
            memory,
            reserve,
            when_busy,
            part_size,
            parallel,
            rank,
            world_size,
            run,
            timeout,
        };
        settings.check().map_err(|e| checkpoint_error(py, &e))?;
        Ok(Self {
            client,
            location: Location::parse(place).map_err(|e| checkpoint_error(py, &e))?,
            settings,
            writer: PerProcess::new(),
        })
    }

    /// Makes the memory for staging ready.
    fn warm(&self, py: Python<'_>) -> PyResult<()> {
        self.writer(py).map(drop)
    }

    fn save(
        &self,
        py: Python<'_>,
        step: u64,
        files: Vec<Named<'_>>,
        metadata: BTreeMap<String, String>,
    ) -> PyResult<Save> {
        let writer = self.writer(py)?;
        let mut held: Vec<(String, Option<PathBuf>, Vec<Bytes>)> = Vec::new();
        for (name, path, buffers) in files {
            let buffers: PyResult<Vec<Bytes>> = buffers.iter().map(bytes_of).collect();
            held.push((name, path, buffers?));
        }
        while !py.detach(|| writer.wait_ready(TICK)) {
            py.check_signals()?;
        }
        let save = py.detach(|| {
            let items: Vec<Item<'_>> = held
                .iter()
                .map(|(name, path, buffers)| Item {
                    name: name.clone(),
                    content: match path {
                        Some(path) => Content::File(path.clone()),
                        None => Content::Bytes(buffers.iter().map(|b| &b[..]).collect()),
                    },
                })
                .collect();
            writer.save_with(step, &items, metadata)
        });
        Ok(Save(save))
    }

    fn resume(&self, py: Python<'_>) -> PyResult<Vec<Save>> {
        let writer = self.writer(py)?;
        let resumed = py.detach(|| writer.resume());
        let resumed = resumed.map_err(|e| checkpoint_error(py, &e))?;
        Ok(resumed
            .into_iter()
            .map(|resumed| Save(resumed.save))
            .collect())
    }

    fn discard(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let store = self.store(py)?;
        Self::look(py, discard(&store, &self.settings.staging_dir))
    }

    fn steps(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let store = self.store(py)?;
        Self::look(py, store.list())
    }

    fn latest(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let store = self.store(py)?;
        let found = Self::look(py, store.latest())?;
        found.as_ref().map(document).transpose()
    }

    fn commit(&self, py: Python<'_>, step: u64) -> PyResult<String> {
        let store = self.store(py)?;
        document(&Self::look(py, store.commit(step))?)
    }

    /// (files, bytes, [(name, rank, what is wrong)])
    fn verify(&self, py: Python<'_>, step: u64, deep: bool) -> PyResult<Verified> {
        let store = self.store(py)?;
        let depth = if deep { Depth::Bytes } else { Depth::Sums };
        let found = Self::look(py, store.verify(step, depth))?;
        let faults = found.faults.into_iter().map(|f| (f.name, f.rank, f.what));
        Ok((found.files, found.size, faults.collect()))
    }

    /// (files, bytes)
    fn restore(
        &self,
        py: Python<'_>,
        step: u64,
        to: PathBuf,
        rank: Option<u32>,
    ) -> PyResult<(usize, u64)> {
        let store = self.store(py)?;
        let done = Self::look(py, async move {
            let commit = store.commit(step).await?;
            store.restore(&commit, &to, rank).await
        })?;
        Ok((done.files, done.size))
    }

    fn delete(&self, py: Python<'_>, step: u64) -> PyResult<()> {
        let store = self.store(py)?;
        Self::look(py, store.delete(step))
    }

    /// (objects, bytes, unfinished uploads)
    fn gc(&self, py: Python<'_>, seconds: u64, dry_run: bool) -> PyResult<(usize, u64, usize)> {
        let store = self.store(py)?;
        let settings = GcSettings {
            older_than: Duration::from_secs(seconds),
            dry_run,
        };
        let found = Self::look(py, store.gc(&settings))?;
        Ok((found.objects, found.size, found.uploads))
    }
}

/// A save under way.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Save(ossplit_checkpoint::Save);

#[pymethods]
impl Save {
    #[getter]
    fn step(&self) -> u64 {
        self.0.step()
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.0.state().name()
    }

    /// Waits until it ended, or so many seconds; whether it ended.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let mut left = match timeout {
            None => Duration::MAX,
            Some(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| {
                PyValueError::new_err(format!("timeout={seconds}: give seconds, 0 or more"))
            })?,
        };
        loop {
            let time = left.min(TICK);
            if py.detach(|| self.0.wait_for(time)) {
                return Ok(true);
            }
            left = left.saturating_sub(time);
            if left.is_zero() {
                return Ok(false);
            }
            py.check_signals()?;
        }
    }

    /// The commit, once it ended; None before, and after a failure.
    fn commit(&self) -> PyResult<Option<String>> {
        match self.0.outcome() {
            Some(Ok(commit)) => document(&commit).map(Some),
            _ => Ok(None),
        }
    }

    /// Why it failed; None while it has not.
    fn exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self.0.outcome() {
            Some(Err(error)) => Some(checkpoint_error(py, &error).into_value(py).into_any()),
            _ => None,
        }
    }
}
