//! How transfers are made.

use std::path::PathBuf;

/// How transfers are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes of a part, and the largest file that travels whole. 8 MiB by default; at least 100 KiB, and as much more as
    /// 10,000 parts demand.
    pub part_size: u64,
    /// Parts in flight at most. 8 by default.
    pub parallel: usize,
    /// Bytes of parts held in memory at most, though one part is always held. 256 MiB by default.
    pub memory: u64,
    /// Where checkpoint files are; without one, a transfer that breaks off begins anew.
    pub checkpoint_dir: Option<PathBuf>,
    /// Objects larger than this many bytes are copied in parts. 1 GiB by default, `CopyObject`'s own limit.
    pub copy_threshold: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            part_size: 8 << 20,
            parallel: 8,
            memory: 256 << 20,
            checkpoint_dir: None,
            copy_threshold: 1 << 30,
        }
    }
}

impl Settings {
    /// Keeps checkpoint files in this folder, which is made if it is not there.
    #[must_use]
    pub fn with_checkpoint_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.checkpoint_dir = Some(folder.into());
        self
    }

    /// Makes parts of this many bytes.
    #[must_use]
    pub fn with_part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes;
        self
    }

    /// Parts in flight at most.
    #[must_use]
    pub fn with_parallel(mut self, parts: usize) -> Self {
        self.parallel = parts;
        self
    }

    /// How many parts of `part_size` bytes may be in flight.
    pub(crate) fn in_flight(&self, part_size: u64) -> usize {
        let fit = usize::try_from(self.memory / part_size.max(1)).unwrap_or(usize::MAX);
        self.parallel.min(fit).max(1)
    }
}
