//! Reading a content: a range of it, in chunks.

use super::{
    content::{Extent, slice},
    dir::{FileReader, Files, Pin},
    memory::Segments,
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    fs::File,
    io,
    ops::Range,
    sync::Arc,
    task::{Context, Poll},
};

/// An object's bytes as they were when it was opened: replacing or deleting the object does not
/// change what is read.
pub struct Content(pub(crate) Held);

pub(crate) enum Held {
    /// All of it.
    Bytes(Bytes),
    /// Segments of memory.
    Segments(Vec<(Arc<Segments>, Range<u64>)>),
    /// One open file.
    File(File, Extent, Arc<Files>),
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
