//! Where bytes are: contents, the extents that objects have of them, and how many refer to each.
//!
//! A content is written first ([`super::writer`]) and referred to afterwards. Small ones travel
//! inside the metadata transaction; the others are outside the tables (a file, or segments of
//! memory) under a random id, complete and durable before the transaction that makes them visible.

use super::{
    StoreError,
    tx::{Table, WriteTx},
};
use bytes::Bytes;
use std::{fmt, ops::Range};

/// Contents up to this many bytes are kept in the metadata tables: one commit makes them durable,
/// where a file of its own costs two more syncs.
pub(crate) const INLINE_LIMIT: usize = 32 << 10;

/// Names a content. The upper half says where a directory store looks for it (which run of the
/// server wrote it, and in which folder), the lower half is random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ContentId(u128);

impl ContentId {
    /// The name of a content that is not a file.
    pub(crate) fn random() -> Self {
        Self(fastrand::u128(..))
    }

    /// The name of a file.
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

/// The row of a content that one extent refers to.
pub(crate) const ONE_REFERENCE: [u8; 4] = 1u32.to_le_bytes();

/// Adds a reference to each content of `extents`. Inline contents are not shared but copied; the
/// extents to use are returned.
pub(crate) fn share(tx: &mut dyn WriteTx, extents: &[Extent]) -> Result<Vec<Extent>, StoreError> {
    let mut out = Vec::with_capacity(extents.len());
    for extent in extents {
        let mut extent = *extent;
        match extent.place {
            Place::Inline => {
                let bytes = inline(tx.get(Table::Inline, &extent.id.to_bytes())?, &extent)?;
                extent.id = ContentId::random();
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
