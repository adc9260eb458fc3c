//! By what a change is told: the CRC64 that OSS has of an object, and 128 bits of every block.

use crate::{Error, Result};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use ossplit::crc64::{self, Crc64};
use serde::{Deserialize, Serialize};
use std::{fs::File, ops::Range, os::unix::fs::FileExt as _, path::Path};

/// CRCs of a file's blocks, all of `size` bytes but the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// Bytes of a block: those of a part.
    pub size: u64,
    /// Of each block two CRCs of 64 bits by different polynomials (ECMA-182 and NVME), in hexadecimal. One of them alone, 64
    /// bits, would be little to decide by that bytes need not be sent.
    sums: Vec<String>,
}

impl Blocks {
    /// The ranges where both have the same bytes; adjacent ones as one.
    pub(crate) fn same(&self, other: &Self) -> Vec<Range<u64>> {
        let mut out: Vec<Range<u64>> = Vec::new();
        if self.size != other.size {
            return out;
        }
        for (number, (a, b)) in self.sums.iter().zip(&other.sums).enumerate() {
            if a != b {
                continue;
            }
            let start = number as u64 * self.size;
            match out.last_mut() {
                Some(last) if last.end == start => last.end += self.size,
                _ => out.push(start..start + self.size),
            }
        }
        out
    }
}

/// What a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) size: u64,
    pub(crate) crc64: u64,
    pub(crate) blocks: Blocks,
}

/// Sums up blocks one after another.
struct Summing {
    block: u64,
    size: u64,
    crc64: u64,
    sums: Vec<String>,
}

impl Summing {
    fn new(block: u64) -> Self {
        let (size, crc64, sums) = (0, 0, Vec::new());
        Self {
            block,
            size,
            crc64,
            sums,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut crc = Crc64::new();
        crc.update(bytes);
        let crc = crc.value();
        let other = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes);
        self.sums.push(format!("{crc:016x}{other:016x}"));
        self.crc64 = crc64::combine(self.crc64, crc, bytes.len() as u64);
        self.size += bytes.len() as u64;
    }

    fn done(self) -> Fingerprint {
        Fingerprint {
            size: self.size,
            crc64: self.crc64,
            blocks: Blocks {
                size: self.block,
                sums: self.sums,
            },
        }
    }
}

impl Fingerprint {
    /// Of a file of `size` bytes.
    pub(crate) fn of_file(path: &Path, size: u64, block: u64) -> Result<Self> {
        let fault = |e| Error::file("read", path, e);
        let file = File::open(path).map_err(fault)?;
        let mut sum = Summing::new(block);
        let mut buffer = vec![0; size.min(block) as usize];
        while sum.size < size {
            let length = (size - sum.size).min(block) as usize;
            file.read_exact_at(&mut buffer[..length], sum.size)
                .map_err(fault)?;
            sum.add(&buffer[..length]);
        }
        Ok(sum.done())
    }

    /// Of pieces of `block` bytes each, the last less.
    pub(crate) fn of_pieces(pieces: &[Bytes], block: u64) -> Self {
        let mut sum = Summing::new(block);
        for piece in pieces {
            for bytes in piece.chunks(block as usize) {
                sum.add(bytes);
            }
        }
        sum.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_pieces_have_the_same_fingerprint() {
        let bytes: Vec<u8> = (0..2_500_u32).map(|i| (i * i) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for size in [0, 1, 999, 1000, 1001, 2500] {
            std::fs::write(&path, &bytes[..size]).unwrap();
            let pieces: Vec<Bytes> = bytes[..size]
                .chunks(1000)
                .map(Bytes::copy_from_slice)
                .collect();
            let of_file = Fingerprint::of_file(&path, size as u64, 1000).unwrap();
            assert_eq!(of_file, Fingerprint::of_pieces(&pieces, 1000));
            assert_eq!(of_file.crc64, crc64::checksum(&bytes[..size]));
        }
    }

    #[test]
    fn blocks_that_are_the_same_are_found() {
        let print =
            |bytes: &[u8]| Fingerprint::of_pieces(&[Bytes::copy_from_slice(bytes)], 2).blocks;
        let old = print(b"aabbccdde");
        assert_eq!(old.same(&print(b"aaxxccddeee")), [0..2, 4..8]);
        assert_eq!(old.same(&print(b"")), Vec::<Range<u64>>::new());
        let other = Fingerprint::of_pieces(&[Bytes::from("aabb")], 4).blocks;
        assert!(old.same(&other).is_empty());
    }
}
