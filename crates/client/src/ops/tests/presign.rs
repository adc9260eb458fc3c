//! Signed URLs, verified as a server does.

use crate::{Client, ClientConfig, ErrorKind, Key, Presign, SignatureVersion, testing::Script};
use http::HeaderMap;
use ossplit_protocol::{encode, sign};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn client(signature: SignatureVersion, token: Option<&str>) -> Client {
    let mut config = ClientConfig::new("http://127.0.0.1:9000", "cn-local")
        .unwrap()
        .with_key(Key {
            id: "id".into(),
            secret: "secret".into(),
            token: token.map(str::to_owned),
        });
    config.signature = signature;
    Client::with_transport(config, Script::new([]))
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() as i64
}

/// What a server that knows the key says of a URL.
fn verified(url: &str, headers: &HeaderMap, at: i64) -> Result<(), sign::AuthError> {
    let (path, query) = url.split_once('?').unwrap();
    let path = path.strip_prefix("http://127.0.0.1:9000/bucket/").unwrap();
    let (key, query) = (
        encode::decode(path).unwrap(),
        encode::parse_query(query).unwrap(),
    );
    let request = sign::Request {
        method: "PUT",
        bucket: Some("bucket"),
        key: Some(&key),
        query: &query,
        headers,
    };
    let claim = sign::parse(&request)?.expect("it is signed");
    sign::verify(&claim, &request, "secret", "cn-local", at)
}

#[tokio::test]
async fn a_url_is_good_for_its_request_and_its_time() {
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        for token in [None, Some("token")] {
            let request = Presign::put("bucket", "dir/a b+中")
                .query("versionId", "V")
                .query("response-content-type", "a/b")
                .header("content-type", "text/plain")
                .header("x-oss-meta-a", "1")
                .expires(Duration::from_mins(1));
            let signed = client(version, token).presign(request).await.unwrap();
            assert!((signed.expires_at - now() - 60).abs() <= 1);
            assert!(!format!("{signed:?}").contains("bucket"));
            assert_eq!(signed.url().contains("token"), token.is_some());
            verified(signed.url(), &signed.headers, now()).unwrap();
            let late = verified(signed.url(), &signed.headers, now() + 120);
            assert!(
                matches!(late, Err(sign::AuthError::Expired { .. })),
                "{late:?}"
            );
            assert!(verified(signed.url(), &HeaderMap::new(), now()).is_err());
            let other = signed.url().replace("dir/", "other/");
            assert!(verified(&other, &signed.headers, now()).is_err());
        }
    }
}

#[tokio::test]
async fn what_the_service_would_refuse_is_not_signed() {
    let v4 = client(SignatureVersion::V4, None);
    for seconds in [0, 604_801] {
        let request = Presign::get("bucket", "k").expires(Duration::from_secs(seconds));
        let error = v4.presign(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{seconds}");
    }
    let long = Presign::get("bucket", "k").expires(Duration::from_hours(24 * 365));
    let v1 = client(SignatureVersion::V1, None);
    v1.presign(long).await.unwrap();
    let bad = v1.presign(Presign::get("Bucket", "k")).await.unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::InvalidInput);
    let config = ClientConfig::new("http://127.0.0.1:9000", "cn-local").unwrap();
    let anonymous = Client::with_transport(config, Script::new([]));
    assert!(
        anonymous
            .presign(Presign::get("bucket", "k"))
            .await
            .is_err()
    );
}
