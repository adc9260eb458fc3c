//! Copies of a bucket in another one.

use serde::{Deserialize, Serialize};

/// Rules by which objects are copied to other buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "ReplicationConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct ReplicationConfiguration {
    /// The rules; one when a rule is added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<ReplicationRule>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ReplicationRule", rename_all = "PascalCase", default)]
pub struct ReplicationRule {
    /// Its id; made by the service.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether copies are made within a promised time.
    #[serde(rename = "RTC", skip_serializing_if = "Option::is_none")]
    pub rtc: Option<ReplicationTimeControl>,
    /// Which keys; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_set: Option<PrefixSet>,
    /// ALL or PUT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Where to.
    pub destination: ReplicationDestination,
    /// starting, doing or closing; by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// enabled or disabled: objects that were there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub historical_object_replication: Option<String>,
    /// The role that copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_role: Option<String>,
    /// Whether encrypted objects are copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_selection_criteria: Option<SourceSelection>,
    /// How copies are encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<ReplicationEncryption>,
}

/// Whether copies are made within a promised time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicationTimeControl {
    /// enabled or disabled.
    pub status: String,
}

/// Which keys are copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PrefixSet {
    /// At most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefix: Vec<String>,
}

/// Where copies go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicationDestination {
    /// The bucket.
    pub bucket: String,
    /// Its region, such as `oss-cn-beijing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `internal` or `oss_acc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_type: Option<String>,
}

/// Which encrypted objects are copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SourceSelection {
    /// Those of KMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse_kms_encrypted_objects: Option<SseKmsEncryptedObjects>,
}

/// Whether objects encrypted with KMS are copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SseKmsEncryptedObjects {
    /// Enabled or Disabled.
    pub status: String,
}

/// How copies are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicationEncryption {
    /// The key of KMS.
    #[serde(rename = "ReplicaKmsKeyID", skip_serializing_if = "Option::is_none")]
    pub replica_kms_key_id: Option<String>,
}

/// Rules that go, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ReplicationRules", rename_all = "PascalCase", default)]
pub struct ReplicationRules {
    /// Their ids.
    #[serde(rename = "ID", skip_serializing_if = "Vec::is_empty")]
    pub id: Vec<String>,
}

/// Regions that a bucket can be copied to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ReplicationLocation", rename_all = "PascalCase", default)]
pub struct ReplicationLocation {
    /// Such as `oss-cn-beijing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub location: Vec<String>,
}

/// How far copying is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ReplicationProgress", rename_all = "PascalCase", default)]
pub struct ReplicationProgress {
    /// By rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<ReplicationProgressRule>,
}

/// How far a rule is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicationProgressRule {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Which keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_set: Option<PrefixSet>,
    /// ALL or PUT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Where to.
    pub destination: ReplicationDestination,
    /// starting, doing or closing.
    pub status: String,
    /// enabled or disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub historical_object_replication: Option<String>,
}
