//! Where requests are logged.

use serde::{Deserialize, Serialize};

/// Where requests are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "BucketLoggingStatus", rename_all = "PascalCase", default)]
pub struct BucketLoggingStatus {
    /// Absent when off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_enabled: Option<LoggingEnabled>,
}

/// Where logs go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoggingEnabled {
    /// The bucket.
    pub target_bucket: String,
    /// What their keys begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_prefix: Option<String>,
    /// The role that writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
}

/// Further fields of a log line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "UserDefinedLogFieldsConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct UserDefinedLogFieldsConfiguration {
    /// Headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_set: Option<HeaderSet>,
    /// Query parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param_set: Option<ParamSet>,
}

/// Headers that are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HeaderSet {
    /// Their names.
    #[serde(rename = "header", skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
}

/// Query parameters that are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ParamSet {
    /// Their names.
    #[serde(rename = "parameter", skip_serializing_if = "Vec::is_empty")]
    pub parameter: Vec<String>,
}
