//! Who holds the memory files while serving processes come and go.

use std::io;
use std::os::fd::OwnedFd;

/// Holds files for a serving process, so that its successor gets them when it dies, at whatever instruction that is.
/// Nobody reads what is in them but this crate.
pub trait Vault: Send + Sync {
    /// Keeps a duplicate of `file` under `name`, which is not in use. When this returns, the file outlives the process
    /// (a message under way in a socket does).
    fn hold(&self, name: &str, file: &OwnedFd) -> io::Result<()>;

    /// Forgets the file of that name; fine if there is none.
    fn let_go(&self, name: &str);
}

/// Why a successor can't go on with what a former process left.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The state is of another version of this program: the old process must go on, or the mount must end.
    #[error("the state has format version {found}, this program reads version {wanted}")]
    Version {
        /// The state's.
        found: u32,
        /// Ours.
        wanted: u32,
    },
    /// Files are missing or are not what a former process wrote.
    #[error("the state can't be read: {0}")]
    Damaged(String),
    /// A memory file could not be made or mapped.
    #[error("no memory file: {0}")]
    Memory(#[from] io::Error),
}
