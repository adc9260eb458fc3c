//! Who may call from a page of another site.

use serde::{Deserialize, Serialize};

/// Rules for requests from pages of other sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CORSConfiguration", rename_all = "PascalCase", default)]
pub struct CorsConfiguration {
    /// The rules; the first that fits counts.
    #[serde(rename = "CORSRule", skip_serializing_if = "Vec::is_empty")]
    pub cors_rule: Vec<CorsRule>,
    /// Whether answers say `Vary: Origin` in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_vary: Option<bool>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CorsRule {
    /// Origins, each with at most one `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_origin: Vec<String>,
    /// GET, PUT, DELETE, POST or HEAD.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_method: Vec<String>,
    /// Headers that a request may have, each with at most one `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_header: Vec<String>,
    /// Headers of the answer that a page may read; no `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_header: Vec<String>,
    /// How long a browser may remember the answer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<i64>,
}
