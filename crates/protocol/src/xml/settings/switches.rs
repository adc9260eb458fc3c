//! Settings of one or two words.

use serde::{Deserialize, Serialize};

/// How new objects are encrypted (the root is `ServerSideEncryptionRule`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "ServerSideEncryptionRule",
    rename_all = "PascalCase",
    default
)]
pub struct EncryptionConfiguration {
    /// The rule.
    pub apply_server_side_encryption_by_default: ApplyServerSideEncryptionByDefault,
}

/// The rule inside [`EncryptionConfiguration`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ApplyServerSideEncryptionByDefault {
    /// AES256, KMS or SM4.
    #[serde(rename = "SSEAlgorithm")]
    pub sse_algorithm: String,
    /// The key of KMS.
    #[serde(rename = "KMSMasterKeyID", skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
    /// SM4, with KMS.
    #[serde(rename = "KMSDataEncryption", skip_serializing_if = "Option::is_none")]
    pub kms_data_encryption: Option<String>,
}

/// Who pays for requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "RequestPaymentConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct RequestPaymentConfiguration {
    /// `BucketOwner` or `Requester`.
    pub payer: String,
}

/// Whether the accelerated endpoint may be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "TransferAccelerationConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct TransferAccelerationConfiguration {
    /// Whether it may.
    #[serde(deserialize_with = "crate::xml::any_case")]
    pub enabled: bool,
}

/// Whether times of access are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "AccessMonitorConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct AccessMonitorConfiguration {
    /// Enabled or Disabled.
    pub status: String,
}

/// The resource group of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "BucketResourceGroupConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct BucketResourceGroupConfiguration {
    /// Its id; the default group when empty.
    pub resource_group_id: String,
}

/// Which TLS clients must speak.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "HttpsConfiguration", rename_all = "PascalCase", default)]
pub struct HttpsConfiguration {
    /// Versions.
    #[serde(rename = "TLS", skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsVersions>,
    /// Ciphers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher_suite: Option<CipherSuite>,
}

/// TLS versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TlsVersions {
    /// Whether only these may be used.
    pub enable: bool,
    /// `TLSv1.2` and so on.
    #[serde(rename = "TLSVersion", skip_serializing_if = "Vec::is_empty")]
    pub tls_version: Vec<String>,
}

/// TLS ciphers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CipherSuite {
    /// Whether only these may be used.
    pub enable: bool,
    /// Whether strong ones only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong_cipher_suite: Option<bool>,
    /// By name, up to TLS 1.2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_cipher_suite: Vec<String>,
    /// By name, TLS 1.3.
    #[serde(
        rename = "TLS13CustomCipherSuite",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tls13_custom_cipher_suite: Vec<String>,
}

/// Whether archived objects can be read without a restore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "ArchiveDirectReadConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct ArchiveDirectReadConfiguration {
    /// Whether they can.
    pub enabled: bool,
}

/// An image style.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Style", rename_all = "PascalCase", default)]
pub struct Style {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does.
    pub content: String,
    /// image or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// In words, GMT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    /// In words, GMT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modify_time: Option<String>,
}

/// All image styles of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "StyleList", rename_all = "PascalCase", default)]
pub struct StyleList {
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub style: Vec<Style>,
}

/// The regions of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "RegionInfoList", rename_all = "PascalCase", default)]
pub struct RegionInfoList {
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub region_info: Vec<RegionInfo>,
}

/// A region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegionInfo {
    /// `oss-cn-hangzhou`.
    pub region: String,
    /// Host for clients outside the cloud.
    pub internet_endpoint: String,
    /// Host for clients inside the region.
    pub internal_endpoint: String,
    /// Host of the accelerated endpoint.
    pub accelerate_endpoint: String,
}
