//! What goes wrong, by cause.

use std::{io, path::PathBuf};

/// Why a transfer ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// OSS refused, or can't be reached.
    #[error(transparent)]
    Oss(#[from] ossplit::Error),
    /// A local file can't be read or written.
    #[error("can't {what} {}: {source}", path.display())]
    File {
        /// read, write and so on.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was written to while it was sent. Nothing was stored.
    #[error("{} changed while it was sent: send it again once nobody writes to it", .0.display())]
    FileChanged(PathBuf),
    /// The object was replaced or deleted while it was read.
    #[error("oss://{bucket}/{key} changed while it was read: start again")]
    ObjectChanged {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The bytes are not those of the object. Nothing was left behind.
    #[error(
        "CRC64 of the bytes received is {actual}, of oss://{bucket}/{key} {expected}: start again"
    )]
    Corrupt {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// As OSS says.
        expected: u64,
        /// As computed.
        actual: u64,
    },
    /// Another transfer writes the same file.
    #[error("another download is writing {}: wait for it, or choose another file", .0.display())]
    Busy(PathBuf),
    /// A task of the transfer ended without an answer: the runtime is being shut down.
    #[error("the transfer was interrupted")]
    Interrupted,
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// What OSS said, if it was OSS.
    pub fn kind(&self) -> Option<ossplit::ErrorKind> {
        match self {
            Self::Oss(error) => Some(error.kind()),
            Self::File { .. }
            | Self::FileChanged(_)
            | Self::ObjectChanged { .. }
            | Self::Corrupt { .. }
            | Self::Busy(_)
            | Self::Interrupted => None,
        }
    }
}
