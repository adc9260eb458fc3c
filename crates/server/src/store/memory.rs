//! Everything in memory: ordered maps behind one lock, contents in shared segments.

use super::{
    StoreError,
    content::ContentId,
    tx::{ReadTx, Table, Visit, Walk, WriteTx},
    writer::Unadopted,
};
use bytes::Bytes;
use parking_lot::{RwLock, RwLockReadGuard};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::{Bound, Range},
    sync::Arc,
};

type Map = BTreeMap<Vec<u8>, Bytes>;

/// The bytes of one content.
pub(crate) struct Segments {
    bytes: Vec<Bytes>,
}

impl Segments {
    pub(crate) fn new(bytes: Vec<Bytes>) -> Self {
        Self { bytes }
    }

    /// Adds the chunks that make up `range` to `out`; nothing is copied.
    pub(crate) fn slice(&self, range: &Range<u64>, out: &mut VecDeque<Bytes>) {
        let mut at = 0;
        for segment in &self.bytes {
            let length = segment.len() as u64;
            let (from, to) = (range.start.max(at), range.end.min(at + length));
            if from < to {
                out.push_back(segment.slice((from - at) as usize..(to - at) as usize));
            }
            at += length;
        }
    }
}

/// The backend.
#[derive(Default)]
pub(crate) struct Memory {
    tables: RwLock<[Map; Table::COUNT]>,
    contents: RwLock<HashMap<ContentId, Arc<Segments>>>,
}

impl Memory {
    pub(crate) fn read(&self) -> Reading<'_> {
        Reading(self.tables.read())
    }

    pub(crate) fn write<R>(&self, f: impl FnOnce(&mut dyn WriteTx) -> R) -> R {
        let mut tables = self.tables.write();
        f(&mut Writing {
            tables: &mut tables,
            memory: self,
        })
    }

    pub(crate) fn keep(&self, id: ContentId, segments: Segments) {
        self.contents.write().insert(id, Arc::new(segments));
    }

    pub(crate) fn drop_content(&self, id: ContentId) {
        // The map gives the segments out before their memory is freed, outside the lock.
        let gone = self.contents.write().remove(&id);
        drop(gone);
    }

    pub(crate) fn content(&self, id: ContentId) -> Option<Arc<Segments>> {
        self.contents.read().get(&id).cloned()
    }
}

pub(crate) struct Reading<'a>(RwLockReadGuard<'a, [Map; Table::COUNT]>);

struct Writing<'a> {
    tables: &'a mut [Map; Table::COUNT],
    memory: &'a Memory,
}

fn scan(map: &Map, from: Bound<&[u8]>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    let mut range = map.range::<[u8], _>((from, Bound::Unbounded));
    while let Some((key, value)) = range.next() {
        match visit(key, value)? {
            Walk::Next => {}
            Walk::Seek(to) => {
                range = map.range::<[u8], _>((Bound::Included(to.as_slice()), Bound::Unbounded));
            }
            Walk::Stop => break,
        }
    }
    Ok(())
}

impl ReadTx for Reading<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0[table as usize].get(key).cloned())
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        scan(&self.0[table as usize], from, visit)
    }
}

impl ReadTx for Writing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.tables[table as usize].get(key).cloned())
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        scan(&self.tables[table as usize], from, visit)
    }
}

impl WriteTx for Writing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError> {
        let map = &mut self.tables[table as usize];
        if let Some(old) = map.get_mut(key) {
            *old = value;
        } else {
            map.insert(key.to_vec(), value);
        }
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.tables[table as usize].remove(key).is_some())
    }

    fn discard(&mut self, id: ContentId) -> Result<(), StoreError> {
        self.memory.drop_content(id);
        Ok(())
    }

    fn adopt(&mut self, content: Unadopted) {
        content.keep();
    }
}
