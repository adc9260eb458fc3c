//! Clients that do what HTTP allows and few do, and what it does not allow.

use super::wire::{ask, config, read_answer, start, start_with};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_with_slashes_encoded_and_buckets_in_the_host() {
    let server = start().await;
    let put = ask("PUT", "dir/a b", "")
        .target("/bucket/dir%2Fa%20b")
        .body("x");
    assert_eq!(put.to(&server).await.status, 200);
    for host in [
        "bucket.localhost:9000",
        "bucket.oss.test",
        "BUCKET.LOCALHOST.",
    ] {
        let get = ask("GET", "dir/a b", "")
            .header("host", host)
            .target("/dir/a%20b");
        assert_eq!(get.to(&server).await.text(), "x", "{host}");
    }
    let bad = ask("GET", "", "")
        .target("/bucket/%FF%FE")
        .to(&server)
        .await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidObjectName"));
    let bad = ask("GET", "", "").target("/Bad_Bucket/k").to(&server).await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidBucketName"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_needs_no_length_and_no_body_at_all_is_refused() {
    let server = start().await;
    let mut stream = server.connect().await;
    let put = ask("PUT", "k", "").header("transfer-encoding", "chunked");
    stream.write_all(&put.head()).await.unwrap();
    stream
        .write_all(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 200);
    // The same connection goes on.
    assert_eq!(ask("GET", "k", "").on(&mut stream).await.text(), "abcde");
    let refused = ask("PUT", "k", "").on(&mut stream).await;
    assert_eq!(
        (refused.status, refused.code()),
        (411, "MissingContentLength")
    );
    let empty = ask("PUT", "k", "").body("").on(&mut stream).await;
    assert_eq!(empty.header("x-oss-hash-crc64ecma"), Some("0"));
    assert_eq!(ask("GET", "k", "").on(&mut stream).await.body, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_expects_100_is_told_to_go_on_or_told_why_not() {
    let server = start().await;
    let mut stream = server.connect().await;
    let put = ask("PUT", "k", "")
        .header("expect", "100-continue")
        .body("hello");
    stream.write_all(&put.head()).await.unwrap();
    let mut go_on = vec![0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 200);

    let mut stream = server.connect().await;
    stream
        .write_all(&put.bucket("nowhere").head())
        .await
        .unwrap();
    let refused = read_answer(&mut stream, false).await;
    assert_eq!((refused.status, refused.code()), (404, "NoSuchBucket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_is_read_so_that_the_client_sees_why() {
    let server = start().await;
    let mut stream = server.connect().await;
    let body = vec![7; 3_000_000];
    let refused = ask("PUT", "k", "")
        .bucket("nowhere")
        .body(&body)
        .on(&mut stream)
        .await;
    assert_eq!((refused.status, refused.code()), (404, "NoSuchBucket"));
    let put = ask("PUT", "k", "").body(&body).on(&mut stream).await;
    assert_eq!(put.status, 200, "the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_short_makes_no_object() {
    let server = start().await;
    let mut stream = server.connect().await;
    let put = ask("PUT", "k", "").body(vec![1; 100_000]);
    stream.write_all(&put.head()).await.unwrap();
    stream.write_all(&vec![1; 50_000]).await.unwrap();
    drop(stream);
    let mut stream = server.connect().await;
    for _ in 0..20 {
        assert_eq!(ask("HEAD", "k", "").on(&mut stream).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_cut_off() {
    let server = start().await;
    let mut stream = server.connect().await;
    let large = ask("GET", "k", "").header("x-oss-meta-a", vec![b'a'; 40_000]);
    stream.write_all(&large.head()).await.unwrap();
    let mut answer = String::new();
    // It may reset the connection after its answer.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let fine = ask("GET", "k", "").header("x-oss-meta-a", vec![b'a'; 20_000]);
    assert_eq!(fine.to(&server).await.code(), "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_comes_back_byte_for_byte() {
    let server = start().await;
    let raw: &[u8] = "中文 \u{e9}".as_bytes();
    let put = ask("PUT", "k", "")
        .header("x-oss-meta-Name", raw)
        .header("expires", "whenever")
        .header("content-type", "text/plain; x=1")
        .body("x");
    assert_eq!(put.to(&server).await.status, 200);
    let head = ask("HEAD", "k", "").to(&server).await;
    assert_eq!(head.bytes("x-oss-meta-name"), Some(raw));
    assert_eq!(head.header("expires"), Some("whenever"));
    assert_eq!(head.header("content-type"), Some("text/plain; x=1"));
    assert_eq!(head.header("content-length"), Some("1"));
    for (name, value, ec) in [
        ("x-oss-meta-a_b", vec![b'x'], "0011-00000005"),
        ("x-oss-meta-a", vec![b'x'; 8200], "0011-00000002"),
    ] {
        let refused = ask("PUT", "k", "")
            .header(name, value)
            .body("")
            .to(&server)
            .await;
        assert_eq!(
            (refused.status, refused.header("x-oss-ec")),
            (400, Some(ec))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_holds_up_no_other_request() {
    let mut slow = config();
    slow.latency = Duration::from_millis(200);
    let server = start_with(slow).await;
    let start = Instant::now();
    let get = ask("GET", "k", "");
    let gets = futures_util::future::join_all((0..50).map(|_| get.to(&server)));
    assert!(gets.await.iter().all(|answer| answer.status == 404));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_was_begun_and_takes_no_more() {
    let mut slow = config();
    slow.latency = Duration::from_millis(300);
    let mut server = start_with(slow).await;
    let mut idle = server.connect().await;
    let mut stream = server.connect().await;
    let put = ask("PUT", "k", "").body("x");
    stream.write_all(&put.head()).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    let begun = async {
        while server.counters.snapshot().in_flight_max == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), begun)
        .await
        .unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 200);
    tokio::time::timeout(Duration::from_secs(5), &mut server.task)
        .await
        .unwrap()
        .unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(
        tokio::net::TcpStream::connect(server.address)
            .await
            .is_err()
    );
}
