//! Who may read a password file (ossfs 1's rules): nobody else, and no group but for the system's
//! own file.

use crate::options::Fault;
use ossplit::credentials::KeyFile;
use std::{os::unix::fs::PermissionsExt as _, path::Path};

/// The file for everybody; its group may read it.
pub(crate) const SYSTEM_FILE: &str = "/etc/passwd-ossfs";

/// Checks mode and lines.
pub(crate) fn check(path: &Path, bucket: &str) -> Result<(), Fault> {
    let shown = path.display();
    let metadata =
        std::fs::metadata(path).map_err(|e| Fault(format!("passwd_file {shown}: {e}")))?;
    if !metadata.is_file() {
        return Err(Fault(format!("passwd_file {shown} is no regular file")));
    }
    let mode = metadata.permissions().mode() & 0o777;
    let (forbidden, wanted) = if path == Path::new(SYSTEM_FILE) {
        (0o137, "640")
    } else {
        (0o177, "600")
    };
    if mode & forbidden != 0 {
        return Err(Fault(format!(
            "passwd_file {shown} has mode {mode:03o} and others could read the key: chmod {wanted} {shown}"
        )));
    }
    KeyFile::open(path, bucket)
        .map(drop)
        .map_err(|error| Fault(format!("passwd_file: {error}")))
}
