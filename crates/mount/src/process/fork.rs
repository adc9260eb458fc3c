//! The system calls around fork(2), which no safe library offers.
#![allow(unsafe_code)]

use rustix::process::{Pid, Signal, WaitOptions};
use std::{io, mem::MaybeUninit};

/// Which side of a fork.
pub(super) enum Side {
    Child,
    Parent(Pid),
}

/// Signals that the guard takes, one by one, rather than be ended by them.
const GUARDED: [i32; 7] = [
    libc::SIGCHLD,
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

pub(super) type Signals = libc::sigset_t;

/// fork(2). Only for a process of one thread.
pub(super) fn fork() -> io::Result<Side> {
    // SAFETY: the caller's process has one thread (see `process::mount`), so the child is a whole
    // copy and may do anything.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(
            Pid::from_raw(pid).expect("fork gives a pid above zero"),
        )),
    }
}

/// Blocks the guarded signals and gives their set.
pub(super) fn block_signals() -> io::Result<Signals> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set; the rest reads and writes it alone.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in GUARDED {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        let set = set.assume_init();
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(set)
    }
}

/// Lets the guarded signals through again.
pub(super) fn unblock_signals(set: &Signals) {
    // SAFETY: `set` is an initialised set.
    unsafe {
        libc::sigprocmask(
            libc::SIG_UNBLOCK,
            std::ptr::from_ref(set),
            std::ptr::null_mut(),
        );
    }
}

/// Lets every signal through: what started us may have blocked some.
pub(super) fn unblock_all_signals() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set, which is then read.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Waits for one of the guarded signals, which must be blocked.
pub(super) fn next_signal(set: &Signals) -> Option<Signal> {
    let mut number = 0;
    // SAFETY: `set` is an initialised set and `number` is writable.
    let failed = unsafe { libc::sigwait(std::ptr::from_ref(set), &raw mut number) };
    if failed != 0 {
        None
    } else {
        Signal::from_named_raw(number)
    }
}

/// Has the kernel send `signal` when the parent dies. False if it is dead already.
pub(super) fn end_with_parent(parent: Pid, signal: Signal) -> bool {
    let _ = rustix::process::set_parent_process_death_signal(Some(signal));
    rustix::process::getppid() == Some(parent)
}

/// Ends this process here and now: nothing is flushed or cleaned up.
pub(super) fn exit_at_once(status: i32) -> ! {
    // SAFETY: _exit(2) has no conditions and does not return.
    unsafe { libc::_exit(status) }
}

/// A session of its own, with nothing on the standard streams.
pub(super) fn detach_from_terminal() {
    let _ = rustix::process::setsid();
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    // The folder we were started in may be unmounted or removed.
    let _ = std::env::set_current_dir("/");
}

/// Waits for a child to end.
pub(super) fn reap(child: Pid) {
    while matches!(
        rustix::process::waitpid(Some(child), WaitOptions::empty()),
        Err(rustix::io::Errno::INTR)
    ) {}
}
