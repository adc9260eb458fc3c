//! Which names a directory can show, and which keys it can't.

use crate::error::{Error, Result};

/// Longest component, in bytes: Linux's `NAME_MAX`.
pub(crate) const NAME_MAX: usize = 255;
/// Longest object key, in bytes: OSS's bound.
pub(crate) const KEY_MAX: usize = 1023;

/// Names of objects that are kept for programs that read a file which was removed begin so: see [`crate::hidden`].
pub(crate) const REMOVED: &str = ".ossplit-removed-";

/// Whether a name is one of those that this program keeps to itself.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with(REMOVED)
}

/// An object of a directory's name and this says that the directory exists, as Hadoop's old S3 file system wrote it.
const FOLDER: &str = "_$folder$";

/// The directory for which an object of this name stands.
pub(crate) fn folder_of(name: &str) -> Option<&str> {
    name.strip_suffix(FOLDER).filter(|folder| can_show(folder))
}

/// The name of the object that stands for a directory of this name.
pub(crate) fn folder_marker(name: &str) -> String {
    format!("{name}{FOLDER}")
}

/// True if `name`, found in a listing, can be a directory entry. A key such as `a//b`, `a/../b` or one with a
/// component over 255 bytes has no path in a file system: its entry is skipped.
pub(crate) fn can_show(name: &str) -> bool {
    !(name.is_empty()
        || name == "."
        || name == ".."
        || name.len() > NAME_MAX
        || is_hidden(name)
        || name.bytes().any(|byte| byte == 0 || byte == b'/'))
}

/// The name of a lookup: a name that no listing can show does not exist.
pub(crate) fn wanted(name: &[u8]) -> Result<&str> {
    if name.len() > NAME_MAX {
        return Err(Error::NameTooLong);
    }
    match std::str::from_utf8(name) {
        Ok(name) if can_show(name) => Ok(name),
        _ => Err(Error::NotFound),
    }
}

/// The name of something to be made.
pub(crate) fn new_name(name: &[u8]) -> Result<&str> {
    if name.len() > NAME_MAX {
        return Err(Error::NameTooLong);
    }
    let name = std::str::from_utf8(name).map_err(|_| Error::InvalidName("keys are UTF-8"))?;
    if can_show(name) {
        Ok(name)
    } else {
        Err(Error::InvalidName("reserved"))
    }
}

/// Fails if `key` is longer than OSS takes.
pub(crate) fn check_key(key: &str) -> Result<()> {
    if key.len() > KEY_MAX {
        Err(Error::NameTooLong)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_components_are_not_shown() {
        let long = "x".repeat(256);
        for odd in ["", ".", "..", "a/b", "a\0", &long, ".ossplit-removed-1"] {
            assert!(!can_show(odd), "{odd:?}");
        }
        for fine in ["a", "...", "-", "a b", "日本", &long[1..]] {
            assert!(can_show(fine), "{fine:?}");
        }
    }

    #[test]
    fn lookups_and_creates_differ_in_the_error() {
        assert!(matches!(wanted(b"\xff"), Err(Error::NotFound)));
        assert!(matches!(new_name(b"\xff"), Err(Error::InvalidName(_))));
        assert!(matches!(wanted(&[b'x'; 256]), Err(Error::NameTooLong)));
        assert_eq!(wanted("ü".as_bytes()).unwrap(), "ü");
        assert!(check_key(&"k".repeat(1023)).is_ok());
        assert!(check_key(&"k".repeat(1024)).is_err());
    }
}
