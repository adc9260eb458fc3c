//! What becomes of objects with time.

use crate::xml::Tag;
use serde::{Deserialize, Serialize};

/// Rules that a daily run carries out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "LifecycleConfiguration", rename_all = "PascalCase", default)]
pub struct LifecycleConfiguration {
    /// The rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<LifecycleRule>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LifecycleRule {
    /// Its name; made up when absent.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Keys that begin with this; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Enabled or Disabled.
    pub status: String,
    /// Objects that have all of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<Tag>,
    /// Sizes, and what is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<LifecycleFilter>,
    /// When objects are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Expiration>,
    /// When objects change their class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transition: Vec<Transition>,
    /// When unfinished uploads are aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_multipart_upload: Option<AbortMultipartUploadRule>,
    /// When older versions are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_expiration: Option<NoncurrentVersionExpiration>,
    /// When older versions change their class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noncurrent_version_transition: Vec<NoncurrentVersionTransition>,
    /// Access times count from then, in Unix seconds; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atime_base: Option<i64>,
}

/// Which objects of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LifecycleFilter {
    /// Only objects of more bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_size_greater_than: Option<u64>,
    /// Only objects of fewer bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_size_less_than: Option<u64>,
    /// Objects that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<LifecycleNot>,
}

/// Objects that a rule leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LifecycleNot {
    /// Keys that begin with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// And that have this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}

/// When objects are deleted: one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Expiration {
    /// Days after the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Objects last changed before this XML time, at midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before_date: Option<String>,
    /// From this XML time on, at midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Delete markers that have no other version below them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_object_delete_marker: Option<bool>,
}

/// When objects change their class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Transition {
    /// Days after the last change, or the last access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Objects last changed before this XML time, at midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before_date: Option<String>,
    /// The new class.
    pub storage_class: String,
    /// Whether days count from the last access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_access_time: Option<bool>,
    /// Whether an access brings the object back to Standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to_std_when_visit: Option<bool>,
    /// Whether objects below 64 KiB change too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_small_file: Option<bool>,
}

/// When unfinished uploads are aborted: one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AbortMultipartUploadRule {
    /// Days after they were begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Begun before this XML time, at midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before_date: Option<String>,
}

/// When older versions are deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NoncurrentVersionExpiration {
    /// Days after another version took their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<u32>,
}

/// When older versions change their class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NoncurrentVersionTransition {
    /// Days after another version took their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<u32>,
    /// The new class.
    pub storage_class: String,
    /// Whether days count from the last access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_access_time: Option<bool>,
    /// Whether an access brings the version back to Standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to_std_when_visit: Option<bool>,
    /// Whether versions below 64 KiB change too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_small_file: Option<bool>,
}
