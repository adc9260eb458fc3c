//! Checkpoints in OSS that are either committed with proof or not there.
//!
//! ```no_run
//! # fn example(client: ossplit::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use ossplit_checkpoint::{Item, Location, Store, Writer, WriterSettings};
//!
//! let store = Store::new(client, Location::parse("oss://bucket/run-7")?);
//! let writer = Writer::new(store, WriterSettings { keep: Some(3), ..WriterSettings::default() })?;
//! let save = writer.save(100, &Item::folder("/data/logs".as_ref())?);
//! // Training goes on here.
//! let commit = save.wait()?;
//! assert_eq!(commit.step, 100);
//! # Ok(()) }
//! ```
//!
//! * A save is staged (a snapshot that training can't alter), then uploaded, then committed: [`State`].
//! * The commit object lists every file with its size and CRC64 and is written last; what it does not name is not there.
//! * A record on local disk lets the next process finish what a killed one began: [`Writer::resume`].

mod commit;
mod error;
mod fingerprint;
mod gc;
mod layout;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::Error;
pub use gc::{Garbage, GcSettings};
pub use layout::{Commit, FORMAT, Location, StoredFile};
pub use reader::{Depth, Fault, Restored, Store, Verified};
pub use writer::{
    Content, Item, Resumed, Save, Staging, State, WhenBusy, Writer, WriterSettings, discard,
};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;
