//! A store in a directory, which survives `kill -9` and power loss.
//!
//! ```text
//! DIR/lock                          held with flock while a server runs
//! DIR/meta.redb                     all tables
//! DIR/content/RUN/FOLDER/RANDOM     one file a content that is not inline
//! DIR/access-key                    the key made at first start, mode 600 (see `keyfile`)
//! ```
//!
//! A PUT writes and syncs its content file, then waits for a commit, which syncs the file's folder
//! and then the tables: what is acknowledged is on disk, and what is not acknowledged is either
//! whole or absent.

mod commit;
mod files;
mod stream;
mod sweep;

pub(crate) use commit::Need;
pub(crate) use files::{Files, Pin};
pub(crate) use stream::{FileReader, FileWriter};

use super::{
    StoreError, VersionId,
    backend::load,
    content::{Place, inline},
    reader::{Content, Held},
    tx::{ReadTx, Table, Visit, WriteTx},
    types::ObjectRecord,
};
use bytes::Bytes;
use commit::{Job, definition, failed};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// Memory for pages of the metadata, in bytes.
const CACHE: usize = 64 << 20;

/// Room that is left for removals on a large disk, in bytes; on a small one, a sixteenth of it.
const RESERVE: u64 = 32 << 20;

/// Times that an object is looked up again because it was replaced while it was opened.
const OPEN_TRIES: usize = 16;

/// The data directory.
pub(crate) struct Dir {
    path: PathBuf,
    /// `None` while it is opened again after a failure, and when the store is closed.
    database: RwLock<Option<Database>>,
    files: Arc<Files>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    run: u32,
    /// Whether something was removed since the file of the tables was last compacted.
    removed: AtomicBool,
    lock: Mutex<Option<File>>,
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!(
        "can't use {} as data directory: {error}",
        path.display()
    ))
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("lock"))
        .map_err(|error| unusable(path, &error))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        return Err(StoreError::Unusable(format!(
            "the data directory {} is in use by another ossplit serve (process {}): stop it or give another --data",
            path.display(),
            holder.trim(),
        )));
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|error| unusable(path, &error))?;
    Ok(file)
}

fn open_database(path: &Path) -> Result<Database, redb::DatabaseError> {
    Database::builder()
        .set_cache_size(CACHE)
        .create(path.join("meta.redb"))
}

impl Dir {
    /// Opens the directory, making it if it is not there. Blocks.
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>, StoreError> {
        fs::create_dir_all(path).map_err(|error| unusable(path, &error))?;
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            // The folder's own name must outlive a crash too; not every parent can be opened.
            let _ = files::sync_folder(parent);
        }
        let lock = lock(path)?;
        let database = open_database(path).map_err(|error| unusable(path, &error))?;
        let run = begin_run(&database)?;
        let files = Files::create(path.join("content"), run)
            .and_then(|files| files::sync_folder(path).map(|()| files))
            .map_err(|error| unusable(path, &error))?;
        let (jobs, mut waiting) = mpsc::channel(commit::QUEUE);
        let dir = Arc::new(Self {
            path: path.to_owned(),
            database: RwLock::new(Some(database)),
            files: Arc::new(files),
            jobs: Mutex::new(Some(jobs)),
            threads: Mutex::default(),
            run,
            removed: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
        });
        let thread = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(body)
                .map_err(|error| unusable(path, &error))
        };
        let weak = Arc::downgrade(&dir);
        let committer = thread(
            "store-commit",
            Box::new(move || commit::run(&weak, &mut waiting)),
        )?;
        let (weak, files): (Weak<Self>, _) = (Arc::downgrade(&dir), Arc::clone(&dir.files));
        let sweeper = thread(
            "store-sweep",
            Box::new(move || sweep::run(&weak, &files, run)),
        )?;
        dir.threads.lock().extend([committer, sweeper]);
        Ok(dir)
    }

    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// The number of this run of the server on this directory: it grows.
    pub(crate) fn run(&self) -> u32 {
        self.run
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read()
    }

    /// Runs `f` on a consistent view. Blocks.
    pub(crate) fn read<R>(
        &self,
        f: impl FnOnce(&dyn ReadTx) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let database = self.database();
        let database = database.as_ref().ok_or(StoreError::Closed)?;
        f(&Reading(database.begin_read().map_err(failed)?))
    }

    fn job<R, F>(need: Need, f: F) -> (Job, oneshot::Receiver<Result<R, StoreError>>)
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn WriteTx) -> Result<R, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        // Whoever comes first takes it: the run, or the refusal.
        let answer = Arc::new(Mutex::new(Some(answer)));
        let refusal = Arc::clone(&answer);
        let job = Job {
            need,
            run: Box::new(move |tx| {
                let result = f(tx);
                let spoils = match &result {
                    Err(
                        error @ (StoreError::Io(_) | StoreError::Full | StoreError::Corrupt(_)),
                    ) => Some(commit::again(error)),
                    _ => None,
                };
                let reply = Box::new(move |committed: Result<(), StoreError>| {
                    if let Some(answer) = answer.lock().take() {
                        // A writer that went away has no use for the answer.
                        let _ = answer.send(committed.and(result));
                    }
                });
                (reply, spoils)
            }),
            refuse: Box::new(move |error| {
                if let Some(answer) = refusal.lock().take() {
                    let _ = answer.send(Err(error));
                }
            }),
        };
        (job, answered)
    }

    fn queue(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        self.jobs.lock().clone().ok_or(StoreError::Closed)
    }

    /// Runs `f` in a transaction and returns when it is durable.
    pub(crate) async fn write<R, F>(&self, need: Need, f: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn WriteTx) -> Result<R, StoreError> + Send + 'static,
    {
        let (job, answered) = Self::job(need, f);
        let sent = self.queue()?.send(job).await;
        sent.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// [`Dir::write`] for the store's own threads.
    fn write_blocking<R, F>(&self, need: Need, f: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn WriteTx) -> Result<R, StoreError> + Send + 'static,
    {
        let (job, answered) = Self::job(need, f);
        let sent = self.queue()?.blocking_send(job);
        sent.map_err(|_| StoreError::Closed)?;
        answered.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// An object and its bytes. Blocks.
    pub(crate) fn open_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<(ObjectRecord, Content), StoreError> {
        for _ in 0..OPEN_TRIES {
            let found = self.read(|tx| {
                let (record, extents) = load(tx, bucket, key, version)?;
                let held = match extents.as_slice() {
                    [] => Some(Held::Bytes(Bytes::new())),
                    [one] if one.place == Place::Inline => {
                        let row = tx.get(Table::Inline, &one.id.to_bytes())?;
                        Some(Held::Bytes(inline(row, one)?))
                    }
                    [one] => match self.files.open_file(one.id) {
                        Ok(file) => Some(Held::File(file, *one, Arc::clone(&self.files))),
                        // The object was replaced after this view was taken.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                        Err(error) => return Err(error.into()),
                    },
                    many => {
                        let pin = self
                            .files
                            .pin(many.iter().map(|extent| extent.id).collect());
                        Some(Held::Files(pin, extents))
                    }
                };
                Ok((record, held))
            })?;
            let (record, Some(held)) = found else {
                continue;
            };
            // Files may have gone before they were pinned; if the object still stands, they have
            // not, and now they stay.
            if matches!(held, Held::Files(..)) {
                let still = self.read(|tx| super::versions::find(tx, bucket, key, version))?;
                if still.is_none_or(|still| still.revision != record.revision) {
                    continue;
                }
            }
            return Ok((record, Content(held)));
        }
        Err(StoreError::Changed)
    }

    /// Whether only removals should still be allowed.
    fn is_nearly_full(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.path) else {
            return false;
        };
        let reserve = RESERVE.min(disk.f_blocks * disk.f_frsize / 16);
        disk.f_bavail * disk.f_frsize < reserve
    }

    /// Gives the disk back what removals freed inside the tables' file, if anything was removed
    /// since the last time; whether there is room now. Slow, and only called on a full disk.
    fn regain_room(&self) -> bool {
        if !self.removed.swap(false, Ordering::Relaxed) {
            return false;
        }
        let compacted = match self.database.write().as_mut() {
            Some(database) => database.compact(),
            None => return false,
        };
        if let Err(error) = compacted {
            tracing::warn!(%error, "could not compact the metadata");
            self.reopen();
        }
        !self.is_nearly_full()
    }

    /// Opens the tables again after a failure: redb refuses everything until then.
    fn reopen(&self) {
        let mut database = self.database.write();
        *database = None;
        match open_database(&self.path) {
            Ok(opened) => *database = Some(opened),
            Err(error) => tracing::error!(%error, "could not open the metadata again"),
        }
    }

    /// Finishes what waits, and lets the directory go, even if some reader still has a handle of
    /// it. Blocks.
    pub(crate) fn close(&self) {
        self.files.stop_reaper();
        drop(self.jobs.lock().take());
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // The last owner may be one of the threads, which must not wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
        *self.database.write() = None;
        *self.lock.lock() = None;
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes all tables, and counts this run.
fn begin_run(database: &Database) -> Result<u32, StoreError> {
    const LAST: &[u8] = b"last run";
    let txn = database.begin_write().map_err(failed)?;
    let run = {
        for table in Table::ALL {
            txn.open_table(definition(table)).map_err(failed)?;
        }
        let mut meta = txn.open_table(definition(Table::Meta)).map_err(failed)?;
        let last = meta.get(LAST).map_err(failed)?;
        let last = last.and_then(|row| Some(u32::from_be_bytes(row.value().try_into().ok()?)));
        let run = last.unwrap_or(0).wrapping_add(1);
        meta.insert(LAST, run.to_be_bytes().as_slice())
            .map_err(failed)?;
        let unswept = [sweep::RUN_PREFIX, &run.to_be_bytes()].concat();
        meta.insert(unswept.as_slice(), [].as_slice())
            .map_err(failed)?;
        run
    };
    txn.commit().map_err(failed)?;
    Ok(run)
}

/// A read transaction as the rules see it.
struct Reading(ReadTransaction);

impl ReadTx for Reading {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let rows = self.0.open_table(definition(table)).map_err(failed)?;
        let row = rows.get(key).map_err(failed)?;
        Ok(row.map(|row| Bytes::copy_from_slice(row.value())))
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let rows = self.0.open_table(definition(table)).map_err(failed)?;
        commit::scan(&rows, from, visit)
    }
}
