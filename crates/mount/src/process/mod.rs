//! The processes of a mount.
//!
//! ```text
//! ossplit mount ──exec──► keeper ──exec──► worker (serves)
//!      ▲                    │ holds /dev/fuse and the state; starts another worker when one dies
//!      └── "ready", or why not
//! ```
//!
//! The command returns when the worker says that the mount is usable, or why it is not. The keeper
//! ([`crate::keeper`]) has the mount outlive its worker. Should the keeper die, the kernel sends the
//! worker SIGTERM, and it unmounts. With `-f` the command itself becomes the keeper.
//!
//! With `failover=off` there is a guard in the keeper's place, forked and not exec'd: it waits for the
//! worker, and if that dies in any way but an orderly one, the guard detaches the dead mount, so that
//! "Transport endpoint is not connected" never stays.

mod failure;
mod fork;
mod guard;
mod heap;
pub(crate) mod holders;
mod kept;
mod launch;
mod memory;
pub(crate) mod mountpoint;
pub(crate) mod preflight;
pub(crate) mod ready;
mod remount;
mod serving;
pub(crate) mod signals;
mod umount;
mod words;
mod worker;

pub use failure::{Cause, Failure};
pub use kept::{Hooks, serve_kept};
pub use launch::inherited;
pub use memory::limit as memory_limit;
pub use preflight::client_config;
pub use ready::Report;
pub use remount::remount;
pub use serving::Trouble;
pub use umount::unmount;
pub(crate) use words::{read_words, words_file};

use crate::{Plan, options::Carried};
use fork::Side;
use rustix::process::{Pid, Signal};
use std::path::Path;

/// The worker's log, once it is set up.
pub trait Log: Send {
    /// Opens the file of this name anew (SIGHUP), after logrotate moved the old one.
    fn reopen(&self);

    /// Logs more than before, or, at the most, as little as can be (SIGUSR2).
    fn raise(&self);
}

/// Sets up the log of the worker; the error is one sentence with the mend.
pub type SetUpLog = fn(&Plan) -> Result<Box<dyn Log>, String>;

/// Carries a plan out, which came of `words`. Returns when the mount is usable, or, with `-f`, when it
/// ended.
///
/// Call it before the process has a second thread: it forks.
///
/// # Errors
/// One sentence with the mend. Nothing is mounted and nothing runs then.
pub fn mount(plan: &Plan, words: &Carried, log: SetUpLog) -> Result<(), Failure> {
    let mountpoint = mountpoint::resolve(&plan.mountpoint);
    if plan.failover {
        return launch::with_keeper(plan.foreground, &mountpoint, words);
    }
    let (listen, report) = ready::pipe().map_err(|e| Failure::system("make a pipe", e))?;
    if plan.foreground {
        let worker = start_worker(plan, &mountpoint, log, report)?;
        let ready = listen.wait();
        let end = guard::watch(worker, &mountpoint);
        return ready.and(end);
    }
    match fork::fork().map_err(|e| Failure::system("fork", e))? {
        Side::Child => {
            drop(listen);
            fork::detach_from_terminal();
            let end = start_worker(plan, &mountpoint, log, report)
                .and_then(|worker| guard::watch(worker, &mountpoint));
            std::process::exit(i32::from(end.is_err()));
        }
        Side::Parent(guard) => {
            drop(report);
            listen.wait().inspect_err(|_| fork::reap(guard))
        }
    }
}

/// Forks the process that serves. Signals stay blocked here, for [`guard::watch`] to take.
fn start_worker(
    plan: &Plan,
    mountpoint: &Path,
    log: SetUpLog,
    report: Report,
) -> Result<Pid, Failure> {
    let failed = |e: std::io::Error| Failure::system("start the serving process", e);
    let signals = fork::block_signals().map_err(failed)?;
    let guard = rustix::process::getpid();
    match fork::fork().map_err(failed)? {
        Side::Child => {
            // Ctrl-C reaches the command alone, which passes it on: once, not twice.
            let _ = rustix::process::setpgid(None, None);
            if !fork::end_with_parent(guard, Signal::TERM) {
                std::process::exit(1);
            }
            fork::unblock_signals(&signals);
            std::process::exit(worker::run(plan, mountpoint, log, report));
        }
        Side::Parent(worker) => Ok(worker),
    }
}
