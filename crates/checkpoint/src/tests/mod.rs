//! Checkpoints in the embedded server, over TCP, with its faults.

mod faults;
mod model;
mod ranks;
mod saves;

use crate::{Commit, Depth, Item, Location, Save, Staging, Store, Writer, WriterSettings};
use futures_util::future::BoxFuture;
use ossplit::{
    Client, ClientConfig, Key, PutObject,
    http::{Network, RequestBody, ResponseBody, Transport, TransportError, TransportErrorKind},
    retry::RetryPolicy,
};
use ossplit_server::{Config, FaultPlan, Server, counters::Counters, store::Store as Objects};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Runtime;

const BUCKET: &str = "bucket";
const PART: u64 = 128 << 10;

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A server, and a folder for what is local.
struct Place {
    runtime: Runtime,
    config: ClientConfig,
    counters: Arc<Counters>,
    folder: tempfile::TempDir,
    cut: Arc<Cut>,
}

impl Place {
    fn new() -> Self {
        Self::with_faults("")
    }

    fn with_faults(rules: &str) -> Self {
        let plan = format!("{{\"rules\": [{rules}]}}");
        let runtime = Runtime::new().unwrap();
        let server = Config {
            buckets: vec![BUCKET.into()],
            faults: Some(FaultPlan::parse(plan.as_bytes(), "test").unwrap()),
            ..Config::new(ossplit_server::Key {
                id: "id".into(),
                secret: "secret".into(),
                token: None,
            })
        };
        let server = runtime
            .block_on(Server::bind(server, Objects::in_memory()))
            .unwrap();
        let endpoint = format!("http://{}", server.address().unwrap());
        let counters = server.counters();
        runtime.spawn(server.run(std::future::pending()));
        let config = ClientConfig::new(&endpoint, "cn-local")
            .unwrap()
            .with_retry(RetryPolicy::default())
            .with_key(Key {
                id: "id".into(),
                secret: "secret".into(),
                token: None,
            });
        let entered = runtime.enter();
        let network = Network::new(&config).unwrap();
        let cut = Arc::new(Cut {
            network,
            left: AtomicI64::new(i64::MAX),
            answered: false.into(),
        });
        drop(entered);
        Self {
            runtime,
            config,
            counters,
            folder: tempfile::tempdir().unwrap(),
            cut,
        }
    }

    fn store(&self) -> Store {
        let client = Client::with_transport(self.config.clone(), self.cut.clone());
        Store::new(client, Location::parse("oss://bucket/run").unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> WriterSettings {
        WriterSettings {
            staging_dir: self.path("staging"),
            part_size: PART,
            timeout: Duration::from_secs(20),
            ..WriterSettings::default()
        }
    }

    fn writer(&self, settings: WriterSettings) -> Writer {
        let _entered = self.runtime.enter();
        Writer::new(self.store(), settings).unwrap()
    }

    /// Saves files that are staged on disk, so that they can be resumed.
    fn on_disk(&self) -> WriterSettings {
        WriterSettings {
            staging: Staging::Copy,
            ..self.settings()
        }
    }

    /// Writes files into a folder of their own.
    fn write(&self, files: &Files) -> PathBuf {
        let folder = self.path("logs");
        let _ = fs::remove_dir_all(&folder);
        for (name, bytes) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn save(&self, writer: &Writer, step: u64, files: &Files) -> Save {
        writer.save(step, &Item::folder(&self.write(files)).unwrap())
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn steps(&self) -> Vec<u64> {
        self.wait(self.store().list()).unwrap()
    }

    fn latest(&self) -> Option<Commit> {
        self.wait(self.store().latest()).unwrap()
    }

    /// What a committed step holds, once all its bytes are verified.
    fn files_of(&self, step: u64) -> Files {
        let verified = self.wait(self.store().verify(step, Depth::Bytes)).unwrap();
        assert!(
            verified.faults.is_empty(),
            "step {step}: {:?}",
            verified.faults
        );
        self.restored(step).unwrap()
    }

    /// What comes back of a step.
    fn restored(&self, step: u64) -> crate::Result<Files> {
        let store = self.store();
        let commit = self.wait(store.commit(step))?;
        let to = tempfile::tempdir().unwrap();
        self.wait(store.restore(&commit, to.path(), None))?;
        let items = Item::folder(to.path())?.into_iter();
        let read = |item: Item<'_>| {
            let bytes = fs::read(to.path().join(&item.name)).unwrap();
            (item.name, bytes)
        };
        Ok(items.map(read).collect())
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let keys = self
            .wait(self.store().keys(&format!("run/{prefix}")))
            .unwrap();
        keys.into_iter().collect()
    }

    fn requests(&self, operation: &str) -> u64 {
        let snapshot = self.counters.snapshot();
        let found = snapshot.operations.get(operation);
        found.map_or(0, |counts| counts.requests)
    }

    /// What waits in the staging folder.
    fn staged(&self) -> usize {
        fs::read_dir(self.path("staging")).map_or(0, Iterator::count)
    }
}

/// A network that ends after so many requests, as for a process that is killed.
struct Cut {
    network: Network,
    left: AtomicI64,
    /// Whether the last request still takes effect, and only its answer is lost.
    answered: std::sync::atomic::AtomicBool,
}

impl Cut {
    fn after(&self, requests: i64, takes_effect: bool) {
        self.answered.store(takes_effect, Ordering::SeqCst);
        self.left.store(requests, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }
}

impl Transport for Cut {
    fn send(
        &self,
        request: http::Request<RequestBody>,
    ) -> BoxFuture<'_, Result<http::Response<ResponseBody>, TransportError>> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        Box::pin(async move {
            let gone =
                || TransportError::before(TransportErrorKind::Connect, "the process is dead");
            if left > 0 {
                return self.network.send(request).await;
            }
            if left == 0 && self.answered.load(Ordering::SeqCst) {
                let _ = self.network.send(request).await;
            }
            Err(gone())
        })
    }
}

/// Bytes that differ by `seed`, and only in one block.
fn bytes(size: usize, seed: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
    if let Some(byte) = bytes.get_mut(size / 2) {
        *byte = byte.wrapping_add(seed);
    }
    bytes
}

fn files(seed: u8) -> Files {
    let large = bytes(5 * PART as usize + 77, seed);
    let of = |name: &str, bytes| (name.to_owned(), bytes);
    Files::from([
        of("checkpoint", format!("model.ckpt-{seed}").into_bytes()),
        of("empty", Vec::new()),
        of("sub/model.data", large),
        of("sub/same", bytes(3000, 0)),
    ])
}
