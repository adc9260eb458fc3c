//! Saving: admit, stage, send, commit.

mod copy;
mod pool;
mod record;
mod save;
mod send;
mod stage;

pub use save::{Save, State};
pub use stage::{Content, Item, Staging};

use crate::{Commit, Error, Result, Store, commit::Group};
use pool::Pool;
use record::Folder;
pub(crate) use record::Record;
use send::Sender;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::mpsc};

/// What a writer does with a save while another one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenBusy {
    /// Waits for it, then stages.
    #[default]
    Wait,
    /// Does not save this step.
    Skip,
    /// Stages at once, while at most so many staged saves wait their turn.
    Queue(usize),
}

/// How checkpoints are written.
#[derive(Debug, Clone)]
pub struct WriterSettings {
    /// How many checkpoints are kept, the new one counted; `None` keeps all. An older one is deleted only once a newer one is
    /// committed.
    pub keep: Option<usize>,
    /// How files are kept from changing while they are sent.
    pub staging: Staging,
    /// The staging folder; made if it is not there. Reflinks and hard links need it on the file system of what is saved.
    pub staging_dir: PathBuf,
    /// Bytes that staging may hold in memory. 2 GiB by default. Buffers are kept for the next save.
    pub memory: u64,
    /// Bytes of that memory that are made ready at start, so that the first save is as fast as the others. 0 by default.
    pub reserve: u64,
    /// While another save is under way.
    pub when_busy: WhenBusy,
    /// Bytes of a part, and of the blocks by which unchanged ranges are told. 8 MiB by default; 100 KiB to 5 GiB.
    pub part_size: u64,
    /// Requests in flight at most. 8 by default.
    pub parallel: usize,
    /// Which rank this is.
    pub rank: u32,
    /// How many ranks save together.
    pub world_size: u32,
    /// A name that all ranks of one run share, and no other run has: a save never mixes runs. May be empty.
    pub run: String,
    /// How long ranks wait for one another, once their own part is in OSS. 10 minutes by default.
    pub timeout: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            keep: None,
            staging: Staging::default(),
            staging_dir: std::env::temp_dir().join("ossplit-checkpoint"),
            memory: 2 << 30,
            reserve: 0,
            when_busy: WhenBusy::default(),
            part_size: 8 << 20,
            parallel: 8,
            rank: 0,
            world_size: 1,
            run: String::new(),
            timeout: Duration::from_mins(10),
        }
    }
}

impl WriterSettings {
    /// Fails on a setting that is out of bounds.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let fault = |name, value: &dyn std::fmt::Display, mend| {
            Err(Error::Setting {
                name,
                value: value.to_string(),
                mend,
            })
        };
        if self.keep == Some(0) {
            return fault("keep", &0, "keep at least 1 checkpoint, or all");
        }
        if !(100 << 10..=5 << 30).contains(&self.part_size) {
            return fault(
                "part_size",
                &self.part_size,
                "give 102400 (100 KiB) to 5368709120 (5 GiB) bytes",
            );
        }
        if self.parallel == 0 {
            return fault("parallel", &0, "give at least 1");
        }
        if self.rank >= self.world_size {
            return fault(
                "rank",
                &self.rank,
                "ranks count from 0 and are below world_size",
            );
        }
        Ok(())
    }
}

/// Writes checkpoints to one place, one after another. Needs a tokio runtime to send on, and blocks its caller while it stages.
pub struct Writer {
    engine: Arc<Engine>,
    pool: Pool,
    jobs: mpsc::UnboundedSender<Job>,
}

/// What sends and commits.
struct Engine {
    store: Store,
    settings: WriterSettings,
    busy: Busy,
    /// The checkpoint committed last; what does not change since is not sent again.
    before: Mutex<Option<Commit>>,
    /// Whether `before` was looked for.
    looked: AtomicBool,
}

/// Saves that are not over.
#[derive(Default)]
struct Busy(Mutex<usize>, Condvar);

impl Busy {
    /// Takes a place once less than `most` are taken; `false` if none was free in time.
    fn enter(&self, most: usize, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *count >= most {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.1.wait_timeout(count, left);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *count += 1;
        true
    }
}

/// A place among the saves under way, given back when dropped.
pub(crate) struct Permit(Option<Arc<Engine>>);

impl Permit {
    /// Ends its save and gives the place back, as one: who gets the place finds the save ended, and who knows that it ended finds
    /// the place free.
    fn end(mut self, save: &Save, outcome: Result<Commit>) {
        self.free(|| save.end(outcome));
    }

    fn free(&mut self, first: impl FnOnce()) {
        if let Some(engine) = self.0.take() {
            let Busy(count, freed) = &engine.busy;
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            first();
            *count -= 1;
            drop(count);
            freed.notify_all();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.free(|| {});
    }
}

/// A save that is staged.
struct Job {
    record: Record,
    folder: Folder,
    save: Save,
    /// Staged by a process that is gone.
    resumed: bool,
    permit: Option<Permit>,
}

/// A save that is taken up again.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The save.
    pub save: Save,
    /// Bytes of its files.
    pub size: u64,
}

impl Writer {
    /// A writer on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Setting`]. Nothing is sent yet.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(store: Store, settings: WriterSettings) -> Result<Self> {
        settings.check()?;
        let runtime = Handle::current();
        let pool = Pool::new(settings.memory, settings.part_size as usize);
        let engine = Arc::new(Engine {
            store,
            settings,
            busy: Busy::default(),
            before: Mutex::default(),
            looked: AtomicBool::new(false),
        });
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let worker = engine.clone();
        runtime.spawn(async move {
            while let Some(job) = queue.recv().await {
                worker.run(job).await;
            }
        });
        let warm = pool.clone();
        let reserve = engine.settings.reserve;
        if reserve > 0 {
            runtime.spawn_blocking(move || warm.warm(reserve));
        }
        Ok(Self { engine, pool, jobs })
    }

    /// Where it writes.
    pub fn store(&self) -> &Store {
        &self.engine.store
    }

    /// Waits until a save may begin, for at most so long; `None` if none may yet. Blocks the thread.
    pub(crate) fn admit(&self, time: Duration) -> Option<Permit> {
        let (most, time) = match self.engine.settings.when_busy {
            WhenBusy::Wait => (1, time),
            WhenBusy::Skip => (1, Duration::ZERO),
            WhenBusy::Queue(waiting) => (1 + waiting, time),
        };
        let entered = self.engine.busy.enter(most, time);
        entered.then(|| Permit(Some(self.engine.clone())))
    }

    /// Whether a save would begin at once if nobody else begins one: lets a caller wait that has to look up meanwhile.
    pub fn wait_ready(&self, time: Duration) -> bool {
        self.engine.settings.when_busy == WhenBusy::Skip || self.admit(time).is_some()
    }

    /// Stages `items` and begins to send them. When this returns, what was saved may change. Blocks the thread.
    ///
    /// Never fails itself: a save that could not be staged is one that [`State::Failed`], with the cause, so that training
    /// goes on.
    pub fn save(&self, step: u64, items: &[Item<'_>]) -> Save {
        self.save_with(step, items, BTreeMap::new())
    }

    /// As [`Writer::save`], with something to be read in [`Commit::metadata`] later.
    pub fn save_with(
        &self,
        step: u64,
        items: &[Item<'_>],
        metadata: BTreeMap<String, String>,
    ) -> Save {
        let permit = loop {
            match self.admit(Duration::from_hours(1)) {
                Some(permit) => break permit,
                None if self.engine.settings.when_busy == WhenBusy::Skip => {
                    tracing::warn!(
                        step,
                        "a checkpoint is skipped: the one before is still under way"
                    );
                    return Save::ended(step, Error::Skipped(step));
                }
                None => {}
            }
        };
        match self.stage(step, items, metadata) {
            Ok((folder, record)) => self.begin(folder, record, Some(permit)),
            Err(error) => {
                tracing::error!(%error, step, "a checkpoint could not be staged");
                Save::ended(step, error)
            }
        }
    }

    fn stage(
        &self,
        step: u64,
        items: &[Item<'_>],
        metadata: BTreeMap<String, String>,
    ) -> Result<(Folder, Record)> {
        let settings = &self.engine.settings;
        let token = format!("{:016x}", fastrand::u64(..));
        let folder = Folder::create(&settings.staging_dir, &format!("{step}-{token}"))?;
        let location = self.engine.store.location();
        let staged = stage::stage(items, settings.staging, &folder, &self.pool).and_then(|files| {
            let record = Record {
                endpoint: self.engine.store.endpoint(),
                bucket: location.bucket.clone(),
                prefix: location.prefix().to_owned(),
                step,
                token,
                rank: settings.rank,
                world_size: settings.world_size,
                run: settings.run.clone(),
                part_size: settings.part_size,
                metadata,
                files,
            };
            folder.note(&record)?;
            Ok(record)
        });
        match staged {
            Ok(record) => Ok((folder, record)),
            Err(error) => {
                folder.remove();
                Err(error)
            }
        }
    }

    fn begin(&self, folder: Folder, record: Record, permit: Option<Permit>) -> Save {
        let save = Save::new(record.step, State::Staged);
        let job = Job {
            record,
            folder,
            save: save.clone(),
            resumed: permit.is_none(),
            permit,
        };
        if self.jobs.send(job).is_err() {
            save.end(Err(Error::Interrupted));
        }
        save
    }

    /// Takes up the saves to this place that processes which are gone had staged, oldest first. Saves begun later wait their
    /// turn behind them.
    ///
    /// # Errors
    /// [`Error::File`] if the staging folder can't be read.
    pub fn resume(&self) -> Result<Vec<Resumed>> {
        let settings = &self.engine.settings;
        let (store, rank) = (&self.engine.store, settings.rank);
        let found = interrupted(store, &settings.staging_dir, |record| {
            (record.rank, record.world_size) == (rank, settings.world_size)
        })?;
        let resumed = found.into_iter().map(|(folder, record)| Resumed {
            size: record.files.iter().map(|file| file.size).sum(),
            save: self.begin(folder, record, None),
        });
        Ok(resumed.collect())
    }

    /// Who is to be resumed in a staging folder: rank, how many ranks there are, and their run, once each.
    ///
    /// # Errors
    /// [`Error::File`] if the staging folder can't be read.
    pub fn interrupted_ranks(store: &Store, staging_dir: &Path) -> Result<Vec<(u32, u32, String)>> {
        let found = interrupted(store, staging_dir, |_| true)?;
        let mut ranks: Vec<_> = found
            .into_iter()
            .map(|(_, record)| (record.rank, record.world_size, record.run))
            .collect();
        ranks.sort();
        ranks.dedup();
        Ok(ranks)
    }
}

fn interrupted(
    store: &Store,
    staging_dir: &Path,
    which: impl Fn(&Record) -> bool,
) -> Result<Vec<(Folder, Record)>> {
    let (endpoint, location) = (store.endpoint(), store.location());
    Folder::take_over(staging_dir, |record| {
        record.is_of(&endpoint, location) && which(record)
    })
}

/// Gives up the saves to a place that processes which are gone had staged: what they had sent is removed, and their folders.
/// Gives their steps.
///
/// # Errors
/// [`Error::File`], [`Error::Oss`].
pub async fn discard(store: &Store, staging_dir: &Path) -> Result<Vec<u64>> {
    let mut steps = Vec::new();
    for (folder, record) in interrupted(store, staging_dir, |_| true)? {
        store.remove_data(record.step, &record.token).await?;
        folder.remove();
        steps.push(record.step);
    }
    Ok(steps)
}

impl Engine {
    async fn run(&self, job: Job) {
        let Job {
            mut record,
            folder,
            save,
            resumed,
            permit,
        } = job;
        let step = record.step;
        let outcome = self.send(&mut record, &folder, &save, resumed).await;
        match &outcome {
            Ok(commit) => {
                folder.remove();
                *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Some(commit.clone());
                if let Some(keep) = self.settings.keep.filter(|_| record.rank == 0)
                    && let Err(error) = self.store.prune(step, keep).await
                {
                    // The next save, or gc, does it.
                    tracing::warn!(%error, "old checkpoints could not be deleted");
                }
            }
            Err(error) => {
                tracing::error!(%error, step, "a checkpoint was not committed");
                let lost = matches!(
                    error,
                    Error::Lost(_) | Error::Superseded(_) | Error::FileChanged(_)
                ) || !record.can_be_resumed();
                if lost {
                    let removed = self.store.remove_data(step, &record.token).await;
                    if let Err(error) = removed {
                        tracing::warn!(%error, "what an uncommitted checkpoint left is for gc to remove");
                    }
                    folder.remove();
                } else {
                    // Unlocked before anybody hears of the end, and may resume it.
                    drop(folder);
                }
            }
        }
        // Buffers go back before the next save begins.
        drop(record);
        match permit {
            Some(permit) => permit.end(&save, outcome),
            None => save.end(outcome),
        }
    }

    async fn send(
        &self,
        record: &mut Record,
        folder: &Folder,
        save: &Save,
        resumed: bool,
    ) -> Result<Commit> {
        if resumed {
            if let Some(commit) = self.committed_meanwhile(record).await? {
                return Ok(commit);
            }
            if !record.revive() {
                return Err(Error::Lost(record.step));
            }
            self.store.touch(record.step, &record.token).await?;
        }
        let group = Group::begin(&self.store, record, self.settings.timeout).await?;
        let sender = Sender {
            client: self.store.client().clone(),
            location: self.store.location().clone(),
            part_size: record.part_size,
            parallel: self.settings.parallel,
            resumed,
        };
        let files = sender.send(record, folder, self.before().await).await?;
        save.reach(State::Uploaded);
        group.commit(files).await
    }

    /// The commit of a save whose process died after it; an error if others made it needless.
    async fn committed_meanwhile(&self, record: &Record) -> Result<Option<Commit>> {
        let step = record.step;
        let steps = self.store.list().await?;
        if steps.contains(&step)
            && let Some(commit) = self.store.find(step).await?
        {
            let ours = self.store.location().data(step, &record.token);
            let ours = self.store.location().relative(&ours);
            if commit.files.iter().any(|file| file.key.starts_with(&ours)) {
                return Ok(Some(commit));
            }
            return Err(Error::Superseded(step));
        }
        let newer = steps.iter().filter(|newer| **newer > step).count();
        match self.settings.keep {
            Some(keep) if newer >= keep => Err(Error::Superseded(step)),
            _ => Ok(None),
        }
    }

    /// The checkpoint that what did not change is copied from.
    async fn before(&self) -> Option<Commit> {
        let known = self
            .before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if known.is_some() || self.looked.swap(true, Ordering::Relaxed) {
            return known;
        }
        match self.store.newest().await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the checkpoint before is not known: everything is sent");
                None
            }
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("location", self.engine.store.location())
            .finish_non_exhaustive()
    }
}
