//! Signing, retrying and reading answers, on a transport that answers from a script.

use crate::{
    Addressing, Body, Client, ClientConfig, CredentialsProvider, Error, ErrorKind, GetBucketInfo,
    GetObject, HeadObject, InitiateMultipartUpload, Key, Operation, PutObject, SignatureVersion,
    retry::RetryPolicy,
    testing::{Answer, Script, answer, breaks_off, config, key, lost, refusal},
};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use ossplit_protocol::{crc64, time};
use parking_lot::Mutex;
use std::{sync::Arc, time::SystemTime};
use tokio::time::Instant;

fn get() -> GetObject {
    GetObject::new("bucket", "key")
}

fn found() -> Answer {
    answer(200, &[("etag", "\"E\"")], "hello")
}

fn counts(client: &Client, operation: Operation) -> crate::Counts {
    let all = client.counts();
    all.into_iter().find(|(o, _)| *o == operation).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_sent_again_until_it_passes() {
    let script = Script::new([
        refusal(503, "ServiceUnavailable"),
        refusal(500, "InternalError"),
        lost(),
        refusal(429, "QpsLimitExceeded"),
        found(),
    ]);
    let client = script.client();
    let start = Instant::now();
    let mut output = client.get_object(get()).await.unwrap();
    // Bounds of 100, 200, 400 and 800 ms.
    assert!(start.elapsed().as_millis() <= 1500);
    assert_eq!(output.body.collect().await.unwrap(), "hello");
    assert_eq!(script.seen().len(), 5);
    let expected = crate::Counts {
        requests: 5,
        errors: 4,
        retries: 4,
        bytes_sent: 0,
        bytes_received: 5,
    };
    assert_eq!(counts(&client, Operation::GetObject), expected);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_try_the_error_tells_all() {
    let script = Script::new((0..5).map(|_| refusal(503, "ServiceUnavailable")));
    let error = script.client().get_object(get()).await.unwrap_err();
    assert_eq!((error.kind(), error.tries()), (ErrorKind::Throttled, 5));
    assert_eq!(
        (error.status(), error.code()),
        (Some(503), "ServiceUnavailable")
    );
    assert_eq!((error.bucket(), error.key()), (Some("bucket"), Some("key")));
    script.seen();
}

#[tokio::test]
async fn what_will_not_pass_is_sent_once() {
    for (status, code, kind) in [
        (404, "NoSuchKey", ErrorKind::NoSuchKey),
        (403, "AccessDenied", ErrorKind::AccessDenied),
        (412, "PreconditionFailed", ErrorKind::Precondition),
        (400, "InvalidArgument", ErrorKind::Refused),
        (301, "AccessDenied", ErrorKind::Refused),
        (304, "", ErrorKind::NotModified),
    ] {
        let script = Script::new([refusal(status, code)]);
        let error = script.client().get_object(get()).await.unwrap_err();
        assert_eq!((error.kind(), error.tries()), (kind, 1), "{code}");
        script.seen();
    }
}

#[tokio::test]
async fn a_policy_of_never_means_it() {
    let script = Script::new([refusal(503, "ServiceUnavailable")]);
    let config = config("http://127.0.0.1:1").with_retry(RetryPolicy::never());
    let client = Client::with_transport(config, script.clone());
    client.get_object(get()).await.unwrap_err();
    script.seen();
}

#[tokio::test]
async fn a_stream_is_sent_once() {
    let script = Script::new([refusal(503, "ServiceUnavailable")]);
    let chunks = futures_util::stream::iter([Ok(Bytes::from_static(b"hello"))]);
    let request = PutObject::new("bucket", "key", Body::stream(chunks, Some(5)));
    let error = script.client().put_object(request).await.unwrap_err();
    assert_eq!(error.tries(), 1);
    assert_eq!(script.seen()[0].body, "hello");
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_begun_again_also_when_an_answer_was_lost() {
    let id = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key>\
        <UploadId>ID</UploadId></InitiateMultipartUploadResult>";
    for first in [lost(), refusal(503, "ServiceUnavailable")] {
        let script = Script::new([first, answer(200, &[], id)]);
        let begin = InitiateMultipartUpload::new("bucket", "key");
        let begun = script.client().initiate_multipart_upload(begin).await;
        assert_eq!(begun.unwrap(), "ID");
        script.seen();
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_breaks_off_is_asked_for_again() {
    let whole = "<BucketInfo><Bucket><Name>bucket</Name><Location>oss-cn-x</Location>\
        <CreationDate>2026-11-23T10:00:00.000Z</CreationDate><StorageClass>Standard</StorageClass>\
        <AccessControlList><Grant>private</Grant></AccessControlList></Bucket></BucketInfo>";
    let script = Script::new([
        breaks_off(200, &[], "<BucketInfo>"),
        answer(200, &[], "<html>not OSS</html"),
        answer(200, &[], whole),
    ]);
    let info = script
        .client()
        .get_bucket_info(GetBucketInfo::new("bucket"))
        .await;
    assert_eq!(info.unwrap().acl, "private");
    assert_eq!(script.seen().len(), 3);
}

#[tokio::test]
async fn a_head_has_its_error_in_a_header() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let document =
        STANDARD.encode("<Error><Code>NoSuchBucket</Code><EC>0015-00000101</EC></Error>");
    let headers = [
        ("x-oss-err", document.as_str()),
        ("x-oss-request-id", "REQUEST"),
    ];
    let script = Script::new([answer(404, &headers, ""), answer(404, &[], "")]);
    let client = script.client();
    let head = || HeadObject::new("bucket", "key");
    let error = client.head_object(head()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
    assert_eq!(
        (error.ec(), error.request_id()),
        ("0015-00000101", "REQUEST")
    );
    let error = client.head_object(head()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchKey);
}

#[tokio::test]
async fn a_wrong_clock_is_set_by_the_answer_at_once() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let theirs = now.unwrap().as_secs().cast_signed() + 7200;
    let date = time::http_date(theirs);
    let skewed = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    let script = Script::new([answer(403, &[("date", &date)], skewed), found(), found()]);
    let mut config = config("http://127.0.0.1:1");
    config.retry.base = std::time::Duration::from_hours(1);
    config.retry.cap = config.retry.base;
    let client = Client::with_transport(config, script.clone());
    client.get_object(get()).await.unwrap();
    client.get_object(get()).await.unwrap();
    let offsets = script.seen().into_iter().map(|seen| {
        let signed = time::parse_iso_basic(seen.header("x-oss-date")).unwrap();
        (theirs - signed).abs() < 60
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_crc_that_differs_is_corruption_and_sent_again() {
    let wrong = || answer(200, &[("x-oss-hash-crc64ecma", "1")], "");
    let right = crc64::checksum(b"hello").to_string();
    let right = answer(200, &[("x-oss-hash-crc64ecma", &right)], "");
    let script = Script::new([wrong(), right]);
    let put = || PutObject::new("bucket", "key", "hello");
    let output = script.client().put_object(put()).await.unwrap();
    assert_eq!(output.crc64, Some(crc64::checksum(b"hello")));
    script.seen();
    let script = Script::new((0..5).map(|_| wrong()));
    let error = script.client().put_object(put()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    script.seen();
}

/// Gives the next key once the one before was refused.
struct Rotating(Mutex<Vec<Arc<Key>>>);

impl CredentialsProvider for Rotating {
    fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
        ready(Ok(Arc::clone(&self.0.lock()[0]))).boxed()
    }

    fn refused(&self, key: &Arc<Key>) -> bool {
        let mut keys = self.0.lock();
        let renewed = keys.len() > 1 && Arc::ptr_eq(&keys[0], key);
        if renewed {
            keys.remove(0);
        }
        renewed
    }
}

#[tokio::test]
async fn a_key_that_ended_is_asked_for_again_once() {
    let keys = ["first", "second"].map(|id| {
        Arc::new(Key {
            id: id.into(),
            ..key()
        })
    });
    let provider = Rotating(Mutex::new(keys.to_vec()));
    let script = Script::new([
        refusal(403, "SecurityTokenExpired"),
        found(),
        refusal(403, "InvalidAccessKeyId"),
        refusal(403, "SignatureDoesNotMatch"),
    ]);
    let config = ClientConfig::new("http://127.0.0.1:1", "cn-hangzhou").unwrap();
    let config = config.with_credentials(Arc::new(provider));
    let client = Client::with_transport(config, script.clone());
    client.get_object(get()).await.unwrap();
    for _ in 0..2 {
        let error = client.get_object(get()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.tries()),
            (ErrorKind::Unauthenticated, 1)
        );
    }
    let ids = script.seen().into_iter().map(|seen| {
        let signature = seen.header("authorization").to_owned();
        signature.contains("Credential=second/")
    });
    assert_eq!(ids.collect::<Vec<_>>(), [false, true, true, true]);
}

#[tokio::test]
async fn ranges_of_a_key_share_a_signature() {
    let part = |from: u64| {
        let span = format!("bytes {from}-{}/100", from + 4);
        answer(206, &[("content-range", &span)], "01234")
    };
    let script = Script::new([part(0), part(5), part(10), part(0)]);
    let client = script.client();
    client.get_object(get().range(0..5)).await.unwrap();
    client.get_object(get().range(5..10)).await.unwrap();
    let pinned = get().range(10..15).if_match("\"E\"");
    client.get_object(pinned).await.unwrap();
    let other = GetObject::new("bucket", "other").range(0..5);
    client.get_object(other).await.unwrap();
    let seen = script.seen();
    let signature = |n: usize| seen[n].header("authorization");
    assert!(!signature(0).is_empty());
    assert_eq!(signature(0), signature(1));
    assert_eq!(signature(0), signature(2));
    assert_ne!(signature(0), signature(3));
    let ranges: Vec<_> = seen.iter().map(|seen| seen.header("range")).collect();
    assert_eq!(
        ranges,
        ["bytes=0-4", "bytes=5-9", "bytes=10-14", "bytes=0-4"]
    );
    assert_eq!(seen[2].header("if-match"), "\"E\"");
}

#[tokio::test]
async fn each_signature_version_has_its_form() {
    for (version, begin) in [
        (SignatureVersion::V1, "OSS id:"),
        (SignatureVersion::V4, "OSS4-HMAC-SHA256 Credential=id/"),
    ] {
        let script = Script::new([found()]);
        let config = config("http://127.0.0.1:1").with_signature(version);
        let client = Client::with_transport(config, script.clone());
        client.get_object(get()).await.unwrap();
        let seen = script.seen();
        assert!(seen[0].header("authorization").starts_with(begin));
    }
    let script = Script::new([found()]);
    let anonymous = ClientConfig::new("http://127.0.0.1:1", "").unwrap();
    let client = Client::with_transport(anonymous, script.clone());
    client.get_object(get()).await.unwrap();
    assert_eq!(script.seen()[0].header("authorization"), "");
}

#[tokio::test]
async fn the_bucket_stands_where_it_was_told_to() {
    let endpoint = "http://oss-cn-hangzhou.aliyuncs.com:8080";
    let target = "/dir/a%20b%2Bc%E4%B8%AD";
    for (addressing, host, path) in [
        (
            Addressing::Auto,
            "bucket.oss-cn-hangzhou.aliyuncs.com:8080",
            target.to_owned(),
        ),
        (
            Addressing::Path,
            "oss-cn-hangzhou.aliyuncs.com:8080",
            format!("/bucket{target}"),
        ),
        (
            Addressing::Cname,
            "oss-cn-hangzhou.aliyuncs.com:8080",
            target.to_owned(),
        ),
    ] {
        let script = Script::new([found()]);
        let config = config(endpoint).with_addressing(addressing);
        let client = Client::with_transport(config, script.clone());
        let request = GetObject::new("bucket", "dir/a b+c中");
        client.get_object(request).await.unwrap();
        let seen = script.seen();
        assert_eq!((seen[0].header("host"), &seen[0].target), (host, &path));
    }
}

#[tokio::test]
async fn names_that_no_bucket_or_object_has_are_not_sent() {
    let script = Script::new([]);
    let client = script.client();
    for (bucket, key) in [("B", "key"), ("bucket", ""), ("bucket", "/key")] {
        let error = client.get_object(GetObject::new(bucket, key)).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    script.seen();
}

#[test]
fn a_v4_client_needs_a_region() {
    let config = ClientConfig::new("http://127.0.0.1:1", "").unwrap();
    let error = Client::new(config.with_key(key())).unwrap_err();
    assert!(error.to_string().contains("region"), "{error}");
}

#[tokio::test]
async fn an_empty_body_has_its_length_said() {
    let script = Script::new([answer(200, &[], ""), answer(200, &[], "")]);
    let client = script.client();
    let put = PutObject::new("bucket", "key", "");
    client.put_object(put).await.unwrap();
    client.get_object(get()).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen[0].header("content-length"), "0");
    assert_eq!(seen[1].header("content-length"), "");
}

#[test]
fn calls_can_be_awaited_on_any_thread() {
    fn check<T: Send>(_: T) {}
    let client = Script::new([]).client();
    check(client.get_object(get()));
    check(client.put_object(PutObject::new("bucket", "key", "")));
    check(client.get_bucket_info(GetBucketInfo::new("bucket")));
    check(client.initiate_multipart_upload(InitiateMultipartUpload::new("bucket", "key")));
    check(async {
        let mut output = client.get_object(get()).await?;
        output.body.collect().await
    });
}

#[tokio::test]
async fn secrets_can_not_be_printed() {
    let script = Script::new([refusal(403, "SignatureDoesNotMatch")]);
    let client = script.client();
    let error = client.get_object(get()).await.unwrap_err();
    let printed = format!("{client:?} {:?} {error:?} {error}", client.config());
    assert!(!printed.contains("the-secret"), "{printed}");
}
