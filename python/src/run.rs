//! One future for each call, waited for by a thread or handed to asyncio.

use crate::{
    errors::Failure,
    runtime::{call_python, runtime, wait_and},
};
use ossplit_transfer::{Progress, ProgressFn};
use parking_lot::Mutex;
use pyo3::{prelude::*, sync::PyOnceLock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::task::AbortHandle;

/// How far a transfer is: written by its tasks, told to Python by whoever waits for it.
#[derive(Default)]
pub(crate) struct Telling {
    done: AtomicU64,
    total: AtomicU64,
    call: Option<Py<PyAny>>,
    told: Mutex<Option<(u64, u64)>>,
}

impl Telling {
    pub(crate) fn new(call: Option<Py<PyAny>>) -> Arc<Self> {
        Arc::new(Self {
            call,
            ..Self::default()
        })
    }

    /// What a transfer is given.
    pub(crate) fn progress(self: &Arc<Self>) -> Option<ProgressFn> {
        self.call.as_ref()?;
        let this = Arc::clone(self);
        Some(Arc::new(move |Progress { done, total }| {
            this.total.store(total, Relaxed);
            this.done.fetch_max(done, Relaxed);
        }))
    }

    /// Tells Python, if there is something new.
    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        let Some(call) = &self.call else {
            return Ok(());
        };
        let now = (self.done.load(Relaxed), self.total.load(Relaxed));
        let new = self.told.lock().replace(now) != Some(now);
        if new {
            call.call1(py, now)?;
        }
        Ok(())
    }
}

/// Waits for a call, or gives an awaitable of it.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    asynchronous: bool,
    telling: Option<Arc<Telling>>,
    future: impl Future<Output = Result<T, Failure>> + Send + 'static,
    finish: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    if asynchronous {
        return start(py, telling, future, finish);
    }
    let done = match &telling {
        None => wait_and(py, future, |_| Ok(()))?,
        Some(telling) => wait_and(py, future, |py| telling.tell(py))?,
    };
    let done = done.map_err(|failure| failure.into_py(py))?;
    if let Some(telling) = telling {
        telling.tell(py)?;
    }
    finish(py, done)
}

/// Cancels a call whose awaitable was cancelled.
#[pyclass(frozen, module = "ossplit._ossplit")]
struct Cancel(AbortHandle);

#[pymethods]
impl Cancel {
    fn __call__(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        if future.call_method0("cancelled")?.is_truthy()? {
            self.0.abort();
        }
        Ok(())
    }
}

/// Sets an awaitable's result or exception, on its own loop.
#[pyclass(frozen, module = "ossplit._ossplit")]
struct Settle;

#[pymethods]
impl Settle {
    #[staticmethod]
    fn settle(future: &Bound<'_, PyAny>, good: bool, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if !future.call_method0("done")?.is_truthy()? {
            let set = if good { "set_result" } else { "set_exception" };
            future.call_method1(set, (value,))?;
        }
        Ok(())
    }
}

fn start<T: Send + 'static>(
    py: Python<'_>,
    telling: Option<Arc<Telling>>,
    future: impl Future<Output = Result<T, Failure>> + Send + 'static,
    finish: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    static GET_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static SETTLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let get_loop = GET_LOOP.get_or_try_init(py, || {
        let asyncio = py.import("asyncio")?;
        asyncio.getattr("get_running_loop").map(Bound::unbind)
    })?;
    let settle = SETTLE.get_or_try_init(py, || {
        py.get_type::<Settle>().getattr("settle").map(Bound::unbind)
    })?;
    let settle = settle.clone_ref(py);
    let event_loop = get_loop.bind(py).call0()?;
    let awaitable = event_loop.call_method0("create_future")?;
    let (its_loop, its_future) = (event_loop.unbind(), awaitable.clone().unbind());
    let task = runtime()?.spawn(async move {
        let done = told(future, telling, &its_loop).await;
        call_python(|py| {
            let done = done.map_err(|failure| failure.into_py(py));
            let (good, value) = match done.and_then(|done| finish(py, done)) {
                Ok(value) => (true, value),
                Err(error) => (false, error.into_value(py).into_any()),
            };
            // A loop that was closed meanwhile has nobody who waits.
            let _ = its_loop.call_method1(
                py,
                "call_soon_threadsafe",
                (settle, its_future, good, value),
            );
        });
    });
    let cancel = Bound::new(py, Cancel(task.abort_handle()))?;
    awaitable.call_method1("add_done_callback", (cancel,))?;
    Ok(awaitable.unbind())
}

/// Lets a future end, and has the loop tell how far it is meanwhile.
async fn told<T>(
    future: impl Future<Output = T>,
    telling: Option<Arc<Telling>>,
    event_loop: &Py<PyAny>,
) -> T {
    let Some(telling) = telling.filter(|t| t.call.is_some()) else {
        return future.await;
    };
    let tell = || {
        call_python(|py| {
            let call = telling.call.as_ref().map(|call| call.clone_ref(py));
            let now = (telling.done.load(Relaxed), telling.total.load(Relaxed));
            if telling.told.lock().replace(now) != Some(now) {
                let _ = event_loop.call_method1(py, "call_soon_threadsafe", (call, now.0, now.1));
            }
        });
    };
    let mut future = std::pin::pin!(future);
    loop {
        match tokio::time::timeout(Duration::from_millis(50), &mut future).await {
            Ok(done) => {
                tell();
                return done;
            }
            Err(_) => tell(),
        }
    }
}
