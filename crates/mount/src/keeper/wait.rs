//! Waiting for several descriptors.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{io, os::fd::BorrowedFd, time::Instant};

/// Which of the sources have something to read, or have ended; none when `until` has come, or a signal.
pub(super) fn ready<'a, T>(
    sources: impl Iterator<Item = (T, BorrowedFd<'a>)>,
    until: Option<Instant>,
) -> io::Result<Vec<T>> {
    let (names, mut waiting): (Vec<T>, Vec<PollFd<'a>>) = sources
        .map(|(name, fd)| (name, PollFd::from_borrowed_fd(fd, PollFlags::IN)))
        .unzip();
    let timeout = until.map(|until| {
        let left = until.saturating_duration_since(Instant::now());
        Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    match poll(&mut waiting, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Vec::new()),
        Err(errno) => return Err(errno.into()),
    }
    let ready = waiting.iter().map(|fd| !fd.revents().is_empty());
    let ready = names.into_iter().zip(ready);
    Ok(ready
        .filter_map(|(name, ready)| ready.then_some(name))
        .collect())
}
