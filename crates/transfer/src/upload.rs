//! Files to objects.

use crate::{
    Error, ProgressFn, Result, Settings,
    journal::{self, Journal},
    local::{Identity, Source, blocking},
    plan::Plan,
    progress::Counter,
    unfinished::Unfinished,
};
use bytes::Bytes;
use ossplit::{
    Body, Client, CompletedPart, ErrorKind, InitiateMultipartUpload, ListParts, ListedPart,
    NewObject, PutObject, UploadPart, UploadPartCopy,
};
use serde::{Deserialize, Serialize};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// Sends files.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    settings: Settings,
}

/// Where the bytes of an upload are.
#[derive(Debug, Clone)]
pub enum UploadSource {
    /// In this file.
    File(PathBuf),
    /// Here, one piece after another. Such an upload has no checkpoint file.
    Memory(Vec<Bytes>),
}

/// Bytes that another object of the bucket has at the same place: parts that lie within are copied inside the service. Where
/// that object is gone, they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reuse {
    /// Offsets in both objects.
    pub range: Range<u64>,
    /// The other object.
    pub key: String,
}

/// One file to send.
#[derive(Clone)]
pub struct UploadFile {
    /// The file.
    pub source: UploadSource,
    /// What need not be sent.
    pub reuse: Vec<Reuse>,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What the object is written with, besides its bytes.
    pub with: NewObject,
    /// Is told how far it is.
    pub progress: Option<ProgressFn>,
}

impl UploadFile {
    /// Sends the file at `path` to `key`.
    pub fn new(
        path: impl Into<PathBuf>,
        bucket: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        Self::of(UploadSource::File(path.into()), bucket, key)
    }

    /// Sends the bytes of `source` to `key`.
    pub fn of(source: UploadSource, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            source,
            reuse: Vec::new(),
            bucket: bucket.into(),
            key: key.into(),
            with: NewObject::default(),
            progress: None,
        }
    }
}

/// What was made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Quoted.
    pub etag: String,
    /// The object's, equal to the file's; `None` if the service does not tell.
    pub crc64: Option<u64>,
    /// Only in buckets with versioning.
    pub version_id: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Bytes that an earlier try had brought over.
    pub resumed: u64,
}

/// The first line of a checkpoint file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    endpoint: String,
    bucket: String,
    key: String,
    path: PathBuf,
    source: Identity,
    part_size: u64,
    /// Of everything else the object is written with: an upload has it from its begin.
    with: String,
    upload_id: String,
}

/// Its other lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    number: u32,
    etag: String,
    crc64: u64,
}

/// One upload in parts.
struct Job<'a> {
    client: &'a Client,
    request: &'a UploadFile,
    source: Source,
    plan: Plan,
    /// The checkpoint file.
    file: Option<PathBuf>,
}

impl Uploader {
    /// Sends with `client`, as `settings` say.
    pub fn new(client: Client, settings: Settings) -> Self {
        Self { client, settings }
    }

    /// Sends a file. When this returns, the object is there and its CRC64 is that of the file.
    ///
    /// # Errors
    /// [`Error::FileChanged`] if the file is written to meanwhile; then nothing is stored. [`Error::File`], [`Error::Oss`].
    pub async fn upload(&self, request: UploadFile) -> Result<Uploaded> {
        let source = Source::open(request.source.clone()).await?;
        let counter = Counter::new(source.identity.size, request.progress.clone());
        let plan = Plan::new(source.identity.size, self.settings.part_size);
        if plan.parts() <= 1 {
            return self.whole(request, &source, &counter).await;
        }
        let job = Job {
            client: &self.client,
            file: self.checkpoint(&request),
            request: &request,
            source,
            plan,
        };
        let (mut upload, mut journal) = job.resume_or_begin().await?;
        let resumed = (1..=plan.parts()).filter(|number| upload.is_done(*number));
        let resumed = resumed.map(|number| plan.length(number)).sum();
        counter.add(resumed);
        let in_flight = self.settings.in_flight(plan.part_size);
        let sent = job
            .send(&mut upload, journal.as_mut(), &counter, in_flight)
            .await;
        let sent = match sent {
            Ok(()) => job.source.is_unchanged().await,
            failed => failed,
        };
        if let Err(error) = sent {
            if matches!(error, Error::FileChanged(_)) {
                upload.give_up();
                journal.into_iter().for_each(Journal::remove);
            }
            return Err(error);
        }
        let done = upload.complete(request.with.forbid_overwrite).await?;
        journal.into_iter().for_each(Journal::remove);
        Ok(Uploaded {
            etag: done.etag,
            crc64: done.crc64,
            version_id: done.version_id,
            size: plan.size,
            resumed,
        })
    }

    fn checkpoint(&self, request: &UploadFile) -> Option<PathBuf> {
        let UploadSource::File(path) = &request.source else {
            return None;
        };
        let path = std::path::absolute(path).ok()?;
        let names = [
            &self.client.config().endpoint.to_string(),
            &*request.bucket,
            &request.key,
            &path.to_string_lossy(),
        ];
        let folder = self.settings.checkpoint_dir.as_deref()?;
        Some(journal::path(folder, "upload", &names))
    }

    async fn whole(
        &self,
        request: UploadFile,
        source: &Source,
        counter: &Counter,
    ) -> Result<Uploaded> {
        let size = source.identity.size;
        let body = source.read(0..size).await?;
        source.is_unchanged().await?;
        let body = Body::segments(body);
        let put = PutObject::new(request.bucket, request.key, body).with(request.with);
        let done = self.client.put_object(put).await?;
        counter.add(size);
        Ok(Uploaded {
            etag: done.etag,
            crc64: done.crc64,
            version_id: done.version_id,
            size,
            resumed: 0,
        })
    }
}

impl Job<'_> {
    fn head(&self, upload_id: String) -> Head {
        Head {
            endpoint: self.client.config().endpoint.to_string(),
            bucket: self.request.bucket.clone(),
            key: self.request.key.clone(),
            path: std::path::absolute(&self.source.path).unwrap_or_default(),
            source: self.source.identity.clone(),
            part_size: self.plan.part_size,
            with: journal::digest(&[&format!("{:?}", self.request.with)]),
            upload_id,
        }
    }

    async fn resume_or_begin(&self) -> Result<(Unfinished, Option<Journal>)> {
        if let Some(path) = &self.file
            && let Some(resumed) = self.resume(path).await?
        {
            return Ok(resumed);
        }
        let mut initiate = InitiateMultipartUpload::new(&*self.request.bucket, &*self.request.key);
        initiate.with = self.request.with.clone();
        let id = self.client.initiate_multipart_upload(initiate).await?;
        let mut upload = self.unfinished(id.clone());
        let Some(path) = self.file.clone() else {
            return Ok((upload, None));
        };
        let head = self.head(id);
        let made = blocking(move || Journal::create::<_, Line>(&path, &head, &[])).await;
        if made.is_err() {
            upload.give_up();
        }
        Ok((upload, Some(made?)))
    }

    fn unfinished(&self, id: String) -> Unfinished {
        let keep = self.file.is_some();
        Unfinished::new(
            self.client,
            &self.request.bucket,
            &self.request.key,
            id,
            keep,
        )
    }

    /// Takes an earlier try up, if its checkpoint file is about this very file and the service still has its parts.
    async fn resume(&self, path: &Path) -> Result<Option<(Unfinished, Option<Journal>)>> {
        let file = path.to_owned();
        let Some((head, lines)) = blocking(move || Ok(Journal::read::<Head, Line>(&file))).await?
        else {
            return Ok(None);
        };
        let id = head.upload_id.clone();
        if head != self.head(id.clone()) {
            // Another file by now, or written otherwise: its parts are of no use to anybody.
            let mut old = self.unfinished(id);
            old.give_up();
            return Ok(None);
        }
        let there = match self.list(&id).await {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kept: Vec<Line> = lines
            .into_iter()
            .filter(|line| {
                there.iter().any(|part| {
                    part.part_number == line.number
                        && part.etag == line.etag
                        && (1..=self.plan.parts()).contains(&line.number)
                        && part.size == self.plan.length(line.number)
                })
            })
            .collect();
        let mut upload = self.unfinished(id);
        for line in &kept {
            upload.has(CompletedPart {
                part_number: line.number,
                etag: line.etag.clone(),
                size: Some(self.plan.length(line.number)),
                crc64: Some(line.crc64),
            });
        }
        let file = path.to_owned();
        let journal = blocking(move || Journal::create(&file, &head, &kept)).await?;
        Ok(Some((upload, Some(journal))))
    }

    /// All parts that the service has of an upload.
    async fn list(&self, id: &str) -> std::result::Result<Vec<ListedPart>, ossplit::Error> {
        let list = ListParts::new(&*self.request.bucket, &*self.request.key, id);
        let mut pages = self.client.pages(list);
        let mut all = Vec::new();
        while let Some(page) = pages.next_page().await? {
            all.extend(page.parts);
        }
        Ok(all)
    }

    async fn send(
        &self,
        upload: &mut Unfinished,
        mut journal: Option<&mut Journal>,
        counter: &Counter,
        in_flight: usize,
    ) -> Result<()> {
        let mut missing = (1..=self.plan.parts())
            .filter(|n| !upload.is_done(*n))
            .collect::<Vec<_>>()
            .into_iter();
        let id = upload.id();
        loop {
            while upload.in_flight() < in_flight
                && let Some(number) = missing.next()
            {
                upload.begin(self.part(id.clone(), number));
            }
            let Some(part) = upload.next().await? else {
                return Ok(());
            };
            counter.add(self.plan.length(part.part_number));
            if let (Some(journal), Some(crc64)) = (&mut journal, part.crc64) {
                journal.append(&Line {
                    number: part.part_number,
                    etag: part.etag,
                    crc64,
                })?;
            }
        }
    }

    fn part(
        &self,
        id: String,
        number: u32,
    ) -> impl Future<Output = Result<CompletedPart>> + Send + 'static {
        let (client, source) = (self.client.clone(), self.source.clone());
        let (bucket, key) = (self.request.bucket.clone(), self.request.key.clone());
        let range = self.plan.range(number);
        let within =
            |reuse: &&Reuse| reuse.range.start <= range.start && range.end <= reuse.range.end;
        let copy = self
            .request
            .reuse
            .iter()
            .find(within)
            .map(|reuse| UploadPartCopy {
                bucket: bucket.clone(),
                key: key.clone(),
                upload_id: id.clone(),
                part_number: number,
                source_bucket: bucket.clone(),
                source_key: reuse.key.clone(),
                source_range: Some(range.clone()),
                ..UploadPartCopy::default()
            });
        async move {
            if let Some(copy) = copy {
                match client.upload_part_copy(copy).await {
                    Ok(part) => return Ok(part),
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::NoSuchKey | ErrorKind::InvalidRange
                        ) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let body = Body::segments(source.read(range).await?);
            let part = UploadPart::new(bucket, key, id, number, body);
            Ok(client.upload_part(part).await?)
        }
    }
}
