//! Finding, verifying and restoring checkpoints.

use crate::{Commit, Error, Location, Result, StoredFile, fingerprint::Fingerprint};
use bytes::Bytes;
use ossplit::{
    AbortMultipartUpload, Client, DeleteMultipleObjects, ErrorKind, GetObject, HeadObject,
    ListMultipartUploads, ListObjectsV2, ListedObject, ListedUpload, NewObject, PutObject,
};
use ossplit_transfer::{DownloadFile, Downloader, Settings};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Requests in flight, and files that are fetched at once.
const PARALLEL: (usize, usize) = (16, 4);

/// What a resumed save puts beside its files, so that gc sees that it is at work.
const TOUCHED: &str = ".ossplit-resumed";

/// The checkpoints below one prefix.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    location: Location,
}

/// How far [`Store::verify`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Compares the sizes and CRC64s that OSS has of the objects: one request a file.
    Sums,
    /// Reads all bytes too.
    Bytes,
}

/// What is wrong with a file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// Who wrote it.
    pub rank: u32,
    /// What is wrong.
    pub what: String,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub size: u64,
    /// Empty if the checkpoint is whole.
    pub faults: Vec<Fault>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Files, those included that were there already.
    pub files: usize,
    /// Their bytes.
    pub size: u64,
}

/// Runs `task` for each item, so many at once; the answers are in no order.
async fn each<
    I: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
>(
    items: impl IntoIterator<Item = I>,
    at_once: usize,
    task: impl Fn(I) -> F,
) -> Result<Vec<T>> {
    let turns = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    let mut out = Vec::new();
    for item in items {
        let turn = turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Interrupted)?;
        let work = task(item);
        running.spawn(async move {
            let _turn = turn;
            work.await
        });
        while let Some(done) = running.try_join_next() {
            out.push(done.map_err(|_| Error::Interrupted)??);
        }
    }
    while let Some(done) = running.join_next().await {
        out.push(done.map_err(|_| Error::Interrupted)??);
    }
    Ok(out)
}

impl Store {
    /// The checkpoints at `location`. Nothing is sent yet.
    pub fn new(client: Client, location: Location) -> Self {
        Self { client, location }
    }

    /// Where they are.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The client that all requests go through.
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn endpoint(&self) -> String {
        self.client.config().endpoint.to_string()
    }

    /// The steps that are committed, ascending: one listing.
    ///
    /// # Errors
    /// [`Error::Oss`].
    pub async fn list(&self) -> Result<Vec<u64>> {
        let objects = self.objects(&self.location.commits()).await?;
        let steps = objects
            .iter()
            .filter_map(|object| self.location.step_of(&object.key));
        Ok(steps.collect())
    }

    /// The newest checkpoint (the highest step) that is committed and whole: all its objects are there with their sizes.
    /// One that is not, since somebody deleted objects behind its back, is passed over with a warning.
    ///
    /// # Errors
    /// [`Error::Oss`], [`Error::Format`].
    pub async fn latest(&self) -> Result<Option<Commit>> {
        for step in self.list().await?.into_iter().rev() {
            let Some(commit) = self.find(step).await? else {
                // Deleted since it was listed: it is no longer one that is kept.
                continue;
            };
            let sizes = self.sizes(&self.location.data_of(step)).await?;
            let lost =
                |file: &&StoredFile| sizes.get(&self.location.key_of(file)) != Some(&file.size);
            match commit.files.iter().find(lost) {
                None => return Ok(Some(commit)),
                Some(file) => {
                    let key = self.location.key_of(file);
                    tracing::warn!(
                        step,
                        key,
                        "a committed checkpoint is passed over: an object is gone"
                    );
                }
            }
        }
        Ok(None)
    }

    /// The newest commit, whole or not.
    pub(crate) async fn newest(&self) -> Result<Option<Commit>> {
        match self.list().await?.last() {
            Some(step) => self.find(*step).await,
            None => Ok(None),
        }
    }

    /// The commit of a step, if there is one.
    pub(crate) async fn find(&self, step: u64) -> Result<Option<Commit>> {
        let key = self.location.commit(step);
        let bytes = self.find_bytes(&key).await?;
        bytes
            .map(|bytes| Commit::read(&bytes, &self.location, &key))
            .transpose()
    }

    /// The commit of a step.
    ///
    /// # Errors
    /// [`Error::NoStep`], [`Error::Format`], [`Error::Oss`].
    pub async fn commit(&self, step: u64) -> Result<Commit> {
        self.find(step).await?.ok_or_else(|| Error::NoStep {
            step,
            location: self.location.to_string(),
        })
    }

    /// Compares a checkpoint's objects with its commit.
    ///
    /// # Errors
    /// [`Error::NoStep`], [`Error::Format`], [`Error::Oss`]. Objects that are gone or changed are [`Verified::faults`].
    pub async fn verify(&self, step: u64, depth: Depth) -> Result<Verified> {
        let commit = self.commit(step).await?;
        let (files, size) = (commit.files.len(), commit.size());
        let faults = each(commit.files, PARALLEL.0, |file| {
            let this = self.clone();
            async move {
                let what = this.fault_of(&file, depth).await?;
                Ok(what.map(|what| Fault {
                    name: file.name,
                    rank: file.rank,
                    what,
                }))
            }
        });
        let mut faults: Vec<Fault> = faults.await?.into_iter().flatten().collect();
        faults.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
        Ok(Verified {
            files,
            size,
            faults,
        })
    }

    async fn fault_of(&self, file: &StoredFile, depth: Depth) -> Result<Option<String>> {
        let (bucket, key) = (&*self.location.bucket, self.location.key_of(file));
        let (size, crc64) = match depth {
            Depth::Sums => match self.client.head_object(HeadObject::new(bucket, key)).await {
                Ok(there) => (there.size, there.crc64),
                Err(error) if error.kind() == ErrorKind::NoSuchKey => {
                    return Ok(Some("its object is gone".into()));
                }
                Err(error) => return Err(error.into()),
            },
            Depth::Bytes => {
                let mut got = match self.client.get_object(GetObject::new(bucket, key)).await {
                    Ok(got) => got,
                    Err(error) if error.kind() == ErrorKind::NoSuchKey => {
                        return Ok(Some("its object is gone".into()));
                    }
                    Err(error) => return Err(error.into()),
                };
                let mut sum = ossplit::crc64::Crc64::new();
                loop {
                    match got.body.next_chunk().await {
                        Ok(Some(chunk)) => sum.update(&chunk),
                        Ok(None) => break,
                        Err(error) if error.kind() == ErrorKind::Corrupt => {
                            return Ok(Some(error.to_string()));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                (sum.length(), Some(sum.value()))
            }
        };
        Ok(if size != file.size {
            Some(format!("{} bytes were saved, there are {size}", file.size))
        } else if crc64 != Some(file.crc64) {
            let there = crc64.map_or("unknown".into(), |crc| crc.to_string());
            Some(format!("CRC64 {} was saved, there is {there}", file.crc64))
        } else {
            None
        })
    }

    /// Fetches a checkpoint's files below the folder `to`: those of one rank, or, of several ranks' all, below `rank-N/`.
    /// Files that are there already with the right bytes are not fetched again; others of these names are replaced.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if an object is not what was committed; then the file is not left there. [`Error::File`],
    /// [`Error::Transfer`], [`Error::Oss`].
    pub async fn restore(&self, commit: &Commit, to: &Path, rank: Option<u32>) -> Result<Restored> {
        let wanted = commit
            .files
            .iter()
            .filter(|file| rank.is_none_or(|rank| file.rank == rank));
        let wanted: Vec<StoredFile> = wanted.cloned().collect();
        let by_rank = commit.world_size > 1 && rank.is_none();
        let done = Restored {
            files: wanted.len(),
            size: wanted.iter().map(|file| file.size).sum(),
        };
        each(wanted, PARALLEL.1, |file| {
            let name = if by_rank {
                format!("rank-{}/{}", file.rank, file.name)
            } else {
                file.name.clone()
            };
            let (this, path) = (self.clone(), to.join(name));
            async move { this.fetch(file, path).await }
        })
        .await?;
        Ok(done)
    }

    async fn fetch(&self, file: StoredFile, path: PathBuf) -> Result<()> {
        let (to, size) = (path.clone(), file.size);
        let there = tokio::task::spawn_blocking(move || {
            let folder = to.parent().unwrap_or(&to);
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::file("make the folder", folder, e))?;
            let meta = std::fs::metadata(&to)
                .ok()
                .filter(|meta| meta.is_file() && meta.len() == size);
            meta.map(|_| Fingerprint::of_file(&to, size, 8 << 20))
                .transpose()
        });
        let there = there.await.map_err(|_| Error::Interrupted)??;
        if there.is_some_and(|print| print.crc64 == file.crc64) {
            return Ok(());
        }
        let key = self.location.key_of(&file);
        let downloader = Downloader::new(self.client.clone(), Settings::default());
        let request = DownloadFile::new(&*self.location.bucket, &*key, &path);
        let got = downloader.download(request).await?.meta;
        let mut crc64 = got.crc64;
        if crc64.is_none() && got.size == file.size {
            let from = path.clone();
            let print =
                tokio::task::spawn_blocking(move || Fingerprint::of_file(&from, size, 8 << 20));
            crc64 = Some(print.await.map_err(|_| Error::Interrupted)??.crc64);
        }
        if (got.size, crc64) == (file.size, Some(file.crc64)) {
            return Ok(());
        }
        let _ = std::fs::remove_file(&path);
        Err(Error::Corrupt {
            bucket: self.location.bucket.clone(),
            key,
            what: format!(
                "{} bytes and CRC64 {} were committed",
                file.size, file.crc64
            ),
            tries: 1,
        })
    }

    /// Bytes of a file; all of them are compared with the commit's CRC64, a range is not.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Oss`].
    pub async fn read(&self, file: &StoredFile, range: Option<Range<u64>>) -> Result<Bytes> {
        let key = self.location.key_of(file);
        if file.size == 0 || range.as_ref().is_some_and(Range::is_empty) {
            return Ok(Bytes::new());
        }
        let mut get = GetObject::new(&*self.location.bucket, &*key);
        get.range.clone_from(&range);
        let mut got = self.client.get_object(get).await?;
        let bytes = got.body.collect().await?;
        let whole = range.is_none_or(|range| range == (0..file.size));
        if got.meta.size != file.size || whole && ossplit::crc64::checksum(&bytes) != file.crc64 {
            return Err(Error::Corrupt {
                bucket: self.location.bucket.clone(),
                key,
                what: format!(
                    "{} bytes and CRC64 {} were committed",
                    file.size, file.crc64
                ),
                tries: 1,
            });
        }
        Ok(bytes)
    }

    /// Deletes a checkpoint: its commit first, so that it is whole or not there.
    ///
    /// # Errors
    /// [`Error::NoStep`], [`Error::Format`], [`Error::Oss`].
    pub async fn delete(&self, step: u64) -> Result<()> {
        let commit = self.commit(step).await?;
        self.delete_keys(vec![self.location.commit(step)]).await?;
        let mut keys: BTreeSet<String> = BTreeSet::new();
        for file in &commit.files {
            let key = self.location.key_of(file);
            if let Some((step, token)) = self.location.token_of(&key) {
                keys.insert(self.location.data(step, token) + TOUCHED);
            }
            keys.insert(key);
        }
        self.delete_keys(keys.into_iter().collect()).await
    }

    /// Deletes committed checkpoints older than `step` until `keep` are left, `step` and newer ones counted.
    pub(crate) async fn prune(&self, step: u64, keep: usize) -> Result<()> {
        let steps = self.list().await?;
        let (older, kept): (Vec<u64>, Vec<u64>) = steps.into_iter().partition(|s| *s < step);
        let stay = keep.saturating_sub(kept.len());
        for step in older.iter().rev().skip(stay) {
            match self.delete(*step).await {
                Ok(()) | Err(Error::NoStep { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what a save that is not committed has sent.
    pub(crate) async fn remove_data(&self, step: u64, token: &str) -> Result<()> {
        let prefix = self.location.data(step, token);
        for upload in self.uploads(&prefix).await? {
            self.abort(upload).await?;
        }
        let keys = self.keys(&prefix).await?.into_iter().collect();
        self.delete_keys(keys).await
    }

    pub(crate) async fn abort(&self, upload: ListedUpload) -> Result<()> {
        let bucket = &*self.location.bucket;
        let abort = AbortMultipartUpload::new(bucket, upload.key, upload.upload_id);
        Ok(self.client.abort_multipart_upload(abort).await?)
    }

    /// Says that a save which began long ago is at work again: gc leaves it alone.
    pub(crate) async fn touch(&self, step: u64, token: &str) -> Result<()> {
        let key = self.location.data(step, token) + TOUCHED;
        let put = PutObject::new(&*self.location.bucket, key, Bytes::new());
        self.client.put_object(put).await?;
        Ok(())
    }

    pub(crate) async fn objects(&self, prefix: &str) -> Result<Vec<ListedObject>> {
        let mut pages = self
            .client
            .pages(ListObjectsV2::new(&*self.location.bucket, prefix));
        let mut all = Vec::new();
        while let Some(page) = pages.next_page().await? {
            all.extend(page.objects);
        }
        Ok(all)
    }

    pub(crate) async fn uploads(&self, prefix: &str) -> Result<Vec<ListedUpload>> {
        let list = ListMultipartUploads::new(&*self.location.bucket, prefix);
        let mut pages = self.client.pages(list);
        let mut all = Vec::new();
        while let Some(page) = pages.next_page().await? {
            all.extend(page.uploads);
        }
        Ok(all)
    }

    pub(crate) async fn keys(&self, prefix: &str) -> Result<BTreeSet<String>> {
        Ok(self
            .objects(prefix)
            .await?
            .into_iter()
            .map(|object| object.key)
            .collect())
    }

    pub(crate) async fn sizes(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let objects = self.objects(prefix).await?.into_iter();
        Ok(objects.map(|object| (object.key, object.size)).collect())
    }

    pub(crate) async fn delete_keys(&self, keys: Vec<String>) -> Result<()> {
        for some in keys.chunks(1000) {
            let delete = DeleteMultipleObjects::new(&*self.location.bucket, some.to_vec());
            self.client.delete_multiple_objects(delete).await?;
        }
        Ok(())
    }

    pub(crate) async fn put_json(
        &self,
        key: &str,
        value: &impl Serialize,
        forbid_overwrite: bool,
    ) -> Result<()> {
        let text = serde_json::to_vec(value).map_err(|e| Error::Format {
            bucket: self.location.bucket.clone(),
            key: key.to_owned(),
            why: e.to_string(),
        })?;
        let with = NewObject {
            content_type: Some("application/json".into()),
            forbid_overwrite,
            ..NewObject::default()
        };
        let put = PutObject::new(&*self.location.bucket, key, text).with(with);
        self.client.put_object(put).await?;
        Ok(())
    }

    async fn find_bytes(&self, key: &str) -> Result<Option<Bytes>> {
        let get = GetObject::new(&*self.location.bucket, key);
        match self.client.get_object(get).await {
            Ok(mut got) => Ok(Some(got.body.collect().await?)),
            Err(error) if error.kind() == ErrorKind::NoSuchKey => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn find_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(bytes) = self.find_bytes(key).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&bytes).map_err(|e| Error::Format {
            bucket: self.location.bucket.clone(),
            key: key.to_owned(),
            why: e.to_string(),
        })?;
        Ok(Some(read))
    }

    pub(crate) async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let found = self.find_json(key).await?;
        found.ok_or_else(|| Error::Format {
            bucket: self.location.bucket.clone(),
            key: key.to_owned(),
            why: "it is gone".into(),
        })
    }
}
