//! Objects that nobody may change for a time.

use serde::{Deserialize, Serialize};

/// Begins a retention policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "InitiateWormConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct InitiateWormConfiguration {
    /// 1 to 25,550.
    pub retention_period_in_days: i64,
}

/// Prolongs a locked retention policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ExtendWormConfiguration", rename_all = "PascalCase", default)]
pub struct ExtendWormConfiguration {
    /// More than before.
    pub retention_period_in_days: i64,
}

/// The retention policy of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "WormConfiguration", rename_all = "PascalCase", default)]
pub struct WormConfiguration {
    /// Its id.
    pub worm_id: String,
    /// `InProgress` or `Locked`.
    pub state: String,
    /// How long objects stay.
    pub retention_period_in_days: i64,
    /// XML time.
    pub creation_date: String,
    /// When it lapses unless it is locked; XML time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<String>,
}

/// Retention by object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ObjectWormConfiguration", rename_all = "PascalCase", default)]
pub struct ObjectWormConfiguration {
    /// Enabled.
    pub object_worm_enabled: String,
    /// For objects that say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<ObjectWormRule>,
}

/// For objects that say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ObjectWormRule {
    /// How long.
    pub default_retention: DefaultRetention,
}

/// How long objects stay: days or years.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DefaultRetention {
    /// GOVERNANCE or COMPLIANCE.
    pub mode: String,
    /// Days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<u32>,
}
