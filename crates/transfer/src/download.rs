//! Objects to files.

use crate::{
    Error, ProgressFn, Result, Settings,
    journal::{self, Journal},
    local::{Target, blocking},
    plan::Plan,
    progress::Counter,
};
use bytes::Bytes;
use ossplit::{
    Client, ErrorKind, GetObject, GetObjectOutput, HeadObject, ObjectMeta,
    crc64::{self, Crc64},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tokio::task::JoinSet;

/// Bytes that are written to disk at once.
const WRITE: usize = 1 << 20;

/// Fetches objects.
#[derive(Debug, Clone)]
pub struct Downloader {
    client: Client,
    settings: Settings,
}

/// One object to fetch.
#[derive(Clone)]
pub struct DownloadFile {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
    /// The file, which is replaced once all bytes are there. Its folder must exist.
    pub path: PathBuf,
    /// Is told how far it is.
    pub progress: Option<ProgressFn>,
}

impl DownloadFile {
    /// Fetches `key` into the file at `path`.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
            path: path.into(),
            progress: None,
        }
    }
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Of the object.
    pub meta: ObjectMeta,
    /// Bytes that an earlier try had fetched.
    pub resumed: u64,
}

/// The first line of a checkpoint file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    endpoint: String,
    bucket: String,
    key: String,
    version_id: Option<String>,
    path: PathBuf,
    etag: String,
    size: u64,
    part_size: u64,
}

/// Its other lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    number: u32,
    crc64: u64,
}

/// One download under way. Dropped before the file has its name, it removes it, unless it is to be resumed later.
struct Job<'a> {
    client: &'a Client,
    request: &'a DownloadFile,
    target: Target,
    plan: Plan,
    meta: ObjectMeta,
    counter: Counter,
    /// CRC64 of the parts that are done.
    done: BTreeMap<u32, u64>,
    journal: Option<Journal>,
    keep: bool,
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        if !self.keep {
            self.target.remove();
            self.journal.take().into_iter().for_each(Journal::remove);
        }
    }
}

impl Downloader {
    /// Fetches with `client`, as `settings` say.
    pub fn new(client: Client, settings: Settings) -> Self {
        Self { client, settings }
    }

    /// Fetches an object. When this returns, the file is on disk under its name, and its CRC64 is that of the object.
    ///
    /// # Errors
    /// [`Error::ObjectChanged`] if the object is replaced meanwhile, [`Error::Corrupt`], [`Error::Busy`], [`Error::File`],
    /// [`Error::Oss`]. The file that was at `path` before is as it was.
    pub async fn download(&self, request: DownloadFile) -> Result<Downloaded> {
        let path = std::path::absolute(&request.path)
            .map_err(|e| Error::file("write", &request.path, e))?;
        let names = [
            &self.client.config().endpoint.to_string(),
            &*request.bucket,
            &request.key,
            request.version_id.as_deref().unwrap_or_default(),
            &path.to_string_lossy(),
        ];
        let checkpoint = self.settings.checkpoint_dir.as_deref();
        let checkpoint = checkpoint.map(|folder| journal::path(folder, "download", &names));
        let temporary = format!(".ossplit-{}.tmp", journal::digest(&names));
        let temporary = path.with_file_name(temporary);
        let target = Target::open(path.clone(), temporary).await?;
        if let Some(file) = &checkpoint {
            if let Some(job) = self.resume(&request, &path, &target, file).await? {
                return job.run(None, &self.settings).await;
            }
            journal::remove(file);
        }
        // Whatever goes wrong before there is anything to resume, no file stays.
        let mut guard = Remove(Some(target));
        let first = self.first(&request).await?;
        let plan = Plan::new(first.meta.size, self.settings.part_size);
        let Some(target) = guard.0.clone() else {
            return Err(Error::Interrupted);
        };
        target.set_size(plan.size).await?;
        let mut journal = None;
        if let Some(file) = checkpoint.filter(|_| plan.parts() > 1) {
            let head = Head {
                endpoint: names[0].to_owned(),
                bucket: request.bucket.clone(),
                key: request.key.clone(),
                version_id: request.version_id.clone(),
                path,
                etag: first.meta.etag.clone(),
                size: plan.size,
                part_size: plan.part_size,
            };
            let make = blocking(move || Journal::create::<_, Line>(&file, &head, &[]));
            journal = Some(make.await?);
        }
        guard.0 = None;
        let job = Job {
            client: &self.client,
            counter: Counter::new(plan.size, request.progress.clone()),
            request: &request,
            target,
            plan,
            meta: first.meta.clone(),
            done: BTreeMap::new(),
            keep: journal.is_some(),
            journal,
        };
        job.run(Some(first), &self.settings).await
    }

    /// The first part, which tells how many there are: a small object is one request.
    async fn first(&self, request: &DownloadFile) -> Result<GetObjectOutput> {
        let get = GetObject {
            version_id: request.version_id.clone(),
            ..GetObject::new(&*request.bucket, &*request.key)
        };
        let part = Plan::new(0, self.settings.part_size).part_size;
        match self.client.get_object(get.clone().range(0..part)).await {
            // No byte of an empty object is in any range.
            Err(error) if error.kind() == ErrorKind::InvalidRange => {
                Ok(self.client.get_object(get).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Takes an earlier try up, if its object is still the same and its bytes are on disk.
    async fn resume<'a>(
        &'a self,
        request: &'a DownloadFile,
        path: &Path,
        target: &Target,
        file: &Path,
    ) -> Result<Option<Job<'a>>> {
        let from = file.to_owned();
        let Some((head, lines)) = blocking(move || Ok(Journal::read::<Head, Line>(&from))).await?
        else {
            return Ok(None);
        };
        let plan = Plan::new(head.size, self.settings.part_size);
        let same = head.endpoint == self.client.config().endpoint.to_string()
            && (&head.bucket, &head.key) == (&request.bucket, &request.key)
            && head.version_id == request.version_id
            && head.path == path
            && head.part_size == plan.part_size;
        if !same {
            return Ok(None);
        }
        let ask = HeadObject {
            version_id: request.version_id.clone(),
            ..HeadObject::new(&*request.bucket, &*request.key).if_match(&*head.etag)
        };
        let meta = match self.client.head_object(ask).await {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::Precondition => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut done = BTreeMap::new();
        let mut kept = Vec::new();
        for line in lines {
            // What a crash of the machine took from the disk is fetched again.
            if (1..=plan.parts()).contains(&line.number)
                && target.crc64(plan.range(line.number)).await? == Some(line.crc64)
            {
                done.insert(line.number, line.crc64);
                kept.push(line);
            }
        }
        let to = file.to_owned();
        let journal = blocking(move || Journal::create(&to, &head, &kept)).await?;
        Ok(Some(Job {
            client: &self.client,
            request,
            target: target.clone(),
            counter: Counter::new(plan.size, request.progress.clone()),
            plan,
            meta,
            done,
            journal: Some(journal),
            keep: true,
        }))
    }
}

/// Removes an unfinished file that holds nothing yet.
struct Remove(Option<Target>);

impl Drop for Remove {
    fn drop(&mut self) {
        if let Some(target) = &self.0 {
            target.remove();
        }
    }
}

impl Job<'_> {
    async fn run(
        mut self,
        mut first: Option<GetObjectOutput>,
        settings: &Settings,
    ) -> Result<Downloaded> {
        let resumed = self.done.keys().map(|n| self.plan.length(*n)).sum();
        self.counter.add(resumed);
        let missing: Vec<u32> = (1..=self.plan.parts())
            .filter(|n| !self.done.contains_key(n))
            .collect();
        let mut missing = missing.into_iter();
        let most = settings.in_flight(self.plan.part_size);
        let mut parts = JoinSet::new();
        loop {
            while parts.len() < most
                && let Some(number) = missing.next()
            {
                // Of an object so large that its parts had to be larger, the first answer is too short.
                let got = first
                    .take()
                    .filter(|got| got.span == self.plan.range(number));
                parts.spawn(self.part(number, got));
            }
            let Some(part) = parts.join_next().await else {
                break;
            };
            let line = match part.map_err(|_| Error::Interrupted)? {
                Ok(line) => line,
                Err(error) => return Err(self.explain(error)),
            };
            self.done.insert(line.number, line.crc64);
            if let Some(journal) = &mut self.journal {
                journal.append(&line)?;
            }
        }
        self.check()?;
        self.target.publish().await?;
        // The file has its name: nothing is left to be removed.
        self.keep = true;
        self.journal.take().into_iter().for_each(Journal::remove);
        Ok(Downloaded {
            meta: self.meta.clone(),
            resumed,
        })
    }

    /// Compares the CRC64 of all bytes with the object's.
    fn check(&mut self) -> Result<()> {
        let actual = self.done.iter().fold(0, |sum, (number, crc)| {
            crc64::combine(sum, *crc, self.plan.length(*number))
        });
        match self.meta.crc64 {
            Some(expected) if expected != actual => {
                self.keep = false;
                Err(Error::Corrupt {
                    bucket: self.request.bucket.clone(),
                    key: self.request.key.clone(),
                    expected,
                    actual,
                })
            }
            _ => Ok(()),
        }
    }

    /// The object is no longer the one whose parts are here: they are of no use.
    fn explain(&mut self, error: Error) -> Error {
        match error.kind() {
            Some(ErrorKind::Precondition | ErrorKind::NoSuchKey) => {
                self.keep = false;
                Error::ObjectChanged {
                    bucket: self.request.bucket.clone(),
                    key: self.request.key.clone(),
                }
            }
            _ => error,
        }
    }

    /// Fetches a part into the file.
    fn part(
        &self,
        number: u32,
        got: Option<GetObjectOutput>,
    ) -> impl Future<Output = Result<Line>> + Send + 'static {
        let (client, target) = (self.client.clone(), self.target.clone());
        let counter = self.counter.clone();
        let range = self.plan.range(number);
        let get = GetObject {
            version_id: self.request.version_id.clone(),
            ..GetObject::new(&*self.request.bucket, &*self.request.key)
        };
        let get = get.range(range.clone()).if_match(&*self.meta.etag);
        async move {
            let mut body = match got {
                Some(got) => got.body,
                None => client.get_object(get).await?.body,
            };
            let (mut sum, mut at) = (Crc64::new(), range.start);
            let (mut chunks, mut held): (Vec<Bytes>, usize) = (Vec::new(), 0);
            loop {
                let chunk = body.next_chunk().await?;
                let ended = chunk.is_none();
                if let Some(chunk) = chunk {
                    sum.update(&chunk);
                    held += chunk.len();
                    chunks.push(chunk);
                }
                if held >= WRITE || ended {
                    target.write(std::mem::take(&mut chunks), at).await?;
                    at += held as u64;
                    counter.add(held as u64);
                    held = 0;
                }
                if ended {
                    let crc64 = sum.value();
                    return Ok(Line { number, crc64 });
                }
            }
        }
    }
}
