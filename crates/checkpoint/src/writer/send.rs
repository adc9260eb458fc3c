//! Sending what was staged: each file is copied inside OSS where the checkpoint before has it, sent where it has not, and its
//! CRC64 compared.

use super::record::{Folder, Place, Record, Staged};
use crate::{Commit, Error, Location, Result, StoredFile, fingerprint::Fingerprint};
use ossplit::{Client, ErrorKind, HeadObject};
use ossplit_transfer::{Copier, CopyRequest, Reuse, Settings, UploadFile, UploadSource, Uploader};
use std::{path::PathBuf, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// How often a file is sent whose CRC64 is wrong in OSS, each time with the client's own retries.
const TRIES: u32 = 3;

/// Sends the files of one save.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) location: Location,
    pub(super) part_size: u64,
    pub(super) parallel: usize,
    /// Another process may have sent some of them.
    pub(super) resumed: bool,
}

/// What all files of a save have in common.
struct Shared {
    sender: Sender,
    record: Record,
    /// Where `transfer` keeps what is done.
    parts: PathBuf,
    before: Option<Commit>,
}

impl Sender {
    /// Brings all files over; they are in the order of the record.
    pub(super) async fn send(
        &self,
        record: &Record,
        folder: &Folder,
        before: Option<Commit>,
    ) -> Result<Vec<StoredFile>> {
        let mut sender = self.clone();
        let large = record
            .files
            .iter()
            .filter(|file| file.size > self.part_size);
        let (small, large) = (
            record.files.len() - large.clone().count(),
            large.clone().count(),
        );
        // Half of what may be in flight for the small files, if there are any.
        let budget = self.parallel.max(1);
        let for_large = if small > 0 {
            (budget / 2).max(1)
        } else {
            budget
        };
        let at_once = large.clamp(1, for_large);
        sender.parallel = (for_large / at_once).max(1);
        let larges = Arc::new(Semaphore::new(at_once));
        let smalls = Arc::new(Semaphore::new((budget / 2).max(1)));
        let shared = Arc::new(Shared {
            record: record.clone(),
            parts: folder.parts(),
            before,
            sender,
        });
        let mut running = JoinSet::new();
        for number in 0..record.files.len() {
            let shared = shared.clone();
            let turn = if record.files[number].size > self.part_size {
                larges.clone()
            } else {
                smalls.clone()
            };
            running.spawn(async move {
                let _turn = turn.acquire_owned().await.map_err(|_| Error::Interrupted)?;
                let stored = shared.one(number).await?;
                Ok::<_, Error>((number, stored))
            });
        }
        let mut stored = Vec::new();
        while let Some(one) = running.join_next().await {
            stored.push(one.map_err(|_| Error::Interrupted)??);
        }
        stored.sort_by_key(|(number, _)| *number);
        Ok(stored.into_iter().map(|(_, file)| file).collect())
    }

    fn settings(&self) -> Settings {
        let settings = Settings::default();
        settings
            .with_part_size(self.part_size)
            .with_parallel(self.parallel)
    }
}

impl Shared {
    async fn one(&self, number: usize) -> Result<StoredFile> {
        let file = &self.record.files[number];
        let print = self.fingerprint(file).await?;
        let location = &self.sender.location;
        let key = location.data(self.record.step, &self.record.token) + &file.name;
        let old = self.before.as_ref().and_then(|commit| {
            let same = |old: &&StoredFile| old.name == file.name && old.rank == self.record.rank;
            commit.files.iter().find(same)
        });
        let stored = StoredFile {
            name: file.name.clone(),
            rank: self.record.rank,
            key: location.relative(&key),
            size: print.size,
            crc64: print.crc64,
            blocks: Some(print.blocks.clone()).filter(|_| print.size > 0),
        };
        if self.sender.resumed && self.is_there(&key, &print).await? {
            unchanged(file)?;
            return Ok(stored);
        }
        let has = |old: &StoredFile| {
            (old.size, old.crc64, &old.blocks) == (stored.size, stored.crc64, &stored.blocks)
        };
        if let Some(old) = old.filter(|old| has(old))
            && self.copy(&location.key_of(old), &key, &print).await
        {
            return Ok(stored);
        }
        let reuse = old.and_then(|old| {
            let source = location.key_of(old);
            let ranges = old.blocks.as_ref()?.same(&print.blocks).into_iter();
            Some(
                ranges
                    .map(|range| Reuse {
                        range,
                        key: source.clone(),
                    })
                    .collect(),
            )
        });
        self.upload(file, &key, &print, reuse.unwrap_or_default())
            .await?;
        Ok(stored)
    }

    async fn fingerprint(&self, file: &Staged) -> Result<Fingerprint> {
        let (file, block) = (file.clone(), self.block(file.size));
        let print = tokio::task::spawn_blocking(move || match &file.place {
            Place::Disk { path, .. } => Fingerprint::of_file(path, file.size, block),
            Place::Memory { pieces, .. } => Ok(Fingerprint::of_pieces(pieces, block)),
        });
        print.await.map_err(|_| Error::Interrupted)?
    }

    /// Bytes of a block, which is a part: 10,000 at most are allowed.
    fn block(&self, size: u64) -> u64 {
        let part = self.sender.part_size;
        part * size.div_ceil(part * 10_000).max(1)
    }

    /// Whether the process before had brought it over.
    async fn is_there(&self, key: &str, print: &Fingerprint) -> Result<bool> {
        let head = HeadObject::new(&*self.sender.location.bucket, key);
        match self.sender.client.head_object(head).await {
            Ok(there) => Ok((there.size, there.crc64) == (print.size, Some(print.crc64))),
            Err(error) if error.kind() == ErrorKind::NoSuchKey => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Copies an object of the checkpoint before. `false` if that did not do, for whatever reason: the bytes are here.
    async fn copy(&self, from: &str, to: &str, print: &Fingerprint) -> bool {
        let copier = Copier::new(self.sender.client.clone(), self.sender.settings());
        let request = CopyRequest::new(&*self.sender.location.bucket, from, to);
        match copier.copy(request).await {
            Ok(done) => (done.size, done.crc64) == (print.size, Some(print.crc64)),
            Err(error) => {
                tracing::info!(%error, key = from, "an unchanged file is sent, since it could not be copied");
                false
            }
        }
    }

    async fn upload(
        &self,
        file: &Staged,
        key: &str,
        print: &Fingerprint,
        reuse: Vec<Reuse>,
    ) -> Result<()> {
        let source = match &file.place {
            Place::Disk { path, .. } => UploadSource::File(path.clone()),
            Place::Memory { pieces, .. } => UploadSource::Memory(pieces.clone()),
        };
        let mut settings = self.sender.settings().with_part_size(self.block(file.size));
        settings.checkpoint_dir = Some(self.parts.clone());
        let bucket = &*self.sender.location.bucket;
        let mut request = UploadFile::of(source, bucket, key);
        request.reuse = reuse;
        let mut what = String::new();
        for _ in 0..TRIES {
            let uploader = Uploader::new(self.sender.client.clone(), settings.clone());
            match uploader.upload(request.clone()).await {
                Ok(done) => {
                    let mut crc64 = done.crc64;
                    if crc64.is_none() {
                        // Not every service tells with the last call.
                        let head = HeadObject::new(bucket, key);
                        crc64 = self.sender.client.head_object(head).await?.crc64;
                    }
                    if (done.size, crc64) == (print.size, Some(print.crc64)) {
                        return unchanged(file);
                    }
                    let shown = crc64.map_or("unknown".into(), |crc| crc.to_string());
                    what = format!(
                        "{} bytes and CRC64 {}, there are {} bytes and CRC64 {shown}",
                        print.size, print.crc64, done.size
                    );
                }
                Err(ossplit_transfer::Error::Oss(error)) if error.kind() == ErrorKind::Corrupt => {
                    what = error.to_string();
                }
                Err(ossplit_transfer::Error::FileChanged(path)) => {
                    return Err(Error::FileChanged(path));
                }
                Err(error) => return Err(error.into()),
            }
            unchanged(file)?;
            tracing::warn!(key, what, "a file of a checkpoint is sent again");
            // What was copied may be what is wrong.
            request.reuse.clear();
        }
        Err(Error::Corrupt {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            what,
            tries: TRIES,
        })
    }
}

/// Fails if a staged file was written to: it is a hard link, or the original.
fn unchanged(file: &Staged) -> Result<()> {
    match &file.place {
        Place::Disk { path, seen } if !seen.is_still(path) => Err(Error::FileChanged(path.clone())),
        _ => Ok(()),
    }
}
