//! Which volumes this controller made: for repeated calls, and for deletions, which name a volume by its id alone.

use crate::files;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// A volume that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) capacity: i64,
    pub(crate) context: HashMap<String, String>,
}

/// A file for each. They may be lost: then a repeated call makes the same volume again, and a deletion asks the cluster
/// for the volume's attributes.
#[derive(Clone)]
pub(crate) struct Records(PathBuf);

impl Records {
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let folder = dir.join("provisioned");
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self, id: &str) -> PathBuf {
        let mut name = String::new();
        for byte in Sha256::digest(id.as_bytes()).iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        self.0.join(name)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Made> {
        serde_json::from_slice(&fs::read(self.path(id)).ok()?).ok()
    }

    pub(crate) fn put(&self, made: &Made) -> io::Result<()> {
        files::write_secret(&self.path(&made.id), &serde_json::to_vec(made)?)
    }

    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_there_until_removed() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path()).unwrap();
        let made = Made {
            id: "pvc/1".into(),
            capacity: 5,
            context: [("bucket".to_owned(), "b".to_owned())].into(),
        };
        assert_eq!(records.get("pvc/1"), None);
        records.put(&made).unwrap();
        assert_eq!(records.get("pvc/1"), Some(made));
        records.remove("pvc/1").unwrap();
        records.remove("pvc/1").unwrap();
        assert_eq!(records.get("pvc/1"), None);
    }
}
