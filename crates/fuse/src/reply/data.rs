//! Replies that carry bytes: READ, READLINK and the extended attributes.

use rustix::io::Errno;

use super::{Delivery, Responder};
use crate::abi::GetxattrOut;

/// Answer of READ and READLINK.
#[derive(Debug)]
#[must_use = "a reply dropped unanswered says EIO"]
pub struct ReplyData {
    responder: Responder,
    room: u32,
}

impl ReplyData {
    pub(crate) fn new(responder: Responder, room: u32) -> Self {
        Self { responder, room }
    }

    /// Answers with an error.
    pub fn error(self, errno: Errno) -> Delivery {
        self.responder.error(errno)
    }

    /// The request's id.
    pub fn unique(&self) -> crate::request::RequestId {
        self.responder.unique()
    }

    /// Most bytes that the answer may have: the size asked for.
    pub fn room(&self) -> u32 {
        self.room
    }

    /// Answers with these bytes, straight from where they lie. More than [`ReplyData::room`] is
    /// answered EIO.
    pub fn data(self, data: &[u8]) -> Delivery {
        if self.too_long(data.len()) {
            return self.refuse();
        }
        self.responder.data(data)
    }

    /// Answers with these slices one after another, straight from where they lie: cache blocks
    /// need not be gathered. In total more than [`ReplyData::room`] is answered EIO.
    pub fn slices<T: AsRef<[u8]>>(self, slices: &[T]) -> Delivery {
        if self.too_long(slices.iter().map(|slice| slice.as_ref().len()).sum()) {
            return self.refuse();
        }
        self.responder.slices(slices)
    }

    fn too_long(&self, len: usize) -> bool {
        len > self.room as usize
    }

    fn refuse(self) -> Delivery {
        tracing::error!(unique = ?self.unique(), "an answer is longer than what was asked for");
        self.responder.error(Errno::IO);
        Delivery::Refused
    }
}

/// Answer of GETXATTR and LISTXATTR; knows whether the size, the value or ERANGE is due.
#[derive(Debug)]
#[must_use = "a reply dropped unanswered says EIO"]
pub struct ReplyXattr {
    responder: Responder,
    room: u32,
}

impl ReplyXattr {
    pub(crate) fn new(responder: Responder, room: u32) -> Self {
        Self { responder, room }
    }

    /// Answers with an error.
    pub fn error(self, errno: Errno) -> Delivery {
        self.responder.error(errno)
    }

    /// The request's id.
    pub fn unique(&self) -> crate::request::RequestId {
        self.responder.unique()
    }

    /// Answers with the value (for LISTXATTR: the names, each ended by a zero byte), with its size
    /// when that was all that was asked for, or with ERANGE when the caller has less room.
    pub fn value(self, value: &[u8]) -> Delivery {
        if self.room == 0 {
            self.responder.small(
                &GetxattrOut {
                    size: value.len() as u32,
                    pad: 0,
                }
                .encode(),
            )
        } else if value.len() > self.room as usize {
            self.responder.error(Errno::RANGE)
        } else {
            self.responder.data(value)
        }
    }
}
