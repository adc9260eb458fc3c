//! A bucket as a web site.

use serde::{Deserialize, Serialize};

/// A bucket as a web site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "WebsiteConfiguration", rename_all = "PascalCase", default)]
pub struct WebsiteConfiguration {
    /// What a request for a directory gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_document: Option<IndexDocument>,
    /// What a request for nothing gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_document: Option<ErrorDocument>,
    /// Redirects and mirrors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_rules: Option<RoutingRules>,
}

/// What a request for a directory gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IndexDocument {
    /// The name of the page, such as `index.html`.
    pub suffix: String,
    /// Whether directories below have pages too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_sub_dir: Option<bool>,
    /// What a directory without a page gives: 0 looks for it, 1 is 404 NoSuchKey, 2 the error page.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<u32>,
}

/// What a request for nothing gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorDocument {
    /// The key of the page.
    pub key: String,
    /// 200 or 404.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u32>,
}

/// Redirects and mirrors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingRules {
    /// By number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routing_rule: Vec<RoutingRule>,
}

/// A redirect or a mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingRule {
    /// Rules are tried in this order; above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_number: Option<i64>,
    /// Which requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<RoutingCondition>,
    /// What they get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
}

/// Which requests a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingCondition {
    /// Keys that begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_prefix_equals: Option<String>,
    /// Keys that end so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_suffix_equals: Option<String>,
    /// Requests that would get this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_error_code_returned_equals: Option<u32>,
    /// Requests that have these headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_header: Vec<RoutingHeader>,
}

/// A header of a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingHeader {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
}

/// What a request gets instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Redirect {
    /// `Mirror`, `External`, `AliCDN` or `Internal`.
    pub redirect_type: String,
    /// Whether the query is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_query_string: Option<bool>,
    /// http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// 301, 302 or 307.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_redirect_code: Option<u32>,
    /// The whole new key, in which `${key}` stands for the old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_with: Option<String>,
    /// What the matched prefix becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_prefix_with: Option<String>,
    /// Whether the prefix is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_replace_prefix: Option<bool>,
    /// Where missing objects are fetched from.
    #[serde(rename = "MirrorURL", skip_serializing_if = "Option::is_none")]
    pub mirror_url: Option<String>,
    /// Where they are fetched from when that fails.
    #[serde(rename = "MirrorURLSlave", skip_serializing_if = "Option::is_none")]
    pub mirror_url_slave: Option<String>,
    /// How it is found out whether it failed.
    #[serde(rename = "MirrorURLProbe", skip_serializing_if = "Option::is_none")]
    pub mirror_url_probe: Option<String>,
    /// Whether the query goes along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_pass_query_string: Option<bool>,
    /// Whether redirects of the source are followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_follow_redirect: Option<bool>,
    /// Whether the MD5 of what comes is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_check_md5: Option<bool>,
    /// Whether the host name is sent in TLS.
    #[serde(rename = "MirrorSNI", skip_serializing_if = "Option::is_none")]
    pub mirror_sni: Option<bool>,
    /// Headers that go along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_headers: Option<MirrorHeaders>,
}

/// Headers of a mirror request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MirrorHeaders {
    /// Whether all go along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_all: Option<bool>,
    /// Those that do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Those that do not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Those that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<MirrorHeaderSet>,
}

/// A header that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MirrorHeaderSet {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}
