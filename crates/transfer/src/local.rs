//! Local files, off the async threads.

use crate::{Error, Result, UploadSource};
use bytes::Bytes;
use ossplit::crc64::Crc64;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, Metadata, TryLockError},
    io,
    ops::Range,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Runs what waits for a disk.
pub(crate) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(run)
        .await
        .map_err(|_| Error::Interrupted)?
}

/// By what a changed file is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) size: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    mtime: (i64, i64),
}

impl Identity {
    fn of(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            inode: meta.ino(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    bytes: SourceBytes,
    /// Empty for bytes in memory.
    pub(crate) path: Arc<Path>,
    pub(crate) identity: Identity,
}

#[derive(Debug, Clone)]
enum SourceBytes {
    File(Arc<File>),
    Memory(Arc<[Bytes]>),
}

impl Source {
    pub(crate) async fn open(source: UploadSource) -> Result<Self> {
        match source {
            UploadSource::File(path) => Self::open_file(path).await,
            UploadSource::Memory(pieces) => Ok(Self {
                identity: Identity {
                    size: pieces.iter().map(|piece| piece.len() as u64).sum(),
                    inode: 0,
                    mtime: (0, 0),
                },
                bytes: SourceBytes::Memory(pieces.into()),
                path: Path::new("").into(),
            }),
        }
    }

    async fn open_file(path: PathBuf) -> Result<Self> {
        blocking(move || {
            let open = || {
                let file = File::open(&path)?;
                let meta = file.metadata()?;
                if !meta.is_file() {
                    return Err(io::Error::other("it is not a regular file"));
                }
                Ok((file, Identity::of(&meta)))
            };
            let (file, identity) = open().map_err(|e| Error::file("read", &path, e))?;
            Ok(Self {
                bytes: SourceBytes::File(Arc::new(file)),
                path: path.into(),
                identity,
            })
        })
        .await
    }

    /// These bytes.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Vec<Bytes>> {
        let (file, path) = match &self.bytes {
            SourceBytes::File(file) => (file.clone(), self.path.clone()),
            SourceBytes::Memory(pieces) => return Ok(cut(pieces, range)),
        };
        blocking(move || {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            match file.read_exact_at(&mut bytes, range.start) {
                Ok(()) => Ok(vec![bytes.into()]),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Err(Error::FileChanged(path.to_path_buf()))
                }
                Err(error) => Err(Error::file("read", &path, error)),
            }
        })
        .await
    }

    /// Fails if the file is no longer what it was when it was opened.
    pub(crate) async fn is_unchanged(&self) -> Result<()> {
        let SourceBytes::File(file) = &self.bytes else {
            return Ok(());
        };
        let (file, this) = (file.clone(), self.clone());
        blocking(move || {
            let now = file.metadata();
            let now = now.map_err(|e| Error::file("read", &this.path, e))?;
            if Identity::of(&now) == this.identity {
                Ok(())
            } else {
                Err(Error::FileChanged(this.path.to_path_buf()))
            }
        })
        .await
    }
}

/// The bytes of `range` of pieces that follow one another, without a copy.
fn cut(pieces: &[Bytes], range: Range<u64>) -> Vec<Bytes> {
    let (mut at, mut out) = (0, Vec::new());
    for piece in pieces {
        let end = at + piece.len() as u64;
        let (from, to) = (range.start.max(at), range.end.min(end));
        if from < to {
            out.push(piece.slice((from - at) as usize..(to - at) as usize));
        }
        at = end;
    }
    out
}

/// A file that is being received under another name, beside the one that it will have.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    file: Arc<File>,
    temporary: Arc<Path>,
    path: Arc<Path>,
}

impl Target {
    /// Opens the unfinished file, for this transfer alone.
    pub(crate) async fn open(path: PathBuf, temporary: PathBuf) -> Result<Self> {
        blocking(move || {
            loop {
                let file = File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&temporary)
                    .map_err(|e| Error::file("write", &temporary, e))?;
                file.try_lock().map_err(|error| match error {
                    TryLockError::WouldBlock => Error::Busy(path.clone()),
                    TryLockError::Error(error) => Error::file("lock", &temporary, error),
                })?;
                // Another download may have given this very file its name between the open and the lock.
                if is_at(&file, &temporary) {
                    return Ok(Self {
                        file: Arc::new(file),
                        temporary: temporary.into(),
                        path: path.into(),
                    });
                }
            }
        })
        .await
    }

    /// Gives the file this many bytes, all of them unknown as yet.
    pub(crate) async fn set_size(&self, size: u64) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            this.file
                .set_len(0)
                .and_then(|()| this.file.set_len(size))
                .map_err(|e| Error::file("write", &this.temporary, e))
        })
        .await
    }

    pub(crate) async fn write(&self, chunks: Vec<Bytes>, mut at: u64) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            for chunk in chunks {
                this.file
                    .write_all_at(&chunk, at)
                    .map_err(|e| Error::file("write", &this.temporary, e))?;
                at += chunk.len() as u64;
            }
            Ok(())
        })
        .await
    }

    /// CRC64 of these bytes as they are on disk; `None` if the file does not hold them.
    pub(crate) async fn crc64(&self, range: Range<u64>) -> Result<Option<u64>> {
        let this = self.clone();
        blocking(move || {
            let mut sum = Crc64::new();
            let mut buffer = vec![0; 1 << 20];
            let mut at = range.start;
            while at < range.end {
                let length = ((range.end - at) as usize).min(buffer.len());
                if this.file.read_exact_at(&mut buffer[..length], at).is_err() {
                    return Ok(None);
                }
                sum.update(&buffer[..length]);
                at += length as u64;
            }
            Ok(Some(sum.value()))
        })
        .await
    }

    /// Gives the file its name, once it is on disk.
    pub(crate) async fn publish(&self) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            let publish = || {
                this.file.sync_all()?;
                std::fs::rename(&this.temporary, &this.path)?;
                let folder = this.path.parent().filter(|f| !f.as_os_str().is_empty());
                File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
            };
            publish().map_err(|e| Error::file("write", &this.path, e))
        })
        .await
    }

    /// Removes the unfinished file.
    pub(crate) fn remove(&self) {
        if let Err(error) = std::fs::remove_file(&self.temporary) {
            tracing::warn!(%error, path = %self.temporary.display(), "an unfinished file can't be removed");
        }
    }
}

/// Whether the open file is the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let inode = |meta: Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => inode(open) == inode(there),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_pieces_is_cut_where_it_begins_and_ends() {
        let pieces = ["abc", "", "defg", "h"].map(Bytes::from);
        let whole = b"abcdefgh";
        for start in 0..=8_usize {
            for end in start..=8 {
                let cut = cut(&pieces, start as u64..end as u64).concat();
                assert_eq!(cut, whole[start..end], "{start}..{end}");
            }
        }
    }
}
