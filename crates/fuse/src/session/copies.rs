//! Copies of unanswered requests, in memory that outlives the process: for kernels without RESEND.
//!
//! Requests are read straight into a memory file, one a slot, and stay there until they are answered. There
//! is no moment in which a request has left the kernel and is in no slot. A successor that maps the file
//! finds what its predecessor had not answered. The kernel looks for a request at the descriptor that it
//! was read from, so the slot says which one that was.

#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustix::fs::FallocateFlags;

use crate::abi::{HEADER_ROOM, MIN_READ_BUFFER, PAGE_SIZE, WRITE_PAYLOAD_OFFSET};

/// Requests that can be unanswered at a time. The file is sparse: only what is used takes memory.
const SLOTS: u32 = 1024;

/// Where in a slot the message begins, so that a payload starts on a page. The number of the descriptor
/// is at the slot's start.
const MESSAGE: usize = PAGE_SIZE - WRITE_PAYLOAD_OFFSET;

/// So many slots keep their memory; the others give it back after each request.
const WARM: u32 = 16;

/// The file, and what a predecessor left in it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) copies: Arc<Copies>,
    pub(crate) unanswered: Vec<Arc<Slot>>,
}

/// The mapped file.
#[derive(Debug)]
pub(crate) struct Copies {
    file: OwnedFd,
    start: NonNull<u8>,
    /// Bytes of a message.
    len: usize,
    /// Bytes of a slot.
    slot: usize,
    free: Mutex<BTreeSet<u32>>,
    freed: Condvar,
}

// SAFETY: the mapping lives as long as the value and belongs to no thread. A slot is read and written by
// whoever holds it alone, but for its length word, which is atomic.
unsafe impl Send for Copies {}
// SAFETY: as above.
unsafe impl Sync for Copies {}

impl Copies {
    /// Maps `file`, which is new or a predecessor's; messages have up to `max_write` bytes of payload.
    pub(crate) fn map(file: OwnedFd, max_write: u32) -> io::Result<Kept> {
        let len = (max_write as usize + HEADER_ROOM).max(MIN_READ_BUFFER);
        let slot = (MESSAGE + len).next_multiple_of(PAGE_SIZE);
        let size = slot * SLOTS as usize;
        rustix::fs::ftruncate(&file, size as u64)?;
        let mut taken = Vec::new();
        for index in 0..SLOTS {
            // Not through the mapping, where looking at a hole would fill it.
            let mut word = [0; 4];
            let at = index as usize * slot + MESSAGE;
            let read = rustix::io::pread(&file, &mut word, at as u64)?;
            if read == word.len() && word != [0; 4] {
                taken.push(index);
            }
        }
        // SAFETY: a new mapping, at an address of the kernel's choice, of a file of this size.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_NORESERVE,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let free = (0..SLOTS).filter(|index| !taken.contains(index)).collect();
        let copies = Arc::new(Self {
            file,
            start,
            len,
            slot,
            free: Mutex::new(free),
            freed: Condvar::new(),
        });
        let slots = taken.into_iter().map(|index| {
            let copies = Arc::clone(&copies);
            Arc::new(Slot { copies, index })
        });
        let unanswered = slots.collect();
        Ok(Kept { copies, unanswered })
    }

    /// A free slot; waits for one.
    pub(crate) fn take(self: &Arc<Self>) -> Arc<Slot> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let index = loop {
            if let Some(index) = free.pop_first() {
                break index;
            }
            let wait = self.freed.wait(free);
            free = wait.unwrap_or_else(PoisonError::into_inner);
        };
        drop(free);
        let copies = Arc::clone(self);
        let slot = Slot { copies, index };
        slot.touch();
        Arc::new(slot)
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this size, and nobody refers to it any more: slots hold an
        // `Arc` of this.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.slot * SLOTS as usize) };
    }
}

/// Room for one request. Whoever still has to answer it holds it.
#[derive(Debug)]
pub(crate) struct Slot {
    copies: Arc<Copies>,
    index: u32,
}

impl Slot {
    fn at(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: the offset is within the slot, and the slot within the mapping.
        unsafe {
            self.copies
                .start
                .add(self.index as usize * self.copies.slot + offset)
        }
    }

    /// The message's first word, its length; 0: there is no request.
    fn word(&self) -> &AtomicU32 {
        // SAFETY: aligned (`MESSAGE` is a multiple of 4), mapped, and only used as this from here on and
        // by the kernel, which writes it before it returns from the read.
        unsafe { AtomicU32::from_ptr(self.at(MESSAGE).cast().as_ptr()) }
    }

    /// Has all pages there: the kernel can't get one any more when this process is killed while a request
    /// is copied here, and fails the request.
    fn touch(&self) {
        for offset in (0..self.copies.slot).step_by(PAGE_SIZE) {
            let byte = self.at(offset).as_ptr();
            // SAFETY: within the slot, which only its holder reads and writes.
            unsafe { byte.write_volatile(byte.read_volatile()) };
        }
    }

    /// There is no unanswered request here (any more).
    pub(crate) fn clear(&self) {
        self.word().store(0, Ordering::Release);
    }

    /// Makes ready for a request that is read from the descriptor of this number.
    pub(crate) fn prepare(&self, device: u32) {
        self.clear();
        // SAFETY: the first word of the slot, aligned, which only its holder writes.
        unsafe { self.at(0).cast::<u32>().write(device) };
    }

    /// The number of the descriptor that the request was read from.
    pub(crate) fn device(&self) -> usize {
        // SAFETY: as above.
        unsafe { self.at(0).cast::<u32>().read() as usize }
    }

    /// Bytes of the request, as it says itself; at most as many as there are.
    pub(crate) fn filled(&self) -> usize {
        (self.word().load(Ordering::Acquire) as usize).min(self.copies.len)
    }

    /// The message.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: mapped as long as `self` lives. The holder writes only through `room`, which wants a
        // buffer that is borrowed mutably; the word is cleared when nobody reads the message any more.
        unsafe { std::slice::from_raw_parts(self.at(MESSAGE).as_ptr(), self.copies.len) }
    }

    /// The room that the kernel reads into.
    ///
    /// # Safety
    /// Nobody else may hold the slot.
    #[allow(clippy::mut_from_ref, reason = "memory that other processes have too")]
    pub(crate) unsafe fn room(&self) -> &mut [u8] {
        // SAFETY: mapped as long as `self` lives; exclusive as the caller says.
        unsafe { std::slice::from_raw_parts_mut(self.at(MESSAGE).as_ptr(), self.copies.len) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clear();
        if self.index >= WARM {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let (at, len) = (self.index as usize * self.copies.slot, self.copies.slot);
            // Otherwise the memory stays for the next request.
            let _ = rustix::fs::fallocate(&self.copies.file, flags, at as u64, len as u64);
        }
        let free = self.copies.free.lock();
        free.unwrap_or_else(PoisonError::into_inner)
            .insert(self.index);
        self.copies.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    fn file() -> OwnedFd {
        memfd_create("copies", MemfdFlags::CLOEXEC).expect("a memory file")
    }

    fn write(slot: &Slot, device: u32, message: &[u8]) {
        slot.prepare(device);
        // SAFETY: the tests hold each slot once.
        let room = unsafe { slot.room() };
        room[..message.len()].copy_from_slice(message);
    }

    /// A message of `len` bytes, which it says itself.
    fn message(len: usize, byte: u8) -> Vec<u8> {
        let mut message = vec![byte; len];
        message[..4].copy_from_slice(&(len as u32).to_ne_bytes());
        message
    }

    #[test]
    fn a_successor_finds_what_was_not_answered() {
        let file = file();
        let kept = Copies::map(file.try_clone().unwrap(), 1 << 20).unwrap();
        assert!(kept.unanswered.is_empty());
        let copies = kept.copies;
        let slots: Vec<_> = (0..20).map(|_| copies.take()).collect();
        for (number, slot) in slots.iter().enumerate() {
            let len = if number % 2 == 0 { 64 } else { 1 << 20 };
            write(slot, number as u32 % 3, &message(len, number as u8));
        }
        for slot in &slots[..10] {
            slot.clear();
        }
        // What dies does not drop anything.
        std::mem::forget(slots);
        let kept = Copies::map(file, 1 << 20).unwrap();
        let (successor, found) = (kept.copies, kept.unanswered);
        assert_eq!(found.len(), 10);
        for (number, slot) in (10..20).zip(&found) {
            let len = if number % 2 == 0 { 64 } else { 1 << 20 };
            assert_eq!((slot.filled(), slot.device()), (len, number % 3));
            assert_eq!(slot.bytes()[..len], message(len, number as u8)[..]);
        }
        let others: Vec<_> = (0..SLOTS - 10).map(|_| successor.take()).collect();
        for slot in &found {
            let twice = others.iter().any(|other| other.index == slot.index);
            assert!(!twice, "slot {} is given out again", slot.index);
        }
    }

    #[test]
    fn memory_is_given_back() {
        let file = file();
        let copies = Copies::map(file.try_clone().unwrap(), 1 << 20)
            .unwrap()
            .copies;
        let slots: Vec<_> = (0..100).map(|_| copies.take()).collect();
        for slot in &slots {
            write(slot, 0, &message(1 << 20, 7));
        }
        drop(slots);
        let used = rustix::fs::fstat(&file).unwrap().st_blocks as u64 * 512;
        assert!(used < 20 << 20, "{used} bytes stay");
    }

    #[test]
    fn who_finds_no_slot_waits_for_one() {
        let copies = Copies::map(file(), 4096).unwrap().copies;
        let mut slots: Vec<_> = (0..SLOTS).map(|_| copies.take()).collect();
        let waiting = {
            let copies = Arc::clone(&copies);
            std::thread::spawn(move || copies.take().index)
        };
        let last = slots.pop().expect("there are some");
        let index = last.index;
        drop(last);
        assert_eq!(waiting.join().expect("it ends"), index);
    }
}
