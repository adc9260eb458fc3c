//! Reading a plan: every fault in it is told with its rule, its field, its value and a mend.

use super::{
    FaultPlan,
    rule::{Clauses, Delay, Effects, Past, Reset, Spec, Stall, When},
};
use crate::{glob, route::Operation};
use serde_json::{Map, Value};
use std::{io, path::Path, time::Duration};
use thiserror::Error;

/// Why a plan is refused: all that is wrong with it, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidFaults(String);

impl InvalidFaults {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self(format!(
            "{}: can't be read: {error}: give the path of a JSON file with fault rules",
            path.display()
        ))
    }
}

/// A delay or a stall is at most this long, in milliseconds: an hour.
const MAX_MS: f64 = 3_600_000.0;

const WHEN: &str = r#""always", {"probability": 0.1}, {"nth": 3}, {"every": 10} or {"first": 5}"#;
const DELAY: &str = r#"milliseconds, such as 20, {"uniform": [10, 50]} or {"exponential": 20}"#;

/// Fields of a rule.
const FIELDS: &[&str] = &[
    "name",
    "operation",
    "bucket",
    "key",
    "when",
    "burst",
    "delay_ms",
    "status",
    "code",
    "qps",
    "bandwidth",
    "reset",
    "truncate_at",
    "stall_at",
    "stall_ms",
    "corrupt_at",
    "wrong_crc",
    "stale",
    "clock_skew_ms",
];

/// One rule while it is read; what is wrong is noted and reading goes on.
struct Reader<'a> {
    /// Such as `faults.json: rule 2`.
    at: String,
    fields: &'a Map<String, Value>,
    wrong: &'a mut Vec<String>,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, field: &str, value: &Value, mend: &str) {
        let line = format!("{}: {field}: {value} won't do: give {mend}", self.at);
        self.wrong.push(line);
    }

    /// The value of a field that `read` makes of it.
    fn take<T>(
        &mut self,
        field: &str,
        mend: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.fields.get(field)?;
        let taken = read(value);
        if taken.is_none() {
            self.refuse(field, value, mend);
        }
        taken
    }

    fn count(&mut self, field: &str, least: u64, mend: &str) -> Option<u64> {
        self.take(field, mend, |value| value.as_u64().filter(|n| *n >= least))
    }

    fn text(&mut self, field: &str, mend: &str) -> Option<String> {
        self.take(field, mend, |value| value.as_str().map(str::to_owned))
    }
}

/// The only field of an object.
fn single(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object()?;
    let (name, value) = fields.iter().next()?;
    (fields.len() == 1).then_some((name, value))
}

fn when(value: &Value) -> Option<When> {
    if value.as_str() == Some("always") {
        return Some(When::Always);
    }
    let at_least_one = |value: &Value| value.as_u64().filter(|n| *n > 0);
    match single(value)? {
        ("probability", share) => share
            .as_f64()
            .filter(|share| (0.0..=1.0).contains(share))
            .map(When::Probability),
        ("nth", n) => at_least_one(n).map(When::Nth),
        ("every", n) => at_least_one(n).map(When::Every),
        ("first", n) => at_least_one(n).map(When::First),
        _ => None,
    }
}

fn milliseconds(value: &Value) -> Option<f64> {
    value.as_f64().filter(|ms| (0.0..=MAX_MS).contains(ms))
}

fn delay(value: &Value) -> Option<Delay> {
    if let Some(ms) = milliseconds(value) {
        return Some(Delay::Fixed(ms));
    }
    match single(value)? {
        ("uniform", between) => match between.as_array()?.as_slice() {
            [low, high] => {
                let (low, high) = (milliseconds(low)?, milliseconds(high)?);
                (low <= high).then_some(Delay::Uniform(low, high))
            }
            _ => None,
        },
        ("exponential", mean) => milliseconds(mean).map(Delay::Exponential),
        _ => None,
    }
}

/// Patterns of operations, each of which some operation has.
fn operations(value: &Value) -> Option<Vec<String>> {
    let names: Vec<&Value> = match value {
        Value::Array(names) => names.iter().collect(),
        one => vec![one],
    };
    let known = |name: &&Value| {
        let pattern = name.as_str()?;
        let some = |operation: &Operation| glob::matches(pattern, operation.name());
        let there = Operation::ALL.iter().any(some);
        there.then(|| pattern.to_owned())
    };
    names.iter().map(known).collect()
}

fn past(value: &Value) -> Option<Past> {
    if value.as_str() == Some("previous call") {
        return Some(Past::Call);
    }
    match single(value)? {
        ("ms", ms) => milliseconds(ms).map(|ms| Past::Age(Duration::from_secs_f64(ms / 1000.0))),
        _ => None,
    }
}

fn effects(reader: &mut Reader<'_>) -> Effects {
    let status = reader.take("status", "an HTTP status from 400 to 599", |value| {
        let status = u16::try_from(value.as_u64()?).ok()?;
        (400..600).contains(&status).then_some(status)
    });
    let code = reader.take(
        "code",
        "an error code in letters, such as InternalError",
        |value| {
            let code = value.as_str()?;
            let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
            (!code.is_empty() && code.bytes().all(letters)).then(|| code.to_owned())
        },
    );
    let error = match (status, code) {
        (None, None) => None,
        (status, code) => {
            let known = code.as_deref();
            let known = known.and_then(ossplit_protocol::code::Code::from_name);
            let status = status.unwrap_or_else(|| match known {
                Some(code) if code.status().as_u16() >= 400 => code.status().as_u16(),
                _ => 503,
            });
            let code = code.unwrap_or_else(|| match status {
                503 => "ServiceUnavailable".to_owned(),
                _ => "InternalError".to_owned(),
            });
            Some((status, code))
        }
    };
    let reset_words = r#""before" (the call has no effect), "after" (it has, and no answer) or "body" (in mid-answer)"#;
    let reset = reader.take("reset", reset_words, |value| match value.as_str()? {
        "before" => Some(Reset::Before),
        "after" => Some(Reset::After),
        "body" => Some(Reset::Body),
        _ => None,
    });
    let lasts = reader.take("stall_ms", "milliseconds up to an hour", milliseconds);
    let stall = reader.count(
        "stall_at",
        0,
        "bytes of the body that come before the stall",
    );
    if let (Some(value), None) = (reader.fields.get("stall_ms"), stall) {
        reader.refuse("stall_ms", value, "stall_at as well");
    }
    Effects {
        delay: reader.take("delay_ms", DELAY, delay),
        error,
        qps: reader.take("qps", "calls per second above 0", |value| {
            value.as_f64().filter(|qps| *qps > 0.0 && *qps <= 1e9)
        }),
        bandwidth: reader.count("bandwidth", 1, "bytes per second above 0"),
        reset,
        truncate: reader.count("truncate_at", 0, "bytes of the body that still come"),
        stall: stall.map(|at| Stall {
            at,
            lasts: lasts.map(|ms| Duration::from_secs_f64(ms / 1000.0)),
        }),
        corrupt: reader.count("corrupt_at", 0, "the place of a byte in the body, from 0"),
        wrong_crc: reader
            .take("wrong_crc", "true or false", Value::as_bool)
            .unwrap_or(false),
        stale: reader.take("stale", r#""previous call" or {"ms": 1000}"#, past),
        skew_ms: reader.take(
            "clock_skew_ms",
            "milliseconds, above or below 0, up to ten years",
            |value| {
                let limit = 10 * 366 * 86_400_000;
                value.as_i64().filter(|ms| (-limit..=limit).contains(ms))
            },
        ),
    }
}

fn rule(at: String, value: &Value, wrong: &mut Vec<String>) -> Option<Spec> {
    let Some(fields) = value.as_object() else {
        wrong.push(format!(
            "{at}: {value} won't do: a rule is an object, such as {{\"operation\": \"GetObject\", \"status\": 503}}"
        ));
        return None;
    };
    let mut reader = Reader { at, fields, wrong };
    for (name, value) in fields {
        if !FIELDS.contains(&name.as_str()) {
            let known = FIELDS.join(", ");
            reader.refuse(name, value, &format!("a field that a rule has: {known}"));
        }
    }
    reader.text("name", "a text of your own");
    let named = "an operation's name or pattern, such as GetObject or List*, or several in a list";
    let clauses = Clauses {
        operations: reader
            .take("operation", named, operations)
            .unwrap_or_default(),
        bucket: reader.text("bucket", "a bucket's name or pattern"),
        key: reader.text("key", "a key's pattern, such as train/*"),
    };
    let when = reader.take("when", WHEN, when).unwrap_or(When::Always);
    let burst = reader.count("burst", 1, "calls in a row, 1 or more");
    let effects = effects(&mut reader);
    let good = reader.wrong.is_empty();
    if good && effects == Effects::default() {
        reader.wrong.push(format!(
            "{}: nothing goes wrong: give one of delay_ms, status, code, qps, bandwidth, reset, truncate_at, stall_at, corrupt_at, wrong_crc, stale, clock_skew_ms",
            reader.at
        ));
    }
    Some(Spec {
        clauses,
        when,
        burst: burst.unwrap_or(1),
        effects,
    })
}

pub(super) fn plan(text: &[u8], source: &str) -> Result<FaultPlan, InvalidFaults> {
    let refused = |line: String| Err(InvalidFaults(format!("{source}: {line}")));
    let written: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(error) => {
            return refused(format!(
                "not JSON: {error}: give {{\"rules\": [...]}}, see docs/faults.md"
            ));
        }
    };
    let Some(rules) = written.get("rules").and_then(Value::as_array) else {
        return refused("rules: missing: give {\"rules\": [...]}, see docs/faults.md".to_owned());
    };
    let mut wrong = Vec::new();
    for (name, value) in written.as_object().into_iter().flatten() {
        if !["rules", "seed"].contains(&name.as_str()) {
            wrong.push(format!(
                "{source}: {name}: {value} won't do: give seed and rules only"
            ));
        }
    }
    let seed = match written.get("seed") {
        None => 0,
        Some(value) => value.as_u64().unwrap_or_else(|| {
            wrong.push(format!(
                "{source}: seed: {value} won't do: give a number from 0"
            ));
            0
        }),
    };
    let rules: Vec<Spec> = rules
        .iter()
        .enumerate()
        .filter_map(|(i, value)| rule(format!("{source}: rule {}", i + 1), value, &mut wrong))
        .collect();
    if wrong.is_empty() {
        Ok(FaultPlan {
            seed,
            rules,
            written,
        })
    } else {
        Err(InvalidFaults(wrong.join("\n")))
    }
}
