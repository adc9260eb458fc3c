//! The policy of a form: until when it is good, and what the fields may be.

use super::form::Form;
use crate::{failure::Failure, http::unix_seconds};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ossplit_protocol::{code::Code, time};
use serde_json::Value;

/// How many bytes the file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Lengths {
    /// Any number.
    pub(super) const ANY: Self = Self {
        least: 0,
        most: u64::MAX,
    };
}

fn bad(ec: &'static str, message: &'static str) -> Failure {
    Failure::new(Code::InvalidPolicyDocument)
        .ec(ec)
        .message(format!("Invalid Policy: {message}"))
}

fn failed(condition: &Value) -> Failure {
    Failure::new(Code::AccessDenied)
        .ec("0006-00000227")
        .message(format!(
            "Invalid according to Policy: Policy Condition failed: {condition}"
        ))
}

/// Checks the policy (base64 of JSON) against a form.
pub(super) fn check(
    policy: &str,
    bucket: &str,
    key: &str,
    form: &Form,
) -> Result<Lengths, Failure> {
    let not_json = || bad("0006-00000205", "it is not base64 of JSON.");
    let bytes = STANDARD.decode(policy.trim()).map_err(|_| not_json())?;
    let document: Value = serde_json::from_slice(&bytes).map_err(|_| not_json())?;
    let members = document.as_object().ok_or_else(not_json)?;
    if members
        .keys()
        .any(|name| name != "expiration" && name != "conditions")
    {
        return Err(bad("0006-00000206", "it has an unknown member."));
    }
    let (expiration, conditions) = match (members.get("expiration"), members.get("conditions")) {
        (None, None) => {
            return Err(bad(
                "0006-00000209",
                "it has neither expiration nor conditions.",
            ));
        }
        (None, Some(_)) => return Err(bad("0006-00000208", "it has no expiration.")),
        (Some(expiration), conditions) => (expiration, conditions),
    };
    let expires = expiration
        .as_str()
        .and_then(time::parse_xml_time)
        .ok_or_else(|| bad("0006-00000210", "its expiration is not an ISO 8601 time."))?;
    if expires <= unix_seconds() {
        return Err(Failure::new(Code::AccessDenied)
            .ec("0006-00000212")
            .message("Invalid according to Policy: Policy expired."));
    }
    let none = Vec::new();
    let conditions = match conditions {
        None => &none,
        Some(conditions) => conditions
            .as_array()
            .ok_or_else(|| bad("0006-00000213", "its conditions are not a list."))?,
    };
    let mut lengths = Lengths::ANY;
    let value_of = |name: &str| match name.to_ascii_lowercase().as_str() {
        "bucket" => Some(bucket.to_owned()),
        "key" => Some(key.to_owned()),
        name => form.get(name).map(str::to_owned),
    };
    for condition in conditions {
        one(condition, &value_of, &mut lengths)?;
    }
    Ok(lengths)
}

fn one(
    condition: &Value,
    value_of: &impl Fn(&str) -> Option<String>,
    lengths: &mut Lengths,
) -> Result<(), Failure> {
    let malformed = || bad("0006-00000214", "a condition is not one that is known.");
    let holds = match condition {
        Value::Object(wanted) => wanted.iter().all(|(name, wanted)| {
            value_of(name).as_deref() == Some(wanted.as_str().unwrap_or_default())
        }),
        Value::Array(pieces) => match pieces.as_slice() {
            [Value::String(word), least, most] if word == "content-length-range" => {
                let (Some(least), Some(most)) = (least.as_u64(), most.as_u64()) else {
                    return Err(malformed());
                };
                *lengths = Lengths { least, most };
                true
            }
            [Value::String(word), Value::String(name), wanted] => {
                let value = value_of(name.trim_start_matches('$')).unwrap_or_default();
                compare(word, &value, wanted).ok_or_else(malformed)?
            }
            _ => return Err(malformed()),
        },
        _ => return Err(malformed()),
    };
    if holds {
        Ok(())
    } else {
        Err(failed(condition))
    }
}

/// Whether a value is as a condition wants it; `None` when the condition makes no sense.
fn compare(word: &str, value: &str, wanted: &Value) -> Option<bool> {
    let among = || {
        let list = wanted.as_array()?;
        Some(list.iter().any(|one| one.as_str() == Some(value)))
    };
    match word {
        "eq" => Some(wanted.as_str()? == value),
        "starts-with" => Some(value.starts_with(wanted.as_str()?)),
        "in" => among(),
        "not-in" => Some(!among()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(policy: &str) -> Result<Lengths, (Code, &'static str)> {
        let form = Form::of(&[
            ("Content-Type", "image/png"),
            ("success_action_status", "200"),
            ("x-oss-meta-a", "1"),
        ]);
        let result = check(&STANDARD.encode(policy), "b", "user/k.png", &form);
        result.map_err(|failure| (failure.code(), failure.ec_text()))
    }

    #[test]
    fn every_kind_of_condition_holds_or_fails() {
        let with = |condition: &str| {
            checked(&format!(
                r#"{{"expiration":"2099-01-01T00:00:00.000Z","conditions":[{condition}]}}"#
            ))
        };
        for good in [
            r#"{"bucket":"b"}"#,
            r#"["eq","$key","user/k.png"]"#,
            r#"["starts-with","$key","user/"],["starts-with","$key",""]"#,
            r#"["in","$content-type",["image/png","image/jpg"]]"#,
            r#"["not-in","$content-type",["text/html"]]"#,
            r#"{"x-oss-meta-a":"1"},{"success_action_status":"200"}"#,
        ] {
            assert_eq!(with(good), Ok(Lengths::ANY), "{good}");
        }
        let range = r#"["content-length-range",1,10]"#;
        assert_eq!(with(range), Ok(Lengths { least: 1, most: 10 }));
        for bad in [
            r#"{"bucket":"other"}"#,
            r#"["eq","$key","user/"]"#,
            r#"["starts-with","$key","admin/"]"#,
            r#"["in","$content-type",["text/html"]]"#,
            r#"["not-in","$content-type",["image/png"]]"#,
            r#"{"x-oss-meta-b":"1"}"#,
        ] {
            assert_eq!(
                with(bad),
                Err((Code::AccessDenied, "0006-00000227")),
                "{bad}"
            );
        }
        for odd in [
            r#""eq""#,
            r#"["eq","$key"]"#,
            r#"["like","$key","x"]"#,
            "[1,2,3]",
        ] {
            let refused = with(odd);
            assert!(
                matches!(refused, Err((Code::InvalidPolicyDocument, _))),
                "{odd}"
            );
        }
    }

    #[test]
    fn a_policy_must_be_whole_and_in_time() {
        for (policy, code, ec) in [
            ("{}", Code::InvalidPolicyDocument, "0006-00000209"),
            (
                r#"{"conditions":[]}"#,
                Code::InvalidPolicyDocument,
                "0006-00000208",
            ),
            (
                r#"{"expiration":1}"#,
                Code::InvalidPolicyDocument,
                "0006-00000210",
            ),
            (
                r#"{"expiration":"2099-01-01T00:00:00.000Z","x":1}"#,
                Code::InvalidPolicyDocument,
                "0006-00000206",
            ),
            (
                r#"{"expiration":"2001-01-01T00:00:00.000Z"}"#,
                Code::AccessDenied,
                "0006-00000212",
            ),
            ("[", Code::InvalidPolicyDocument, "0006-00000205"),
        ] {
            assert_eq!(checked(policy), Err((code, ec)), "{policy}");
        }
    }
}
