//! The JSON of a policy.

use super::{Patterns, Statement, condition};
use serde_json::{Map, Value};

/// One text or several.
fn texts(at: &str, value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(format!("{at}: {other} is not a text")),
    };
    match value {
        Value::Array(values) if values.is_empty() => Err(format!("{at} is empty")),
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// The patterns of `name` or of `Not` and `name`.
fn patterns(at: &str, fields: &Map<String, Value>, name: &str) -> Result<Option<Patterns>, String> {
    let not = format!("Not{name}");
    let (value, inverted) = match (fields.get(name), fields.get(&not)) {
        (Some(_), Some(_)) => return Err(format!("{at}: {name} and {not} exclude each other")),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Ok(None),
    };
    let patterns = match value {
        // `{"RAM": [...]}`, as roles' trust policies have it.
        Value::Object(kinds) if name == "Principal" => {
            let lists = kinds.values().map(|value| texts(at, value));
            lists.collect::<Result<Vec<_>, _>>()?.concat()
        }
        value => texts(&format!("{at}: {name}"), value)?,
    };
    Ok(Some(Patterns { patterns, inverted }))
}

fn statement(at: &str, value: &Value) -> Result<Statement, String> {
    const KNOWN: [&str; 10] = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "Id",
    ];
    let fields = value
        .as_object()
        .ok_or_else(|| format!("{at} is not an object"))?;
    if let Some(name) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("{at}: {name} is not known"));
    }
    let allows = match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err(format!("{at}: Effect must be Allow or Deny")),
    };
    let need =
        |name: &str| patterns(at, fields, name)?.ok_or_else(|| format!("{at}: {name} is missing"));
    let mut actions = need("Action")?;
    for action in &mut actions.patterns {
        action.make_ascii_lowercase();
    }
    Ok(Statement {
        allows,
        principals: patterns(at, fields, "Principal")?,
        actions,
        resources: need("Resource")?,
        conditions: match fields.get("Condition") {
            None => Vec::new(),
            Some(value) => condition::parse(value).map_err(|error| format!("{at}: {error}"))?,
        },
    })
}

pub(super) fn statements(value: &Value) -> Result<Vec<Statement>, String> {
    let fields = value.as_object().ok_or("it is not an object")?;
    match fields.get("Version").and_then(Value::as_str) {
        None | Some("1") => {}
        Some(_) => return Err("Version must be \"1\"".to_owned()),
    }
    let statements = match fields.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err("Statement must be a list".to_owned()),
    };
    let numbered = statements.into_iter().enumerate();
    numbered
        .map(|(i, value)| statement(&format!("statement {}", i + 1), value))
        .collect()
}
