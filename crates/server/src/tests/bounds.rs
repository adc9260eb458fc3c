//! Bounds of sizes, numbers and names: what is just inside is taken, what is just outside refused.

use super::wire::{Answer, Running, ask, start};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use std::fmt::Write as _;

async fn upload(server: &Running) -> String {
    let begun = ask("POST", "m", "uploads").body("").to(server).await;
    let (_, id) = begun.text().split_once("<UploadId>").unwrap();
    id.split_once('<').unwrap().0.to_owned()
}

async fn complete(server: &Running, upload: &str, parts: &[(u16, String)]) -> Answer {
    let mut document = String::from("<CompleteMultipartUpload>");
    for (number, etag) in parts {
        write!(document, "<Part><PartNumber>{number}</PartNumber>").unwrap();
        write!(document, "<ETag>{etag}</ETag></Part>").unwrap();
    }
    document += "</CompleteMultipartUpload>";
    let query = format!("uploadId={upload}");
    ask("POST", "m", &query).body(document).to(server).await
}

async fn part(server: &Running, upload: &str, number: &str, body: &[u8]) -> Answer {
    let query = format!("partNumber={number}&uploadId={upload}");
    ask("PUT", "m", &query).body(body).to(server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_have_numbers_from_1_to_10_000_sizes_and_an_order() {
    let server = start().await;
    let id = upload(&server).await;
    for wrong in ["0", "10001", "-1", "x", ""] {
        let refused = part(&server, &id, wrong, b"x").await;
        assert_eq!((refused.status, refused.code()), (400, "InvalidArgument"));
        assert_eq!(refused.header("x-oss-ec"), Some("0017-00000220"), "{wrong}");
    }
    let full = vec![7; 100 << 10];
    let mut parts = Vec::new();
    for (number, body) in [
        (1, &full[1..]),
        (1, &full[..]),
        (9_999, &full),
        (10_000, b"end"),
    ] {
        let sent = part(&server, &id, &number.to_string(), body).await;
        assert_eq!(sent.status, 200);
        parts.push((number, sent.header("etag").unwrap().to_owned()));
    }
    let replaced = parts.remove(0);
    let answer = complete(&server, &id, &[parts[1].clone(), parts[0].clone()]).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidPartOrder"));
    let answer = complete(&server, &id, &[replaced]).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidPart"));
    let small = part(&server, &id, "2", &full[1..]).await;
    let small = (2, small.header("etag").unwrap().to_owned());
    let answer = complete(&server, &id, &[parts[0].clone(), small, parts[2].clone()]).await;
    assert_eq!((answer.status, answer.code()), (400, "EntityTooSmall"));
    let done = complete(&server, &id, &parts).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let got = ask("GET", "m", "").to(&server).await;
    assert!(got.body == [&full[..], &full, b"end"].concat());
    assert!(got.header("etag").unwrap().ends_with("-3\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_have_10_000_parts() {
    let server = start().await;
    let id = upload(&server).await;
    let source = ask("PUT", "s", "").body(vec![1; 100 << 10]);
    assert_eq!(source.to(&server).await.status, 200);
    let mut parts = Vec::new();
    let mut stream = server.connect().await;
    for number in 1..=10_000 {
        let query = format!("partNumber={number}&uploadId={id}");
        let copy = ask("PUT", "m", &query).header("x-oss-copy-source", "/bucket/s");
        let copied = copy.on(&mut stream).await;
        let (_, etag) = copied.text().split_once("<ETag>").unwrap();
        parts.push((number, etag.split_once('<').unwrap().0.to_owned()));
    }
    let done = complete(&server, &id, &parts).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let head = ask("HEAD", "m", "").to(&server).await;
    assert_eq!(head.header("content-length"), Some("1024000000"));
    assert!(head.header("etag").unwrap().ends_with("-10000\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_tags_names_and_batches_have_a_largest_size() {
    let server = start().await;
    let put = |length: usize| {
        ask("PUT", "k", "")
            .header("x-oss-meta-a", "v".repeat(length - 1))
            .body("")
    };
    assert_eq!(put(8192).to(&server).await.status, 200);
    let refused = put(8193).to(&server).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidArgument"));

    let tags = |number: usize| {
        let tags: Vec<_> = (0..number).map(|tag| format!("t{tag}=v")).collect();
        ask("PUT", "k", "")
            .header("x-oss-tagging", tags.join("&"))
            .body("")
    };
    assert_eq!(tags(10).to(&server).await.status, 200);
    assert_eq!(tags(11).to(&server).await.status, 400);

    let (longest, longer) = ("n".repeat(1023), "n".repeat(1024));
    let put = ask("PUT", &longest, "").body("x").to(&server).await;
    assert_eq!(put.status, 200);
    let put = ask("PUT", &longer, "").body("x").to(&server).await;
    assert_eq!((put.status, put.code()), (400, "InvalidObjectName"));

    let batch = |number: usize| {
        let keys = (0..number).fold(String::new(), |mut keys, n| {
            write!(keys, "<Object><Key>{n}</Key></Object>").unwrap();
            keys
        });
        let document = format!("<Delete><Quiet>true</Quiet>{keys}</Delete>");
        ask("POST", "", "delete")
            .header("content-md5", STANDARD.encode(Md5::digest(&document)))
            .body(document)
    };
    assert_eq!(batch(1000).to(&server).await.status, 200);
    let refused = batch(1001).to(&server).await;
    assert_eq!((refused.status, refused.code()), (400, "MalformedXML"));
}
