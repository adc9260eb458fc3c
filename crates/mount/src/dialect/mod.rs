//! Command lines, each dialect in a file, into words of the one table of options.

mod fstab;
mod ossfs1;
mod ossfs2;
mod ours;
pub(crate) mod passwd;
mod utility;

pub use fstab::without_helper_words;
pub use ossfs1::parse as ossfs1;
pub use ossfs2::parse as ossfs2;
pub use ours::add_environment;
pub use utility::Utility;

use crate::options::{Key, Written};
use std::path::PathBuf;

/// A command line, read but not yet judged. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// The bucket.
    pub bucket: String,
    /// The prefix as written, without its leading slash; empty for the whole bucket.
    pub prefix: String,
    /// As written.
    pub mountpoint: PathBuf,
    /// `-f` or `-d`.
    pub foreground: bool,
    /// In the order in which they were typed.
    pub options: Vec<Written>,
    /// The key that the dialect's own file held (ossfs 2).
    pub key: Option<Key>,
    /// What to tell the user besides.
    pub notes: Vec<String>,
    /// ossfs's utility mode: nothing is mounted.
    pub utility: Option<Utility>,
}

impl CommandLine {
    /// Whether a mount that is there is to get other flags (`-o remount`).
    pub fn remounts(&self) -> bool {
        self.options
            .iter()
            .any(|written| written.spec.name == "remount")
    }
}
