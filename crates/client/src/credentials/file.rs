//! A password file as ossfs 1 has it, or a key as the metadata service answers it; read again when it changes.

use super::{CredentialsProvider, Key, parse_issued};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// How often the file's time is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines `ID:SECRET` (any bucket) or `BUCKET:ID:SECRET`; `#` begins a comment line. Or the JSON that the ECS
/// metadata service answers, which may hold a token: whoever writes the file renews it before the key's end.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    bucket: String,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    key: Arc<Key>,
    stamp: Stamp,
    /// `None`: look at the next request.
    looked: Option<Instant>,
}

/// What changes when the file does: its time, its length, and (where it is replaced, as Kubernetes
/// does with secrets) its inode.
type Stamp = Option<(SystemTime, u64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

impl KeyFile {
    /// Reads the key for `bucket`. Who may read the file is the caller's to check.
    pub fn open(path: &Path, bucket: &str) -> Result<Self, Error> {
        let (key, stamp) = load(path, bucket)?;
        let loaded = Loaded {
            key: Arc::new(key),
            stamp,
            looked: Some(Instant::now()),
        };
        Ok(Self {
            path: path.to_owned(),
            bucket: bucket.to_owned(),
            loaded: Mutex::new(loaded),
        })
    }

    async fn current(&self) -> Arc<Key> {
        let before = {
            let mut loaded = self.loaded.lock();
            let fresh = |looked: Instant| looked.elapsed() < LOOK_EVERY;
            if loaded.looked.is_some_and(fresh) {
                return Arc::clone(&loaded.key);
            }
            // This caller looks; the others go on with the key there is.
            loaded.looked = Some(Instant::now());
            loaded.stamp
        };
        let (path, bucket) = (self.path.clone(), self.bucket.clone());
        let look = move || match stamp(&path) {
            now if now.is_none() || now == before => None,
            _ => Some(load(&path, &bucket)),
        };
        let looked = tokio::task::spawn_blocking(look).await;
        let mut loaded = self.loaded.lock();
        match looked {
            Ok(Some(Ok((key, stamp)))) => {
                if key != *loaded.key {
                    loaded.key = Arc::new(key);
                }
                loaded.stamp = stamp;
            }
            // Half-written perhaps: the old key goes on, the next look tries again.
            Ok(Some(Err(error))) => tracing::warn!(%error, "the changed password file is no good"),
            Ok(None) | Err(_) => {}
        }
        Arc::clone(&loaded.key)
    }
}

impl CredentialsProvider for KeyFile {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        self.current().map(Ok).boxed()
    }

    fn refused(&self, key: &Arc<Key>) -> bool {
        let mut loaded = self.loaded.lock();
        if Arc::ptr_eq(&loaded.key, key) {
            // The file may have changed since the last look.
            loaded.looked = None;
        }
        true
    }
}

fn load(path: &Path, bucket: &str) -> Result<(Key, Stamp), Error> {
    let fault = |what: String| {
        Error::new(
            ErrorKind::Unauthenticated,
            format!("password file {}: {what}", path.display()),
        )
    };
    // Before the text: a change in between is seen at the next look.
    let stamp = stamp(path);
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    if text.trim_start().starts_with('{') {
        let issued = parse_issued(
            text.as_bytes(),
            &format!("password file {}", path.display()),
        )?;
        return Ok((issued.key, stamp));
    }
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
                    return Ok((key(id, secret), stamp));
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
    Ok((key, stamp))
}
