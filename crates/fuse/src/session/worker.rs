//! The session's threads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::io::Errno;

use super::dispatch::serve;
use super::{Buffer, BufferPool, Device};
use crate::filesystem::Filesystem;
use crate::handover::Negotiated;
use crate::notify::Notifier;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Unmounted.
    Unmounted,
    /// The connection was aborted through fusectl.
    Aborted,
    /// [`Running::stop`]: the connection lives on, for a successor.
    Stopped,
}

/// What all threads of a session share.
#[derive(Debug)]
struct Shared {
    /// Threads that still run.
    left: AtomicUsize,
    /// Set once: take no more requests.
    stop: AtomicBool,
    negotiated: Negotiated,
}

/// A session at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<io::Result<End>>>,
    shared: Arc<Shared>,
    notifier: Notifier,
}

impl Running {
    /// Waits until the connection has ended and every thread with it. An error is that of a thread
    /// that could not read on; the others went on without it.
    pub fn join(self) -> io::Result<End> {
        let mut end = Ok(End::Unmounted);
        for thread in self.threads {
            let result = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a session thread panicked")));
            match (&end, &result) {
                // The first error stays, and no later "unmounted" hides an abort or a stop.
                (Err(_), _) | (Ok(_), Ok(End::Unmounted)) => {}
                (Ok(_), _) => end = result,
            }
        }
        end
    }

    /// Stops taking requests and waits for the threads, while the mount stays: for an orderly
    /// hand-over. Requests that were taken and moved elsewhere can still be answered; those that
    /// nobody answers come again after the successor's [`Notifier::resend`].
    pub fn stop(self) -> io::Result<End> {
        self.shared.stop.store(true, Ordering::Release);
        // A thread may wait in read(2) for a request that never comes. One message each wakes them:
        // a thread takes at most one after the flag is set. What is left over, the successor ignores.
        for _ in &self.threads {
            match self.notifier.nudge() {
                // ENODEV: the connection has ended, and so do the threads.
                Ok(()) | Err(Errno::NODEV | Errno::CONNABORTED) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.join()
    }
}

pub(super) fn start<F: Filesystem>(
    devices: Vec<Arc<Device>>,
    negotiated: Negotiated,
    filesystem: &Arc<F>,
) -> io::Result<Running> {
    let count = devices.len();
    let pool = BufferPool::new(negotiated.max_write, count);
    let notifier = Notifier::new(Arc::clone(&devices[0]));
    let shared = Arc::new(Shared {
        left: AtomicUsize::new(count),
        stop: AtomicBool::new(false),
        negotiated,
    });
    let mut threads = Vec::with_capacity(count);
    for (index, device) in devices.into_iter().enumerate() {
        let filesystem = Arc::clone(filesystem);
        let for_thread = Arc::clone(&shared);
        let mut buffer = Buffer::new(&pool);
        let body = move || serve_all(&*filesystem, &device, &for_thread, &mut buffer);
        match std::thread::Builder::new()
            .name(format!("fuse-{index}"))
            .spawn(body)
        {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                // Those that run already go on until the caller unmounts.
                shared.left.fetch_sub(count - index, Ordering::AcqRel);
                return Err(error);
            }
        }
    }
    Ok(Running {
        threads,
        shared,
        notifier,
    })
}

fn serve_all<F: Filesystem>(
    filesystem: &F,
    device: &Arc<Device>,
    shared: &Shared,
    buffer: &mut Buffer,
) -> io::Result<End> {
    let end = read_on(filesystem, device, shared, buffer);
    if let Err(error) = &end {
        tracing::error!(%error, "a session thread can't read from the kernel any more");
    }
    let last = shared.left.fetch_sub(1, Ordering::AcqRel) == 1;
    if last && !matches!(end, Ok(End::Stopped)) {
        filesystem.destroy();
    }
    end
}

fn read_on<F: Filesystem>(
    filesystem: &F,
    device: &Arc<Device>,
    shared: &Shared,
    buffer: &mut Buffer,
) -> io::Result<End> {
    while !shared.stop.load(Ordering::Acquire) {
        match device.read(buffer.room()) {
            Ok(len) => serve(filesystem, device, &shared.negotiated, buffer, len),
            // ENOENT: the request was interrupted while the kernel handed it over.
            Err(Errno::INTR | Errno::NOENT) => {}
            Err(Errno::AGAIN) => device.wait_readable()?,
            Err(Errno::NODEV) => return Ok(End::Unmounted),
            Err(Errno::CONNABORTED) => return Ok(End::Aborted),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(End::Stopped)
}
