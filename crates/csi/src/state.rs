//! What this node holds, on disk: a folder for each mount, whole at any moment.
//!
//! ```text
//! DIR/volumes/ID/record.json   which volume, and where it is shown
//! DIR/volumes/ID/key.json      the key, mode 600; the mount's process reads it again when it changes
//! DIR/volumes/ID/staged/       what a mount that writes keeps on disk
//! DIR/volumes/ID/mnt           the mount itself
//! DIR/volumes/ID/view          a read-only view of it, while a pod's is made
//! ```
//!
//! A record is written before what it records is done and removed after it is undone, so that whatever a
//! process left half done has its record. Whether something is mounted is never believed from here: the kernel's
//! table says it.

use crate::files;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// Where the folders are.
#[derive(Clone)]
pub(crate) struct State {
    volumes: PathBuf,
}

/// One mount: a volume on this node, for one service account where that says who may read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) volume_id: String,
    /// `NAMESPACE/ACCOUNT` of a mount with that account's rights; empty otherwise.
    pub(crate) account: String,
    /// The staging folder, while the volume is staged.
    pub(crate) staged: Option<PathBuf>,
    /// Where pods see it.
    pub(crate) targets: BTreeSet<PathBuf>,
    /// Bytes of memory that it was given.
    pub(crate) memory: u64,
}

impl Record {
    /// Whether nobody wants the mount any more.
    pub(crate) fn is_unused(&self) -> bool {
        self.staged.is_none() && self.targets.is_empty()
    }
}

/// A mount's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Where the bucket is mounted.
    pub(crate) fn mountpoint(&self) -> PathBuf {
        self.0.join("mnt")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.0.join("key.json")
    }

    /// Where data that can't be streamed is staged.
    pub(crate) fn staging(&self) -> PathBuf {
        self.0.join("staged")
    }

    /// Where a read-only view of the mount is, for a moment.
    pub(crate) fn view(&self) -> PathBuf {
        self.0.join("view")
    }

    /// The mount's name among others.
    pub(crate) fn name(&self) -> String {
        let name = self.0.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn record_file(&self) -> PathBuf {
        self.0.join("record.json")
    }

    /// The record; `None` when there is none, or none that can be read.
    pub(crate) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record_file()).ok()?).ok()
    }

    pub(crate) fn write(&self, record: &Record) -> io::Result<()> {
        for folder in [self.mountpoint(), self.staging()] {
            // A mount that is dead or away can't be asked what it is, and need not be.
            if crate::place::on(&folder)?.is_none() {
                fs::create_dir_all(&folder)?;
            }
        }
        let json = serde_json::to_vec(record)?;
        files::write_secret(&self.record_file(), &json)
    }

    /// Writes the key if it differs; true if it did.
    pub(crate) fn write_key(&self, key: &[u8]) -> io::Result<bool> {
        if fs::read(self.key_file()).is_ok_and(|now| now == key) {
            return Ok(false);
        }
        files::write_secret(&self.key_file(), key).map(|()| true)
    }

    /// Removes it all; what is mounted there must be gone. The record goes last.
    pub(crate) fn remove(&self) -> io::Result<()> {
        crate::place::clear(&self.view())?;
        crate::place::remove_folder(&self.mountpoint())?;
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        gone(fs::remove_file(self.key_file()))?;
        gone(fs::remove_dir_all(self.staging()))?;
        gone(fs::remove_dir_all(&self.0))
    }
}

impl State {
    /// In `dir`, which is made if needed and closed to others.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let volumes = dir.join("volumes");
        fs::create_dir_all(&volumes)?;
        let volumes = volumes.canonicalize()?;
        fs::set_permissions(&volumes, fs::Permissions::from_mode(0o700))?;
        Ok(Self { volumes })
    }

    /// The folder of a volume's mount with the rights of an account (empty: of the volume's own key). Volume ids may hold
    /// anything, so that their digest names the folder.
    pub(crate) fn folder(&self, volume_id: &str, account: &str) -> Folder {
        let mut digest = Sha256::new();
        digest.update(volume_id.as_bytes());
        digest.update([0]);
        digest.update(account.as_bytes());
        let name = digest
            .finalize()
            .iter()
            .take(16)
            .fold(String::new(), |mut name, byte| {
                let _ = write!(name, "{byte:02x}");
                name
            });
        Folder(self.volumes.join(name))
    }

    /// Every folder, with or without a record.
    pub(crate) fn folders(&self) -> io::Result<Vec<Folder>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.volumes)? {
            folders.push(Folder(entry?.path()));
        }
        folders.sort();
        Ok(folders)
    }

    /// The mounts of a volume.
    pub(crate) fn of_volume(&self, volume_id: &str) -> io::Result<Vec<(Folder, Record)>> {
        let recorded = self.recorded()?;
        Ok(recorded
            .into_iter()
            .filter(|(_, record)| record.volume_id == volume_id)
            .collect())
    }

    /// Every mount that has a record.
    pub(crate) fn recorded(&self) -> io::Result<Vec<(Folder, Record)>> {
        let folders = self.folders()?.into_iter();
        Ok(folders
            .filter_map(|folder| folder.record().map(|record| (folder, record)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_record_comes_back_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let folder = state.folder("volume/with\nodd letters", "");
        assert_ne!(folder, state.folder("volume/with\nodd letters", "ns/sa"));
        assert_eq!(folder.record(), None);
        let record = Record {
            volume_id: "volume/with\nodd letters".into(),
            targets: ["/t".into()].into(),
            ..Record::default()
        };
        assert!(!record.is_unused() && Record::default().is_unused());
        folder.write(&record).unwrap();
        assert!(folder.write_key(b"{}").unwrap());
        assert!(!folder.write_key(b"{}").unwrap(), "nothing new");
        let mode = fs::metadata(folder.key_file())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = State::open(dir.path()).unwrap();
        assert_eq!(
            again.of_volume(&record.volume_id).unwrap(),
            [(folder.clone(), record)]
        );
        folder.remove().unwrap();
        folder.remove().unwrap();
        assert!(again.folders().unwrap().is_empty());
    }
}
