//! The keeper: a small process that holds what a mount's serving process must not take with it.
//!
//! A FUSE connection lives as long as somebody holds its descriptors; what the kernel can name, and
//! what was written and is not in OSS yet, lives in memory files. The keeper holds both and reads
//! neither. It knows no file system and no network.
//!
//! `ossplit mount` starts one for its mount, and that one starts the worker and restarts it.
//! `ossplit keeper --socket PATH` holds any number of mounts for processes that do that themselves.
//!
//! # Protocol
//!
//! A Unix socket of type `SOCK_SEQPACKET`, for processes of the keeper's own user (`SO_PEERCRED`). Each
//! packet is one JSON value of at most 64 KiB; descriptors come beside it (`SCM_RIGHTS`).
//!
//! | request | answers |
//! |---|---|
//! | `{"register":{"mount":M,"note":TEXT}}` | `"done"` |
//! | `"list"` | `{"mount":{"mount":M,"note":TEXT,"served_by":PID or null,"files":N}}` each, then `"done"` |
//! | `{"attach":{"mount":M}}`: this connection's holder serves M, until it closes | `"done"` |
//! | `"detach"` | `"done"` |
//! | `{"fetch":{"mount":M}}` | `{"files":{"names":[...]}}` with as many descriptors, none or several times, then `"done"` |
//! | `{"hold":{"mount":M,"name":N}}` with one descriptor | `"done"` |
//! | `{"let_go":{"mount":M,"name":N}}` | `"done"` |
//! | `{"release":{"mount":M}}` | `"done"` |
//! | `"upgrade"` with a program's descriptor (a mount's own keeper alone) | `{"upgraded":{"pause_micros":N}}` |
//!
//! Each of them may be answered `{"failed":{"why":SENTENCE}}` instead. Who takes a mount over attaches
//! first and fetches then: what a dead predecessor said last is heard by then.

mod client;
mod keep;
mod message;
mod own;
mod peer;
mod recovery;
mod serve;
mod shed;
pub(crate) mod socket;
mod store;
mod supervise;
#[cfg(test)]
mod tests;
mod upgrade;
mod wait;
pub(crate) mod worker;

pub use client::{Client, Files};
pub use keep::keep;
pub use message::HeldMount;
pub use own::keep_own;
pub use serve::{Ended, register, serve};
pub use upgrade::{upgrade, upgrade_all};

/// The name under which a keeper holds the command line of a mount ([`crate::options::Carried`]).
pub(crate) const WORDS: &str = "words";

use std::time::Duration;

/// How long an upgrade may take in all.
const UPGRADE_LIMIT: Duration = Duration::from_mins(1);

/// As many descriptors as the system lets us have: one a memory file of each mount.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Otherwise there is room for fewer, and whoever hands over too many is told.
    let _ = setrlimit(Resource::Nofile, limit);
}
