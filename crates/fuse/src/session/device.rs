//! One descriptor of `/dev/fuse`.

#![allow(unsafe_code)]

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Path of the device.
pub(crate) const PATH: &str = "/dev/fuse";

/// `FUSE_DEV_IOC_CLONE`, `_IOR(229, 0, uint32_t)`.
const IOC_CLONE: libc::c_ulong = 0x8004_e500;

/// One descriptor of a connection: the one that was mounted, or a clone of it.
#[derive(Debug)]
pub(crate) struct Device(OwnedFd);

impl Device {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens `/dev/fuse`; the descriptor belongs to no connection yet.
    pub(crate) fn open() -> rustix::io::Result<OwnedFd> {
        rustix::fs::open(PATH, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
    }

    /// Another descriptor of `original`'s connection, with its own queue of requests in work.
    pub(crate) fn clone_of(original: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
        let clone = Self::open()?;
        let number = original.as_raw_fd().cast_unsigned();
        // SAFETY: both descriptors are open for the whole call, and the kernel only reads the
        // `u32` behind the pointer.
        let result = unsafe { libc::ioctl(clone.as_raw_fd(), IOC_CLONE, &raw const number) };
        if result < 0 {
            let error = std::io::Error::last_os_error();
            return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
        }
        Ok(clone)
    }

    /// Takes the next request.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> rustix::io::Result<usize> {
        rustix::io::read(&self.0, buffer)
    }

    /// Waits until there is a request; for a descriptor that was handed over non-blocking.
    pub(crate) fn wait_readable(&self) -> rustix::io::Result<()> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Sends one message; the kernel takes it whole or not at all.
    pub(crate) fn write(&self, message: &[IoSlice<'_>]) -> rustix::io::Result<()> {
        loop {
            let result = match message {
                [one] => rustix::io::write(&self.0, one),
                many => rustix::io::writev(&self.0, many),
            };
            match result {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
