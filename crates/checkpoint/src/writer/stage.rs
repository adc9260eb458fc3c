//! Staging: a snapshot of what is saved, so that training may go on and change it.
//!
//! * A *reflink* (`FICLONE`) shares the blocks of the file until one side writes; nothing is copied, and nothing can change it.
//! * A *hard link* is another name of the same file: what is written into the file later is in the snapshot too. It is made
//!   only when the caller says so, for files that are never rewritten in place (written under another name and renamed, or
//!   never opened again). A change that happens all the same is found before the commit, which then fails.
//! * A *copy* in memory or on disk is made of everything else.

use super::{
    copy::copy,
    pool::{Chunk, Pool},
    record::{Folder, Place, Seen, Staged},
};
use crate::{Error, Result, layout::check_name};
use bytes::Bytes;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// How a save's files are kept from changing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Staging {
    /// Files by reflink where the file system has it; else all of the save in memory if there is room, else by a copy on disk.
    #[default]
    Auto,
    /// By reflink; fails where the file system has none.
    Reflink,
    /// By hard link: only for files that are never rewritten in place. Bytes in memory are copied to disk.
    HardLink,
    /// By a copy on disk, which survives the process.
    Copy,
    /// By a copy in memory, which does not.
    Memory,
}

/// The bytes of an item.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// Of this file.
    File(PathBuf),
    /// These, one piece after another.
    Bytes(Vec<&'a [u8]>),
}

/// A file of a checkpoint to be.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// Path within the checkpoint, with `/` between folders.
    pub name: String,
    /// Its bytes.
    pub content: Content<'a>,
}

impl<'a> Item<'a> {
    /// Bytes in memory under a name.
    pub fn bytes(name: impl Into<String>, bytes: &'a [u8]) -> Self {
        let (name, content) = (name.into(), Content::Bytes(vec![bytes]));
        Self { name, content }
    }

    /// All regular files below a folder, by name; or the one file that `path` is. Symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::File`] for what can't be read or is neither file nor folder, [`Error::Name`], [`Error::Empty`].
    pub fn folder(path: &Path) -> Result<Vec<Self>> {
        let mut items = Vec::new();
        let meta = fs::metadata(path).map_err(|e| Error::file("read", path, e))?;
        if meta.is_file() {
            let name = path.file_name().unwrap_or_default();
            items.push(Self::file(&name.to_string_lossy(), path));
        } else {
            walk(path, "", &mut items)?;
        }
        if items.is_empty() {
            return Err(Error::Empty(path.display().to_string()));
        }
        Ok(items)
    }

    /// A file under a name.
    pub fn file(name: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::File(path.into()),
        }
    }
}

fn walk(folder: &Path, name: &str, items: &mut Vec<Item<'_>>) -> Result<()> {
    let fault = |path: &Path, e| Error::file("read", path, e);
    let entries = fs::read_dir(folder).map_err(|e| fault(folder, e))?;
    let mut entries: Vec<_> = entries
        .collect::<io::Result<_>>()
        .map_err(|e| fault(folder, e))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(own) = path.file_name().and_then(|n| n.to_str()) else {
            return Err(Error::Name {
                name: path.to_string_lossy().into_owned(),
                why: "it is not UTF-8",
            });
        };
        let name = if name.is_empty() {
            own.to_owned()
        } else {
            format!("{name}/{own}")
        };
        let meta = fs::metadata(&path).map_err(|e| fault(&path, e))?;
        if meta.is_dir() {
            walk(&path, &name, items)?;
        } else if meta.is_file() {
            items.push(Item::file(&name, path));
        } else {
            let error = io::Error::other("it is neither a file nor a folder");
            return Err(fault(&path, error));
        }
    }
    Ok(())
}

/// Stages all items. On failure nothing of them is left in `folder`: its owner removes it.
pub(super) fn stage(
    items: &[Item<'_>],
    how: Staging,
    folder: &Folder,
    pool: &Pool,
) -> Result<Vec<Staged>> {
    let mut names = BTreeSet::new();
    for item in items {
        check_name(&item.name)?;
        if !names.insert(&item.name) {
            return Err(Error::Name {
                name: item.name.clone(),
                why: "two files have this name",
            });
        }
    }
    if items.is_empty() {
        return Err(Error::Empty("the save".into()));
    }
    let mut sources = Vec::new();
    for item in items {
        sources.push(Source::open(item)?);
    }
    let linked = match how {
        Staging::Reflink => Some(link(&sources, folder, reflink)?),
        Staging::HardLink => Some(link(&sources, folder, |file, to| {
            fs::hard_link(&file.path, to)
        })?),
        // One file without a reflink, or bytes, which have none: the whole save is copied, since it takes that time anyway.
        Staging::Auto if all_files(&sources) => link(&sources, folder, reflink).ok(),
        Staging::Auto | Staging::Copy | Staging::Memory => None,
    };
    if let Some(staged) = linked {
        return Ok(staged);
    }
    if how != Staging::Copy {
        let sizes: Vec<u64> = sources.iter().map(Source::size).collect();
        match pool.take(&sizes) {
            Ok(chunks) => return in_memory(&sources, chunks),
            Err(used) if how == Staging::Memory => {
                let (needed, limit) = (sizes.iter().sum(), pool.limit());
                return Err(Error::MemoryLimit {
                    needed,
                    limit,
                    used,
                });
            }
            Err(_) => {}
        }
    }
    on_disk(&sources, folder)
}

fn all_files(sources: &[Source<'_>]) -> bool {
    sources
        .iter()
        .all(|source| matches!(source.content, Opened::File(_)))
}

/// An item that is open, so that it can't become another file while it is staged.
struct Source<'a> {
    name: &'a str,
    content: Opened<'a>,
}

enum Opened<'a> {
    File(OpenFile),
    Bytes(&'a [&'a [u8]]),
}

struct OpenFile {
    path: PathBuf,
    file: File,
    seen: Seen,
}

impl<'a> Source<'a> {
    fn open(item: &'a Item<'_>) -> Result<Self> {
        let content = match &item.content {
            Content::Bytes(pieces) => Opened::Bytes(pieces),
            Content::File(path) => {
                let open = || {
                    let path = std::path::absolute(path)?;
                    let file = File::open(&path)?;
                    let seen = Seen::of(&file.metadata()?);
                    Ok(OpenFile { path, file, seen })
                };
                Opened::File(open().map_err(|e| Error::file("read", path, e))?)
            }
        };
        Ok(Self {
            name: &item.name,
            content,
        })
    }

    fn size(&self) -> u64 {
        match &self.content {
            Opened::File(file) => file.seen.size,
            Opened::Bytes(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
        }
    }

    fn staged(&self, place: Place) -> Staged {
        Staged {
            name: self.name.to_owned(),
            size: self.size(),
            place,
        }
    }
}

impl OpenFile {
    /// Fails if the file was written to since it was opened.
    fn check(&self) -> Result<()> {
        let now = self.file.metadata();
        let now = now.map_err(|e| Error::file("read", &self.path, e))?;
        if Seen::of(&now) == self.seen {
            Ok(())
        } else {
            Err(Error::FileChanged(self.path.clone()))
        }
    }
}

/// Stages files by a link of some kind, and bytes by a copy on disk.
fn link(
    sources: &[Source<'_>],
    folder: &Folder,
    link: impl Fn(&OpenFile, &Path) -> io::Result<()>,
) -> Result<Vec<Staged>> {
    let mut staged = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let Opened::File(file) = &source.content else {
            let one = on_disk_one(source, folder, number);
            staged.push(one.map_err(|e| or_full(e, sources, folder))?);
            continue;
        };
        let to = folder.file(number);
        if let Err(error) = link(file, &to) {
            (0..=number).for_each(|number| drop(fs::remove_file(folder.file(number))));
            let error = Error::file("link into the staging folder", &file.path, error);
            return Err(or_full(error, sources, folder));
        }
        // A reflink has an inode of its own, a hard link that of the file.
        let meta = fs::metadata(&to).map_err(|e| Error::file("stage", &to, e))?;
        let seen = Seen::of(&meta);
        if seen.size != file.seen.size {
            return Err(Error::FileChanged(file.path.clone()));
        }
        staged.push(source.staged(Place::Disk { path: to, seen }));
    }
    Ok(staged)
}

fn reflink(file: &OpenFile, to: &Path) -> io::Result<()> {
    let new = File::create_new(to)?;
    rustix::fs::ioctl_ficlone(&new, &file.file)?;
    Ok(())
}

/// Bytes that take much longer to copy than a thread takes to start.
const WORTH_A_THREAD: u64 = 8 << 20;

/// Threads that may copy at once. Looked up once: the answer takes reading several files of the cgroup's.
static CORES: LazyLock<u64> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| n.get().min(4) as u64));

/// Copies all sources into memory, on several threads where that pays.
fn in_memory(sources: &[Source<'_>], mut chunks: Vec<Vec<Chunk>>) -> Result<Vec<Staged>> {
    let mut tasks = Vec::new();
    for (source, chunks) in sources.iter().zip(&mut chunks) {
        let mut at = 0;
        for chunk in chunks {
            let start = at;
            at += chunk.as_ref().len() as u64;
            tasks.push((source, start, chunk));
        }
    }
    let bytes: u64 = sources.iter().map(Source::size).sum();
    let threads = match bytes / WORTH_A_THREAD {
        0 | 1 => 1,
        threads => threads.min(*CORES) as usize,
    };
    let share = tasks.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let mut tasks = tasks;
        let mut running = Vec::new();
        while tasks.len() > share {
            let mine = tasks.split_off(tasks.len() - share);
            running.push(scope.spawn(move || fill(mine)));
        }
        let here = fill(tasks);
        for thread in running {
            thread.join().map_err(|_| Error::Interrupted)??;
        }
        here
    })?;
    let staged = sources.iter().zip(chunks).map(|(source, chunks)| {
        let original = match &source.content {
            Opened::File(file) => {
                file.check()?;
                Some((file.path.clone(), file.seen.clone()))
            }
            Opened::Bytes(_) => None,
        };
        let pieces = chunks.into_iter().map(Bytes::from_owner).collect();
        Ok(source.staged(Place::Memory { pieces, original }))
    });
    staged.collect()
}

fn fill(tasks: Vec<(&Source<'_>, u64, &mut Chunk)>) -> Result<()> {
    for (source, start, chunk) in tasks {
        match &source.content {
            Opened::Bytes(pieces) => copy_out(pieces, start, chunk.as_mut()),
            Opened::File(file) => match file.file.read_exact_at(chunk.as_mut(), start) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Error::FileChanged(file.path.clone()));
                }
                Err(error) => return Err(Error::file("read", &file.path, error)),
            },
        }
    }
    Ok(())
}

/// Fills `to` with the bytes from `start` on of pieces that follow one another.
fn copy_out(pieces: &[&[u8]], start: u64, to: &mut [u8]) {
    let (mut at, mut done) = (0, 0);
    for piece in pieces {
        let from = (start + done as u64).saturating_sub(at);
        if from < piece.len() as u64 && done < to.len() {
            let piece = &piece[from as usize..];
            let length = piece.len().min(to.len() - done);
            copy(&piece[..length], &mut to[done..done + length]);
            done += length;
        }
        at += piece.len() as u64;
    }
}

fn on_disk(sources: &[Source<'_>], folder: &Folder) -> Result<Vec<Staged>> {
    let all = sources.iter().enumerate();
    let staged: Result<_> = all
        .map(|(number, source)| on_disk_one(source, folder, number))
        .collect();
    staged.map_err(|error| or_full(error, sources, folder))
}

/// What staging failed with; of a full disk, what would be needed.
fn or_full(error: Error, sources: &[Source<'_>], folder: &Folder) -> Error {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    match &error {
        Error::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded) => {
            folder.full(sources.iter().map(Source::size).sum())
        }
        _ => error,
    }
}

fn on_disk_one(source: &Source<'_>, folder: &Folder, number: usize) -> Result<Staged> {
    let path = folder.file(number);
    let write = || {
        let mut to = File::create(&path)?;
        match &source.content {
            Opened::File(file) => {
                io::copy(&mut &file.file, &mut to)?;
            }
            Opened::Bytes(pieces) => {
                for piece in *pieces {
                    to.write_all(piece)?;
                }
            }
        }
        Ok(Seen::of(&to.metadata()?))
    };
    let seen = write().map_err(|e| Error::file("stage", &path, e))?;
    if let Opened::File(file) = &source.content {
        file.check()?;
    }
    Ok(source.staged(Place::Disk { path, seen }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_copied_out_from_anywhere() {
        let pieces: [&[u8]; 4] = [b"abc", b"", b"defg", b"h"];
        for start in 0..8_usize {
            for end in start..=8 {
                let mut to = vec![0; end - start];
                copy_out(&pieces, start as u64, &mut to);
                assert_eq!(to, b"abcdefgh"[start..end]);
            }
        }
    }
}
