//! Signals as something that poll(2) can wait for.
#![allow(unsafe_code)]

use super::fork::{self, Signals};
use rustix::process::Signal;
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd},
};

/// The guarded signals, blocked for this process and readable here.
pub(crate) struct SignalFd(OwnedFd);

/// One signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came(pub(crate) Signal);

impl Came {
    /// Whether it asks for the end.
    pub(crate) fn ends(self) -> bool {
        [Signal::TERM, Signal::INT, Signal::QUIT].contains(&self.0)
    }
}

impl SignalFd {
    /// To be called before there is a second thread.
    pub(crate) fn new() -> io::Result<Self> {
        let signals: Signals = fork::block_signals()?;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: the set is initialised and only read; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const signals, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: signalfd gave it to us this moment.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal, if one is there.
    pub(crate) fn next(&self) -> Option<Came> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        let read = rustix::io::read(&self.0, &mut info).ok()?;
        // `ssi_signo` comes first.
        let number = info.first_chunk().filter(|_| read == info.len())?;
        Signal::from_named_raw(i32::from_ne_bytes(*number)).map(Came)
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
