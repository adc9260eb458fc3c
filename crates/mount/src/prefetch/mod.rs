//! Lists of files to fetch ahead, from programs that know in which order they will read: `ossplit prefetch`, a sampler.
//! The protocol is in `docs/prefetch.md`.
//!
//! Each mount listens on a Unix socket in a folder that only the mounting user can enter. Its name is the mount's device
//! number, which every program can see that sees the mount.

mod client;
mod server;

pub use client::{PrefetchError, send};
pub(crate) use server::Listening;

use ossplit_fuse::mount::ConnectionId;
use std::path::PathBuf;

/// Bytes of a path at most: a key has at most 1,023, and a path may be longer than its key by a few slashes.
const LONGEST: usize = 4096;

/// The folder of a user's sockets.
fn folder(user: u32) -> PathBuf {
    if user == 0 {
        return "/run/ossplit".into();
    }
    let session = PathBuf::from(format!("/run/user/{user}"));
    if session.is_dir() {
        session.join("ossplit")
    } else {
        format!("/tmp/ossplit-{user}").into()
    }
}

/// The socket of a mount.
fn socket(user: u32, mount: ConnectionId) -> PathBuf {
    let ConnectionId { major, minor } = mount;
    folder(user).join(format!("prefetch-{major}:{minor}"))
}
