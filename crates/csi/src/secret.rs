//! What a Secret holds: a key, in either of the two forms that people have.

use crate::attributes::Attributes;
use serde::Serialize;
use std::collections::HashMap;

/// A key as the metadata service writes it, which is what the password file of a mount takes.
/// It has no `Debug`: it is a secret.
#[derive(Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StoredKey {
    pub(crate) access_key_id: String,
    pub(crate) access_key_secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) security_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration: Option<String>,
}

/// Reads a Secret, or the deprecated attributes of a volume: `akId` and `akSecret`, or `AccessKeyId`,
/// `AccessKeySecret`, `SecurityToken` and `Expiration`. `None` when there is no part of a key.
///
/// # Errors
/// One sentence: which half is missing. No value is in it.
pub(crate) fn key_of(raw: &HashMap<String, String>) -> Result<Option<StoredKey>, String> {
    let secret = Attributes::new(raw);
    let get = |name: &str| secret.get(name).map(str::to_owned);
    let forms = [("akId", "akSecret"), ("AccessKeyId", "AccessKeySecret")];
    for (id_name, secret_name) in forms {
        let id = get(&id_name.to_ascii_lowercase());
        let value = get(&secret_name.to_ascii_lowercase());
        let (missing, there) = match (id, value) {
            (Some(access_key_id), Some(access_key_secret)) => {
                return Ok(Some(StoredKey {
                    access_key_id,
                    access_key_secret,
                    security_token: get("securitytoken"),
                    expiration: get("expiration"),
                }));
            }
            (None, None) => continue,
            (None, Some(_)) => (id_name, secret_name),
            (Some(_), None) => (secret_name, id_name),
        };
        return Err(format!(
            "the Secret has {there} and no {missing}; put {missing} into it as well"
        ));
    }
    if get("securitytoken").is_some() {
        return Err(
            "the Secret has SecurityToken and no key; put AccessKeyId and AccessKeySecret into it as well"
                .into(),
        );
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<StoredKey>, String> {
        key_of(
            &pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn both_forms_in_any_case() {
        let key = read(&[("akId", "i"), ("akSecret", "s")]).unwrap().unwrap();
        assert_eq!((&*key.access_key_id, &*key.access_key_secret), ("i", "s"));
        let key = read(&[
            ("accesskeyid", "i"),
            ("ACCESSKEYSECRET", "s"),
            ("SecurityToken", "t"),
            ("Expiration", "2026-11-23T10:00:00Z"),
        ]);
        let json = serde_json::to_string(&key.unwrap().unwrap()).unwrap();
        assert_eq!(
            json,
            r#"{"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2026-11-23T10:00:00Z"}"#
        );
        assert!(read(&[]).unwrap().is_none());
    }

    #[test]
    fn half_a_pair_names_the_missing_half() {
        for (have, missing) in [
            ("akId", "akSecret"),
            ("akSecret", "akId"),
            ("AccessKeyId", "AccessKeySecret"),
            ("accesskeysecret", "AccessKeyId"),
            ("SecurityToken", "AccessKeyId"),
        ] {
            let Err(text) = read(&[(have, "hidden")]) else {
                panic!("half a pair was taken")
            };
            assert!(text.contains(&format!("put {missing}")), "{text}");
            assert!(!text.contains("hidden"));
        }
    }
}
