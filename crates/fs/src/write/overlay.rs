//! A file whose changes are here and whose other bytes may still be in OSS alone.

use super::{
    extents::Extents,
    kept::{ExtentRecord, OverlayRecord},
    staging::Staging,
    writer::File,
};
use crate::{error::Result, ledger::Key, types::ObjectVersion};
use bytes::Bytes;
use std::{borrow::Cow, ops::Range};

/// What is missing is fetched in pieces of this size, in bytes.
const PIECE: u64 = 4 << 20;
/// More ranges than these are not kept apart: the whole file is fetched instead. A megabyte, or two.
const MOST_EXTENTS: usize = 16 << 10;

/// A file in `tmpdir` over an object.
#[derive(Debug)]
pub(super) struct Overlay {
    staging: Staging,
    /// The object, and how many of its first bytes are the file's wherever nothing was written.
    under: Option<(ObjectVersion, u64)>,
    /// What of those bytes is in the staging file, written or fetched. Behind them all is.
    here: Extents,
    /// What of those bytes was written.
    written: Extents,
    /// Ranges that were added to the record in the ledger since it was last written anew.
    added: usize,
}

impl Overlay {
    /// Over nothing: the staging file has it all.
    pub(super) fn new(staging: Staging) -> Self {
        Self {
            staging,
            under: None,
            here: Extents::default(),
            written: Extents::default(),
            added: 0,
        }
    }

    /// Over an object, of which nothing is fetched yet.
    pub(super) async fn over(staging: Staging, base: ObjectVersion) -> Result<Self> {
        staging.set_len(base.size).await?;
        let under = Some((base.clone(), base.size));
        Ok(Self {
            under,
            ..Self::new(staging)
        })
    }

    /// What a former process had in `staging`, of a file of `size` bytes.
    pub(super) fn resumed(
        staging: Staging,
        record: OverlayRecord<'static>,
        added: Vec<ExtentRecord>,
        size: u64,
    ) -> Result<Self> {
        // It may have died between writing and saying so; what lies behind the end must read as zeros.
        staging.set_len_now(size)?;
        let under = record.under;
        let under = under.map(|(version, covered)| (ObjectVersion::from(version), covered));
        let mut overlay = Self {
            under,
            here: record
                .here
                .iter()
                .map(|(start, end)| *start..*end)
                .collect(),
            written: record
                .written
                .iter()
                .map(|(start, end)| *start..*end)
                .collect(),
            ..Self::new(staging)
        };
        overlay.added = added.len();
        for range in added {
            match range {
                ExtentRecord::Fetched(start, end) => overlay.here.insert(start..end),
                ExtentRecord::Written(start, end) => {
                    overlay.here.insert(start..end);
                    overlay.written.insert(start..end);
                }
            }
        }
        Ok(overlay)
    }

    /// Writes down what it has, all of it.
    pub(super) fn record(&mut self, file: &File) {
        let Some(id) = file.id else { return };
        self.added = 0;
        let record = OverlayRecord {
            file: Cow::Borrowed(self.staging.name()),
            under: self
                .under
                .as_ref()
                .map(|(version, covered)| (version.into(), *covered)),
            here: self.here.ranges().collect(),
            written: self.written.ranges().collect(),
        };
        file.ledger.put(Key::Extents(id), &record);
    }

    /// Writes down what it has now too.
    fn record_more(&mut self, file: &File, more: ExtentRecord) {
        let Some(id) = file.id else { return };
        self.added += 1;
        if self.added > 64 + 2 * (self.here.len() + self.written.len()) {
            return self.record(file);
        }
        let mut batch = file.ledger.batch();
        batch.add(Key::Extents(id), &more);
        file.ledger.commit(&mut batch);
    }

    /// How many of the object's first bytes are the file's.
    fn covered(&self) -> u64 {
        self.under.as_ref().map_or(0, |(_, covered)| *covered)
    }

    pub(super) async fn write(&mut self, file: &File, offset: u64, data: Bytes) -> Result<()> {
        let end = offset + data.len() as u64;
        file.context.config.check_room(data.len() as u64)?;
        self.staging.write(offset, data).await?;
        let range = offset.min(self.covered())..end.min(self.covered());
        if range.is_empty() {
            return Ok(());
        }
        self.here.insert(range.clone());
        self.written.insert(range.clone());
        self.record_more(file, ExtentRecord::Written(range.start, range.end));
        if self.written.len() > MOST_EXTENTS || self.here.len() > MOST_EXTENTS {
            self.fetch(file, 0..self.covered()).await?;
            self.under = None;
            self.record(file);
        }
        Ok(())
    }

    /// Bytes of the file, which it has. Of what is missing, what is around it is fetched too: a program will read on.
    pub(super) async fn read(&mut self, file: &File, range: Range<u64>) -> Result<Bytes> {
        let covered = self.covered();
        if range.start < covered {
            let wide = range.start / PIECE * PIECE..range.end.next_multiple_of(PIECE);
            let missing = self.here.gaps(range.start..range.end.min(covered));
            if !missing.is_empty() {
                self.fetch(file, wide).await?;
            }
        }
        self.part(file, range).await
    }

    /// Bytes of the file, which it has, and no others.
    pub(super) async fn part(&mut self, file: &File, range: Range<u64>) -> Result<Bytes> {
        self.fetch(file, range.clone()).await?;
        let length = range.end - range.start;
        self.staging.read(range.start, length).await
    }

    /// Cuts the file, or grows it with zeros.
    pub(super) async fn set_len(&mut self, file: &File, size: u64) -> Result<()> {
        if let Some((_, covered)) = &mut self.under {
            *covered = size.min(*covered);
        }
        self.here.truncate(size);
        self.written.truncate(size);
        // Before the bytes go: a successor must not take zeros for them.
        self.record(file);
        self.staging.set_len(size).await
    }

    /// What is as it is in the object, and the object.
    pub(super) fn unchanged(&self) -> Option<(&ObjectVersion, Vec<Range<u64>>)> {
        let (base, covered) = self.under.as_ref()?;
        Some((base, self.written.gaps(0..*covered)))
    }

    /// The object that has what is not in the staging file; `None`: everything is.
    pub(super) fn lacks(&self) -> Option<&ObjectVersion> {
        let (base, covered) = self.under.as_ref()?;
        (!self.here.gaps(0..*covered).is_empty()).then_some(base)
    }

    /// The object below is to be found as this version.
    pub(super) fn lie_over(&mut self, version: &ObjectVersion) {
        if let Some((base, _)) = &mut self.under {
            *base = version.clone();
        }
    }

    /// The file is `version` now: nothing differs from it.
    pub(super) fn rebase(&mut self, version: &ObjectVersion) {
        let covered = self.covered();
        self.here.insert(covered..version.size);
        self.written = Extents::default();
        self.under = Some((version.clone(), version.size));
    }

    /// Brings what of `range` is missing into the staging file.
    async fn fetch(&mut self, file: &File, range: Range<u64>) -> Result<()> {
        let Some((base, covered)) = self.under.clone() else {
            return Ok(());
        };
        let range = range.start.min(covered)..range.end.min(covered);
        for gap in self.here.gaps(range) {
            let mut at = gap.start;
            while at < gap.end {
                let piece = at..gap.end.min(at + PIECE);
                at = piece.end;
                let data = file.get(&base, piece.clone()).await?;
                file.context.config.check_room(data.len() as u64)?;
                self.staging.write(piece.start, data).await?;
                self.here.insert(piece.clone());
                self.record_more(file, ExtentRecord::Fetched(piece.start, piece.end));
            }
        }
        Ok(())
    }
}
