//! A save as its caller sees it.

use crate::{Commit, Error, Result};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How far a save is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Training may change what was saved.
    Staged,
    /// All bytes are in OSS.
    Uploaded,
    /// The checkpoint is there.
    Committed,
    /// It is not there, and will not be unless it is resumed.
    Failed,
    /// It was not begun, since another one was under way.
    Skipped,
}

impl State {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        match self {
            Self::Staged | Self::Uploaded => false,
            Self::Committed | Self::Failed | Self::Skipped => true,
        }
    }

    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Uploaded => "uploaded",
            Self::Committed => "committed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A save under way. Cheap to clone; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Save {
    step: u64,
    shared: Arc<(Mutex<Inner>, Condvar)>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    outcome: Option<std::result::Result<Arc<Commit>, Arc<Error>>>,
}

impl Save {
    pub(super) fn new(step: u64, state: State) -> Self {
        let inner = Inner {
            state,
            outcome: None,
        };
        Self {
            step,
            shared: Arc::new((Mutex::new(inner), Condvar::new())),
        }
    }

    /// One that ended before it began.
    pub(super) fn ended(step: u64, error: Error) -> Self {
        let save = Self::new(step, State::Staged);
        save.end(Err(error));
        save
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reach(&self, state: State) {
        self.lock().state = state;
        self.shared.1.notify_all();
    }

    pub(super) fn end(&self, outcome: Result<Commit>) {
        let mut inner = self.lock();
        inner.state = match &outcome {
            Ok(_) => State::Committed,
            Err(Error::Skipped(_)) => State::Skipped,
            Err(_) => State::Failed,
        };
        inner.outcome = Some(outcome.map(Arc::new).map_err(Arc::new));
        drop(inner);
        self.shared.1.notify_all();
    }

    /// The step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.lock().state
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<std::result::Result<Arc<Commit>, Arc<Error>>> {
        self.lock().outcome.clone()
    }

    /// Waits until it ended, or for so long; whether it ended. Not for async tasks: it blocks the thread.
    pub fn wait_for(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut inner = self.lock();
        while inner.outcome.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.1.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Waits until it ended. Not for async tasks: it blocks the thread.
    pub fn wait(&self) -> std::result::Result<Arc<Commit>, Arc<Error>> {
        loop {
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            self.wait_for(Duration::from_hours(1));
        }
    }
}
