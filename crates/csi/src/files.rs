//! Files that are whole or not there, whenever the process dies.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Puts `content` at `path` with mode 600: beside it first, then by rename.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // One that a dead process left may have another mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)
}
