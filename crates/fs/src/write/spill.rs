//! Giving memory back when others wait for it.

use super::{
    append::Tail,
    parts::SMALLEST_PART,
    state::{Place, State},
    writer::File,
};
use crate::{budget::Reclaim, error::Result};
use std::sync::{Arc, Weak, atomic::Ordering};
use tokio::runtime::Handle;

/// How the budget asks an open file for memory.
pub(super) struct Spill(Weak<File>);

impl Spill {
    /// Lets the budget ask for what `file` buffers, for as long as the answer lives.
    pub(super) fn register(file: &Arc<File>) -> Arc<Self> {
        let spill = Arc::new(Self(Arc::downgrade(file)));
        let weak: Weak<Self> = Arc::downgrade(&spill);
        file.context.budget.register(weak);
        spill
    }
}

impl Reclaim for Spill {
    /// Has a file that nobody wrote to lately moved out of memory, and tells how much that will free.
    fn reclaim(&self, _bytes: u64) -> u64 {
        let (Some(file), Ok(runtime)) = (self.0.upgrade(), Handle::try_current()) else {
            return 0;
        };
        // Whoever is writing it will give its memory back soon enough.
        if file.busy.swap(false, Ordering::Relaxed) {
            return 0;
        }
        let Ok(mut state) = Arc::clone(&file.state).try_lock_owned() else {
            return 0;
        };
        let bytes = match &state.place {
            Place::Memory { buffer, .. } | Place::Appended(Tail { buffer, .. })
                if state.failed.is_none() =>
            {
                buffer.held()
            }
            _ => 0,
        };
        if bytes > 0 {
            runtime.spawn(async move {
                if state.enter().is_ok() {
                    let spilled = file.spill(&mut state).await;
                    // The next call tells the program.
                    drop(file.end(&mut state, spilled));
                }
            });
        }
        bytes
    }
}

impl File {
    async fn spill(&self, state: &mut State) -> Result<()> {
        if let Place::Appended(tail) = &mut state.place {
            // A request for a few bytes is worth it only once there is nothing else to give back.
            let (len, spare) = (tail.buffer.len(), tail.buffer.spare());
            if len >= SMALLEST_PART || (len > 0 && spare == 0) {
                return self.append_tail(state).await;
            }
            tail.buffer.trim();
        }
        let Place::Memory { buffer, upload } = &mut state.place else {
            return Ok(());
        };
        if upload.is_none() && buffer.len() > 0 {
            // Without room on the disk it stays where it is.
            if let Err(error) = self.stage(state).await {
                tracing::warn!(key = %state.key, %error, "no room in tmpdir for what is in memory");
            }
            return Ok(());
        }
        if buffer.len() >= SMALLEST_PART {
            return self.send_buffer(state).await;
        }
        buffer.trim();
        Ok(())
    }
}
