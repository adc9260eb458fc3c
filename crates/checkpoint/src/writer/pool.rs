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
        let files: Vec<Vec<usize>> = sizes.iter().map(|size| self.lengths(*size)).collect();
        let lengths = || files.iter().flatten().copied();
        let capacity = |length: usize, spare: bool| {
            // A buffer of the pool for what fills most of it, and for what is smaller while there are spare ones, whose
            // pages are there already; what is tiny has its own.
            if length > self.chunk / 2 || (spare && length > TINY) {
                self.chunk
            } else {
                length
            }
        };
        let needed =
            |spare: bool| -> u64 { lengths().map(|length| capacity(length, spare) as u64).sum() };
        let mut inner = self.lock();
        let spare = inner.free.len() >= lengths().filter(|length| *length > TINY).count()
            && inner.used + needed(true) <= self.limit;
        if inner.used + needed(spare) > self.limit {
            return Err(inner.used);
        }
        inner.used += needed(spare);
        let chunks = files.iter().map(|lengths| {
            let chunks = lengths.iter().map(|length| {
                let capacity = capacity(*length, spare);
                let pooled = (capacity == self.chunk).then(|| inner.free.pop()).flatten();
                Chunk {
                    buffer: pooled.unwrap_or_else(|| vec![0; capacity]),
                    length: *length,
                    pool: self.clone(),
                }
            });
            chunks.collect()
        });
        Ok(chunks.collect())
    }

    /// The lengths of a file's chunks.
    fn lengths(&self, size: u64) -> Vec<usize> {
        let (whole, rest) = (
            (size / self.chunk as u64) as usize,
            (size % self.chunk as u64) as usize,
        );
        let mut lengths = vec![self.chunk; whole];
        lengths.extend((rest > 0).then_some(rest));
        lengths
    }
}

/// So many bytes come from the heap, whose pages are there already.
const TINY: usize = 64 << 10;

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

    #[test]
    fn what_is_small_has_a_spare_buffer_if_the_limit_allows_it() {
        let chunk = 8 * TINY;
        let pool = Pool::new(chunk as u64 + 5, chunk);
        let small = 2 * TINY as u64;
        let own = pool.take(&[small, 5]).unwrap();
        assert_eq!(state(&pool), (small + 5, 0), "no spare one yet");
        drop(own);
        pool.warm(chunk as u64);
        let spare = pool.take(&[small, 5]).unwrap();
        assert_eq!(state(&pool), (chunk as u64 + 5, 0));
        assert_eq!(spare[0][0].as_ref().len() as u64, small);
        drop(spare);
        assert_eq!(state(&pool), (0, 1));
        let _six = pool.take(&[6]).unwrap();
        let _own = pool.take(&[small]).unwrap();
        assert_eq!(state(&pool), (small + 6, 1), "a spare one is too large now");
    }
}
