//! The contents of a bucket of OSS: the read engine and the writers.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::HashMap;
use ossplit::NewObject;
use parking_lot::Mutex;

use super::{Begin, Contents, Pages, Prefetch, ReadObject, TakenOver, WriteObject};
use crate::context::Context;
use crate::error::Result;
use crate::read::{Engine, Reader};
use crate::types::{NodeId, ObjectVersion};
use crate::write::{LeftWriter, Writer};

/// Readers and writers of one mount.
pub(crate) struct Objects {
    context: Arc<Context>,
    engine: Engine,
    /// Writers of a former process.
    left: Mutex<HashMap<NodeId, LeftWriter>>,
}

impl Objects {
    /// To be made on the runtime that fetches.
    pub(crate) fn new(context: Arc<Context>, left: HashMap<NodeId, LeftWriter>) -> Self {
        Self {
            engine: Engine::new(&context),
            context,
            left: Mutex::new(left),
        }
    }
}

impl Contents for Objects {
    fn open(&self, version: &ObjectVersion) -> Arc<dyn ReadObject> {
        Arc::new(OpenReader(self.engine.open(version)))
    }

    fn prefetch(&self, version: &ObjectVersion, begin: Begin) -> Prefetch {
        self.engine.prefetch(version, begin)
    }

    fn has(&self, version: &ObjectVersion) -> bool {
        self.engine.has(version)
    }

    fn write(
        &self,
        node: NodeId,
        key: String,
        base: Option<ObjectVersion>,
        with: NewObject,
    ) -> Arc<dyn WriteObject> {
        let context = Arc::clone(&self.context);
        Arc::new(Writer::new(context, node, key, base, with))
    }

    fn take_left(&self, node: NodeId, with: NewObject) -> Option<TakenOver> {
        let left = self.left.lock().remove(&node)?;
        Some(TakenOver {
            stored: left.stored(),
            object: Arc::new(left.resume(&self.context, with)),
        })
    }

    fn left_unlinked(&self, node: NodeId) -> bool {
        let left = self.left.lock();
        left.get(&node).is_some_and(LeftWriter::is_unlinked)
    }

    fn discard_left(&self) {
        for (_, left) in self.left.lock().drain() {
            left.discard(&self.context);
        }
    }
}

/// A handle's share of a reader.
struct OpenReader(Arc<Reader>);

impl ReadObject for OpenReader {
    fn try_read(&self, offset: u64, len: u32, out: &mut Vec<Bytes>) -> Option<Result<()>> {
        self.0.try_read(offset, len, out)
    }

    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.0.read(offset, len).boxed()
    }

    fn offer(&self, pages: Arc<dyn Pages>) {
        self.0.offer(pages);
    }
}

impl WriteObject for Writer {
    fn try_write(&self, offset: Option<u64>, data: &[u8]) -> bool {
        self.try_write(offset, data)
    }

    fn write(&self, offset: u64, data: Bytes) -> BoxFuture<'_, Result<()>> {
        self.write(offset, data).boxed()
    }

    fn append(&self, data: Bytes) -> BoxFuture<'_, Result<()>> {
        async move { self.append(data).await.map(drop) }.boxed()
    }

    fn describe(&self, with: NewObject) -> bool {
        self.describe(with)
    }

    fn keep_normal(&self) {
        self.keep_normal();
    }

    fn keep_for_reading(&self) {
        self.keep_for_reading();
    }

    fn set_linked(&self, linked: bool) -> BoxFuture<'_, ()> {
        self.set_linked(linked).boxed()
    }

    fn rests_on(&self) -> BoxFuture<'_, Result<Option<ObjectVersion>>> {
        self.rests_on().boxed()
    }

    fn rest_on(&self, version: ObjectVersion) -> BoxFuture<'_, ()> {
        self.rest_on(version).boxed()
    }

    fn is_stored(&self) -> bool {
        self.is_stored()
    }

    fn read(&self, offset: u64, len: u32) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.read(offset, len).boxed()
    }

    fn truncate(&self, size: u64) -> BoxFuture<'_, Result<()>> {
        self.truncate(size).boxed()
    }

    fn size(&self) -> u64 {
        self.size()
    }

    fn is_dirty(&self) -> bool {
        self.is_dirty()
    }

    fn flush(&self) -> BoxFuture<'_, Result<ObjectVersion>> {
        self.flush().boxed()
    }

    fn discard(&self) -> BoxFuture<'_, Result<()>> {
        self.discard().boxed()
    }
}
