//! `ossplit csi`: the Kubernetes storage driver.
#![allow(
    clippy::doc_markdown,
    reason = "what is said of arguments is help, not Markdown"
)]

use crate::{env::Env, exit::Exit, printer};
use ossplit_csi::{Config, DRIVER, Rrsa};
use ossplit_mount::process;
use std::{net::SocketAddr, path::PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What of the driver runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Mounts volumes: on each node
    Node,
    /// Makes volumes for StorageClasses: once in a cluster
    Controller,
    /// Both
    All,
}

/// Arguments of `ossplit csi`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    given: Box<Given>,
}

/// What can be given; boxed, as it is so much more than other commands have.
#[derive(Debug, clap::Args)]
struct Given {
    /// Where to serve CSI: unix:///PATH.
    #[arg(long, value_name = "unix:///PATH", value_parser = socket)]
    endpoint: PathBuf,

    /// This node's name; otherwise KUBE_NODE_NAME.
    #[arg(long, value_name = "NAME")]
    node_id: Option<String>,

    /// What of the driver runs here.
    #[arg(long, value_enum, default_value_t = Mode::Node)]
    mode: Mode,

    /// Where it is noted what is mounted, and where volumes are mounted before pods see them.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,

    /// kubelet's folder of plugin sockets: the driver registers itself, with no sidecar.
    #[arg(long, value_name = "DIR")]
    registration_dir: Option<PathBuf>,

    /// The endpoint's path as kubelet sees it, when its folder has another name in this container.
    #[arg(long, value_name = "PATH")]
    kubelet_socket: Option<PathBuf>,

    /// Socket of the keeper (ossplit keeper --socket PATH) that holds the node's mounts while the driver is away;
    /// without one each mount has a keeper of its own.
    #[arg(long, value_name = "PATH")]
    keeper: Option<PathBuf>,

    /// Provision claims without a sidecar (in a pod of the cluster, with mode controller or all).
    #[arg(long)]
    provision: bool,

    /// Serve Prometheus' GET /metrics here.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,

    /// Memory for the data of all volumes of the node; otherwise half of the container's limit or of the machine.
    #[arg(long, value_name = "BYTES")]
    memory: Option<u64>,

    /// Account for volumes with authType rrsa that name a role without one.
    #[arg(long, value_name = "ID")]
    rrsa_account: Option<String>,

    /// ARN of the OIDC provider for volumes with authType rrsa that name none.
    #[arg(long, value_name = "ARN")]
    rrsa_oidc_provider: Option<String>,

    /// The Security Token Service, for authType rrsa.
    #[arg(long, value_name = "URL", default_value = ossplit_csi::STS)]
    sts_endpoint: String,
}

fn socket(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("unix://") {
        Some(path) if path.starts_with('/') => Ok(path.into()),
        _ => Err(format!(
            "write unix:///csi/csi.sock, for instance, not {text}"
        )),
    }
}

/// Serves until SIGTERM or SIGINT. Mounts go on.
pub(crate) fn run(args: &Args, env: &Env) -> Exit {
    let args = &*args.given;
    match configure(args, env) {
        Ok(config) => serve(config, env),
        Err(why) => {
            printer::error(&why);
            Exit::Usage
        }
    }
}

fn configure(args: &Given, env: &Env) -> Result<Config, String> {
    let name = args.node_id.as_deref().or(env.get("KUBE_NODE_NAME"));
    let node = match (args.mode, name) {
        (Mode::Controller, _) => None,
        (Mode::Node | Mode::All, Some(name)) => Some(name.to_owned()),
        (Mode::Node | Mode::All, None) => {
            return Err("the node has no name; give --node-id, or set KUBE_NODE_NAME".into());
        }
    };
    let controller = args.mode != Mode::Node;
    let host = env.get("KUBERNETES_SERVICE_HOST");
    let api_server = match (args.provision, host) {
        (false, _) => None,
        (true, _) if !controller => {
            return Err("--provision is for --mode controller or all".into());
        }
        (true, None) => {
            return Err(
                "--provision needs a cluster: this is no pod (KUBERNETES_SERVICE_HOST is not set)"
                    .into(),
            );
        }
        (true, Some(host)) => {
            let port = env.get("KUBERNETES_SERVICE_PORT").unwrap_or("443");
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.to_owned()
            };
            Some(format!("{host}:{port}"))
        }
    };
    Ok(Config {
        socket: args.endpoint.clone(),
        node,
        controller,
        api_server,
        state_dir: std::path::absolute(&args.state_dir).map_err(|error| error.to_string())?,
        registration_dir: args.registration_dir.clone(),
        kubelet_socket: args
            .kubelet_socket
            .clone()
            .unwrap_or_else(|| args.endpoint.clone()),
        keeper: args.keeper.clone(),
        metrics: args.metrics,
        memory: args.memory.unwrap_or_else(|| process::memory_limit() / 2),
        rrsa: Rrsa {
            account: args.rrsa_account.clone(),
            provider_arn: args.rrsa_oidc_provider.clone(),
        },
        sts: args.sts_endpoint.clone(),
    })
}

fn serve(config: Config, env: &Env) -> Exit {
    let filter = EnvFilter::new(env.get("RUST_LOG").unwrap_or("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    log.init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            printer::error(&format!("can't start threads: {error}"));
            return Exit::Failed;
        }
    };
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        ossplit_csi::run(config, async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await
    });
    // A call that waits for a mount that hangs must not hold the process.
    runtime.shutdown_background();
    match served {
        Ok(()) => Exit::Done,
        Err(error) => {
            printer::error(&format!("{DRIVER}: {error}"));
            Exit::Failed
        }
    }
}
