//! Receive buffers, and the payload of a WRITE that can leave with its buffer.

#![allow(unsafe_code)]

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use super::copies::{Copies, Slot};
use crate::abi::{HEADER_ROOM, MIN_READ_BUFFER, PAGE_SIZE, WRITE_PAYLOAD_OFFSET};

/// Spare receive buffers, kept so that taking a payload over does not mean mapping fresh memory.
#[derive(Debug)]
pub(crate) struct BufferPool {
    /// Bytes that one request may take.
    len: usize,
    /// Most buffers kept.
    keep: usize,
    /// Fresh buffers have all their pages.
    touched: bool,
    free: Mutex<Vec<Box<[u8]>>>,
    /// Where requests are kept until they are answered, if the kernel can't send them again.
    copies: Option<Arc<Copies>>,
}

impl BufferPool {
    /// For requests with up to `max_write` bytes of payload; keeps up to `keep` spare buffers.
    pub(crate) fn new(max_write: u32, keep: usize) -> Arc<Self> {
        Arc::new(Self {
            len: Self::room(max_write),
            keep,
            touched: false,
            free: Mutex::new(Vec::new()),
            copies: None,
        })
    }

    /// As [`BufferPool::new`], for requests that are to survive this process. When it is killed while the
    /// kernel copies a request into a page that is not there yet, the kernel can't get the page any more and
    /// fails the request (EIO); where all pages are there, the copy is made, and the request can be sent
    /// again.
    pub(crate) fn touched(max_write: u32, keep: usize) -> Arc<Self> {
        Arc::new(Self {
            len: Self::room(max_write),
            keep,
            touched: true,
            free: Mutex::default(),
            copies: None,
        })
    }

    /// For requests of that size, kept until they are answered.
    pub(crate) fn with_copies(max_write: u32, copies: Arc<Copies>) -> Arc<Self> {
        Arc::new(Self {
            len: Self::room(max_write),
            keep: 0,
            touched: true,
            free: Mutex::default(),
            copies: Some(copies),
        })
    }

    /// Bytes that one request may take.
    fn room(max_write: u32) -> usize {
        (max_write as usize + HEADER_ROOM).max(MIN_READ_BUFFER)
    }

    fn take(self: &Arc<Self>) -> Buffer {
        if let Some(copies) = &self.copies {
            return Buffer::of(copies.take(), self);
        }
        let spare = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        // A page more than asked for, so that the payload can start on a page.
        // Zeroes would come as pages that are not there until they are touched.
        let fill = u8::from(self.touched);
        let fresh = || vec![fill; self.len + 2 * PAGE_SIZE].into_boxed_slice();
        let bytes = spare.unwrap_or_else(fresh);
        let start = bytes.as_ptr().addr();
        let base = (start + WRITE_PAYLOAD_OFFSET).next_multiple_of(PAGE_SIZE)
            - WRITE_PAYLOAD_OFFSET
            - start;
        Buffer {
            bytes,
            base,
            slot: None,
            pool: Arc::clone(self),
        }
    }

    fn put(&self, bytes: Box<[u8]>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.keep {
            free.push(bytes);
        }
    }
}

/// A receive buffer; a WRITE read into it has its payload on a page boundary.
pub(crate) struct Buffer {
    /// Empty where there is a slot.
    bytes: Box<[u8]>,
    base: usize,
    /// Instead of memory of our own.
    slot: Option<Arc<Slot>>,
    pool: Arc<BufferPool>,
}

impl Buffer {
    pub(crate) fn new(pool: &Arc<BufferPool>) -> Self {
        pool.take()
    }

    /// With what a slot holds, or will hold.
    pub(crate) fn of(slot: Arc<Slot>, pool: &Arc<BufferPool>) -> Self {
        Self {
            bytes: Box::default(),
            base: 0,
            slot: Some(slot),
            pool: Arc::clone(pool),
        }
    }

    /// Makes ready for the next request, which is read from the descriptor of this number. What has not
    /// been answered yet stays where it is.
    pub(crate) fn prepare(&mut self, device: u32) {
        if let Some(slot) = &self.slot {
            if Arc::strong_count(slot) > 1 {
                *self = self.pool.take();
            }
            if let Some(slot) = &self.slot {
                slot.prepare(device);
            }
        }
    }

    /// Where the request is kept, for whoever answers it.
    pub(crate) fn slot(&self) -> Option<Arc<Slot>> {
        self.slot.clone()
    }

    /// The room that the kernel reads a request into.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if let Some(slot) = &self.slot {
            // SAFETY: `prepare` saw that nobody else holds it.
            return unsafe { slot.room() };
        }
        let len = self.pool.len;
        &mut self.bytes[self.base..self.base + len]
    }

    /// The first `len` bytes of what was read.
    pub(crate) fn filled(&self, len: usize) -> &[u8] {
        if let Some(slot) = &self.slot {
            return &slot.bytes()[..len];
        }
        &self.bytes[self.base..self.base + len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            self.pool.put(bytes);
        }
    }
}

/// The bytes of a WRITE, in the session thread's receive buffer.
///
/// They can be read in place, which costs nothing when the method copies them to where they belong
/// anyway. A method that needs them later takes them over with [`Payload::into_owned`]: a large
/// payload leaves together with its buffer and the thread goes on with a spare one; a small one is
/// copied, as keeping a whole receive buffer alive for it would waste memory.
pub struct Payload<'a> {
    slot: &'a mut Buffer,
    range: Range<usize>,
}

impl<'a> Payload<'a> {
    /// `range` is within what was read into `slot`.
    pub(crate) fn new(slot: &'a mut Buffer, range: Range<usize>) -> Self {
        Self { slot, range }
    }

    /// The bytes as something that may be kept and sent to another thread.
    pub fn into_owned(self) -> PayloadBuf {
        // A quarter: a kept payload never holds more than four times its own size. A slot is for the
        // time until the answer, and a payload may be kept for longer.
        if self.slot.slot.is_none() && self.range.len() * 4 >= self.slot.bytes.len() {
            let fresh = self.slot.pool.take();
            PayloadBuf(Owned::Buffer(
                std::mem::replace(self.slot, fresh),
                self.range,
            ))
        } else {
            PayloadBuf(Owned::Copy(self[..].into()))
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.slot.filled(self.range.end)[self.range.start..]
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.range.len())
    }
}

/// A WRITE's bytes, owned. Dropping it gives the receive buffer back.
pub struct PayloadBuf(Owned);

enum Owned {
    Buffer(Buffer, Range<usize>),
    Copy(Box<[u8]>),
}

impl PayloadBuf {
    /// Bytes of memory that this keeps alive; at most four times its length.
    pub fn footprint(&self) -> usize {
        match &self.0 {
            Owned::Buffer(buffer, _) => buffer.bytes.len(),
            Owned::Copy(bytes) => bytes.len(),
        }
    }
}

impl Deref for PayloadBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Owned::Buffer(buffer, range) => &buffer.filled(range.end)[range.start..],
            Owned::Copy(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for PayloadBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for PayloadBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadBuf({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A payload of `len` bytes that count up, as a WRITE would leave it.
    fn payload(buffer: &mut Buffer, len: usize) -> Payload<'_> {
        let end = WRITE_PAYLOAD_OFFSET + len;
        for (index, byte) in buffer.room()[WRITE_PAYLOAD_OFFSET..end]
            .iter_mut()
            .enumerate()
        {
            *byte = index as u8;
        }
        Payload::new(buffer, WRITE_PAYLOAD_OFFSET..end)
    }

    #[test]
    fn a_large_payload_leaves_with_its_buffer_and_a_small_one_is_copied() {
        let pool = BufferPool::new(1 << 20, 1);
        let mut buffer = Buffer::new(&pool);
        for (len, moved) in [
            (1 << 20, true),
            (300_000, true),
            (100_000, false),
            (0, false),
        ] {
            let payload = payload(&mut buffer, len);
            let (address, expected) = (payload.as_ptr(), payload.to_vec());
            assert_eq!(address.addr() % PAGE_SIZE, 0, "a payload starts on a page");
            let owned = payload.into_owned();
            assert_eq!(owned[..], expected[..]);
            assert_eq!(owned.as_ptr() == address, moved, "{len} bytes");
            assert!(
                owned.footprint() <= 4 * len,
                "{} for {len}",
                owned.footprint()
            );
            assert!(
                buffer.room().len() >= (1 << 20) + 80,
                "the thread can go on"
            );
        }
    }

    #[test]
    fn buffers_come_back_and_are_bounded() {
        let pool = BufferPool::new(65_536, 2);
        let buffers: Vec<_> = (0..5).map(|_| Buffer::new(&pool)).collect();
        drop(buffers);
        let kept = pool.free.lock().map(|free| free.len());
        assert_eq!(kept.ok(), Some(2));
        assert_eq!(Buffer::new(&pool).room().len(), 65_536 + HEADER_ROOM);
    }
}
