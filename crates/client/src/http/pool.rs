//! Kept connections: HTTP/1.1, one request at a time on each.
//!
//! A connection is checked out for a request and goes back when the response's body was read to its
//! end; a body that is dropped half-way closes its connection. The newest idle connection is taken
//! first, so that surplus ones grow old and are closed.

use super::{RequestBody, ResponseBody, Transport, TransportError, TransportErrorKind, tls};
use crate::{ClientConfig, Endpoint};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response, header};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// The transport that talks to real servers.
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    tls: Option<tokio_rustls::TlsConnector>,
    connect_timeout: Duration,
    idle_timeout: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<HashMap<String, Vec<Idle>>>,
}

struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// A connection in use.
pub(super) struct Checkout {
    shared: Arc<Shared>,
    host: String,
    sender: SendRequest<RequestBody>,
    _permit: OwnedSemaphorePermit,
}

impl Checkout {
    /// Puts the connection back for the next request.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            let idle = Idle {
                sender: self.sender,
                since: Instant::now(),
            };
            self.shared
                .idle
                .lock()
                .entry(self.host)
                .or_default()
                .push(idle);
        }
    }
}

impl Network {
    /// Connects nowhere yet. Fails when TLS is wanted and the system has no certificates.
    pub fn new(config: &ClientConfig) -> Result<Self, TransportError> {
        let tls = if config.endpoint.tls {
            let made = tls::connector(config.verify_tls);
            Some(made.map_err(|e| TransportError::before(TransportErrorKind::Tls, e))?)
        } else {
            None
        };
        let shared = Shared {
            endpoint: config.endpoint.clone(),
            tls,
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            permits: Arc::new(Semaphore::new(config.max_connections.max(1))),
            idle: Mutex::new(HashMap::new()),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    async fn send_once(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, TransportError> {
        let shared = &self.shared;
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        let host = host.unwrap_or(&shared.endpoint.host);
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(']'))
            .map_or(host, |h| h.0);
        let host = host.to_owned();
        let permit = Arc::clone(&shared.permits).acquire_owned().await;
        let permit = permit
            .map_err(|e| TransportError::before(TransportErrorKind::Connect, e.to_string()))?;
        // Idle connections that turn out closed hand the request back unsent: try the next.
        loop {
            let (mut sender, kept) = match shared.take_idle(&host).await {
                Some(sender) => (sender, true),
                None => (shared.connect(&host).await?, false),
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let checkout = Checkout {
                        shared: Arc::clone(shared),
                        host,
                        sender,
                        _permit: permit,
                    };
                    return Ok(response.map(|body| ResponseBody::network(body, checkout)));
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if kept => request = unsent,
                    unsent => {
                        let cause = std::error::Error::source(failed.error());
                        let cause = cause.map(|c| format!(": {c}")).unwrap_or_default();
                        return Err(TransportError {
                            kind: TransportErrorKind::Broken,
                            message: format!("{}: {}{cause}", shared.endpoint, failed.error()),
                            sent: unsent.is_none(),
                        });
                    }
                },
            }
        }
    }
}

impl Shared {
    async fn take_idle(&self, host: &str) -> Option<SendRequest<RequestBody>> {
        loop {
            let mut sender = {
                let mut idle = self.idle.lock();
                let list = idle.get_mut(host)?;
                list.retain(|one| {
                    one.since.elapsed() < self.idle_timeout && !one.sender.is_closed()
                });
                list.pop()?.sender
            };
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn connect(&self, host: &str) -> Result<SendRequest<RequestBody>, TransportError> {
        let what = self.endpoint.authority(host);
        let connecting = tokio::time::timeout(self.connect_timeout, self.connect_now(host));
        connecting.await.unwrap_or_else(|_| {
            let seconds = self.connect_timeout.as_secs_f64();
            Err(TransportError::before(
                TransportErrorKind::Timeout,
                format!("connecting to {what} took longer than {seconds} s"),
            ))
        })
    }

    async fn connect_now(&self, host: &str) -> Result<SendRequest<RequestBody>, TransportError> {
        let what = self.endpoint.authority(host);
        let fault =
            |kind, e: &dyn std::fmt::Display| TransportError::before(kind, format!("{what}: {e}"));
        let name = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((name.as_str(), self.endpoint.port))
                .await
                .map_err(|e| fault(TransportErrorKind::Dns, &e))?
                .collect();
        let stream = TcpStream::connect(&addresses[..])
            .await
            .map_err(|e| fault(TransportErrorKind::Connect, &e))?;
        stream
            .set_nodelay(true)
            .map_err(|e| fault(TransportErrorKind::Connect, &e))?;
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some(connector) => {
                let server =
                    ServerName::try_from(name).map_err(|e| fault(TransportErrorKind::Tls, &e))?;
                let stream = connector
                    .connect(server, stream)
                    .await
                    .map_err(|e| fault(TransportErrorKind::Tls, &e))?;
                handshake(TokioIo::new(stream)).await
            }
        }
        .map_err(|e| fault(TransportErrorKind::Connect, &e))
    }
}

async fn handshake<I>(io: I) -> hyper::Result<SendRequest<RequestBody>>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        // Large bodies: read up to 1 MiB from the socket at once.
        .max_buf_size(1 << 20)
        .handshake(io)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    Ok(sender)
}

impl Transport for Network {
    fn send(
        &self,
        request: Request<RequestBody>,
    ) -> BoxFuture<'_, Result<Response<ResponseBody>, TransportError>> {
        self.send_once(request).boxed()
    }
}
