//! `ossplit umount`.

use crate::exit::Exit;
use std::path::PathBuf;

/// Arguments of `ossplit umount`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the bucket is mounted
    pub(crate) mountpoint: PathBuf,
}

/// Unmounts, and returns when the mount's processes are gone.
pub(crate) fn run(_: &Args) -> Exit {
    Exit::Failed
}
