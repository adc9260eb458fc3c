//! Listings: READDIR and READDIRPLUS.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;

use super::{Delivery, Responder};
use crate::abi::{Dirent, EntryOut, align8};
use crate::attr::{Entry, FileKind};

/// Answer of READDIR: push entries until one does not fit, then send.
#[derive(Debug)]
#[must_use = "a reply dropped unanswered says EIO"]
pub struct ReplyDir {
    responder: Responder,
    room: usize,
    bytes: Vec<u8>,
}

/// Answer of READDIRPLUS: push entries until one does not fit, then send.
#[derive(Debug)]
#[must_use = "a reply dropped unanswered says EIO"]
pub struct ReplyDirPlus(ReplyDir);

impl ReplyDir {
    pub(crate) fn new(responder: Responder, room: u32) -> Self {
        Self {
            responder,
            room: room as usize,
            bytes: Vec::new(),
        }
    }

    /// Adds a name. `offset` is what a later READDIR gives to go on after it. `false`: it does not
    /// fit and was not added.
    #[must_use = "an entry that did not fit must come first in the next answer"]
    pub fn push(&mut self, ino: u64, offset: u64, kind: FileKind, name: &OsStr) -> bool {
        let dirent = Dirent {
            ino,
            off: offset,
            namelen: name.len() as u32,
            kind: kind.to_wire(),
        };
        self.append(&[], &dirent.encode(), name.as_bytes())
    }

    fn append(&mut self, entry: &[u8], dirent: &[u8], name: &[u8]) -> bool {
        let start = self.bytes.len();
        let len = align8(entry.len() + dirent.len() + name.len());
        if start + len > self.room {
            return false;
        }
        if start == 0 {
            self.bytes.reserve_exact(self.room);
        }
        self.bytes.extend_from_slice(entry);
        self.bytes.extend_from_slice(dirent);
        self.bytes.extend_from_slice(name);
        self.bytes.resize(start + len, 0);
        true
    }

    /// Sends what was pushed; nothing pushed means the end of the directory.
    pub fn send(self) -> Delivery {
        self.responder.data(&self.bytes)
    }

    /// Answers with an error.
    pub fn error(self, errno: Errno) -> Delivery {
        self.responder.error(errno)
    }

    /// The request's id.
    pub fn unique(&self) -> crate::request::RequestId {
        self.responder.unique()
    }
}

impl ReplyDirPlus {
    pub(crate) fn new(responder: Responder, room: u32) -> Self {
        Self(ReplyDir::new(responder, room))
    }

    /// Adds a name with its entry. Each one pushed counts as one lookup of its node once the answer
    /// is [`Delivery::Delivered`], except `.` and `..` and those with `nodeid` 0, which the kernel
    /// will look up when it needs them. `false`: it does not fit and was not added.
    #[must_use = "an entry that did not fit must come first in the next answer"]
    pub fn push(&mut self, entry: &Entry, offset: u64, name: &OsStr) -> bool {
        let dirent = Dirent {
            ino: entry.attr.ino,
            off: offset,
            namelen: name.len() as u32,
            kind: FileKind::from_mode(entry.attr.mode).to_wire(),
        };
        let wire: [u8; EntryOut::SIZE] = entry.to_wire().encode();
        self.0.append(&wire, &dirent.encode(), name.as_bytes())
    }

    /// Whether an entry with a name of that many bytes would fit; to ask before a lookup is counted.
    pub fn fits(&self, name_len: usize) -> bool {
        let len = align8(EntryOut::SIZE + Dirent::SIZE + name_len);
        self.0.bytes.len() + len <= self.0.room
    }

    /// Sends what was pushed; nothing pushed means the end of the directory.
    pub fn send(self) -> Delivery {
        self.0.send()
    }

    /// Answers with an error.
    pub fn error(self, errno: Errno) -> Delivery {
        self.0.error(errno)
    }

    /// The request's id.
    pub fn unique(&self) -> crate::request::RequestId {
        self.0.unique()
    }
}
