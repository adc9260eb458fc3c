//! A record on local disk of what is under way, for whoever comes after a process that was killed.
//!
//! It is a file in `tmpdir`, locked for as long as its process lives: a line that says where, then a line for each thing
//! that began, went on or ended. It outlives a killed process. (After a crash of the machine its last lines may be
//! missing.) While nothing is under way there is no file.

use parking_lot::Mutex;
use rustix::{fs::OFlags, process::geteuid};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The record of one mount. Its lines are short and stay in the page cache, so they are written where they come up, on
/// the runtime's threads.
#[derive(Debug)]
pub(crate) struct Journal {
    place: Place,
    open: Mutex<Option<Open>>,
}

/// Which records belong together.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// File names begin so.
    pub(crate) name: &'static str,
    /// What all of a record's lines are about: a bucket of an endpoint.
    pub(crate) of: String,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    under_way: usize,
}

/// What a dead process left.
#[derive(Debug)]
pub(crate) struct Left<L> {
    pub(crate) path: PathBuf,
    pub(crate) lines: Vec<L>,
    /// When it was last written or touched, in Unix seconds: its process lived until then at least.
    pub(crate) until: i64,
    /// Keeps others from taking it up too.
    pub(crate) lock: File,
}

impl Journal {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            open: Mutex::default(),
        }
    }

    /// Notes that something begins.
    pub(crate) fn begins(&self, line: &impl Serialize) -> std::io::Result<()> {
        let mut open = self.open.lock();
        let open = match &mut *open {
            Some(open) => open,
            None => open.insert(self.place.create()?),
        };
        open.under_way += 1;
        open.append(line)
    }

    /// Notes something of what is under way.
    pub(crate) fn note(&self, line: &impl Serialize) -> std::io::Result<()> {
        match &mut *self.open.lock() {
            Some(open) => open.append(line),
            None => Ok(()),
        }
    }

    /// Says that the process lives.
    pub(crate) fn touch(&self) {
        if let Some(open) = &*self.open.lock() {
            // Only how late its last acts can have been hangs on this.
            let _ = open.file.set_modified(SystemTime::now());
        }
    }

    /// Notes that something ended. With nothing under way the file goes.
    pub(crate) fn ends(&self, line: &impl Serialize) {
        let mut record = self.open.lock();
        let Some(open) = &mut *record else { return };
        open.under_way = open.under_way.saturating_sub(1);
        if open.under_way == 0 {
            // What stays is taken up, and removed, at the next start.
            let _ = std::fs::remove_file(&open.path);
            *record = None;
        } else {
            // Without the line it is only looked into once more.
            let _ = open.append(line);
        }
    }
}

impl Open {
    /// One write a line: what a killed process leaves has whole lines, but perhaps the last.
    fn append(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

impl Place {
    fn create(&self) -> std::io::Result<Open> {
        let mut options = tempfile::Builder::new();
        let made = options.prefix(self.name).tempfile_in(&self.folder)?;
        let (file, path) = made.keep().map_err(|error| error.error)?;
        file.try_lock()?;
        let mut open = Open {
            file,
            path,
            under_way: 0,
        };
        open.append(&self.of)?;
        Ok(open)
    }

    /// The records whose processes are gone. Reads files: not for the runtime's threads.
    pub(crate) fn left<L: DeserializeOwned>(&self) -> Vec<Left<L>> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let ours = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            name.to_string_lossy()
                .starts_with(self.name)
                .then(|| entry.path())
        });
        ours.filter_map(|path| self.take(&path)).collect()
    }

    fn take<L: DeserializeOwned>(&self, path: &Path) -> Option<Left<L>> {
        // The folder may be for everybody: follow no link, and believe no file of others.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let lock = options.open(path).ok()?;
        let metadata = lock.metadata().ok()?;
        if metadata.uid() != geteuid().as_raw() {
            return None;
        }
        lock.try_lock().ok()?;
        let mut lines = BufReader::new(&lock).lines().map_while(Result::ok);
        let of: String = serde_json::from_str(&lines.next()?).ok()?;
        if of != self.of {
            return None;
        }
        // The last line of a process that was killed while it wrote says nothing.
        let lines = lines.filter_map(|line| serde_json::from_str(&line).ok());
        Some(Left {
            path: path.to_owned(),
            lines: lines.collect(),
            until: metadata.mtime(),
            lock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_found_once_and_by_its_bucket_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = |of: &str| Place {
            folder: folder.path().to_owned(),
            name: "test-",
            of: of.to_owned(),
        };
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let journal = Journal::new(place("here"));
        assert_eq!(files(), 0);
        journal.begins(&1).unwrap();
        journal.begins(&2).unwrap();
        journal.note(&3).unwrap();
        assert!(place("here").left::<u32>().is_empty(), "its process lives");
        // A killed process drops nothing, but its locks.
        *journal.open.lock() = None;
        assert!(place("there").left::<u32>().is_empty());
        let left = place("here").left::<u32>();
        assert_eq!(left[0].lines, [1, 2, 3]);
        assert!(place("here").left::<u32>().is_empty(), "somebody has it");

        let journal = Journal::new(place("here"));
        journal.begins(&1).unwrap();
        assert_eq!(files(), 2);
        journal.ends(&2);
        assert_eq!(files(), 1);
    }
}
