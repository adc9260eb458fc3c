//! Bytes taken from the pool until dropped.

use std::sync::Arc;

use super::Pool;

/// The right to hold a number of bytes in memory. Dropping it gives them back to the pool.
#[must_use = "a lease that is dropped allows nothing"]
pub struct Lease {
    pool: Arc<Pool>,
    bytes: u64,
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, bytes: u64) -> Self {
        Self { pool, bytes }
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back all but `to` bytes; does nothing if it is no larger.
    pub fn shrink(&mut self, to: u64) {
        if to < self.bytes {
            let back = self.bytes - to;
            self.bytes = to;
            self.pool.give_back(back);
        }
    }

    /// Takes `bytes` (at most all) off into a lease of their own.
    pub fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            pool: Arc::clone(&self.pool),
            bytes,
        }
    }

    /// Adds `other`, which must be of the same pool.
    pub fn merge(&mut self, mut other: Self) {
        debug_assert!(
            Arc::ptr_eq(&self.pool, &other.pool),
            "leases of different pools"
        );
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// The bytes, which the caller gives back itself.
    pub(super) fn dissolve(mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.pool.give_back(self.bytes);
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({} bytes)", self.bytes)
    }
}
