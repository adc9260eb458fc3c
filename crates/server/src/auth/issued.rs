//! Keys that the server made itself, each with a token and an end.

use super::{Account, Identity};
use ossplit_protocol::sign::Key;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};
use thiserror::Error;

/// Keys that may live at once.
const MAX: usize = 100_000;

/// Ended keys are remembered for this long, in seconds, so that whoever uses one is told why not.
const REMEMBERED: i64 = 3600;

/// No key can be made now.
#[derive(Debug, Error)]
pub(crate) enum Full {
    /// Too many live already.
    #[error("too many keys are in use")]
    TooMany,
    /// The system has no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] io::Error),
}

#[derive(Default)]
pub(super) struct Issued {
    by_id: HashMap<String, Arc<Account>>,
    /// Ids by token.
    by_token: HashMap<String, String>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

/// Random letters and digits.
pub(crate) fn letters(count: usize) -> io::Result<String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = vec![0; count];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 62)]);
    Ok(random.iter().map(letter).collect())
}

impl Issued {
    pub(super) fn get(&self, id: &str) -> Option<Arc<Account>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn is_token(&self, token: &str) -> bool {
        self.by_token.contains_key(token)
    }

    pub(super) fn issue(
        &mut self,
        identity: Identity,
        expires: i64,
        now: i64,
    ) -> Result<Arc<Account>, Full> {
        if self.by_id.len() >= MAX {
            let lives = |account: &Arc<Account>| account.expires > Some(now - REMEMBERED);
            self.by_id.retain(|_, account| lives(account));
            let by_id = &self.by_id;
            self.by_token.retain(|_, id| by_id.contains_key(id));
        }
        if self.by_id.len() >= MAX {
            return Err(Full::TooMany);
        }
        let key = Key {
            id: format!("STS.{}", letters(25)?),
            secret: letters(44)?,
            token: Some(format!("CAIS{}", letters(200)?)),
        };
        self.by_token
            .extend(key.token.clone().map(|token| (token, key.id.clone())));
        let account = Arc::new(Account::new(key, identity, Some(expires)));
        self.by_id
            .insert(account.key.id.clone(), Arc::clone(&account));
        Ok(account)
    }
}
