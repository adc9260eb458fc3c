//! Reading objects: from an offset that a program asks for to bytes in memory.
//!
//! One [`Reader`] serves one version of one object, however many handles are open on it; the
//! [`Engine`] of the mount hands readers out and owns what they share. Who does what:
//!
//! * A *small* object is fetched whole, by one GET, when it is opened (`whole`): a task of its own
//!   downloads it into the mount's cache; `read` waits for that task, whoever started it. Neighbours
//!   that will be opened next can be prefetched, and are then in the cache already.
//! * A *large* object is read in blocks of 1 MiB (`blocks`). `streams` recognises sequential reading by
//!   region, not by handle, and says how far to read ahead; `fetch` turns missing blocks into a few
//!   parallel range requests whose tasks fill block after block as bytes arrive, and end with the
//!   reader. A block is fetched once: who comes second waits for it; when all of it was handed out it
//!   goes, since the kernel's page cache has it. A read that belongs to no stream fetches exactly what
//!   was asked (`exact`), unless it goes by equal steps or among neighbours (`random`). When all blocks
//!   passed, the object's CRC64 is compared (`sums`).
//! * A large object that is read here and there by large reads, as a model file that is mapped, is fetched whole into the
//!   kernel's page cache (`fill`).
//!
//! Every GET carries `If-Match`, so one reader never mixes two versions: once the object changed, what
//! is not in memory yet is [`Error::Stale`](crate::Error::Stale). Every byte kept is leased from the
//! budget; nobody waits for a lease to read ahead, and caches give theirs back when somebody does.

mod blocks;
mod buffers;
mod engine;
mod exact;
mod fetch;
mod fill;
mod hedge;
mod pace;
mod pieces;
mod random;
mod reader;
mod streams;
mod sums;
mod whole;

pub use engine::Engine;
pub use fill::Pages;
pub use reader::Reader;
pub use whole::{Begin, Prefetch};

#[cfg(test)]
mod allocations;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod tests;
