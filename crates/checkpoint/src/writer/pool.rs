//! Memory for staging: bounded, and kept from one save to the next, so that its pages are there already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The pool. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    inner: Arc<Mutex<Inner>>,
    limit: u64,
    /// Bytes of a pooled buffer.
    chunk: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// Buffers of `chunk` bytes that nobody uses.
    free: Vec<Vec<u8>>,
    /// Bytes of buffers in use.
    used: u64,
}

/// Bytes in a buffer of the pool, which has it back when they are dropped.
#[derive(Debug)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    length: usize,
    pool: Pool,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl AsMut<[u8]> for Chunk {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut inner = self.pool.lock();
        inner.used -= buffer.len() as u64;
        if buffer.len() == self.pool.chunk {
            inner.free.push(buffer);
        }
    }
}

impl Pool {
    /// At most `limit` bytes, in buffers of `chunk` bytes.
    pub(crate) fn new(limit: u64, chunk: usize) -> Self {
        Self {
            inner: Arc::default(),
            limit,
            chunk,
        }
    }

    /// Bytes that may be in use at most.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `bytes` of memory ready, as far as the limit allows: fresh pages cost more than the copy into them.
    pub(crate) fn warm(&self, bytes: u64) {
        for _ in 0..bytes.min(self.limit).div_ceil(self.chunk as u64) {
            let mut buffer = vec![0; self.chunk];
            // A write to each page; memory that is only asked for is not there yet.
            buffer.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            self.lock().free.push(buffer);
        }
    }

    /// Buffers for files of these sizes, each file in chunks; the bytes in use when they would be too many.
    pub(crate) fn take(&self, sizes: &[u64]) -> Result<Vec<Vec<Chunk>>, u64> {
        let rounded = |length: usize| {
            // A buffer of the pool for what fills most of it; what is small has its own.
            if length > self.chunk / 2 {
                self.chunk
            } else {
                length
            }
        };
        let lengths = |size: u64| {
            let (whole, rest) = (
                size / self.chunk as u64,
                (size % self.chunk as u64) as usize,
            );
            std::iter::repeat_n(self.chunk, whole as usize).chain((rest > 0).then_some(rest))
        };
        let needed: u64 = sizes
            .iter()
            .flat_map(|size| lengths(*size))
            .map(|length| rounded(length) as u64)
            .sum();
        let mut inner = self.lock();
        if inner.used + needed > self.limit {
            return Err(inner.used);
        }
        inner.used += needed;
        let chunks = sizes.iter().map(|size| {
            lengths(*size)
                .map(|length| {
                    let capacity = rounded(length);
                    let pooled = (capacity == self.chunk).then(|| inner.free.pop()).flatten();
                    Chunk {
                        buffer: pooled.unwrap_or_else(|| vec![0; capacity]),
                        length,
                        pool: self.clone(),
                    }
                })
                .collect()
        });
        Ok(chunks.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes in use, and free buffers.
    fn state(pool: &Pool) -> (u64, usize) {
        let inner = pool.lock();
        (inner.used, inner.free.len())
    }

    #[test]
    fn memory_is_bounded_and_used_again() {
        let pool = Pool::new(1000, 100);
        let taken = pool.take(&[250, 0, 10]).unwrap();
        let lengths: Vec<Vec<usize>> = taken
            .iter()
            .map(|chunks| chunks.iter().map(|c| c.as_ref().len()).collect())
            .collect();
        assert_eq!(lengths, [vec![100, 100, 50], vec![], vec![10]]);
        assert_eq!(pool.lock().used, 260);
        assert_eq!(pool.take(&[741]).unwrap_err(), 260);
        let more = pool.take(&[740]).unwrap();
        drop(taken);
        assert_eq!(state(&pool), (740, 2));
        drop(more);
        assert_eq!(state(&pool), (0, 9));
        pool.take(&[1000]).unwrap();
        assert_eq!(pool.lock().free.len(), 10);
    }
}
