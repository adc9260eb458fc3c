//! A cache around a source of keys that end.

use super::{CredentialsProvider, Issued, Key};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _};
use parking_lot::{Mutex, RwLock};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A key is renewed this long before its end, as the SDKs do.
const BEFORE_THE_END: Duration = Duration::from_mins(5);

/// A key that the service refused is renewed at once, but not more often than this: a disabled
/// account would have every request ask the source.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(10);

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
    refused_at: Mutex<Option<SystemTime>>,
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
            refused_at: Mutex::new(None),
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

    async fn issue(&self) -> Result<Issued, Error> {
        let issued = self.source.issue().await?;
        if issued.expiration.is_some_and(|end| end <= (self.now)()) {
            let message = "the key that was issued has ended already: check the clock";
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
        Ok(issued)
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
        match self.issue().await {
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

    fn refused(&self, key: &Arc<Key>) -> bool {
        let now = (self.now)();
        let mut refused_at = self.refused_at.lock();
        let mut current = self.current.write();
        let ours = current
            .as_ref()
            .is_some_and(|(now, _)| Arc::ptr_eq(now, key));
        if ours {
            if refused_at.is_some_and(|at| now < at + BETWEEN_REFUSALS) {
                return false;
            }
            *refused_at = Some(now);
            *current = None;
        }
        // Not ours any more: another caller has renewed it since.
        ours || current.is_some()
    }
}
