//! The Kubernetes storage driver: CSI 1.11's identity, controller and node services over mounts of ossplit.
//!
//! [`run`] serves them on a Unix socket. A volume's way: its attributes and Secret become a `Volume` (`volume`), that a command
//! line in ossfs's dialect, that a mount (`host`), and each pod gets a bind mount of it (`node`).

mod attributes;
mod budget;
mod cluster;
mod controller;
mod files;
mod host;
mod identity;
mod keys;
mod listen;
mod locks;
mod metrics;
mod node;
mod place;
mod registration;
mod secret;
mod state;
mod volume;
mod words;

pub use volume::Rrsa;

use cluster::Cluster;
use controller::{Controller, ControllerService, Records};
use identity::Identity;
use locks::Locks;
use metrics::{Counted, Metrics};
use node::{Node, NodeService};
use ossplit_csi_proto::csi::{
    controller_server::ControllerServer, identity_server::IdentityServer, node_server::NodeServer,
};
use state::State;
use std::{future::Future, io, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc};
use tonic::transport::Server;

/// The driver's name in Kubernetes.
pub const DRIVER: &str = "ossplugin.csi.alibabacloud.com";

/// How the driver is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Socket to serve on.
    pub socket: PathBuf,
    /// This node's name, when volumes are mounted here.
    pub node: Option<String>,
    /// Whether volumes are made here for `StorageClasses`.
    pub controller: bool,
    /// `HOST:PORT` of the API server: claims are provisioned without a sidecar, and volumes of other controllers found.
    pub api_server: Option<String>,
    /// Where it is noted what is mounted.
    pub state_dir: PathBuf,
    /// kubelet's folder of registration sockets; without it a sidecar registers the driver.
    pub registration_dir: Option<PathBuf>,
    /// The socket as kubelet sees it.
    pub kubelet_socket: PathBuf,
    /// Socket of the keeper that holds this node's mounts; without one each mount has a keeper of its own.
    pub keeper: Option<PathBuf>,
    /// Address of `GET /metrics`.
    pub metrics: Option<SocketAddr>,
    /// Bytes of memory that all volumes may use for data.
    pub memory: u64,
    /// For volumes with authType rrsa.
    pub rrsa: Rrsa,
    /// The Security Token Service.
    pub sts: String,
}

/// Where STS is when nothing else is said.
pub const STS: &str = ossplit::credentials::Sts::ADDRESS;

/// Serves until `end`; mounts go on without it.
///
/// # Errors
/// What can't be listened on or written, and kubelet's refusal.
pub async fn run(config: Config, end: impl Future<Output = ()>) -> io::Result<()> {
    let mut end = pin!(end);
    let state = State::open(&config.state_dir).map_err(|error| {
        let place = config.state_dir.display();
        io::Error::new(error.kind(), format!("--state-dir {place}: {error}"))
    })?;
    let metrics = Metrics::default();
    let identity = Identity {
        controller: config.controller,
        node: config.node.is_some(),
        state: state.clone(),
    };
    let mut router =
        Server::builder().add_service(Counted::new(IdentityServer::new(identity), &metrics));
    if config.controller {
        let cluster = config.api_server.as_deref().map(Cluster::of_this_pod);
        let cluster = cluster.transpose().map_err(io::Error::other)?;
        let controller = Arc::new(Controller {
            records: Records::open(&config.state_dir)?,
            rrsa: config.rrsa.clone(),
            locks: Locks::default(),
            scratch: config.state_dir.clone(),
            cluster: cluster.clone(),
        });
        if let Some(cluster) = cluster {
            tokio::spawn(cluster::provision(cluster, Arc::clone(&controller)));
        }
        let service = ControllerServer::new(ControllerService(controller));
        router = router.add_service(Counted::new(service, &metrics));
    }
    if let Some(id) = &config.node {
        let node = Arc::new(Node {
            id: id.clone(),
            state: state.clone(),
            keys: keys::Keys::new(&config.sts),
            host: host::Host::new(config.keeper.clone()),
            rrsa: config.rrsa.clone(),
            memory: config.memory,
            locks: Locks::default(),
            giving: parking_lot::Mutex::default(),
        });
        // Before kubelet can ask for anything. It may wait long, for the keeper.
        let swept = tokio::select! {
            swept = node.sweep() => swept?,
            () = &mut end => return Ok(()),
        };
        tracing::info!(?swept, "what was there at start");
        let service = NodeServer::new(NodeService(node));
        router = router.add_service(Counted::new(service, &metrics));
    }
    let incoming = listen::on(&config.socket)?;
    tracing::info!(socket = %config.socket.display(), "ready");
    let registered = async {
        match &config.registration_dir {
            Some(folder) => {
                let endpoint = config.kubelet_socket.to_string_lossy();
                registration::serve(folder, &endpoint).await
            }
            None => std::future::pending().await,
        }
    };
    let measured = async {
        match config.metrics {
            Some(address) => {
                let mounts = config.node.is_some().then(|| state.clone());
                metrics::serve(address, metrics.clone(), mounts).await
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        served = router.serve_with_incoming(incoming) => served.map_err(io::Error::other),
        ended = registered => ended,
        ended = measured => ended,
        () = &mut end => Ok(()),
    }
}
