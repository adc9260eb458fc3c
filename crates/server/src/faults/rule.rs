//! A rule: which calls it is about, at which of them it is due, and what then goes wrong.

use super::{Decision, Injected};
use crate::{glob, route::Operation};
use std::time::Duration;

/// At which of the calls it is about a rule is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum When {
    Always,
    /// Each with this probability, 0 to 1.
    Probability(f64),
    /// That one, counted from 1.
    Nth(u64),
    /// Each one whose number divides by this.
    Every(u64),
    /// All up to that one.
    First(u64),
}

/// A delay in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Delay {
    Fixed(f64),
    /// Equally likely between two.
    Uniform(f64, f64),
    /// Exponential with this mean: mostly short, sometimes long.
    Exponential(f64),
}

impl Delay {
    pub(super) fn draw(self, random: &mut fastrand::Rng) -> Duration {
        let ms = match self {
            Self::Fixed(ms) => ms,
            Self::Uniform(low, high) => low + (high - low) * random.f64(),
            // 1 - x is above zero, so the logarithm is finite.
            Self::Exponential(mean) => -mean * (1.0 - random.f64()).ln(),
        };
        Duration::from_secs_f64(ms / 1000.0)
    }
}

/// When a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    /// Before the call has any effect.
    Before,
    /// After its effect, instead of the answer.
    After,
    /// In the middle of the answer's body.
    Body,
}

/// A body that stops for a while, or for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    /// After so many bytes.
    pub(crate) at: u64,
    /// For good when `None`.
    pub(crate) lasts: Option<Duration>,
}

/// Which past a listing is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// The same call's answer before this one.
    Call,
    /// The same call's newest answer that is as old as this.
    Age(Duration),
}

/// What goes wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Effects {
    pub(super) delay: Option<Delay>,
    pub(super) error: Option<(u16, String)>,
    pub(super) qps: Option<f64>,
    pub(super) bandwidth: Option<u64>,
    pub(super) reset: Option<Reset>,
    pub(super) truncate: Option<u64>,
    pub(super) stall: Option<Stall>,
    pub(super) corrupt: Option<u64>,
    pub(super) wrong_crc: bool,
    pub(super) stale: Option<Past>,
    pub(super) skew_ms: Option<i64>,
}

impl Effects {
    /// Adds this rule's effects; where two rules want different things, the first one has it.
    pub(super) fn add_to(&self, decision: &mut Decision, delay: Duration) {
        let mut note = |is_there: bool, name: &'static str| {
            if is_there {
                decision.fired.push(name);
            }
        };
        note(self.delay.is_some(), "delay");
        note(self.qps.is_some(), "qps");
        note(self.error.is_some() && self.qps.is_none(), "error");
        note(self.bandwidth.is_some(), "bandwidth");
        note(self.reset.is_some(), "reset");
        note(self.truncate.is_some(), "truncate");
        note(self.stall.is_some(), "stall");
        note(self.corrupt.is_some(), "corrupt");
        note(self.wrong_crc, "wrong_crc");
        note(self.stale.is_some(), "stale");
        note(self.skew_ms.is_some(), "clock_skew");
        decision.delay += delay;
        let error = self.error.clone().or_else(|| {
            self.qps?;
            Some((503, "QpsLimitExceeded".to_owned()))
        });
        let injected = error.map(|(status, code)| Injected { status, code });
        decision.error = decision.error.take().or(injected);
        decision.reset = decision.reset.or(self.reset);
        decision.truncate = decision.truncate.or(self.truncate);
        decision.stall = decision.stall.or(self.stall);
        decision.corrupt = decision.corrupt.or(self.corrupt);
        decision.wrong_crc |= self.wrong_crc;
        decision.skew_ms += self.skew_ms.unwrap_or(0);
    }
}

/// Which calls a rule is about; a clause that is absent takes any.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Clauses {
    /// Patterns of operations' names.
    pub(super) operations: Vec<String>,
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
}

impl Clauses {
    /// Whether a call's answer is a listing that can be stale.
    pub(super) fn is_listing(operation: Operation) -> bool {
        operation.name().starts_with("List")
    }
}

/// A rule as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    pub(super) clauses: Clauses,
    pub(super) when: When,
    /// Calls in a row that fire once the rule is due.
    pub(super) burst: u64,
    pub(super) effects: Effects,
}

impl Spec {
    /// Whether the rule is about a call.
    pub(super) fn is_about(
        &self,
        operation: &str,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> bool {
        let fits = |pattern: &Option<String>, text: Option<&str>| match (pattern, text) {
            (None, _) => true,
            (Some(pattern), Some(text)) => glob::matches(pattern, text),
            (Some(_), None) => false,
        };
        let operations = &self.clauses.operations;
        (operations.is_empty() || operations.iter().any(|p| glob::matches(p, operation)))
            && fits(&self.clauses.bucket, bucket)
            && fits(&self.clauses.key, key)
    }
}
