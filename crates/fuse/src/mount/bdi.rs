//! The kernel's readahead for one mount.

use std::io;

use super::ConnectionId;

/// Sets how far the kernel reads ahead in this mount, in bytes (rounded down to KiB). INIT can only
/// lower the kernel's 128 KiB; this raises it. Needs write access to `/sys`, that is root.
pub fn set_read_ahead(connection: ConnectionId, bytes: u64) -> io::Result<()> {
    let ConnectionId { major, minor } = connection;
    let file = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
    std::fs::write(file, (bytes / 1024).to_string())
}
