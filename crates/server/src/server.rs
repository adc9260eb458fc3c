//! The running server: its ports, its connections, its orderly end.

use crate::{
    auth::{KeyRing, Keys},
    console,
    counters::Counters,
    faults::{FaultPlan, Faults},
    http::{Link, Paced, Socket, State, handle},
    lifecycle,
    store::{Acl, Redundancy, StorageClass, Store, StoreError, now_ms},
    sts::Metadata,
};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ossplit_protocol::sign::Key;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{
    convert::Infallible, future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// Request line and headers together, in bytes.
const MAX_HEAD: usize = 32 << 10;

/// Requests that are being answered when the server is told to stop may go on for this long.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait after a connection could not be accepted, as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Files of a certificate chain and its private key, in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What a server puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections to the data port that may be open at once; further ones wait to be accepted.
    pub connections: usize,
    /// A head (or a TLS handshake) that is not complete after this long is cut off, and a
    /// connection on which no request comes for so long is closed.
    pub head: Duration,
    /// A client that sends nothing of its body, or takes nothing of its answer, for this long is
    /// given up.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head: Duration::from_mins(1),
            stall: Duration::from_mins(1),
        }
    }
}

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its console listens, if it has one.
    pub console: Option<SocketAddr>,
    /// The region that V4 signatures must name, such as `cn-local`.
    pub region: String,
    /// Keys of the owner, who may do everything.
    pub keys: Vec<Key>,
    /// Keys with roles, and roles.
    pub key_ring: KeyRing,
    /// Buckets that are made if they are not there.
    pub buckets: Vec<String>,
    /// Domains whose names below are buckets.
    pub domains: Vec<String>,
    /// Added before each request is looked at.
    pub latency: Duration,
    /// How long the restore of an archived object goes on.
    pub restore_time: Duration,
    /// How often lifecycle rules are carried out; never when zero.
    pub lifecycle_interval: Duration,
    /// Whether callbacks may go to other machines, not to loopback addresses alone.
    pub callbacks_anywhere: bool,
    /// Bytes per second of each connection each way; 0 for no cap.
    pub bandwidth: u64,
    /// TLS, or plain HTTP.
    pub tls: Option<Tls>,
    /// What goes wrong on purpose from the start.
    pub faults: Option<FaultPlan>,
    /// What it puts up with.
    pub limits: Limits,
}

impl Config {
    /// A server for this owner on a free port of loopback, in region `cn-local`, with no bucket, and nothing set that has to be.
    pub fn new(owner: Key) -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            console: None,
            region: "cn-local".into(),
            keys: vec![owner],
            key_ring: KeyRing::default(),
            buckets: Vec::new(),
            domains: Vec::new(),
            latency: Duration::ZERO,
            restore_time: Duration::ZERO,
            lifecycle_interval: Duration::ZERO,
            callbacks_anywhere: false,
            bandwidth: 0,
            tls: None,
            faults: None,
            limits: Limits::default(),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("{0} is already in use: choose another address, or port 0 for a free one")]
    AddressInUse(SocketAddr),
    /// Listening failed.
    #[error("can't listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The certificate or its key can't be used.
    #[error("can't use the TLS file {path}: {cause}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A server that listens, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    console: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
    bandwidth: u64,
    lifecycle_interval: Duration,
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
            _ => StartError::Listen(address, error),
        })
}

fn acceptor(files: &Tls) -> Result<TlsAcceptor, StartError> {
    let bad = |path: &PathBuf, cause: String| StartError::Tls {
        path: path.clone(),
        cause,
    };
    let of_chain = |error: &dyn std::fmt::Display| bad(&files.certificate, error.to_string());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| of_chain(&error))?;
    if chain.is_empty() {
        return Err(of_chain(&"it has no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| of_chain(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad(&files.key, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Server {
    /// Listens, and makes the buckets that are not there.
    pub async fn bind(config: Config, store: Store) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let listener = listen(config.listen).await?;
        let console = match config.console {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        for bucket in &config.buckets {
            if store.bucket(bucket).is_none() {
                let (class, redundancy) = (StorageClass::Standard, Redundancy::Lrs);
                store
                    .create_bucket(bucket, class, redundancy, Some(Acl::Private))
                    .await?;
            }
        }
        let state = State {
            store: Arc::new(store),
            keys: Keys::new(config.keys, config.key_ring),
            region: config.region,
            domains: config
                .domains
                .iter()
                .map(|domain| domain.trim_matches('.').to_ascii_lowercase())
                .collect(),
            latency: config.latency,
            restore_time: config.restore_time,
            callbacks_anywhere: config.callbacks_anywhere,
            counters: Arc::new(Counters::default()),
            faults: Faults::new(config.faults),
            metadata: Metadata::default(),
            policies: crate::access::Policies::default(),
            limits: config.limits,
            secure: tls.is_some(),
        };
        Ok(Self {
            listener,
            console,
            tls,
            state: Arc::new(state),
            bandwidth: config.bandwidth,
            lifecycle_interval: config.lifecycle_interval,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where its console listens.
    pub fn console_address(&self) -> Option<io::Result<SocketAddr>> {
        self.console.as_ref().map(TcpListener::local_addr)
    }

    /// Its counters.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.state.counters)
    }

    /// Answers the requests of one connection that came in another way than over the data port.
    pub async fn serve_stream<T>(&self, stream: T)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (_tell, told) = watch::channel(false);
        requests(stream, Arc::default(), Arc::clone(&self.state), told).await;
    }

    /// Answers requests until `stop` is done; then takes no more, finishes those it has (up to
    /// ten seconds), and closes the store.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (tell, told) = watch::channel(false);
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(self.state.limits.connections));
        if !self.lifecycle_interval.is_zero() {
            let store = Arc::clone(&self.state.store);
            connections.spawn(lifecycle_worker(
                store,
                self.lifecycle_interval,
                told.clone(),
            ));
        }
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept_with(&self.listener, &places) => accepted,
                accepted = accept(self.console.as_ref()) => accepted.map(|stream| (stream, None)),
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            };
            match accepted {
                Ok((stream, Some(place))) => {
                    let serve = data(
                        stream,
                        place,
                        self.tls.clone(),
                        self.bandwidth,
                        Arc::clone(&self.state),
                        told.clone(),
                    );
                    connections.spawn(serve);
                }
                Ok((stream, None)) => {
                    let serve = console_connection(stream, Arc::clone(&self.state), told.clone());
                    connections.spawn(serve);
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop((self.listener, self.console));
        // Nobody is told if there is no connection.
        let _ = tell.send(true);
        let finish = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, finish).await.is_err() {
            tracing::warn!("requests were still being answered when the server stopped");
            connections.shutdown().await;
        }
        let state = self.state;
        // Closing waits for disks.
        let _ = tokio::task::spawn_blocking(move || state.store.close()).await;
    }
}

/// Carries lifecycle rules out from time to time, until the server stops.
async fn lifecycle_worker(store: Arc<Store>, interval: Duration, mut told: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stopping(&mut told) => return,
        }
        match lifecycle::run(&store, now_ms()).await {
            Ok(done) if done == lifecycle::Done::default() => {}
            Ok(done) => tracing::info!(?done, "lifecycle rules were carried out"),
            Err(error) => tracing::warn!(%error, "lifecycle rules could not be carried out"),
        }
    }
}

/// Accepts a connection once there is a place for it, which it keeps.
async fn accept_with(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    // Nobody closes the semaphore.
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, Some(place)))
}

/// Accepts on a listener that may not be there.
async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// A connection to the data port.
async fn data(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    tls: Option<TlsAcceptor>,
    bandwidth: u64,
    state: Arc<State>,
    told: watch::Receiver<bool>,
) {
    let _open = state.counters.connection();
    // Without it small answers wait for the client's acknowledgements; it can only fail on a
    // socket that is gone.
    let _ = stream.set_nodelay(true);
    let (head, stall) = (state.limits.head, state.limits.stall);
    let (socket, link) = Socket::new(stream, stall);
    let paced = Paced::new(socket, bandwidth);
    match tls {
        None => requests(paced, link, state, told).await,
        Some(tls) => match tokio::time::timeout(head, tls.accept(paced)).await {
            Ok(Ok(stream)) => requests(stream, link, state, told).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

/// Waits until the server is told to stop.
async fn stopping(told: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is a stop as well.
    let _ = told.wait_for(|stop| *stop).await;
}

async fn requests<T>(stream: T, link: Arc<Link>, state: Arc<State>, mut told: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let head = state.limits.head;
    let service = service_fn(move |request: Request<Incoming>| {
        handle(Arc::clone(&state), Arc::clone(&link), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping(&mut told) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection to the console.
async fn console_connection(stream: TcpStream, state: Arc<State>, mut told: watch::Receiver<bool>) {
    let head = state.limits.head;
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(console::answer(&state, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopping(&mut told) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
