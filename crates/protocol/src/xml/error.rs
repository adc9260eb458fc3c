//! The error document. Its root is `Error`; each code may add elements of its own.

use super::{Malformed, read};
use serde::Deserialize;
use std::fmt::Write as _;

/// What an error response says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename = "Error", rename_all = "PascalCase", default)]
pub struct ErrorDocument {
    /// The error's code, such as `NoSuchKey`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// 24 upper-case hex digits.
    pub request_id: String,
    /// The Host of the request.
    pub host_id: String,
    /// Elements of this code alone, as (name, text); written, not read.
    #[serde(skip)]
    pub extra: Vec<(&'static str, String)>,
    /// Elements of `AccessDeniedDetail`, which is there when any are; written, not read.
    #[serde(skip)]
    pub access_denied: Vec<(&'static str, String)>,
    /// Finer than the code, such as `0026-00000001`.
    #[serde(rename = "EC")]
    pub ec: String,
}

impl ErrorDocument {
    /// Reads an error document.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        read(bytes)
    }

    /// Writes the document in the service's order: common elements, the code's own, EC, advice.
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n");
        let mut element = |name: &str, text: &str| {
            let _ = writeln!(out, "  <{name}>{}</{name}>", escape(text));
        };
        element("Code", &self.code);
        element("Message", &self.message);
        element("RequestId", &self.request_id);
        element("HostId", &self.host_id);
        for (name, text) in &self.extra {
            element(name, text);
        }
        if !self.access_denied.is_empty() {
            out.push_str("  <AccessDeniedDetail>\n");
            for (name, text) in &self.access_denied {
                let _ = writeln!(out, "    <{name}>{}</{name}>", escape(text));
            }
            out.push_str("  </AccessDeniedDetail>\n");
        }
        let mut element = |name: &str, text: &str| {
            let _ = writeln!(out, "  <{name}>{}</{name}>", escape(text));
        };
        element("EC", &self.ec);
        element(
            "RecommendDoc",
            &format!("https://api.alibabacloud.com/troubleshoot?q={}", self.ec),
        );
        out.push_str("</Error>\n");
        out
    }
}

/// Escapes text; control characters that XML 1.0 can't hold become U+FFFD.
fn escape(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| {
            if c.is_control() && !matches!(c, '\n' | '\t' | '\r') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    quick_xml::escape::escape(&clean).into_owned()
}
