//! Messages that the server starts: invalidation, pushing data, redelivery.

use std::ffi::OsStr;
use std::io::IoSlice;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::io::Errno;

use crate::abi::{
    NotifyDeleteOut, NotifyInvalEntryOut, NotifyInvalInodeOut, NotifyStoreOut, OutHeader,
    notify_code,
};
use crate::flags::wire::EXPIRE_ONLY;
use crate::session::Device;

/// What the kernel did about a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notified {
    /// Done.
    Done,
    /// The kernel does not know that node or name: there was nothing to do.
    Unknown,
}

/// Tells the kernel things; usable from any thread, and cheap to clone.
///
/// Invalidations take the locks of the inodes concerned: a thread that holds up a request on the
/// same inode or directory must not wait for one (call it from elsewhere, after answering).
#[derive(Debug, Clone)]
pub struct Notifier {
    device: Arc<Device>,
}

impl Notifier {
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self { device }
    }

    /// Drops a node's cached attributes, and its pages from `offset` on: `len` bytes, or all the
    /// rest when 0. A negative `offset` keeps the pages.
    pub fn inval_inode(&self, nodeid: u64, offset: i64, len: i64) -> Result<Notified, Errno> {
        let body = NotifyInvalInodeOut {
            ino: nodeid,
            off: offset,
            len,
        };
        self.send(notify_code::INVAL_INODE, &[&body.encode()])
    }

    /// Drops a name, positive or negative, at once.
    pub fn inval_entry(&self, parent: u64, name: &OsStr) -> Result<Notified, Errno> {
        self.entry(parent, name, 0)
    }

    /// Lets a name expire: it is looked up again at its next use, and what is mounted or open below
    /// stays. Needs `HAS_EXPIRE_ONLY`; kernels without it drop the name.
    pub fn expire_entry(&self, parent: u64, name: &OsStr) -> Result<Notified, Errno> {
        self.entry(parent, name, EXPIRE_ONLY)
    }

    fn entry(&self, parent: u64, name: &OsStr, flags: u32) -> Result<Notified, Errno> {
        let body = NotifyInvalEntryOut {
            parent,
            namelen: name.len() as u32,
            flags,
        };
        self.send(
            notify_code::INVAL_ENTRY,
            &[&body.encode(), name.as_bytes(), &[0]],
        )
    }

    /// The name is gone, as if unlinked here: watchers (inotify) hear of it. ENOTEMPTY when it is a
    /// directory with names that the kernel uses.
    pub fn delete(&self, parent: u64, child: u64, name: &OsStr) -> Result<Notified, Errno> {
        let body = NotifyDeleteOut {
            parent,
            child,
            namelen: name.len() as u32,
            pad: 0,
        };
        self.send(
            notify_code::DELETE,
            &[&body.encode(), name.as_bytes(), &[0]],
        )
    }

    /// Pushes bytes into a node's page cache. What passes the node's size as the kernel knows it
    /// extends that. At most 4 GiB at a time; whole pages are best, a partial one is only kept up
    /// to date at the end of the file.
    pub fn store(&self, nodeid: u64, offset: u64, data: &[u8]) -> Result<Notified, Errno> {
        let size = u32::try_from(data.len()).map_err(|_| Errno::MSGSIZE)?;
        let body = NotifyStoreOut {
            nodeid,
            offset,
            size,
            pad: 0,
        };
        self.send(notify_code::STORE, &[&body.encode(), data])
    }

    /// Has every request that was read and not answered delivered again, to whichever descriptor is
    /// read next. EINVAL: the kernel can't (older than Linux 6.9).
    pub fn resend(&self) -> Result<(), Errno> {
        self.send(notify_code::RESEND, &[]).map(|_| ())
    }

    fn send(&self, code: i32, parts: &[&[u8]]) -> Result<Notified, Errno> {
        let body: usize = parts.iter().map(|part| part.len()).sum();
        // A unique id of 0 marks a notification; its code stands in the error's place.
        let header = OutHeader {
            len: (OutHeader::SIZE + body) as u32,
            error: code,
            unique: 0,
        }
        .encode();
        let mut message = [IoSlice::new(&[]); 4];
        message[0] = IoSlice::new(&header);
        for (place, part) in message[1..].iter_mut().zip(parts) {
            *place = IoSlice::new(part);
        }
        match self.device.write(&message[..=parts.len()]) {
            Ok(()) => Ok(Notified::Done),
            Err(Errno::NOENT) => Ok(Notified::Unknown),
            Err(errno) => Err(errno),
        }
    }
}
