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
