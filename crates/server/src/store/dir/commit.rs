//! The one writer of the metadata: a thread that runs what waits in one transaction and syncs once
//! for all of it, so that many concurrent PUTs share a commit.

use super::{
    super::{
        StoreError,
        content::ContentId,
        tx::{ReadTx, Table, Visit, Walk, WriteTx},
        writer::Unadopted,
    },
    Dir,
};
use bytes::Bytes;
use redb::{ReadableTable as _, TableDefinition, WriteTransaction};
use std::{
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Weak, atomic::Ordering},
};
use tokio::sync::mpsc;

/// Writes that share a transaction at most.
const GROUP: usize = 256;

/// Writes that may wait; further ones wait to wait.
pub(super) const QUEUE: usize = 1024;

/// Whether a write needs room on the disk: writes that do are refused before the disk is so full
/// that removing things, which needs a little room as well, would fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It adds something.
    Room,
    /// It only removes.
    Nothing,
}

/// Tells a waiting writer how the commit went.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What the job's own run gave: its reply, and the error that spoils the whole transaction if the
/// tables failed.
pub(super) type Ran = (Reply, Option<StoreError>);

/// A write that waits.
pub(super) struct Job {
    pub(super) need: Need,
    pub(super) run: Box<dyn FnOnce(&mut Writing<'_>) -> Ran + Send>,
    /// Says no without running.
    pub(super) refuse: Box<dyn FnOnce(StoreError) + Send>,
}

pub(super) fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

type Rows<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// The write transaction as the rules see it.
pub(super) struct Writing<'t> {
    tables: Vec<Rows<'t>>,
    adopted: Vec<Unadopted>,
    garbage: bool,
}

impl<'t> Writing<'t> {
    fn new(txn: &'t WriteTransaction) -> Result<Self, StoreError> {
        let tables = Table::ALL
            .iter()
            .map(|table| txn.open_table(definition(*table)).map_err(failed))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tables,
            adopted: Vec::new(),
            garbage: false,
        })
    }

    fn table(&self, table: Table) -> &Rows<'t> {
        &self.tables[table as usize]
    }

    fn table_mut(&mut self, table: Table) -> &mut Rows<'t> {
        &mut self.tables[table as usize]
    }
}

/// Visits a range of a redb table, of a reader's or a writer's kind.
pub(super) fn scan<T>(
    table: &T,
    from: Bound<&[u8]>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError>
where
    T: redb::ReadableTable<&'static [u8], &'static [u8]>,
{
    let mut range = table
        .range::<&[u8]>((from, Bound::Unbounded))
        .map_err(failed)?;
    while let Some(entry) = range.next() {
        let (key, value) = entry.map_err(failed)?;
        match visit(key.value(), value.value())? {
            Walk::Next => {}
            Walk::Seek(to) => range = table.range::<&[u8]>(to.as_slice()..).map_err(failed)?,
            Walk::Stop => break,
        }
    }
    Ok(())
}

impl ReadTx for Writing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let row = self.table(table).get(key).map_err(failed)?;
        Ok(row.map(|row| Bytes::copy_from_slice(row.value())))
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        scan(self.table(table), from, visit)
    }
}

impl WriteTx for Writing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError> {
        self.table_mut(table)
            .insert(key, value.as_ref())
            .map_err(failed)?;
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        let old = self.table_mut(table).remove(key).map_err(failed)?;
        Ok(old.is_some())
    }

    fn discard(&mut self, id: ContentId) -> Result<(), StoreError> {
        self.garbage = true;
        self.put(Table::Garbage, &id.to_bytes(), Bytes::new())
    }

    fn adopt(&mut self, content: Unadopted) {
        self.adopted.push(content);
    }
}

/// What a failure of the tables is called here.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => error.into(),
        redb::Error::PreviousIo => StoreError::Io(std::io::Error::other("an earlier failure")),
        other => StoreError::Corrupt(other.to_string()),
    }
}

/// The same cause, for another waiter.
pub(super) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Closed => StoreError::Closed,
        StoreError::Io(error) => {
            StoreError::Io(std::io::Error::new(error.kind(), error.to_string()))
        }
        other => StoreError::Corrupt(other.to_string()),
    }
}

/// The thread: ends when the store and all its writers are gone.
pub(super) fn run(dir: &Weak<Dir>, jobs: &mut mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = jobs.blocking_recv() {
        group.push(first);
        while group.len() < GROUP {
            let Ok(next) = jobs.try_recv() else { break };
            group.push(next);
        }
        match dir.upgrade() {
            // A rule that panics must not take the thread with it: its own writer and those of
            // its transaction are refused, as their answers are dropped, and others go on.
            Some(dir) => {
                let all = group.drain(..);
                let done = catch_unwind(AssertUnwindSafe(|| commit(&dir, all)));
                if done.is_err() {
                    tracing::error!("a metadata commit panicked");
                    dir.reopen();
                }
            }
            None => group
                .drain(..)
                .for_each(|job| (job.refuse)(StoreError::Closed)),
        }
    }
}

/// Runs a group in one transaction and answers each of its writers.
fn commit(dir: &Dir, group: impl Iterator<Item = Job>) {
    let group: Vec<Job> = group.collect();
    let full = dir.is_nearly_full()
        && !(group.iter().any(|job| job.need == Need::Room) && dir.regain_room());
    let (refused, jobs): (Vec<_>, Vec<_>) = group
        .into_iter()
        .partition(|job| full && job.need == Need::Room);
    for job in refused {
        (job.refuse)(StoreError::Full);
    }
    if jobs.is_empty() {
        return;
    }
    let removes = jobs.iter().any(|job| job.need == Need::Nothing);
    let mut replies: Vec<Reply> = Vec::with_capacity(jobs.len());
    let done = attempt(dir, jobs, &mut replies);
    if let Err(error) = &done {
        tracing::error!(%error, "a metadata commit failed");
        dir.reopen();
    }
    if removes {
        dir.removed.store(true, Ordering::Relaxed);
    }
    for reply in replies {
        reply(done.as_ref().map(|_| ()).map_err(again));
    }
    if done.is_ok_and(|garbage| garbage) {
        dir.files().garbage_is_out();
    }
}

/// Commits; whether there is garbage now.
fn attempt(dir: &Dir, jobs: Vec<Job>, replies: &mut Vec<Reply>) -> Result<bool, StoreError> {
    let mut spoiled = None;
    let database = dir.database();
    let began = match database.as_ref() {
        Some(database) => database.begin_write().map_err(failed),
        None => Err(StoreError::Closed),
    };
    let txn = match began {
        Ok(txn) => txn,
        Err(error) => {
            for job in jobs {
                (job.refuse)(again(&error));
            }
            return Err(error);
        }
    };
    let (adopted, garbage) = {
        let mut writing = match Writing::new(&txn) {
            Ok(writing) => writing,
            Err(error) => {
                for job in jobs {
                    (job.refuse)(again(&error));
                }
                return Err(error);
            }
        };
        for job in jobs {
            if let Some(error) = &spoiled {
                (job.refuse)(again(error));
                continue;
            }
            let (reply, failure) = (job.run)(&mut writing);
            replies.push(reply);
            spoiled = failure;
        }
        (writing.adopted, writing.garbage)
    };
    if let Some(error) = spoiled {
        // Dropping what was adopted gives the files up.
        drop(adopted);
        let _ = txn.abort();
        return Err(error);
    }
    dir.files()
        .sync_folders(adopted.iter().map(|content| content.id))?;
    let committed = txn.commit().map_err(failed);
    // Even a commit that failed may be on disk, so the files stay: if no row names them, the next
    // start sweeps them away.
    for content in adopted {
        content.keep();
    }
    committed.map(|()| garbage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_refuses_its_own_writers_and_the_next_write_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let panics = dir.write::<(), _>(Need::Nothing, |_| panic!("on purpose"));
        let refused = tokio::time::timeout(Duration::from_secs(10), panics).await;
        let refused = refused.expect("its writer is told");
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
        let put = dir.write(Need::Room, |tx| {
            tx.put(Table::Inline, b"after", Bytes::from_static(b"x"))
        });
        put.await.unwrap();
        let kept = dir.read(|tx| tx.get(Table::Inline, b"after")).unwrap();
        assert_eq!(kept.as_deref(), Some(&b"x"[..]));
        dir.close();
    }
}
