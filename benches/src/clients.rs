//! The clients that are compared.

use crate::{
    Settings,
    usage::{self, Usage},
    workloads::Workload,
};
use ossplit_testkit::{Server, is_mounted, mounted, run_with, until};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A way to reach the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// One kept connection a thread.
    Plain,
    /// 64 kept connections, whatever the number of threads.
    Plain64,
    /// A file system in memory behind ossplit's FUSE transport: no bucket at all.
    EmptyFuse,
    /// `ossplit mount`.
    Ossplit,
    /// Debian's s3fs.
    S3fs,
    /// Debian's rclone.
    Rclone,
}

impl Client {
    pub(crate) const ALL: [Self; 6] = [
        Self::Plain,
        Self::Plain64,
        Self::EmptyFuse,
        Self::Ossplit,
        Self::S3fs,
        Self::Rclone,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Plain64 => "plain-64",
            Self::EmptyFuse => "empty-fuse",
            Self::Ossplit => "ossplit",
            Self::S3fs => "s3fs",
            Self::Rclone => "rclone",
        }
    }

    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::Plain64)
    }

    pub(crate) fn installed(self) -> bool {
        match self {
            Self::Plain | Self::Plain64 | Self::EmptyFuse | Self::Ossplit => true,
            Self::S3fs | Self::Rclone => {
                let found = Command::new("which").arg(self.name()).output();
                found.is_ok_and(|output| output.status.success())
            }
        }
    }
}

/// A client ready to be timed.
pub(crate) struct Bench {
    pub(crate) client: Client,
    folder: tempfile::TempDir,
    pub(crate) point: PathBuf,
    /// The process of [`Client::EmptyFuse`].
    child: Option<Child>,
}

impl Bench {
    /// Mounts the bucket `data` cold; nothing for the plain clients. ossplit has a form for reading.
    pub(crate) fn mount(
        client: Client,
        server: &Server,
        workload: &Workload,
        settings: &Settings,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().join("mnt");
        std::fs::create_dir(&point).unwrap();
        let mut bench = Self {
            client,
            folder,
            point,
            child: None,
        };
        let url = server.url();
        let command = match client {
            Client::Plain | Client::Plain64 => None,
            Client::EmptyFuse => {
                bench.child = Some(empty_fuse(&bench.point, workload, settings));
                None
            }
            Client::Ossplit => {
                let passwords = mounted::password_file(bench.folder.path());
                let form = if workload.reads {
                    "ro,kernel_cache"
                } else {
                    "kernel_cache,multireq_max=64"
                };
                let options = [form, &settings.mount_options].join(",");
                let options = options.trim_end_matches(',');
                Some(mounted::command(
                    &url,
                    "data",
                    &bench.point,
                    &passwords,
                    options,
                ))
            }
            Client::S3fs => {
                let mut command = Command::new("s3fs");
                command.arg("data").arg(&bench.point).arg("-o").arg(format!(
                    "url={url},use_path_request_style,public_bucket=1,kernel_cache,\
                     max_stat_cache_size=100000"
                ));
                Some(command)
            }
            Client::Rclone => {
                let mut command = Command::new("rclone");
                command
                    // Debian's version can't use a CA bundle named in the environment.
                    .env_remove("AWS_CA_BUNDLE")
                    .arg("mount")
                    .arg(format!(
                        ":s3,provider=Other,endpoint='{url}',env_auth=false:data"
                    ))
                    .arg(&bench.point)
                    .args(["--daemon", "--use-server-modtime", "--vfs-cache-mode=off"])
                    .args(["--config", "/dev/null"]);
                Some(command)
            }
        };
        if let Some(mut command) = command {
            let finished = run_with(&mut command);
            let name = client.name();
            assert_eq!(finished.status, 0, "{name} can't mount: {finished:?}");
            until("the mount", || is_mounted(&bench.point));
        }
        bench
    }

    /// What its processes used so far; our own for the plain clients.
    pub(crate) fn usage(&self) -> Usage {
        if self.client.is_plain() {
            usage::of(&[std::process::id()])
        } else {
            usage::of(&mounted::processes_naming(&self.point))
        }
    }

    pub(crate) fn end(mut self) {
        if !self.client.is_plain() {
            let finished = run_with(Command::new("umount").arg(&self.point));
            assert_eq!(finished.status, 0, "{finished:?}");
            until("its processes to end", || {
                mounted::processes_naming(&self.point).is_empty()
            });
        }
        if let Some(child) = &mut self.child {
            child.wait().unwrap();
        }
    }
}

/// Starts this program once more, as a file system with what `workload` reads.
fn empty_fuse(point: &Path, workload: &Workload, settings: &Settings) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("empty-fuse")
        .arg(point)
        .args(["--files", &settings.sizes.files.to_string()])
        .args(["--mib", &settings.sizes.mib.to_string()])
        .args(["--workloads", workload.name])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut ready).unwrap();
    child
}
