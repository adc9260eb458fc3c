//! Waits for the worker and cleans up after it.

use super::fork;
use rustix::{
    io::Errno,
    mount::UnmountFlags,
    process::{Pid, Signal, WaitOptions, WaitStatus},
};
use std::{path::Path, process::Command};

/// Passes signals on to the worker until it ends; then makes sure that no dead mount stays.
pub(super) fn watch(worker: Pid, mountpoint: &Path) -> Result<(), String> {
    let signals = fork::block_signals().map_err(|e| e.to_string())?;
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
    detach_if_dead(mountpoint);
    match status.exit_status() {
        Some(0) => Ok(()),
        Some(code) => Err(format!(
            "the mount ended with status {code}; its log says why"
        )),
        None => Err(format!(
            "the serving process was ended by signal {}; the mount was removed",
            status.terminating_signal().unwrap_or(0)
        )),
    }
}

fn ended(worker: Pid) -> Option<WaitStatus> {
    match rustix::process::waitpid(Some(worker), WaitOptions::NOHANG) {
        Ok(Some((_, status))) => Some(status),
        Ok(None) | Err(_) => None,
    }
}

/// Takes a mount whose server is gone out of the tree.
pub(super) fn detach_if_dead(mountpoint: &Path) {
    let Err(Errno::NOTCONN) = rustix::fs::stat(mountpoint) else {
        return;
    };
    if rustix::mount::unmount(mountpoint, UnmountFlags::DETACH).is_err() {
        // Without root only the helper may.
        let _ = Command::new("fusermount3")
            .arg("-uz")
            .arg(mountpoint)
            .status();
    }
}
