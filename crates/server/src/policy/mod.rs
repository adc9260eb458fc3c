//! RAM policies: who may do what to what, and when. One evaluator for the policies of keys and
//! roles, for those that `AssumeRole` narrows a session with, and for buckets' policies.
//!
//! The rules are those of the pages "RAM Policy" and "Bucket Policy" of OSS: a Deny that applies
//! beats every Allow, and what nothing allows is denied.

mod condition;
mod document;

use crate::glob;
use condition::Condition;
use std::net::IpAddr;
use thiserror::Error;

/// A policy can't be used; the text says where and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct InvalidPolicy(String);

/// What a policy says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An Allow applies, and no Deny.
    Allow,
    /// A Deny applies.
    Deny,
    /// Nothing applies.
    Silent,
}

/// What a request brings that conditions can ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Circumstances {
    pub(crate) source_ip: Option<IpAddr>,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
    /// Unix seconds.
    pub(crate) now: i64,
    /// Texts by the name of the condition key in lower case, such as `oss:prefix`.
    pub(crate) texts: Vec<(&'static str, String)>,
}

/// Whom a bucket's policy can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Principal<'a> {
    /// The user's or the account's id, or a role session's name; `None` for nobody known.
    pub(crate) id: Option<&'a str>,
    /// Whether it is the bucket's owner, whom `*` means only under a condition.
    pub(crate) owner: bool,
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Such as `oss:GetObject`.
    pub(crate) action: &'a str,
    /// The region of what it is about, such as `cn-local`.
    pub(crate) region: &'a str,
    /// The account that owns it.
    pub(crate) account: &'a str,
    /// `bucket/key`, `bucket`, or nothing for the service.
    pub(crate) path: &'a str,
    pub(crate) circumstances: &'a Circumstances,
}

/// A list of patterns, or everything but them.
#[derive(Debug, Clone, PartialEq)]
struct Patterns {
    patterns: Vec<String>,
    inverted: bool,
}

impl Patterns {
    fn any(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern)) != self.inverted
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Statement {
    allows: bool,
    /// Of a bucket's policy only.
    principals: Option<Patterns>,
    /// In lower case.
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy(Vec<Statement>);

/// Whether `acs:oss:REGION:ACCOUNT:PATH` with its stars takes what is wished for.
fn resource_fits(pattern: &str, wish: &Wish<'_>) -> bool {
    if pattern == "*" {
        return true;
    }
    let mut pieces = pattern.splitn(5, ':');
    let mut piece = || pieces.next();
    let (Some("acs"), Some(service), Some(region), Some(account), Some(path)) =
        (piece(), piece(), piece(), piece(), piece())
    else {
        return false;
    };
    let in_region = glob::matches(region, wish.region)
        || glob::matches(region, &format!("oss-{}", wish.region));
    glob::matches(service, "oss")
        && (region.is_empty() || in_region)
        && (account.is_empty() || glob::matches(account, wish.account))
        && glob::matches(path, wish.path)
}

impl Statement {
    fn applies(&self, wish: &Wish<'_>) -> bool {
        let action = wish.action.to_ascii_lowercase();
        self.actions.any(|pattern| glob::matches(pattern, &action))
            && self.resources.any(|pattern| resource_fits(pattern, wish))
            && (self.conditions.iter()).all(|condition| condition.holds(wish.circumstances))
    }

    fn names(&self, who: Principal<'_>) -> bool {
        // A statement without a principal is about nobody.
        self.principals.as_ref().is_some_and(|principals| {
            principals.any(|pattern| match who.id {
                _ if pattern == "*" => !who.owner || !self.conditions.is_empty(),
                Some(id) => glob::matches(pattern, id),
                None => false,
            })
        })
    }
}

/// What the statements that apply say together.
fn verdict<'a>(statements: impl Iterator<Item = &'a Statement>) -> Verdict {
    let mut found = Verdict::Silent;
    for statement in statements {
        if !statement.allows {
            return Verdict::Deny;
        }
        found = Verdict::Allow;
    }
    found
}

impl Policy {
    /// Reads a policy's JSON text.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let value = serde_json::from_str(text)
            .map_err(|error| InvalidPolicy(format!("it is not JSON: {error}")))?;
        Self::of_value(&value)
    }

    /// Reads a policy.
    pub(crate) fn of_value(value: &serde_json::Value) -> Result<Self, InvalidPolicy> {
        document::statements(value).map(Self).map_err(InvalidPolicy)
    }

    /// What this policy of a key or a role says.
    pub(crate) fn of_identity(&self, wish: &Wish<'_>) -> Verdict {
        verdict(self.0.iter().filter(|statement| statement.applies(wish)))
    }

    /// What this policy of a bucket says of a request by `who`.
    pub(crate) fn of_bucket(&self, who: Principal<'_>, wish: &Wish<'_>) -> Verdict {
        let applies = |statement: &&Statement| statement.names(who) && statement.applies(wish);
        verdict(self.0.iter().filter(applies))
    }
}

#[cfg(test)]
mod tests;
