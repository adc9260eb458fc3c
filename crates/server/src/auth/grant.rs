//! What a key or a role may do, as the keys file writes it.

use crate::policy::Policy;
use serde_json::{Value, json};

const FORMS: &str = r#"give "owner", "read-only", {"policy": {"Version": "1", ...}} or {"bucket": "data", "prefixes": ["train/"], "access": "read"}"#;

/// Full access, or a policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Grant {
    Owner,
    Policy(Policy),
}

/// The policy of whoever may read, write or both below some prefixes of a bucket.
fn limited(bucket: &str, prefixes: &[&str], reads: bool, writes: bool) -> Value {
    let below = |prefix: &&str| format!("acs:oss:*:*:{bucket}/{prefix}*");
    let objects: Vec<String> = prefixes.iter().map(below).collect();
    let patterns: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}*")).collect();
    let listing = |actions: Value| {
        json!({
            "Effect": "Allow",
            "Action": actions,
            "Resource": format!("acs:oss:*:*:{bucket}"),
            "Condition": {"StringLike": {"oss:Prefix": patterns}},
        })
    };
    let mut statements = vec![json!({
        "Effect": "Allow",
        "Action": ["oss:GetBucketInfo", "oss:GetBucketLocation", "oss:GetBucketVersioning"],
        "Resource": format!("acs:oss:*:*:{bucket}"),
    })];
    if reads {
        let actions = ["oss:GetObject*"];
        statements.push(json!({"Effect": "Allow", "Action": actions, "Resource": objects}));
        statements.push(listing(json!([
            "oss:ListObjects",
            "oss:ListObjectVersions"
        ])));
    }
    if writes {
        let actions = [
            "oss:PutObject*",
            "oss:DeleteObject*",
            "oss:AbortMultipartUpload",
            "oss:ListParts",
            "oss:RestoreObject*",
        ];
        statements.push(json!({"Effect": "Allow", "Action": actions, "Resource": objects}));
        statements.push(listing(json!("oss:ListMultipartUploads")));
    }
    json!({"Version": "1", "Statement": statements})
}

impl Grant {
    /// Reads a `role` of the keys file.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let refuse = || format!("{value} won't do: {FORMS}");
        let policy = |value: &Value| {
            let policy = Policy::of_value(value);
            policy.map_err(|error| format!("policy: {error}: mend the RAM policy"))
        };
        let fields = match value {
            Value::String(word) if word == "owner" => return Ok(Self::Owner),
            Value::String(word) if word == "read-only" => {
                let actions = ["oss:Get*", "oss:List*"];
                let all = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
                return policy(&json!({"Version": "1", "Statement": [all]})).map(Self::Policy);
            }
            Value::Object(fields) => fields,
            _ => return Err(refuse()),
        };
        if let (Some(value), 1) = (fields.get("policy"), fields.len()) {
            return policy(value).map(Self::Policy);
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let prefixes = fields.get("prefixes").and_then(Value::as_array);
        let prefixes: Option<Vec<&str>> =
            prefixes.and_then(|prefixes| prefixes.iter().map(Value::as_str).collect());
        let (Some(bucket), Some(prefixes), 3) = (text("bucket"), prefixes, fields.len()) else {
            return Err(refuse());
        };
        let (reads, writes) = match text("access") {
            Some("read") => (true, false),
            Some("write") => (false, true),
            Some("read-write") => (true, true),
            _ => {
                return Err(format!(
                    "access of {value} won't do: give read, write or read-write"
                ));
            }
        };
        policy(&limited(bucket, &prefixes, reads, writes)).map(Self::Policy)
    }

    /// The policy; none for whoever may do everything.
    pub(super) fn policy(&self) -> Option<Policy> {
        match self {
            Self::Owner => None,
            Self::Policy(policy) => Some(policy.clone()),
        }
    }
}
