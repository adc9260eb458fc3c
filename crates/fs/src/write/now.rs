//! Writes that are plain copies: most are, and a task for each would cost more than the copy.

use super::{
    state::{Place, State},
    upload::Upload,
    writer::{File, Writer},
};
use crate::ledger::Request;

impl Writer {
    /// [`Writer::write`], or without an offset [`Writer::append`], if that is a copy into memory that is to be had at
    /// once, and fills no part. False: nothing changed.
    pub fn try_write(&self, offset: Option<u64>, data: &[u8]) -> bool {
        if data.is_empty() || Request::current().resent {
            return false;
        }
        let file = &self.file;
        let Ok(mut state) = file.state.try_lock() else {
            return false;
        };
        let offset = offset.unwrap_or_else(|| file.size());
        state.check().is_ok() && file.write_now(&mut state, offset, data).is_some()
    }
}

impl File {
    fn write_now(&self, state: &mut State, offset: u64, data: &[u8]) -> Option<()> {
        let end = offset.checked_add(data.len() as u64)?;
        let (buffer, upload, most) = match &mut state.place {
            Place::Memory { buffer, upload } => (buffer, upload.as_ref(), u64::MAX),
            Place::Appended(tail) if !tail.sending => {
                (&mut tail.buffer, None, self.context.config.appendable)
            }
            Place::Base | Place::Appended(_) | Place::Staged(_) => return None,
        };
        let full = self.full(upload);
        let outside = offset < buffer.start || end >= most.min(buffer.start + full);
        if outside || upload.is_some_and(Upload::ends_short) {
            return None;
        }
        let likely = buffer.likely(end, full, upload.is_some());
        if !buffer.reserve(end, likely, full, &self.context) {
            return None;
        }
        buffer.write(offset, data, &self.context).ok()?;
        self.set_busy();
        self.set_size(self.size().max(end));
        state.begin_write(offset, data.len());
        state.wrote(data.len());
        self.save(state);
        Some(())
    }
}
