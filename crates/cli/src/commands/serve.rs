//! `ossplit serve`: the embedded server.

use crate::{env::Env, exit::Exit, printer};
use ossplit_server::{
    Config, FaultPlan, InvalidBucketName, Key, KeyRing, Limits, Server, Tls, check_bucket,
    load_or_make, store::Store,
};
use std::{
    convert::Infallible,
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Arguments of `ossplit serve`.
#[derive(Debug, clap::Args)]
#[command(
    about = "Start the embedded OSS-compatible server",
    group(clap::ArgGroup::new("place").required(true).args(["data", "memory"])),
    after_help = "\
The key is --access-key-id and --access-key-secret, or OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET
in the environment, which other users can't see in the process list (with OSS_SESSION_TOKEN, clients
must send that token as well). With --data and no key, the id is 'ossplit' and the secret is made at
first start and kept in DIR/access-key, mode 600: 'ossplit serve --show-key --data DIR' prints both.
With --memory and no key, the key lasts as long as the server, which prints how to see it.
A --keys FILE in which some key may do everything needs no other key; temporary keys of the roles in
it come from the console (AssumeRole, and an ECS instance's metadata): see docs/identity.md."
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: Box<Given>,
}

/// What can be given; boxed, as it is so much more than other commands have.
#[derive(Debug, clap::Args)]
struct Given {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000", value_parser = address)]
    listen: SocketAddr,

    /// Keep everything in this directory, which is made if needed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Keep everything in memory; it is gone when the server stops.
    #[arg(long)]
    memory: bool,

    /// Region that V4 signatures must name.
    #[arg(long, default_value = "cn-local")]
    region: String,

    /// Key that clients must sign with.
    #[arg(long, value_name = "ID", requires = "access_key_secret")]
    access_key_id: Option<String>,

    /// Its secret.
    #[arg(long, value_name = "SECRET", requires = "access_key_id")]
    access_key_secret: Option<Secret>,

    /// Keys with roles, and roles that can be assumed: a JSON file (docs/identity.md).
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Make this bucket if it is not there; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = bucket_name)]
    bucket: Vec<String>,

    /// Milliseconds added to each request, as if the server were far away.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,

    /// Milliseconds that the restore of an archived object takes.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    restore_time: u64,

    /// Seconds between two runs of the lifecycle rules; 0 for none.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    lifecycle_interval: u64,

    /// Let callbacks go to other machines, not to loopback addresses alone.
    #[arg(long)]
    callbacks_anywhere: bool,

    /// Bytes per second that each connection may carry each way; 0 for no limit.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    bandwidth: u64,

    /// What goes wrong on purpose: a JSON file of rules (docs/faults.md); the console can change it.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Address of the console: GET /counters, GET /metrics, PUT /faults; docs/faults.md has the rest.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    console: Option<SocketAddr>,

    /// Connections that may be open at once; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,

    /// Domain whose names below are buckets, besides localhost; may be given several times.
    #[arg(long, value_name = "NAME")]
    domain: Vec<String>,

    /// Certificate chain in PEM: serve HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Allow plain HTTP on addresses that other machines can reach.
    #[arg(long)]
    insecure_http: bool,

    /// Print the key of --data DIR (made if needed) and exit.
    #[arg(long, requires = "data")]
    show_key: bool,
}

/// A secret in an argument: `Debug` does not show it.
#[derive(Clone)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    let parsed = numeric.parse();
    parsed.map_err(|_| "an address is IP:PORT, such as 127.0.0.1:9000".to_owned())
}

fn bucket_name(name: &str) -> Result<String, InvalidBucketName> {
    check_bucket(name).map(|()| name.to_owned())
}

/// Why the command ends early.
struct Refusal(Exit, String);

fn usage(text: impl Into<String>) -> Refusal {
    Refusal(Exit::Usage, text.into())
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn failed(error: impl fmt::Display) -> Refusal {
    Refusal(Exit::Failed, error.to_string())
}

/// Runs the server until a signal ends it.
pub(crate) fn run(args: &Args, env: &Env) -> Exit {
    let filter = EnvFilter::new(env.get("RUST_LOG").unwrap_or("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // Already set only in tests.
    let _ = log.with_writer(io::stderr).try_init();
    match serve(&args.given, key_of(env)) {
        Ok(()) => Exit::Done,
        Err(Refusal(exit, text)) => {
            printer::error(&text);
            exit
        }
    }
}

/// The key in the environment.
fn key_of(env: &Env) -> Option<Key> {
    Some(Key {
        id: env.get("OSS_ACCESS_KEY_ID")?.to_owned(),
        secret: env.get("OSS_ACCESS_KEY_SECRET")?.to_owned(),
        token: env.get("OSS_SESSION_TOKEN").map(str::to_owned),
    })
}

/// A folder for the key of a server that has no data directory; gone when the server stops.
struct KeyFolder(PathBuf);

impl KeyFolder {
    fn make() -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.map_or(0, |elapsed| elapsed.subsec_nanos());
        let name = format!("ossplit-serve-{}-{nanos:08x}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Fails if somebody else made it: then nobody else can look into it.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for KeyFolder {
    fn drop(&mut self) {
        // What can't be removed is of no use to anybody once the server is gone.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Refuses to be reached from other machines by mistake.
fn check_reach(args: &Given, has_key: bool) -> Result<(), Refusal> {
    let listen = args.listen;
    let mut mends = Vec::new();
    if !has_key {
        mends.push("a key (--access-key-id and --access-key-secret)");
    }
    if args.tls_cert.is_none() && !args.insecure_http {
        mends.push(
            "--tls-cert and --tls-key (or --insecure-http, to serve plain HTTP all the same)",
        );
    }
    if !listen.ip().is_loopback() && !mends.is_empty() {
        return Err(usage(format!(
            "{listen} can be reached from other machines: give {}, or listen on 127.0.0.1",
            mends.join(" and ")
        )));
    }
    match args.console {
        Some(console) if !console.ip().is_loopback() && !args.insecure_http => Err(usage(format!(
            "the console has no key, and {console} can be reached from other machines: give it an address like 127.0.0.1:9001, or --insecure-http"
        ))),
        _ => Ok(()),
    }
}

fn serve(args: &Given, from_environment: Option<Key>) -> Result<(), Refusal> {
    let key_error = |error: io::Error| failed(format!("can't keep the key: {error}"));
    if args.show_key {
        let folder = args.data.as_ref();
        let folder = folder.ok_or_else(|| usage("--show-key needs --data DIR"))?;
        let key = load_or_make(folder).map_err(key_error)?;
        printer::line(&format!("{}\n{}", key.id, key.secret));
        return Ok(());
    }
    let given = match (&args.access_key_id, &args.access_key_secret) {
        (Some(id), Some(secret)) => Some(Key {
            id: id.clone(),
            secret: secret.0.clone(),
            token: None,
        }),
        _ => from_environment,
    };
    let ring = args.keys.as_deref().map(KeyRing::of_file).transpose();
    let ring = ring.map_err(|error| usage(error.to_string()))?;
    let enough = ring.as_ref().is_some_and(KeyRing::has_owner);
    check_reach(args, given.is_some() || enough)?;
    let faults = args.faults.as_deref().map(FaultPlan::of_file).transpose();
    let faults = faults.map_err(|error| usage(error.to_string()))?;
    let mut of_run = None;
    let store = match &args.data {
        Some(folder) => Store::in_directory(folder).map_err(failed)?,
        None => Store::in_memory(),
    };
    // A file with an owner's key needs no other.
    let key = match (&args.data, given) {
        (_, Some(key)) => Some(key),
        (_, None) if enough => None,
        (Some(folder), None) => Some(load_or_make(folder).map_err(key_error)?),
        (None, None) => {
            let folder = KeyFolder::make().map_err(key_error)?;
            let key = load_or_make(&folder.0).map_err(key_error)?;
            of_run = Some(folder);
            Some(key)
        }
    };
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let config = Config {
        listen: args.listen,
        console: args.console,
        region: args.region.clone(),
        keys: key.into_iter().collect(),
        key_ring: ring.unwrap_or_default(),
        buckets: args.bucket.clone(),
        domains: args.domain.clone(),
        latency: Duration::from_millis(args.latency),
        restore_time: Duration::from_millis(args.restore_time),
        callbacks_anywhere: args.callbacks_anywhere,
        lifecycle_interval: Duration::from_secs(args.lifecycle_interval),
        bandwidth: args.bandwidth,
        tls: tls.map(|(certificate, key)| Tls { certificate, key }),
        faults,
        limits: Limits {
            connections: args.max_connections as usize,
            ..Limits::default()
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(until_stopped(config, store, of_run.as_ref()))
}

async fn until_stopped(
    config: Config,
    store: Store,
    key_folder: Option<&KeyFolder>,
) -> Result<(), Refusal> {
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let server = Server::bind(config, store).await.map_err(failed)?;
    let address = server.address().map_err(failed)?;
    if let Some(console) = server.console_address() {
        let console = console.map_err(failed)?;
        printer::line(&format!("ossplit serve: console on http://{console}"));
    }
    if let Some(KeyFolder(folder)) = key_folder {
        printer::line(&format!(
            "ossplit serve: key of this run: ossplit serve --show-key --data {}",
            folder.display()
        ));
    }
    printer::line(&format!("ossplit serve: ready on {scheme}://{address}"));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.run(stop).await;
    Ok(())
}
