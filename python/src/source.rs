//! Bodies that Python makes as they are sent: any iterable of bytes.

use crate::{buffer::bytes_of, runtime::call_python};
use bytes::Bytes;
use futures_util::stream;
use ossplit::Body;
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::{io, sync::Arc};

/// What an iterator raised while its body was sent.
pub(crate) type Raised = Arc<Mutex<Option<PyErr>>>;

/// A body of what an iterator gives. Each step runs on a thread that may wait, since it may read a file or ask a network.
pub(crate) fn body(iterator: Py<PyAny>, length: Option<u64>, raised: Raised) -> Body {
    let chunks = stream::unfold(Some(iterator), move |iterator| {
        let raised = Arc::clone(&raised);
        async move {
            let iterator = iterator?;
            let step = tokio::task::spawn_blocking(move || {
                let next = call_python(|py| step(py, &iterator));
                (iterator, next)
            });
            let ended = || io::Error::other("the source of the body is gone");
            match step.await {
                Ok((iterator, Some(Ok(Some(chunk))))) => Some((Ok(chunk), Some(iterator))),
                Ok((_, Some(Ok(None)))) => None,
                Ok((_, Some(Err(error)))) => {
                    *raised.lock() = Some(error);
                    Some((Err(io::Error::other("the source of the body failed")), None))
                }
                Ok((_, None)) | Err(_) => Some((Err(ended()), None)),
            }
        }
    });
    Body::stream(chunks, length)
}

fn step(py: Python<'_>, iterator: &Py<PyAny>) -> PyResult<Option<Bytes>> {
    loop {
        let next = iterator.bind(py).call_method0("__next__");
        match next {
            Ok(chunk) => {
                let chunk = bytes_of(&chunk)?;
                // An empty piece would end a chunked body.
                if !chunk.is_empty() {
                    return Ok(Some(chunk));
                }
            }
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyStopIteration>(py) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
}
