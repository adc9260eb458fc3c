//! The first of several providers that has a key.

use super::{CredentialsProvider, Key};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _};
use std::sync::Arc;

/// Asks providers in order and takes the first answer.
pub struct Chain(Vec<Arc<dyn CredentialsProvider>>);

impl Chain {
    /// Asks in this order.
    pub fn new(providers: Vec<Arc<dyn CredentialsProvider>>) -> Self {
        Self(providers)
    }
}

impl CredentialsProvider for Chain {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        async {
            let mut faults = Vec::new();
            for provider in &self.0 {
                match provider.key().await {
                    Ok(key) => return Ok(key),
                    Err(error) => faults.push(error.to_string()),
                }
            }
            let said = if faults.is_empty() {
                "none is set up".into()
            } else {
                faults.join("; ")
            };
            Err(Error::new(
                ErrorKind::Unauthenticated,
                format!("no credentials: {said}"),
            ))
        }
        .boxed()
    }

    fn refused(&self, key: &Arc<Key>) -> bool {
        // Not `any`: the key may have come from each of them.
        let renewed = self.0.iter().filter(|provider| provider.refused(key));
        renewed.count() > 0
    }
}
