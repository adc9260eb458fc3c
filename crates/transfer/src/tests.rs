//! Transfers to and from the embedded server, over TCP, with its faults.

use crate::{
    Copier, CopyRequest, DownloadFile, Downloader, Error, Progress, Reuse, Settings, UploadFile,
    UploadSource, Uploader,
};
use bytes::Bytes;
use ossplit::{
    Client, ClientConfig, ErrorKind, GetObject, HeadObject, Key, ListMultipartUploads, NewObject,
    PutObject, retry::RetryPolicy,
};
use ossplit_server::{Config, FaultPlan, Server, counters::Counters, store::Store};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const BUCKET: &str = "bucket";
const DEADLINE: Duration = Duration::from_secs(20);
const PART: u64 = 128 << 10;

/// A server, a client of it, and a folder.
struct Place {
    client: Client,
    counters: Arc<Counters>,
    folder: TempDir,
}

impl Place {
    async fn new() -> Self {
        Self::with_faults("").await
    }

    async fn with_faults(rules: &str) -> Self {
        let plan = format!("{{\"rules\": [{rules}]}}");
        let key = || ("id".to_owned(), "secret".to_owned());
        let config = Config {
            buckets: vec![BUCKET.into()],
            faults: Some(FaultPlan::parse(plan.as_bytes(), "test").unwrap()),
            ..Config::new(ossplit_server::Key {
                id: key().0,
                secret: key().1,
                token: None,
            })
        };
        let server = Server::bind(config, Store::in_memory()).await.unwrap();
        let counters = server.counters();
        let endpoint = format!("http://{}", server.address().unwrap());
        tokio::spawn(server.run(std::future::pending()));
        let config = ClientConfig::new(&endpoint, "cn-local")
            .unwrap()
            .with_retry(RetryPolicy::default())
            .with_key(Key {
                id: key().0,
                secret: key().1,
                token: None,
            });
        Self {
            client: Client::new(config).unwrap(),
            counters,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of random bytes.
    fn file(&self, name: &str, size: u64) -> (PathBuf, Vec<u8>) {
        let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(size as usize)
            .collect();
        fs::write(self.path(name), &bytes).unwrap();
        (self.path(name), bytes)
    }

    async fn object(&self, key: &str, size: u64) -> Vec<u8> {
        let (path, bytes) = self.file("source of an object", size);
        let put = PutObject::new(BUCKET, key, bytes.clone());
        self.client.put_object(put).await.unwrap();
        fs::remove_file(path).unwrap();
        bytes
    }

    async fn read(&self, key: &str) -> Vec<u8> {
        let get = GetObject::new(BUCKET, key);
        let mut got = self.client.get_object(get).await.unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    fn requests(&self, operation: &str) -> u64 {
        let snapshot = self.counters.snapshot();
        let found = snapshot.operations.get(operation);
        found.map_or(0, |counts| counts.requests)
    }

    fn all_requests(&self) -> u64 {
        let snapshot = self.counters.snapshot();
        snapshot.operations.values().map(|c| c.requests).sum()
    }

    async fn uploads(&self) -> usize {
        let list = ListMultipartUploads::new(BUCKET, "");
        let page = self.client.list_multipart_uploads(list).await.unwrap();
        page.uploads.len()
    }

    /// Waits until no upload is unfinished.
    async fn no_uploads(&self) {
        let deadline = Instant::now() + DEADLINE;
        while self.uploads().await > 0 {
            assert!(Instant::now() < deadline, "an upload stays unfinished");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the server has nothing to do.
    async fn idle(&self) {
        let deadline = Instant::now() + DEADLINE;
        while self.counters.snapshot().in_flight > 0 {
            assert!(Instant::now() < deadline, "the server never rests");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until so many calls were answered and another one waits for its answer.
    async fn waits_after(&self, operation: &str, answered: u64) {
        let deadline = Instant::now() + DEADLINE;
        while self.requests(operation) != answered || self.counters.snapshot().in_flight == 0 {
            assert!(Instant::now() < deadline, "no {operation} waits");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn resumable(&self) -> Settings {
        settings().with_checkpoint_dir(self.path("checkpoints"))
    }

    fn checkpoints(&self) -> usize {
        count(&self.path("checkpoints"))
    }

    async fn upload(&self, settings: Settings, path: &Path) -> crate::Result<crate::Uploaded> {
        let uploader = Uploader::new(self.client.clone(), settings);
        uploader.upload(UploadFile::new(path, BUCKET, "k")).await
    }

    async fn download(&self, settings: Settings) -> crate::Result<crate::Downloaded> {
        let downloader = Downloader::new(self.client.clone(), settings);
        let request = DownloadFile::new(BUCKET, "k", self.path("got"));
        downloader.download(request).await
    }

    fn got(&self) -> Vec<u8> {
        fs::read(self.path("got")).unwrap()
    }
}

fn settings() -> Settings {
    Settings::default().with_part_size(PART).with_parallel(1)
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn files_of_every_size_come_back_as_they_were() {
    let place = Place::new().await;
    for size in [0, 1, PART - 1, PART, PART + 1, 7 * PART + 5] {
        let (path, bytes) = place.file("f", size);
        let parallel = settings().with_parallel(4);
        let up = place.upload(parallel.clone(), &path).await.unwrap();
        assert_eq!((up.size, up.resumed), (size, 0));
        assert_eq!(place.read("k").await, bytes);
        let down = place.download(parallel).await.unwrap();
        assert_eq!(down.meta.size, size);
        assert_eq!(place.got(), bytes);
    }
    // The two files and nothing else.
    assert_eq!(count(place.folder.path()), 2);
}

#[tokio::test]
async fn a_small_file_is_one_request() {
    let place = Place::new().await;
    let (path, _) = place.file("f", PART);
    place.upload(settings(), &path).await.unwrap();
    assert_eq!((place.requests("PutObject"), place.all_requests()), (1, 1));
    place.counters.reset();
    place.download(settings()).await.unwrap();
    assert_eq!((place.requests("GetObject"), place.all_requests()), (1, 1));
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off() {
    let refuse =
        r#"{"operation": "UploadPart", "when": {"nth": 5}, "status": 403, "code": "AccessDenied"}"#;
    let place = Place::with_faults(refuse).await;
    let (path, bytes) = place.file("f", 8 * PART);
    let broke = place.upload(place.resumable(), &path).await.unwrap_err();
    assert_eq!(broke.kind(), Some(ErrorKind::AccessDenied));
    assert_eq!((place.uploads().await, place.checkpoints()), (1, 1));
    place.counters.reset();
    let done = place.upload(place.resumable(), &path).await.unwrap();
    assert_eq!(done.resumed, 4 * PART);
    assert_eq!(place.requests("UploadPart"), 4);
    assert_eq!(place.requests("InitiateMultipartUpload"), 0);
    assert_eq!(place.read("k").await, bytes);
    assert_eq!((place.uploads().await, place.checkpoints()), (0, 0));
}

#[tokio::test]
async fn an_upload_of_a_changed_file_begins_anew() {
    let refuse =
        r#"{"operation": "UploadPart", "when": {"nth": 3}, "status": 403, "code": "AccessDenied"}"#;
    let place = Place::with_faults(refuse).await;
    let (path, _) = place.file("f", 4 * PART);
    place.upload(place.resumable(), &path).await.unwrap_err();
    let (_, bytes) = place.file("f", 4 * PART);
    // The same size, and surely another time.
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(later)
        .unwrap();
    let done = place.upload(place.resumable(), &path).await.unwrap();
    assert_eq!(done.resumed, 0);
    assert_eq!(place.read("k").await, bytes);
    place.no_uploads().await;
}

#[tokio::test]
async fn an_upload_whose_parts_are_gone_begins_anew() {
    let refuse =
        r#"{"operation": "UploadPart", "when": {"nth": 3}, "status": 403, "code": "AccessDenied"}"#;
    let place = Place::with_faults(refuse).await;
    let (path, bytes) = place.file("f", 4 * PART);
    place.upload(place.resumable(), &path).await.unwrap_err();
    let list = ListMultipartUploads::new(BUCKET, "");
    let there = place.client.list_multipart_uploads(list).await.unwrap();
    let id = there.uploads[0].upload_id.clone();
    let abort = ossplit::AbortMultipartUpload::new(BUCKET, "k", id);
    place.client.abort_multipart_upload(abort).await.unwrap();
    let done = place.upload(place.resumable(), &path).await.unwrap();
    assert_eq!((done.resumed, place.checkpoints()), (0, 0));
    assert_eq!(place.read("k").await, bytes);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_not_stored() {
    for settings in [settings(), Place::new().await.resumable()] {
        let place = Place::new().await;
        let (path, _) = place.file("f", 4 * PART);
        let mut request = UploadFile::new(&path, BUCKET, "k");
        let grow = path.clone();
        request.progress = Some(Arc::new(move |progress: Progress| {
            if progress.done == 2 * PART {
                fs::write(&grow, b"other").unwrap();
            }
        }));
        let uploader = Uploader::new(place.client.clone(), settings);
        let error = uploader.upload(request).await.unwrap_err();
        assert!(matches!(error, Error::FileChanged(_)), "{error}");
        let head = place.client.head_object(HeadObject::new(BUCKET, "k")).await;
        assert_eq!(head.unwrap_err().kind(), ErrorKind::NoSuchKey);
        place.no_uploads().await;
    }
}

#[tokio::test]
async fn a_transfer_that_is_dropped_leaves_nothing() {
    let stall = r#"{"operation": "UploadPart", "when": {"nth": 3}, "delay_ms": 600000},
        {"operation": "GetObject", "when": {"nth": 3}, "delay_ms": 600000}"#;
    let place = Place::with_faults(stall).await;
    let (path, _) = place.file("f", 4 * PART);
    tokio::select! {
        ended = place.upload(settings(), &path) => panic!("{ended:?}"),
        () = place.waits_after("UploadPart", 2) => {}
    }
    place.no_uploads().await;
    place.object("k", 4 * PART).await;
    tokio::select! {
        ended = place.download(settings()) => panic!("{ended:?}"),
        () = place.waits_after("GetObject", 2) => {}
    }
    assert_eq!(
        count(place.folder.path()),
        1,
        "more is left than the file that was sent"
    );
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let refuse =
        r#"{"operation": "GetObject", "when": {"nth": 5}, "status": 403, "code": "AccessDenied"}"#;
    let place = Place::with_faults(refuse).await;
    let bytes = place.object("k", 8 * PART).await;
    fs::write(place.path("got"), "before").unwrap();
    place.download(place.resumable()).await.unwrap_err();
    assert_eq!((place.got(), place.checkpoints()), (b"before".to_vec(), 1));
    // A part that the disk lost is fetched again, the other three are not.
    let unfinished = fs::read_dir(place.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "tmp"));
    let unfinished = unfinished.unwrap();
    let mut there = fs::read(&unfinished).unwrap();
    there[PART as usize] ^= 1;
    fs::write(&unfinished, there).unwrap();
    place.counters.reset();
    let done = place.download(place.resumable()).await.unwrap();
    assert_eq!(done.resumed, 3 * PART);
    assert_eq!(place.requests("GetObject"), 5);
    assert_eq!((place.got(), place.checkpoints()), (bytes, 0));
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_download_of_a_changed_object_begins_anew() {
    let refuse =
        r#"{"operation": "GetObject", "when": {"nth": 3}, "status": 403, "code": "AccessDenied"}"#;
    let place = Place::with_faults(refuse).await;
    place.object("k", 4 * PART).await;
    place.download(place.resumable()).await.unwrap_err();
    let bytes = place.object("k", 4 * PART).await;
    let done = place.download(place.resumable()).await.unwrap();
    assert_eq!(done.resumed, 0);
    assert_eq!(place.got(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_changes_while_it_is_read_is_no_file() {
    for resumable in [false, true] {
        let place = Place::new().await;
        place.object("k", 6 * PART).await;
        let mut request = DownloadFile::new(BUCKET, "k", place.path("got"));
        let client = place.client.clone();
        request.progress = Some(Arc::new(move |progress: Progress| {
            if progress.done == 2 * PART {
                let put = client.put_object(PutObject::new(BUCKET, "k", "other"));
                let runtime = tokio::runtime::Handle::current();
                tokio::task::block_in_place(|| runtime.block_on(put)).unwrap();
            }
        }));
        let settings = if resumable {
            place.resumable()
        } else {
            settings()
        };
        let downloader = Downloader::new(place.client.clone(), settings);
        let error = downloader.download(request).await.unwrap_err();
        assert!(matches!(error, Error::ObjectChanged { .. }), "{error}");
        assert_eq!(place.checkpoints(), 0);
        let names: Vec<_> = fs::read_dir(place.folder.path()).unwrap().collect();
        assert_eq!(names.len(), usize::from(resumable), "{names:?}");
    }
}

#[tokio::test]
async fn wrong_bytes_are_no_file() {
    let spoil = r#"{"operation": "GetObject", "when": {"nth": 3}, "corrupt_at": 77}"#;
    let place = Place::with_faults(spoil).await;
    let bytes = place.object("k", 4 * PART).await;
    let error = place.download(place.resumable()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(!place.path("got").exists());
    assert_eq!(place.checkpoints(), 0);
    place.download(place.resumable()).await.unwrap();
    assert_eq!(place.got(), bytes);
}

#[tokio::test]
async fn broken_connections_and_busy_servers_are_got_over() {
    let rules = r#"{"operation": "GetObject", "when": {"every": 3}, "truncate_at": 5000},
        {"operation": ["UploadPart", "GetObject"], "when": {"every": 4}, "code": "RequestLimitExceeded"},
        {"operation": "UploadPart", "when": {"every": 5}, "reset": "after"},
        {"operation": "CompleteMultipartUpload", "when": {"nth": 1}, "reset": "after"}"#;
    let place = Place::with_faults(rules).await;
    let (path, bytes) = place.file("f", 9 * PART);
    place
        .upload(settings().with_parallel(3), &path)
        .await
        .unwrap();
    place.download(settings().with_parallel(3)).await.unwrap();
    assert_eq!(place.got(), bytes);
}

#[tokio::test]
async fn progress_never_falls_and_ends_at_the_size() {
    let place = Place::new().await;
    let (path, _) = place.file("f", 5 * PART + 1);
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let tell = || {
        let seen = Arc::clone(&seen);
        Some(Arc::new(move |progress| seen.lock().unwrap().push(progress)) as crate::ProgressFn)
    };
    let check = || {
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done));
        let total = 5 * PART + 1;
        assert_eq!(seen.first().unwrap(), &Progress { done: 0, total });
        assert_eq!(seen.last().unwrap(), &Progress { done: total, total });
    };
    let mut up = UploadFile::new(&path, BUCKET, "k");
    up.progress = tell();
    let uploader = Uploader::new(place.client.clone(), settings());
    uploader.upload(up).await.unwrap();
    check();
    let mut down = DownloadFile::new(BUCKET, "k", place.path("got"));
    down.progress = tell();
    let downloader = Downloader::new(place.client.clone(), settings());
    downloader.download(down).await.unwrap();
    check();
    let mut copy = CopyRequest::new(BUCKET, "k", "k2");
    copy.progress = tell();
    let mut small = settings();
    small.copy_threshold = PART;
    let copier = Copier::new(place.client.clone(), small);
    copier.copy(copy).await.unwrap();
    check();
}

#[tokio::test]
async fn two_downloads_do_not_write_one_file() {
    let stall = r#"{"operation": "GetObject", "when": {"nth": 1}, "delay_ms": 600000}"#;
    let place = Place::with_faults(stall).await;
    let bytes = place.object("k", 3 * PART).await;
    place.idle().await;
    tokio::select! {
        ended = place.download(settings()) => panic!("{ended:?}"),
        () = async {
            place.waits_after("GetObject", 0).await;
            let other = place.download(settings()).await;
            assert!(matches!(other, Err(Error::Busy(_))), "{other:?}");
        } => {}
    }
    place.download(settings()).await.unwrap();
    assert_eq!(place.got(), bytes);
}

#[tokio::test]
async fn a_large_copy_takes_metadata_and_tags_along() {
    let place = Place::new().await;
    let (_, bytes) = place.file("f", 5 * PART);
    let mut with = NewObject {
        content_type: Some("text/x-test".into()),
        cache_control: Some("no-store".into()),
        content_disposition: Some("attachment".into()),
        content_encoding: Some("identity".into()),
        content_language: Some("de".into()),
        expires: Some("never".into()),
        tags: vec![("a".into(), "b".into())],
        ..NewObject::default()
    };
    with.user_metadata.insert("mode".into(), "33188".into());
    let put = PutObject::new(BUCKET, "k", bytes.clone()).with(with);
    place.client.put_object(put).await.unwrap();
    let mut small = settings();
    small.copy_threshold = PART;
    let copier = Copier::new(place.client.clone(), small.clone());
    let copied = copier
        .copy(CopyRequest::new(BUCKET, "k", "k2"))
        .await
        .unwrap();
    assert_eq!(copied.size, 5 * PART);
    assert!(place.requests("UploadPartCopy") > 1);
    assert_eq!(place.read("k2").await, bytes);
    let head = |key| place.client.head_object(HeadObject::new(BUCKET, key));
    let (from, to) = (head("k").await.unwrap(), head("k2").await.unwrap());
    assert_eq!(from.as_new().user_metadata, to.as_new().user_metadata);
    assert_eq!(format!("{:?}", from.as_new()), format!("{:?}", to.as_new()));
    assert_eq!(
        (from.crc64, from.tagging_count),
        (to.crc64, to.tagging_count)
    );
    let mut again = CopyRequest::new(BUCKET, "k", "k2");
    again.forbid_overwrite = true;
    let refused = copier.copy(again).await.unwrap_err();
    assert_eq!(refused.kind(), Some(ErrorKind::AlreadyExists));
    place.no_uploads().await;
}

#[tokio::test]
async fn a_folder_is_refused_by_name() {
    let place = Place::new().await;
    let error = place.upload(settings(), place.folder.path()).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("not a regular file"), "{text}");
    let error = place.upload(settings(), &place.path("nothing")).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("can't read") && text.contains("nothing"),
        "{text}"
    );
}

#[tokio::test]
async fn bytes_in_memory_are_sent_and_what_another_object_has_is_copied() {
    let place = Place::new().await;
    let old = place.object("old", 4 * PART).await;
    let mut new = old.clone();
    new[PART as usize + 1] ^= 1;
    new.extend(b"longer");
    let pieces = new.chunks(100_000).map(Bytes::copy_from_slice);
    let mut request = UploadFile::of(UploadSource::Memory(pieces.collect()), BUCKET, "new");
    let reuse = |range, key: &str| Reuse {
        range,
        key: key.into(),
    };
    request.reuse = vec![reuse(0..PART, "old"), reuse(2 * PART..4 * PART, "old")];
    let uploader = Uploader::new(place.client.clone(), settings());
    let done = uploader.upload(request.clone()).await.unwrap();
    assert_eq!(
        (
            place.requests("UploadPart"),
            place.requests("UploadPartCopy")
        ),
        (2, 3)
    );
    assert_eq!(done.crc64, Some(ossplit::crc64::checksum(&new)));
    assert_eq!(place.read("new").await, new);
    // An object that is gone is no reason to fail.
    request.reuse = vec![reuse(0..5 * PART, "gone")];
    uploader.upload(request).await.unwrap();
    assert_eq!(place.read("new").await, new);
    place.no_uploads().await;
}
