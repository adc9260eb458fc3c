//! Making an object of what was written.

use super::{
    kept::BufferRecord,
    overlay::Overlay,
    parts::{self, SMALLEST_PART},
    plan::{Piece, plan},
    state::{Place, State},
    upload::Upload,
    writer::File,
};
use crate::{
    budget::Priority,
    error::{Error, Result},
    ledger::Key,
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::{PutObject, PutObjectOutput};
use std::sync::atomic::Ordering;

impl File {
    /// Makes everything durable: when this returns, OSS has it, with the CRC64 of the bytes.
    pub(super) async fn flush_locked(&self, state: &mut State) -> Result<ObjectVersion> {
        if let (false, Some(base)) = (self.is_dirty(), &state.base) {
            return Ok(base.clone());
        }
        if let Some(version) = self.flush_tail(state).await? {
            return Ok(version);
        }
        let size = self.size();
        let mut upload = state.upload;
        let output = match &mut state.place {
            Place::Base => return state.base.clone().ok_or(Error::BadHandle),
            Place::Appended(_) => return Err(Error::BadHandle),
            Place::Memory {
                buffer,
                upload: None,
            } => self.put(&state.key, buffer.lend()).await?,
            Place::Memory { buffer, upload } => {
                let mut sending = upload.take().ok_or(Error::BadHandle)?;
                if buffer.len() > 0 {
                    let taken = buffer.take();
                    let batch = self.batch(state);
                    sending
                        .send(taken.data, taken.lease, taken.record, batch)
                        .await?;
                }
                debug_assert_eq!(sending.length(), size, "parts cover the file");
                sending.complete().await?
            }
            Place::Staged(overlay) => {
                let resumed = state.resumed.take();
                let key = &state.key;
                let (output, sent) = self.send_overlay(key, overlay, size, resumed).await?;
                upload = sent;
                output
            }
        };
        let version = ObjectVersion {
            key: state.key.as_str().into(),
            etag: output.etag.into(),
            version_id: output.version_id.map(Into::into),
            size,
            mtime: self.context.clock.wall(),
            crc64: output.crc64,
            appendable: false,
        };
        state.base = Some(version.clone());
        self.stored.store(true, Ordering::Release);
        self.dirty.store(false, Ordering::Release);
        if let Place::Staged(overlay) = &mut state.place {
            overlay.rebase(&version);
            overlay.record(self);
        }
        if matches!(&state.place, Place::Memory { buffer, .. } if buffer.start > 0) {
            // What was sent is in OSS now; the next write begins from there.
            self.put_in(state, Place::Base);
        } else {
            self.save(state);
        }
        if let Some(upload) = upload {
            self.ledger.remove(Key::Upload(upload));
        }
        Ok(version)
    }

    async fn put(&self, key: &str, data: Bytes) -> Result<PutObjectOutput> {
        let request = PutObject::new(self.context.config.bucket.clone(), key, data);
        let request = request.with(self.with());
        Ok(self.context.client.put_object(request).await?)
    }

    /// Tells too where the ledger keeps the upload that it took.
    async fn send_overlay(
        &self,
        key: &str,
        overlay: &mut Overlay,
        size: u64,
        resumed: Option<Upload>,
    ) -> Result<(PutObjectOutput, Option<u64>)> {
        let budget = &self.context.budget;
        // No more in memory at once than the class may ever lease.
        let most = (budget.total() / 4).max(SMALLEST_PART);
        let part = parts::even(size, self.context.config.multipart_size.min(most));
        if size <= part {
            let _lease = budget.lease(Priority::Write, size).await?;
            let data = overlay.part(self, 0..size).await?;
            return Ok((self.put(key, data).await?, None));
        }
        let (base, pieces) = match overlay.unchanged() {
            Some((base, runs)) => (Some(base.clone()), plan(size, part, &runs)),
            None => (None, plan(size, part, &[])),
        };
        let mut upload = match resumed {
            Some(upload) => upload,
            None => self.begin_upload(key).await?,
        };
        for piece in pieces {
            match (piece, &base) {
                (Piece::Copy(range), Some(base)) => upload.copy(base, range).await?,
                (Piece::Copy(range) | Piece::Send(range), _) => {
                    if upload.skips(&range)? {
                        continue;
                    }
                    let len = range.end - range.start;
                    let lease = budget.lease(Priority::Write, len).await?;
                    // They are in the staging file: that is where a successor finds them too.
                    let place = BufferRecord {
                        start: range.start,
                        len,
                        place: None,
                    };
                    let data = overlay.part(self, range).await?;
                    let batch = self.ledger.batch();
                    upload.send(data, Some(lease), place, batch).await?;
                }
            }
        }
        let kept = upload.kept();
        Ok((upload.complete().await?, kept))
    }
}
