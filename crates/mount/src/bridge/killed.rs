//! Programs that are killed while they wait for an answer.
//!
//! A program in the middle of a call can't end before the call does: one that waits for an endpoint
//! which gives no answer would hang, unkillable, until the last retry. The kernel sends INTERRUPT for any
//! signal, also for one that has a handler; EINTR then would break programs that never expected it of a
//! file (Go's runtime signals itself all the time). So only a pending SIGKILL counts, which is what
//! Linux makes of every signal that ends a process without a core dump. Only calls that change nothing
//! end early: what a killed program has written goes to OSS as if it had ended by itself.

use ossplit_fuse::{Header, RequestId};
use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot};

/// The kernel tells of a request's first signal alone; SIGKILL may come as a later one.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// SIGKILL in the masks of `/proc/PID/status`.
const KILL: u64 = 1 << (libc::SIGKILL - 1);

/// The calls that wait and may end early, by the numbers of their requests.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<HashMap<u64, Call>>>);

struct Call {
    /// The caller's thread; 0 when it can't be known.
    thread: u32,
    end: oneshot::Sender<()>,
}

/// One call that waits.
pub(super) struct Waiter {
    waiting: Waiting,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Waiting {
    fn calls(&self) -> MutexGuard<'_, HashMap<u64, Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call that is about to wait.
    pub(super) fn enter(&self, header: &Header) -> Waiter {
        let (end, ended) = oneshot::channel();
        let (number, thread) = (header.unique.number(), header.pid);
        self.calls().insert(number, Call { thread, end });
        Waiter {
            waiting: self.clone(),
            number,
            ended,
        }
    }

    /// A signal reached the caller of `target`: if it is killed, or will be while it waits, the call ends.
    pub(super) fn signalled(&self, target: RequestId, runtime: &Handle) {
        let (waiting, number) = (self.clone(), target.number());
        runtime.spawn(async move {
            // Another thread may be about to take the request up: not being there counts the second time.
            let mut missing = 0;
            while missing < 2 {
                let thread = waiting.calls().get(&number).map(|call| call.thread);
                match thread {
                    None => missing += 1,
                    Some(0) => return,
                    Some(thread) if is_killed(thread) => {
                        if let Some(call) = waiting.calls().remove(&number) {
                            // It may have been answered this moment.
                            let _ = call.end.send(());
                        }
                        return;
                    }
                    Some(_) => {}
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
    }
}

impl Waiter {
    /// The call's outcome, or `None` if its caller was killed.
    pub(super) async fn or_killed<T>(mut self, call: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            outcome = call => Some(outcome),
            Ok(()) = &mut self.ended => None,
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiting.calls().remove(&self.number);
    }
}

/// Whether SIGKILL waits for a thread or its whole process (`man 5 proc_pid_status`).
fn is_killed(thread: u32) -> bool {
    fs::read_to_string(format!("/proc/{thread}/status")).is_ok_and(|status| has_kill(&status))
}

fn has_kill(status: &str) -> bool {
    let masks = status.lines().filter_map(|line| {
        let mask = line
            .strip_prefix("SigPnd:")
            .or_else(|| line.strip_prefix("ShdPnd:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    masks.fold(0, |all, mask| all | mask) & KILL != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sigkill_counts() {
        assert!(has_kill(
            "Name:\tcat\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"
        ));
        assert!(has_kill(
            "SigPnd:\t0000000000000000\nShdPnd:\t0000000000004100\n"
        ));
        // SIGCHLD and SIGINT.
        assert!(!has_kill(
            "SigPnd:\t0000000000010002\nShdPnd:\t0000000000000000\n"
        ));
        assert!(!has_kill("SigPnd:\tnonsense\n"));
        assert!(!is_killed(std::process::id()));
    }
}
