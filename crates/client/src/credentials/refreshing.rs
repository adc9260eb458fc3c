//! A cache around a source of keys that end.

use super::{CredentialsProvider, Issued, Key};
use crate::Error;
use futures_util::future::{BoxFuture, FutureExt as _};
use parking_lot::RwLock;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A key is renewed this long before its end, as the SDKs do.
const BEFORE_THE_END: Duration = Duration::from_mins(5);

/// Something that issues keys, each good for a while. Slow to ask.
pub trait Source: Send + Sync {
    /// Issues a key.
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>>;
}

/// Asks a [`Source`] when its last key nears the end.
pub struct Refreshing<S> {
    source: S,
    current: RwLock<Option<(Arc<Key>, Option<SystemTime>)>>,
    asking: tokio::sync::Mutex<()>,
    now: fn() -> SystemTime,
}

impl<S: Source> Refreshing<S> {
    /// Nothing is asked before the first request.
    pub fn new(source: S) -> Self {
        Self::with_clock(source, SystemTime::now)
    }

    pub(crate) fn with_clock(source: S, now: fn() -> SystemTime) -> Self {
        Self {
            source,
            current: RwLock::new(None),
            asking: tokio::sync::Mutex::new(()),
            now,
        }
    }

    /// The key if it lasts for `margin` yet.
    fn lasting(&self, margin: Duration) -> Option<Arc<Key>> {
        let current = self.current.read();
        let (key, expiration) = current.as_ref()?;
        expiration
            .is_none_or(|end| (self.now)() + margin < end)
            .then(|| Arc::clone(key))
    }

    async fn current_key(&self) -> Result<Arc<Key>, Error> {
        if let Some(key) = self.lasting(BEFORE_THE_END) {
            return Ok(key);
        }
        // Near the end only one caller asks; the others go on with what is still good.
        let asking = match (self.asking.try_lock(), self.lasting(Duration::ZERO)) {
            (Ok(asking), _) => asking,
            (Err(_), Some(key)) => return Ok(key),
            (Err(_), None) => self.asking.lock().await,
        };
        if let Some(key) = self.lasting(BEFORE_THE_END) {
            return Ok(key);
        }
        match self.source.issue().await {
            Ok(issued) => {
                let key = Arc::new(issued.key);
                *self.current.write() = Some((Arc::clone(&key), issued.expiration));
                drop(asking);
                Ok(key)
            }
            Err(error) => match self.lasting(Duration::ZERO) {
                Some(key) => {
                    tracing::warn!(%error, "the key could not be renewed yet");
                    Ok(key)
                }
                None => Err(error),
            },
        }
    }
}

impl<S: Source> CredentialsProvider for Refreshing<S> {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        self.current_key().boxed()
    }
}
