//! The pool against servers that hang up, stall and cheat.

use super::{
    RequestBody,
    body::SLICE,
    pool::{Stalled, watch},
};
use crate::{
    Addressing, Body, Client, ErrorKind, GetObject, PutObject,
    testing::{Server, answer_all, answer_one, config, impatient, read_head},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::Notify};

fn get() -> GetObject {
    GetObject::new("bucket", "key")
}

async fn read(client: &Client) -> Result<Bytes, crate::Error> {
    client.get_object(get()).await?.body.collect().await
}

#[tokio::test]
async fn requests_share_a_kept_connection() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let client = Client::new(config(&server.endpoint())).unwrap();
    for _ in 0..5 {
        assert_eq!(read(&client).await.unwrap(), "hello");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_that_nobody_reads_closes_its_connection() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let client = Client::new(config(&server.endpoint())).unwrap();
    // A body that came with its head is known to be complete only when it is read.
    drop(client.get_object(get()).await.unwrap());
    assert_eq!(read(&client).await.unwrap(), "hello");
    assert_eq!(server.connections(), 2);
}

/// Lets time pass. The clock is not paused otherwise: it would run ahead of what the kernel delivers.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn an_old_connection_is_not_used() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let client = Client::new(config(&server.endpoint())).unwrap();
    read(&client).await.unwrap();
    pass(49).await;
    read(&client).await.unwrap();
    assert_eq!(server.connections(), 1);
    pass(51).await;
    read(&client).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn the_last_connection_is_waited_for() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let mut config = config(&server.endpoint());
    config.max_connections = 1;
    let client = Client::new(config).unwrap();
    let mut first = client.get_object(get()).await.unwrap();
    let mut second = std::pin::pin!(client.get_object(get()));
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(server.connections(), 1);
    assert_eq!(first.body.collect().await.unwrap(), "hello");
    let mut answer = second.await.unwrap();
    assert_eq!(answer.body.collect().await.unwrap(), "hello");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_queue_that_does_not_move_is_an_error_and_nothing_was_sent() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let mut config = impatient(&server.endpoint());
    config.max_connections = 1;
    let client = Client::new(config).unwrap();
    let held = client.get_object(get()).await.unwrap();
    tokio::time::pause();
    let error = client.get_object(get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("in use"), "{error}");
    drop(held);
}

/// Answers the first request of the first connection, and hangs up on the second without a word:
/// what a server does that closes an idle connection while a request is on its way.
async fn hangs_up_once() -> Server {
    Server::start(async |mut stream, number| {
        if number > 1 {
            return answer_all(stream, "hello").await;
        }
        read_head(&mut stream).await?;
        answer_one(&mut stream, "hello").await?;
        read_head(&mut stream).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stale_connection_is_replaced_at_once() {
    let server = hangs_up_once().await;
    let mut config = config(&server.endpoint());
    // Waiting for a retry would fail the test by its length.
    config.retry.base = Duration::from_hours(1);
    config.retry.cap = Duration::from_hours(1);
    let client = Client::new(config).unwrap();
    for _ in 0..2 {
        assert_eq!(read(&client).await.unwrap(), "hello");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let restart = Arc::new(Notify::new());
    let ended = Arc::new(Notify::new());
    let (wait, tell) = (Arc::clone(&restart), Arc::clone(&ended));
    let server = Server::start(move |mut stream, number| {
        let (wait, tell) = (Arc::clone(&wait), Arc::clone(&tell));
        async move {
            if number > 1 {
                return answer_all(stream, "hello").await;
            }
            read_head(&mut stream).await?;
            answer_one(&mut stream, "hello").await?;
            wait.notified().await;
            drop(stream);
            tell.notify_one();
            Ok(())
        }
    })
    .await;
    let client = Client::new(config(&server.endpoint())).unwrap();
    read(&client).await.unwrap();
    restart.notify_one();
    ended.notified().await;
    read(&client).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_bucket_under_localhost_is_found_without_a_resolver() {
    let server = Server::start(|stream, _| answer_all(stream, "hello")).await;
    let endpoint = format!("http://localhost:{}", server.port());
    let config = impatient(&endpoint).with_addressing(Addressing::VirtualHost);
    let client = Client::new(config).unwrap();
    assert_eq!(read(&client).await.unwrap(), "hello");
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(impatient(&format!("http://{address}"))).unwrap();
    let error = client.get_object(get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let text = error.to_string();
    assert!(
        text.contains(&address.to_string()) && text.contains("check the endpoint"),
        "{text}"
    );
}

/// Time enough for the loopback, and little to wait.
const SHORT: Duration = Duration::from_millis(100);

async fn silent() -> Server {
    Server::start(async |stream, _| {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let server = silent().await;
    let mut config = impatient(&server.endpoint());
    config.read_timeout = SHORT;
    let client = Client::new(config).unwrap();
    let error = client.get_object(get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let body = Body::segments(vec![Bytes::from(vec![7; 16 << 20]); 2]);
    let request = PutObject::new("bucket", "key", body);
    let error = client.put_object(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_body_that_stalls_is_taken_up_again_where_it_ended() {
    let server = Server::start(async |mut stream, _| {
        let head = read_head(&mut stream).await?.unwrap_or_default();
        let head = head.to_ascii_lowercase();
        if !head.contains("\r\nrange:") {
            let part = b"HTTP/1.1 200 OK\r\nETag: \"E\"\r\nContent-Length: 10\r\n\r\n01234";
            stream.write_all(part).await?;
            return std::future::pending().await;
        }
        assert!(head.contains("\r\nrange: bytes=5-9\r\n"), "{head}");
        assert!(head.contains("\r\nif-match: \"e\"\r\n"), "{head}");
        let rest = b"HTTP/1.1 206 Partial Content\r\nETag: \"E\"\r\nContent-Length: 5\r\n\
            Content-Range: bytes 5-9/10\r\n\r\n56789";
        stream.write_all(rest).await
    })
    .await;
    let mut config = config(&server.endpoint());
    config.read_timeout = SHORT;
    let client = Client::new(config).unwrap();
    assert_eq!(read(&client).await.unwrap(), "0123456789");
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_is_no_stalled_one() {
    let limit = Duration::from_secs(20);
    let mut body = RequestBody::segments(vec![Bytes::from(vec![7; 8 * SLICE])]);
    let observed = body.observed();
    let sending = async {
        while let Some(frame) = body.frame().await {
            let slice = frame.unwrap().into_data().unwrap();
            assert_eq!(slice.len(), SLICE);
            tokio::time::sleep(Duration::from_secs(15)).await;
        }
    };
    assert_eq!(watch(sending, &observed, limit).await, Ok(()));
    assert_eq!(observed.bytes(), 8 * SLICE as u64);
    let start = tokio::time::Instant::now();
    let never = std::future::pending::<()>();
    assert_eq!(watch(never, &observed, limit).await, Err(Stalled));
    assert_eq!(start.elapsed().as_secs(), 20);
}

mod tls {
    use super::*;
    use rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    };
    use tokio_rustls::TlsAcceptor;

    // A self-signed certificate for localhost and 127.0.0.1, for these tests alone.
    const CERTIFICATE: &[u8] = include_bytes!("testdata/server.pem");
    const KEY: &[u8] = include_bytes!("testdata/server.key");

    async fn server() -> Server {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::start(move |stream, _| {
            let acceptor = acceptor.clone();
            async move { answer_all(acceptor.accept(stream).await?, "hello").await }
        })
        .await
    }

    #[tokio::test]
    async fn a_certificate_of_a_given_authority_is_trusted() {
        let server = server().await;
        for host in ["127.0.0.1", "localhost"] {
            let mut config = config(&format!("https://{host}:{}", server.port()));
            config.ca_pem = Some(CERTIFICATE.to_vec());
            let client = Client::new(config).unwrap();
            assert_eq!(read(&client).await.unwrap(), "hello", "{host}");
        }
    }

    #[tokio::test]
    async fn an_unknown_certificate_is_refused_unless_checking_is_off() {
        let server = server().await;
        let mut config = impatient(&format!("https://127.0.0.1:{}", server.port()));
        let client = Client::new(config.clone()).unwrap();
        let error = client.get_object(get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.to_string().contains("certificate"), "{error}");
        config.verify_tls = false;
        let client = Client::new(config).unwrap();
        assert_eq!(read(&client).await.unwrap(), "hello");
    }

    #[tokio::test]
    async fn an_endpoint_that_speaks_no_tls_says_so() {
        let server = Server::start(async |mut stream, _| {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
        })
        .await;
        let endpoint = format!("https://127.0.0.1:{}", server.port());
        let client = Client::new(impatient(&endpoint)).unwrap();
        let error = client.get_object(get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.to_string().contains("speaks TLS"), "{error}");
    }

    #[test]
    fn certificates_that_are_none_are_named() {
        let mut config = config("https://127.0.0.1:1");
        config.ca_pem = Some(b"nothing".to_vec());
        let error = Client::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
    }
}

/// Answers every request with exactly `answer`, in pieces of `piece` bytes, and hangs up at the end if told.
async fn answer_raw(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    answer: &'static str,
    piece: usize,
    hang_up: bool,
) -> std::io::Result<()> {
    while read_head(&mut stream).await?.is_some() {
        for part in answer.as_bytes().chunks(piece) {
            stream.write_all(part).await?;
            stream.flush().await?;
            tokio::task::yield_now().await;
        }
        if hang_up {
            return Ok(());
        }
    }
    Ok(())
}

const LISTING: &str = "<ListBucketResult><Name>bucket</Name></ListBucketResult>";

#[tokio::test]
async fn answers_are_framed_as_rfc_9112_says() {
    let chunked: &'static str = Box::leak(
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             A;name=x\r\n{}\r\n{:x}\r\n{}\r\n0\r\nTrailer: t\r\n\r\n",
            &LISTING[..10],
            LISTING.len() - 10,
            &LISTING[10..]
        )
        .into_boxed_str(),
    );
    let sized: &'static str = Box::leak(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{LISTING}",
            LISTING.len()
        )
        .into_boxed_str(),
    );
    let closed: &'static str =
        Box::leak(format!("HTTP/1.0 200 OK\r\n\r\n{LISTING}").into_boxed_str());
    for (answer, hang_up, connections) in
        [(chunked, false, 1), (sized, false, 1), (closed, true, 3)]
    {
        for piece in [1, 7, 4096] {
            let server =
                Server::start(move |stream, _| answer_raw(stream, answer, piece, hang_up)).await;
            let client = Client::new(config(&server.endpoint())).unwrap();
            for _ in 0..3 {
                let list = crate::ListObjectsV2 {
                    bucket: "bucket".into(),
                    ..crate::ListObjectsV2::default()
                };
                let page = client.list_objects_v2(list).await.unwrap();
                assert!(page.objects.is_empty(), "{answer}");
            }
            assert_eq!(server.connections(), connections, "{answer} by {piece}");
        }
    }
}

#[tokio::test]
async fn answers_that_contradict_themselves_are_refused() {
    for answer in [
        "HTTP/1.1 200 OK\r\nETag: \"E\"\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nETag: \"E\"\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nETag: \"E\"\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let server = Server::start(move |stream, _| answer_raw(stream, answer, 4096, true)).await;
        let mut config = config(&server.endpoint());
        config.retry = crate::retry::RetryPolicy::never();
        let client = Client::new(config).unwrap();
        let error = read(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_body_is_read_into_the_reader_s_own_memory() {
    let server = Server::start(|stream, _| answer_all(stream, "hello, world")).await;
    let client = Client::new(config(&server.endpoint())).unwrap();
    for most in [1, 5, 100] {
        let mut body = client.get_object(get()).await.unwrap().body;
        let mut all = Vec::with_capacity(64);
        let address = all.as_ptr();
        while body.read_into(&mut all, most).await.unwrap() > 0 {}
        assert_eq!(all, b"hello, world");
        assert_eq!(all.as_ptr(), address);
    }
    assert_eq!(server.connections(), 1);
}
