//! Values by key in a memory file, so that whoever opens it finds those that were committed, all of them and whole.
//!
//! Records are only ever appended: a head (key, length, what it does) and the value. A word at the beginning says up to
//! where they count. It is stored after them, so a process that is killed in the middle leaves a group of records out
//! altogether. When most of the file is what nobody needs any more, what counts moves to a new one.

use hashbrown::HashMap;

use super::vault::ResumeError;
use crate::cache::Pages;

/// `ossplitJ`.
const MAGIC: u64 = u64::from_le_bytes(*b"ossplitJ");
/// Where the words of the beginning are, and the first record.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 8;
const AT_END: usize = 16;
const FIRST: usize = 64;
/// A head: key, length of the value, and what the record does.
const HEAD: usize = 16;
/// Records begin at multiples of this.
const ALIGN: usize = 8;
/// Below this a journal is not worth shortening, in bytes.
const SMALL: usize = 4 << 20;
/// How long the file is: twice what may count, and then some.
const LENGTH: u64 = 8 << 30;

/// What a record does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Does {
    /// This is the value now.
    Put = 1,
    /// This is added to the value.
    Add = 2,
    /// There is none any more.
    Remove = 3,
}

/// Records that will count together or not at all.
#[derive(Debug, Default)]
pub(super) struct Group(Vec<u8>);

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn put(&mut self, key: u64, value: &impl serde::Serialize) {
        self.record(key, Does::Put, Some(value));
    }

    pub(super) fn add(&mut self, key: u64, value: &impl serde::Serialize) {
        self.record(key, Does::Add, Some(value));
    }

    pub(super) fn remove(&mut self, key: u64) {
        self.record(key, Does::Remove, None::<&()>);
    }

    fn record(&mut self, key: u64, does: Does, value: Option<&impl serde::Serialize>) {
        let start = self.0.len();
        self.0.extend_from_slice(&key.to_ne_bytes());
        self.0.extend_from_slice(&[0; 8]);
        if let Some(value) = value {
            let bytes = std::mem::take(&mut self.0);
            match postcard::to_extend(value, bytes) {
                Ok(bytes) => self.0 = bytes,
                // Our own plain structs always serialize.
                Err(error) => tracing::error!(%error, "state that can't be kept"),
            }
        }
        let length = (self.0.len() - start - HEAD) as u32;
        self.0[start + 8..start + 12].copy_from_slice(&length.to_ne_bytes());
        self.0[start + 12..start + 16].copy_from_slice(&(does as u32).to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(ALIGN), 0);
    }
}

/// Where a key's records are, counted in [`ALIGN`].
#[derive(Debug)]
struct Place {
    value: u32,
    #[allow(
        clippy::box_collection,
        reason = "most keys have none, and there is one of these for every node"
    )]
    added: Option<Box<Vec<u32>>>,
}

/// The journal.
#[derive(Debug)]
pub(super) struct Journal {
    pages: Pages,
    end: usize,
    index: HashMap<u64, Place>,
    /// Bytes of records that count.
    live: usize,
}

impl Journal {
    pub(super) fn create(name: &str) -> std::io::Result<Self> {
        let mut length = LENGTH;
        let mut pages = loop {
            match Pages::create(name, length) {
                Ok(pages) => break pages,
                // A limit on addresses or files.
                Err(_) if length > 256 << 20 => length /= 2,
                Err(error) => return Err(error),
            }
        };
        pages.publish(AT_VERSION, u64::from(super::VERSION));
        pages.publish(AT_END, FIRST as u64);
        pages.publish(AT_MAGIC, MAGIC);
        Ok(Self {
            pages,
            end: FIRST,
            index: HashMap::new(),
            live: 0,
        })
    }

    /// What another process committed.
    pub(super) fn open(pages: Pages) -> Result<Self, ResumeError> {
        let damaged = |what: &str| ResumeError::Damaged(format!("a journal that {what}"));
        if pages.len() < FIRST || pages.word(AT_MAGIC) != MAGIC {
            return Err(damaged("is none"));
        }
        super::check_version(pages.word(AT_VERSION))?;
        let end = pages.word(AT_END) as usize;
        if end < FIRST || end > pages.len() {
            return Err(damaged("ends nowhere"));
        }
        let mut journal = Self {
            pages,
            end: FIRST,
            index: HashMap::new(),
            live: 0,
        };
        while journal.end < end {
            let next = journal.index_one(end);
            journal.end = next.ok_or_else(|| damaged("has half a record"))?;
        }
        Ok(journal)
    }

    pub(super) fn file(&self) -> &std::os::fd::OwnedFd {
        self.pages.file()
    }

    /// Bytes that the file has memory for.
    pub(super) fn bytes(&self) -> usize {
        self.end
    }

    /// Has a group count from now on; false if the file is full.
    pub(super) fn commit(&mut self, group: &Group) -> bool {
        let end = self.end + group.0.len();
        if end > self.pages.len() {
            return false;
        }
        self.pages.write(self.end, &group.0);
        while self.end < end {
            match self.index_one(end) {
                Some(next) => self.end = next,
                None => return false,
            }
        }
        self.pages.publish(AT_END, end as u64);
        true
    }

    /// Takes the record at the end into the index and tells where the next one is.
    fn index_one(&mut self, limit: usize) -> Option<usize> {
        let at = self.end;
        let (key, length, does) = self.head(at, limit)?;
        let size = (HEAD + length).next_multiple_of(ALIGN);
        if at + size > limit {
            return None;
        }
        let place = (at / ALIGN) as u32;
        match does {
            Does::Put => {
                let new = Place {
                    value: place,
                    added: None,
                };
                if let Some(old) = self.index.insert(key, new) {
                    self.live -= self.size(&old);
                }
                self.live += size;
            }
            Does::Add => {
                // To a value that is gone, nothing can be added.
                if let Some(known) = self.index.get_mut(&key) {
                    known.added.get_or_insert_default().push(place);
                    self.live += size;
                }
            }
            Does::Remove => {
                if let Some(old) = self.index.remove(&key) {
                    self.live -= self.size(&old);
                }
            }
        }
        Some(at + size)
    }

    fn head(&self, at: usize, limit: usize) -> Option<(u64, usize, Does)> {
        if at + HEAD > limit {
            return None;
        }
        let head = self.pages.bytes(at..at + HEAD);
        let key = u64::from_ne_bytes(head[..8].try_into().ok()?);
        let length = u32::from_ne_bytes(head[8..12].try_into().ok()?);
        let does = match u32::from_ne_bytes(head[12..].try_into().ok()?) {
            1 => Does::Put,
            2 => Does::Add,
            3 => Does::Remove,
            _ => return None,
        };
        Some((key, length as usize, does))
    }

    fn places(place: &Place) -> impl Iterator<Item = usize> + '_ {
        let added = place.added.iter().flat_map(|added| added.iter());
        std::iter::once(&place.value)
            .chain(added)
            .map(|at| *at as usize * ALIGN)
    }

    /// Bytes of a key's records.
    fn size(&self, place: &Place) -> usize {
        Self::places(place).map(|at| self.span(at).len()).sum()
    }

    /// A record that was indexed.
    fn span(&self, at: usize) -> std::ops::Range<usize> {
        let length = self.head(at, self.pages.len()).map_or(0, |head| head.1);
        at..at + (HEAD + length).next_multiple_of(ALIGN)
    }

    /// Each key with its value and what was added to it, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = (u64, Vec<&[u8]>)> {
        self.index.iter().map(|(key, place)| {
            let values = Self::places(place).map(|at| {
                let length = self.head(at, self.pages.len()).map_or(0, |head| head.1);
                self.pages.bytes(at + HEAD..at + HEAD + length)
            });
            (*key, values.collect())
        })
    }

    /// Whether most of the file is what nobody needs any more.
    pub(super) fn is_long(&self) -> bool {
        self.end > SMALL && self.end > 2 * self.live
    }

    /// Moves what counts to a new journal.
    pub(super) fn shortened(&self, name: &str) -> std::io::Result<Self> {
        let mut next = Self::create(name)?;
        let mut group = Group::default();
        for place in self.index.values() {
            for at in Self::places(place) {
                group.0.extend_from_slice(self.pages.bytes(self.span(at)));
            }
            if group.0.len() > 1 << 20 {
                next.commit(&group);
                group.clear();
            }
        }
        if next.commit(&group) {
            Ok(next)
        } else {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn reopened(journal: &Journal) -> Result<Journal, ResumeError> {
        Journal::open(Pages::open(journal.file().try_clone().unwrap()).unwrap())
    }

    fn contents(journal: &Journal) -> BTreeMap<u64, Vec<Vec<u8>>> {
        let decoded = |bytes: &[u8]| postcard::from_bytes(bytes).unwrap();
        journal
            .values()
            .map(|(key, values)| (key, values.into_iter().map(decoded).collect()))
            .collect()
    }

    #[test]
    fn what_was_not_committed_is_not_there() {
        let mut journal = Journal::create("test").unwrap();
        let mut group = Group::default();
        group.put(1, &vec![7_u8; 100]);
        assert!(journal.commit(&group));
        // Killed in the middle of the next group: its bytes are there, and the word that makes them count is not.
        let mut torn = Group::default();
        torn.put(1, &vec![8_u8; 100]);
        torn.remove(1);
        let at = journal.end;
        journal.pages.write(at, &torn.0[..torn.0.len() - 20]);
        let next = reopened(&journal).unwrap();
        assert_eq!(contents(&next)[&1], [vec![7; 100]]);
    }

    #[test]
    fn damage_and_other_versions_are_refused() {
        let mut journal = Journal::create("test").unwrap();
        let mut group = Group::default();
        group.put(1, &vec![7_u8; 100]);
        journal.commit(&group);
        journal.pages.publish(AT_END, journal.end as u64 + 8);
        assert!(matches!(reopened(&journal), Err(ResumeError::Damaged(_))));
        journal.pages.publish(AT_END, u64::MAX);
        assert!(matches!(reopened(&journal), Err(ResumeError::Damaged(_))));
        journal.pages.publish(AT_VERSION, 99);
        assert!(matches!(
            reopened(&journal),
            Err(ResumeError::Version { found: 99, .. })
        ));
        journal.pages.publish(AT_MAGIC, 1);
        assert!(matches!(reopened(&journal), Err(ResumeError::Damaged(_))));
    }

    #[test]
    fn a_value_that_is_replaced_for_ever_takes_no_more_memory() {
        let mut journal = Journal::create("test").unwrap();
        let mut group = Group::default();
        for round in 0..200_000_u64 {
            group.clear();
            group.put(round % 10, &vec![round as u8; 100]);
            assert!(journal.commit(&group));
            if journal.is_long() {
                journal = journal.shortened("test").unwrap();
                assert_eq!(journal.index.len(), 10);
            }
            assert!(journal.bytes() <= SMALL + 200);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_is_a_map_of_lists(
            steps in proptest::collection::vec((0..4_u8, 0..6_u64, 0..40_usize), 1..200)
        ) {
            let mut journal = Journal::create("test").unwrap();
            let mut model: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
            for (step, (what, key, size)) in steps.into_iter().enumerate() {
                let value = vec![step as u8; size];
                let mut group = Group::default();
                match what {
                    0 => {
                        group.put(key, &value);
                        model.insert(key, vec![value]);
                    }
                    1 => {
                        group.add(key, &value);
                        if let Some(known) = model.get_mut(&key) {
                            known.push(value);
                        }
                    }
                    2 => {
                        group.remove(key);
                        model.remove(&key);
                    }
                    _ => journal = journal.shortened("test").unwrap(),
                }
                journal.commit(&group);
                if step % 7 == 0 {
                    journal = reopened(&journal).unwrap();
                }
                prop_assert_eq!(&contents(&journal), &model);
                let live: usize = journal.index.values().map(|place| journal.size(place)).sum();
                prop_assert_eq!(journal.live, live);
            }
        }
    }
}
