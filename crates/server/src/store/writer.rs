//! Staging a content: bytes as they arrive, in bounded memory, to where they will stay.

use super::{
    StoreError,
    backend::Backend,
    content::{ContentId, Extent, INLINE_LIMIT, ONE_REFERENCE, Place},
    dir::FileWriter,
    memory::Segments,
    tx::{Table, WriteTx},
};
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use ossplit_protocol::crc64::Crc64;
use std::sync::Arc;

/// Segments of a content in memory: large enough that a GET of a large object is a few writes.
const SEGMENT: usize = 1 << 20;

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
                let id = ContentId::random();
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
                let id = ContentId::random();
                tx.put(Table::Inline, &id.to_bytes(), bytes)?;
                Ok(vec![extent(Place::Inline, id)])
            }
            StagedBody::Outside(content) => {
                let extents = vec![extent(Place::Outside, content.id)];
                tx.put(
                    Table::Contents,
                    &content.id.to_bytes(),
                    Bytes::from_static(&ONE_REFERENCE),
                )?;
                tx.adopt(content);
                Ok(extents)
            }
        }
    }
}

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
