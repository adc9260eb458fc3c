//! The commit protocol against a simple model: whatever is cut off, and when, what is listed is whole.

use super::{Files, Place, bytes};
use crate::{GcSettings, WriterSettings};
use ossplit::retry::RetryPolicy;
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const KEEP: usize = 2;

#[derive(Debug, Clone)]
enum Op {
    /// Saves a step with these contents; the network ends after so many requests.
    Save {
        step: u64,
        seed: u8,
        cut: Option<(i64, bool)>,
    },
    /// A new process takes up what is left.
    Resume { cut: Option<(i64, bool)> },
    /// Removes everything that no commit names, however young.
    Gc,
}

fn cut() -> impl Strategy<Value = Option<(i64, bool)>> {
    proptest::option::weighted(0.6, (0_i64..16, any::<bool>()))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (1_u64..6, 0_u8..4, cut()).prop_map(|(step, seed, cut)| Op::Save { step, seed, cut }),
        2 => cut().prop_map(|cut| Op::Resume { cut }),
        1 => Just(Op::Gc),
    ]
}

fn files(step: u64, seed: u8) -> Files {
    Files::from([
        ("a".to_owned(), format!("{step} {seed}").into_bytes()),
        ("b".to_owned(), bytes(300_000, seed)),
        ("c".to_owned(), bytes(10, 0)),
    ])
}

/// What may be there, and what must be.
#[derive(Default)]
struct Model {
    /// Contents that saves of a step were begun with.
    begun: BTreeMap<u64, Vec<Files>>,
    /// The highest step whose commit was acknowledged.
    acknowledged: u64,
}

impl Model {
    fn check(&self, place: &Place) -> Result<(), TestCaseError> {
        let steps = place.steps();
        for step in &steps {
            let there = place.files_of(*step);
            let begun = self.begun.get(step).is_some_and(|all| all.contains(&there));
            prop_assert!(begun, "step {step} holds what no save of it had");
        }
        let latest = place.latest().map_or(0, |commit| commit.step);
        prop_assert!(
            latest >= self.acknowledged,
            "latest is {latest}, {} was committed",
            self.acknowledged
        );
        prop_assert_eq!(latest, steps.last().copied().unwrap_or(0));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_cut_off_what_is_listed_is_whole(ops in proptest::collection::vec(op(), 1..12)) {
        let mut place = Place::new();
        // A process that is dead tries nothing again.
        place.config.retry = RetryPolicy { max_tries: 1, ..RetryPolicy::default() };
        let settings = WriterSettings { keep: Some(KEEP), ..place.on_disk() };
        let mut model = Model::default();
        for op in ops {
            match op {
                Op::Save { step, seed, cut } => {
                    let saved = files(step, seed);
                    model.begun.entry(step).or_default().push(saved.clone());
                    let writer = place.writer(settings.clone());
                    if let Some((requests, takes_effect)) = cut {
                        place.cut.after(requests, takes_effect);
                    }
                    let done = place.save(&writer, step, &saved).wait();
                    place.cut.mend();
                    if done.is_ok() {
                        model.acknowledged = model.acknowledged.max(step);
                        prop_assert_eq!(place.files_of(step), saved);
                    } else {
                        prop_assert!(cut.is_some(), "{:?}", done);
                    }
                }
                Op::Resume { cut } => {
                    let writer = place.writer(settings.clone());
                    if let Some((requests, takes_effect)) = cut {
                        place.cut.after(requests, takes_effect);
                    }
                    for resumed in writer.resume().unwrap() {
                        if let Ok(commit) = resumed.save.wait() {
                            model.acknowledged = model.acknowledged.max(commit.step);
                        }
                    }
                    place.cut.mend();
                }
                Op::Gc => {
                    let all = GcSettings { older_than: Duration::ZERO, dry_run: false };
                    place.wait(place.store().gc(&all)).unwrap();
                }
            }
            model.check(&place)?;
        }
        // In the end one more save tidies up, and nothing is left but what the commits name.
        let writer = place.writer(settings.clone());
        for resumed in writer.resume().unwrap() {
            let _ = resumed.save.wait();
        }
        let last = files(9, 0);
        model.begun.entry(9).or_default().push(last.clone());
        place.save(&writer, 9, &last).wait().unwrap();
        model.check(&place)?;
        prop_assert!(place.steps().len() <= KEEP);
        prop_assert_eq!(place.staged(), 0);
        let all = GcSettings { older_than: Duration::ZERO, dry_run: false };
        place.wait(place.store().gc(&all)).unwrap();
        let named = place.keys("data/").into_iter().filter(|key| !key.ends_with(".ossplit-resumed"));
        prop_assert_eq!(named.count(), 3 * place.steps().len());
        prop_assert!(place.wait(place.store().uploads("")).unwrap().is_empty());
    }
}
