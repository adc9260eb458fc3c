//! The one tokio runtime of a process, made when it is first needed, and how Python threads wait for it.
//!
//! A fork copies the runtime's memory but none of its threads, and locks that other threads held stay locked for ever. So
//! nothing of the parent's is used in a child: whatever depends on the runtime is kept by process id and made anew.

use parking_lot::RwLock;
use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyCFunction};
use std::{
    cell::Cell,
    convert::Infallible,
    pin::pin,
    process,
    ptr::null_mut,
    sync::atomic::{AtomicPtr, Ordering},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// How often a waiting thread looks for Ctrl-C, and tells how far a transfer is.
const TICK: Duration = Duration::from_millis(50);

/// A value that each process makes for itself.
pub(crate) struct PerProcess<T>(AtomicPtr<(u32, T)>);

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// This process's value. The parent's is left alone: dropping it could wait for threads that are not there.
    pub(crate) fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let pid = process::id();
        let current = self.0.load(Ordering::Acquire);
        // SAFETY: a pointer that was stored is never freed before `self` is.
        if let Some((owner, value)) = unsafe { current.as_ref() }
            && *owner == pid
        {
            return Ok(value);
        }
        let made = Box::into_raw(Box::new((pid, make()?)));
        let stored = self
            .0
            .compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire);
        let kept = match stored {
            Ok(_) => made,
            Err(other) => {
                // SAFETY: `made` was never shared; another thread of this process was faster.
                drop(unsafe { Box::from_raw(made) });
                other
            }
        };
        // SAFETY: as above; after a lost race it is the value of this process, since a fork has one thread only.
        Ok(unsafe { &(*kept).1 })
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.0.get_mut();
        // SAFETY: as in `get`; nobody else can see it any more.
        if let Some((owner, _)) = unsafe { current.as_ref() }
            && *owner == process::id()
        {
            // SAFETY: it came from `Box::into_raw` and belongs to this process.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// This process's runtime.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    RUNTIME.get(|| {
        Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8)))
            .thread_name("ossplit")
            .on_thread_start(|| OURS.set(true))
            .enable_all()
            .build()
            .map_err(|e| {
                PyRuntimeError::new_err(format!("the threads of ossplit can't be started: {e}"))
            })
    })
}

/// How long a program that ends waits for calls of Python that its runtime's threads are in.
const CALLS_END: Duration = Duration::from_secs(10);

/// Read-locked by who calls Python from a thread of the runtime's; whether that may still be done.
fn calls() -> &'static RwLock<bool> {
    static CALLS: PerProcess<RwLock<bool>> = PerProcess::new();
    let Ok(calls) = CALLS.get(|| Ok::<_, Infallible>(RwLock::new(true)));
    calls
}

thread_local! {
    /// This thread is one of the runtime's: Python knows nothing of it.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Why a call of Python came to nothing that was made too late.
pub(crate) const ENDING: &str = "Python is shutting down";

/// Calls Python; `None` on a thread of the runtime's once the interpreter is about to end.
///
/// Before `CPython` 3.14 an interpreter that ends takes down each thread that asks for the GIL, and one that does so with
/// frames of Rust on its stack aborts the process: [`end_calls_at_exit`] sees to it that there is none.
pub(crate) fn call_python<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    if !OURS.get() {
        return Python::try_attach(call);
    }
    // A call may lead to another one.
    let open = calls().read_recursive();
    if !*open {
        return None;
    }
    Python::try_attach(call)
}

/// Has Python wait, when it is about to end, until no thread of the runtime's calls it.
pub(crate) fn end_calls_at_exit(py: Python<'_>) -> PyResult<()> {
    let end = PyCFunction::new_closure(py, None, None, |args, _| {
        args.py().detach(|| {
            if let Some(mut open) = calls().try_write_for(CALLS_END) {
                *open = false;
            }
        });
    })?;
    py.import("atexit")?.call_method1("register", (end,))?;
    Ok(())
}

/// Waits without the GIL. Ctrl-C, and whatever else a signal handler raises, ends the wait and cancels the future.
pub(crate) fn wait<T: Send>(py: Python<'_>, future: impl Future<Output = T> + Send) -> PyResult<T> {
    wait_and(py, future, |_| Ok(()))
}

/// The same; calls `meanwhile` on this thread now and then. What it raises cancels the future.
pub(crate) fn wait_and<T: Send>(
    py: Python<'_>,
    future: impl Future<Output = T> + Send,
    mut meanwhile: impl FnMut(Python<'_>) -> PyResult<()> + Send,
) -> PyResult<T> {
    let runtime = runtime()?;
    py.detach(|| {
        let mut future = pin!(future);
        loop {
            // `block_on` is left for each look, so that a handler may itself call this library.
            let step = runtime.block_on(async { tokio::time::timeout(TICK, &mut future).await });
            match step {
                Ok(done) => return Ok(done),
                Err(_) => Python::attach(|py| {
                    py.check_signals()?;
                    meanwhile(py)
                })?,
            }
        }
    })
}
