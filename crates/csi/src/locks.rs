//! One call at a time for each volume.

use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc};
use tonic::Status;

/// The volumes that a call is busy with.
#[derive(Clone, Default)]
pub(crate) struct Locks(Arc<Mutex<HashSet<String>>>);

/// A volume is busy until this is dropped.
pub(crate) struct Busy {
    locks: Locks,
    id: String,
}

impl Locks {
    /// # Errors
    /// Aborted, as the specification wants it, when another call is busy with the volume.
    pub(crate) fn take(&self, id: &str) -> Result<Busy, Status> {
        if self.0.lock().insert(id.to_owned()) {
            return Ok(Busy {
                locks: self.clone(),
                id: id.to_owned(),
            });
        }
        Err(Status::aborted(format!(
            "another call for volume {id} is under way; it is repeated by itself"
        )))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.locks.0.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_call_is_aborted_and_a_later_one_not() {
        let locks = Locks::default();
        let busy = locks.take("v").unwrap();
        assert_eq!(locks.take("v").err().unwrap().code(), tonic::Code::Aborted);
        assert!(locks.take("w").is_ok());
        drop(busy);
        assert!(locks.take("v").is_ok());
    }
}
