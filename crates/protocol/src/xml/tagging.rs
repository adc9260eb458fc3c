//! Tags of a bucket or an object.

use serde::{Deserialize, Serialize};

/// `PutObjectTagging`, `GetObjectTagging` and the like of buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Tagging", rename_all = "PascalCase")]
pub struct Tagging {
    /// The one child.
    pub tag_set: TagSet,
}

/// The tags inside [`Tagging`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagSet {
    /// The tags, in the order sent.
    pub tag: Vec<Tag>,
}

/// One tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters on an object.
    pub key: String,
    /// 0 to 256 characters on an object.
    #[serde(default)]
    pub value: String,
}
