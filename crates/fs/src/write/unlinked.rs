//! Files that lose their names while they are open.

use super::state::{Place, State};
use super::writer::{File, Writer};
use crate::{error::Result, types::ObjectVersion};

impl Writer {
    /// Says that the file's name goes, or that it has one after all. Without one it is never made an object by itself:
    /// what was sent is lost, and the rest stays here.
    pub async fn set_linked(&self, linked: bool) {
        let mut state = self.file.state.lock().await;
        state.unlinked = !linked;
        if !linked {
            self.keep_for_reading();
        }
        self.file.save(&state);
    }

    /// The object without which the file can't be read here; `None`: all of it is here. What was sent of one that is not
    /// whole yet is made an object, unless the name is gone already.
    pub async fn rests_on(&self) -> Result<Option<ObjectVersion>> {
        let mut state = self.file.enter().await?;
        let result = self.file.rests_on_locked(&mut state).await;
        self.file.end(&mut state, result)
    }

    /// The object that the file rests on is to be found as this version, with the same bytes.
    pub async fn rest_on(&self, version: ObjectVersion) {
        let mut state = self.file.state.lock().await;
        if let Place::Staged(overlay) = &mut state.place {
            overlay.lie_over(&version);
            overlay.record(&self.file);
        }
        state.base = Some(version);
        self.file.save(&state);
    }
}

impl File {
    async fn rests_on_locked(&self, state: &mut State) -> Result<Option<ObjectVersion>> {
        if let Place::Memory {
            upload: Some(_), ..
        } = &state.place
            && !state.unlinked
        {
            self.flush_locked(state).await?;
        }
        // Bytes can't be added to the copy that the file will rest on.
        self.leave_tail(state).await?;
        Ok(match &state.place {
            Place::Base => state.base.clone(),
            Place::Memory { .. } | Place::Appended(_) => None,
            Place::Staged(overlay) => overlay.lacks().cloned(),
        })
    }
}
