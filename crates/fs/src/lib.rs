//! The file system over a bucket: namespace, reads, writes, memory budget. No kernel interface.
//!
//! # How the parts meet
//! [`FileSystem`] is the facade that a kernel bridge calls: first a synchronous `try_*` method, which answers from
//! memory or says "miss" with `None`, then the async method of the same name. It owns the namespace (node ids,
//! names, attributes) and the handle table; file contents belong to `read` and `write`:
//!
//! * `read::Engine::new(Arc<Context>)`, one a mount, holds what readers share (bodies of small objects, by key and
//!   `ETag`). `engine.open(ObjectVersion) -> Reader` fetches nothing and does not wait;
//!   `engine.prefetch(ObjectVersion, ..)` fetches a small object in the background, if the budget has room, and does
//!   not wait either.
//! * `read::Reader` serves one open object, pinned: `try_read(offset, len, &mut Vec<Bytes>) -> Option<Result<()>>`
//!   hands out what is in memory, `read(offset, len).await -> Result<Vec<Bytes>>` fetches (a small object whole), and a
//!   412 or 404 becomes [`Error::Stale`].
//! * `write::Writer` serves one file open for writing. The facade keeps one per node, however many handles are open.
//!   `Writer::new(Arc<Context>, node: NodeId, key: String, base: Option<ObjectVersion>, with: NewObject)`: `base` is the version whose
//!   contents it begins with, `None` an empty file that is not in OSS yet. `write(offset, Bytes).await`,
//!   `truncate(size).await`, `size()`, `is_dirty()`, and `flush().await -> Result<ObjectVersion>`, which makes the data
//!   durable (an untouched new file as an empty object) and returns the new version; writing may go on after it.
//!   `discard().await` aborts what is not finished: the file was unlinked. All take `&self`, may be called at once,
//!   and may be dropped half-way. `read(offset, len).await` is wanted for reads of a file that is being written here.

pub mod budget;
pub mod clock;
pub mod config;
pub mod context;
pub mod error;
pub mod ledger;
pub mod read;
pub mod types;
pub mod write;

mod cache;
mod content_types;
mod contents;
mod facade;
mod hidden;
mod journal;
mod moves;
mod namespace;
mod recovery;
mod remote;
mod xattr;

pub use clock::Clock;
pub use config::{FsConfig, KeepFree, SymlinkForm};
pub use content_types::ContentTypes;
pub use context::Context;
pub use error::{Error, Result};
pub use facade::{FileSystem, PageSink, PrefetchList};
pub use ledger::{Request, ResumeError, Vault};
pub use recovery::recover;
pub use types::*;
pub use xattr::XattrMode;
