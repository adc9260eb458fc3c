//! Keys in environment variables. The caller passes the lookup: libraries here read no environment.

use super::Key;

/// Names of (id, secret, token): ours, which are the SDKs', then ossfs 1's.
const NAMES: [(&str, &str, &str); 2] = [
    (
        "OSS_ACCESS_KEY_ID",
        "OSS_ACCESS_KEY_SECRET",
        "OSS_SESSION_TOKEN",
    ),
    ("OSSACCESSKEYID", "OSSSECRETACCESSKEY", "OSSSESSIONTOKEN"),
];

/// The key in the environment that `lookup` shows; `None` when there is no whole pair.
pub fn key_from_environment(lookup: impl Fn(&str) -> Option<String>) -> Option<Key> {
    let get = |name| lookup(name).filter(|value| !value.is_empty());
    NAMES.iter().find_map(|(id, secret, token)| {
        Some(Key {
            id: get(id)?,
            secret: get(secret)?,
            token: get(token),
        })
    })
}
