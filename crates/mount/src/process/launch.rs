//! Starting a mount's keeper.

use super::{
    failure::Failure,
    fork::{self, Side},
    ready::{self, Report},
    words_file,
};
use crate::options::Carried;
use std::{
    convert::Infallible,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
};

/// What holds keys in the environment: the command line in the memory file has them.
const SECRETS: [&str; 6] = [
    "OSS_ACCESS_KEY_ID",
    "OSS_ACCESS_KEY_SECRET",
    "OSS_SESSION_TOKEN",
    "OSSACCESSKEYID",
    "OSSSECRETACCESSKEY",
    "OSSSESSIONTOKEN",
];

/// Mounts with a keeper. Returns when the mount is usable; in the foreground this process becomes the
/// keeper, and returns only if that fails.
pub(super) fn with_keeper(
    foreground: bool,
    mountpoint: &Path,
    words: &Carried,
) -> Result<(), Failure> {
    let words = words_file(words).map_err(|e| Failure::system("make a memory file", e))?;
    let failed = |e: io::Error| Failure::system("start the mount's keeper", e);
    if foreground {
        let Err(error) = become_keeper(mountpoint, words, None);
        return Err(failed(error));
    }
    let (listen, report) = ready::pipe().map_err(|e| Failure::system("make a pipe", e))?;
    match fork::fork().map_err(failed)? {
        Side::Child => {
            drop(listen);
            fork::detach_from_terminal();
            let report = report.into();
            let Err(error) = become_keeper(mountpoint, words, Some(&report));
            Report::from(report).failed(&failed(error));
            fork::exit_at_once(1)
        }
        Side::Parent(keeper) => {
            drop((report, words));
            listen.wait().inspect_err(|_| fork::reap(keeper))
        }
    }
}

/// The keeper starts as a program of its own, so that nothing of what came before stays in its memory.
fn become_keeper(
    mountpoint: &Path,
    words: OwnedFd,
    report: Option<&OwnedFd>,
) -> io::Result<Infallible> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("ossplit").arg("keeper");
    if let Some(report) = report {
        // Its standard output is where it says how it went.
        command.arg("--report").stdout(report.try_clone()?);
    }
    command.arg("--mount").arg(mountpoint);
    for name in SECRETS {
        command.env_remove(name);
    }
    Err(command.stdin(Stdio::from(words)).exec())
}

/// What [`with_keeper`] gave to the keeper that this process is: the command line, and where to report.
pub fn inherited(reports: bool) -> io::Result<(OwnedFd, Option<Report>)> {
    let words = io::stdin().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    if !reports {
        return Ok((words, None));
    }
    let report = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok((words, Some(Report::from(report))))
}
