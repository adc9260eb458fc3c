//! The session's threads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::io::Errno;

use super::dispatch::serve;
use super::{Buffer, BufferPool, Device};
use crate::filesystem::Filesystem;
use crate::handover::Negotiated;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Unmounted.
    Unmounted,
    /// The connection was aborted (fusectl, forced unmount).
    Aborted,
}

/// A session at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<io::Result<End>>>,
}

impl Running {
    /// Waits until the connection has ended and every thread with it. An error is that of the
    /// first thread that could not read on; the others went on without it.
    pub fn join(self) -> io::Result<End> {
        let mut end = Ok(End::Unmounted);
        for thread in self.threads {
            let result = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a session thread panicked")));
            match (&end, &result) {
                (Ok(End::Unmounted), _) => end = result,
                (Ok(End::Aborted), Err(_)) => end = result,
                _ => {}
            }
        }
        end
    }
}

pub(super) fn start<F: Filesystem>(
    devices: Vec<Arc<Device>>,
    negotiated: &Negotiated,
    filesystem: Arc<F>,
) -> io::Result<Running> {
    let pool = BufferPool::new(negotiated.max_write, devices.len());
    let left = Arc::new(AtomicUsize::new(devices.len()));
    let mut threads = Vec::with_capacity(devices.len());
    for (index, device) in devices.into_iter().enumerate() {
        let filesystem = Arc::clone(&filesystem);
        let left = Arc::clone(&left);
        let mut buffer = Buffer::new(&pool);
        let negotiated = negotiated.clone();
        let body = move || {
            let end = serve_all(&*filesystem, &device, &negotiated, &mut buffer);
            if let Err(error) = &end {
                tracing::error!(%error, "a session thread can't read from the kernel any more");
            }
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                filesystem.destroy();
            }
            end
        };
        threads.push(
            std::thread::Builder::new()
                .name(format!("fuse-{index}"))
                .spawn(body)?,
        );
    }
    Ok(Running { threads })
}

fn serve_all<F: Filesystem>(
    filesystem: &F,
    device: &Arc<Device>,
    negotiated: &Negotiated,
    buffer: &mut Buffer,
) -> io::Result<End> {
    loop {
        match device.read(buffer.room()) {
            Ok(len) => serve(filesystem, device, negotiated, buffer, len),
            // ENOENT: the request was interrupted while the kernel handed it over.
            Err(Errno::INTR | Errno::NOENT) => {}
            Err(Errno::AGAIN) => device.wait_readable()?,
            Err(Errno::NODEV) => return Ok(End::Unmounted),
            Err(Errno::CONNABORTED) => return Ok(End::Aborted),
            Err(errno) => return Err(errno.into()),
        }
    }
}
