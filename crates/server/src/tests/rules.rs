//! What answers say: headers, documents, conditions, signatures, ACLs.

use super::wire::{Ask, Running, ask, key, start};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use ossplit_protocol::sign::{self, v4};

async fn put(server: &Running, name: &str, body: &str) {
    let put = ask("PUT", name, "").body(body).to(server).await;
    assert_eq!(put.status, 200, "{put:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_headers() {
    let server = start().await;
    put(&server, "k", "hello world").await;
    let get = ask("GET", "k", "").to(&server).await;
    for (name, value) in [
        ("server", "AliyunOSS"),
        ("etag", "\"5EB63BBBE01EEED093CB22BB8F5ACDC3\""),
        ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
        ("x-oss-hash-crc64ecma", "5981764153023615706"),
        ("x-oss-object-type", "Normal"),
        ("x-oss-storage-class", "Standard"),
        ("accept-ranges", "bytes"),
        ("content-type", "application/octet-stream"),
        ("content-length", "11"),
    ] {
        assert_eq!(get.header(name), Some(value), "{name}");
    }
    let id = get.header("x-oss-request-id").unwrap();
    assert!(
        id.len() == 24
            && id
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_lowercase())
    );
    assert!(get.header("x-oss-server-time").is_some() && get.header("date").is_some());
    let meta = ask("HEAD", "k", "objectMeta").to(&server).await;
    assert_eq!(meta.header("content-length"), Some("11"));
    assert!(meta.header("content-type").is_none() && meta.header("accept-ranges").is_none());
    let gone = ask("DELETE", "k", "").to(&server).await;
    assert_eq!((gone.status, gone.header("content-type")), (204, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_the_service_says_also_on_head() {
    let server = start().await;
    let get = ask("GET", "no<pe", "").to(&server).await;
    assert_eq!((get.status, get.code()), (404, "NoSuchKey"));
    assert_eq!(get.header("content-type"), Some("application/xml"));
    assert_eq!(get.header("x-oss-ec"), Some("0026-00000001"));
    for piece in [
        "<Error>",
        "<HostId>127.0.0.1</HostId>",
        "<Key>no&lt;pe</Key>",
        "<EC>0026-00000001</EC>",
        "troubleshoot?q=0026-00000001",
        get.header("x-oss-request-id").unwrap(),
    ] {
        assert!(get.text().contains(piece), "{piece}: {}", get.text());
    }
    let head = ask("HEAD", "nope", "").to(&server).await;
    let document = STANDARD.decode(head.header("x-oss-err").unwrap()).unwrap();
    let document = String::from_utf8(document).unwrap();
    assert!(document.contains("<Code>NoSuchKey</Code>") && document.ends_with('\n'));
    let head = ask("HEAD", "nope", "").bucket("nowhere").to(&server).await;
    let document = STANDARD.decode(head.header("x-oss-err").unwrap()).unwrap();
    assert!(
        String::from_utf8(document)
            .unwrap()
            .contains("<Code>NoSuchBucket</Code>")
    );
    let refused = ask("GET", "", "qosInfo").to(&server).await;
    assert_eq!((refused.status, refused.code()), (400, "NotImplemented"));
    let refused = ask("GET", "k", "x-oss-process=image/info")
        .to(&server)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "NotImplemented"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_ranges() {
    let server = start().await;
    put(&server, "k", "0123456789").await;
    let tag = ask("HEAD", "k", "")
        .to(&server)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let future = "Fri, 01 Jan 2100 00:00:00 GMT";
    let past = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (name, value, status) in [
        ("if-match", tag.as_str(), 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", tag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", future, 304),
        ("if-modified-since", past, 200),
        ("if-modified-since", "junk", 200),
        ("if-unmodified-since", past, 412),
        ("if-unmodified-since", future, 200),
        ("range", "bytes=2-4", 206),
        ("range", "bytes=-3", 206),
        ("range", "bytes=5-99", 200),
        ("range", "bytes=10-", 200),
    ] {
        let answer = ask("GET", "k", "").header(name, value).to(&server).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 304 {
            assert!(answer.body.is_empty() && answer.header("x-oss-err").is_none());
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        let head = ask("HEAD", "k", "").header(name, value).to(&server).await;
        let expected = if status == 206 { 200 } else { status };
        assert_eq!(head.status, expected, "HEAD {name}: {value}");
    }
    let range = |value| {
        ask("GET", "k", "")
            .header("range", value)
            .header("x-oss-range-behavior", "standard")
    };
    let part = range("bytes=8-99").to(&server).await;
    assert_eq!((part.status, part.text()), (206, "89"));
    assert_eq!(part.header("content-range"), Some("bytes 8-9/10"));
    let none = range("bytes=10-").to(&server).await;
    assert_eq!((none.status, none.code()), (416, "InvalidRange"));
    let first = range("bytes=0-0")
        .header("if-modified-since", future)
        .to(&server)
        .await;
    assert_eq!(first.status, 304, "conditions come before ranges");
    let query = "response-content-type=a%2Fb&response-cache-control=no-store";
    let overridden = ask("GET", "k", query).to(&server).await;
    assert_eq!(overridden.header("content-type"), Some("a/b"));
    assert_eq!(overridden.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_checked_before_they_count() {
    let server = start().await;
    let md5 = |body: &str| STANDARD.encode(Md5::digest(body));
    let bad = ask("PUT", "k", "")
        .header("content-md5", md5("other"))
        .body("body")
        .to(&server)
        .await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidDigest"));
    let bad = ask("PUT", "k", "")
        .header("content-md5", "AAAA")
        .body("body")
        .to(&server)
        .await;
    assert_eq!(bad.header("x-oss-ec"), Some("0017-00000502"));
    assert_eq!(ask("HEAD", "k", "").to(&server).await.status, 404);
    let good = ask("PUT", "k", "")
        .header("content-md5", md5("body"))
        .body("body")
        .to(&server)
        .await;
    assert_eq!(good.status, 200);
    let forbid = ask("PUT", "k", "").header("x-oss-forbid-overwrite", "true");
    let refused = forbid.clone().body("other").to(&server).await;
    assert_eq!((refused.status, refused.code()), (409, "FileAlreadyExists"));
    let odd = ask("PUT", "k", "")
        .header("x-oss-forbid-overwrite", "perhaps")
        .body("");
    assert_eq!(
        odd.to(&server).await.header("x-oss-ec"),
        Some("0017-00000279")
    );
    let copy = ask("PUT", "k", "")
        .header("x-oss-forbid-overwrite", "true")
        .header("x-oss-copy-source", "/bucket/k");
    assert_eq!(copy.to(&server).await.status, 409);
    let refused = ask("PUT", "k", "").header("if-none-match", "*").body("");
    let refused = refused.to(&server).await;
    assert_eq!((refused.status, refused.code()), (400, "NotImplemented"));
    let large = ask("PUT", "k", "")
        .header("content-length", "5368709121")
        .to(&server)
        .await;
    assert_eq!((large.status, large.code()), (400, "EntityTooLarge"));
    assert_eq!(ask("GET", "k", "").to(&server).await.text(), "body");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_take_or_replace_metadata_and_have_conditions() {
    let server = start().await;
    let from = ask("PUT", "from", "")
        .header("x-oss-meta-a", "1")
        .header("content-type", "a/b");
    assert_eq!(from.body("body").to(&server).await.status, 200);
    let copy = |source: &'static str| ask("PUT", "to", "").header("x-oss-copy-source", source);
    let taken = copy("/bucket/from")
        .header("x-oss-meta-a", "2")
        .to(&server)
        .await;
    assert!(taken.text().contains("<CopyObjectResult>"), "{taken:?}");
    let head = ask("HEAD", "to", "").to(&server).await;
    assert_eq!(head.header("x-oss-meta-a"), Some("1"));
    assert_eq!(head.header("content-type"), Some("a/b"));
    let replace = copy("/bucket/from")
        .header("x-oss-metadata-directive", "REPLACE")
        .header("x-oss-meta-b", "3");
    assert_eq!(replace.to(&server).await.status, 200);
    let head = ask("HEAD", "to", "").to(&server).await;
    assert_eq!(head.header("x-oss-meta-a"), None);
    assert_eq!(head.header("x-oss-meta-b"), Some("3"));
    for (ask, status, code) in [
        (
            copy("/bucket/from").header("x-oss-copy-source-if-match", "x"),
            412,
            "PreconditionFailed",
        ),
        (
            copy("/bucket/from").header("x-oss-copy-source-if-none-match", "*"),
            304,
            "",
        ),
        (copy("/bucket/nope"), 404, "NoSuchKey"),
        (copy("/nowhere/from"), 404, "NoSuchBucket"),
        (copy("bucket/from"), 400, "InvalidArgument"),
        (
            copy("/bucket/from").header("x-oss-metadata-directive", "BOTH"),
            400,
            "InvalidArgument",
        ),
    ] {
        let answer = ask.to(&server).await;
        assert_eq!((answer.status, answer.code()), (status, code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_batch_deletion() {
    let server = start().await;
    for name in ["a/1", "a/2", "b+ c", "d\u{1}"] {
        put(&server, name, "x").await;
    }
    let list = ask("GET", "", "delimiter=/&encoding-type=url&max-keys=2")
        .to(&server)
        .await;
    let text = list.text();
    for piece in [
        "<ListBucketResult>",
        "<Prefix></Prefix>",
        "<CommonPrefixes><Prefix>a%2F</Prefix></CommonPrefixes>",
        "<Key>b%2B%20c</Key>",
        "<IsTruncated>true</IsTruncated>",
        "<NextMarker>b%2B%20c</NextMarker>",
        ".000Z</LastModified>",
    ] {
        let same = piece.replace("<Prefix></Prefix>", "<Prefix/>");
        assert!(
            text.contains(piece) || text.contains(&same),
            "{piece}: {text}"
        );
    }
    let v2 = ask("GET", "", "list-type=2&max-keys=1&encoding-type=url")
        .to(&server)
        .await;
    let token = v2.text().split("<NextContinuationToken>").nth(1).unwrap();
    let token = token.split('<').next().unwrap();
    let query = format!("list-type=2&max-keys=1&continuation-token={token}");
    assert!(
        ask("GET", "", &query)
            .to(&server)
            .await
            .text()
            .contains("<Key>a/2</Key>")
    );
    for bad in [
        "max-keys=0",
        "max-keys=1001",
        "encoding-type=xml",
        "list-type=2&continuation-token=abc",
    ] {
        let refused = ask("GET", "", bad).to(&server).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "InvalidArgument"),
            "{bad}"
        );
    }
    let body = "<Delete><Object><Key>a/1</Key></Object><Object><Key>d&#x01;</Key></Object><Object><Key>nope</Key></Object></Delete>";
    let delete = |body: &str| {
        ask("POST", "", "delete&encoding-type=url")
            .header("content-md5", STANDARD.encode(Md5::digest(body)))
            .body(body)
    };
    let deleted = delete(body).to(&server).await;
    assert_eq!(
        deleted.text().matches("<Deleted>").count(),
        3,
        "{}",
        deleted.text()
    );
    assert!(deleted.text().contains("<Key>d%01</Key>"));
    let by_header = ask("POST", "", "delete")
        .header("encoding-type", "url")
        .header("content-md5", STANDARD.encode(Md5::digest(body)))
        .body(body);
    let deleted = by_header.to(&server).await;
    assert!(deleted.text().contains("<Key>d%01</Key>"));
    let quiet = delete("<Delete><Quiet>true</Quiet><Object><Key>a/2</Key></Object></Delete>");
    assert_eq!(quiet.to(&server).await.body, b"");
    let left = ask("GET", "", "").to(&server).await;
    assert_eq!(left.text().matches("<Key>").count(), 1);
    for bad in [
        "junk",
        "<Delete></Delete>",
        "<Other><Object><Key>a</Key></Object></Other>",
    ] {
        assert_eq!(
            delete(bad).to(&server).await.code(),
            "MalformedXML",
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_checked_and_explained() {
    let server = start().await;
    put(&server, "k", "x").await;
    let mismatch = ask("GET", "k", "")
        .header("x-oss-meta-a", "b")
        .target("/bucket/other");
    let mismatch = mismatch.to(&server).await;
    assert_eq!(
        (mismatch.status, mismatch.code()),
        (403, "SignatureDoesNotMatch")
    );
    for piece in [
        "<OSSAccessKeyId>id</OSSAccessKeyId>",
        "<SignatureProvided>",
        "x-oss-meta-a:b\n/bucket/other</StringToSign>",
        "<StringToSignBytes>47 45 54 0A ",
    ] {
        assert!(
            mismatch.text().contains(piece),
            "{piece}: {}",
            mismatch.text()
        );
    }
    let skewed = ask("GET", "k", "").header("date", "Wed, 28 Dec 2022 10:27:41 GMT");
    let skewed = skewed.to(&server).await;
    assert_eq!(
        (skewed.status, skewed.code()),
        (403, "RequestTimeTooSkewed")
    );
    assert!(
        skewed
            .text()
            .contains("<RequestTime>2022-12-28T10:27:41.000Z</RequestTime>")
    );
    let unknown = ask("GET", "k", "")
        .anonymous()
        .header("authorization", "OSS other:x");
    let unknown = unknown
        .header("date", "Wed, 28 Dec 2022 10:27:41 GMT")
        .to(&server)
        .await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (403, "InvalidAccessKeyId")
    );
    let odd = ask("GET", "k", "")
        .anonymous()
        .header("authorization", "AWS id:x");
    assert_eq!(
        odd.to(&server).await.header("x-oss-ec"),
        Some("0002-00000002")
    );
    let expired = ask("GET", "k", "OSSAccessKeyId=id&Expires=1&Signature=x").anonymous();
    let expired = expired.to(&server).await;
    assert_eq!(
        (expired.status, expired.header("x-oss-ec")),
        (403, Some("0002-00000069"))
    );
}

fn presigned(method: &'static str, name: &str, region: &str) -> Ask {
    let headers = http::HeaderMap::new();
    let request = sign::Request {
        method,
        bucket: Some("bucket"),
        key: Some(name),
        query: &[],
        headers: &headers,
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_secs() as i64;
    let target = v4::Target {
        region,
        product: "oss",
    };
    let (key, scope) = (key(), target.scope(now));
    let signer = v4::Signer {
        key: &key,
        scope: &scope,
        signing_key: &v4::SigningKey::derive(&key.secret, &scope),
    };
    let query = v4::presign(&request, signer, &[], now, 60);
    let query = ossplit_protocol::encode::format_query(&query);
    ask(method, name, &query).anonymous()
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_urls_work_for_what_they_name() {
    let server = start().await;
    let put = presigned("PUT", "a b/中", "cn-local")
        .body("x")
        .to(&server)
        .await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(
        presigned("GET", "a b/中", "cn-local")
            .to(&server)
            .await
            .text(),
        "x"
    );
    let other = presigned("GET", "a", "cn-local")
        .target("/bucket/a%20b/x")
        .to(&server)
        .await;
    assert_eq!(other.status, 403);
    let region = presigned("GET", "a", "cn-other").to(&server).await;
    assert_eq!(
        (region.status, region.header("x-oss-ec")),
        (400, Some("0002-00000226"))
    );
    let moved = presigned("GET", "a b/中", "cn-local").to(&server).await;
    assert_eq!(moved.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn acls_say_what_those_without_a_key_may_do() {
    let server = start().await;
    put(&server, "k", "x").await;
    let status = async |ask: Ask| ask.anonymous().to(&server).await.status;
    let set = async |acl: &'static str| {
        let set = ask("PUT", "", "acl")
            .header("x-oss-acl", acl)
            .to(&server)
            .await;
        assert_eq!(set.status, 200);
    };
    assert_eq!(status(ask("GET", "k", "")).await, 403);
    set("public-read").await;
    assert_eq!(status(ask("GET", "k", "")).await, 200);
    assert_eq!(status(ask("GET", "", "")).await, 200);
    assert_eq!(status(ask("PUT", "new", "").body("x")).await, 403);
    assert_eq!(status(ask("GET", "", "acl")).await, 403);
    let own = ask("PUT", "k", "acl")
        .header("x-oss-object-acl", "private")
        .to(&server)
        .await;
    assert_eq!(own.status, 200);
    assert_eq!(status(ask("GET", "k", "")).await, 403);
    set("public-read-write").await;
    assert_eq!(status(ask("PUT", "new", "").body("x")).await, 200);
    assert_eq!(status(ask("DELETE", "new", "")).await, 204);
    let bad = ask("PUT", "", "acl")
        .header("x-oss-acl", "everybody")
        .to(&server)
        .await;
    assert_eq!(bad.header("x-oss-ec"), Some("0015-00000204"));
    let service = ask("GET", "", "").anonymous().target("/").to(&server).await;
    assert_eq!(service.header("x-oss-ec"), Some("0003-00001201"));
}
