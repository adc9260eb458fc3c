use super::*;
use http::HeaderMap;
use ossplit_protocol::sign::{v1, v4};
use std::path::Path;

const NOW: i64 = 1_700_000_000;

fn key(id: &str, token: Option<&str>) -> Key {
    Key {
        id: id.into(),
        secret: "s".into(),
        token: token.map(str::to_owned),
    }
}

fn identify_with(keys: &Keys, headers: &HeaderMap, now: i64) -> Result<Identity, Code> {
    let request = sign::Request {
        method: "GET",
        bucket: Some("b"),
        key: None,
        query: &[],
        headers,
    };
    let found = keys.identify(&request, "cn-local", now);
    found.map_err(|failure| failure.code())
}

fn identify(keys: &Keys, key: &Key) -> Result<Identity, Code> {
    let mut headers = HeaderMap::new();
    v1::sign_header("GET", Some("b"), None, &[], &mut headers, key, NOW).unwrap();
    identify_with(keys, &headers, NOW)
}

#[test]
fn a_token_belongs_to_its_key() {
    let owners = [
        key("plain", None),
        key("sts", Some("t")),
        key("sts2", Some("t2")),
    ];
    let keys = Keys::new(owners, KeyRing::default());
    assert_eq!(identify(&keys, &key("plain", None)), Ok(Identity::Owner));
    assert_eq!(identify(&keys, &key("sts", Some("t"))), Ok(Identity::Owner));
    for (bad, code) in [
        (key("sts", None), Code::InvalidAccessKeyId),
        (key("sts", Some("u")), Code::InvalidSecurityToken),
        (
            key("sts", Some("t2")),
            Code::AccessKeyIdAndSecurityTokenNotMatch,
        ),
        (key("plain", Some("t")), Code::InvalidSecurityToken),
        (key("other", None), Code::InvalidAccessKeyId),
    ] {
        assert_eq!(identify(&keys, &bad), Err(code), "{bad:?}");
    }
}

#[test]
fn issued_keys_are_good_until_they_end_and_known_for_a_while() {
    let keys = Keys::default();
    let account = keys.issue(Identity::Owner, NOW + 900, NOW).unwrap();
    assert!(account.key.id.starts_with("STS."));
    assert_eq!(identify(&keys, &account.key), Ok(Identity::Owner));
    let other = keys.issue(Identity::Owner, NOW, NOW).unwrap();
    assert_ne!(other.key, account.key);
    assert_eq!(identify(&keys, &other.key), Err(Code::SecurityTokenExpired));
    let mixed = Key {
        token: other.key.token.clone(),
        ..account.key.clone()
    };
    assert_eq!(
        identify(&keys, &mixed),
        Err(Code::AccessKeyIdAndSecurityTokenNotMatch)
    );
    let shown = format!("{keys:?}");
    for secret in [&account.key.secret, account.key.token.as_ref().unwrap()] {
        // Tokens are looked up by themselves, so `Debug` of the table must not list them.
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}

#[test]
fn a_signing_key_is_derived_once_a_day() {
    let keys = Keys::new([key("id", None)], KeyRing::default());
    let scope = v4::Scope {
        day: "20231114".into(),
        region: "cn-local".into(),
        product: "oss".into(),
    };
    let ask = |scope: &v4::Scope| {
        let mut headers = HeaderMap::new();
        let signer = v4::Signer {
            key: &key("id", None),
            scope,
            signing_key: &SigningKey::derive("s", scope),
        };
        v4::sign_header("GET", Some("b"), None, &[], &mut headers, signer, &[], NOW).unwrap();
        identify_with(&keys, &headers, NOW)
    };
    let known = || {
        keys.fixed["id"]
            .signing
            .lock()
            .clone()
            .map(|(scope, _)| scope)
    };
    assert_eq!(known(), None);
    assert_eq!(ask(&scope), Ok(Identity::Owner));
    assert_eq!(known(), Some(scope.clone()));
    assert_eq!(ask(&scope), Ok(Identity::Owner));
    // What is refused for its region derives nothing.
    let region = "elsewhere".into();
    let far = v4::Scope {
        region,
        ..scope.clone()
    };
    assert_eq!(ask(&far), Err(Code::InvalidArgument));
    assert_eq!(known(), Some(scope.clone()));
    let next = v4::Scope {
        day: "20231115".into(),
        ..scope
    };
    assert_eq!(ask(&next), Ok(Identity::Owner));
    assert_eq!(known(), Some(next));
}

fn parse(text: &str) -> Result<KeyRing, String> {
    KeyRing::parse(text.as_bytes(), "keys.json", Path::new("/nowhere"))
        .map_err(|error| error.to_string())
}

#[test]
fn a_keys_file_has_keys_with_roles_and_roles() {
    let ring = parse(
        r#"{"keys": [
            {"id": "a", "secret": "s", "role": "owner"},
            {"id": "b", "secret": "s", "role": "read-only", "user_id": "2000"},
            {"id": "c", "secret": "s", "token": "t", "expires": "2023-11-14T22:13:20Z", "role": "owner"},
            {"id": "d", "secret": "s", "role": {"bucket": "x", "prefixes": ["p/"], "access": "read"}},
            {"id": "e", "secret": "s", "role": {"policy": {"Version": "1", "Statement": []}}}
        ], "roles": [{"name": "r", "role": "owner", "ecs": true}]}"#,
    )
    .unwrap();
    assert!(ring.has_owner());
    let keys = Keys::new([], ring);
    assert_eq!(identify(&keys, &key("a", None)), Ok(Identity::Owner));
    let Ok(Identity::User(user)) = identify(&keys, &key("b", None)) else {
        panic!("b is a user");
    };
    assert_eq!(user.principal, "2000");
    assert_eq!(
        identify(&keys, &key("c", Some("t"))),
        Err(Code::SecurityTokenExpired)
    );
    assert_eq!(keys.roles()[0].max_session_seconds, 3600);
}

#[test]
fn a_bad_keys_file_is_refused_without_showing_secrets() {
    for (text, wanted) in [
        (
            r#"{"keys": [{"id": "a", "secret": "hush", }"#,
            "keys.json: not JSON at line 1",
        ),
        (r#"{"keys": 7}"#, "keys.json: keys: give a list"),
        (
            r#"{"key": []}"#,
            "keys.json: key is not known: give keys, roles",
        ),
        (r#"{"keys": ["hush"]}"#, "key 1: it must be an object"),
        (
            r#"{"keys": [{"id": "a", "role": "owner"}]}"#,
            "key 1: secret is missing",
        ),
        (
            r#"{"keys": [{"id": "a", "secret": "hush", "role": "king"}]}"#,
            "key 1: role: \"king\" won't do: give \"owner\"",
        ),
        (
            r#"{"keys": [{"id": "a", "secret": "hush", "role": {"policy": {}}}]}"#,
            "key 1: role: policy: Statement must be",
        ),
        (
            r#"{"keys": [{"id": "a", "secret": "hush", "role": {"bucket": "b", "prefixes": [""], "access": "all"}}]}"#,
            "give read, write or read-write",
        ),
        (
            r#"{"keys": [{"id": "a", "secret": "hush", "role": "owner", "expires": "2023-11-14T22:13:20Z"}]}"#,
            "key 1: expires: give a token as well",
        ),
        (
            r#"{"keys": [{"id": "a", "secret": "hush", "role": "owner"}, {"id": "a", "secret": "hush", "role": "owner"}]}"#,
            "key 2: its id is there twice",
        ),
        (
            r#"{"roles": [{"name": "a b", "role": "owner"}]}"#,
            "role 1: name: give up to 64",
        ),
        (
            r#"{"roles": [{"name": "a", "role": "owner", "max_session_seconds": 5}]}"#,
            "role 1: max_session_seconds: give 900",
        ),
        (
            r#"{"roles": [{"name": "a", "role": "owner", "oidc": {"issuer": "i"}}]}"#,
            "role 1: oidc: give subject and audience",
        ),
        (
            r#"{"roles": [{"name": "a", "role": "owner", "oidc": {"issuer": "i", "subject": "s", "audience": "a", "jwks": "no.json"}}]}"#,
            "role 1: oidc: jwks: /nowhere/no.json",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(wanted), "{text}\n{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
