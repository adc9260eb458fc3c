//! The policy of a bucket: JSON as it was sent.

use super::{kept, of_document, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    policy::Policy,
};
use bytes::Bytes;
use ossplit_protocol::{code::Code, xml::settings::PolicyStatus};
use serde_json::Value;

/// The longest policy, in bytes.
const MAX_BYTES: usize = 16 << 10;

fn refuse(message: &'static str) -> Failure {
    Failure::new(Code::InvalidPolicyDocument)
        .ec("0015-00000405")
        .message(message)
}

/// A policy, or one statement, as a list.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        other => vec![other],
    }
}

pub(super) fn read(request: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    if body.len() > MAX_BYTES {
        return Err(refuse("The policy has more than 16 KB."));
    }
    let document: Value =
        serde_json::from_slice(body).map_err(|_| refuse("The policy is not JSON."))?;
    if !matches!(document["Version"].as_str(), None | Some("1")) {
        return Err(refuse("The policy's Version must be 1."));
    }
    let statements = list(&document["Statement"]);
    for statement in &statements {
        let good = matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
            && (statement.get("Action").is_some() || statement.get("NotAction").is_some())
            && (statement.get("Resource").is_some() || statement.get("NotResource").is_some());
        if !good {
            return Err(refuse(
                "A statement needs Effect (Allow or Deny), Action, Principal and Resource.",
            ));
        }
    }
    Policy::of_value(&document)
        .map_err(|error| refuse("").message(format!("The policy can't be used: {error}.")))?;
    if statements.iter().any(|statement| is_public(statement))
        && super::blocks_public_access(request)
    {
        return Err(Failure::new(Code::AccessDenied)
            .ec("0016-00000901")
            .message("Put public bucket policy is not allowed"));
    }
    Ok(Bytes::copy_from_slice(body))
}

fn is_public(statement: &Value) -> bool {
    statement["Effect"] == "Allow"
        && statement.get("Condition").is_none()
        && list(&statement["Principal"]).iter().any(|who| *who == "*")
}

pub(super) fn not_public() -> Bytes {
    write(&PolicyStatus::default())
}

/// `GetBucketPolicyStatus`.
pub(super) fn status(request: &Request) -> Result<Reply, Failure> {
    let policy = kept(request, "policy")?;
    let document: Value = policy
        .and_then(|policy| serde_json::from_slice(&policy).ok())
        .unwrap_or_default();
    let is_public = list(&document["Statement"]).into_iter().any(is_public);
    let status = write(&PolicyStatus { is_public });
    Ok(of_document(status, "application/xml"))
}
