//! Replies: one owned type a kind of answer, good for one answer.
//!
//! A reply may be answered where it was received or be moved to another thread or task. Dropped
//! unanswered it says EIO, which is also what ends a request whose method panicked. An answer goes
//! out through the descriptor that the request came in on: the kernel looks for the request there
//! and nowhere else.

mod data;
mod dir;
mod responder;
mod simple;
#[cfg(test)]
mod tests;

pub use data::{ReplyData, ReplyXattr};
pub use dir::{ReplyDir, ReplyDirPlus};
pub use responder::Delivery;
pub(crate) use responder::Responder;
pub use simple::{
    ReplyAttr, ReplyCreate, ReplyEmpty, ReplyEntry, ReplyLock, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyWrite,
};

/// Defines a reply type around a [`Responder`], with the two answers that all have.
macro_rules! reply_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "a reply dropped unanswered says EIO"]
        pub struct $name(pub(crate) $crate::reply::Responder);

        impl $name {
            /// Answers with an error.
            #[allow(clippy::must_use_candidate, reason = "most callers have nothing to undo")]
            pub fn error(self, errno: $crate::Errno) -> $crate::reply::Delivery {
                self.0.error(errno)
            }

            /// The request's id.
            pub fn unique(&self) -> $crate::request::RequestId {
                self.0.unique()
            }
        }
    };
}
use reply_type;
