//! `ossplit upgrade`.

use crate::{exit::Exit, printer};
use ossplit_mount::keeper;
use std::path::PathBuf;

/// Arguments of `ossplit upgrade`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the bucket is mounted
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    mountpoint: Option<PathBuf>,
    /// Every mount of this user
    #[arg(long)]
    all: bool,
}

/// Has this program serve live mounts from now on.
pub(crate) fn run(args: &Args) -> Exit {
    let Some(mountpoint) = &args.mountpoint else {
        return run_all();
    };
    match keeper::upgrade(mountpoint) {
        Ok(pause) => {
            let (place, ms) = (mountpoint.display(), pause.as_secs_f64() * 1000.0);
            printer::line(&format!("{place}: upgraded; it paused for {ms:.1} ms"));
            Exit::Done
        }
        Err(why) => {
            printer::error(&why.to_string());
            Exit::Failed
        }
    }
}

fn run_all() -> Exit {
    let mut exit = Exit::Done;
    for (place, outcome) in keeper::upgrade_all() {
        match outcome {
            Ok(pause) => {
                let ms = pause.as_secs_f64() * 1000.0;
                printer::line(&format!("{place}: upgraded; it paused for {ms:.1} ms"));
            }
            Err(why) => {
                printer::error(&format!("{place}: {why}"));
                exit = Exit::Failed;
            }
        }
    }
    exit
}
