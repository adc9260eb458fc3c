//! Files that are whole or not there, whenever the process dies.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Puts `content` at `path` with mode 600: beside it first, then by rename.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    // Added to the whole name: what stands behind a dot may be a part of a volume's id.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_whole_and_private_and_no_other_volume_s() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (
            folder.path().join("key-v.1"),
            folder.path().join("key-v.new"),
        );
        fs::write(&other, "other").unwrap();
        write_secret(&one, b"one").unwrap();
        write_secret(&one, b"one again").unwrap();
        assert_eq!(fs::read(&one).unwrap(), b"one again");
        assert_eq!(fs::read(&other).unwrap(), b"other");
        let mode = fs::metadata(&one).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
