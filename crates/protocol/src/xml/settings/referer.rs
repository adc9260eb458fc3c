//! From which pages objects may be loaded.

use serde::{Deserialize, Serialize};

/// From which pages objects may be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "RefererConfiguration", rename_all = "PascalCase", default)]
pub struct RefererConfiguration {
    /// Whether requests without a Referer pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_empty_referer: Option<bool>,
    /// Whether the query of a Referer is left out of the comparison; true when not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_truncate_query_string: Option<bool>,
    /// Whether the path of a Referer is left out of the comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate_path: Option<bool>,
    /// Referers that pass, with `*` and `?`; all when empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referer_list: Option<RefererList>,
    /// Referers that do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referer_blacklist: Option<RefererList>,
}

/// Referers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RefererList {
    /// With `*` and `?`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referer: Vec<String>,
}
