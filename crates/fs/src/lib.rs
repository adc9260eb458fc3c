//! The file system over a bucket: namespace, reads, writes, memory budget. No kernel interface.
//!
//! # How the parts meet
//! [`FileSystem`] is the facade that a kernel bridge calls: first a synchronous `try_*` method, which answers from
//! memory or says "miss" with `None`, then the async method of the same name. It owns the namespace (node ids,
//! names, attributes) and the handle table; file contents belong to `read` and `write`:
//!
//! * `read::Reader` serves one open object, pinned as an [`ObjectVersion`]: `try_read(offset, len)` hands out what is
//!   in memory, `read(offset, len).await` fetches, and a 412 or 404 becomes [`Error::Stale`].
//! * `write::Writer` serves one file open for writing. The facade keeps one per node, however many handles are open,
//!   and asks it for the size that `stat` shows; `flush().await` makes the data durable and returns the new
//!   [`ObjectVersion`], which the facade puts into the namespace.

pub mod budget;
pub mod clock;
pub mod config;
pub mod error;
pub mod read;
pub mod types;

mod facade;
mod namespace;
mod remote;

pub use clock::Clock;
pub use config::FsConfig;
pub use error::{Error, Result};
pub use facade::FileSystem;
pub use types::*;
