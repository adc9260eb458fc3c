//! Flag words of the protocol, one type a file.

mod init;
mod open_reply;
mod rename;
pub(crate) mod wire;

pub use init::InitFlags;
pub use open_reply::OpenReplyFlags;
pub use rename::RenameFlags;
