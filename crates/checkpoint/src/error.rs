//! What goes wrong, by cause.

use std::{io, path::PathBuf, time::Duration};

/// Why a save, a restore or a look-up failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// OSS refused, or can't be reached.
    #[error(transparent)]
    Oss(#[from] ossplit::Error),
    /// A transfer ended.
    #[error(transparent)]
    Transfer(#[from] ossplit_transfer::Error),
    /// A local file can't be read or written.
    #[error("can't {what} {}: {source}", path.display())]
    File {
        /// read, stage and so on.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk with the staging folder is full.
    #[error(
        "can't stage {needed} bytes in {}: the disk is full ({free} bytes are free). Free some, give another staging \
         folder, or stage in memory", folder.display()
    )]
    DiskFull {
        /// The staging folder.
        folder: PathBuf,
        /// Bytes of the save.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The save does not fit into the memory set aside for staging.
    #[error(
        "can't stage {needed} bytes in memory: {limit} bytes are set aside for it and {used} of them hold saves under way. \
         Raise the limit (memory), or stage on disk"
    )]
    MemoryLimit {
        /// Bytes of the save.
        needed: u64,
        /// The setting.
        limit: u64,
        /// Held by saves under way.
        used: u64,
    },
    /// A file was written to while it was staged, or after it was staged by a hard link. Nothing was committed.
    #[error(
        "{} changed while it was saved: save once its writer has closed it, and stage by hard link only files that are \
         never rewritten in place", .0.display()
    )]
    FileChanged(PathBuf),
    /// An address is none.
    #[error("{0:?} is no place for checkpoints: give oss://BUCKET or oss://BUCKET/PREFIX")]
    Address(String),
    /// A file's name can't stand in a checkpoint.
    #[error("{name:?} can't be a file of a checkpoint: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nothing to save.
    #[error("there is no file to save in {0}")]
    Empty(String),
    /// A setting is out of bounds.
    #[error("{name}={value}: {mend}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What was given.
        value: String,
        /// What to give instead.
        mend: &'static str,
    },
    /// No checkpoint of this step is committed.
    #[error("there is no committed checkpoint of step {step} in {location}")]
    NoStep {
        /// The step.
        step: u64,
        /// `oss://BUCKET/PREFIX`.
        location: String,
    },
    /// A commit can't be understood.
    #[error("oss://{bucket}/{key} is no commit that this version understands: {why}")]
    Format {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// An object is not what was saved. A save that meets it is not committed.
    #[error("oss://{bucket}/{key} is not what was saved ({what}); it was tried {tries} times")]
    Corrupt {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// Sizes or CRC64s that differ.
        what: String,
        /// How often.
        tries: u32,
    },
    /// Other ranks did not finish in time: nothing was committed.
    #[error(
        "step {step}: rank {} of {world_size} did not finish within {} s, so nothing was committed. See that rank's log; \
         allow more time with timeout", numbers(missing), waited.as_secs()
    )]
    MissingRanks {
        /// The step.
        step: u64,
        /// Which.
        missing: Vec<u32>,
        /// How many there are.
        world_size: u32,
        /// How long.
        waited: Duration,
    },
    /// Rank 0 did not commit in time.
    #[error(
        "step {step}: rank 0 did not commit within {} s ({seen}). See rank 0's log; allow more time with timeout",
        waited.as_secs()
    )]
    NoCommit {
        /// The step.
        step: u64,
        /// How long.
        waited: Duration,
        /// What of rank 0 was seen.
        seen: String,
    },
    /// Ranks do not agree.
    #[error("step {step}: {why}")]
    Ranks {
        /// The step.
        step: u64,
        /// On what.
        why: String,
    },
    /// Another save was under way, and the writer skips then.
    #[error("step {0} was skipped: the save before it is still under way")]
    Skipped(u64),
    /// So many newer checkpoints are committed that this one would be deleted at once.
    #[error("step {0} was given up: enough newer checkpoints are committed")]
    Superseded(u64),
    /// The bytes of an interrupted save were in memory alone.
    #[error(
        "step {0} can't be finished: its bytes were in the memory of a process that is gone. What it had sent was removed; \
         stage on disk to be able to resume"
    )]
    Lost(u64),
    /// A task ended without an answer: the runtime is being shut down.
    #[error("the save was interrupted")]
    Interrupted,
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// What OSS said, if it was OSS.
    pub fn oss(&self) -> Option<&ossplit::Error> {
        match self {
            Self::Oss(error) | Self::Transfer(ossplit_transfer::Error::Oss(error)) => Some(error),
            _ => None,
        }
    }
}

fn numbers(ranks: &[u32]) -> String {
    ranks
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
