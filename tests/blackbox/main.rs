//! Black-box tests: the built `ossplit` as server, mounts and command, seen from outside.
//!
//! They need `/dev/fuse` and root (or fusermount3). A machine without them can't mount at all, and
//! the tests fail saying so: nothing is skipped.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod acceptance;
mod appending;
mod attributes;
mod bad_mount;
mod bad_serve;
mod checkpoint;
mod checkpoint_kills;
mod counts;
mod csi;
mod directories;
mod failover;
mod faults;
mod full_disk;
mod hazards;
mod identity;
mod kills;
mod kills_mixed;
mod lifecycle;
mod listing;
mod memory;
mod models;
mod outages;
mod posix;
mod prefetch;
mod programs;
mod read_only;
mod read_write;
mod reading;
mod removed;
mod serve;
mod writing;
