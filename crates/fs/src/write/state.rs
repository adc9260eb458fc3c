//! What a writer knows of its file, and how a successor learns of it.

use super::{
    append::Tail,
    buffer::Buffer,
    kept::{Last, PlaceRecord, WriterRecord},
    overlay::Overlay,
    parts,
    upload::Upload,
    writer::File,
};
use crate::{
    error::{Error, Result},
    ledger::{Batch, Key, Request},
    types::ObjectVersion,
};
use ossplit::NewObject;
use std::{borrow::Cow, sync::atomic::Ordering};

pub(super) struct State {
    /// Where the object goes.
    pub(super) key: String,
    /// What is in OSS and what the file began with; `None`: an empty file that is not there yet.
    pub(super) base: Option<ObjectVersion>,
    pub(super) place: Place,
    /// Once something failed, the file's contents here are not known any more.
    pub(super) failed: Option<Error>,
    /// A call began and did not end: the same.
    pub(super) inside: bool,
    /// Where the ledger keeps the upload that has what is before the buffer.
    pub(super) upload: Option<u64>,
    /// How far the last write came.
    pub(super) last: Option<Last>,
    /// What a former process was sending of the staging file. It is of no use once that changes.
    pub(super) resumed: Option<Upload>,
    /// Its name is gone, or about to go: what is there is another file's.
    pub(super) unlinked: bool,
}

/// Where the bytes are.
pub(super) enum Place {
    /// In OSS, as `base`, untouched.
    Base,
    /// Before the buffer's start in `upload` (if there is one), the rest in the buffer.
    Memory {
        buffer: Buffer,
        upload: Option<Upload>,
    },
    /// Before the buffer's start in OSS, as `base`, an Appendable object; the rest in the buffer.
    Appended(Tail),
    /// In a local file, over `base` where they are not.
    Staged(Overlay),
}

impl Place {
    pub(super) fn empty() -> Self {
        Self::Memory {
            buffer: Buffer::default(),
            upload: None,
        }
    }
}

impl State {
    /// Refuses once something failed. Until [`File::end`] says otherwise, this call did.
    pub(super) fn enter(&mut self) -> Result<()> {
        self.check()?;
        self.inside = true;
        Ok(())
    }

    pub(super) fn check(&self) -> Result<()> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.inside => Err(Error::Unsupported("going on after an interrupted call")),
            None => Ok(()),
        }
    }

    /// The last write, if this one is the same and was sent to a former process.
    pub(super) fn again(&self) -> Option<Last> {
        let request = Request::current();
        self.last
            .filter(|last| request.resent && last.request == request.number)
    }

    /// Notes that a write begins; tells how many of its bytes a former process took.
    pub(super) fn begin_write(&mut self, offset: u64, len: usize) -> usize {
        if let Some(last) = self.again()
            && last.offset == offset
        {
            return len.min(last.done as usize);
        }
        let request = Request::current().number;
        self.last = (request != 0).then_some(Last {
            request,
            offset,
            done: 0,
        });
        0
    }

    /// Notes that more of the last write is done.
    pub(super) fn wrote(&mut self, bytes: usize) {
        if let Some(last) = &mut self.last {
            last.done += bytes as u64;
        }
    }
}

impl File {
    /// Somebody writes.
    pub(super) fn set_busy(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// What the object is written with.
    pub(super) fn with(&self) -> NewObject {
        self.with.lock().clone()
    }

    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    pub(super) fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
        self.dirty.store(true, Ordering::Release);
    }

    /// Bytes of the part that is being gathered.
    pub(super) fn full(&self, upload: Option<&Upload>) -> u64 {
        let number = upload.map_or(1, Upload::next_part);
        parts::growing(number, self.context.config.multipart_size)
    }

    /// Ends what [`State::enter`] began.
    pub(super) fn end<T>(&self, state: &mut State, result: Result<T>) -> Result<T> {
        state.inside = false;
        let error = result.as_ref().err();
        // A write for which there is no room changes nothing.
        state.failed = error
            .filter(|error| !matches!(error, Error::NoSpace))
            .cloned();
        if result.is_err() {
            self.save(state);
        }
        result
    }

    /// Writes down what a successor needs to go on.
    pub(super) fn save(&self, state: &State) {
        self.ledger.commit(&mut self.batch(state));
    }

    /// The same, to be written down.
    pub(super) fn batch(&self, state: &State) -> Batch {
        let mut batch = self.ledger.batch();
        let Some(id) = self.id else { return batch };
        let place = match &state.place {
            Place::Base => PlaceRecord::Base,
            Place::Memory { buffer, .. } => PlaceRecord::Memory(buffer.record()),
            Place::Appended(tail) => PlaceRecord::Appended(tail.buffer.record(), tail.sending),
            Place::Staged(_) => PlaceRecord::Staged,
        };
        let record = WriterRecord {
            node: self.node.get(),
            key: Cow::Borrowed(&state.key),
            base: state.base.as_ref().map(Into::into),
            size: self.size(),
            dirty: self.is_dirty(),
            failed: state.failed.is_some(),
            place,
            upload: state.upload,
            last: state.last,
            unlinked: state.unlinked,
            normal: self.normal.load(Ordering::Relaxed),
        };
        batch.put(Key::Writer(id), &record);
        batch
    }

    /// Moves the file's bytes to another place. What they were in is given back, to be dropped, only when the ledger
    /// knows the new one: otherwise others could use that memory while a successor still takes it for this file's.
    pub(super) fn put_in(&self, state: &mut State, place: Place) -> Place {
        let old = std::mem::replace(&mut state.place, place);
        state.upload = match &mut state.place {
            Place::Memory { upload, .. } => upload.as_ref().and_then(Upload::kept),
            Place::Staged(overlay) => {
                overlay.record(self);
                None
            }
            Place::Base | Place::Appended(_) => None,
        };
        self.save(state);
        old
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let mut batch = self.ledger.batch();
            batch.remove(Key::Writer(id));
            batch.remove(Key::Extents(id));
            self.ledger.commit(&mut batch);
        }
    }
}
