//! What is where in the bucket, and what a commit says: docs/checkpoint.md.
//!
//! Below the prefix: `commits/STEP.json`, `data/STEP/TOKEN/NAME`, and while ranks gather `shards/STEP/…`. A step stands in keys
//! with 20 digits, so that byte order is the order of steps. A token is made anew for each save: no object is ever replaced.

use crate::{Error, Result, fingerprint::Blocks};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The version of the format that this code writes; it reads no other.
pub const FORMAT: u32 = 1;

/// Where checkpoints are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// Empty, or ends with `/`.
    prefix: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oss://{}/{}", self.bucket, self.prefix)
    }
}

impl Location {
    /// Reads `oss://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn parse(address: &str) -> Result<Self> {
        let fault = || Error::Address(address.to_owned());
        let rest = address.strip_prefix("oss://").ok_or_else(fault)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || prefix.starts_with('/') {
            return Err(fault());
        }
        let slash = if prefix.is_empty() || prefix.ends_with('/') {
            ""
        } else {
            "/"
        };
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: format!("{prefix}{slash}"),
        })
    }

    /// What all keys begin with: empty, or ends with `/`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn commits(&self) -> String {
        format!("{}commits/", self.prefix)
    }

    pub(crate) fn commit(&self, step: u64) -> String {
        format!("{}{step:020}.json", self.commits())
    }

    /// The step of a commit's key.
    pub(crate) fn step_of(&self, commit: &str) -> Option<u64> {
        let name = commit.strip_prefix(&self.commits())?;
        digits(name.strip_suffix(".json")?)
    }

    pub(crate) fn all_data(&self) -> String {
        format!("{}data/", self.prefix)
    }

    pub(crate) fn data_of(&self, step: u64) -> String {
        format!("{}{step:020}/", self.all_data())
    }

    pub(crate) fn data(&self, step: u64, token: &str) -> String {
        format!("{}{token}/", self.data_of(step))
    }

    /// The step and token of a data object's key.
    pub(crate) fn token_of<'a>(&self, key: &'a str) -> Option<(u64, &'a str)> {
        let (step, rest) = key.strip_prefix(&self.all_data())?.split_once('/')?;
        Some((digits(step)?, rest.split_once('/')?.0))
    }

    pub(crate) fn all_shards(&self) -> String {
        format!("{}shards/", self.prefix)
    }

    /// Where rank 0 says which attempt the ranks gather for.
    pub(crate) fn open(&self, step: u64) -> String {
        format!("{}{step:020}/open.json", self.all_shards())
    }

    pub(crate) fn shards(&self, step: u64, attempt: &str) -> String {
        format!("{}{step:020}/{attempt}/", self.all_shards())
    }

    pub(crate) fn shard(&self, step: u64, attempt: &str, rank: u32) -> String {
        format!("{}{rank:05}.json", self.shards(step, attempt))
    }

    /// The key of a file that a commit lists.
    pub fn key_of(&self, file: &StoredFile) -> String {
        format!("{}{}", self.prefix, file.key)
    }

    /// A key below the prefix, as commits have it.
    pub(crate) fn relative(&self, key: &str) -> String {
        key.strip_prefix(&self.prefix).unwrap_or(key).to_owned()
    }
}

fn digits(step: &str) -> Option<u64> {
    (step.len() == 20 && step.bytes().all(|b| b.is_ascii_digit()))
        .then(|| step.parse().ok())
        .flatten()
}

/// A committed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// [`FORMAT`].
    pub format: u32,
    /// The step.
    pub step: u64,
    /// When it was committed, in Unix seconds by the writer's clock.
    pub committed: i64,
    /// How many ranks wrote it.
    pub world_size: u32,
    /// Of all ranks, by rank and name.
    pub files: Vec<StoredFile>,
    /// What the caller wished to know later.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Path within the checkpoint, with `/` between folders.
    pub name: String,
    /// Who wrote it.
    pub rank: u32,
    /// Where its object is, below the prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Of all its bytes. Text in the file: not every reader of JSON has 64 bits.
    #[serde(with = "decimal")]
    pub crc64: u64,
    /// By which the next save tells what did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Blocks>,
}

impl Commit {
    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// What an object says, if it is a commit that this version understands.
    pub(crate) fn read(bytes: &[u8], location: &Location, key: &str) -> Result<Self> {
        let fault = |why: String| Error::Format {
            bucket: location.bucket.clone(),
            key: key.to_owned(),
            why,
        };
        let version: Version = serde_json::from_slice(bytes).map_err(|e| fault(e.to_string()))?;
        if version.format != FORMAT {
            let (theirs, ours) = (version.format, FORMAT);
            return Err(fault(format!(
                "its format is {theirs}, and this version reads {ours}: use another version of ossplit"
            )));
        }
        let commit: Self = serde_json::from_slice(bytes).map_err(|e| fault(e.to_string()))?;
        for file in &commit.files {
            check_name(&file.name).map_err(|e| fault(e.to_string()))?;
        }
        Ok(commit)
    }
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Whether a name can be a file's below a folder, on restore too.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let bad = |part: &str| part.is_empty() || part == "." || part == "..";
    let why = if name.split('/').any(bad) {
        "it must be a relative path without empty parts, . and .."
    } else if name.contains(['\0', '\\']) {
        "it must not hold a backslash or NUL"
    } else if name.len() > 700 {
        // A key has 1,023 bytes at most, with the prefix, the step and the token.
        "it must be at most 700 bytes long"
    } else {
        return Ok(());
    };
    Err(Error::Name {
        name: name.to_owned(),
        why,
    })
}

/// 64-bit numbers as decimal text.
mod decimal {
    #![expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_keys() {
        let location = Location::parse("oss://b/runs/7").unwrap();
        assert_eq!(location.to_string(), "oss://b/runs/7/");
        assert_eq!(location, Location::parse("oss://b/runs/7/").unwrap());
        assert_eq!(Location::parse("oss://b").unwrap().prefix(), "");
        for bad in ["b/p", "oss://", "oss:///p", "oss://b//p", ""] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
        let key = location.commit(100);
        assert_eq!(key, "runs/7/commits/00000000000000000100.json");
        assert_eq!(location.step_of(&key), Some(100));
        assert_eq!(location.step_of("runs/7/commits/100.json"), None);
        let key = location.data(u64::MAX, "abc") + "x/y";
        assert_eq!(location.token_of(&key), Some((u64::MAX, "abc")));
    }

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        for bad in ["", "/a", "a/../b", "..", "a//b", "a/", "./a", "a\\b", "a\0"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.c", "模型", "..a", ".hidden"] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_commit_of_another_format_names_it() {
        let location = Location::parse("oss://b").unwrap();
        let read =
            |text: &str| Commit::read(text.as_bytes(), &location, "k").map_err(|e| e.to_string());
        assert!(
            read(r#"{"format": 2}"#)
                .unwrap_err()
                .contains("its format is 2")
        );
        assert!(read("{}").is_err());
        let evil = r#"{"format":1,"step":1,"committed":0,"world_size":1,
            "files":[{"name":"../x","rank":0,"key":"k","size":1,"crc64":"1"}]}"#;
        assert!(read(evil).unwrap_err().contains("../x"));
    }
}
