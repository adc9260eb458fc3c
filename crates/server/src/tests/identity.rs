//! Keys with roles: what each may do, and how it is told that it may not.

use super::wire::{Answer, Running, ask, config, start_with};
use crate::{Key, KeyRing};
use ossplit_protocol::sign::Version;
use std::path::Path;

const KEYS: &str = r#"{"keys": [
    {"id": "reader", "secret": "reader-s", "role": "read-only"},
    {"id": "below", "secret": "below-s", "role": {"bucket": "bucket", "prefixes": ["train/", "val/"], "access": "read"}},
    {"id": "writer", "secret": "writer-s", "role": {"bucket": "bucket", "prefixes": ["logs/"], "access": "write"}},
    {"id": "ram", "secret": "ram-s", "user_id": "20000", "role": {"policy": {"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": ["oss:*"], "Resource": ["acs:oss:*:*:bucket", "acs:oss:*:*:bucket/*"]},
        {"Effect": "Deny", "Action": ["oss:Delete*", "oss:PutBucketAcl"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "acs:oss:*:*:bucket/far/*", "Condition": {"NotIpAddress": {"acs:SourceIp": "10.0.0.0/8"}}}
    ]}}}
]}"#;

async fn server() -> Running {
    let mut config = config();
    config.key_ring = KeyRing::parse(KEYS.as_bytes(), "test", Path::new(".")).unwrap();
    config.buckets.push("open".into());
    start_with(config).await
}

fn key(id: &str) -> Key {
    Key {
        id: id.into(),
        secret: format!("{id}-s"),
        token: None,
    }
}

async fn told(server: &Running, id: &str, method: &'static str, at: &str, query: &str) -> Answer {
    let mut ask = ask(method, at, query).by(&key(id)).version(Version::V4);
    if method == "PUT" || method == "POST" {
        ask = ask.body("x");
    }
    ask.to(server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_its_own_and_no_more() {
    let server = server().await;
    for at in ["train/a", "val/b", "logs/c", "other"] {
        assert_eq!(ask("PUT", at, "").body("x").to(&server).await.status, 200);
    }
    for (id, method, at, query, status) in [
        ("reader", "GET", "train/a", "", 200),
        ("reader", "HEAD", "other", "", 200),
        ("reader", "GET", "", "", 200),
        ("reader", "GET", "", "acl", 200),
        ("reader", "PUT", "train/a", "", 403),
        ("reader", "DELETE", "train/a", "", 403),
        ("reader", "PUT", "", "acl", 403),
        ("reader", "POST", "train/a", "uploads", 403),
        ("below", "GET", "train/a", "", 200),
        ("below", "GET", "val/b", "", 200),
        ("below", "GET", "other", "", 403),
        ("below", "GET", "", "prefix=train/", 200),
        ("below", "GET", "", "prefix=train/a&list-type=2", 200),
        ("below", "GET", "", "prefix=tra", 403),
        ("below", "GET", "", "", 403),
        ("below", "GET", "", "bucketInfo", 200),
        ("below", "PUT", "train/a", "", 403),
        ("writer", "PUT", "logs/d", "", 200),
        ("writer", "POST", "logs/e", "append&position=0", 200),
        ("writer", "POST", "logs/f", "uploads", 200),
        ("writer", "DELETE", "logs/d", "", 204),
        ("writer", "GET", "logs/c", "", 403),
        ("writer", "PUT", "train/a", "", 403),
        ("ram", "GET", "other", "", 200),
        ("ram", "PUT", "new", "", 200),
        ("ram", "DELETE", "new", "", 403),
        ("ram", "GET", "far/x", "", 403),
    ] {
        let answer = told(&server, id, method, at, query).await;
        assert_eq!(answer.status, status, "{id} {method} {at}?{query}");
        if status == 403 && method != "HEAD" {
            assert_eq!(answer.code(), "AccessDenied");
        }
    }
    let copies = ask("PUT", "logs/copy", "")
        .header("x-oss-copy-source", "/bucket/train/a")
        .body("");
    let refused = copies.clone().by(&key("writer")).to(&server).await;
    assert_eq!(refused.status, 403, "it may not read the source");
    assert!(
        refused
            .text()
            .contains("<AuthAction>oss:GetObject</AuthAction>")
    );
    assert_eq!(copies.by(&key("ram")).to(&server).await.status, 200);
    let tagged = ask("PUT", "logs/t", "")
        .header("x-oss-tagging", "a=b")
        .body("x");
    assert_eq!(tagged.by(&key("writer")).to(&server).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_delete_needs_the_right_for_each_key() {
    let server = server().await;
    for at in ["logs/a", "logs/b", "other"] {
        assert_eq!(ask("PUT", at, "").body("x").to(&server).await.status, 200);
    }
    let delete = |keys: &[&str]| {
        let objects = keys.iter().fold(String::new(), |out, key| {
            out + "<Object><Key>" + key + "</Key></Object>"
        });
        let body = format!("<Delete>{objects}</Delete>");
        let md5 = {
            use base64::Engine as _;
            use md5::Digest as _;
            base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(&body))
        };
        ask("POST", "", "delete")
            .header("content-md5", md5)
            .body(body)
            .by(&key("writer"))
    };
    let refused = delete(&["logs/a", "other"]).to(&server).await;
    assert_eq!((refused.status, refused.code()), (403, "AccessDenied"));
    assert!(
        refused.text().contains("<EC>0003-00000204</EC>"),
        "{}",
        refused.text()
    );
    assert_eq!(
        ask("HEAD", "logs/a", "").to(&server).await.status,
        200,
        "nothing was deleted"
    );
    let done = delete(&["logs/a", "logs/b"]).to(&server).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("<Key>logs/b</Key>"));
    assert_eq!(ask("HEAD", "logs/a", "").to(&server).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_who_what_and_why() {
    let server = server().await;
    let explicit = told(&server, "ram", "DELETE", "k", "").await;
    let text = explicit.text();
    for part in [
        "<Message>Access denied by bucket policy.</Message>",
        "<PolicyType>AccountLevelIdentityBasedPolicy</PolicyType>",
        "<AuthPrincipalOwnerId>1000000000000000</AuthPrincipalOwnerId>",
        "<AuthPrincipalType>SubUser</AuthPrincipalType>",
        "<AuthPrincipalDisplayName>20000</AuthPrincipalDisplayName>",
        "<NoPermissionType>ExplicitDeny</NoPermissionType>",
        "<AuthAction>oss:DeleteObject</AuthAction>",
        "<EncodedDiagnosticMessage>",
        "<EC>0003-00000201</EC>",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let implicit = told(&server, "reader", "PUT", "k", "").await;
    assert_eq!(implicit.header("x-oss-ec"), Some("0003-00000001"));
    assert!(implicit.text().contains("because of bucket acl."));
    assert!(
        implicit
            .text()
            .contains("<NoPermissionType>ImplicitDeny</NoPermissionType>")
    );
    let setting = told(&server, "reader", "PUT", "", "acl").await;
    assert_eq!(setting.header("x-oss-ec"), Some("0003-00000202"));
    let anonymous = ask("GET", "k", "").anonymous().to(&server).await;
    assert_eq!(anonymous.header("x-oss-ec"), Some("0003-00000001"));
    assert!(!anonymous.text().contains("AccessDeniedDetail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_bucket_is_open_to_keys_without_rights_unless_denied() {
    let server = server().await;
    let open = ask("PUT", "", "acl")
        .bucket("open")
        .header("x-oss-acl", "public-read-write");
    assert_eq!(open.to(&server).await.status, 200);
    let put = ask("PUT", "k", "").bucket("open").body("x");
    assert_eq!(put.clone().anonymous().to(&server).await.status, 200);
    assert_eq!(put.by(&key("below")).to(&server).await.status, 200);
    let delete = ask("DELETE", "k", "").bucket("open").by(&key("ram"));
    assert_eq!(delete.to(&server).await.status, 403, "a Deny beats the ACL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buckets_policy_allows_and_denies_by_action_prefix_and_principal() {
    let server = server().await;
    for at in ["pub/a", "train/a", "other"] {
        assert_eq!(ask("PUT", at, "").body("x").to(&server).await.status, 200);
    }
    let policy = r#"{"Version": "1", "Statement": [
        {"Effect": "Allow", "Principal": ["*"], "Action": "oss:GetObject", "Resource": "acs:oss:*:*:bucket/pub/*"},
        {"Effect": "Allow", "Principal": ["*"], "Action": "oss:ListObjects", "Resource": "acs:oss:*:*:bucket", "Condition": {"StringLike": {"oss:Prefix": "pub/*"}}},
        {"Effect": "Allow", "Principal": ["20000"], "Action": "oss:PutBucketAcl", "Resource": "acs:oss:*:*:bucket"},
        {"Effect": "Deny", "Principal": ["*"], "Action": "oss:PutObject", "Resource": "acs:oss:*:*:bucket/logs/*"},
        {"Effect": "Deny", "Principal": ["*"], "Action": "oss:*", "Resource": "acs:oss:*:*:bucket/tls/*", "Condition": {"Bool": {"acs:SecureTransport": "false"}}}
    ]}"#;
    let put = ask("PUT", "", "policy").body(policy).to(&server).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let anonymous = |method, at, query| ask(method, at, query).anonymous();
    for (ask, status) in [
        (anonymous("GET", "pub/a", ""), 200),
        (anonymous("GET", "other", ""), 403),
        (anonymous("GET", "", "prefix=pub/"), 200),
        (anonymous("GET", "", ""), 403),
        (ask("PUT", "logs/a", "").body("x").by(&key("writer")), 403),
        (ask("PUT", "logs/a", "").body("x"), 200),
        (ask("PUT", "tls/a", "").body("x"), 403),
        (
            ask("PUT", "", "acl")
                .header("x-oss-acl", "private")
                .by(&key("ram")),
            403,
        ),
        (ask("DELETE", "", "policy").by(&key("reader")), 403),
    ] {
        let answer = ask.to(&server).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let denied = ask("PUT", "logs/a", "")
        .body("x")
        .by(&key("writer"))
        .to(&server)
        .await;
    assert_eq!(denied.header("x-oss-ec"), Some("0003-00000101"));
    let owner = ask("GET", "tls/a", "").to(&server).await;
    assert_eq!(
        owner.header("x-oss-ec"),
        Some("0003-00000101"),
        "under a condition"
    );
    assert_eq!(ask("DELETE", "", "policy").to(&server).await.status, 204);
    assert_eq!(anonymous("GET", "pub/a", "").to(&server).await.status, 403);
    let bad = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Principal": ["*"], "Action": "*", "Resource": "*", "Condition": {"Like": {}}}]}"#;
    let refused = ask("PUT", "", "policy").body(bad).to(&server).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "InvalidPolicyDocument")
    );
}
