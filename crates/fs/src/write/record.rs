//! A record on local disk of the uploads that were begun and not yet ended, so that those of a process that was killed
//! are aborted by its successor: parts that nobody completes cost money for ever.
//!
//! The record is a file in `tmpdir`, locked for as long as its process lives: a line that says for which bucket, then a
//! line for each upload that began or ended. It outlives a killed process. (After a crash of the machine its last lines may be
//! missing; a lifecycle rule of the bucket is for those.)

use crate::{Context, error::Result};
use ossplit::{AbortMultipartUpload, ListMultipartUploads};
use parking_lot::Mutex;
use rustix::{fs::OFlags, process::geteuid};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Records have names that begin so.
const NAME: &str = "ossplit-uploads-";

/// The record of one mount. The file is there while uploads are under way. Its lines are short and stay in the page cache, so
/// they are written where they come up, on the runtime's threads.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<UnderWay>);

/// The uploads that are under way, and the file that says so, if it could be made.
#[derive(Debug, Default)]
struct UnderWay {
    /// Asked for, and not answered yet.
    asked: usize,
    /// Begun, and not ended yet.
    ids: HashSet<String>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
}

/// One line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first one: where the uploads are.
    Of { endpoint: String, bucket: String },
    /// OSS is asked for an upload; the time in Unix seconds.
    Begins { key: String, at: i64 },
    /// It began one.
    Began { key: String, upload_id: String },
    /// It began none.
    Refused { key: String },
    /// The upload is completed or aborted.
    Ended { upload_id: String },
}

/// What a record's uploads come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    /// Key by upload id of what was under way.
    uploads: HashMap<String, String>,
    /// Keys of which nobody knows whether OSS began an upload, and since when.
    perhaps: HashMap<String, i64>,
    /// When the record was last written, in Unix seconds.
    until: i64,
}

/// How far OSS's clock may be from ours, in seconds.
const SKEW: i64 = 10;

impl Record {
    /// Notes that an upload is about to begin. Without a record it goes on all the same: a full disk must stop no write.
    pub(crate) fn begins(&self, context: &Context, key: &str) {
        let mut record = self.0.lock();
        let begins = Line::Begins {
            key: key.to_owned(),
            at: context.clock.wall() / 1_000_000_000,
        };
        let noted = match &mut record.open {
            Some(open) => open.append(&begins),
            None => create(context).and_then(|new| record.open.insert(new).append(&begins)),
        };
        record.asked += 1;
        if let Err(error) = noted {
            let folder = context.config.tmpdir.display();
            tracing::warn!(%error, %folder, "an upload could not be noted: if this process is killed, it may stay");
        }
    }

    /// Notes that OSS began the upload.
    pub(crate) fn began(&self, key: &str, upload_id: &str) {
        let (key, upload_id) = (key.to_owned(), upload_id.to_owned());
        let mut record = self.0.lock();
        record.asked = record.asked.saturating_sub(1);
        record.ids.insert(upload_id.clone());
        record.note(&Line::Began { key, upload_id });
    }

    /// Notes that OSS began none.
    pub(crate) fn refused(&self, key: &str) {
        let key = key.to_owned();
        let mut record = self.0.lock();
        record.asked = record.asked.saturating_sub(1);
        record.note(&Line::Refused { key });
    }

    /// Whether an upload is this process's own.
    fn has(&self, upload_id: &str) -> bool {
        self.0.lock().ids.contains(upload_id)
    }

    /// As if the process were dead.
    #[cfg(test)]
    pub(super) fn unlock(&self) {
        *self.0.lock() = UnderWay::default();
    }

    /// Notes that an upload was completed or aborted.
    pub(crate) fn ended(&self, upload_id: &str) {
        let upload_id = upload_id.to_owned();
        let mut record = self.0.lock();
        record.ids.remove(&upload_id);
        record.note(&Line::Ended { upload_id });
    }
}

impl UnderWay {
    /// Notes what became of an upload. With none under way there is no file.
    fn note(&mut self, line: &Line) {
        let Some(open) = &mut self.open else { return };
        if self.asked == 0 && self.ids.is_empty() {
            // What stays is taken up, and removed, at the next start.
            let _ = std::fs::remove_file(&open.path);
            self.open = None;
        } else if let Err(error) = open.append(line) {
            tracing::warn!(%error, "what became of an upload could not be noted");
        }
    }
}

impl Open {
    /// One write a line: what a killed process leaves has whole lines, but perhaps the last.
    fn append(&mut self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

/// Makes this process's record.
fn create(context: &Context) -> std::io::Result<Open> {
    let mut options = tempfile::Builder::new();
    let made = options.prefix(NAME).tempfile_in(&context.config.tmpdir)?;
    let (file, path) = made.keep().map_err(|error| error.error)?;
    file.try_lock()?;
    let mut open = Open { file, path };
    open.append(&of(context))?;
    Ok(open)
}

fn of(context: &Context) -> Line {
    Line::Of {
        endpoint: context.client.config().endpoint.to_string(),
        bucket: context.config.bucket.clone(),
    }
}

/// Aborts the uploads that killed processes left in this mount's bucket. To be called before anything is written: an upload
/// that a process was about to begin when it died is known by its key and the time alone. What can't be aborted now is
/// left for the next start.
pub(crate) async fn abort_left_uploads(context: &Context) {
    let folder = context.config.tmpdir.clone();
    let wanted = of(context);
    let found = tokio::task::spawn_blocking(move || left(&folder, &wanted)).await;
    for (path, lock, left) in found.unwrap_or_default() {
        match abort(context, left).await {
            Ok(count) => {
                if count > 0 {
                    tracing::info!(count, "uploads that a killed process left are aborted");
                }
                let _ = std::fs::remove_file(path);
            }
            Err(error) => tracing::warn!(%error, "uploads that a killed process left stay for now"),
        }
        drop(lock);
    }
}

/// Aborts what is left, and tells how many uploads that were.
async fn abort(context: &Context, left: Left) -> Result<usize> {
    let mut uploads = left.uploads;
    for (key, since) in left.perhaps {
        let ours = begun(context, &key, since, left.until).await?;
        uploads.extend(ours.into_iter().map(|upload_id| (upload_id, key.clone())));
    }
    // Those that a former process of this mount began and this one goes on with.
    uploads.retain(|upload_id, _| !context.uploads.has(upload_id));
    let count = uploads.len();
    for (upload_id, key) in uploads {
        abort_one(context, key, upload_id).await?;
    }
    Ok(count)
}

/// Aborts what OSS may have begun of `key` since then, of which the answer was lost.
pub(super) async fn abort_unheard(context: &Context, key: &str, since: i64) -> Result<()> {
    let now = context.clock.wall() / 1_000_000_000;
    for upload_id in begun(context, key, since, now).await? {
        abort_one(context, key.to_owned(), upload_id).await?;
    }
    Ok(())
}

/// The uploads of `key` that OSS began between two times, in Unix seconds of our clock.
async fn begun(context: &Context, key: &str, since: i64, until: i64) -> Result<Vec<String>> {
    let list = ListMultipartUploads::new(&context.config.bucket, key);
    let found = context.client.list_multipart_uploads(list).await?.uploads;
    let when = since - SKEW..=until + SKEW;
    let found = found
        .into_iter()
        .filter(|upload| upload.key == key && when.contains(&upload.initiated));
    Ok(found.map(|upload| upload.upload_id).collect())
}

async fn abort_one(context: &Context, key: String, upload_id: String) -> Result<()> {
    let request = AbortMultipartUpload {
        bucket: context.config.bucket.clone(),
        key,
        upload_id,
    };
    match context.client.abort_multipart_upload(request).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ossplit::ErrorKind::NoSuchUpload => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The records in a folder whose processes are gone, with their locks.
fn left(folder: &Path, wanted: &Line) -> Vec<(PathBuf, File, Left)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let records = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        if !entry.file_name().to_string_lossy().starts_with(NAME) {
            return None;
        }
        // tmpdir may be for everybody: follow no link, and believe no file of others.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let file = options.open(entry.path()).ok()?;
        if file.metadata().ok()?.uid() != geteuid().as_raw() {
            return None;
        }
        file.try_lock().ok()?;
        let left = read(&file, wanted)?;
        Some((entry.path(), file, left))
    });
    records.collect()
}

/// What was under way, if the record is of the wanted bucket.
fn read(file: &File, wanted: &Line) -> Option<Left> {
    let mut lines = BufReader::new(file).lines().map_while(std::io::Result::ok);
    let of: Line = serde_json::from_str(&lines.next()?).ok()?;
    if of != *wanted {
        return None;
    }
    let mut left = Left {
        until: file.metadata().ok()?.mtime(),
        ..Left::default()
    };
    for line in lines {
        match serde_json::from_str(&line) {
            Ok(Line::Begins { key, at }) => {
                left.perhaps.entry(key).or_insert(at);
            }
            Ok(Line::Began { key, upload_id }) => {
                left.perhaps.remove(&key);
                left.uploads.insert(upload_id, key);
            }
            Ok(Line::Refused { key }) => {
                left.perhaps.remove(&key);
            }
            Ok(Line::Ended { upload_id }) => {
                left.uploads.remove(&upload_id);
            }
            // The last line of a process that was killed while it wrote.
            Ok(Line::Of { .. }) | Err(_) => {}
        }
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{
        fake::{FakeOss, Op},
        tests::run,
    };
    use crate::write::upload::Upload;
    use ossplit::NewObject;

    fn records(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_a_killed_process_left_is_aborted_once_it_is_dead() {
        run(async {
            let (oss, folder) = (FakeOss::default(), tempfile::tempdir().unwrap());
            let context = || oss.context(|config| config.tmpdir = folder.path().to_owned());
            let dead = context();
            let ended = Upload::begin(&dead, "a", &NewObject::default())
                .await
                .unwrap();
            let left = Upload::begin(&dead, "b", &NewObject::default())
                .await
                .unwrap();
            ended.abort().await.unwrap();
            assert_eq!((oss.unfinished(), oss.asked(Op::Abort)), (1, 1));

            abort_left_uploads(&context()).await;
            assert_eq!(oss.unfinished(), 1, "its process lives");

            // A killed process drops nothing, but its locks.
            std::mem::forget(left);
            dead.uploads.unlock();
            let other = oss.context(|config| {
                config.tmpdir = folder.path().to_owned();
                config.bucket = "other-bucket".to_owned();
            });
            abort_left_uploads(&other).await;
            assert_eq!(
                (oss.unfinished(), records(folder.path())),
                (1, 1),
                "not ours"
            );
            abort_left_uploads(&context()).await;
            assert_eq!((oss.unfinished(), oss.asked(Op::Abort)), (0, 2));
            assert_eq!(records(folder.path()), 0);
        });
    }

    #[test]
    fn a_mount_without_uploads_has_no_record() {
        run(async {
            let (oss, folder) = (FakeOss::default(), tempfile::tempdir().unwrap());
            let context = oss.context(|config| config.tmpdir = folder.path().to_owned());
            let upload = Upload::begin(&context, "a", &NewObject::default())
                .await
                .unwrap();
            assert_eq!(records(folder.path()), 1);
            upload.abort().await.unwrap();
            assert_eq!(records(folder.path()), 0);
        });
    }
}
