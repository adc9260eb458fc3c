use super::*;

fn parse(text: &str) -> Result<FaultPlan, String> {
    FaultPlan::parse(text.as_bytes(), "f.json").map_err(|error| error.to_string())
}

/// At which of the first `n` calls the only rule of `text` fires.
fn fires(text: &str, n: usize) -> Vec<usize> {
    let faults = Faults::new(Some(parse(text).unwrap()));
    (1..=n)
        .filter(|_| {
            let decision = faults.decide(Operation::GetObject, Some("b"), Some("k"));
            decision.is_some_and(|decision| decision.error.is_some())
        })
        .collect()
}

#[test]
fn rules_are_due_when_they_say() {
    let rule = |when: &str| format!(r#"{{"rules": [{{"status": 500, {when}}}]}}"#);
    assert_eq!(fires(&rule(r#""when": "always""#), 3), [1, 2, 3]);
    assert_eq!(fires(&rule(r#""when": {"nth": 3}"#), 6), [3]);
    assert_eq!(fires(&rule(r#""when": {"every": 3}"#), 9), [3, 6, 9]);
    assert_eq!(fires(&rule(r#""when": {"first": 2}"#), 6), [1, 2]);
    let burst = rule(r#""when": {"every": 4}, "burst": 3"#);
    assert_eq!(fires(&burst, 14), [4, 5, 6, 8, 9, 10, 12, 13, 14]);
    assert!(fires(&rule(r#""when": {"probability": 0}"#), 1000).is_empty());
    let some = fires(&rule(r#""when": {"probability": 0.25}"#), 1000);
    assert!((180..320).contains(&some.len()), "{}", some.len());
    assert_eq!(some, fires(&rule(r#""when": {"probability": 0.25}"#), 1000));
    let seeded = rule(r#""when": {"probability": 0.25}"#).replacen('{', r#"{"seed": 9, "#, 1);
    assert_ne!(some, fires(&seeded, 1000));
}

#[test]
fn rules_are_about_operations_buckets_and_keys() {
    let text = r#"{"rules": [
        {"operation": ["Get*", "HeadObject"], "bucket": "b*", "key": "train/*", "status": 500}
    ]}"#;
    let faults = Faults::new(Some(parse(text).unwrap()));
    let hit = |operation, bucket, key| faults.decide(operation, bucket, key).is_some();
    assert!(hit(Operation::GetObject, Some("b1"), Some("train/x")));
    assert!(hit(Operation::HeadObject, Some("b"), Some("train/")));
    assert!(!hit(Operation::PutObject, Some("b1"), Some("train/x")));
    assert!(!hit(Operation::GetObject, Some("c"), Some("train/x")));
    assert!(!hit(Operation::GetObject, Some("b"), Some("test/x")));
    assert!(!hit(Operation::GetBucketInfo, Some("b"), None));
    let described = faults.describe();
    assert_eq!(described["rules"][0]["matched"], 2);
    assert_eq!(described["rules"][0]["fired"], 2);
    faults.set(None);
    assert!(!hit(Operation::GetObject, Some("b1"), Some("train/x")));
    assert_eq!(faults.describe(), json!({"rules": []}));
}

#[test]
fn several_rules_add_up_and_the_first_has_what_can_be_only_once() {
    let text = r#"{"rules": [
        {"delay_ms": 10, "status": 503, "code": "RequestLimitExceeded"},
        {"delay_ms": 20, "status": 500},
        {"clock_skew_ms": 5000}, {"clock_skew_ms": -1000},
        {"operation": "List*", "stale": "previous call"}
    ]}"#;
    let faults = Faults::new(Some(parse(text).unwrap()));
    let decision = faults
        .decide(Operation::GetObject, Some("b"), Some("k"))
        .unwrap();
    assert_eq!(decision.delay, Duration::from_millis(30));
    let injected = Injected {
        status: 503,
        code: "RequestLimitExceeded".into(),
    };
    assert_eq!(decision.error, Some(injected));
    assert_eq!(decision.skew_ms, 4000);
    assert!(decision.listing.is_none());
    let fired = [
        "delay",
        "error",
        "delay",
        "error",
        "clock_skew",
        "clock_skew",
    ];
    assert_eq!(decision.fired, fired);
}

#[test]
fn codes_and_statuses_stand_for_each_other() {
    for (written, status, code) in [
        (r#""status": 503"#, 503, "ServiceUnavailable"),
        (r#""status": 502"#, 502, "InternalError"),
        (
            r#""code": "RequestLimitExceeded""#,
            503,
            "RequestLimitExceeded",
        ),
        (r#""code": "NoSuchKey""#, 404, "NoSuchKey"),
        (r#""code": "QpsLimitExceeded""#, 503, "QpsLimitExceeded"),
        (r#""status": 429, "code": "TooMany""#, 429, "TooMany"),
    ] {
        let plan = parse(&format!(r#"{{"rules": [{{{written}}}]}}"#)).unwrap();
        let error = plan.rules[0].effects.error.clone();
        assert_eq!(error, Some((status, code.to_owned())), "{written}");
    }
}

#[test]
fn delays_are_drawn_as_written() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut draws = |delay: rule::Delay| -> Vec<f64> {
        let draw = |_| delay.draw(&mut random).as_secs_f64() * 1000.0;
        (0..10_000).map(draw).collect()
    };
    let mean = |draws: &[f64]| draws.iter().sum::<f64>() / draws.len() as f64;
    assert!(
        draws(rule::Delay::Fixed(3.0))
            .iter()
            .all(|ms| (*ms - 3.0).abs() < 1e-6)
    );
    let uniform = draws(rule::Delay::Uniform(10.0, 20.0));
    assert!(uniform.iter().all(|ms| (10.0..=20.0).contains(ms)));
    assert!((14.5..15.5).contains(&mean(&uniform)));
    let exponential = draws(rule::Delay::Exponential(20.0));
    assert!((19.0..21.0).contains(&mean(&exponential)));
    let above = exponential.iter().filter(|ms| **ms > 20.0).count();
    // e^-1 of them.
    assert!((3400..3950).contains(&above), "{above}");
}

#[test]
fn a_bad_plan_is_refused_with_all_that_is_wrong_and_a_mend() {
    for (text, wanted) in [
        ("", "f.json: not JSON"),
        ("{}", "f.json: rules: missing: give"),
        (r#"{"rules": [], "speed": 1}"#, "f.json: speed: 1 won't do"),
        (r#"{"rules": [], "seed": -1}"#, "f.json: seed: -1 won't do"),
        (r#"{"rules": [7]}"#, "f.json: rule 1: 7 won't do"),
        (
            r#"{"rules": [{}]}"#,
            "f.json: rule 1: nothing goes wrong: give one of delay_ms",
        ),
        (
            r#"{"rules": [{"statsu": 500}]}"#,
            "rule 1: statsu: 500 won't do: give a field that a rule has: name, operation",
        ),
        (
            r#"{"rules": [{"status": 200}]}"#,
            "rule 1: status: 200 won't do: give an HTTP status from 400 to 599",
        ),
        (
            r#"{"rules": [{"code": "a b"}]}"#,
            r#"rule 1: code: "a b" won't do"#,
        ),
        (
            r#"{"rules": [{"operation": "GetObjet", "status": 500}]}"#,
            r#"rule 1: operation: "GetObjet" won't do: give an operation's name"#,
        ),
        (
            r#"{"rules": [{"when": {"probability": 2}, "status": 500}]}"#,
            r#"rule 1: when: {"probability":2} won't do: give "always""#,
        ),
        (
            r#"{"rules": [{"when": {"nth": 0}, "status": 500}]}"#,
            r#"rule 1: when: {"nth":0}"#,
        ),
        (
            r#"{"rules": [{"burst": 0, "status": 500}]}"#,
            "rule 1: burst: 0 won't do",
        ),
        (
            r#"{"rules": [{"delay_ms": {"uniform": [5, 1]}}]}"#,
            r#"rule 1: delay_ms: {"uniform":[5,1]} won't do: give milliseconds"#,
        ),
        (
            r#"{"rules": [{"delay_ms": 1e9}]}"#,
            "rule 1: delay_ms: 1000000000.0",
        ),
        (
            r#"{"rules": [{"reset": "now"}]}"#,
            r#"rule 1: reset: "now" won't do: give "before""#,
        ),
        (
            r#"{"rules": [{"stall_ms": 5, "status": 500}]}"#,
            "rule 1: stall_ms: 5 won't do: give stall_at as well",
        ),
        (
            r#"{"rules": [{"stale": "old"}]}"#,
            r#"rule 1: stale: "old" won't do"#,
        ),
        (r#"{"rules": [{"bandwidth": 0}]}"#, "rule 1: bandwidth: 0"),
        (r#"{"rules": [{"qps": "many"}]}"#, r#"rule 1: qps: "many""#),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(wanted), "{text}\n{error}\n{wanted}");
    }
    let two = parse(r#"{"rules": [{"status": 1}, {"status": 500}, {"qps": 0}]}"#).unwrap_err();
    assert_eq!(two.lines().count(), 2, "{two}");
    assert!(two.contains("rule 1: status") && two.contains("rule 3: qps"));
    let missing = FaultPlan::of_file(Path::new("/nowhere/f.json")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/f.json: can't be read")
    );
}
