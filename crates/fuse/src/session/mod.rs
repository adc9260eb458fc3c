//! A session: the threads that take requests from the kernel and call the file system.
//!
//! How it runs. [`Session::init`] answers INIT on a fresh descriptor ([`crate::mount`] makes one),
//! or [`Session::resume`] takes descriptors over from an earlier process together with what that
//! one negotiated, and INIT is not spoken. [`Session::add_clones`] makes one descriptor a thread;
//! all of them can be handed to a keeper ([`Session::descriptors`]) before any is read from, as
//! the kernel fails the requests that were read from a clone the moment its last holder dies.
//! [`Session::start`] runs one thread on each descriptor.
//!
//! A thread reads one request into its own buffer, calls the method and reads the next; the reply
//! is written by whoever answers, through the descriptor that the request came from. The threads
//! share nothing but the file system. They end when the connection ends (unmount, abort).

mod buffer;
mod copies;
mod device;
mod dispatch;
mod init;
#[cfg(test)]
mod tests;
mod wake;
mod worker;

use buffer::{Buffer, BufferPool};
pub use buffer::{Payload, PayloadBuf};
pub(crate) use copies::Slot;
use copies::{Copies, Kept};
pub(crate) use device::Device;
pub use init::{CacheInvalidation, InitError, InitOptions, ReaddirPlus};
use worker::Requests;
pub use worker::{End, Running, Stopper};

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::filesystem::Filesystem;
use crate::flags::InitFlags;
use crate::handover::Negotiated;
use crate::notify::Notifier;

/// A connection whose INIT is done and that no thread reads from yet.
#[derive(Debug)]
pub struct Session {
    /// Never empty; the first is the one that clones are made of.
    devices: Vec<Arc<Device>>,
    negotiated: Negotiated,
    /// Where requests are kept, on kernels that don't send them again.
    kept: Option<Kept>,
    /// Requests are to survive this process.
    survives: bool,
}

impl Session {
    /// Waits for the kernel's INIT on a freshly mounted descriptor and answers it.
    pub fn init(fd: OwnedFd, options: &InitOptions) -> Result<Self, InitError> {
        let device = Device::new(fd);
        let negotiated = init::negotiate(&device, options)?;
        Ok(Self {
            devices: vec![Arc::new(device)],
            negotiated,
            kept: None,
            survives: false,
        })
    }

    /// Goes on with a connection whose INIT another session has done, perhaps in a process that is
    /// dead by now. `clones` are that session's other descriptors, if they are to be used again.
    ///
    /// Call [`Notifier::resend`] before [`Session::start`]: requests that were read and not answered
    /// are then delivered again. After it, those that this session has read would come twice.
    pub fn resume(
        fd: OwnedFd,
        clones: impl IntoIterator<Item = OwnedFd>,
        negotiated: Negotiated,
    ) -> Self {
        let devices = std::iter::once(fd)
            .chain(clones)
            .map(|fd| Arc::new(Device::new(fd)))
            .collect();
        Self {
            devices,
            negotiated,
            kept: None,
            survives: false,
        }
    }

    /// Makes `count` more descriptors of the connection, each of which gets a thread of its own.
    pub fn add_clones(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let clone = Device::clone_of(self.devices[0].as_fd())?;
            self.devices.push(Arc::new(Device::new(clone)));
        }
        Ok(())
    }

    /// Requests are to survive the death of this process, as somebody else holds the descriptors too: no
    /// request must fail because the process is killed while it takes it up. Costs memory for a whole
    /// request a thread from the start.
    pub fn survive(&mut self) {
        self.survives = true;
    }

    /// Whether the kernel sends unanswered requests again (Linux 6.9 and newer). Otherwise they are lost
    /// with this process unless [`Session::keep_requests`] is called.
    pub fn resends(&self) -> bool {
        self.negotiated.flags().contains(InitFlags::HAS_RESEND)
    }

    /// Keeps each request in `file`, a memory file that outlives this process, until it is answered:
    /// for kernels without RESEND. What is in it already was a predecessor's: [`Session::start`] serves
    /// it, as a delivery that comes again. The descriptors must be in the predecessor's order.
    pub fn keep_requests(&mut self, file: OwnedFd) -> io::Result<()> {
        self.kept = Some(Copies::map(file, self.negotiated.max_write)?);
        Ok(())
    }

    /// All descriptors, the mounted one first; a keeper duplicates them.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.devices.iter().map(|device| device.as_fd())
    }

    /// What INIT settled.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// A handle to tell the kernel things, good for the connection's whole life.
    pub fn notifier(&self) -> Notifier {
        Notifier::new(Arc::clone(&self.devices[0]))
    }

    /// Starts one thread a descriptor.
    pub fn start<F: Filesystem>(self, filesystem: &Arc<F>) -> io::Result<Running> {
        let requests = match self.kept {
            Some(kept) => Requests::Kept(kept),
            None if self.survives => Requests::Survive,
            None => Requests::End,
        };
        worker::start(self.devices, self.negotiated, requests, filesystem)
    }
}
