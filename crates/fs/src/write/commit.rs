//! Making an object of what was written.

use super::{
    overlay::Overlay,
    parts::{self, SMALLEST_PART},
    plan::{Piece, plan},
    upload::Upload,
    writer::{File, Place, State},
};
use crate::{
    budget::Priority,
    error::{Error, Result},
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
        let size = self.size();
        let output = match &mut state.place {
            Place::Base => return state.base.clone().ok_or(Error::BadHandle),
            Place::Memory {
                buffer,
                upload: None,
            } => {
                let data = buffer.lend();
                let output = self.put(&state.key, data.clone()).await?;
                buffer.give_back(data);
                output
            }
            Place::Memory { buffer, upload } => {
                let mut sending = upload.take().ok_or(Error::BadHandle)?;
                if buffer.len() > 0 {
                    let (data, lease) = buffer.take();
                    sending.send(data, lease).await?;
                }
                debug_assert_eq!(sending.length(), size, "parts cover the file");
                sending.complete().await?
            }
            Place::Staged(overlay) => self.send_overlay(&state.key, overlay, size).await?,
        };
        let version = ObjectVersion {
            key: state.key.as_str().into(),
            etag: output.etag.into(),
            version_id: output.version_id.map(Into::into),
            size,
            mtime: self.context.clock.wall(),
            crc64: output.crc64,
        };
        state.base = Some(version.clone());
        if let Place::Staged(overlay) = &mut state.place {
            overlay.rebase(&version);
        }
        if matches!(&state.place, Place::Memory { buffer, .. } if buffer.start > 0) {
            // What was sent is in OSS now; the next write begins from there.
            state.place = Place::Base;
        }
        self.dirty.store(false, Ordering::Release);
        Ok(version)
    }

    async fn put(&self, key: &str, data: Bytes) -> Result<PutObjectOutput> {
        let request = PutObject::new(self.context.config.bucket.clone(), key, data);
        let request = request.with(self.with());
        Ok(self.context.client.put_object(request).await?)
    }

    async fn send_overlay(
        &self,
        key: &str,
        overlay: &mut Overlay,
        size: u64,
    ) -> Result<PutObjectOutput> {
        let budget = &self.context.budget;
        // No more in memory at once than the class may ever lease.
        let most = (budget.total() / 4).max(SMALLEST_PART);
        let part = parts::even(size, self.context.config.multipart_size.min(most));
        if size <= part {
            let _lease = budget.lease(Priority::Write, size).await?;
            return self.put(key, overlay.part(self, 0..size).await?).await;
        }
        let (base, pieces) = match overlay.unchanged() {
            Some((base, runs)) => (Some(base.clone()), plan(size, part, &runs)),
            None => (None, plan(size, part, &[])),
        };
        let mut upload = Upload::begin(&self.context, key, &self.with()).await?;
        for piece in pieces {
            match (piece, &base) {
                (Piece::Copy(range), Some(base)) => upload.copy(base, range).await?,
                (Piece::Copy(range) | Piece::Send(range), _) => {
                    let lease = budget
                        .lease(Priority::Write, range.end - range.start)
                        .await?;
                    let data = overlay.part(self, range).await?;
                    upload.send(data, Some(lease)).await?;
                }
            }
        }
        upload.complete().await
    }
}
