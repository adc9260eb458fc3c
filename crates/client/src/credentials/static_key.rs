//! One key that never changes.

use super::{CredentialsProvider, Key};
use crate::Error;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use std::sync::Arc;

/// Always the same key.
#[derive(Debug, Clone)]
pub struct StaticProvider(Arc<Key>);

impl StaticProvider {
    /// Signs with `key` for ever.
    pub fn new(key: Key) -> Self {
        Self(Arc::new(key))
    }
}

impl CredentialsProvider for StaticProvider {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        ready(Ok(Arc::clone(&self.0))).boxed()
    }
}
