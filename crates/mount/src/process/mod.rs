//! The processes of a mount.
//!
//! ```text
//! ossplit mount ──fork──► guard ──fork──► worker (serves; owns /dev/fuse)
//!      ▲                                    │
//!      └───────── "ready", or why not ──────┘
//! ```
//!
//! The command returns when the worker says that the mount is usable, or why it is not. The guard
//! waits for the worker: if it dies in any way but an orderly one, the guard detaches the dead mount,
//! so that "Transport endpoint is not connected" never stays. Should the guard die, the kernel sends
//! the worker SIGTERM, and it unmounts. With `-f` the command itself is the guard.

mod fork;
mod guard;
mod holders;
mod memory;
mod preflight;
mod ready;
mod umount;
mod worker;

pub use memory::limit as memory_limit;
pub use umount::unmount;

use crate::Plan;
use fork::Side;
use ready::Report;
use rustix::process::Pid;

/// Sets up the log of the worker; what it returns opens the log file anew (for SIGHUP).
pub type SetUpLog = fn(&Plan) -> Box<dyn Fn() + Send>;

/// Carries a plan out. Returns when the mount is usable, or, with `-f`, when it ended.
///
/// Call it before the process has a second thread: it forks.
///
/// # Errors
/// One sentence with the mend. Nothing is mounted and nothing runs then.
pub fn mount(plan: &Plan, log: SetUpLog) -> Result<(), String> {
    guard::detach_if_dead(&plan.mountpoint);
    let (listen, report) = ready::pipe().map_err(|e| format!("can't make a pipe: {e}"))?;
    if plan.foreground {
        let worker = start_worker(plan, log, report)?;
        let ready = listen.wait();
        let end = guard::watch(worker, &plan.mountpoint);
        return ready.and(end);
    }
    match fork::fork().map_err(|e| format!("can't fork: {e}"))? {
        Side::Child => {
            fork::detach_from_terminal();
            let end = start_worker(plan, log, report)
                .and_then(|worker| guard::watch(worker, &plan.mountpoint));
            std::process::exit(i32::from(end.is_err()));
        }
        Side::Parent(guard) => {
            drop(report);
            listen.wait().inspect_err(|_| fork::reap(guard))
        }
    }
}

/// Forks the process that serves. Signals stay blocked here, for [`guard::watch`] to take.
fn start_worker(plan: &Plan, log: SetUpLog, report: Report) -> Result<Pid, String> {
    let failed = |e: std::io::Error| format!("can't start the serving process: {e}");
    let signals = fork::block_signals().map_err(failed)?;
    match fork::fork().map_err(failed)? {
        Side::Child => {
            fork::end_with_parent();
            fork::unblock_signals(&signals);
            std::process::exit(worker::run(plan, log, report));
        }
        Side::Parent(worker) => Ok(worker),
    }
}
