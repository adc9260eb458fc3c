//! A password file as ossfs 1 has it, read again when it changes.

use super::{CredentialsProvider, Key};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use parking_lot::Mutex;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// How often the file's time is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines `ID:SECRET` (any bucket) or `BUCKET:ID:SECRET`; `#` begins a comment line.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    bucket: String,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    key: Arc<Key>,
    modified: Option<SystemTime>,
    looked: Instant,
}

impl KeyFile {
    /// Reads the key for `bucket`. Who may read the file is the caller's to check.
    pub fn open(path: &Path, bucket: &str) -> Result<Self, Error> {
        let (key, modified) = load(path, bucket)?;
        let loaded = Loaded {
            key: Arc::new(key),
            modified,
            looked: Instant::now(),
        };
        Ok(Self {
            path: path.to_owned(),
            bucket: bucket.to_owned(),
            loaded: Mutex::new(loaded),
        })
    }

    fn current(&self) -> Arc<Key> {
        let mut loaded = self.loaded.lock();
        if loaded.looked.elapsed() >= LOOK_EVERY {
            loaded.looked = Instant::now();
            let modified = std::fs::metadata(&self.path)
                .and_then(|m| m.modified())
                .ok();
            if modified.is_some() && modified != loaded.modified {
                match load(&self.path, &self.bucket) {
                    Ok((key, modified)) => {
                        loaded.key = Arc::new(key);
                        loaded.modified = modified;
                    }
                    // Half-written perhaps: the old key goes on, the next look tries again.
                    Err(error) => tracing::warn!(%error, "the changed password file is no good"),
                }
            }
        }
        Arc::clone(&loaded.key)
    }
}

impl CredentialsProvider for KeyFile {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        ready(Ok(self.current())).boxed()
    }
}

fn load(path: &Path, bucket: &str) -> Result<(Key, Option<SystemTime>), Error> {
    let fault = |what: String| {
        Error::new(
            ErrorKind::Unauthenticated,
            format!("password file {}: {what}", path.display()),
        )
    };
    let modified = std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    let mut general = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is never quoted: it holds a secret.
        let fields: Vec<&str> = line.split(':').collect();
        let key = |id: &str, secret: &str| Key {
            id: id.into(),
            secret: secret.into(),
            token: None,
        };
        match fields[..] {
            _ if line.contains(char::is_whitespace) => {
                return Err(fault(format!("line {} holds a blank", number + 1)));
            }
            [id, secret] if !id.is_empty() && !secret.is_empty() => {
                general.get_or_insert(key(id, secret));
            }
            [name, id, secret] if !id.is_empty() && !secret.is_empty() => {
                if name == bucket {
                    return Ok((key(id, secret), modified));
                }
            }
            _ => {
                let line = number + 1;
                return Err(fault(format!(
                    "line {line} is neither ACCESS_KEY_ID:ACCESS_KEY_SECRET nor BUCKET:ACCESS_KEY_ID:ACCESS_KEY_SECRET"
                )));
            }
        }
    }
    let key = general.ok_or_else(|| fault(format!("no line is for bucket {bucket}")))?;
    Ok((key, modified))
}
