//! Kept connections: HTTP/1.1, one request at a time on each. Requests without a body have
//! connections of their own kind ([`Wire`]); hyper sends the others.
//!
//! A connection is checked out for a request and goes back when the response's body was read to its
//! end; a body that is dropped half-way closes its connection. The newest idle connection is taken
//! first, so that surplus ones grow old and are closed.
//!
//! Each phase has its own bound: waiting for one of `max_connections` (60 s), connecting with TLS
//! (`connect_timeout`), and sending and receiving, where only standing still counts (`read_timeout`).

use super::{
    FreshConnection, RequestBody, ResponseBody, Transport, TransportError, TransportErrorKind,
    body::{Observed, READ_BUFFER},
    kept::Kept,
    tls,
    wire::{Io, MAX_HEADERS, Wire, WireBody},
};
use crate::{ClientConfig, Endpoint};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response, header, request::Parts};
use http_body::Body as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// How long a request waits while all connections are in use. Only a caller that holds that many
/// unread bodies, or a service that has come to a halt, lets it pass.
const QUEUE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long an idle connection may take to be ready. It is at once, unless the server answered
/// before it had read the last request's body, and goes on not reading it.
const READY_TIMEOUT: Duration = Duration::from_millis(200);

/// The transport that talks to real servers.
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    tls: Option<tokio_rustls::TlsConnector>,
    connect_timeout: Duration,
    read_timeout: Duration,
    permits: Arc<Semaphore>,
    /// For requests with a body.
    senders: Kept<SendRequest<RequestBody>>,
    /// For those without.
    wires: Kept<Wire>,
}

/// Where a connection in use belongs.
pub(super) struct Place {
    shared: Arc<Shared>,
    host: String,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Puts the connection back for the next request.
    pub(super) fn give_back(self, wire: Wire) {
        self.shared.wires.put(self.host, wire);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.endpoint.fmt(f)
    }
}

/// A connection of hyper's in use.
pub(super) struct Checkout {
    place: Place,
    sender: SendRequest<RequestBody>,
}

impl Checkout {
    /// Puts the connection back for the next request.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.place.shared.senders.put(self.place.host, self.sender);
        }
    }
}

impl Network {
    /// Connects nowhere yet. Fails when TLS is wanted and the system has no certificates.
    pub fn new(config: &ClientConfig) -> Result<Self, TransportError> {
        let tls = if config.endpoint.tls {
            let made = tls::connector(config.verify_tls, config.ca_pem.as_deref());
            Some(made.map_err(|e| TransportError::before(TransportErrorKind::Tls, e))?)
        } else {
            None
        };
        let shared = Shared {
            endpoint: config.endpoint.clone(),
            tls,
            connect_timeout: config.connect_timeout,
            read_timeout: config.read_timeout,
            permits: Arc::new(Semaphore::new(config.max_connections.max(1))),
            senders: Kept::new(config.idle_timeout),
            wires: Kept::new(config.idle_timeout),
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
        let permit = shared.permit().await?;
        let fresh = request.extensions().get::<FreshConnection>().is_some();
        let place = Place {
            shared: Arc::clone(shared),
            host,
            _permit: permit,
        };
        if request.body().is_end_stream() {
            return Self::ask(place, request.into_parts().0, fresh).await;
        }
        let host = &place.host;
        let observed = request.body().observed();
        // Idle connections that turn out closed hand the request back unsent: try the next.
        loop {
            let idle = if fresh {
                None
            } else {
                shared.take_idle(host).await
            };
            let kept = idle.is_some();
            let mut sender = match idle {
                Some(sender) => sender,
                None => shared.connect(host, handshake).await?,
            };
            let sending = sender.try_send_request(request);
            let watched = watch(sending, &observed, shared.read_timeout).await;
            let watched = watched.map_err(|Stalled| {
                let seconds = shared.read_timeout.as_secs_f64();
                let message = format!("{}: nothing moved for {seconds} s", shared.endpoint);
                TransportError::after(TransportErrorKind::Timeout, message)
            });
            match watched? {
                Ok(response) => {
                    let checkout = Checkout { place, sender };
                    let patience = shared.read_timeout;
                    return Ok(response.map(|body| ResponseBody::network(body, checkout, patience)));
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
                            kept,
                        });
                    }
                },
            }
        }
    }
}

impl Network {
    /// Sends a request without a body.
    async fn ask(
        place: Place,
        request: Parts,
        fresh: bool,
    ) -> Result<Response<ResponseBody>, TransportError> {
        let shared = Arc::clone(&place.shared);
        let idle = if fresh {
            None
        } else {
            std::iter::from_fn(|| shared.wires.take(&place.host)).find_map(Wire::if_idle)
        };
        let kept = idle.is_some();
        let wire = if let Some(wire) = idle {
            wire
        } else {
            let made = |io| std::future::ready(Ok(Wire::new(io)));
            shared.connect(&place.host, made).await?
        };
        let answer = WireBody::ask(wire, place, request, shared.read_timeout).await;
        answer.map_err(|error| TransportError { kept, ..error })
    }
}

impl Shared {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, TransportError> {
        let busy = || {
            let message = format!(
                "{}: all connections were in use for {} s",
                self.endpoint,
                QUEUE_TIMEOUT.as_secs()
            );
            TransportError::before(TransportErrorKind::Timeout, message)
        };
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(QUEUE_TIMEOUT, permit).await;
        // The semaphore is never closed; if it were, nothing could be sent either.
        permit.map_err(|_| busy())?.map_err(|_| busy())
    }

    async fn take_idle(&self, host: &str) -> Option<SendRequest<RequestBody>> {
        loop {
            let mut sender = self.senders.take(host)?;
            let ready = tokio::time::timeout(READY_TIMEOUT, sender.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                return Some(sender);
            }
        }
    }

    /// Connects, and makes of it what sends requests.
    async fn connect<T, F>(
        &self,
        host: &str,
        make: impl FnOnce(Box<dyn Io>) -> F,
    ) -> Result<T, TransportError>
    where
        F: Future<Output = hyper::Result<T>>,
    {
        let what = self.endpoint.authority(host);
        let connecting = async {
            let io = self.connect_now(host).await?;
            make(io).await.map_err(|e| {
                TransportError::before(TransportErrorKind::Connect, format!("{what}: {e}"))
            })
        };
        let connecting = tokio::time::timeout(self.connect_timeout, connecting);
        connecting.await.unwrap_or_else(|_| {
            let seconds = self.connect_timeout.as_secs_f64();
            Err(TransportError::before(
                TransportErrorKind::Timeout,
                format!("connecting to {what} took longer than {seconds} s"),
            ))
        })
    }

    async fn connect_now(&self, host: &str) -> Result<Box<dyn Io>, TransportError> {
        let what = self.endpoint.authority(host);
        let fault =
            |kind, e: &dyn std::fmt::Display| TransportError::before(kind, format!("{what}: {e}"));
        let name = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let addresses = resolve(&name, self.endpoint.port).await;
        let addresses = addresses.map_err(|e| fault(TransportErrorKind::Dns, &e))?;
        let stream = TcpStream::connect(&addresses[..])
            .await
            .map_err(|e| fault(TransportErrorKind::Connect, &e))?;
        stream
            .set_nodelay(true)
            .map_err(|e| fault(TransportErrorKind::Connect, &e))?;
        let Some(connector) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let server = ServerName::try_from(name).map_err(|e| fault(TransportErrorKind::Tls, &e))?;
        let stream = connector
            .connect(server, stream)
            .await
            .map_err(|e| fault(TransportErrorKind::Tls, &e))?;
        Ok(Box::new(stream))
    }
}

/// The addresses of a host. Names under `localhost` are the loopback's without asking anybody (RFC
/// 6761, 6.3): the embedded server takes `bucket.localhost`, and most resolvers do not know it.
async fn resolve(name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    if name.ends_with(".localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]);
    }
    Ok(tokio::net::lookup_host((name, port)).await?.collect())
}

/// Nothing moved for too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stalled;

/// Waits for the head of a response; gives up when no byte of the request's body moved for `limit`.
/// Dropping `sending` then closes the connection.
pub(super) async fn watch<T>(
    sending: impl Future<Output = T>,
    observed: &Observed,
    limit: Duration,
) -> Result<T, Stalled> {
    tokio::pin!(sending);
    let mut seen = observed.bytes();
    loop {
        if let Ok(done) = tokio::time::timeout(limit, &mut sending).await {
            return Ok(done);
        }
        let now = observed.bytes();
        if now == seen {
            return Err(Stalled);
        }
        seen = now;
    }
}

async fn handshake(io: Box<dyn Io>) -> hyper::Result<SendRequest<RequestBody>> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(READ_BUFFER)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(io))
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
