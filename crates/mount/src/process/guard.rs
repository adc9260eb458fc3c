//! Waits for the worker and cleans up after it.

use super::{
    failure::{Cause, Failure},
    fork, mountpoint,
};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use std::path::Path;

/// Passes signals on to the worker until it ends; then makes sure that no dead mount stays.
pub(super) fn watch(worker: Pid, mountpoint: &Path) -> Result<(), Failure> {
    let signals = fork::block_signals().map_err(|e| Failure::system("block signals", e))?;
    let status = loop {
        if let Some(status) = ended(worker) {
            break status;
        }
        match fork::next_signal(&signals) {
            None | Some(Signal::CHILD) => {}
            Some(signal) => {
                let _ = rustix::process::kill_process(worker, signal);
            }
        }
    };
    // A worker that ended by itself has unmounted; a panic ends with 101.
    let detached = match status.exit_status() {
        Some(0 | 1) => Ok(false),
        _ => mountpoint::detach_if_dead(mountpoint),
    };
    match (status.exit_status(), detached) {
        (Some(0), _) => Ok(()),
        (Some(_), _) => Err(Failure::new(
            Cause::Unsent,
            "the mount did not end in good order; its log says why",
        )),
        (None, Ok(_)) => Err(Failure::new(
            Cause::Died,
            format!(
                "the serving process was ended by signal {}; its mount was removed",
                status.terminating_signal().unwrap_or(0)
            ),
        )),
        (None, Err(error)) => Err(Failure::new(
            Cause::Died,
            format!(
                "the serving process was ended by signal {}, and its mount can't be removed \
                 ({error}): fusermount3 -uz {}",
                status.terminating_signal().unwrap_or(0),
                mountpoint.display()
            ),
        )),
    }
}

fn ended(worker: Pid) -> Option<WaitStatus> {
    match rustix::process::waitpid(Some(worker), WaitOptions::NOHANG) {
        Ok(Some((_, status))) => Some(status),
        Ok(None) | Err(_) => None,
    }
}
