//! Removing content files that nothing names: those of replaced objects, of given-up uploads, and
//! those that a crash left behind. On a thread of its own; starting never waits for it.
//!
//! A file that an earlier run wrote is either named by a row of the contents table, or garbage: a
//! new file always belongs to the present run, so the old runs' folders can be compared with the
//! table at leisure, each run once.

use super::{
    super::{
        StoreError,
        content::ContentId,
        tx::{Table, Walk},
    },
    Dir, Need,
    files::Chore,
};
use std::{
    fs, io,
    ops::Bound,
    path::Path,
    sync::{Arc, Weak},
};

/// Garbage rows dealt with in one transaction.
const BATCH: usize = 1024;

/// Key prefix in the meta table of runs whose folders have not been swept.
pub(super) const RUN_PREFIX: &[u8] = b"run ";

/// The thread.
pub(super) fn run(dir: &Weak<Dir>, files: &super::Files, present: u32) {
    if let Some(dir) = dir.upgrade()
        && let Err(error) = sweep_old_runs(&dir, present)
    {
        tracing::warn!(%error, "could not sweep what an earlier run left");
    }
    loop {
        match files.next_chore() {
            Chore::Stop => return,
            Chore::Remove(abandoned, garbage) => {
                for id in abandoned {
                    if let Err(error) = files.remove_file(id) {
                        tracing::warn!(%error, "could not remove a given-up file");
                    }
                }
                if garbage
                    && let Some(dir) = dir.upgrade()
                    && let Err(error) = collect(&dir)
                {
                    tracing::warn!(%error, "could not remove garbage");
                }
            }
        }
    }
}

/// Removes the files of all garbage rows that no reader holds, and then their rows.
fn collect(dir: &Arc<Dir>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let mut batch = Vec::new();
        dir.read(|tx| {
            tx.scan(Table::Garbage, Bound::Excluded(&after), &mut |key, _| {
                batch.push(key.to_vec());
                Ok(if batch.len() < BATCH {
                    Walk::Next
                } else {
                    Walk::Stop
                })
            })
        })?;
        let Some(last) = batch.last() else {
            return Ok(());
        };
        after.clone_from(last);
        let mut gone = Vec::with_capacity(batch.len());
        for key in batch {
            if let Ok(id) = <[u8; 16]>::try_from(key.as_slice())
                && !dir.files().remove_file(ContentId::from_bytes(id))?
            {
                continue;
            }
            gone.push(key);
        }
        dir.write_blocking(Need::Nothing, move |tx| {
            for key in &gone {
                tx.remove(Table::Garbage, key)?;
            }
            Ok(())
        })?;
    }
}

/// Removes the files of earlier runs that no row names.
fn sweep_old_runs(dir: &Arc<Dir>, present: u32) -> Result<(), StoreError> {
    let mut runs = Vec::new();
    dir.read(|tx| {
        tx.scan(Table::Meta, Bound::Included(RUN_PREFIX), &mut |key, _| {
            let Some(number) = key.strip_prefix(RUN_PREFIX) else {
                return Ok(Walk::Stop);
            };
            if let Ok(number) = number.try_into() {
                runs.push(u32::from_be_bytes(number));
            }
            Ok(Walk::Next)
        })
    })?;
    for run in runs.into_iter().filter(|run| *run != present) {
        sweep_run(dir, run)?;
        dir.write_blocking(Need::Nothing, move |tx| {
            tx.remove(Table::Meta, &[RUN_PREFIX, &run.to_be_bytes()].concat())?;
            Ok(())
        })?;
    }
    Ok(())
}

fn sweep_run(dir: &Arc<Dir>, run: u32) -> Result<(), StoreError> {
    let path = dir.files().run_path(run);
    for folder in entries(&path)? {
        if dir.files().is_stopping() {
            return Err(StoreError::Closed);
        }
        let of_folder = path.join(&folder);
        let Ok(number) = u32::from_str_radix(&folder, 16) else {
            continue;
        };
        for name in entries(&of_folder)? {
            let Ok(random) = u64::from_str_radix(&name, 16) else {
                continue;
            };
            let id = ContentId::of(run, number, random);
            let named = dir.read(|tx| {
                let key = id.to_bytes();
                Ok(tx.get(Table::Contents, &key)?.is_some()
                    || tx.get(Table::Garbage, &key)?.is_some())
            })?;
            if !named {
                dir.files().remove_file(id)?;
            }
        }
        // Fails where files are left, and should.
        let _ = fs::remove_dir(&of_folder);
    }
    let _ = fs::remove_dir(&path);
    Ok(())
}

/// Names in a folder; none when it does not exist.
fn entries(path: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries
            .filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().into_string().ok().map(Ok),
                Err(error) => Some(Err(error)),
            })
            .collect(),
    }
}
