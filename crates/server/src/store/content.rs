//! Where bytes are: extents of contents, a writer that stages a new content, a reader of a range.
//!
//! A content is written first and referred to afterwards. Small ones travel inside the metadata
//! transaction; the others are outside the tables (a file, or segments of memory) under a random
//! id, complete and durable before the transaction that makes them visible. A [`Staged`] content
//! that no transaction adopts is removed when dropped.

use super::{
    StoreError,
    backend::Backend,
    dir::{FileReader, FileWriter, Pin},
    memory::Segments,
    tx::{Table, WriteTx},
};
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use ossplit_protocol::crc64::Crc64;
use std::{
    collections::VecDeque,
    fmt,
    fs::File,
    io,
    ops::Range,
    sync::Arc,
    task::{Context, Poll},
};

/// Contents up to this many bytes are kept in the metadata tables: one commit makes them durable,
/// where a file of its own costs two more syncs.
pub(crate) const INLINE_LIMIT: usize = 32 << 10;

/// Segments of a content in memory: large enough that a GET of a large object is a few writes.
const SEGMENT: usize = 1 << 20;

/// Names a content. The upper half says where a directory store looks for it (which run of the
/// server wrote it, and in which folder), the lower half is random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ContentId(u128);

impl ContentId {
    pub(crate) fn new(run: u32, folder: u32) -> Self {
        let random = u128::from(fastrand::u64(..));
        Self((u128::from(run) << 96) | (u128::from(folder) << 64) | random)
    }

    pub(crate) fn run(self) -> u32 {
        (self.0 >> 96) as u32
    }

    pub(crate) fn folder(self) -> u32 {
        (self.0 >> 64) as u32
    }

    pub(crate) fn random_half(self) -> u64 {
        self.0 as u64
    }

    pub(crate) fn of(run: u32, folder: u32, random: u64) -> Self {
        Self((u128::from(run) << 96) | (u128::from(folder) << 64) | u128::from(random))
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Which kind of place holds a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A row of the inline table. An object has either one inline extent or none.
    Inline,
    /// A file, or segments in memory.
    Outside,
}

/// A run of bytes of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) place: Place,
    pub(crate) id: ContentId,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Extent {
    pub(crate) const BYTES: usize = 33;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0] = match self.place {
            Place::Inline => 0,
            Place::Outside => 1,
        };
        out[1..17].copy_from_slice(&self.id.to_bytes());
        out[17..25].copy_from_slice(&self.offset.to_le_bytes());
        out[25..].copy_from_slice(&self.length.to_le_bytes());
        out
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, StoreError> {
        let place = match bytes[0] {
            0 => Place::Inline,
            1 => Place::Outside,
            other => return Err(StoreError::Corrupt(format!("an extent of place {other}"))),
        };
        let word = |at: usize| {
            let mut out = [0; 8];
            out.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(out)
        };
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[1..17]);
        Ok(Self {
            place,
            id: ContentId::from_bytes(id),
            offset: word(17),
            length: word(25),
        })
    }
}

/// The extents that hold `range` of what `extents` hold together.
pub(crate) fn slice(extents: &[Extent], range: &Range<u64>) -> Vec<Extent> {
    let mut out = Vec::new();
    let mut at = 0;
    for extent in extents {
        let (from, to) = (at.max(range.start), (at + extent.length).min(range.end));
        if from < to {
            out.push(Extent {
                offset: extent.offset + (from - at),
                length: to - from,
                ..*extent
            });
        }
        at += extent.length;
        if at >= range.end {
            break;
        }
    }
    out
}

/// Takes bytes as they arrive and stages them as one new content, in bounded memory.
pub struct ContentWriter {
    backend: Backend,
    md5: Md5,
    crc64: Crc64,
    may_inline: bool,
    expected: Option<u64>,
    state: Writing,
}

enum Writing {
    Small(BytesMut),
    Memory { done: Vec<Bytes>, last: BytesMut },
    File(FileWriter),
}

impl ContentWriter {
    /// `expected` is the number of bytes announced, if any; `may_inline` is false where the
    /// content will be one of many (parts).
    pub(crate) fn new(backend: Backend, expected: Option<u64>, may_inline: bool) -> Self {
        let hint = expected.map_or(4096, |n| n.min(INLINE_LIMIT as u64) as usize);
        Self {
            backend,
            md5: Md5::new(),
            crc64: Crc64::new(),
            may_inline,
            expected,
            state: Writing::Small(BytesMut::with_capacity(hint)),
        }
    }

    /// Bytes taken so far.
    pub fn length(&self) -> u64 {
        self.crc64.length()
    }

    /// Takes the next bytes.
    pub async fn write(&mut self, data: &[u8]) -> Result<(), StoreError> {
        self.md5.update(data);
        self.crc64.update(data);
        if let Writing::Small(buffer) = &mut self.state {
            if buffer.len() + data.len() <= INLINE_LIMIT {
                buffer.extend_from_slice(data);
                return Ok(());
            }
            let start = std::mem::take(buffer).freeze();
            self.leave_small(&start).await?;
        }
        self.push(data).await
    }

    async fn leave_small(&mut self, start: &[u8]) -> Result<(), StoreError> {
        self.state = match &self.backend {
            Backend::Memory(_) => Writing::Memory {
                done: Vec::new(),
                last: BytesMut::new(),
            },
            Backend::Dir(dir) => Writing::File(FileWriter::new(Arc::clone(dir))),
        };
        self.push(start).await
    }

    async fn push(&mut self, mut data: &[u8]) -> Result<(), StoreError> {
        // What is still to come, this piece included: an announced size saves memory, and a wrong
        // one costs no more than a segment.
        let to_come = self.expected.map_or(SEGMENT as u64, |expected| {
            (expected + data.len() as u64).saturating_sub(self.crc64.length())
        });
        match &mut self.state {
            Writing::Small(_) => {}
            Writing::File(file) => file.write(data).await?,
            Writing::Memory { done, last } => {
                while !data.is_empty() {
                    if last.capacity() == last.len() {
                        if !last.is_empty() {
                            done.push(std::mem::take(last).freeze());
                        }
                        last.reserve(SEGMENT.min((to_come as usize).max(data.len())));
                    }
                    let take = data.len().min(last.capacity() - last.len());
                    last.extend_from_slice(&data[..take]);
                    data = &data[take..];
                }
            }
        }
        Ok(())
    }

    /// Makes what was written durable, though nothing refers to it yet.
    pub async fn finish(mut self) -> Result<Staged, StoreError> {
        if let Writing::Small(buffer) = &mut self.state
            && !self.may_inline
            && !buffer.is_empty()
        {
            let start = std::mem::take(buffer).freeze();
            self.leave_small(&start).await?;
        }
        let (size, crc64) = (self.crc64.length(), self.crc64.value());
        let body = match self.state {
            Writing::Small(buffer) if buffer.is_empty() => StagedBody::Empty,
            // A copy of the exact size: the buffer may have grown to twice that.
            Writing::Small(buffer) => StagedBody::Inline(Bytes::copy_from_slice(&buffer)),
            Writing::Memory { mut done, last } => {
                if !last.is_empty() {
                    done.push(if last.len() * 2 < last.capacity() {
                        Bytes::copy_from_slice(&last)
                    } else {
                        last.freeze()
                    });
                }
                let id = ContentId::new(0, 0);
                let Backend::Memory(memory) = &self.backend else {
                    return Err(StoreError::Closed);
                };
                memory.keep(id, Segments::new(done));
                StagedBody::Outside(Unadopted::new(id, self.backend.clone()))
            }
            Writing::File(file) => StagedBody::Outside(file.finish().await?),
        };
        Ok(Staged {
            size,
            crc64,
            md5: self.md5.finalize().into(),
            body,
        })
    }
}

/// A content that nothing refers to yet. Dropped, it is removed.
pub struct Staged {
    /// Bytes.
    pub size: u64,
    /// CRC-64 of the bytes.
    pub crc64: u64,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    body: StagedBody,
}

enum StagedBody {
    Empty,
    Inline(Bytes),
    Outside(Unadopted),
}

impl Staged {
    /// The bytes, if they are at hand, else the name of the content that has them.
    pub(crate) fn peek(&self) -> Result<Bytes, ContentId> {
        match &self.body {
            StagedBody::Empty => Ok(Bytes::new()),
            StagedBody::Inline(bytes) => Ok(bytes.clone()),
            StagedBody::Outside(content) => Err(content.id),
        }
    }

    /// Writes the rows that make the content a part of the store, and gives it to `tx`.
    pub(crate) fn adopt(self, tx: &mut dyn WriteTx) -> Result<Vec<Extent>, StoreError> {
        let extent = |place, id| Extent {
            place,
            id,
            offset: 0,
            length: self.size,
        };
        match self.body {
            StagedBody::Empty => Ok(Vec::new()),
            StagedBody::Inline(bytes) => {
                let id = ContentId::new(0, 0);
                tx.put(Table::Inline, &id.to_bytes(), bytes)?;
                Ok(vec![extent(Place::Inline, id)])
            }
            StagedBody::Outside(content) => {
                let extents = vec![extent(Place::Outside, content.id)];
                tx.put(
                    Table::Contents,
                    &content.id.to_bytes(),
                    Bytes::from_static(&ONE),
                )?;
                tx.adopt(content);
                Ok(extents)
            }
        }
    }
}

const ONE: [u8; 4] = 1u32.to_le_bytes();

/// A content outside the tables with no row yet; removed on drop unless a commit adopted it.
pub(crate) struct Unadopted {
    pub(crate) id: ContentId,
    backend: Backend,
    adopted: bool,
}

impl Unadopted {
    pub(crate) fn new(id: ContentId, backend: Backend) -> Self {
        Self {
            id,
            backend,
            adopted: false,
        }
    }

    /// A row names it now.
    pub(crate) fn keep(mut self) {
        self.adopted = true;
    }
}

impl Drop for Unadopted {
    fn drop(&mut self) {
        if !self.adopted {
            self.backend.abandon(self.id);
        }
    }
}

/// Adds a reference to each content of `extents`. Inline contents are not shared but copied; the
/// extents to use are returned.
pub(crate) fn share(tx: &mut dyn WriteTx, extents: &[Extent]) -> Result<Vec<Extent>, StoreError> {
    let mut out = Vec::with_capacity(extents.len());
    for extent in extents {
        let mut extent = *extent;
        match extent.place {
            Place::Inline => {
                let bytes = inline(tx.get(Table::Inline, &extent.id.to_bytes())?, &extent)?;
                extent.id = ContentId::new(0, 0);
                extent.offset = 0;
                tx.put(Table::Inline, &extent.id.to_bytes(), bytes)?;
            }
            Place::Outside => {
                let row = tx.get(Table::Contents, &extent.id.to_bytes())?;
                let count = references(row.as_deref())? + 1;
                tx.put(
                    Table::Contents,
                    &extent.id.to_bytes(),
                    Bytes::copy_from_slice(&count.to_le_bytes()),
                )?;
            }
        }
        out.push(extent);
    }
    Ok(out)
}

/// Takes back a reference to each content of `extents`.
pub(crate) fn release(tx: &mut dyn WriteTx, extents: &[Extent]) -> Result<(), StoreError> {
    for extent in extents {
        let key = extent.id.to_bytes();
        match extent.place {
            Place::Inline => {
                tx.remove(Table::Inline, &key)?;
            }
            Place::Outside => match references(tx.get(Table::Contents, &key)?.as_deref())? {
                0 | 1 => {
                    tx.remove(Table::Contents, &key)?;
                    tx.discard(extent.id)?;
                }
                more => tx.put(
                    Table::Contents,
                    &key,
                    Bytes::copy_from_slice(&(more - 1).to_le_bytes()),
                )?,
            },
        }
    }
    Ok(())
}

fn references(row: Option<&[u8]>) -> Result<u32, StoreError> {
    let row = row.ok_or_else(|| StoreError::Corrupt("an extent of no content".to_owned()))?;
    row.try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| StoreError::Corrupt("a reference count cut short".to_owned()))
}

/// The bytes of an inline extent, from its row.
pub(crate) fn inline(row: Option<Bytes>, extent: &Extent) -> Result<Bytes, StoreError> {
    let (from, to) = (
        extent.offset as usize,
        (extent.offset + extent.length) as usize,
    );
    row.filter(|row| to <= row.len())
        .map(|row| row.slice(from..to))
        .ok_or_else(|| StoreError::Corrupt("an inline extent without its bytes".to_owned()))
}

/// An object's bytes as they were when it was opened: replacing or deleting the object does not
/// change what is read.
pub struct Content(pub(crate) Held);

pub(crate) enum Held {
    /// All of it.
    Bytes(Bytes),
    /// Segments of memory.
    Segments(Vec<(Arc<Segments>, Range<u64>)>),
    /// One open file.
    File(File, Extent, Arc<super::dir::Files>),
    /// Many files, kept from being removed.
    Files(Pin, Vec<Extent>),
}

impl Content {
    /// Reads `range`, which must lie inside the object.
    pub fn read(self, range: Range<u64>) -> ContentReader {
        let reading = match self.0 {
            Held::Bytes(bytes) => {
                let (from, to) = (range.start as usize, range.end as usize);
                let bytes = bytes.slice(from.min(bytes.len())..to.min(bytes.len()));
                Reading::Ready(VecDeque::from([bytes]))
            }
            Held::Segments(held) => {
                let mut chunks = VecDeque::new();
                let mut at = 0;
                for (segments, span) in held {
                    let length = span.end - span.start;
                    let (from, to) = (at.max(range.start), (at + length).min(range.end));
                    if from < to {
                        let shift = span.start;
                        segments.slice(&(shift + from - at..shift + to - at), &mut chunks);
                    }
                    at += length;
                }
                Reading::Ready(chunks)
            }
            Held::File(file, extent, files) => {
                Reading::Files(FileReader::of_open(&files, file, slice(&[extent], &range)))
            }
            Held::Files(pin, extents) => {
                Reading::Files(FileReader::of_pinned(pin, slice(&extents, &range)))
            }
        };
        ContentReader {
            remaining: range.end - range.start,
            reading,
        }
    }
}

/// Gives the bytes of a range in order, in chunks, reading one chunk ahead where it reads a file.
pub struct ContentReader {
    remaining: u64,
    reading: Reading,
}

enum Reading {
    Ready(VecDeque<Bytes>),
    Files(FileReader),
}

impl ContentReader {
    /// A reader of bytes that are at hand.
    pub fn of_bytes(bytes: Bytes) -> Self {
        Self {
            remaining: bytes.len() as u64,
            reading: Reading::Ready(VecDeque::from([bytes])),
        }
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next chunk; `None` at the end.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let chunk = match &mut self.reading {
            Reading::Ready(chunks) => chunks.pop_front().map(Ok),
            Reading::Files(reader) => std::task::ready!(reader.poll_chunk(cx)),
        };
        match chunk {
            Some(Ok(chunk)) if chunk.len() as u64 <= self.remaining => {
                self.remaining -= chunk.len() as u64;
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            _ => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the content has another length than its record says",
            )))),
        }
    }

    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_cuts_the_first_and_the_last_extent() {
        let extent = |offset, length| Extent {
            place: Place::Outside,
            id: ContentId::of(1, 2, 3),
            offset,
            length,
        };
        let extents = [extent(5, 10), extent(0, 10), extent(0, 10)];
        assert_eq!(slice(&extents, &(0..30)), extents);
        assert_eq!(slice(&extents, &(8..12)), [extent(13, 2), extent(0, 2)]);
        assert_eq!(slice(&extents, &(10..20)), [extent(0, 10)]);
        assert_eq!(slice(&extents, &(4..4)), []);
        assert_eq!(
            Extent::from_bytes(extents[0].to_bytes()).unwrap(),
            extents[0]
        );
    }
}
