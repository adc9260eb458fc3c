//! Lists of objects that are made at intervals.

use serde::{Deserialize, Serialize};

/// One list that is made at intervals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "InventoryConfiguration", rename_all = "PascalCase", default)]
pub struct InventoryConfiguration {
    /// Its name.
    pub id: String,
    /// Whether it is made.
    #[serde(deserialize_with = "crate::xml::any_case")]
    pub is_enabled: bool,
    /// Where it goes.
    pub destination: InventoryDestination,
    /// How often.
    pub schedule: InventorySchedule,
    /// Which objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<InventoryFilter>,
    /// All or Current.
    pub included_object_versions: String,
    /// Columns besides the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_fields: Option<OptionalFields>,
}

/// Where a list goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventoryDestination {
    /// A bucket.
    #[serde(rename = "OSSBucketDestination")]
    pub oss_bucket_destination: InventoryOssDestination,
}

/// The bucket that a list goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventoryOssDestination {
    /// CSV.
    pub format: String,
    /// Whose bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The role that writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// `acs:oss:::name`.
    pub bucket: String,
    /// What the keys begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How it is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<InventoryEncryption>,
}

/// How a list is encrypted: one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventoryEncryption {
    /// With a key of KMS.
    #[serde(rename = "SSE-KMS", skip_serializing_if = "Option::is_none")]
    pub sse_kms: Option<InventoryKms>,
    /// With a key of OSS; empty.
    #[serde(rename = "SSE-OSS", skip_serializing_if = "Option::is_none")]
    pub sse_oss: Option<String>,
}

/// A key of KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventoryKms {
    /// Its id.
    pub key_id: String,
}

/// How often a list is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventorySchedule {
    /// Daily or Weekly.
    pub frequency: String,
}

/// Which objects a list has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InventoryFilter {
    /// Keys that begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Changed at or after, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modify_begin_time_stamp: Option<i64>,
    /// Changed at or before, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modify_end_time_stamp: Option<i64>,
    /// At least so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_size_bound: Option<i64>,
    /// At most so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper_size_bound: Option<i64>,
    /// Only of this class; All otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// Columns of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OptionalFields {
    /// `Size`, `LastModifiedDate`, `ETag`, `StorageClass`, `IsMultipartUploaded`, `EncryptionStatus` and so on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<String>,
}

/// All lists of a bucket (a page).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "ListInventoryConfigurationsResult",
    rename_all = "PascalCase",
    default
)]
pub struct Inventories {
    /// By id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory_configuration: Vec<InventoryConfiguration>,
    /// Whether more follow.
    pub is_truncated: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_continuation_token: Option<String>,
}
