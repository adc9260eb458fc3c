//! Reading an object at any place, with what comes next fetched ahead.

use super::check_owner;
use crate::{
    buffer::{NewBytes, Target},
    client::Client,
    errors::Failure,
    run::run,
};
use bytes::Bytes;
use ossplit::GetObject;
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use std::{collections::VecDeque, ops::Range, sync::Arc};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinHandle,
};

/// What a read at an unexpected place asks for at least: most are followed by their neighbours.
const RANDOM: u64 = 128 << 10;

type Fetch = JoinHandle<Result<Bytes, ossplit::Error>>;

enum Block {
    Coming(Fetch),
    Here(Bytes),
}

/// One object, at one version.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Reader {
    object: Arc<Object>,
    ahead: Arc<Mutex<Ahead>>,
    owner: u32,
}

/// What is read, and how.
struct Object {
    client: ossplit::Client,
    bucket: String,
    key: String,
    etag: String,
    version_id: Option<String>,
    size: u64,
    /// Bytes of a block of sequential reading.
    block: u64,
    /// Blocks fetched ahead at most.
    most: usize,
}

/// Blocks that lie behind each other, and how far to look ahead.
struct Ahead {
    blocks: VecDeque<(Range<u64>, Block)>,
    /// Where a sequential reader goes on.
    expected: u64,
    window: usize,
    owner: u32,
}

impl Ahead {
    fn forget(&mut self) {
        for (_, block) in self.blocks.drain(..) {
            if let Block::Coming(fetch) = block {
                fetch.abort();
            }
        }
    }
}

impl Object {
    fn fetch(&self, range: Range<u64>) -> Block {
        let request = GetObject {
            version_id: self.version_id.clone(),
            ..GetObject::new(&*self.bucket, &*self.key)
                .range(range)
                .if_match(&*self.etag)
        };
        let client = self.client.clone();
        let fetch = async move { client.get_object(request).await?.body.collect().await };
        Block::Coming(tokio::spawn(fetch))
    }

    /// Has the block of `offset` first in the row, and those behind it on their way.
    fn plan(&self, ahead: &mut Ahead, offset: u64, wanted: u64) {
        while let Some((range, _)) = ahead.blocks.front()
            && range.end <= offset
        {
            ahead.blocks.pop_front();
            ahead.window = (ahead.window * 2).clamp(1, self.most.max(1)).min(self.most);
        }
        let front = ahead.blocks.front();
        if !front.is_some_and(|(range, _)| range.contains(&offset)) {
            ahead.forget();
            let sequential = offset == ahead.expected;
            let least = if sequential {
                self.block
            } else {
                ahead.window = 0;
                RANDOM
            };
            let range = offset..(offset + wanted.max(least)).min(self.size);
            let block = self.fetch(range.clone());
            ahead.blocks.push_back((range, block));
        }
        while ahead.blocks.len() <= ahead.window {
            let end = ahead.blocks.back().map_or(offset, |(range, _)| range.end);
            if end >= self.size {
                break;
            }
            let range = end..(end + self.block).min(self.size);
            let block = self.fetch(range.clone());
            ahead.blocks.push_back((range, block));
        }
    }

    /// Gives what stands in `length` bytes from `offset` on to `push`, which says how much it took.
    async fn hand_on(
        &self,
        ahead: &mut Ahead,
        mut offset: u64,
        length: u64,
        mut push: impl FnMut(&[u8]) -> usize + Send,
    ) -> Result<(), Failure> {
        let end = offset.saturating_add(length).min(self.size);
        while offset < end {
            self.plan(ahead, offset, end - offset);
            let Some((range, block)) = ahead.blocks.front_mut() else {
                break;
            };
            if let Block::Coming(fetch) = block {
                let came = match fetch.await {
                    Ok(came) => came.map_err(Failure::from),
                    Err(e) => Err(PyRuntimeError::new_err(e.to_string()).into()),
                };
                match came {
                    Ok(bytes) => *block = Block::Here(bytes),
                    Err(error) => {
                        ahead.forget();
                        return Err(error);
                    }
                }
            }
            if let Block::Here(bytes) = block {
                let from = (offset - range.start) as usize;
                let to = ((end - range.start) as usize).min(bytes.len());
                let n = push(bytes.get(from..to).unwrap_or_default());
                if n == 0 {
                    break;
                }
                offset += n as u64;
            }
            ahead.expected = offset;
        }
        Ok(())
    }
}

impl Reader {
    /// What is ahead, for one read at a time.
    fn ahead(&self) -> PyResult<OwnedMutexGuard<Ahead>> {
        check_owner(self.owner)?;
        self.ahead
            .clone()
            .try_lock_owned()
            .map_err(|_| PyRuntimeError::new_err("another thread or task is reading this file"))
    }
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (client, bucket, key, etag, size, version_id=None, block=4 << 20, most=8))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn new(
        py: Python<'_>,
        client: &Client,
        bucket: String,
        key: String,
        etag: String,
        size: u64,
        version_id: Option<String>,
        block: u64,
        most: usize,
    ) -> PyResult<Self> {
        let object = Object {
            client: client.here(py)?,
            bucket,
            key,
            etag,
            version_id,
            size,
            block: block.max(64 << 10),
            most,
        };
        let ahead = Ahead {
            blocks: VecDeque::new(),
            expected: 0,
            window: 0,
            owner: std::process::id(),
        };
        Ok(Self {
            object: Arc::new(object),
            owner: ahead.owner,
            ahead: Arc::new(Mutex::new(ahead)),
        })
    }

    /// Fills a buffer with what stands at `offset`, and gives how much that was; less only at the end.
    #[pyo3(signature = (offset, buffer, asynchronous=false))]
    fn read_at(
        &self,
        py: Python<'_>,
        offset: u64,
        buffer: &Bound<'_, PyAny>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let (mut ahead, object) = (self.ahead()?, self.object.clone());
        let mut target = Target::of(buffer)?;
        let room = target.room() as u64;
        let done = async move {
            let push = |bytes: &[u8]| target.push(bytes);
            object.hand_on(&mut ahead, offset, room, push).await?;
            Ok(target.filled())
        };
        run(py, asynchronous, None, done, |py, n| {
            Ok(n.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// The `length` bytes that stand at `offset`; less only at the end.
    #[pyo3(signature = (offset, length, asynchronous=false))]
    fn bytes_at(
        &self,
        py: Python<'_>,
        offset: u64,
        length: u64,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let (mut ahead, object) = (self.ahead()?, self.object.clone());
        let length = length.min(object.size.saturating_sub(offset));
        let mut bytes = NewBytes::new(py, length as usize)?;
        let done = async move {
            let push = |some: &[u8]| bytes.push(some);
            object.hand_on(&mut ahead, offset, length, push).await?;
            Ok(bytes)
        };
        run(py, asynchronous, None, done, |py, bytes| {
            Ok(bytes.finish(py).into_any().unbind())
        })
    }

    /// Gives up what is being fetched.
    fn close(&self) {
        if self.owner == std::process::id()
            && let Ok(mut ahead) = self.ahead.try_lock()
        {
            ahead.forget();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            self.forget();
        } else {
            // The tasks are the parent's.
            std::mem::forget(std::mem::take(&mut self.blocks));
        }
    }
}
