//! The transport under a real mount: an in-memory tree, the real kernel, real system calls.
//! Needs `/dev/fuse` and root, as `make test` has them.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test's helpers fail loudly, and its modules are nobody's API"
)]

mod files;
mod handover;
mod harness;
mod lifecycle;
mod memfs;
mod notify;
mod requests;
mod tree;
