//! `ossplit serve` as a child process.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
};

/// The key that every test server has.
pub const KEY_ID: &str = "test-key";
/// Its secret.
pub const KEY_SECRET: &str = "test-secret-0123456789";

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// `--data DIR`; in memory when absent.
    pub data: Option<PathBuf>,
    /// `--listen ADDR`; a free port of loopback when absent.
    pub listen: Option<String>,
    /// `--latency MS`.
    pub latency: u64,
    /// Buckets made at start; `data` when empty.
    pub buckets: Vec<String>,
    /// Further arguments.
    pub more: Vec<String>,
    /// A file for all that is logged, at the level `trace`; what the test prints when absent.
    pub log: Option<PathBuf>,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// `127.0.0.1:PORT` of the console.
    pub console: String,
}

impl Server {
    /// Starts with an in-memory store and the bucket `data`.
    pub fn start() -> Self {
        Self::with(&ServerOptions::default())
    }

    /// Starts as told and waits until it accepts.
    ///
    /// # Panics
    /// When it does not say that it is ready.
    pub fn with(options: &ServerOptions) -> Self {
        let mut command = Command::new(crate::ossplit());
        command.args([
            "serve",
            "--listen",
            options.listen.as_deref().unwrap_or("127.0.0.1:0"),
            "--console",
            "127.0.0.1:0",
        ]);
        match &options.data {
            Some(folder) => command.arg("--data").arg(folder),
            None => command.arg("--memory"),
        };
        if options.latency > 0 {
            command.args(["--latency", &options.latency.to_string()]);
        }
        if options.buckets.is_empty() {
            command.args(["--bucket", "data"]);
        }
        for bucket in &options.buckets {
            command.args(["--bucket", bucket]);
        }
        command
            .args(&options.more)
            .env("OSS_ACCESS_KEY_ID", KEY_ID)
            .env("OSS_ACCESS_KEY_SECRET", KEY_SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(log) = &options.log {
            let log = std::fs::File::create(log).expect("the log can be made");
            command.env("RUST_LOG", "trace").stderr(log);
        }
        let mut child = command.spawn().expect("ossplit serve can be started");
        let lines = lines_of(&mut child);
        let mut console = None;
        loop {
            let line = lines
                .recv_timeout(crate::DEADLINE)
                .unwrap_or_else(|e| panic!("ossplit serve never said that it is ready: {e}"));
            if let Some((_, address)) = line.split_once("console on http://") {
                console = Some(address.trim().to_owned());
            }
            if let Some((_, address)) = line.split_once("ready on http://") {
                return Self {
                    child,
                    address: address.trim().to_owned(),
                    console: console.expect("the console's line comes first"),
                };
            }
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Requests since the last reset, by operation.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        crate::console::requests(&self.console)
    }

    /// Sets the counters to zero.
    pub fn reset(&self) {
        crate::console::reset(&self.console);
    }

    /// Misbehaves from now on as a plan says (`docs/faults.md`).
    pub fn set_faults(&self, plan: &str) {
        crate::console::set_faults(&self.console, plan);
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; gives the exit status.
    pub fn stop(mut self) -> i32 {
        signal(self.child.id(), rustix::process::Signal::TERM);
        let status = crate::until_some("the server to stop", || {
            self.child.try_wait().expect("a child can be waited for")
        });
        status.code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let stdout = child.stdout.take().expect("stdout is piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Sends a signal to a process; one that is gone already gets none.
///
/// # Panics
/// When it may not be sent.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a pid is above zero");
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{pid:?}: {error}"),
    }
}
