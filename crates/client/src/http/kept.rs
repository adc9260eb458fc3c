//! Idle connections, by host. The newest is taken first, so that surplus ones grow old and are closed.

use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Connections that nobody uses now.
pub(super) struct Kept<T> {
    /// How long one is kept.
    timeout: Duration,
    /// By host; the newest at the back.
    idle: Mutex<HashMap<String, VecDeque<(T, Instant)>>>,
}

impl<T> Kept<T> {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            idle: Mutex::default(),
        }
    }

    /// Puts a connection there for the next request.
    pub(super) fn put(&self, host: String, connection: T) {
        let mut all = self.idle.lock();
        let list = all.entry(host).or_default();
        list.push_back((connection, Instant::now()));
        self.drop_old(list);
    }

    /// The newest one.
    pub(super) fn take(&self, host: &str) -> Option<T> {
        let mut all = self.idle.lock();
        let list = all.get_mut(host)?;
        self.drop_old(list);
        list.pop_back().map(|(connection, _)| connection)
    }

    /// Drops connections that grew old: they stand at the front.
    fn drop_old(&self, list: &mut VecDeque<(T, Instant)>) {
        while list
            .front()
            .is_some_and(|(_, since)| since.elapsed() >= self.timeout)
        {
            list.pop_front();
        }
    }
}
