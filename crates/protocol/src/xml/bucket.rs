//! Documents about buckets.

use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The account's id.
    #[serde(rename = "ID", default)]
    pub id: String,
    /// The account's name; the id again, in practice.
    #[serde(rename = "DisplayName", default)]
    pub display_name: String,
}

/// `ListBuckets`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListAllMyBucketsResult", rename_all = "PascalCase", default)]
pub struct ListAllMyBucketsResult {
    /// As asked; only when paging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// As asked; only when paging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// As asked; only when paging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u32>,
    /// Whether more follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_truncated: Option<bool>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// Whose buckets.
    pub owner: Owner,
    /// The buckets, by name.
    pub buckets: Buckets,
}

/// The list inside [`ListAllMyBucketsResult`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// The buckets, by name.
    #[serde(rename = "Bucket", default)]
    pub bucket: Vec<Bucket>,
}

/// One bucket of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Bucket {
    /// XML time.
    pub creation_date: String,
    /// Host for clients outside the cloud.
    pub extranet_endpoint: String,
    /// Host for clients inside the region.
    pub intranet_endpoint: String,
    /// `oss-cn-hangzhou`.
    pub location: String,
    /// The bucket's name.
    pub name: String,
    /// `cn-hangzhou`.
    pub region: String,
    /// Standard and so on.
    pub storage_class: String,
}

/// Body of `PutBucket`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "CreateBucketConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct CreateBucketConfiguration {
    /// Standard, IA and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// LRS or ZRS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_redundancy_type: Option<String>,
}

/// `GetBucketInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "BucketInfo", rename_all = "PascalCase")]
pub struct BucketInfo {
    /// The one child.
    pub bucket: BucketInfoBody,
}

/// The settings inside [`BucketInfo`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BucketInfoBody {
    /// Enabled or Disabled.
    pub access_monitor: String,
    /// Whether public ACLs are refused.
    pub block_public_access: bool,
    /// Always there, empty.
    pub comment: String,
    /// XML time.
    pub creation_date: String,
    /// Enabled or Disabled.
    pub cross_region_replication: String,
    /// LRS or ZRS.
    pub data_redundancy_type: String,
    /// Host for clients outside the cloud.
    pub extranet_endpoint: String,
    /// Host for clients inside the region.
    pub intranet_endpoint: String,
    /// `oss-cn-hangzhou`.
    pub location: String,
    /// The bucket's name.
    pub name: String,
    /// Which resource group.
    pub resource_group_id: String,
    /// Standard and so on.
    pub storage_class: String,
    /// Enabled or Disabled.
    pub transfer_acceleration: String,
    /// Whose bucket.
    pub owner: Owner,
    /// Who may use it.
    pub access_control_list: AccessControlList,
    /// How it encrypts.
    pub server_side_encryption_rule: ServerSideEncryptionRule,
    /// Where it logs to (this is logging, not a policy).
    pub bucket_policy: BucketPolicy,
    /// Enabled or Suspended; absent while never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versioning: Option<String>,
}

/// One word: private, public-read or public-read-write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessControlList {
    /// The word.
    pub grant: String,
}

/// The encryption inside [`BucketInfoBody`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSideEncryptionRule {
    /// `None`, `AES256`, `KMS` or `SM4`.
    #[serde(rename = "SSEAlgorithm")]
    pub sse_algorithm: String,
    /// The key of KMS.
    #[serde(
        rename = "KMSMasterKeyID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub kms_master_key_id: Option<String>,
    /// SM4, with KMS.
    #[serde(
        rename = "KMSDataEncryption",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub kms_data_encryption: Option<String>,
}

impl Default for ServerSideEncryptionRule {
    fn default() -> Self {
        Self {
            sse_algorithm: "None".into(),
            kms_master_key_id: None,
            kms_data_encryption: None,
        }
    }
}

/// The logging inside [`BucketInfoBody`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BucketPolicy {
    /// Empty when off.
    pub log_bucket: String,
    /// Empty when off.
    pub log_prefix: String,
}

/// `GetBucketLocation`: the text of the root, such as `oss-cn-hangzhou`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "LocationConstraint")]
pub struct LocationConstraint {
    /// `oss-cn-hangzhou`.
    #[serde(rename = "$text", default)]
    pub location: String,
}

/// `GetBucketAcl` and `GetObjectAcl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "AccessControlPolicy", rename_all = "PascalCase", default)]
pub struct AccessControlPolicy {
    /// Whose.
    pub owner: Owner,
    /// The word.
    pub access_control_list: AccessControlList,
}

/// `GetBucketStat`: sizes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "BucketStat", rename_all = "PascalCase", default)]
pub struct BucketStat {
    /// Bytes of all objects.
    pub storage: u64,
    /// Number of objects.
    pub object_count: u64,
    /// Unfinished uploads.
    pub multipart_upload_count: u64,
    /// Always 0 here.
    pub live_channel_count: u64,
    /// Unix seconds.
    pub last_modified_time: i64,
    /// Bytes of class Standard.
    pub standard_storage: u64,
    /// Objects of class Standard.
    pub standard_object_count: u64,
    /// Bytes of class IA as they are billed.
    pub infrequent_access_storage: u64,
    /// Bytes of class IA.
    pub infrequent_access_real_storage: u64,
    /// Objects of class IA.
    pub infrequent_access_object_count: u64,
    /// Bytes of class Archive as they are billed.
    pub archive_storage: u64,
    /// Bytes of class Archive.
    pub archive_real_storage: u64,
    /// Objects of class Archive.
    pub archive_object_count: u64,
    /// Bytes of class `ColdArchive` as they are billed.
    pub cold_archive_storage: u64,
    /// Bytes of class `ColdArchive`.
    pub cold_archive_real_storage: u64,
    /// Objects of class `ColdArchive`.
    pub cold_archive_object_count: u64,
    /// Bytes of reserved capacity.
    pub reserved_capacity_storage: u64,
    /// Objects of reserved capacity.
    pub reserved_capacity_object_count: u64,
    /// Bytes of class `DeepColdArchive` as they are billed.
    pub deep_cold_archive_storage: u64,
    /// Bytes of class `DeepColdArchive`.
    pub deep_cold_archive_real_storage: u64,
    /// Objects of class `DeepColdArchive`.
    pub deep_cold_archive_object_count: u64,
    /// Parts of unfinished uploads.
    pub multipart_part_count: u64,
    /// Delete markers.
    pub delete_marker_count: u64,
}
