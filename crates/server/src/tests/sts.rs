//! Keys for a time: how they are asked for, and what they may do until they end.

use super::{
    faults::console_with,
    wire::{Answer, Running, ask, config, start_with},
};
use crate::{Key, KeyRing};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ossplit_protocol::{encode, sign::Version, time};
use ring::hmac;
use serde_json::{Value, json};
use std::path::Path;

const KEYS: &str = r#"{
    "keys": [
        {"id": "alice", "secret": "alice-s", "role": "read-only"},
        {"id": "bob", "secret": "bob-s", "role": "read-only"},
        {"id": "old", "secret": "old-s", "token": "old-t", "expires": "2020-01-01T00:00:00Z", "role": "owner"}
    ],
    "roles": [
        {"name": "trainer", "role": {"bucket": "bucket", "prefixes": ["train/"], "access": "read-write"},
         "assumed_by": ["alice", "id"], "max_session_seconds": 7200},
        {"name": "all", "role": "owner", "external_id": "x1"},
        {"name": "node", "role": "read-only", "ecs": true, "ecs_session_seconds": 1},
        {"name": "pod", "role": "read-only", "oidc": {"issuer": "https://cluster", "subject": "system:serviceaccount:ml:*", "audience": "sts.aliyuncs.com"}}
    ]
}"#;

async fn server() -> Running {
    let mut config = config();
    config.console = Some(([127, 0, 0, 1], 0).into());
    config.key_ring = KeyRing::parse(KEYS.as_bytes(), "test", Path::new(".")).unwrap();
    start_with(config).await
}

/// A call signed as RPC signs.
fn rpc(key: (&str, &str), more: &[(&str, &str)]) -> String {
    let now = time::xml_time(crate::http::unix_seconds()).replace(".000Z", "Z");
    let mut pairs = vec![
        ("Action", "AssumeRole"),
        ("Version", "2015-04-01"),
        ("Format", "JSON"),
        ("AccessKeyId", key.0),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", "n"),
        ("Timestamp", &now),
    ];
    for (name, value) in more {
        pairs.retain(|(n, _)| n != name);
        pairs.push((name, value));
    }
    pairs.sort_unstable();
    let encoded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode::component(name), encode::component(value)))
        .collect();
    let canonical = encoded.join("&");
    let string = format!("POST&%2F&{}", encode::component(&canonical));
    let secret = format!("{}&", key.1);
    let mac = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&mac, string.as_bytes()));
    format!("{canonical}&Signature={}", encode::component(&signature))
}

async fn post(server: &Running, form: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    console_with(server, "POST", "/", &headers, form).await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn key_of(credentials: &Value) -> Key {
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    Key {
        id: text("AccessKeyId"),
        secret: text("AccessKeySecret"),
        token: Some(text("SecurityToken")),
    }
}

const TRAINER: (&str, &str) = ("RoleArn", "acs:ram::1000000000000000:role/trainer");
const SESSION: (&str, &str) = ("RoleSessionName", "job-1");

#[tokio::test(flavor = "multi_thread")]
async fn an_assumed_role_signs_as_every_key_does_within_its_policy_and_the_calls() {
    let server = server().await;
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:GetObject"],"Resource":"acs:oss:*:*:bucket/train/a*"}]}"#;
    let call = rpc(
        ("alice", "alice-s"),
        &[TRAINER, SESSION, ("DurationSeconds", "900")],
    );
    let answer = post(&server, &call).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = json_of(&answer);
    assert_eq!(
        answer["AssumedRoleUser"]["Arn"],
        "acs:ram::1000000000000000:role/trainer/job-1"
    );
    assert!(answer["RequestId"].as_str().unwrap().len() == 36);
    let end = answer["Credentials"]["Expiration"].as_str().unwrap();
    assert!(end.ends_with('Z') && !end.contains('.'), "{end}");
    let left = time::parse_xml_time(end).unwrap() - crate::http::unix_seconds();
    assert!((895..=900).contains(&left), "{left}");
    let key = key_of(&answer["Credentials"]);
    assert!(key.id.starts_with("STS."));
    for version in [Version::V1, Version::V4] {
        let of = |method, at| ask(method, at, "").by(&key).version(version);
        assert_eq!(of("PUT", "train/a").body("x").to(&server).await.status, 200);
        assert_eq!(of("GET", "train/a").to(&server).await.status, 200);
        assert_eq!(of("GET", "test/a").to(&server).await.status, 403);
    }
    let narrow = rpc(
        ("alice", "alice-s"),
        &[TRAINER, SESSION, ("Policy", policy)],
    );
    let key = key_of(&json_of(&post(&server, &narrow).await)["Credentials"]);
    let of = |method, at| ask(method, at, "").by(&key);
    assert_eq!(of("PUT", "train/b").body("x").to(&server).await.status, 403);
    assert_eq!(
        of("PUT", "train/a2").body("x").to(&server).await.status,
        200
    );
    assert_eq!(of("DELETE", "train/a2").to(&server).await.status, 403);
    let refused = of("GET", "other").to(&server).await;
    let text = refused.text();
    assert!(
        text.contains("<AuthPrincipalType>AssumedRoleUser</AuthPrincipalType>"),
        "{text}"
    );
    assert!(text.contains(":job-1</AuthPrincipalDisplayName>"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_missing_mixed_up_wrong_or_ended_is_told_apart() {
    let server = server().await;
    let issue = async || {
        let call = rpc(("alice", "alice-s"), &[TRAINER, SESSION]);
        key_of(&json_of(&post(&server, &call).await)["Credentials"])
    };
    let (one, two) = (issue().await, issue().await);
    let with = |token: Option<&str>| Key {
        token: token.map(str::to_owned),
        ..one.clone()
    };
    let old = Key {
        id: "old".into(),
        secret: "old-s".into(),
        token: Some("old-t".into()),
    };
    for (key, code) in [
        (with(None), "InvalidAccessKeyId"),
        (
            with(two.token.as_deref()),
            "AccessKeyIdAndSecurityTokenNotMatch",
        ),
        (with(Some("junk")), "InvalidSecurityToken"),
        (old, "SecurityTokenExpired"),
    ] {
        let refused = ask("GET", "train/a", "").by(&key).to(&server).await;
        assert_eq!((refused.status, refused.code()), (403, code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_refuses_in_its_own_words() {
    let server = server().await;
    let alice = ("alice", "alice-s");
    let none = ("RoleArn", "acs:ram::1000000000000000:role/nobody");
    let all = ("RoleArn", "acs:ram::1000000000000000:role/all");
    for (call, status, code) in [
        (
            rpc(("alice", "wrong"), &[TRAINER, SESSION]),
            400,
            "SignatureDoesNotMatch",
        ),
        (
            rpc(("zoe", "s"), &[TRAINER, SESSION]),
            404,
            "InvalidAccessKeyId.NotFound",
        ),
        (
            rpc(("bob", "bob-s"), &[TRAINER, SESSION]),
            403,
            "NoPermission",
        ),
        (rpc(alice, &[none, SESSION]), 404, "EntityNotExist.Role"),
        (
            rpc(alice, &[("RoleArn", "trainer"), SESSION]),
            400,
            "InvalidParameter.RoleArn",
        ),
        (rpc(alice, &[SESSION]), 400, "MissingRoleArn"),
        (rpc(alice, &[TRAINER]), 400, "MissingRoleSessionName"),
        (
            rpc(alice, &[TRAINER, ("RoleSessionName", "a b")]),
            400,
            "InvalidParameter.RoleSessionName",
        ),
        (
            rpc(alice, &[TRAINER, SESSION, ("DurationSeconds", "899")]),
            400,
            "InvalidParameter.DurationSeconds",
        ),
        (
            rpc(alice, &[TRAINER, SESSION, ("DurationSeconds", "7201")]),
            400,
            "InvalidParameter.DurationSeconds",
        ),
        (
            rpc(alice, &[TRAINER, SESSION, ("Policy", "{}")]),
            400,
            "InvalidParameter.PolicyGrammar",
        ),
        (
            rpc(
                alice,
                &[TRAINER, SESSION, ("Timestamp", "2020-01-01T00:00:00Z")],
            ),
            400,
            "InvalidTimeStamp.Expired",
        ),
        (
            rpc(alice, &[("Action", "GetCallerIdentities")]),
            404,
            "InvalidAction.NotFound",
        ),
        (rpc(("id", "secret"), &[all, SESSION]), 403, "NoPermission"),
        (rpc(alice, &[all, SESSION]), 403, "NoPermission"),
        (rpc(alice, &[all, SESSION, ("ExternalId", "x1")]), 200, ""),
        // An owner's key may, where the role names it.
        (rpc(("id", "secret"), &[TRAINER, SESSION]), 200, ""),
    ] {
        let answer = post(&server, &call).await;
        let value = json_of(&answer);
        assert_eq!(answer.status, status, "{value}");
        assert_eq!(value["Code"].as_str().unwrap_or_default(), code, "{value}");
    }
    let xml = post(&server, &rpc(alice, &[TRAINER, SESSION, ("Format", "XML")])).await;
    let text = xml.text();
    assert!(
        text.contains("<AssumeRoleResponse>") && text.contains("<Credentials><AccessKeyId>STS."),
        "{text}"
    );
    let bad = post(&server, &rpc(alice, &[("Format", "XML")])).await;
    assert!(
        bad.text().contains("<Error><Code>MissingRoleArn</Code>"),
        "{}",
        bad.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oidc_token_that_fits_the_role_is_worth_a_key() {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = server().await;
    let token = |claims: Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims))
    };
    let claims = |subject: &str, audience: &str, issuer: &str, lives: i64| json!({"iss": issuer, "sub": subject, "aud": [audience], "exp": crate::http::unix_seconds() + lives});
    let call = |role: &str, token: &str| {
        format!(
            "Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&RoleSessionName=pod-1&OIDCProviderArn=acs%3Aram%3A%3A1%3Aoidc-provider%2Fc&RoleArn=acs:ram::1:role/{role}&OIDCToken={token}"
        )
    };
    let (good, aud, iss) = (
        "system:serviceaccount:ml:job",
        "sts.aliyuncs.com",
        "https://cluster",
    );
    let answer = post(&server, &call("pod", &token(claims(good, aud, iss, 60)))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = json_of(&answer);
    assert_eq!(answer["OIDCTokenInfo"]["Subject"], good);
    let key = key_of(&answer["Credentials"]);
    assert_eq!(ask("GET", "", "").by(&key).to(&server).await.status, 200);
    assert_eq!(
        ask("PUT", "k", "")
            .by(&key)
            .body("x")
            .to(&server)
            .await
            .status,
        403
    );
    for (role, claims, code) in [
        (
            "pod",
            claims("system:serviceaccount:web:job", aud, iss, 60),
            "NoPermission",
        ),
        ("pod", claims(good, "other", iss, 60), "NoPermission"),
        ("pod", claims(good, aud, "https://evil", 60), "NoPermission"),
        (
            "pod",
            claims(good, aud, iss, -1),
            "AuthenticationFail.OIDCToken.Expired",
        ),
        ("trainer", claims(good, aud, iss, 60), "NoPermission"),
    ] {
        let refused = json_of(&post(&server, &call(role, &token(claims))).await);
        assert_eq!(refused["Code"], code, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_service_wants_a_token_and_renews_keys() {
    let server = server().await;
    let path = "/latest/meta-data/ram/security-credentials/";
    let get = async |path: &str, token: &str| {
        let headers = [("x-aliyun-ecs-metadata-token", token)];
        console_with(&server, "GET", path, &headers, "").await
    };
    assert_eq!(get(path, "junk").await.status, 403);
    let ttl = async |seconds: &str| {
        let headers = [("x-aliyun-ecs-metadata-token-ttl-seconds", seconds)];
        console_with(&server, "PUT", "/latest/api/token", &headers, "").await
    };
    assert_eq!(ttl("0").await.status, 400);
    assert_eq!(ttl("21601").await.status, 400);
    let token = ttl("60").await.text().to_owned();
    assert_eq!(get(path, &token).await.text(), "node");
    assert_eq!(get(&format!("{path}other"), &token).await.status, 404);
    assert_eq!(
        get("/latest/meta-data/region-id", &token).await.text(),
        "cn-local"
    );
    let issued = json_of(&get(&format!("{path}node"), &token).await);
    assert_eq!(issued["Code"], "Success");
    let key = key_of(&issued);
    assert_eq!(ask("GET", "", "").by(&key).to(&server).await.status, 200);
    // It lives for a second: the next one is another, and the first is refused by its end.
    let next = loop {
        let next = key_of(&json_of(&get(&format!("{path}node"), &token).await));
        if next != key {
            break next;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(ask("GET", "", "").by(&next).to(&server).await.status, 200);
    let refused = ask("GET", "", "").by(&key).to(&server).await;
    assert_eq!(refused.code(), "SecurityTokenExpired");
}
