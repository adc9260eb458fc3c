//! The session's threads.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::copies::{Kept, Slot};
use super::dispatch::{Delivered, serve};
use super::{Buffer, BufferPool, Device, wake};
use crate::filesystem::Filesystem;
use crate::handover::Negotiated;
use crate::request::Received;

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
    left: Mutex<usize>,
    /// Told whenever `left` falls.
    ended: Condvar,
    /// Set once: take no more requests.
    stop: AtomicBool,
    /// The kernel's ids of the threads.
    threads: Mutex<Vec<Pid>>,
    negotiated: Negotiated,
}

impl Shared {
    /// So many threads end (or never started); whether they were the last.
    fn leave(&self, count: usize) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left -= count;
        self.ended.notify_all();
        *left == 0
    }
}

/// How long a stop waits before it wakes the threads again.
const REPEAT: Duration = Duration::from_millis(1);

/// So many times ECONNABORTED in a row mean an abort. An unmount gives it too, when the kernel takes
/// a request (mostly the last RELEASE) off its queue in the instant in which it closes the device;
/// the next read then says ENODEV. There are no more such requests than were queued.
const ABORTS: u32 = 64;

/// A session at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<io::Result<End>>>,
    shared: Arc<Shared>,
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
    /// nobody answers come again after the successor's [`crate::Notifier::resend`].
    pub fn stop(self) -> io::Result<End> {
        self.stopper().stop();
        self.join()
    }

    /// Something that can stop the session while another thread waits in [`Running::join`].
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }
}

/// See [`Running::stopper`].
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// As [`Running::stop`]; [`Running::join`] gives [`End::Stopped`] then.
    pub fn stop(&self) {
        let shared = &self.0;
        shared.stop.store(true, Ordering::Release);
        // A thread may wait in read(2) for a request that never comes: a signal ends the call. One
        // that comes between a thread's look at the flag and its call is lost, so it is repeated.
        let mut left = shared.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left > 0 {
            let threads = shared.threads.lock();
            for thread in threads.unwrap_or_else(PoisonError::into_inner).iter() {
                wake::interrupt(*thread);
            }
            let wait = shared.ended.wait_timeout(left, REPEAT);
            left = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What is to become of requests in hand when the process dies.
pub(super) enum Requests {
    /// They end with it.
    End,
    /// The kernel sends them again.
    Survive,
    /// They are kept.
    Kept(Kept),
}

pub(super) fn start<F: Filesystem>(
    devices: Vec<Arc<Device>>,
    negotiated: Negotiated,
    requests: Requests,
    filesystem: &Arc<F>,
) -> io::Result<Running> {
    wake::install()?;
    let count = devices.len();
    let size = negotiated.max_write;
    let (pool, unanswered) = match requests {
        Requests::End => (BufferPool::new(size, count), Vec::new()),
        Requests::Survive => (BufferPool::touched(size, count), Vec::new()),
        Requests::Kept(kept) => (BufferPool::with_copies(size, kept.copies), kept.unanswered),
    };
    let shared = Arc::new(Shared {
        left: Mutex::new(count),
        ended: Condvar::new(),
        stop: AtomicBool::new(false),
        threads: Mutex::default(),
        negotiated,
    });
    let all = devices.clone();
    serve_again(&**filesystem, &all, &shared.negotiated, &pool, unanswered);
    let mut threads = Vec::with_capacity(count);
    for (index, device) in devices.into_iter().enumerate() {
        let filesystem = Arc::clone(filesystem);
        let for_thread = Arc::clone(&shared);
        let mut buffer = Buffer::new(&pool);
        let body = move || {
            let number = index as u32;
            serve_all(&*filesystem, (number, &device), &for_thread, &mut buffer)
        };
        match std::thread::Builder::new()
            .name(format!("fuse-{index}"))
            .spawn(body)
        {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                // Those that run already go on until the caller unmounts.
                shared.leave(count - index);
                return Err(error);
            }
        }
    }
    Ok(Running { threads, shared })
}

/// Serves what a predecessor read and did not answer.
fn serve_again<F: Filesystem>(
    filesystem: &F,
    devices: &[Arc<Device>],
    negotiated: &Negotiated,
    pool: &Arc<BufferPool>,
    unanswered: Vec<Arc<Slot>>,
) {
    for slot in unanswered {
        let (len, device) = (slot.filled(), devices.get(slot.device()));
        let answered = Received::parse(&slot.bytes()[..len]).is_ok_and(|r| r.is_answered());
        // Counts that nobody waits for are not given back twice: a node more is remembered at worst.
        if let (Some(device), true) = (device, answered) {
            let mut buffer = Buffer::of(slot, pool);
            let again = Delivered::Again;
            serve(filesystem, device, negotiated, &mut buffer, len, again);
        }
    }
}

fn serve_all<F: Filesystem>(
    filesystem: &F,
    device: (u32, &Arc<Device>),
    shared: &Shared,
    buffer: &mut Buffer,
) -> io::Result<End> {
    let threads = shared.threads.lock();
    threads
        .unwrap_or_else(PoisonError::into_inner)
        .push(rustix::thread::gettid());
    let end = read_on(filesystem, device, shared, buffer);
    if let Err(error) = &end {
        tracing::error!(%error, "a session thread can't read from the kernel any more");
    }
    if shared.leave(1) && !matches!(end, Ok(End::Stopped)) {
        filesystem.destroy();
    }
    end
}

fn read_on<F: Filesystem>(
    filesystem: &F,
    (number, device): (u32, &Arc<Device>),
    shared: &Shared,
    buffer: &mut Buffer,
) -> io::Result<End> {
    let mut aborts = 0;
    while !shared.stop.load(Ordering::Acquire) {
        buffer.prepare(number);
        match device.read(buffer.room()) {
            Ok(len) => {
                let by = Delivered::ByKernel;
                serve(filesystem, device, &shared.negotiated, buffer, len, by);
            }
            // ENOENT: the request was interrupted while the kernel handed it over.
            Err(Errno::INTR | Errno::NOENT) => {}
            Err(Errno::AGAIN) => device.wait_readable()?,
            Err(Errno::NODEV) => return Ok(End::Unmounted),
            Err(Errno::CONNABORTED) if aborts == ABORTS => return Ok(End::Aborted),
            Err(Errno::CONNABORTED) => aborts += 1,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(End::Stopped)
}
