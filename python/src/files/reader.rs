//! Reading an object at any place, with what comes next fetched ahead.

use super::check_owner;
use crate::{
    buffer::{NewBytes, Target},
    client::Client,
    errors::Failure,
    runtime,
};
use bytes::Bytes;
use ossplit::GetObject;
use parking_lot::Mutex;
use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyBytes};
use std::{collections::VecDeque, ops::Range};
use tokio::task::JoinHandle;

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
    ahead: Mutex<Ahead>,
    owner: u32,
}

/// Blocks that lie behind each other, and how far to look ahead.
struct Ahead {
    blocks: VecDeque<(Range<u64>, Block)>,
    /// Where a sequential reader goes on.
    expected: u64,
    window: usize,
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

impl Reader {
    fn fetch(&self, range: Range<u64>) -> PyResult<Block> {
        let request = GetObject {
            version_id: self.version_id.clone(),
            ..GetObject::new(&*self.bucket, &*self.key)
                .range(range)
                .if_match(&*self.etag)
        };
        let client = self.client.clone();
        let fetch = async move { client.get_object(request).await?.body.collect().await };
        Ok(Block::Coming(runtime::runtime()?.spawn(fetch)))
    }

    /// Has the block of `offset` first in the row, and those behind it on their way.
    fn plan(&self, ahead: &mut Ahead, offset: u64, wanted: u64) -> PyResult<()> {
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
            let block = self.fetch(range.clone())?;
            ahead.blocks.push_back((range, block));
        }
        while ahead.blocks.len() <= ahead.window {
            let end = ahead.blocks.back().map_or(offset, |(range, _)| range.end);
            if end >= self.size {
                break;
            }
            let range = end..(end + self.block).min(self.size);
            let block = self.fetch(range.clone())?;
            ahead.blocks.push_back((range, block));
        }
        Ok(())
    }

    /// Gives what stands in `length` bytes from `offset` on to `push`, which says how much it took.
    fn hand_on(
        &self,
        py: Python<'_>,
        offset: u64,
        length: u64,
        mut push: impl FnMut(&[u8]) -> usize,
    ) -> PyResult<()> {
        check_owner(self.owner)?;
        let Some(mut ahead) = self.ahead.try_lock() else {
            return Err(PyRuntimeError::new_err(
                "another thread is reading this file",
            ));
        };
        let end = offset.saturating_add(length).min(self.size);
        let mut offset = offset;
        while offset < end {
            self.plan(&mut ahead, offset, end - offset)?;
            let Some((range, block)) = ahead.blocks.front_mut() else {
                break;
            };
            if let Block::Coming(fetch) = block {
                let came = runtime::wait(py, fetch)?;
                let came = came.map_err(|e| PyRuntimeError::new_err(e.to_string()));
                let came = came.and_then(|c| c.map_err(|e| Failure::from(e).into_py(py)));
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
        Ok(Self {
            client: client.here(py)?,
            bucket,
            key,
            etag,
            version_id,
            size,
            block: block.max(64 << 10),
            most,
            ahead: Mutex::new(Ahead {
                blocks: VecDeque::new(),
                expected: 0,
                window: 0,
            }),
            owner: std::process::id(),
        })
    }

    /// Fills a buffer with what stands at `offset`; less only at the end.
    fn read_at(&self, py: Python<'_>, offset: u64, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut target = Target::of(buffer)?;
        let room = target.room() as u64;
        self.hand_on(py, offset, room, |bytes| target.push(bytes))?;
        Ok(target.filled())
    }

    /// The `length` bytes that stand at `offset`; less only at the end.
    fn bytes_at<'py>(
        &self,
        py: Python<'py>,
        offset: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let length = length.min(self.size.saturating_sub(offset));
        let mut bytes = NewBytes::new(py, length as usize)?;
        self.hand_on(py, offset, length, |some| bytes.push(some))?;
        Ok(bytes.finish(py))
    }

    /// Gives up what is being fetched.
    fn close(&self) {
        if self.owner == std::process::id()
            && let Some(mut ahead) = self.ahead.try_lock()
        {
            ahead.forget();
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let ahead = self.ahead.get_mut();
        if self.owner == std::process::id() {
            ahead.forget();
        } else {
            // The tasks are the parent's.
            std::mem::forget(std::mem::take(&mut ahead.blocks));
        }
    }
}
