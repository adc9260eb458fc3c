//! Who may do what, apart from ACLs and policies.

use serde::{Deserialize, Serialize};

/// Whether public ACLs are refused and ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "PublicAccessBlockConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct PublicAccessBlockConfiguration {
    /// Whether they are.
    pub block_public_access: bool,
}

/// Whether a policy lets everybody in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "PolicyStatus", rename_all = "PascalCase", default)]
pub struct PolicyStatus {
    /// Whether it does.
    pub is_public: bool,
}

/// Objects that may not be replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "OverwriteConfiguration", rename_all = "PascalCase", default)]
pub struct OverwriteConfiguration {
    /// The rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<OverwriteRule>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OverwriteRule {
    /// Its name.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// forbid.
    pub action: String,
    /// Keys that begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Keys that end so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// For whom; for all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Option<Principals>,
}

/// For whom a rule is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Principals {
    /// Accounts or roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub principal: Vec<String>,
}
