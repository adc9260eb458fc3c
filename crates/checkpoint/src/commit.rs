//! The last step of a save: the commit object. Alone, or once all ranks have brought their files over.
//!
//! Ranks meet in objects alone. Rank 0 opens an attempt (`open.json`, a token made anew). A rank whose files are in OSS puts
//! their list into the attempt that is open, and waits for the commit; should another attempt be opened meanwhile (rank 0 died
//! and came back), it puts the list there too. Rank 0 commits when the lists of all ranks are there. Each rank's wait has an
//! end, and its error names who is missing.

use crate::{Commit, Error, FORMAT, Result, Store, StoredFile, writer::Record};
use ossplit::{ErrorKind, GetObject};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, sleep};

/// Between two looks of a rank that waits: grows from the first to the second.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What rank 0 opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    attempt: String,
    world_size: u32,
    run: String,
}

/// What a rank has brought over.
#[derive(Debug, Serialize, Deserialize)]
struct Shard {
    rank: u32,
    world_size: u32,
    files: Vec<StoredFile>,
}

/// The ranks that save a step together; often one.
pub(crate) struct Group<'a> {
    store: &'a Store,
    step: u64,
    rank: u32,
    open: Open,
    metadata: BTreeMap<String, String>,
    /// By which a rank knows its own files in a commit.
    data: String,
    timeout: Duration,
}

/// Pauses between looks, until time is up.
struct Looks {
    began: Instant,
    timeout: Duration,
    pause: Duration,
}

impl Looks {
    fn new(timeout: Duration) -> Self {
        Self {
            began: Instant::now(),
            timeout,
            pause: LOOKS.0,
        }
    }

    /// Waits for the next look; `false` if the time is up.
    async fn next(&mut self) -> bool {
        let left = self.timeout.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            return false;
        }
        sleep(self.pause.min(left)).await;
        self.pause = (self.pause * 2).min(LOOKS.1);
        true
    }
}

impl<'a> Group<'a> {
    /// Before the files are sent.
    pub(crate) async fn begin(
        store: &'a Store,
        record: &Record,
        timeout: Duration,
    ) -> Result<Self> {
        let group = Self {
            store,
            step: record.step,
            rank: record.rank,
            open: Open {
                attempt: format!("{:016x}", fastrand::u64(..)),
                world_size: record.world_size,
                run: record.run.clone(),
            },
            metadata: record.metadata.clone(),
            data: store
                .location()
                .relative(&store.location().data(record.step, &record.token)),
            timeout,
        };
        if group.rank == 0 && group.open.world_size > 1 {
            let key = store.location().open(group.step);
            store.put_json(&key, &group.open, false).await?;
        }
        Ok(group)
    }

    /// Once they are there. When this returns, the checkpoint is committed.
    pub(crate) async fn commit(self, files: Vec<StoredFile>) -> Result<Commit> {
        if self.rank > 0 {
            return self.hand_in(files).await;
        }
        let mut all = files;
        if self.open.world_size > 1 {
            all.extend(self.gather().await?);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let commit = Commit {
            format: FORMAT,
            step: self.step,
            committed: now.map_or(0, |time| time.as_secs().cast_signed()),
            world_size: self.open.world_size,
            files: all,
            metadata: self.metadata.clone(),
        };
        self.write(&commit).await?;
        if self.open.world_size > 1 {
            let location = self.store.location();
            let mut keys = vec![location.open(self.step)];
            let ranks = 1..self.open.world_size;
            keys.extend(ranks.map(|rank| location.shard(self.step, &self.open.attempt, rank)));
            if let Err(error) = self.store.delete_keys(keys).await {
                tracing::warn!(%error, "what the ranks met in is for gc to remove");
            }
        }
        Ok(commit)
    }

    /// Writes the commit; of a commit of the same step that it replaces, the data go.
    async fn write(&self, commit: &Commit) -> Result<()> {
        let key = self.store.location().commit(self.step);
        match self.store.put_json(&key, commit, true).await {
            Err(Error::Oss(error)) if error.kind() == ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let old = self.store.find(self.step).await?;
        self.store.put_json(&key, commit, false).await?;
        let Some(old) = old else {
            return Ok(());
        };
        let kept = |key: &String| commit.files.iter().any(|file| file.key == *key);
        let gone = old.files.iter().filter(|file| !kept(&file.key));
        let keys = gone
            .map(|file| self.store.location().key_of(file))
            .collect();
        if let Err(error) = self.store.delete_keys(keys).await {
            tracing::warn!(%error, "the data of a replaced checkpoint are for gc to remove");
        }
        Ok(())
    }

    /// The files of all other ranks, once they are there.
    async fn gather(&self) -> Result<Vec<StoredFile>> {
        let location = self.store.location();
        let mut looks = Looks::new(self.timeout);
        let ranks = 1..self.open.world_size;
        loop {
            let there = self
                .store
                .keys(&location.shards(self.step, &self.open.attempt))
                .await?;
            let key = |rank: &u32| location.shard(self.step, &self.open.attempt, *rank);
            let missing: Vec<u32> = ranks
                .clone()
                .filter(|rank| !there.contains(&key(rank)))
                .collect();
            if missing.is_empty() {
                break;
            }
            if !looks.next().await {
                return Err(self.missing(missing));
            }
        }
        let mut all = Vec::new();
        for rank in ranks {
            let key = location.shard(self.step, &self.open.attempt, rank);
            let shard: Shard = self.store.get_json(&key).await?;
            if shard.world_size != self.open.world_size {
                return Err(self.disagree(shard.world_size, rank));
            }
            all.extend(shard.files);
        }
        self.check_data(&all).await?;
        Ok(all)
    }

    /// Files of other ranks may be older than this process, and gc may have been at them.
    async fn check_data(&self, files: &[StoredFile]) -> Result<()> {
        let location = self.store.location();
        let sizes = self.store.sizes(&location.data_of(self.step)).await?;
        for file in files {
            let key = location.key_of(file);
            if sizes.get(&key) != Some(&file.size) {
                let why = format!("{} of rank {} is not in OSS any more", file.name, file.rank);
                let step = self.step;
                return Err(Error::Ranks { step, why });
            }
        }
        Ok(())
    }

    /// Hands the files in where rank 0 gathers, and waits for its commit.
    async fn hand_in(&self, files: Vec<StoredFile>) -> Result<Commit> {
        let shard = Shard {
            rank: self.rank,
            world_size: self.open.world_size,
            files,
        };
        let location = self.store.location();
        let mut looks = Looks::new(self.timeout);
        let mut handed_in: Option<Open> = None;
        let mut other_run = None;
        let mut seen_commit = None;
        loop {
            if let Some(commit) = self.ours(&mut seen_commit).await? {
                return Ok(commit);
            }
            match self
                .store
                .find_json::<Open>(&location.open(self.step))
                .await?
            {
                // Left by a run that is gone, or not ours.
                Some(open) if open.run != self.open.run => other_run = Some(open.run),
                Some(open) if open.world_size != self.open.world_size => {
                    return Err(self.disagree(open.world_size, 0));
                }
                Some(open) if handed_in.as_ref() != Some(&open) => {
                    let key = location.shard(self.step, &open.attempt, self.rank);
                    self.store.put_json(&key, &shard, false).await?;
                    handed_in = Some(open);
                }
                _ => {}
            }
            if !looks.next().await {
                break;
            }
        }
        let Some(open) = handed_in else {
            let seen = other_run.map_or_else(
                || "it never began this step".to_owned(),
                |run| {
                    format!(
                        "run {run:?} began this step, this is run {:?}",
                        self.open.run
                    )
                },
            );
            return Err(self.no_commit(seen));
        };
        let there = self
            .store
            .keys(&location.shards(self.step, &open.attempt))
            .await?;
        let missing: Vec<u32> = (1..open.world_size)
            .filter(|rank| !there.contains(&location.shard(self.step, &open.attempt, *rank)))
            .collect();
        if missing.is_empty() {
            return Err(self.no_commit("all other ranks have handed their files in".into()));
        }
        Err(self.missing(missing))
    }

    /// The commit of this step, if it names files of this save. `seen` is the ETag of one that does not.
    async fn ours(&self, seen: &mut Option<String>) -> Result<Option<Commit>> {
        let location = self.store.location();
        let key = location.commit(self.step);
        let mut get = GetObject::new(&*location.bucket, &*key);
        get.if_none_match.clone_from(seen);
        let mut got = match self.store.client().get_object(get).await {
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::NoSuchKey | ErrorKind::NotModified) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let commit = Commit::read(&got.body.collect().await?, location, &key)?;
        *seen = Some(got.meta.etag);
        let ours = commit
            .files
            .iter()
            .any(|file| file.key.starts_with(&self.data));
        Ok(ours.then_some(commit))
    }

    fn missing(&self, missing: Vec<u32>) -> Error {
        Error::MissingRanks {
            step: self.step,
            missing,
            world_size: self.open.world_size,
            waited: self.timeout,
        }
    }

    fn no_commit(&self, seen: String) -> Error {
        Error::NoCommit {
            step: self.step,
            waited: self.timeout,
            seen,
        }
    }

    fn disagree(&self, theirs: u32, rank: u32) -> Error {
        let (ours, me) = (self.open.world_size, self.rank);
        let step = self.step;
        let why = format!(
            "rank {me} was told of {ours} ranks, rank {rank} of {theirs}: give all the same world_size"
        );
        Error::Ranks { step, why }
    }
}
