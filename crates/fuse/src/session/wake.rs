//! Waking a thread out of read(2): a signal whose handler does nothing.
//!
//! SIGURG is what we take, as Go's runtime does: by default it is ignored, so one that arrives where
//! no handler is installed does no harm, and hardly any program uses it.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::thread::JoinHandleExt;
use std::thread::JoinHandle;

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

/// Interrupts the system call that the thread is in, if any.
pub(super) fn interrupt<T>(thread: &JoinHandle<T>) {
    // SAFETY: the thread was not joined or detached, as `thread` is borrowed, so its id is valid
    // even when it has ended; what is sent does nothing to the process.
    let _ = unsafe { libc::pthread_kill(thread.as_pthread_t(), SIGNAL) };
}
