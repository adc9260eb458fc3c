//! Files in memory that are mapped as a whole, so that what is stored in them is there for whoever opens them next,
//! even if this process is killed right after the store.
//!
//! A file is as long as it may ever get; what was never written to takes no memory.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, MemfdFlags};

/// A mapped memory file. Nothing here reads or writes it.
#[derive(Debug)]
pub(super) struct Raw {
    file: OwnedFd,
    map: MmapRaw,
}

impl Raw {
    /// An empty file that can hold `bytes`.
    pub(super) fn create(name: &str, bytes: u64) -> io::Result<Self> {
        let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, bytes)?;
        Self::open(file)
    }

    /// A file that another process made.
    pub(super) fn open(file: OwnedFd) -> io::Result<Self> {
        let bytes = rustix::fs::fstat(&file)?.st_size;
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let map = MmapOptions::new().len(bytes).map_raw(&file)?;
        Ok(Self { file, map })
    }

    pub(super) fn file(&self) -> &OwnedFd {
        &self.file
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// The address of a range, which is within the file.
    pub(super) fn at(&self, range: &Range<usize>) -> *mut u8 {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "{range:?} of {}",
            self.len()
        );
        // SAFETY: the range was just found to be within the mapping.
        unsafe { self.map.as_mut_ptr().add(range.start) }
    }

    /// Gives the memory of a range back; it reads as zeros from now on.
    pub(super) fn punch(&self, range: &Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let (at, len) = (range.start as u64, (range.end - range.start) as u64);
        Ok(rustix::fs::fallocate(&self.file, flags, at, len)?)
    }
}

/// A file of words that threads read and write at will.
#[derive(Debug)]
pub(crate) struct Words(Raw);

impl Words {
    /// A file of `count` zeros.
    pub(crate) fn create(name: &str, count: u64) -> io::Result<Self> {
        Raw::create(name, count * 8).map(Self)
    }

    pub(crate) fn open(file: OwnedFd) -> io::Result<Self> {
        Raw::open(file).map(Self)
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        self.0.file()
    }

    /// The word with this number, unless the file is shorter.
    pub(crate) fn get(&self, number: usize) -> Option<&AtomicU64> {
        let start = number.checked_mul(8)?;
        let end = start.checked_add(8)?;
        if end > self.0.len() {
            return None;
        }
        #[allow(clippy::cast_ptr_alignment, reason = "aligned: see below")]
        let at = self.0.at(&(start..end)).cast::<AtomicU64>();
        // SAFETY: a mapping begins at a page, so the address is a multiple of eight; the mapping lives as long as
        // `self`; and all access to it is through atomics.
        Some(unsafe { &*at })
    }
}

/// A file of bytes with one owner.
#[derive(Debug)]
pub(crate) struct Pages(Raw);

impl Pages {
    pub(crate) fn create(name: &str, bytes: u64) -> io::Result<Self> {
        Raw::create(name, bytes).map(Self)
    }

    pub(crate) fn open(file: OwnedFd) -> io::Result<Self> {
        Raw::open(file).map(Self)
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        self.0.file()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes of a range.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        let at = self.0.at(&range);
        // SAFETY: the range is within the mapping, which lives as long as `self`; whoever writes has `self` alone.
        unsafe { std::slice::from_raw_parts(at, range.end - range.start) }
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let to = self.0.at(&(at..at + bytes.len()));
        // SAFETY: the range is within the mapping, and `self` is ours alone.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }

    /// Stores a word, which is a multiple of eight from the start, after all that was written before: who finds it
    /// finds that too.
    pub(crate) fn publish(&mut self, at: usize, word: u64) {
        assert!(at.is_multiple_of(8));
        #[allow(clippy::cast_ptr_alignment, reason = "aligned: see below")]
        let to = self.0.at(&(at..at + 8)).cast::<AtomicU64>();
        // SAFETY: aligned and within the mapping, and `self` is ours alone. The store is atomic for the compiler's
        // sake: it may not move the writes before it behind it.
        unsafe { (*to).store(word, Ordering::Release) }
    }

    /// A word that [`Pages::publish`] stored.
    pub(crate) fn word(&self, at: usize) -> u64 {
        let bytes = self.bytes(at..at + 8);
        u64::from_ne_bytes(bytes.try_into().unwrap_or_default())
    }
}
