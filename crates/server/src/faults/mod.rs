//! Faults on purpose: what a rule file or the console wants to go wrong, and when.
//!
//! A [`FaultPlan`] is what was written; [`Faults`] is the plan that a server follows now, with the
//! counts that decide which call a rule is due at. `docs/faults.md` describes the format.

mod history;
mod read;
mod rule;

pub use read::InvalidFaults;

use crate::{http::Limiter, route::Operation};
use history::History;
use parking_lot::{Mutex, RwLock};
use rule::{Clauses, Past, Spec, When};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use rule::{Reset, Stall};

/// Rules that were read and found good.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    seed: u64,
    rules: Vec<Spec>,
    /// As it was written, for whoever asks what is in force.
    written: Value,
}

impl FaultPlan {
    /// Reads a plan in JSON; `source` is named in errors.
    pub fn parse(text: &[u8], source: &str) -> Result<Self, InvalidFaults> {
        read::plan(text, source)
    }

    /// Reads a plan from a file. Blocks.
    pub fn of_file(path: &Path) -> Result<Self, InvalidFaults> {
        let text = std::fs::read(path).map_err(|error| InvalidFaults::unreadable(path, &error))?;
        Self::parse(&text, &path.display().to_string())
    }
}

/// What a rule has counted.
struct Counts {
    random: fastrand::Rng,
    matched: u64,
    fired: u64,
    /// Further calls of a burst that is going on.
    burst_left: u64,
}

/// A rule in force.
struct Active {
    spec: Spec,
    counts: Mutex<Counts>,
    /// Calls per second, if the rule caps them.
    calls: Option<Limiter>,
    /// Bytes per second, if the rule caps them.
    bytes: Option<Arc<Limiter>>,
}

impl Active {
    fn new(spec: Spec, seed: u64) -> Self {
        Self {
            counts: Mutex::new(Counts {
                random: fastrand::Rng::with_seed(seed),
                matched: 0,
                fired: 0,
                burst_left: 0,
            }),
            calls: spec.effects.qps.map(Limiter::new),
            bytes: (spec.effects.bandwidth).map(|rate| Arc::new(Limiter::new(rate as f64))),
            spec,
        }
    }

    /// Counts a call that the rule is about; the delay if it is due.
    fn due(&self) -> Option<Duration> {
        let mut counts = self.counts.lock();
        counts.matched += 1;
        let nth = counts.matched;
        let due = if counts.burst_left > 0 {
            counts.burst_left -= 1;
            true
        } else {
            let starts = match self.spec.when {
                When::Always => true,
                When::Probability(share) => counts.random.f64() < share,
                When::Nth(wanted) => nth == wanted,
                When::Every(step) => nth.is_multiple_of(step),
                When::First(last) => nth <= last,
            };
            if starts {
                counts.burst_left = self.spec.burst - 1;
            }
            starts
        };
        // A cap is only met by the calls above it.
        let capped = self.calls.as_ref().is_none_or(|calls| !calls.try_take());
        if !(due && capped) {
            return None;
        }
        counts.fired += 1;
        let delay = self.spec.effects.delay;
        Some(delay.map_or(Duration::ZERO, |delay| delay.draw(&mut counts.random)))
    }
}

/// A plan in force.
struct Running {
    plan: FaultPlan,
    rules: Vec<Active>,
    history: Mutex<History>,
}

/// The error that a fault answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injected {
    pub(crate) status: u16,
    pub(crate) code: String,
}

/// What goes wrong with one call.
#[derive(Default)]
pub(crate) struct Decision {
    pub(crate) delay: Duration,
    pub(crate) error: Option<Injected>,
    pub(crate) reset: Option<Reset>,
    /// The body ends after so many bytes, and the connection with it.
    pub(crate) truncate: Option<u64>,
    pub(crate) stall: Option<Stall>,
    /// The byte at this place of the body is wrong.
    pub(crate) corrupt: Option<u64>,
    pub(crate) wrong_crc: bool,
    /// Added to the server's clock, in milliseconds.
    pub(crate) skew_ms: i64,
    pub(crate) paces: Vec<Arc<Limiter>>,
    /// Names of the effects, for the counters.
    pub(crate) fired: Vec<&'static str>,
    /// Set for listings that a rule may answer from the past.
    pub(crate) listing: Option<Listing>,
}

/// A listing that is remembered, and perhaps answered from memory.
pub(crate) struct Listing {
    running: Arc<Running>,
    past: Option<Past>,
}

impl Listing {
    /// Remembers `fresh` as the answer of the call `name` and gives what is answered.
    pub(crate) fn answer(&self, name: &str, fresh: &bytes::Bytes) -> bytes::Bytes {
        let mut history = self.running.history.lock();
        let stale = self
            .past
            .and_then(|past| history.past(name, past, Instant::now()));
        history.remember(name, fresh.clone(), Instant::now());
        stale.unwrap_or_else(|| fresh.clone())
    }
}

/// The faults of a server.
#[derive(Default)]
pub(crate) struct Faults(RwLock<Option<Arc<Running>>>);

impl Faults {
    pub(crate) fn new(plan: Option<FaultPlan>) -> Self {
        let faults = Self::default();
        faults.set(plan);
        faults
    }

    /// Follows another plan from now on, or none; counts begin anew.
    pub(crate) fn set(&self, plan: Option<FaultPlan>) {
        *self.0.write() = plan.map(|plan| {
            let active = |(i, spec): (usize, &Spec)| {
                // Rules must not draw the same numbers.
                Active::new(spec.clone(), plan.seed.wrapping_add(i as u64 * 0x9E37_79B9))
            };
            Arc::new(Running {
                rules: plan.rules.iter().enumerate().map(active).collect(),
                history: Mutex::default(),
                plan,
            })
        });
    }

    /// The plan in force as it was written, with each rule's counts.
    pub(crate) fn describe(&self) -> Value {
        let Some(running) = self.0.read().clone() else {
            return json!({"rules": []});
        };
        let mut out = running.plan.written.clone();
        let rules = out.get_mut("rules").and_then(Value::as_array_mut);
        for (written, rule) in rules.into_iter().flatten().zip(&running.rules) {
            let counts = rule.counts.lock();
            if let Some(fields) = written.as_object_mut() {
                fields.insert("matched".into(), counts.matched.into());
                fields.insert("fired".into(), counts.fired.into());
            }
        }
        out
    }

    /// What goes wrong with this call; `None` when no rule is in force or about it.
    pub(crate) fn decide(
        &self,
        operation: Operation,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Option<Decision> {
        let running = self.0.read().clone()?;
        let mut decision = Decision::default();
        let mut about = false;
        for rule in &running.rules {
            if !rule.spec.is_about(operation.name(), bucket, key) {
                continue;
            }
            about = true;
            let due = rule.due();
            let effects = &rule.spec.effects;
            if let (Some(past), true) = (effects.stale, Clauses::is_listing(operation)) {
                let listing = decision.listing.get_or_insert_with(|| Listing {
                    running: Arc::clone(&running),
                    past: None,
                });
                listing.past = listing.past.or(due.map(|_| past));
            }
            if let Some(delay) = due {
                effects.add_to(&mut decision, delay);
                decision.paces.extend(rule.bytes.clone());
            }
        }
        about.then_some(decision)
    }
}

#[cfg(test)]
mod tests;
