//! The table under its lock. What a call changed is in the ledger when it unlocks, and so before anybody is answered.

use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard};

use super::Namespace;

/// A namespace that threads share.
pub(crate) struct SharedNamespace(Mutex<Namespace>);

impl SharedNamespace {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self(Mutex::new(namespace))
    }

    pub(crate) fn lock(&self) -> Guard<'_> {
        Guard(self.0.lock())
    }
}

/// The namespace, locked.
pub(crate) struct Guard<'a>(MutexGuard<'a, Namespace>);

impl Deref for Guard<'_> {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Namespace {
        &mut self.0
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.0.has_news() {
            self.0.record();
        }
    }
}
