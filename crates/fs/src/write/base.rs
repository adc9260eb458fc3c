//! What a file began with, brought to where it can be changed.

use super::{
    buffer::Buffer,
    overlay::Overlay,
    parts::SMALLEST_PART,
    staging::Staging,
    state::{Place, State},
    writer::File,
};
use crate::{
    error::{Error, Result, stale_if_gone},
    types::ObjectVersion,
};
use bytes::Bytes;
use ossplit::GetObject;
use std::{ops::Range, sync::atomic::Ordering};

/// An `ETag` that no object has.
const NO_ETAG: &str = "\"none\"";

impl File {
    /// Brings the contents of the base to where they can be changed.
    pub(super) async fn take_base(&self, state: &mut State, at_end: bool) -> Result<()> {
        if at_end && let Some(tail) = self.tail_of(state).await? {
            self.put_in(state, Place::Appended(tail));
            return Ok(());
        }
        let base = state.base.clone().ok_or(Error::BadHandle)?;
        let config = &self.context.config;
        let kept = self.kept.load(Ordering::Relaxed);
        // Of a file without a name only what is read is fetched: the object may be gone.
        if base.size <= config.multipart_size && !state.unlinked {
            let mut buffer = Buffer::default();
            let most = config.multipart_size;
            if buffer.reserve(base.size, base.size, most, &self.context) {
                let data = self.get(&base, 0..base.size).await?;
                buffer.write(0, &data, &self.context)?;
                let upload = None;
                self.put_in(state, Place::Memory { buffer, upload });
                return Ok(());
            }
        } else if at_end && !kept && base.size >= SMALLEST_PART {
            // Appending: the old bytes never leave OSS.
            let mut upload = self.begin_upload(&state.key).await?;
            upload.copy(&base, 0..base.size).await?;
            let place = Place::Memory {
                buffer: Buffer::at(base.size),
                upload: Some(upload),
            };
            self.put_in(state, place);
            return Ok(());
        }
        let overlay = self.overlay(base).await?;
        self.put_in(state, Place::Staged(overlay));
        Ok(())
    }

    /// A GET of bytes of the base, and of no other version.
    fn request(&self, base: &ObjectVersion, span: Range<u64>) -> GetObject {
        let bucket = self.context.config.bucket.clone();
        let get = GetObject::new(bucket, &*base.key).if_match(&*base.etag);
        // Without a range the whole object's CRC64 is compared.
        if span == (0..base.size) {
            get
        } else {
            get.range(span)
        }
    }

    /// Bytes of the base, in one piece.
    pub(super) async fn get(&self, base: &ObjectVersion, span: Range<u64>) -> Result<Bytes> {
        if span.is_empty() {
            return Ok(Bytes::new());
        }
        let request = self.request(base, span);
        let answer = self.context.client.get_object(request).await;
        let mut answer = answer.map_err(stale_if_gone)?;
        answer.body.collect().await.map_err(stale_if_gone)
    }

    /// The base, of which nothing is fetched until it is needed.
    async fn overlay(&self, base: ObjectVersion) -> Result<Overlay> {
        let staging = Staging::create(&self.context).await?;
        Overlay::over(staging, base).await
    }

    /// Ends an upload early: what was sent can only be read back, or changed, as an object.
    pub(super) async fn leave_upload(&self, state: &mut State) -> Result<()> {
        if !state.unlinked {
            return self.flush_locked(state).await.map(drop);
        }
        let Place::Memory { buffer, .. } = &state.place else {
            return Ok(());
        };
        // Under its key is another file, or none. What was sent is that of an object that never was: reading it is Stale.
        let sent = ObjectVersion {
            key: state.key.as_str().into(),
            etag: NO_ETAG.into(),
            version_id: None,
            size: buffer.start,
            mtime: self.context.clock.wall(),
            crc64: None,
            appendable: false,
        };
        self.stage_over(state, sent).await
    }

    /// Moves everything that is here into a staging file.
    pub(super) async fn stage(&self, state: &mut State) -> Result<()> {
        if let Place::Memory {
            upload: Some(_), ..
        } = &state.place
        {
            self.leave_upload(state).await?;
            self.dirty.store(true, Ordering::Release);
        }
        self.leave_tail(state).await?;
        let overlay = match &mut state.place {
            Place::Staged(_) => return Ok(()),
            Place::Appended(_) => return Err(Error::BadHandle),
            Place::Base => {
                let base = state.base.clone().ok_or(Error::BadHandle)?;
                self.overlay(base).await?
            }
            Place::Memory { buffer, .. } => {
                self.context.config.check_room(buffer.len())?;
                let staging = Staging::create(&self.context).await?;
                staging.write(0, buffer.lend()).await?;
                Overlay::new(staging)
            }
        };
        self.put_in(state, Place::Staged(overlay));
        Ok(())
    }
}
