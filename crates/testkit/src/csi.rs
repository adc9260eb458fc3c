//! `ossplit csi` as a child process, asked as kubelet asks it.

use crate::{Server, server, until_some};
use ossplit_csi_proto::csi::{
    CreateVolumeRequest, DeleteVolumeRequest, NodeGetVolumeStatsRequest,
    NodeGetVolumeStatsResponse, NodePublishVolumeRequest, NodeStageVolumeRequest,
    NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest, ProbeRequest, Volume as MadeVolume,
    VolumeCapability,
    controller_client::ControllerClient,
    identity_client::IdentityClient,
    node_client::NodeClient,
    volume_capability::{AccessMode, AccessType, MountVolume},
};
use ossplit_csi_proto::registration::{
    InfoRequest, PluginInfo, RegistrationStatus, registration_client::RegistrationClient,
};
use std::{
    collections::HashMap,
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tonic::transport::{Channel, Endpoint, Uri};

pub use ossplit_csi_proto::csi::volume_capability::access_mode::Mode;
pub use tonic::{Code, Status};

/// Texts by name.
pub type Texts = HashMap<String, String>;

/// Pairs as a map.
pub fn texts(pairs: &[(&str, &str)]) -> Texts {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A volume as kubelet has it from a `PersistentVolume`.
#[derive(Debug, Clone)]
pub struct Volume {
    /// `volumeHandle`.
    pub id: String,
    /// `volumeAttributes`.
    pub attributes: Texts,
    /// The Secret of `nodePublishSecretRef`.
    pub secret: Texts,
    /// The access mode.
    pub mode: Mode,
    /// `readOnly`.
    pub read_only: bool,
    /// `mountOptions`.
    pub flags: Vec<String>,
}

impl Volume {
    /// A volume of the bucket `data` that is read and written with the test servers' key.
    pub fn new(server: &Server, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            attributes: texts(&[("bucket", "data"), ("url", &server.url()), ("path", "/")]),
            secret: texts(&[("akId", server::KEY_ID), ("akSecret", server::KEY_SECRET)]),
            mode: Mode::MultiNodeMultiWriter,
            read_only: false,
            flags: Vec::new(),
        }
    }

    /// With one more attribute, or another value of one.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With another Secret.
    #[must_use]
    pub fn with_secret(mut self, pairs: &[(&str, &str)]) -> Self {
        self.secret = texts(pairs);
        self
    }

    /// With another access mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    fn capability(&self) -> VolumeCapability {
        VolumeCapability {
            access_mode: Some(AccessMode {
                mode: self.mode.into(),
            }),
            access_type: Some(AccessType::Mount(MountVolume {
                mount_flags: self.flags.clone(),
                ..MountVolume::default()
            })),
        }
    }
}

/// A running driver; its process is killed when this is dropped, and what it mounted is unmounted.
pub struct Driver {
    child: Child,
    keeper: Option<Child>,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    more: Vec<String>,
    program: PathBuf,
}

impl Driver {
    /// Starts one in a folder of its own and waits until it answers. Each mount has a keeper of its own.
    pub fn start(more: &[&str]) -> Self {
        Self::begin(more, false)
    }

    /// As in a cluster: a keeper holds the mounts, and the driver serves them.
    pub fn with_keeper(more: &[&str]) -> Self {
        Self::begin(more, true)
    }

    fn begin(more: &[&str], kept: bool) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Tests look as other users too.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("its mode can be set");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
        let keeper = kept.then(|| {
            more.extend(["--keeper".to_owned(), keeper_socket(folder.path())]);
            start_keeper(folder.path())
        });
        let program = crate::ossplit();
        let child = spawn(&program, folder.path(), &more, None);
        let driver = Self {
            child,
            keeper,
            folder,
            runtime,
            more,
            program,
        };
        driver.wait();
        driver
    }

    /// kill -9 of the keeper, and a new one that holds nothing.
    ///
    /// # Panics
    /// When there was none.
    pub fn restart_keeper(&mut self) {
        let keeper = self.keeper.as_mut().expect("a keeper");
        let _ = keeper.kill();
        let _ = keeper.wait();
        self.keeper = Some(start_keeper(self.folder.path()));
    }

    /// The driver, its keeper, and everything that serves its mounts.
    pub fn processes(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        if let Some(pid) = self.keeper.as_ref().map(Child::id) {
            // unshare, and the keeper.
            found.push(pid);
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            found.extend(children.split_whitespace().flat_map(str::parse::<u32>));
        }
        let state = self.state();
        let state = state.as_os_str().as_encoded_bytes();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let ours = line.windows(state.len()).any(|part| part == state);
            if ours && !found.contains(&pid) {
                found.push(pid);
            }
        }
        found
    }

    fn wait(&self) {
        until_some("the driver to answer", || self.probe().ok());
    }

    /// Where pods' targets may be made.
    pub fn target(&self, name: &str) -> PathBuf {
        self.folder.path().join("pods").join(name)
    }

    /// Where the driver keeps its state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What the driver logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The driver's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and a new one in the same folder.
    pub fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// A new one where the last has ended.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.program, self.folder.path(), &self.more, None);
        self.wait();
    }

    /// SIGTERM, as kubelet ends a container, and a new one that runs `program`: an upgrade.
    ///
    /// # Panics
    /// When it ends with an error.
    pub fn upgrade(&mut self, program: &Path) {
        server::signal(self.child.id(), rustix::process::Signal::TERM);
        let ended = self.child.wait().expect("a child can be waited for");
        assert!(ended.success(), "the driver's end by SIGTERM: {ended}");
        self.program = program.into();
        self.start_again();
    }

    /// kill -9, and a new one that `strace` ends by SIGKILL at the `nth` of `calls` (system calls, with commas) of a thread.
    pub fn restart_to_die(&mut self, calls: &str, nth: u32) {
        self.kill();
        let die_at = Some((calls, nth));
        self.child = spawn(&self.program, self.folder.path(), &self.more, die_at);
        // It may die before it answers.
        crate::until("the driver to answer or to be dead", || {
            self.probe().is_ok() || self.is_dead()
        });
    }

    /// Whether the driver's process has ended.
    pub fn is_dead(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_some()
    }

    /// kill -9 of the driver, not of its mounts.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn channel(socket: PathBuf) -> Result<Channel, Status> {
        let connect = move |_: Uri| {
            let socket = socket.clone();
            async move {
                let stream = tokio::net::UnixStream::connect(socket).await?;
                Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
            }
        };
        Endpoint::from_static("http://driver")
            .timeout(Duration::from_mins(1))
            .connect_with_connector(tower::service_fn(connect))
            .await
            .map_err(|error| Status::unavailable(error.to_string()))
    }

    fn ask<T, F>(&self, call: impl FnOnce(Channel) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        self.ask_on(self.folder.path().join("csi.sock"), call)
    }

    fn ask_on<T, F>(&self, socket: PathBuf, call: impl FnOnce(Channel) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let answer = self.runtime.block_on(async {
            let channel = Self::channel(socket).await?;
            call(channel).await
        });
        answer.map(tonic::Response::into_inner)
    }

    /// `Probe`.
    pub fn probe(&self) -> Result<(), Status> {
        self.ask(|channel| async { IdentityClient::new(channel).probe(ProbeRequest {}).await })?;
        Ok(())
    }

    /// `GetInfo` on a socket of plugin registration.
    pub fn plugin_info(&self, socket: &Path) -> Result<PluginInfo, Status> {
        self.ask_on(socket.to_owned(), |channel| async {
            RegistrationClient::new(channel)
                .get_info(InfoRequest {})
                .await
        })
    }

    /// `NotifyRegistrationStatus` on a socket of plugin registration: whether kubelet took the driver, or why not.
    pub fn tell_registered(&self, socket: &Path, how: Result<(), &str>) -> Result<(), Status> {
        let status = RegistrationStatus {
            plugin_registered: how.is_ok(),
            error: how.err().unwrap_or_default().to_owned(),
        };
        self.ask_on(socket.to_owned(), |channel| async {
            RegistrationClient::new(channel)
                .notify_registration_status(status)
                .await
        })?;
        Ok(())
    }

    /// `NodePublishVolume`.
    pub fn publish(&self, volume: &Volume, target: &Path) -> Result<(), Status> {
        let request = NodePublishVolumeRequest {
            volume_id: volume.id.clone(),
            target_path: target.to_string_lossy().into_owned(),
            volume_capability: Some(volume.capability()),
            readonly: volume.read_only,
            secrets: volume.secret.clone(),
            volume_context: volume.attributes.clone(),
            ..NodePublishVolumeRequest::default()
        };
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("a pod's folder");
        self.ask(|channel| async { NodeClient::new(channel).node_publish_volume(request).await })?;
        Ok(())
    }

    /// `NodeUnpublishVolume`.
    pub fn unpublish(&self, id: &str, target: &Path) -> Result<(), Status> {
        let request = NodeUnpublishVolumeRequest {
            volume_id: id.to_owned(),
            target_path: target.to_string_lossy().into_owned(),
        };
        self.ask(|channel| async {
            NodeClient::new(channel)
                .node_unpublish_volume(request)
                .await
        })?;
        Ok(())
    }

    /// `NodeStageVolume`, with the volume's Secret as that of staging.
    pub fn stage(&self, volume: &Volume, staging: &Path) -> Result<(), Status> {
        let request = NodeStageVolumeRequest {
            volume_id: volume.id.clone(),
            staging_target_path: staging.to_string_lossy().into_owned(),
            volume_capability: Some(volume.capability()),
            secrets: volume.secret.clone(),
            volume_context: volume.attributes.clone(),
            ..NodeStageVolumeRequest::default()
        };
        self.ask(|channel| async { NodeClient::new(channel).node_stage_volume(request).await })?;
        Ok(())
    }

    /// `NodeUnstageVolume`.
    pub fn unstage(&self, id: &str, staging: &Path) -> Result<(), Status> {
        let request = NodeUnstageVolumeRequest {
            volume_id: id.to_owned(),
            staging_target_path: staging.to_string_lossy().into_owned(),
        };
        self.ask(|channel| async { NodeClient::new(channel).node_unstage_volume(request).await })?;
        Ok(())
    }

    /// `NodeGetVolumeStats`.
    pub fn stats(&self, id: &str, path: &Path) -> Result<NodeGetVolumeStatsResponse, Status> {
        let request = NodeGetVolumeStatsRequest {
            volume_id: id.to_owned(),
            volume_path: path.to_string_lossy().into_owned(),
            ..NodeGetVolumeStatsRequest::default()
        };
        self.ask(|channel| async {
            NodeClient::new(channel)
                .node_get_volume_stats(request)
                .await
        })
    }

    /// `CreateVolume`.
    pub fn create(&self, name: &str, class: &Volume) -> Result<MadeVolume, Status> {
        let request = CreateVolumeRequest {
            name: name.to_owned(),
            volume_capabilities: vec![class.capability()],
            parameters: class.attributes.clone(),
            secrets: class.secret.clone(),
            ..CreateVolumeRequest::default()
        };
        let made = self
            .ask(|channel| async { ControllerClient::new(channel).create_volume(request).await })?;
        Ok(made.volume.expect("a volume"))
    }

    /// `DeleteVolume`.
    pub fn delete(&self, id: &str, secret: &Texts) -> Result<(), Status> {
        let request = DeleteVolumeRequest {
            volume_id: id.to_owned(),
            secrets: secret.clone(),
        };
        self.ask(|channel| async { ControllerClient::new(channel).delete_volume(request).await })?;
        Ok(())
    }

    /// What is mounted anywhere in the driver's folder, by the kernel's table.
    pub fn mounts(&self) -> Vec<PathBuf> {
        mounts_below(self.folder.path())
    }

    /// Everything in the state's folder: empty when nothing is left over.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let mut left = self.mounts();
        let entries = std::fs::read_dir(self.state().join("volumes"));
        left.extend(
            entries
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
        left
    }
}

fn keeper_socket(folder: &Path) -> String {
    folder.join("keeper.sock").to_string_lossy().into_owned()
}

/// In a pid namespace of its own, as in a pod of its own: neither sees the other's processes.
fn start_keeper(folder: &Path) -> Child {
    let socket = keeper_socket(folder);
    let mut child = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child"])
        .arg(crate::ossplit())
        .args(["keeper", "--socket", &socket])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ossplit keeper can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line);
    assert!(read.is_ok() && line.contains("ready"), "{line:?}");
    child
}

fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mounts").expect("/proc is there");
    let paths = table.lines().filter_map(|line| line.split(' ').nth(1));
    paths
        .map(PathBuf::from)
        .filter(|path| path.starts_with(folder))
        .collect()
}

fn spawn(program: &Path, folder: &Path, more: &[String], die_at: Option<(&str, u32)>) -> Child {
    let mut command = match die_at {
        None => Command::new(program),
        Some((calls, nth)) => {
            let mut strace = Command::new("strace");
            // Detached: the child is the driver itself, and its end is the driver's.
            // Its threads are followed; the programs that it starts are not.
            strace.args([
                "-qq",
                "-D",
                "-f",
                "-b",
                "execve",
                "-e",
                &format!("trace={calls}"),
            ]);
            strace.args(["-e", &format!("inject={calls}:signal=SIGKILL:when={nth}")]);
            strace.args(["-o", "/dev/null"]).arg(program);
            strace
        }
    };
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log file");
    command
        .arg("csi")
        .arg(format!(
            "--endpoint=unix://{}",
            folder.join("csi.sock").display()
        ))
        .arg("--state-dir")
        .arg(folder.join("state"))
        .args(["--mode", "all", "--node-id", "test-node"])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
        for path in self.mounts().iter().rev() {
            let _ = rustix::mount::unmount(path, rustix::mount::UnmountFlags::DETACH);
        }
        if let Some(keeper) = &mut self.keeper {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "for whoever reads why a test failed")]
            {
                eprintln!("the driver's log:\n{}", self.log());
            }
        }
    }
}
