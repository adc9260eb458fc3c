//! The answer to a raw request: its head at once, its body as it is asked for.

use crate::{
    buffer::{NewBytes, Target},
    errors::Failure,
    runtime::wait,
};
use bytes::{Buf as _, Bytes};
use http::HeaderMap;
use ossplit::{RawBody, RawOutput, crc64::Crc64};
use parking_lot::Mutex;
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyBytes,
};

/// Bodies up to this many bytes are taken in with the head: one wait instead of two.
const TAKEN_AT_ONCE: u64 = 256 << 10;

/// Names and values of headers, whose bytes become the code points of the same numbers, as in Python's own HTTP client: bytes
/// that are no UTF-8 survive.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &http::HeaderValue| value.as_bytes().iter().map(|b| char::from(*b)).collect();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

/// An answer.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Answer {
    /// The status.
    #[pyo3(get)]
    status: u16,
    /// CRC64 of the body that was sent, if it was to be checked.
    #[pyo3(get)]
    sent_crc: Option<u64>,
    headers: HeaderMap,
    length: Option<u64>,
    state: Mutex<State>,
    owner: u32,
}

struct State {
    body: Option<RawBody>,
    /// Received and not yet asked for.
    left: Bytes,
    crc: Crc64,
}

impl State {
    /// Hands on what comes, until `take` has enough: it takes what it can and gives how much that was.
    async fn read(&mut self, mut take: impl FnMut(&[u8]) -> usize) -> Result<(), Failure> {
        loop {
            if self.left.is_empty() {
                let Some(body) = &mut self.body else {
                    return Ok(());
                };
                match body.next_chunk().await {
                    Ok(Some(chunk)) => self.left = chunk,
                    Ok(None) => self.body = None,
                    Err(error) => {
                        self.body = None;
                        return Err(error.into());
                    }
                }
                continue;
            }
            let n = take(&self.left);
            if n == 0 {
                return Ok(());
            }
            self.crc.update(&self.left[..n]);
            self.left.advance(n);
        }
    }
}

impl Answer {
    /// Takes the answer, and a short body with it.
    pub(crate) async fn new(output: RawOutput) -> Result<Self, Failure> {
        let length = output
            .headers
            .get("content-length")
            .and_then(|v| v.to_str().ok()?.parse().ok());
        let mut body = Some(output.body);
        let mut left = Bytes::new();
        if length.is_some_and(|n| n <= TAKEN_AT_ONCE) {
            let mut chunks = Vec::new();
            while let Some(from) = &mut body {
                match from.next_chunk().await? {
                    Some(chunk) => chunks.push(chunk),
                    None => body = None,
                }
            }
            left = match chunks.len() {
                1 => chunks.remove(0),
                _ => chunks.concat().into(),
            };
        }
        Ok(Self {
            status: output.status.as_u16(),
            sent_crc: output.sent_crc,
            headers: output.headers,
            length,
            state: Mutex::new(State {
                body,
                left,
                crc: Crc64::new(),
            }),
            owner: std::process::id(),
        })
    }

    /// Hands on what comes, with the body to itself.
    fn reading(&self, py: Python<'_>, take: impl FnMut(&[u8]) -> usize + Send) -> PyResult<()> {
        if self.owner != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "this answer was begun before the fork: ask again in the child",
            ));
        }
        let Some(mut state) = self.state.try_lock() else {
            return Err(PyRuntimeError::new_err(
                "another thread is reading this answer: let one thread read it",
            ));
        };
        // The guard stays on this thread; what is sent to others is the state itself.
        let state: &mut State = &mut state;
        wait(py, state.read(take))?.map_err(|failure| failure.into_py(py))
    }
}

#[pymethods]
impl Answer {
    /// (name, value) of each header.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        pairs(&self.headers)
    }

    /// CRC64 of what was read so far.
    #[getter]
    fn crc(&self) -> u64 {
        self.state.lock().crc.value()
    }

    /// Up to `size` bytes; everything when `size` is negative. Less only at the end.
    #[pyo3(signature = (size=-1))]
    fn read<'py>(&self, py: Python<'py>, size: isize) -> PyResult<Bound<'py, PyBytes>> {
        let read = {
            let state = self.state.lock();
            if state.body.is_none() && (size < 0 || size as usize >= state.left.len()) {
                // All is there: no wait.
                drop(state);
                let mut state = self.state.lock();
                let all = std::mem::take(&mut state.left);
                state.crc.update(&all);
                return Ok(PyBytes::new(py, &all));
            }
            state.crc.length()
        };
        let rest = self
            .length
            .map(|length| length.saturating_sub(read) as usize);
        let wanted = match (usize::try_from(size), rest) {
            (Ok(size), Some(rest)) => size.min(rest),
            (Ok(size), None) => size,
            (Err(_), Some(rest)) => rest,
            (Err(_), None) => {
                let mut all = Vec::new();
                self.reading(py, |bytes| {
                    all.extend_from_slice(bytes);
                    bytes.len()
                })?;
                return Ok(PyBytes::new(py, &all));
            }
        };
        let mut into = NewBytes::new(py, wanted)?;
        self.reading(py, |bytes| into.push(bytes))?;
        Ok(into.finish(py))
    }

    /// Fills a writable buffer; gives how many bytes that were, 0 at the end.
    fn readinto(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut target = Target::of(buffer)?;
        self.reading(py, |bytes| target.push(bytes))?;
        Ok(target.filled())
    }

    /// Ends it; a body that was not read to its end closes its connection.
    fn close(&self) -> PyResult<()> {
        let Some(mut state) = self.state.try_lock() else {
            return Err(PyValueError::new_err(
                "another thread is reading this answer",
            ));
        };
        let body = state.body.take();
        if self.owner != std::process::id() {
            // The connection is the parent's.
            std::mem::forget(body);
        }
        Ok(())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            std::mem::forget(self.state.get_mut().body.take());
        }
    }
}
