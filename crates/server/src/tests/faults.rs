//! Faults as clients see them, and the console that sets them.

use super::wire::{Answer, Running, ask, config, read_answer, start_with};
use crate::FaultPlan;
use ossplit_protocol::time;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn server(rules: &str) -> Running {
    let mut config = config();
    config.console = Some(([127, 0, 0, 1], 0).into());
    let plan = format!("{{\"rules\": [{rules}]}}");
    config.faults = Some(FaultPlan::parse(plan.as_bytes(), "test").unwrap());
    start_with(config).await
}

async fn console(server: &Running, method: &str, path: &str, body: &str) -> Answer {
    console_with(server, method, path, &[], body).await
}

/// Asks the console.
pub(super) async fn console_with(
    server: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(server.console.unwrap()).await.unwrap();
    let length = body.len();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: c\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head = head + name + ": " + value + "\r\n";
    }
    head = head + "\r\n" + body;
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await
}

async fn counters(server: &Running) -> Value {
    serde_json::from_slice(&console(server, "GET", "/counters", "").await.body).unwrap()
}

/// All that comes off a connection, and whether it was reset at the end.
async fn rest(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let end = stream.read_to_end(&mut all).await;
    let reset = end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    (all, reset)
}

/// Sends a request; all that comes back, and whether the connection was reset.
async fn raw(
    server: &Running,
    method: &'static str,
    key: &str,
    body: Option<&str>,
) -> (Vec<u8>, bool) {
    let mut stream = server.connect().await;
    let mut ask = ask(method, key, "");
    if let Some(body) = body {
        ask = ask.body(body);
    }
    stream.write_all(&ask.head()).await.unwrap();
    stream
        .write_all(body.unwrap_or_default().as_bytes())
        .await
        .unwrap();
    rest(&mut stream).await
}

/// The body after the head.
fn body_of(raw: &[u8]) -> &[u8] {
    let at = raw.windows(4).position(|four| four == b"\r\n\r\n");
    &raw[at.expect("a head") + 4..]
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_answered_as_the_rule_says_and_counted() {
    let server = server(
        r#"{"operation": "GetObject", "when": {"every": 3}, "burst": 2, "status": 503, "code": "RequestLimitExceeded"},
           {"operation": "HeadObject", "code": "InternalError"}"#,
    )
    .await;
    assert_eq!(ask("PUT", "k", "").body("x").to(&server).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let answer = ask("GET", "k", "").to(&server).await;
        if answer.status == 503 {
            assert_eq!(answer.code(), "RequestLimitExceeded");
            assert!(
                answer.text().contains("<EC>0015-00000504</EC>"),
                "{}",
                answer.text()
            );
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 503, 503, 200, 503]);
    let head = ask("HEAD", "k", "").to(&server).await;
    assert_eq!(head.status, 500);
    assert!(head.header("x-oss-err").is_some());
    let counters = counters(&server).await;
    assert_eq!(counters["faults"], serde_json::json!({"error": 4}));
    let statuses = &counters["operations"]["GetObject"]["statuses"];
    assert_eq!(statuses, &serde_json::json!({"200": 3, "503": 3}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_delays_its_own_calls_only() {
    let server = server(r#"{"operation": "GetObject", "delay_ms": {"uniform": [300, 310]}}"#).await;
    ask("PUT", "k", "").body("x").to(&server).await;
    let start = Instant::now();
    assert_eq!(ask("HEAD", "k", "").to(&server).await.status, 200);
    assert!(start.elapsed() < Duration::from_millis(290));
    let start = Instant::now();
    assert_eq!(ask("GET", "k", "").to(&server).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_has_no_effect_and_one_after_has() {
    let server = server(
        r#"{"operation": "PutObject", "key": "before", "reset": "before"},
           {"operation": "PutObject", "key": "after", "reset": "after"}"#,
    )
    .await;
    for (key, status) in [("before", 404), ("after", 200)] {
        let (answer, reset) = raw(&server, "PUT", key, Some("data")).await;
        assert!(answer.is_empty() && reset, "{key}: {answer:?} {reset}");
        assert_eq!(
            ask("GET", key, "").to(&server).await.status,
            status,
            "{key}"
        );
    }
    let counters = counters(&server).await;
    assert_eq!(counters["operations"]["PutObject"]["statuses"]["cut"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_cut_reset_stalled_and_spoilt() {
    let server = server(
        r#"{"operation": "GetObject", "key": "cut", "truncate_at": 70000},
           {"operation": "GetObject", "key": "cut0", "truncate_at": 0},
           {"operation": "GetObject", "key": "reset", "reset": "body"},
           {"operation": "GetObject", "key": "stall", "stall_at": 1000, "stall_ms": 300},
           {"operation": "GetObject", "key": "dead", "stall_at": 1000},
           {"operation": "GetObject", "key": "spoilt", "corrupt_at": 65537},
           {"operation": "*Object", "key": "crc", "wrong_crc": true}"#,
    )
    .await;
    let data: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    let crc = ask("PUT", "plain", "").body(&data).to(&server).await;
    let crc = crc.header("x-oss-hash-crc64ecma").unwrap().to_owned();
    for key in ["cut", "cut0", "reset", "stall", "dead", "spoilt", "crc"] {
        let put = ask("PUT", key, "").body(&data).to(&server).await;
        assert_eq!(put.status, 200);
        let same = put.header("x-oss-hash-crc64ecma") == Some(crc.as_str());
        assert_eq!(same, key != "crc", "{key}");
    }
    let (answer, reset) = raw(&server, "GET", "cut", None).await;
    assert!(String::from_utf8_lossy(&answer).contains("content-length: 100000"));
    assert_eq!((body_of(&answer), reset), (&data[..70_000], false));
    let (answer, reset) = raw(&server, "GET", "cut0", None).await;
    assert_eq!((body_of(&answer).len(), reset), (0, false));
    assert!(raw(&server, "GET", "reset", None).await.1);

    let start = Instant::now();
    assert_eq!(ask("GET", "stall", "").to(&server).await.body, data);
    assert!(start.elapsed() >= Duration::from_millis(300));

    let mut stream = server.connect().await;
    stream
        .write_all(&ask("GET", "dead", "").head())
        .await
        .unwrap();
    let mut got = Vec::new();
    while !got.windows(4).any(|four| four == b"\r\n\r\n") || body_of(&got).len() < 1000 {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    let more = tokio::time::timeout(Duration::from_millis(300), stream.read_buf(&mut got)).await;
    assert!(more.is_err(), "nothing comes after 1,000 bytes");
    drop(stream);

    let mut spoilt = ask("GET", "spoilt", "").to(&server).await;
    assert_eq!(spoilt.header("x-oss-hash-crc64ecma"), Some(crc.as_str()));
    spoilt.body[65_537] ^= 1;
    assert_eq!(spoilt.body, data);
    let wrong = ask("GET", "crc", "").to(&server).await;
    assert_eq!(wrong.body, data);
    assert_ne!(wrong.header("x-oss-hash-crc64ecma"), Some(crc.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_bytes_per_second_are_capped_over_all_connections() {
    let server = server(
        r#"{"operation": "HeadObject", "qps": 4},
           {"operation": ["GetObject", "PutObject"], "key": "slow", "bandwidth": 200000}"#,
    )
    .await;
    ask("PUT", "k", "").body("x").to(&server).await;
    let mut refused = 0;
    for _ in 0..12 {
        refused += u32::from(ask("HEAD", "k", "").to(&server).await.status == 503);
    }
    assert!((6..=8).contains(&refused), "{refused}");
    let start = Instant::now();
    // The first bytes are free: what follows waits for them.
    let data = vec![1; 100_000];
    assert_eq!(
        ask("PUT", "slow", "").body(&data).to(&server).await.status,
        200
    );
    let gets = [ask("GET", "slow", ""), ask("GET", "slow", "")];
    let (a, b) = tokio::join!(gets[0].to(&server), gets[1].to(&server));
    assert_eq!((a.body.len(), b.body.len()), (100_000, 100_000));
    let took = start.elapsed().as_secs_f64();
    assert!(
        (1.2..3.0).contains(&took),
        "300,000 bytes at 200,000/s took {took}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_stale_by_one_call_or_by_age() {
    let server = server(r#"{"operation": "ListObjects", "stale": "previous call"}, {"operation": "ListObjectsV2", "stale": {"ms": 3600000}}"#).await;
    let keys = async |query: &str| {
        let answer = ask("GET", "", query).to(&server).await;
        answer.text().matches("<Key>").count()
    };
    assert_eq!(keys("prefix=a").await, 0, "the first answer is fresh");
    ask("PUT", "a1", "").body("x").to(&server).await;
    assert_eq!(keys("prefix=a").await, 0, "as it was at the call before");
    assert_eq!(keys("prefix=a").await, 1);
    assert_eq!(keys("").await, 1, "another call");
    assert_eq!(keys("list-type=2").await, 1, "no answer is that old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skewed_clock_shows_in_its_date_and_refuses_good_signatures() {
    let server = server(
        r#"{"key": "some", "clock_skew_ms": 600000}, {"key": "far", "clock_skew_ms": -3600000}"#,
    )
    .await;
    let put = ask("PUT", "some", "").body("x").to(&server).await;
    assert_eq!(put.status, 200);
    let date = time::parse_http_date(put.header("date").unwrap()).unwrap();
    let ahead = date - crate::http::unix_seconds();
    assert!((595..=600).contains(&ahead), "{ahead}");
    let refused = ask("PUT", "far", "").body("x").to(&server).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "RequestTimeTooSkewed")
    );
    assert_eq!(
        ask("PUT", "near", "").body("x").to(&server).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_sets_shows_and_ends_faults_and_the_data_port_knows_none() {
    let server = server(r#"{"status": 500}"#).await;
    assert_eq!(ask("GET", "", "").to(&server).await.status, 500);
    let put = console(&server, "PUT", "/faults", r#"{"rules": [{"status": 502}]}"#).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(ask("GET", "", "").to(&server).await.status, 502);
    let shown: Value =
        serde_json::from_slice(&console(&server, "GET", "/faults", "").await.body).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({"rules": [{"status": 502, "matched": 1, "fired": 1}]})
    );
    let bad = console(&server, "PUT", "/faults", r#"{"rules": [{"status": 1}]}"#).await;
    assert_eq!(bad.status, 400);
    assert!(
        bad.text().starts_with("faults: rule 1: status: 1 won't do"),
        "{}",
        bad.text()
    );
    assert_eq!(
        ask("GET", "", "").to(&server).await.status,
        502,
        "the good plan stays"
    );
    assert_eq!(console(&server, "DELETE", "/faults", "").await.status, 204);
    assert_eq!(ask("GET", "", "").to(&server).await.status, 200);
    let on_data = ask("GET", "", "")
        .target("/faults")
        .anonymous()
        .to(&server)
        .await;
    assert_eq!((on_data.status, on_data.code()), (404, "NoSuchBucket"));
    assert_eq!(console(&server, "POST", "/faults", "").await.status, 405);
    assert_eq!(console(&server, "GET", "/nothing", "").await.status, 404);
    let metrics = console(&server, "GET", "/metrics", "").await;
    assert!(
        metrics
            .text()
            .contains("ossplit_server_faults_total{effect=\"error\"}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_no_faster_than_its_request_wants() {
    let server = server("").await;
    let data = vec![7; 150_000];
    // 102,400 bytes per second.
    let start = Instant::now();
    let put = ask("PUT", "k", "")
        .header("x-oss-traffic-limit", "819200")
        .body(&data);
    assert_eq!(put.to(&server).await.status, 200);
    let get = ask("GET", "k", "x-oss-traffic-limit=819200")
        .to(&server)
        .await;
    assert_eq!(get.body, data);
    let took = start.elapsed().as_secs_f64();
    assert!((1.5..5.0).contains(&took), "{took}");
    for bad in ["819199", "838860801", "fast", ""] {
        let refused = ask("GET", "k", "")
            .header("x-oss-traffic-limit", bad)
            .to(&server)
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "InvalidArgument"),
            "{bad}"
        );
        assert!(
            refused
                .text()
                .contains("<ArgumentName>x-oss-traffic-limit</ArgumentName>")
        );
    }
}
