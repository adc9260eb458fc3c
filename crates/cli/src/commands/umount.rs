//! `ossplit umount`.

use crate::{exit::Exit, printer};
use ossplit_mount::process;
use std::path::PathBuf;

/// Arguments of `ossplit umount`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the bucket is mounted
    pub(crate) mountpoint: PathBuf,
}

/// Unmounts, and returns when the mount's processes are gone.
pub(crate) fn run(args: &Args) -> Exit {
    match process::unmount(&args.mountpoint) {
        Ok(()) => Exit::Done,
        Err(why) => {
            printer::error(&why.to_string());
            Exit::Failed
        }
    }
}
