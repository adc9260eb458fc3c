use super::*;
use serde_json::{Value, json};

fn wish<'a>(action: &'a str, path: &'a str, circumstances: &'a Circumstances) -> Wish<'a> {
    Wish {
        action,
        region: "cn-local",
        account: "1000",
        path,
        circumstances,
    }
}

fn policy(statements: &Value) -> Policy {
    Policy::of_value(&json!({"Version": "1", "Statement": statements})).unwrap()
}

fn says(policy: &Policy, action: &str, path: &str) -> Verdict {
    policy.of_identity(&wish(action, path, &Circumstances::default()))
}

#[test]
fn actions_and_resources_have_stars_and_a_deny_beats_every_allow() {
    let policy = policy(&json!([
        {"Effect": "Allow", "Action": ["oss:Get*", "OSS:putobject"], "Resource": "acs:oss:*:*:data/*"},
        {"Effect": "Allow", "Action": "oss:ListObjects", "Resource": ["acs:oss:*:1000:data"]},
        {"Effect": "Deny", "Action": "oss:*", "Resource": "acs:oss:*:*:data/secret/*"},
    ]));
    for (action, path, verdict) in [
        ("oss:GetObject", "data/a", Verdict::Allow),
        ("oss:PutObject", "data/a/b", Verdict::Allow),
        ("oss:ListObjects", "data", Verdict::Allow),
        ("oss:DeleteObject", "data/a", Verdict::Silent),
        ("oss:GetObject", "other/a", Verdict::Silent),
        ("oss:GetBucketInfo", "data", Verdict::Silent),
        ("oss:GetObject", "data/secret/x", Verdict::Deny),
        ("oss:DeleteObject", "data/secret/x", Verdict::Deny),
    ] {
        assert_eq!(says(&policy, action, path), verdict, "{action} {path}");
    }
}

#[test]
fn resources_name_regions_and_accounts() {
    for (resource, verdict) in [
        ("*", Verdict::Allow),
        ("acs:oss:*:*:*", Verdict::Allow),
        ("acs:oss:cn-local:1000:b/k", Verdict::Allow),
        ("acs:oss:oss-cn-local:*:b/*", Verdict::Allow),
        ("acs:oss:::b/k", Verdict::Allow),
        ("acs:*:*:*:b/?", Verdict::Allow),
        ("acs:oss:cn-hangzhou:*:b/k", Verdict::Silent),
        ("acs:oss:*:2000:b/k", Verdict::Silent),
        ("acs:ecs:*:*:b/k", Verdict::Silent),
        ("b/k", Verdict::Silent),
    ] {
        let policy = policy(&json!([{"Effect": "Allow", "Action": "*", "Resource": resource}]));
        assert_eq!(says(&policy, "oss:GetObject", "b/k"), verdict, "{resource}");
    }
    let inverted = policy(&json!([
        {"Effect": "Allow", "NotAction": "oss:Delete*", "NotResource": "acs:oss:*:*:b/private/*"}
    ]));
    assert_eq!(says(&inverted, "oss:GetObject", "b/k"), Verdict::Allow);
    assert_eq!(says(&inverted, "oss:DeleteObject", "b/k"), Verdict::Silent);
    assert_eq!(
        says(&inverted, "oss:GetObject", "b/private/k"),
        Verdict::Silent
    );
}

#[test]
fn conditions_look_at_the_request() {
    let of = Circumstances {
        source_ip: Some("192.0.2.77".parse().unwrap()),
        secure: false,
        now: 1_795_428_000,
        texts: vec![("oss:prefix", "train/a".to_owned())],
    };
    for (condition, holds) in [
        (json!({"IpAddress": {"acs:SourceIp": "192.0.2.0/24"}}), true),
        (
            json!({"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "192.0.2.77"]}}),
            true,
        ),
        (json!({"IpAddress": {"acs:SourceIp": "192.0.2.76"}}), false),
        (json!({"IpAddress": {"acs:SourceIp": "0.0.0.0/0"}}), true),
        (
            json!({"IpAddress": {"acs:SourceIp": "2001:db8::/32"}}),
            false,
        ),
        (
            json!({"NotIpAddress": {"acs:SourceIp": "192.0.2.0/24"}}),
            false,
        ),
        (
            json!({"StringEquals": {"oss:Prefix": ["x", "train/a"]}}),
            true,
        ),
        (json!({"StringLike": {"oss:Prefix": "train/*"}}), true),
        (json!({"StringLike": {"oss:prefix": "test/*"}}), false),
        (json!({"StringNotLike": {"oss:Prefix": "test/*"}}), true),
        (
            json!({"StringEqualsIgnoreCase": {"oss:Prefix": "TRAIN/A"}}),
            true,
        ),
        (json!({"StringEquals": {"oss:Delimiter": "/"}}), false),
        (json!({"StringNotEquals": {"oss:Delimiter": "/"}}), true),
        (json!({"Bool": {"acs:SecureTransport": "false"}}), true),
        (json!({"Bool": {"acs:SecureTransport": true}}), false),
        (
            json!({"DateLessThan": {"acs:CurrentTime": "2100-01-01T00:00:00+08:00"}}),
            true,
        ),
        (
            json!({"DateGreaterThan": {"acs:CurrentTime": "2100-01-01T00:00:00Z"}}),
            false,
        ),
        (json!({"NumericLessThan": {"oss:Prefix": 5}}), false),
        // All of several must hold.
        (
            json!({"Bool": {"acs:SecureTransport": "false"}, "StringEquals": {"oss:Prefix": "x"}}),
            false,
        ),
    ] {
        let policy = policy(&json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
        ]));
        let verdict = policy.of_identity(&wish("oss:ListObjects", "b", &of));
        assert_eq!(verdict == Verdict::Allow, holds, "{condition}");
    }
}

#[test]
fn a_star_means_the_bucket_owner_only_under_a_condition() {
    let none = Circumstances::default();
    let wish = wish("oss:GetObject", "b/k", &none);
    let owner = Principal {
        id: Some("1000"),
        owner: true,
    };
    let user = Principal {
        id: Some("2000"),
        owner: false,
    };
    let nobody = Principal {
        id: None,
        owner: false,
    };
    let deny = |principal: Value, condition: Value| {
        policy(&json!([{
            "Effect": "Deny", "Principal": principal, "Action": "oss:*", "Resource": "*",
            "Condition": condition,
        }]))
    };
    let all = deny(json!(["*"]), json!({}));
    assert_eq!(all.of_bucket(owner, &wish), Verdict::Silent);
    assert_eq!(all.of_bucket(user, &wish), Verdict::Deny);
    assert_eq!(all.of_bucket(nobody, &wish), Verdict::Deny);
    let insecure = deny(
        json!("*"),
        json!({"Bool": {"acs:SecureTransport": "false"}}),
    );
    assert_eq!(insecure.of_bucket(owner, &wish), Verdict::Deny);
    let named = deny(json!(["2000"]), json!({}));
    assert_eq!(named.of_bucket(owner, &wish), Verdict::Silent);
    assert_eq!(named.of_bucket(user, &wish), Verdict::Deny);
    assert_eq!(named.of_bucket(nobody, &wish), Verdict::Silent);
    let role = deny(json!(["arn:sts::*:assumed-role/trainer/*"]), json!({}));
    let session = Principal {
        id: Some("arn:sts::1000:assumed-role/trainer/s"),
        owner: false,
    };
    assert_eq!(role.of_bucket(session, &wish), Verdict::Deny);
    assert_eq!(role.of_bucket(user, &wish), Verdict::Silent);
    let without = policy(&json!([{"Effect": "Allow", "Action": "oss:*", "Resource": "*"}]));
    assert_eq!(without.of_bucket(nobody, &wish), Verdict::Silent);
}

#[test]
fn a_policy_with_a_fault_says_where() {
    for (text, wanted) in [
        ("", "not JSON"),
        ("[]", "not an object"),
        (r#"{"Version": "2012", "Statement": []}"#, "Version must be"),
        (r#"{"Version": "1"}"#, "Statement must be a list"),
        (
            r#"{"Version": "1", "Statement": [7]}"#,
            "statement 1 is not an object",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "allow"}]}"#,
            "statement 1: Effect must be",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow"}]}"#,
            "statement 1: Action is missing",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": []}]}"#,
            "Action is empty",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": 1}]}"#,
            "Resource: 1 is not a text",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Actoin": "*"}]}"#,
            "Actoin is not known",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Like": {}}}]}"#,
            "Like is no operator",
        ),
        (
            r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"acs:SourceIp": "1.2.3"}}}]}"#,
            "1.2.3 can't be read",
        ),
    ] {
        let error = Policy::parse(text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}
