//! The state that outlives the serving process, in memory files that somebody else holds.
//!
//! A process can be killed at any instruction; what it told the kernel must be in these files before the answer is:
//!
//! * **The table** (`ossplit-table`): words that change with every call. Of each inode slot its generation and lookup
//!   count in one word, and the number of the next handle. Changing one is an atomic store.
//! * **The journal** (`ossplit-journal-N`; the table says which N counts): values by [`Key`]. A [`Batch`] of changes
//!   counts as a whole or not at all.
//! * **The arena** (`ossplit-writes`): bytes that programs wrote and OSS does not have yet; records in the journal say which.
//! * **Staging files** (`ossplit-staging-N`): unlinked files in `tmpdir` with what does not fit in memory.
//!
//! What a process does twice because it died in the middle is found by the number of the kernel's [`Request`].
//! Without a vault a ledger keeps nothing and costs a branch.

mod begun;
mod journal;
mod records;
mod request;
mod vault;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::budget::{Budget, Lease, Priority};
use crate::cache::{Arena, Pages, Words};
pub(crate) use begun::{Began, Begun};
use journal::{Group, Journal};
pub(crate) use records::VersionRecord;
pub use request::Request;
pub use vault::{ResumeError, Vault};

/// What the files' first bytes and every record in them mean. A process that reads another version goes on with none.
pub(crate) const VERSION: u32 = 4;

/// `ossplitT`.
const MAGIC: u64 = u64::from_le_bytes(*b"ossplitT");
const TABLE: &str = "ossplit-table";
const JOURNAL: &str = "ossplit-journal-";
const ARENA: &str = "ossplit-writes";
/// Words of the table.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 1;
const AT_JOURNAL: usize = 2;
const AT_HANDLE: usize = 3;
const AT_SLOTS: usize = 4;
const FIRST_SLOT: usize = 64;
/// Words of the table at most: a billion nodes.
const WORDS: u64 = 1 << 30;
/// The budget is asked for memory in steps of this many bytes.
const STEP: u64 = 1 << 20;

fn check_version(found: u64) -> Result<(), ResumeError> {
    if found == u64::from(VERSION) {
        return Ok(());
    }
    Err(ResumeError::Version {
        found: u32::try_from(found).unwrap_or(u32::MAX),
        wanted: VERSION,
    })
}

/// Whether this version of the program can go on with what these files hold. Changes nothing: an upgrade asks while
/// the process that keeps them still serves.
pub fn check<S: std::hash::BuildHasher>(
    files: &HashMap<String, OwnedFd, S>,
) -> Result<(), ResumeError> {
    let table = files.get(TABLE);
    let table = table.ok_or_else(|| ResumeError::Damaged(format!("{TABLE} is missing")))?;
    let mut head = [0; 16];
    rustix::io::pread(table, &mut head, 0).map_err(std::io::Error::from)?;
    let word = |at: usize| {
        let bytes = head[at * 8..at * 8 + 8].try_into();
        u64::from_ne_bytes(bytes.unwrap_or_default())
    };
    if word(AT_MAGIC) != MAGIC {
        return Err(ResumeError::Damaged(format!("{TABLE} is no table")));
    }
    check_version(word(AT_VERSION))
}

/// What a record of the journal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// An inode, by its slot.
    Node(u32),
    /// An open file, by its handle.
    File(u64),
    /// An open directory, by its handle.
    Dir(u64),
    /// A file that is being written, by a number of its own.
    Writer(u64),
    /// That file's upload.
    Upload(u64),
    /// Which bytes that file's staging file has.
    Extents(u64),
    /// A change that began, by its place among the last ones.
    Begun(u64),
}

/// Bits of a packed key below its kind.
const ID_BITS: u32 = 60;

impl Key {
    fn pack(self) -> u64 {
        let (kind, id) = match self {
            Self::Node(slot) => (0, u64::from(slot)),
            Self::File(id) => (1, id),
            Self::Dir(id) => (2, id),
            Self::Writer(id) => (3, id),
            Self::Upload(id) => (4, id),
            Self::Extents(id) => (5, id),
            Self::Begun(id) => (6, id),
        };
        debug_assert!(id >> ID_BITS == 0);
        kind << ID_BITS | id
    }

    fn unpack(packed: u64) -> Option<Self> {
        let id = packed & ((1 << ID_BITS) - 1);
        Some(match packed >> ID_BITS {
            0 => Self::Node(u32::try_from(id).ok()?),
            1 => Self::File(id),
            2 => Self::Dir(id),
            3 => Self::Writer(id),
            4 => Self::Upload(id),
            5 => Self::Extents(id),
            6 => Self::Begun(id),
            _ => return None,
        })
    }
}

/// Changes that count together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Without a ledger nothing is kept.
    on: bool,
    group: Group,
}

impl Batch {
    /// The value of a key is this now.
    pub(crate) fn put(&mut self, key: Key, value: &impl Serialize) {
        if self.on {
            self.group.put(key.pack(), value);
        }
    }

    /// This comes to the value of a key.
    pub(crate) fn add(&mut self, key: Key, value: &impl Serialize) {
        if self.on {
            self.group.add(key.pack(), value);
        }
    }

    /// The key has no value any more.
    pub(crate) fn remove(&mut self, key: Key) {
        if self.on {
            self.group.remove(key.pack());
        }
    }
}

/// The ledger of one mount, or of none. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Option<Arc<Inner>>);

struct Inner {
    vault: Arc<dyn Vault>,
    table: Words,
    budget: Budget,
    journal: Mutex<Open>,
}

struct Open {
    journal: Journal,
    number: u64,
    /// What the budget allowed for the journal. It never stops it: the kernel knows what it knows.
    lease: Option<Lease>,
    /// Said once: the journal is full.
    full: bool,
}

/// What a former process left.
pub(crate) struct Left {
    /// Values by key, each with what was added to it.
    pub(crate) values: HashMap<Key, Vec<Vec<u8>>>,
    /// The memory of written data, if there was any.
    pub(crate) arena: Option<OwnedFd>,
    /// Staging files by name.
    pub(crate) files: HashMap<String, OwnedFd>,
}

impl Ledger {
    /// A ledger with nothing in it.
    pub(crate) fn create(vault: Arc<dyn Vault>, budget: Budget) -> std::io::Result<Self> {
        let table = Words::create(TABLE, WORDS)?;
        let journal = Journal::create(JOURNAL)?;
        vault.hold(&journal_name(0), journal.file())?;
        for (at, word) in [
            (AT_VERSION, u64::from(VERSION)),
            (AT_HANDLE, 1),
            (AT_MAGIC, MAGIC),
        ] {
            if let Some(place) = table.get(at) {
                place.store(word, Ordering::Release);
            }
        }
        vault.hold(TABLE, table.file())?;
        Ok(Self::with(vault, budget, table, (journal, 0)))
    }

    fn with(
        vault: Arc<dyn Vault>,
        budget: Budget,
        table: Words,
        (journal, number): (Journal, u64),
    ) -> Self {
        let mut open = Open {
            journal,
            number,
            lease: None,
            full: false,
        };
        open.lease_enough(&budget);
        Self(Some(Arc::new(Inner {
            vault,
            table,
            budget,
            journal: Mutex::new(open),
        })))
    }

    /// The ledger that a former process left.
    pub(crate) fn open(
        vault: Arc<dyn Vault>,
        budget: Budget,
        mut files: HashMap<String, OwnedFd>,
    ) -> Result<(Self, Left), ResumeError> {
        let missing = |name: &str| ResumeError::Damaged(format!("{name} is missing"));
        let table = Words::open(files.remove(TABLE).ok_or_else(|| missing(TABLE))?)?;
        let word = |at| table.get(at).map_or(0, |word| word.load(Ordering::Acquire));
        if word(AT_MAGIC) != MAGIC {
            return Err(ResumeError::Damaged(format!("{TABLE} is no table")));
        }
        check_version(word(AT_VERSION))?;
        let number = word(AT_JOURNAL);
        let name = journal_name(number);
        let journal = files.remove(&name).ok_or_else(|| missing(&name))?;
        let journal = Journal::open(Pages::open(journal)?)?;
        // A process can die between making a new journal and letting go of the old one.
        files.retain(|name, _| {
            let old = name.starts_with(JOURNAL);
            if old {
                vault.let_go(name);
            }
            !old
        });
        let owned = |values: Vec<&[u8]>| values.into_iter().map(<[u8]>::to_vec).collect();
        let values = journal
            .values()
            .filter_map(|(key, values)| Some((Key::unpack(key)?, owned(values))));
        let left = Left {
            values: values.collect(),
            arena: files.remove(ARENA),
            files,
        };
        Ok((Self::with(vault, budget, table, (journal, number)), left))
    }

    /// Whether anything is kept.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// An empty batch.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            on: self.is_on(),
            group: Group::default(),
        }
    }

    /// Has a batch count from now on, whatever happens to this process, and leaves it empty.
    pub(crate) fn commit(&self, batch: &mut Batch) {
        if let Some(inner) = &self.0
            && !batch.group.is_empty()
        {
            inner.commit(&batch.group);
            batch.group.clear();
        }
    }

    /// A batch of one.
    pub(crate) fn put(&self, key: Key, value: &impl Serialize) {
        let mut batch = self.batch();
        batch.put(key, value);
        self.commit(&mut batch);
    }

    /// A batch of one.
    pub(crate) fn remove(&self, key: Key) {
        let mut batch = self.batch();
        batch.remove(key);
        self.commit(&mut batch);
    }

    /// Has a file outlive this process.
    pub(crate) fn hold(&self, name: &str, file: &OwnedFd) -> std::io::Result<()> {
        match &self.0 {
            Some(inner) => inner.vault.hold(name, file),
            None => Ok(()),
        }
    }

    /// Forgets a file.
    pub(crate) fn let_go(&self, name: &str) {
        if let Some(inner) = &self.0 {
            inner.vault.let_go(name);
        }
    }

    /// Has the memory of written data outlive this process.
    pub(crate) fn hold_arena(&self, arena: &Arena) -> std::io::Result<()> {
        self.hold(ARENA, arena.file())
    }

    fn word(&self, at: usize) -> Option<&AtomicU64> {
        self.0.as_ref()?.table.get(at)
    }

    /// Notes an inode slot's generation and lookup count.
    pub(crate) fn set_slot(&self, slot: u32, generation: u32, lookups: u32) {
        if let Some(word) = self.word(FIRST_SLOT + slot as usize) {
            word.store(
                u64::from(generation) << 32 | u64::from(lookups),
                Ordering::Release,
            );
        }
    }

    /// An inode slot's generation and lookup count.
    pub(crate) fn slot(&self, slot: u32) -> (u32, u32) {
        let word = self.word(FIRST_SLOT + slot as usize);
        let word = word.map_or(0, |word| word.load(Ordering::Acquire));
        ((word >> 32) as u32, word as u32)
    }

    /// Notes how many inode slots there are.
    pub(crate) fn set_slots(&self, count: u64) {
        if let Some(word) = self.word(AT_SLOTS) {
            word.store(count, Ordering::Release);
        }
    }

    /// How many inode slots there are.
    pub(crate) fn slots(&self) -> u64 {
        self.word(AT_SLOTS)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// A number that no process of this mount gave out before; `None` without a ledger.
    pub(crate) fn next_number(&self) -> Option<u64> {
        let word = self.word(AT_HANDLE)?;
        Some(word.fetch_add(1, Ordering::Relaxed))
    }
}

impl Left {
    /// A value of which nothing was added to.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, key: Key) -> Result<Option<T>, ResumeError> {
        let Some(values) = self.values.remove(&key) else {
            return Ok(None);
        };
        let value = values.first().map(Vec::as_slice).unwrap_or_default();
        decode(key, value).map(Some)
    }

    /// All values of a kind, by key.
    pub(crate) fn take_all<T: DeserializeOwned>(
        &mut self,
        of: impl Fn(Key) -> Option<u64>,
    ) -> Result<Vec<(u64, T)>, ResumeError> {
        let keys = self.values.keys();
        let mut keys: Vec<_> = keys.filter_map(|key| Some((of(*key)?, *key))).collect();
        keys.sort_unstable();
        let values = keys.into_iter().filter_map(|(id, key)| {
            let value = self.take(key).transpose()?;
            Some(value.map(|value| (id, value)))
        });
        values.collect()
    }

    /// A value and what was added to it.
    pub(crate) fn take_list<T: DeserializeOwned, A: DeserializeOwned>(
        &mut self,
        key: Key,
    ) -> Result<Option<(T, Vec<A>)>, ResumeError> {
        let Some(values) = self.values.remove(&key) else {
            return Ok(None);
        };
        let mut values = values.iter();
        let Some(first) = values.next() else {
            return Ok(None);
        };
        let added = values.map(|value| decode(key, value));
        Ok(Some((
            decode(key, first)?,
            added.collect::<Result<_, _>>()?,
        )))
    }
}

fn decode<T: DeserializeOwned>(key: Key, bytes: &[u8]) -> Result<T, ResumeError> {
    postcard::from_bytes(bytes)
        .map_err(|error| ResumeError::Damaged(format!("the record of {key:?}: {error}")))
}

fn journal_name(number: u64) -> String {
    format!("{JOURNAL}{number}")
}

impl Inner {
    fn commit(&self, group: &Group) {
        let mut open = self.journal.lock();
        if !open.journal.commit(group) && !open.full {
            open.full = true;
            tracing::error!(
                "the journal of this mount's state is full: a successor will miss what comes"
            );
        }
        if open.journal.is_long()
            && let Err(error) = self.shorten(&mut open)
        {
            tracing::warn!(%error, "the journal of this mount's state could not be shortened");
        }
        open.lease_enough(&self.budget);
    }

    fn shorten(&self, open: &mut Open) -> std::io::Result<()> {
        let number = open.number + 1;
        let next = open.journal.shortened(JOURNAL)?;
        self.vault.hold(&journal_name(number), next.file())?;
        // From this store on the new one counts.
        if let Some(word) = self.table.get(AT_JOURNAL) {
            word.store(number, Ordering::Release);
        }
        self.vault.let_go(&journal_name(open.number));
        open.journal = next;
        open.number = number;
        Ok(())
    }
}

impl Open {
    fn lease_enough(&mut self, budget: &Budget) {
        let wanted = (self.journal.bytes() as u64).next_multiple_of(STEP);
        let held = self.lease.as_ref().map_or(0, Lease::bytes);
        match &mut self.lease {
            Some(lease) if wanted < held => lease.shrink(wanted),
            lease if wanted > held => {
                if let Some(more) = budget.try_lease(Priority::Demand, wanted - held) {
                    match lease {
                        Some(lease) => lease.merge(more),
                        None => *lease = Some(more),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
