//! Answers of the copying calls.

use serde::{Deserialize, Serialize};

/// `CopyObject`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CopyObjectResult", rename_all = "PascalCase", default)]
pub struct CopyObjectResult {
    /// The new object's, quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
    /// XML time.
    pub last_modified: String,
}

/// `UploadPartCopy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CopyPartResult", rename_all = "PascalCase", default)]
pub struct CopyPartResult {
    /// XML time.
    pub last_modified: String,
    /// The part's, quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
}

/// Body of `RestoreObject`; may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "RestoreRequest", rename_all = "PascalCase", default)]
pub struct RestoreRequest {
    /// How long the restored copy stays; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    /// How fast; cold archive classes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_parameters: Option<JobParameters>,
}

/// How fast a restore is, inside [`RestoreRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobParameters {
    /// Expedited, Standard or Bulk.
    pub tier: String,
}

/// `PostObject` with `success_action_status` 201.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "PostResponse", rename_all = "PascalCase", default)]
pub struct PostResponse {
    /// The bucket.
    pub bucket: String,
    /// The object's URL.
    pub location: String,
    /// The object's key.
    pub key: String,
    /// The object's, quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
}
