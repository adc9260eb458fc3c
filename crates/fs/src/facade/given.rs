//! Which entries of a directory a reader was given, so that a successor gives it the others and none twice.
//!
//! A successor knows of a directory only what the kernel has looked up, so it reads it anew, perhaps in another order
//! than its predecessor did. It passes over what was given before the offset at which the reader goes on, and counts on
//! from there. Names are remembered as hashes: 8 bytes each, for as long as the directory is open.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::ledger::{Batch, Key, Ledger, Request};
use crate::types::NodeId;

/// One open directory.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct DirRecord {
    pub(super) node: u64,
    /// The number of the request that opened it.
    pub(super) opened_by: u64,
}

/// Entries of one call.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GivenRecord {
    /// The offset of the first.
    at: u64,
    names: Vec<u64>,
}

/// `.` and `..`, which come first and are not remembered.
const DOTS: u64 = 2;
/// So many names are remembered. Who reads on behind them after a takeover may miss some that came or went meanwhile.
const MOST: u64 = 4 << 20;

/// What the reader of one handle was given.
pub(super) struct Given {
    dir: DirRecord,
    /// Names written down since the listing began.
    count: u64,
    /// By former processes, in order.
    before: Vec<u64>,
    resumed: Option<Resumed>,
    /// What the present call gives.
    now: Option<GivenRecord>,
}

/// A listing that goes on.
struct Resumed {
    /// The reader's offset at which it does.
    first: u64,
    hidden: HashSet<u64>,
    /// For each of the reader's offsets from there on, where that is in the listing that is read now.
    places: Vec<u64>,
    /// The reader's next offset, counted from `first`.
    next: usize,
}

impl Given {
    /// Nothing yet, of a directory that the present request opens.
    pub(super) fn new(node: NodeId) -> Self {
        let dir = DirRecord {
            node: node.get(),
            opened_by: Request::current().number,
        };
        Self::restored(dir, Vec::new())
    }

    /// Writes the open directory down.
    pub(super) fn open(&self, handle: u64, ledger: &Ledger) {
        ledger.put(Key::Dir(handle), &self.dir);
    }

    /// What a former process wrote down.
    pub(super) fn restored(dir: DirRecord, records: Vec<GivenRecord>) -> Self {
        let (mut before, mut count) = (Vec::new(), 0);
        for record in records {
            // The kernel asks again for what a program had no room for.
            before.truncate((record.at - DOTS.min(record.at)) as usize);
            count += record.names.len() as u64;
            before.extend(record.names);
        }
        Self {
            dir,
            count,
            before,
            resumed: None,
            now: None,
        }
    }

    /// Where the reader's offset is in the listing that is read now, and whether that begins only now.
    pub(super) fn place(&mut self, offset: u64) -> (u64, bool) {
        if offset < DOTS || self.before.is_empty() {
            self.before = Vec::new();
            self.resumed = None;
            return (offset, false);
        }
        if let Some(resumed) = &mut self.resumed
            && let Some(ahead) = offset.checked_sub(resumed.first)
        {
            resumed.next = (ahead as usize).min(resumed.places.len() - 1);
            return (resumed.places[resumed.next], false);
        }
        let given = self.before.iter().take((offset - DOTS) as usize);
        self.resumed = Some(Resumed {
            first: offset,
            hidden: given.copied().collect(),
            places: vec![DOTS],
            next: 0,
        });
        (DOTS, true)
    }

    /// Whether a former process gave this entry.
    pub(super) fn has(&self, name: &str) -> bool {
        let resumed = self.resumed.as_ref();
        resumed.is_some_and(|resumed| resumed.hidden.contains(&hash(name)))
    }

    /// The reader's offset behind an entry that has `offset` behind it in the listing that is read now.
    pub(super) fn offset(&self, offset: u64) -> u64 {
        match &self.resumed {
            Some(resumed) => resumed.first + resumed.next as u64 + 1,
            None => offset,
        }
    }

    /// The reader took an entry, with these offsets behind it: the reader's, and that of the listing.
    pub(super) fn took(&mut self, name: &str, (offset, place): (u64, u64)) {
        if let Some(resumed) = &mut self.resumed {
            resumed.next += 1;
            resumed.places.truncate(resumed.next);
            resumed.places.push(place);
        }
        if offset <= DOTS || self.count > MOST {
            return;
        }
        let now = self.now.get_or_insert_with(|| GivenRecord {
            at: offset - 1,
            names: Vec::new(),
        });
        now.names.push(hash(name));
    }

    /// Writes down what the call gave.
    pub(super) fn record(&mut self, handle: u64, batch: &mut Batch) {
        if let Some(now) = self.now.take() {
            if now.at <= DOTS {
                // It begins anew: what was given before counts no more.
                batch.put(Key::Dir(handle), &self.dir);
                self.count = 0;
            }
            self.count += now.names.len() as u64;
            batch.add(Key::Dir(handle), &now);
        }
    }
}

/// FNV-1a: the same in every process.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
