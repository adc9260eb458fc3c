//! Who signs: providers of AccessKeys, one a file.
//!
//! A provider whose keys end ([`Key::token`](ossplit_protocol::sign::Key) with an expiration) goes
//! into [`Refreshing`], which asks it again before the end, one caller at a time, while the others
//! go on with the key that is still good.

mod chain;
mod ecs;
mod environment;
mod file;
mod process;
mod refreshing;
mod static_key;
mod sts;

pub use chain::Chain;
pub use ecs::EcsRole;
pub use environment::key_from_environment;
pub use file::KeyFile;
pub use ossplit_protocol::sign::Key;
pub use process::CredentialProcess;
pub use refreshing::{Refreshing, Source};
pub use static_key::StaticProvider;
pub use sts::{Role, Sts};

use crate::{Error, ErrorKind};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Gives the key that signs the next request. Cheap to ask: it is asked for every request.
pub trait CredentialsProvider: Send + Sync {
    /// The key to sign with now.
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>>;

    /// The service refused `key` as unknown or ended. Whether [`key`](Self::key) may give another.
    fn refused(&self, key: &Arc<Key>) -> bool {
        let _ = key;
        false
    }
}

/// A key with the moment it ends, if it does.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The key.
    pub key: Key,
    /// When it ends.
    pub expiration: Option<SystemTime>,
}

/// The JSON that the ECS metadata service and credential processes answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IssuedJson {
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    expiration: Option<String>,
    code: Option<String>,
}

/// Reads that JSON. The error never holds its text: there are secrets in it.
fn parse_issued(json: &[u8], from: &str) -> Result<Issued, Error> {
    let parsed = serde_json::from_slice(json).map_err(|_| {
        let message = format!("{from}: the answer is not the JSON expected");
        Error::new(ErrorKind::Unauthenticated, message)
    })?;
    of_json(parsed, from)
}

fn of_json(parsed: IssuedJson, from: &str) -> Result<Issued, Error> {
    let fault = |what: &str| Error::new(ErrorKind::Unauthenticated, format!("{from}: {what}"));
    if let Some(code) = parsed.code.filter(|code| code != "Success") {
        return Err(fault(&format!("the answer's Code is {code}")));
    }
    let (Some(id), Some(secret)) = (parsed.access_key_id, parsed.access_key_secret) else {
        return Err(fault("AccessKeyId or AccessKeySecret is missing"));
    };
    let expiration = match parsed.expiration {
        Some(text) => {
            let seconds = ossplit_protocol::time::parse_xml_time(&text)
                .ok_or_else(|| fault("Expiration is not like 2026-11-23T10:00:00Z"))?;
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.max(0).cast_unsigned()))
        }
        None => None,
    };
    let token = parsed.security_token.filter(|token| !token.is_empty());
    Ok(Issued {
        key: Key { id, secret, token },
        expiration,
    })
}

#[cfg(test)]
mod tests;
