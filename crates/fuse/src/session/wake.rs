//! Waking a thread out of read(2): a signal whose handler does nothing.
//!
//! SIGURG is what we take, as Go's runtime does: by default it is ignored, so one that arrives where
//! no handler is installed does no harm, and hardly any program uses it.

#![allow(unsafe_code)]

use std::io;

use rustix::process::Pid;

const SIGNAL: libc::c_int = libc::SIGURG;

extern "C" fn nothing(_signal: libc::c_int) {}

/// Installs the handler, without `SA_RESTART`, so that the system call ends with EINTR.
pub(super) fn install() -> io::Result<()> {
    // SAFETY: `sigaction` is plain data for which all zeroes is a valid value (`SIG_DFL`, no flags).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler is async-signal-safe as it does nothing, and both pointers are valid.
    let result = unsafe { libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Interrupts the system call that a thread of this process is in, if any.
pub(super) fn interrupt(thread: Pid) {
    let (process, thread) = (std::process::id(), thread.as_raw_nonzero().get());
    // SAFETY: tgkill(2) takes three numbers. A thread that has ended gets nothing, and one that has its
    // number by now is of this process, where the signal does nothing.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, SIGNAL) };
}
