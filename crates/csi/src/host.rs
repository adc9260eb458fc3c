//! Who serves a volume: the one place that starts and ends a mount's processes.
//!
//! With a keeper (in a cluster, a `DaemonSet` of its own) the mount's descriptors and state are there, and the serving
//! process is a child of this one: it ends with the driver, requests wait, and the next driver, perhaps of another
//! version, goes on with them. Without one, `ossplit mount` of this program makes a mount that has a keeper of its own
//! and does not need the driver.

use crate::place;
use ossplit_mount::{
    dialect::CommandLine,
    keeper::{self, Client, HeldMount},
    options::{Carried, Surroundings, Written},
    process,
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{process::Command, sync::oneshot};

/// How long a mount that a keeper holds may take to be served again, before kubelet may ask for others.
const RESUME: Duration = Duration::from_secs(20);

/// How long the serving processes of the driver before, which end with it, may take for that.
const LET_GO: Duration = Duration::from_secs(5);

/// How often it is looked whether they have ended: pods wait for it.
const LOOK: Duration = Duration::from_millis(10);

/// How long to wait before a keeper that is not there is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves volumes.
pub(crate) enum Host {
    /// Each mount has a keeper of its own.
    Own,
    /// One keeper holds them all.
    Kept(Kept),
}

/// The keeper on a socket, and what is served of it here.
pub(crate) struct Kept {
    socket: PathBuf,
    /// By the mount's name: closing it leaves the mount to the keeper.
    serving: Mutex<HashMap<String, OwnedFd>>,
}

impl Host {
    pub(crate) fn new(keeper: Option<PathBuf>) -> Self {
        match keeper {
            None => Self::Own,
            Some(socket) => Self::Kept(Kept {
                socket,
                serving: Mutex::default(),
            }),
        }
    }

    /// Starts a mount, which `name` is the name of, and returns when it is usable.
    ///
    /// # Errors
    /// One sentence with cause and mend. Nothing is mounted then.
    pub(crate) async fn start(
        &self,
        name: &str,
        line: &CommandLine,
        around: &Surroundings,
    ) -> Result<(), String> {
        match self {
            Self::Own => own(line).await,
            Self::Kept(kept) => {
                // Its log goes to the driver's, which `kubectl logs` shows.
                let line = CommandLine {
                    foreground: true,
                    ..line.clone()
                };
                let words = Carried::new(&line, around);
                kept.register(name, words).await?;
                kept.serve(name, line.mountpoint).await
            }
        }
    }

    /// Goes on with what the keeper holds: `place_of` says where a mount is, or that nobody wants it any more.
    pub(crate) async fn resume(
        &self,
        place_of: impl Fn(&str) -> Option<PathBuf>,
    ) -> io::Result<()> {
        let Self::Kept(kept) = self else {
            return Ok(());
        };
        let mut starting = Vec::new();
        let held = kept.held().await;
        for mount in held {
            if let Some(place) = place_of(&mount.mount) {
                let usable = kept.begin(&mount.mount, place)?;
                starting.push((mount.mount, usable));
            } else {
                tracing::warn!(
                    mount = mount.mount,
                    "nobody wants what the keeper holds: it ends"
                );
                kept.release(&mount.mount).await;
            }
        }
        let end = tokio::time::Instant::now() + RESUME;
        for (name, usable) in starting {
            match tokio::time::timeout_at(end, usable).await {
                Ok(Ok(Ok(()))) => tracing::info!(mount = name, "served again"),
                Ok(Ok(Err(failure))) => {
                    tracing::error!(mount = name, failure, "it can't be served again");
                }
                Ok(Err(_)) | Err(_) => tracing::warn!(mount = name, "not served again yet"),
            }
        }
        Ok(())
    }

    /// Ends a mount in good order: what was written is in OSS when this returns.
    ///
    /// # Errors
    /// One sentence; the mount may be there yet.
    pub(crate) async fn end(&self, name: &str, mountpoint: &Path) -> Result<(), String> {
        let path = mountpoint.to_owned();
        let orderly = tokio::task::spawn_blocking(move || process::unmount(&path)).await;
        if let Err(failure) = orderly.map_err(|error| error.to_string())? {
            tracing::warn!(%failure, "the mount does not end in good order: it is detached");
        }
        self.give_up(name, mountpoint).await
    }

    /// Takes a mount away that does not answer, with all that is held for it.
    ///
    /// # Errors
    /// One sentence; the mount may be there yet.
    pub(crate) async fn give_up(&self, name: &str, mountpoint: &Path) -> Result<(), String> {
        let cleared = place::clear(mountpoint);
        if let Self::Kept(kept) = self {
            kept.serving.lock().remove(name);
            kept.release(name).await;
        }
        cleared.map_err(|error| error.to_string())
    }
}

impl Kept {
    /// What the keeper holds, and nobody serves any more. Nothing can be done without it, so it is waited for.
    async fn held(&self) -> Vec<HeldMount> {
        let end = tokio::time::Instant::now() + LET_GO;
        loop {
            let socket = self.socket.clone();
            match blocking(move || Client::connect(&socket)?.list()).await {
                Ok(held)
                    if held.iter().any(|mount| mount.served_by.is_some())
                        && tokio::time::Instant::now() < end =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                Ok(held) => return held,
                Err(error) => {
                    let socket = self.socket.display();
                    tracing::warn!(
                        "the keeper on {socket}: {error}; waiting for it (DaemonSet keeper)"
                    );
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn register(&self, name: &str, words: Carried) -> Result<(), String> {
        let (socket, mount) = (self.socket.clone(), name.to_owned());
        let registered = blocking(move || {
            let client = Client::connect(&socket)?;
            // What a driver that died in the midst of this left is no mount.
            let _ = client.release(&mount);
            keeper::register(&client, &mount, "", &words)
        });
        registered.await.map_err(|error| {
            format!(
                "the keeper on {} does not take the volume: {error}; its pod (DaemonSet keeper) must run on this node",
                self.socket.display()
            )
        })
    }

    async fn release(&self, name: &str) {
        let (socket, mount) = (self.socket.clone(), name.to_owned());
        // One that is gone, or that knows nothing of it, holds nothing.
        let _ = blocking(move || Client::connect(&socket)?.release(&mount)).await;
    }

    /// Has a thread serve the mount; tells when it is usable, or why it is not.
    fn begin(
        &self,
        name: &str,
        place: PathBuf,
    ) -> io::Result<oneshot::Receiver<Result<(), String>>> {
        let (ours, theirs) =
            io::pipe().map(|(read, write)| (OwnedFd::from(write), OwnedFd::from(read)))?;
        let (tell, usable) = oneshot::channel();
        let (socket, mount) = (self.socket.clone(), name.to_owned());
        self.serving.lock().insert(name.to_owned(), ours);
        let work = move || {
            let tell = Mutex::new(Some(tell));
            let say = |how: Result<(), String>| {
                if let Some(tell) = tell.lock().take() {
                    let _ = tell.send(how);
                }
            };
            let ended = keeper::serve(&socket, &mount, &place, theirs.as_fd(), || say(Ok(())));
            match ended {
                Ok(how) => tracing::debug!(mount, ?how, "not served here any more"),
                Err(failure) => {
                    tracing::warn!(mount, %failure, "the mount has ended");
                    say(Err(failure.to_string()));
                }
            }
        };
        // A thread of its own, which lives as long as the serving process: that ends with its thread.
        std::thread::Builder::new()
            .name("ossplit-serves".into())
            .spawn(work)?;
        Ok(usable)
    }

    async fn serve(&self, name: &str, place: PathBuf) -> Result<(), String> {
        let usable = self.begin(name, place);
        let usable = usable.map_err(|error| format!("can't start a thread: {error}"))?;
        let died = |_| Err("the thread that serves the volume has ended".to_owned());
        usable.await.unwrap_or_else(died)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// `ossplit mount`, which returns when the mount is usable, or says why not.
async fn own(line: &CommandLine) -> Result<(), String> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("mount")
        .arg(format!("{}:/{}", line.bucket, line.prefix))
        .arg(&line.mountpoint);
    for option in &line.options {
        command.arg("-o").arg(word(option));
    }
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .await
        .map_err(|error| format!("can't start the volume's process: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let Some(said) = said.lines().last() else {
        return Err(format!(
            "the volume's process ended before it was usable ({})",
            output.status
        ));
    };
    Err(said.strip_prefix("ossplit: ").unwrap_or(said).to_owned())
}

/// An option as it is typed: with commas that are no separators.
fn word(option: &Written) -> String {
    let name = option.spec.name;
    match &option.value {
        Some(value) => format!("{name}={}", value.replace('\\', r"\\").replace(',', r"\,")),
        None => name.to_owned(),
    }
}
