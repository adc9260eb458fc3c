//! Making an object of what was written.

use super::{
    parts::{self, SMALLEST_PART},
    staging::Staging,
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
            Place::Staged(staging) => {
                let staging = staging.clone();
                self.send_staged(&state.key, &staging, size).await?
            }
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

    async fn send_staged(
        &self,
        key: &str,
        staging: &Staging,
        size: u64,
    ) -> Result<PutObjectOutput> {
        let budget = &self.context.budget;
        // No more in memory at once than the class may ever lease.
        let most = (budget.total() / 4).max(SMALLEST_PART);
        let part = parts::even(size, self.context.config.multipart_size.min(most));
        if size <= part {
            let _lease = budget.lease(Priority::Write, size).await?;
            return self.put(key, staging.read(0, size).await?).await;
        }
        let mut upload = Upload::begin(&self.context, key, &self.with()).await?;
        let mut offset = 0;
        while offset < size {
            let length = part.min(size - offset);
            let lease = budget.lease(Priority::Write, length).await?;
            let data = staging.read(offset, length).await?;
            upload.send(data, Some(lease)).await?;
            offset += length;
        }
        upload.complete().await
    }
}
