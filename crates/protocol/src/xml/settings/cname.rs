//! Domains of users that lead to a bucket.

use serde::{Deserialize, Serialize};

/// A domain to be added or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "BucketCnameConfiguration",
    rename_all = "PascalCase",
    default
)]
pub struct BucketCnameConfiguration {
    /// The domain.
    pub cname: Cname,
}

/// A domain that leads to a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cname {
    /// Its name.
    pub domain: String,
    /// XML time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Enabled or Disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its certificate, as it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Its certificate, as it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_configuration: Option<CertificateConfiguration>,
}

/// What is said of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Certificate {
    /// CAS or Upload.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_id: Option<String>,
    /// Enabled or Disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// XML time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<String>,
    /// Of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// XML time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_start_date: Option<String>,
    /// XML time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_end_date: Option<String>,
}

/// A certificate that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CertificateConfiguration {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_id: Option<String>,
    /// PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// The one that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_cert_id: Option<String>,
    /// Whether it replaces any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Whether it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_certificate: Option<bool>,
}

/// The domains of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListCnameResult", rename_all = "PascalCase", default)]
pub struct ListCnameResult {
    /// The bucket.
    pub bucket: String,
    /// Whose.
    pub owner: String,
    /// The domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<Cname>,
}

/// What proves that a domain is its owner's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CnameToken", rename_all = "PascalCase", default)]
pub struct CnameToken {
    /// The bucket.
    pub bucket: String,
    /// The domain.
    pub cname: String,
    /// To be put into DNS.
    pub token: String,
    /// In words, GMT.
    pub expire_time: String,
}
