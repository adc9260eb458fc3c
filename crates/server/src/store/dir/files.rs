//! Content files: `content/RUN/FOLDER/RANDOM`, each written once, synced, and never changed.
//!
//! A file is created under its final name. It needs no rename to appear at once and whole, as the
//! metadata commit that first names it does that; a file that no commit names is swept away.
//! Names never come from object keys.

use super::super::content::ContentId;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Files in a folder before the next is begun. Files written together lie together, so that a
/// group of commits syncs few folders.
const FOLDER_FILES: u32 = 4096;

/// Memory for the buffers of all streams together, in bytes.
const BUFFERS: usize = 64 << 20;

/// The largest buffer of a stream, in bytes.
const LARGEST_BUFFER: usize = 512 << 10;

/// The smallest buffer of a stream, in bytes.
const SMALLEST_BUFFER: usize = 16 << 10;

/// The content files of a data directory.
pub(crate) struct Files {
    root: PathBuf,
    /// Number of this run of the server.
    run: u32,
    folder: Mutex<Folder>,
    pins: Mutex<HashMap<ContentId, u32>>,
    reaper: Mutex<Reaper>,
    wake: Condvar,
    streams: AtomicUsize,
}

struct Folder {
    number: u32,
    files: u32,
}

/// What the reaper thread is asked to do.
#[derive(Default)]
struct Reaper {
    /// Staged files that were given up.
    abandoned: Vec<ContentId>,
    /// There may be rows of garbage.
    garbage: bool,
    stop: bool,
}

/// What the reaper thread finds when it wakes.
pub(super) enum Chore {
    /// Remove these files, then look for garbage rows if the flag is set.
    Remove(Vec<ContentId>, bool),
    /// The store is closing.
    Stop,
}

impl Files {
    /// Makes the folder of run `run`, which must not exist.
    pub(super) fn create(root: PathBuf, run: u32) -> io::Result<Self> {
        let files = Self {
            root,
            run,
            folder: Mutex::new(Folder {
                number: 0,
                files: 0,
            }),
            pins: Mutex::default(),
            reaper: Mutex::new(Reaper {
                garbage: true,
                ..Reaper::default()
            }),
            wake: Condvar::new(),
            streams: AtomicUsize::new(0),
        };
        let of_run = files.run_path(run);
        fs::create_dir_all(&of_run)?;
        sync_folder(&files.root)?;
        files.make_folder(0)?;
        Ok(files)
    }

    pub(super) fn run_path(&self, run: u32) -> PathBuf {
        self.root.join(format!("{run:08x}"))
    }

    pub(super) fn folder_path(&self, id: ContentId) -> PathBuf {
        self.run_path(id.run()).join(format!("{:08x}", id.folder()))
    }

    fn path(&self, id: ContentId) -> PathBuf {
        self.folder_path(id)
            .join(format!("{:016x}", id.random_half()))
    }

    fn make_folder(&self, number: u32) -> io::Result<()> {
        let of_run = self.run_path(self.run);
        fs::create_dir(of_run.join(format!("{number:08x}")))?;
        sync_folder(&of_run)
    }

    /// Creates an empty file for a new content.
    pub(super) fn create_file(&self) -> io::Result<(File, ContentId)> {
        let number = {
            let mut folder = self.folder.lock();
            if folder.files == FOLDER_FILES {
                self.make_folder(folder.number + 1)?;
                *folder = Folder {
                    number: folder.number + 1,
                    files: 0,
                };
            }
            folder.files += 1;
            folder.number
        };
        let id = ContentId::new(self.run, number);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.path(id))?;
        Ok((file, id))
    }

    pub(crate) fn open_file(&self, id: ContentId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Removes a file unless a reader holds it; whether it is gone.
    pub(super) fn remove_file(&self, id: ContentId) -> io::Result<bool> {
        let pins = self.pins.lock();
        if pins.contains_key(&id) {
            return Ok(false);
        }
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// Makes the names of files in these contents' folders durable.
    pub(super) fn sync_folders(&self, ids: impl Iterator<Item = ContentId>) -> io::Result<()> {
        let mut folders: Vec<PathBuf> = ids.map(|id| self.folder_path(id)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// A staged file will not be named by any commit.
    pub(crate) fn abandon(&self, id: ContentId) {
        self.reaper.lock().abandoned.push(id);
        self.wake.notify_one();
    }

    /// Tells the reaper that there are garbage rows.
    pub(super) fn garbage_is_out(&self) {
        self.reaper.lock().garbage = true;
        self.wake.notify_one();
    }

    pub(super) fn stop_reaper(&self) {
        self.reaper.lock().stop = true;
        self.wake.notify_one();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.reaper.lock().stop
    }

    /// Waits for work. What was abandoned is done before a stop is obeyed.
    pub(super) fn next_chore(&self) -> Chore {
        let mut reaper = self.reaper.lock();
        loop {
            if !reaper.abandoned.is_empty() || (reaper.garbage && !reaper.stop) {
                let abandoned = std::mem::take(&mut reaper.abandoned);
                return Chore::Remove(abandoned, std::mem::take(&mut reaper.garbage));
            }
            if reaper.stop {
                return Chore::Stop;
            }
            self.wake.wait(&mut reaper);
        }
    }

    /// Keeps files from being removed until the pin is dropped.
    pub(super) fn pin(self: &Arc<Self>, ids: Vec<ContentId>) -> Pin {
        let mut pins = self.pins.lock();
        for id in &ids {
            *pins.entry(*id).or_default() += 1;
        }
        Pin {
            files: Arc::clone(self),
            ids,
        }
    }

    /// Counts a stream while the token lives, so that all streams share [`BUFFERS`].
    pub(super) fn stream(self: &Arc<Self>) -> StreamToken {
        self.streams.fetch_add(1, Ordering::Relaxed);
        StreamToken(Arc::clone(self))
    }
}

/// Files that a reader needs.
pub(crate) struct Pin {
    pub(super) files: Arc<Files>,
    ids: Vec<ContentId>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        {
            let mut pins = self.files.pins.lock();
            for id in &self.ids {
                if let Some(count) = pins.get_mut(id) {
                    *count -= 1;
                    if *count == 0 {
                        pins.remove(id);
                    }
                }
            }
        }
        // The reaper may have passed them over.
        self.files.garbage_is_out();
    }
}

/// One stream among those that share the memory for buffers.
pub(super) struct StreamToken(Arc<Files>);

impl StreamToken {
    /// Bytes that a buffer of this stream may have now: each stream has two.
    pub(super) fn buffer(&self) -> usize {
        let streams = self.0.streams.load(Ordering::Relaxed).max(1);
        (BUFFERS / 2 / streams).clamp(SMALLEST_BUFFER, LARGEST_BUFFER)
    }

    pub(super) fn files(&self) -> &Arc<Files> {
        &self.0
    }
}

impl Drop for StreamToken {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
