//! Somebody who is not the owner.

use super::OWNER_ID;
use crate::policy::{Policy, Verdict, Wish};
use ossplit_protocol::crc64;

/// What kind of principal somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A RAM user.
    SubUser,
    /// A session of a role.
    AssumedRoleUser,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SubUser => "SubUser",
            Self::AssumedRoleUser => "AssumedRoleUser",
        }
    }
}

/// A RAM user, or a session of a role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) kind: Kind,
    /// What a bucket's policy calls it: a number, or `arn:sts::…`.
    pub(crate) principal: String,
    /// What refusals call it.
    pub(crate) display_name: String,
    /// Each must allow what it does; `None` allows everything.
    pub(crate) policies: Vec<Option<Policy>>,
}

impl Eq for User {}

/// An id with 18 digits that is always the same for a name.
pub(super) fn number_of(name: &str) -> String {
    let sum = crc64::checksum(name.as_bytes());
    format!("2{:017}", sum % 100_000_000_000_000_000)
}

impl User {
    /// A RAM user.
    pub(crate) fn sub_user(id: String, policy: Option<Policy>) -> Self {
        Self {
            kind: Kind::SubUser,
            display_name: id.clone(),
            principal: id,
            policies: vec![policy],
        }
    }

    /// The id of a role.
    pub(crate) fn role_id(role: &str) -> String {
        number_of(&format!("role {role}")).replacen('2', "3", 1)
    }

    /// A session of a role.
    pub(crate) fn session(role: &str, session: &str, policies: Vec<Option<Policy>>) -> Self {
        Self {
            kind: Kind::AssumedRoleUser,
            principal: format!("arn:sts::{OWNER_ID}:assumed-role/{role}/{session}"),
            display_name: format!("{}:{session}", Self::role_id(role)),
            policies,
        }
    }

    /// What its policies say together.
    pub(crate) fn verdict(&self, wish: &Wish<'_>) -> Verdict {
        let mut found = Verdict::Allow;
        for policy in self.policies.iter().flatten() {
            match policy.of_identity(wish) {
                Verdict::Deny => return Verdict::Deny,
                Verdict::Silent => found = Verdict::Silent,
                Verdict::Allow => {}
            }
        }
        found
    }
}
