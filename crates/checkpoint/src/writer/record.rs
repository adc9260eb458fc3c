//! The record of a save on local disk: what a restarted process needs to finish it.
//!
//! A save has a folder of its own: `lock`, locked by the process that works on it; `files/`, what was staged on disk;
//! `parts/`, what of its uploads is done (kept by the crate `transfer`); and `record.json`, written once all is staged. A
//! folder without a record is a save that never was: its process died while it staged.

use crate::{Error, Location, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// By what a changed file is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) size: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    mtime: (i64, i64),
}

impl Seen {
    pub(crate) fn of(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            inode: meta.ino(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
        }
    }

    pub(crate) fn is_still(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| Self::of(&meta) == *self)
    }
}

/// A file that is staged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Staged {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) place: Place,
}

/// Where its bytes are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    Disk {
        path: PathBuf,
        seen: Seen,
    },
    Memory {
        #[serde(skip)]
        pieces: Vec<Bytes>,
        /// The file they are a copy of: as good as they are for as long as it is the same.
        original: Option<(PathBuf, Seen)>,
    },
}

/// A save that is staged and not committed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) step: u64,
    pub(crate) token: String,
    pub(crate) rank: u32,
    pub(crate) world_size: u32,
    pub(crate) run: String,
    /// Bytes of a part: a resumed upload goes on with the same.
    pub(crate) part_size: u64,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) files: Vec<Staged>,
}

impl Record {
    pub(crate) fn is_of(&self, endpoint: &str, location: &Location) -> bool {
        self.endpoint == endpoint
            && self.bucket == location.bucket
            && self.prefix == location.prefix()
    }

    /// Whether another process could finish it.
    pub(crate) fn can_be_resumed(&self) -> bool {
        self.clone().revive()
    }

    /// For another process: bytes that were in memory are read from the files they came from, if those are still the same.
    /// `false` if some are lost.
    pub(crate) fn revive(&mut self) -> bool {
        for file in &mut self.files {
            if let Place::Memory {
                original: Some((path, seen)),
                ..
            } = &file.place
            {
                let (path, seen) = (path.clone(), seen.clone());
                file.place = Place::Disk { path, seen };
            }
            match &file.place {
                Place::Disk { path, seen } if seen.is_still(path) => {}
                _ => return false,
            }
        }
        true
    }
}

/// A save's folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Its lock goes with it.
    _lock: File,
}

impl Folder {
    /// Makes a folder for a save.
    pub(crate) fn create(staging: &Path, name: &str) -> Result<Self> {
        let path = staging.join(name);
        let make = || {
            fs::create_dir_all(staging)?;
            // Another process may take the folder for one that was left and remove it, while it is not locked yet.
            let lock = loop {
                match fs::create_dir(&path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => {}
                }
                if let Some(lock) = lock(&path, true)? {
                    break lock;
                }
                std::thread::yield_now();
            };
            fs::create_dir(path.join("files"))?;
            Ok(lock)
        };
        let lock = make().map_err(|e| Error::file("make the staging folder", &path, e))?;
        Ok(Self { path, _lock: lock })
    }

    /// Takes over the folders of processes that are gone: those with a record, and which it is. The others are removed.
    pub(crate) fn take_over(
        staging: &Path,
        mine: impl Fn(&Record) -> bool,
    ) -> Result<Vec<(Self, Record)>> {
        let entries = match fs::read_dir(staging) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file("read", staging, error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Error::file("read", staging, e))?.path();
            if !path.join(LOCK).is_file() {
                // Somebody else's; or its process died before it locked it, or when all but the folder was removed.
                if is_ours(&path) {
                    let _ = fs::remove_dir(&path);
                }
                continue;
            }
            let Some(lock) = lock(&path, false).map_err(|e| Error::file("lock", &path, e))? else {
                continue;
            };
            let folder = Self { path, _lock: lock };
            match fs::read(folder.path.join("record.json")) {
                Ok(text) => match serde_json::from_slice::<Record>(&text) {
                    Ok(record) if mine(&record) => found.push((folder, record)),
                    Ok(_) => {}
                    Err(error) => {
                        let path = folder.path.display();
                        tracing::warn!(%error, %path, "a record of a save can't be understood and is left alone");
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => folder.remove(),
                Err(error) => return Err(Error::file("read", &folder.path, error)),
            }
        }
        found.sort_by_key(|(_, record)| record.step);
        Ok(found)
    }

    /// Where the file with this number is staged.
    pub(crate) fn file(&self, number: usize) -> PathBuf {
        self.path.join("files").join(number.to_string())
    }

    /// Where `transfer` notes what of the uploads is done.
    pub(crate) fn parts(&self) -> PathBuf {
        self.path.join("parts")
    }

    /// Writes the record: from now on another process can finish the save.
    pub(crate) fn note(&self, record: &Record) -> Result<()> {
        let (path, temporary) = (self.path.join("record.json"), self.path.join("record.tmp"));
        let write = || {
            fs::write(&temporary, serde_json::to_vec(record)?)?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|e| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.full(0),
            _ => Error::file("write", &path, e),
        })
    }

    /// What to say when the disk is full.
    pub(crate) fn full(&self, needed: u64) -> Error {
        let free = rustix::fs::statvfs(&self.path).map_or(0, |fs| fs.f_bavail * fs.f_frsize);
        Error::DiskFull {
            folder: self.path.parent().unwrap_or(&self.path).to_owned(),
            needed,
            free,
        }
    }

    /// Removes the folder with all that is in it.
    pub(crate) fn remove(self) {
        if let Err(error) = clear(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a staging folder can't be removed");
        }
    }
}

/// The name of the lock in a save's folder.
const LOCK: &str = "lock";

/// Whether a folder has the name of a save's: its step and its token.
fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.split_once('-'))
        .is_some_and(|(step, token)| {
            step.parse::<u64>().is_ok()
                && token.len() == 16
                && token.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

/// Removes a save's folder. The record goes first: what is half removed must not be taken for a save; the lock goes last: what is
/// half removed can be told from what others put there.
fn clear(folder: &Path) -> io::Result<()> {
    let _ = fs::remove_file(folder.join("record.json"));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(folder.join(LOCK))?;
    fs::remove_dir(folder)
}

/// Locks a folder that is there, or its new owner's; `None` if another process has locked it, or removes it.
fn lock(folder: &Path, owner: bool) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let opened = File::options()
        .write(true)
        .create(owner)
        .truncate(false)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mine = file.metadata()?.ino();
    let there = fs::metadata(path).is_ok_and(|there| there.ino() == mine);
    Ok(there.then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_somebody_elses_is_not() {
        let staging = tempfile::tempdir().unwrap();
        let left = |name: &str, within: &[&str]| {
            for within in within {
                let path = staging.path().join(name).join(within);
                if within.ends_with('/') || within.is_empty() {
                    fs::create_dir_all(path).unwrap();
                } else {
                    fs::write(path, "x").unwrap();
                }
            }
        };
        // Killed before the lock, while staging, and while what was staged was removed.
        left("5-0123456789abcdef", &[""]);
        left("6-0123456789abcdef", &["files/", "lock", "files/0"]);
        left("7-0123456789abcdef", &["", "lock"]);
        let others = ["5-notes", "8-0123456789abcdef"];
        left(others[0], &[""]);
        left(others[1], &["", "notes"]);
        assert_eq!(
            Folder::take_over(staging.path(), |_| true).unwrap().len(),
            0
        );
        let names = fs::read_dir(staging.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, others);
    }

    #[test]
    fn a_folder_is_made_while_others_look_for_what_was_left() {
        let staging = tempfile::tempdir().unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let left = Folder::take_over(staging.path(), |_| true);
                        assert!(left.unwrap().is_empty());
                    }
                });
            }
            for step in 0..500 {
                let name = format!("{step}-0123456789abcdef");
                let folder = Folder::create(staging.path(), &name).unwrap();
                assert!(folder.path.join("files").is_dir());
                folder.remove();
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(fs::read_dir(staging.path()).unwrap().count(), 0);
    }
}
