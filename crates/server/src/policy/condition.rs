//! Conditions of statements: an operator, a key of the request, and values of which one must fit.

use super::Circumstances;
use crate::glob;
use ossplit_protocol::time;
use serde_json::Value;
use std::net::IpAddr;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    EqualsIgnoreCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Ip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd + Copy>(self, left: T, right: T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// One condition: it holds if a value fits, or if none does where it is negated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    operator: Operator,
    negated: bool,
    /// In lower case.
    key: String,
    values: Vec<String>,
}

fn operator(name: &str) -> Option<(Operator, bool)> {
    use Order::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Some(match name {
        "StringEquals" => (Operator::Equals, false),
        "StringNotEquals" => (Operator::Equals, true),
        "StringEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, true),
        "StringLike" => (Operator::Like, false),
        "StringNotLike" => (Operator::Like, true),
        "NumericEquals" => (Operator::Number(Equal), false),
        "NumericNotEquals" => (Operator::Number(Equal), true),
        "NumericLessThan" => (Operator::Number(Less), false),
        "NumericLessThanEquals" => (Operator::Number(LessOrEqual), false),
        "NumericGreaterThan" => (Operator::Number(Greater), false),
        "NumericGreaterThanEquals" => (Operator::Number(GreaterOrEqual), false),
        "DateEquals" => (Operator::Date(Equal), false),
        "DateNotEquals" => (Operator::Date(Equal), true),
        "DateLessThan" => (Operator::Date(Less), false),
        "DateLessThanEquals" => (Operator::Date(LessOrEqual), false),
        "DateGreaterThan" => (Operator::Date(Greater), false),
        "DateGreaterThanEquals" => (Operator::Date(GreaterOrEqual), false),
        "Bool" => (Operator::Bool, false),
        "IpAddress" => (Operator::Ip, false),
        "NotIpAddress" => (Operator::Ip, true),
        _ => return None,
    })
}

/// `192.0.2.0/24`, `192.0.2.1` or their like in IPv6.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.trim().parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        "" => most,
        bits => bits.parse().ok().filter(|bits| *bits <= most)?,
    };
    Some((address, bits))
}

fn within(address: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    let same = |a: u128, b: u128, width: u32| {
        let shift = width - u32::from(bits);
        // A shift by the whole width leaves nothing to compare.
        a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
    };
    match (address.to_canonical(), network.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

/// Unix seconds of `2026-11-23T10:00:00+08:00`, `…Z` or seconds themselves.
fn date(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let parsed = time::parse_xml_time(text);
    parsed.or_else(|| {
        let at = text.len().checked_sub(6)?;
        let (local, offset) = (text.get(..at)?, text.get(at..)?);
        let sign = match offset.as_bytes()[0] {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = offset[1..].split_once(':')?;
        let ahead = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
        Some(time::parse_xml_time(&format!("{local}Z"))? - sign * ahead)
    })
}

impl Condition {
    fn value_of(&self, of: &Circumstances) -> Option<String> {
        match self.key.as_str() {
            "acs:sourceip" => of.source_ip.map(|ip| ip.to_canonical().to_string()),
            "acs:securetransport" => Some(of.secure.to_string()),
            "acs:currenttime" => Some(of.now.to_string()),
            key => {
                let found = of.texts.iter().find(|(name, _)| *name == key);
                found.map(|(_, text)| text.clone())
            }
        }
    }

    fn fits(&self, wanted: &str, value: &str) -> bool {
        match self.operator {
            Operator::Equals => wanted == value,
            Operator::EqualsIgnoreCase => wanted.to_lowercase() == value.to_lowercase(),
            Operator::Like => glob::matches(wanted, value),
            Operator::Bool => wanted.eq_ignore_ascii_case(value),
            Operator::Number(order) => match (value.parse::<f64>(), wanted.parse::<f64>()) {
                (Ok(value), Ok(wanted)) => order.holds(value, wanted),
                _ => false,
            },
            Operator::Date(order) => match (date(value), date(wanted)) {
                (Some(value), Some(wanted)) => order.holds(value, wanted),
                _ => false,
            },
            Operator::Ip => match (value.parse(), network(wanted)) {
                (Ok(value), Some(network)) => within(value, network),
                _ => false,
            },
        }
    }

    /// Whether the condition holds; of what a request has not, only a negation holds.
    pub(super) fn holds(&self, of: &Circumstances) -> bool {
        let value = self.value_of(of);
        let any = value.is_some_and(|value| self.values.iter().any(|want| self.fits(want, &value)));
        any != self.negated
    }
}

/// Values as text: policies write numbers and truth values with and without quotes.
fn values(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        other => Err(format!("Condition: {key}: {other} is not a text")),
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// Reads `{"StringLike": {"oss:Prefix": ["a/*"]}}`.
pub(super) fn parse(value: &Value) -> Result<Vec<Condition>, String> {
    let operators = value.as_object().ok_or("Condition is not an object")?;
    let mut out = Vec::new();
    for (name, keys) in operators {
        let (operator, negated) =
            operator(name).ok_or_else(|| format!("Condition: {name} is no operator"))?;
        let keys = keys
            .as_object()
            .ok_or_else(|| format!("Condition: {name} is not an object"))?;
        for (key, value) in keys {
            let values = values(key, value)?;
            let readable = |value: &String| match operator {
                Operator::Ip => network(value).is_some(),
                Operator::Date(_) => date(value).is_some(),
                Operator::Number(_) => value.parse::<f64>().is_ok(),
                _ => true,
            };
            if let Some(bad) = values.iter().find(|value| !readable(value)) {
                return Err(format!("Condition: {name}: {key}: {bad} can't be read"));
            }
            out.push(Condition {
                operator,
                negated,
                key: key.to_ascii_lowercase(),
                values,
            });
        }
    }
    Ok(out)
}
