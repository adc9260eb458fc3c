//! What the targets that talk to the server share.

use ossplit_server::{Config, Key, Server, store::Store};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Runtime,
};

/// Runs after which a new server begins with an empty store, so that memory stays bounded.
const RUNS: usize = 2000;

/// The key that the server knows.
pub fn key() -> Key {
    Key {
        id: "id".into(),
        secret: "secret".into(),
        token: None,
    }
}

/// A server in this process, in memory, with the bucket `bucket`, which anybody may use.
pub struct Target {
    runtime: Runtime,
    server: Option<Server>,
    runs: usize,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime of one thread"),
            server: None,
            runs: 0,
        }
    }
}

async fn start() -> Server {
    let store = Store::in_memory();
    let (class, redundancy) = Default::default();
    let acl = Some(ossplit_server::store::Acl::PublicReadWrite);
    store
        .create_bucket("bucket", class, redundancy, acl)
        .await
        .expect("a bucket in memory");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        console: None,
        region: "cn-local".into(),
        keys: vec![key()],
        key_ring: ossplit_server::KeyRing::default(),
        buckets: Vec::new(),
        domains: Vec::new(),
        latency: Duration::ZERO,
        restore_time: Duration::ZERO,
        callbacks_anywhere: false,
        lifecycle_interval: Duration::ZERO,
        bandwidth: 0,
        tls: None,
        faults: None,
        limits: ossplit_server::Limits::default(),
    };
    Server::bind(config, store).await.expect("a free port")
}

impl Target {
    /// Sends `bytes` on one connection. The server may answer what it likes but an internal error,
    /// and must come to an end.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.runs == RUNS {
            self.server = None;
            self.runs = 0;
        }
        self.runs += 1;
        let Self {
            runtime, server, ..
        } = self;
        runtime.block_on(async {
            if server.is_none() {
                *server = Some(start().await);
            }
            let server = server.as_ref().expect("started above");
            let (mut near, far) = tokio::io::duplex(1 << 16);
            let client = async {
                // The server may close before it has read all.
                let _ = near.write_all(bytes).await;
                let _ = near.shutdown().await;
                let mut answer = Vec::new();
                let _ = near.read_to_end(&mut answer).await;
                answer
            };
            let (answer, ()) = tokio::join!(client, server.serve_stream(far));
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.starts_with("HTTP/1.1 500"), "{text}");
        });
    }
}
