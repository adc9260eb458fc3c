//! Command lines, each dialect in a file, into words of the one table of options.

mod ossfs1;
pub(crate) mod passwd;

pub use ossfs1::parse as ossfs1;

use crate::options::Written;
use std::path::PathBuf;

/// A command line, read but not yet judged.
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
}
