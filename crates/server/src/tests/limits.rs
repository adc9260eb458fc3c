//! What clients may not do: come in too great numbers, be too slow, or look where they should not.

use super::wire::{ask, config, read_answer, start_with};
use crate::{Limits, Tls};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn limits(change: impl FnOnce(&mut Limits)) -> crate::Config {
    let mut config = config();
    change(&mut config.limits);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_above_the_cap_waits_until_another_ends() {
    let server = start_with(limits(|limits| limits.connections = 2)).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(ask("GET", "", "").on(&mut first).await.status, 200);
    assert_eq!(ask("GET", "", "").on(&mut second).await.status, 200);
    let mut third = server.connect().await;
    third.write_all(&ask("GET", "", "").head()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), third.read_u8()).await;
    assert!(early.is_err(), "it is not answered yet");
    assert_eq!(ask("GET", "", "").on(&mut second).await.status, 200);
    drop(first);
    assert_eq!(read_answer(&mut third, false).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_cut_off_and_an_idle_connection_is_closed() {
    let server = start_with(limits(|limits| limits.head = Duration::from_millis(400))).await;
    let mut slow = server.connect().await;
    let start = Instant::now();
    let mut cut = false;
    for byte in ask("GET", "", "").head().iter().cycle() {
        if slow.write_all(&[*byte]).await.is_err() {
            cut = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if start.elapsed() > Duration::from_secs(10) {
            break;
        }
    }
    assert!(cut, "it went on for {:?}", start.elapsed());
    let mut idle = server.connect().await;
    assert_eq!(ask("GET", "", "").on(&mut idle).await.status, 200);
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), idle.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "an idle connection is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_given_up_and_makes_no_object() {
    let server = start_with(limits(|limits| limits.stall = Duration::from_millis(300))).await;
    let mut slow = server.connect().await;
    let put = ask("PUT", "k", "").body(vec![7; 100_000]);
    slow.write_all(&put.head()).await.unwrap();
    slow.write_all(&[7; 1000]).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), read_answer(&mut slow, false)).await;
    let answer = answer.expect("it is answered or cut");
    assert_eq!((answer.status, answer.code()), (400, "RequestTimeout"));
    assert_eq!(ask("HEAD", "k", "").to(&server).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let server = start_with(limits(|limits| limits.stall = Duration::from_millis(300))).await;
    let data = vec![7; 32 << 20];
    assert_eq!(
        ask("PUT", "k", "").body(&data).to(&server).await.status,
        200
    );
    let mut deaf = server.connect().await;
    deaf.write_all(&ask("GET", "k", "").head()).await.unwrap();
    let start = Instant::now();
    while server.counters.snapshot().connections_open > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "it is still there"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_served_and_plain_http_on_its_port_is_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/src/http/testdata");
    let certificate = folder.join("server.pem");
    let mut config = limits(|limits| limits.head = Duration::from_secs(2));
    config.tls = Some(Tls {
        certificate: certificate.clone(),
        key: folder.join("server.key"),
    });
    let server = start_with(config).await;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&certificate).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from("localhost").unwrap();
    let plain = server.connect().await;
    let mut tls = connector.connect(name, plain).await.unwrap();
    let put = ask("PUT", "k", "")
        .header("connection", "close")
        .body("over TLS");
    tls.write_all(&put.head()).await.unwrap();
    tls.write_all(b"over TLS").await.unwrap();
    let mut answer = Vec::new();
    // The server closes without a TLS farewell.
    let _ = tls.read_to_end(&mut answer).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let mut plain = server.connect().await;
    plain.write_all(&ask("GET", "k", "").head()).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP is not answered");
    let mut config = super::wire::config();
    config.tls = Some(Tls {
        certificate: folder.join("server.key"),
        key: folder.join("server.key"),
    });
    let refused = crate::Server::bind(config, crate::store::Store::in_memory()).await;
    let refused = refused.err().expect("a key is no certificate").to_string();
    assert!(refused.contains("server.key"), "{refused}");
}
