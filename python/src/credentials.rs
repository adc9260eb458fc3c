//! Who signs: a key that Python may replace, a Python callable that is asked now and then, or the chain that all of ossplit uses.

use crate::runtime::{ENDING, call_python};
use futures_util::future::{BoxFuture, FutureExt as _};
use ossplit::{
    CredentialsProvider, Error, ErrorKind, Key,
    credentials::{Issued, Source},
};
use parking_lot::RwLock;
use pyo3::prelude::*;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// (id, secret, token)
pub(crate) type KeyTuple = (String, String, Option<String>);

pub(crate) fn key((id, secret, token): KeyTuple) -> Key {
    Key {
        id: id.trim().to_owned(),
        secret: secret.trim().to_owned(),
        token: token.filter(|t| !t.is_empty()),
    }
}

/// A key that can be replaced while it is in use.
pub(crate) struct Replaceable(RwLock<Arc<Key>>);

impl Replaceable {
    pub(crate) fn new(key: Key) -> Self {
        Self(RwLock::new(Arc::new(key)))
    }

    /// What was derived from the old key is kept if the new one is the same.
    pub(crate) fn set(&self, key: Key) {
        if **self.0.read() != key {
            *self.0.write() = Arc::new(key);
        }
    }
}

impl CredentialsProvider for Replaceable {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        let key = Arc::clone(&self.0.read());
        std::future::ready(Ok(key)).boxed()
    }
}

/// How long the key of a callable that gives no end is used, besides the five minutes that keys are renewed before their end.
const GOOD_FOR: Duration = Duration::from_mins(6);

/// A Python callable that gives (id, secret, token) or (id, secret, token, end in Unix seconds).
pub(crate) struct Callable(pub(crate) Py<PyAny>);

impl Source for Callable {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
        let call = call_python(|py| self.0.clone_ref(py));
        async move {
            let fault = |what: String| {
                Error::new(ErrorKind::Unauthenticated, format!("credentials: {what}"))
            };
            let call = call.ok_or_else(|| fault(ENDING.into()))?;
            // It may ask a network.
            let asked = tokio::task::spawn_blocking(move || {
                let asked = call_python(|py| ask(py, &call).map_err(|e| e.to_string()));
                asked.unwrap_or_else(|| Err(ENDING.into()))
            });
            let asked = asked.await.map_err(|e| fault(e.to_string()))?;
            asked.map_err(fault)
        }
        .boxed()
    }
}

fn ask(py: Python<'_>, call: &Py<PyAny>) -> PyResult<Issued> {
    let given = call.bind(py).call0()?;
    let (tuple, end) = match given.extract::<(String, String, Option<String>, Option<f64>)>() {
        Ok((id, secret, token, end)) => ((id, secret, token), end),
        Err(_) => (given.extract::<KeyTuple>()?, None),
    };
    let end = end.map(|end| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(end.max(0.0)));
    Ok(Issued {
        key: key(tuple),
        expiration: Some(end.unwrap_or_else(|| SystemTime::now() + GOOD_FOR)),
    })
}
