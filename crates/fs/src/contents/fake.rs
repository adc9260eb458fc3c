//! Contents in memory, in the same bucket as the names.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Begin, Contents, Pages, Prefetch, ReadObject, TakenOver, WriteObject};
use crate::error::{Error, Result};
use crate::remote::fake::FakeBucket;
use crate::types::{NodeId, ObjectVersion};
use ossplit::NewObject;

/// Contents of a [`FakeBucket`]: an object's bytes are made from its `ETag`, unless they were written here.
pub(crate) struct FakeContents {
    pub(crate) bucket: Arc<FakeBucket>,
    /// Keys that were to be fetched ahead, in order.
    pub(crate) ahead: Mutex<Vec<String>>,
    /// The page caches of what was opened.
    pub(crate) offered: Arc<Mutex<Vec<Arc<dyn Pages>>>>,
    writers: Mutex<HashMap<NodeId, Weak<FakeWriter>>>,
    left: Mutex<HashMap<NodeId, Arc<FakeWriter>>>,
}

impl FakeContents {
    pub(crate) fn new(bucket: Arc<FakeBucket>) -> Arc<Self> {
        Arc::new(Self {
            bucket,
            ahead: Mutex::default(),
            offered: Arc::default(),
            writers: Mutex::default(),
            left: Mutex::default(),
        })
    }

    /// The contents for a successor, with the bucket that it has: what was written is where the arena would have it.
    pub(crate) fn successor(&self, bucket: &Arc<FakeBucket>) -> Arc<Self> {
        let next = Self::new(Arc::clone(bucket));
        for (node, writer) in &*self.writers.lock() {
            if let Some(writer) = writer.upgrade() {
                let copy = Arc::new(FakeWriter {
                    bucket: Arc::clone(bucket),
                    key: writer.key.clone(),
                    with: Mutex::new(writer.with.lock().clone()),
                    state: Mutex::new(writer.state.lock().clone()),
                    unlinked: AtomicBool::new(writer.unlinked.load(Ordering::Relaxed)),
                });
                next.writers.lock().insert(*node, Arc::downgrade(&copy));
                next.left.lock().insert(*node, copy);
            }
        }
        next
    }
}

impl Contents for FakeContents {
    fn open(&self, version: &ObjectVersion) -> Arc<dyn ReadObject> {
        let version = version.clone();
        Arc::new(FakeReader {
            bucket: Arc::clone(&self.bucket),
            version,
            body: Mutex::default(),
            offered: Arc::clone(&self.offered),
        })
    }

    fn prefetch(&self, version: &ObjectVersion, begin: Begin) -> Prefetch {
        let mut ahead = self.ahead.lock();
        if ahead.iter().any(|key| *key == *version.key) {
            return Prefetch::Needless;
        }
        drop(begin());
        ahead.push(version.key.to_string());
        Prefetch::Begun
    }

    fn has(&self, version: &ObjectVersion) -> bool {
        self.ahead.lock().iter().any(|key| *key == *version.key)
    }

    fn write(
        &self,
        node: NodeId,
        key: String,
        base: Option<ObjectVersion>,
        with: NewObject,
    ) -> Arc<dyn WriteObject> {
        let dirty = base.is_none();
        let data = match &base {
            Some(base) => self.bucket.read(&base.key, &base.etag),
            None => Ok(Vec::new()),
        };
        let writer = Arc::new(FakeWriter {
            bucket: Arc::clone(&self.bucket),
            key,
            with: Mutex::new(with),
            state: Mutex::new((data, dirty)),
            unlinked: AtomicBool::new(false),
        });
        self.writers.lock().insert(node, Arc::downgrade(&writer));
        writer
    }

    fn take_left(&self, node: NodeId, _: NewObject) -> Option<TakenOver> {
        let object = self.left.lock().remove(&node)?;
        Some(TakenOver {
            stored: None,
            object,
        })
    }

    fn left_unlinked(&self, node: NodeId) -> bool {
        let left = self.left.lock();
        left.get(&node)
            .is_some_and(|writer| writer.unlinked.load(Ordering::Relaxed))
    }

    fn discard_left(&self) {
        self.left.lock().clear();
    }
}

struct FakeReader {
    bucket: Arc<FakeBucket>,
    version: ObjectVersion,
    body: Mutex<Option<Bytes>>,
    offered: Arc<Mutex<Vec<Arc<dyn Pages>>>>,
}

impl ReadObject for FakeReader {
    fn try_read(&self, offset: u64, len: u32, out: &mut Vec<Bytes>) -> Option<Result<()>> {
        let body = self.body.lock();
        out.extend(slice(body.as_ref()?, offset, len));
        Some(Ok(()))
    }

    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            let body = self.bucket.read(&self.version.key, &self.version.etag);
            self.bucket.note(format!("GET {}", self.version.key));
            let body: Bytes = body?.into();
            *self.body.lock() = Some(body.clone());
            Ok(slice(&body, offset, len).into_iter().collect())
        }
        .boxed()
    }

    fn offer(&self, pages: Arc<dyn Pages>) {
        self.offered.lock().push(pages);
    }
}

struct FakeWriter {
    bucket: Arc<FakeBucket>,
    key: String,
    with: Mutex<NewObject>,
    state: Mutex<(Result<Vec<u8>>, bool)>,
    unlinked: AtomicBool,
}

impl FakeWriter {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T> {
        let mut state = self.state.lock();
        let result = match &mut state.0 {
            Ok(data) => change(data),
            Err(error) => return Err(error.clone()),
        };
        state.1 = true;
        Ok(result)
    }
}

impl WriteObject for FakeWriter {
    fn try_write(&self, offset: Option<u64>, data: &[u8]) -> bool {
        let offset = offset.unwrap_or_else(|| self.size());
        let written = self.write(offset, Bytes::copy_from_slice(data));
        matches!(written.now_or_never(), Some(Ok(())))
    }

    fn write(&self, offset: u64, data: Bytes) -> BoxFuture<'_, Result<()>> {
        let written = self.change(|body| {
            let end = offset as usize + data.len();
            if body.len() < end {
                body.resize(end, 0);
            }
            body[offset as usize..end].copy_from_slice(&data);
        });
        async move { written }.boxed()
    }

    fn append(&self, data: Bytes) -> BoxFuture<'_, Result<()>> {
        self.write(self.size(), data)
    }

    fn describe(&self, with: NewObject) -> bool {
        *self.with.lock() = with;
        true
    }

    fn keep_normal(&self) {}

    fn keep_for_reading(&self) {}

    fn set_linked(&self, linked: bool) -> BoxFuture<'_, ()> {
        self.unlinked.store(!linked, Ordering::Relaxed);
        async {}.boxed()
    }

    fn rests_on(&self) -> BoxFuture<'_, Result<Option<ObjectVersion>>> {
        async { Ok(None) }.boxed()
    }

    fn rest_on(&self, _: ObjectVersion) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn is_stored(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        let read = match &self.state.lock().0 {
            Ok(data) => Ok(slice(&Bytes::from(data.clone()), offset, len)
                .into_iter()
                .collect()),
            Err(error) => Err(error.clone()),
        };
        async move { read }.boxed()
    }

    fn truncate(&self, size: u64) -> BoxFuture<'_, Result<()>> {
        let cut = self.change(|body| body.resize(size as usize, 0));
        async move { cut }.boxed()
    }

    fn size(&self) -> u64 {
        self.state
            .lock()
            .0
            .as_ref()
            .map_or(0, |data| data.len() as u64)
    }

    fn is_dirty(&self) -> bool {
        self.state.lock().1
    }

    fn flush(&self) -> BoxFuture<'_, Result<ObjectVersion>> {
        async move {
            let data = {
                let mut state = self.state.lock();
                state.1 = false;
                state.0.clone()?
            };
            if self.bucket.refuses(&self.key) {
                self.state.lock().1 = true;
                return Err(Error::Denied(Arc::new(std::io::Error::other("refused"))));
            }
            self.bucket.note(format!("PUT {}", self.key));
            self.bucket.alive().await;
            let with = self.with.lock().user_metadata.clone();
            Ok(self.bucket.store(&self.key, data, &with))
        }
        .boxed()
    }

    fn discard(&self) -> BoxFuture<'_, Result<()>> {
        self.bucket.note(format!("DISCARD {}", self.key));
        async { Ok(()) }.boxed()
    }
}

fn slice(body: &Bytes, offset: u64, len: u32) -> Option<Bytes> {
    let start = body.len().min(offset as usize);
    let end = body.len().min(start + len as usize);
    (start < end).then(|| body.slice(start..end))
}
