//! Renames: what moves where, noted on local disk so that the next mount finishes or undoes what a killed process was
//! about. OSS has no rename: each is copies and then deletions, so for a while both names are there.
//!
//! Recovery ([`recover`]) needs deletions alone, which are quick, whatever the number of objects:
//!
//! * While copies were being made, the old name is whole: the copies go.
//! * Once all copies were there, the new name is whole: what is left under the old one goes.
//!
//! It deletes an object only if the other side has the same bytes, and a copy only if it was made while the dead process
//! lived: what others wrote since then stays.

mod exchange;
mod recover;
mod walk;

pub(crate) use exchange::via;
pub(crate) use recover::recover;
pub(crate) use recover::settle;
pub(crate) use walk::Walk;

use crate::journal::{Journal, Place};
use crate::types::UnixNanos;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Records have names that begin so.
const NAME: &str = "ossplit-renames-";
/// How far OSS's clock may be from ours, in nanoseconds.
const SKEW: i64 = 10_000_000_000;
/// Whatever the time of a copy.
pub(crate) const EVER: std::ops::RangeInclusive<i64> = i64::MIN..=i64::MAX;
/// How often a rename under way says that its process lives.
const ALIVE: Duration = Duration::from_secs(1);

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Move {
    /// One object.
    File { from: String, to: String },
    /// All objects below a prefix. `marker`: the new directory had one before.
    Tree {
        from: String,
        to: String,
        marker: bool,
    },
    /// Two objects change places; a third one holds the first meanwhile.
    Exchange {
        one: String,
        other: String,
        via: String,
    },
}

/// One line of the record.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// It begins; the time in Unix seconds.
    Begins { id: u64, at: i64, what: Move },
    /// All copies are there.
    Copied { id: u64 },
    /// It is done or undone.
    Ended { id: u64 },
}

/// The renames of one mount.
#[derive(Debug)]
pub(crate) struct Moves {
    journal: Journal,
    next: AtomicU64,
}

/// One rename under way. Dropped without [`UnderWay::ended`], it stays in the record.
pub(crate) struct UnderWay<'a> {
    moves: &'a Moves,
    id: u64,
}

impl Moves {
    pub(crate) fn new(folder: &Path, of: String) -> Self {
        Self {
            journal: Journal::new(place(folder, of)),
            next: AtomicU64::new(1),
        }
    }

    /// Notes a rename. Without a record it goes on all the same: a full disk must stop no rename.
    pub(crate) fn begins(&self, what: Move, wall: UnixNanos) -> UnderWay<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let at = wall / 1_000_000_000;
        if let Err(error) = self.journal.begins(&Line::Begins { id, at, what }) {
            tracing::warn!(%error, "a rename could not be noted: if this process is killed, it may stay half done");
        }
        UnderWay { moves: self, id }
    }
}

impl UnderWay<'_> {
    /// All copies are there.
    pub(crate) fn copied(&self) {
        let line = Line::Copied { id: self.id };
        if let Err(error) = self.moves.journal.note(&line) {
            tracing::warn!(%error, "the middle of a rename could not be noted");
        }
    }

    /// It is done or undone.
    pub(crate) fn ended(self) {
        self.moves.journal.ends(&Line::Ended { id: self.id });
    }

    /// Does a rename's work, and says now and then that the process lives.
    pub(crate) async fn alive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(ALIVE, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.moves.journal.touch(),
            }
        }
    }
}

fn place(folder: &Path, of: String) -> Place {
    Place {
        folder: folder.to_owned(),
        name: NAME,
        of,
    }
}
