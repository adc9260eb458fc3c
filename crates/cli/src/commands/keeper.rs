//! `ossplit keeper`, and the keeper of one mount that `ossplit mount` starts.

use crate::{exit::Exit, log, printer};
use ossplit_mount::{keeper, process};
use std::{ffi::OsString, path::PathBuf};

/// Arguments of `ossplit keeper`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The Unix socket to listen on; for processes of this user alone
    #[arg(long)]
    socket: PathBuf,
}

/// Holds mounts for other processes until SIGTERM or SIGINT.
pub(crate) fn run(args: &Args) -> Exit {
    let shown = args.socket.display();
    let ready = || printer::line(&format!("ossplit keeper: ready on {shown}"));
    exit(keeper::keep(&args.socket, ready))
}

/// `ossplit keeper [--report] --mount MOUNTPOINT`, which no person types: keeps one mount, whose command
/// line is in a memory file that is our standard input.
pub(crate) fn run_own(words: &[OsString]) -> Option<Exit> {
    let (reports, place) = match words {
        [report, mount, place] if report == "--report" && mount == "--mount" => (true, place),
        [mount, place] if mount == "--mount" => (false, place),
        _ => return None,
    };
    Some(match process::inherited(reports) {
        Ok((words, report)) => exit(keeper::keep_own(place.as_ref(), words, report, log::set_up)),
        Err(error) => {
            printer::error(&format!("can't take over from ossplit mount: {error}"));
            Exit::Failed
        }
    })
}

fn exit(ended: Result<(), process::Failure>) -> Exit {
    match ended {
        Ok(()) => Exit::Done,
        Err(why) => {
            printer::error(&why.to_string());
            Exit::Failed
        }
    }
}
