//! Prometheus figures: what was asked, how it ended, how long it took, and how the mounts do. Labels are names of calls and
//! codes, never of volumes: a node's figures stay few.

use crate::{
    place::{self, Health},
    state::State,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tonic::{Code, codegen::Service, server::NamedService};

/// Upper bounds of the histogram of durations, in seconds.
const BOUNDS: [f64; 6] = [0.01, 0.1, 0.5, 2.0, 8.0, 30.0];
/// Who scrapes may take this long to ask.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default, Clone, Copy)]
struct Cell {
    count: u64,
    seconds: f64,
    within: [u64; BOUNDS.len()],
}

/// Figures of all calls.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<BTreeMap<(String, CodeName), Cell>>>);

/// A code as gRPC writes it.
type CodeName = &'static str;

impl Metrics {
    fn ended(&self, call: &str, code: Code, took: Duration) {
        let mut cells = self.0.lock();
        let cell = cells.entry((call.to_owned(), name(code))).or_default();
        let seconds = took.as_secs_f64();
        cell.count += 1;
        cell.seconds += seconds;
        for (within, bound) in cell.within.iter_mut().zip(BOUNDS) {
            *within += u64::from(seconds <= bound);
        }
    }

    async fn text(&self, state: Option<&State>) -> String {
        let mut out = String::new();
        let cells = self.0.lock().clone();
        out += "# HELP ossplit_csi_call_seconds How long calls of CSI took.\n";
        out += "# TYPE ossplit_csi_call_seconds histogram\n";
        for ((call, code), cell) in &cells {
            let labels = format!("call=\"{call}\",code=\"{code}\"");
            let mut bucket = |bound: &str, count: u64| {
                let _ = writeln!(
                    out,
                    "ossplit_csi_call_seconds_bucket{{{labels},le=\"{bound}\"}} {count}"
                );
            };
            for (bound, within) in BOUNDS.iter().zip(cell.within) {
                bucket(&bound.to_string(), within);
            }
            bucket("+Inf", cell.count);
            let _ = writeln!(
                out,
                "ossplit_csi_call_seconds_sum{{{labels}}} {}",
                cell.seconds
            );
            let _ = writeln!(
                out,
                "ossplit_csi_call_seconds_count{{{labels}}} {}",
                cell.count
            );
        }
        if let Some(state) = state {
            self.mounts(state, &mut out).await;
        }
        out
    }

    async fn mounts(&self, state: &State, out: &mut String) {
        let recorded = state.recorded().unwrap_or_default();
        let (mut counts, mut targets, mut memory) = ([0_u32; 4], 0, 0);
        let mut asking = Vec::new();
        for (folder, record) in &recorded {
            targets += record.targets.len();
            memory += record.memory;
            let path = folder.mountpoint();
            // All at once: those that don't answer are waited for together.
            asking.push(tokio::spawn(async move {
                match place::on(&path) {
                    Ok(Some(_)) => match place::health(&path).await {
                        Health::Alive => 0,
                        Health::Dead => 1,
                        Health::Silent => 2,
                    },
                    Ok(None) | Err(_) => 3,
                }
            }));
        }
        for asked in asking {
            if let Ok(how) = asked.await {
                counts[how] += 1;
            }
        }
        *out += "# HELP ossplit_csi_mounts Volumes that this node holds, by how their mounts do.\n";
        *out += "# TYPE ossplit_csi_mounts gauge\n";
        for (how, count) in ["alive", "dead", "silent", "absent"].iter().zip(counts) {
            let _ = writeln!(out, "ossplit_csi_mounts{{state=\"{how}\"}} {count}");
        }
        *out += "# HELP ossplit_csi_targets Pods' targets that show a volume.\n";
        *out += "# TYPE ossplit_csi_targets gauge\n";
        let _ = writeln!(out, "ossplit_csi_targets {targets}");
        *out +=
            "# HELP ossplit_csi_memory_budget_bytes Memory that the volumes may use for data.\n";
        *out += "# TYPE ossplit_csi_memory_budget_bytes gauge\n";
        let _ = writeln!(out, "ossplit_csi_memory_budget_bytes {memory}");
    }
}

/// Answers every request with the figures, until the process ends.
pub(crate) async fn serve(
    address: SocketAddr,
    metrics: Metrics,
    state: Option<State>,
) -> io::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("--metrics {address}: {error}")))?;
    loop {
        let (mut stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a scrape could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // One at a time: who scrapes a node does so once in a while.
        let answer = async {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await?;
            let asks = |path: &str| request[..read].starts_with(format!("GET {path} ").as_bytes());
            let (status, body) = if asks("/metrics") {
                ("200 OK", metrics.text(state.as_ref()).await)
            } else if asks("/healthz") {
                ("200 OK", "ok\n".to_owned())
            } else {
                ("404 Not Found", "GET /metrics or /healthz\n".to_owned())
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        };
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer).await {
            tracing::debug!(%error, "a scrape broke off");
        }
    }
}

/// A service whose calls are counted.
#[derive(Clone)]
pub(crate) struct Counted<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Counted<S> {
    pub(crate) fn new(inner: S, metrics: &Metrics) -> Self {
        Self {
            inner,
            metrics: metrics.clone(),
        }
    }
}

impl<S: NamedService> NamedService for Counted<S> {
    const NAME: &'static str = S::NAME;
}

type Answer<B> = http::Response<B>;

impl<S, R, B> Service<http::Request<R>> for Counted<S>
where
    S: Service<http::Request<R>, Response = Answer<B>>,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send,
{
    type Response = Answer<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        let path = request.uri().path();
        let call = path.rsplit('/').next().unwrap_or(path).to_owned();
        let metrics = self.metrics.clone();
        let started = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // A refusal comes with its code in the headers; success has it behind the body.
            let code = answer.headers().get("grpc-status");
            let code = code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
            metrics.ended(&call, code, started.elapsed());
            if code != Code::Ok {
                tracing::info!(call, code = name(code), "refused");
            }
            Ok(answer)
        })
    }
}

/// As gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_counted_by_name_and_code() {
        let metrics = Metrics::default();
        metrics.ended("NodePublishVolume", Code::Ok, Duration::from_millis(50));
        metrics.ended("NodePublishVolume", Code::Ok, Duration::from_secs(3));
        metrics.ended("NodePublishVolume", Code::Aborted, Duration::ZERO);
        let text = metrics.text(None).await;
        for line in [
            r#"ossplit_csi_call_seconds_bucket{call="NodePublishVolume",code="OK",le="0.1"} 1"#,
            r#"ossplit_csi_call_seconds_bucket{call="NodePublishVolume",code="OK",le="+Inf"} 2"#,
            r#"ossplit_csi_call_seconds_count{call="NodePublishVolume",code="ABORTED"} 1"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
