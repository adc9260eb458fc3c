//! Parameters of a call: of its query and its form together.

use super::fault::Fault;
use http::{header, request::Parts};
use ossplit_protocol::encode;

/// What a call was given.
pub(super) struct Parameters {
    all: Vec<(String, String)>,
    /// Of the query alone.
    pub(super) query: Vec<(String, String)>,
    /// `x-acs-action`, which new SDKs send instead of `Action`.
    acs_action: Option<String>,
}

/// Pairs of `application/x-www-form-urlencoded`; those that are not UTF-8 are left out.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| Some(encode::decode(&text.replace('+', "%20"))?.into_owned());
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

impl Parameters {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
        let query = pairs(head.uri.query().unwrap_or(""));
        let mut all = query.clone();
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/x-www-form-urlencoded") {
            all.extend(pairs(&String::from_utf8_lossy(body)));
        }
        let acs_action = head.headers.get("x-acs-action");
        Self {
            all,
            query,
            acs_action: acs_action
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }

    pub(super) fn all(&self) -> &[(String, String)] {
        &self.all
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.all.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Fault> {
        let found = self.get(name).filter(|value| !value.is_empty());
        found.ok_or_else(|| Fault::missing(name))
    }

    pub(super) fn action(&self) -> Option<&str> {
        self.get("Action").or(self.acs_action.as_deref())
    }

    /// Whether it came as new SDKs send it, who read JSON only.
    pub(super) fn is_acs3(&self) -> bool {
        self.acs_action.is_some()
    }
}
