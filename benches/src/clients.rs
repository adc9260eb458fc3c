//! The clients that are compared.

use crate::usage::{self, Usage};
use ossplit_testkit::{Server, is_mounted, mounted, run_with, until};
use std::{path::PathBuf, process::Command};

/// A way to reach the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// One kept connection a thread.
    Plain,
    /// 64 kept connections, whatever the number of threads.
    Plain64,
    /// `ossplit mount`.
    Ossplit,
    /// Debian's s3fs.
    S3fs,
    /// Debian's rclone.
    Rclone,
}

impl Client {
    pub(crate) const ALL: [Self; 5] = [
        Self::Plain,
        Self::Plain64,
        Self::Ossplit,
        Self::S3fs,
        Self::Rclone,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Plain64 => "plain-64",
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
            Self::Plain | Self::Plain64 | Self::Ossplit => true,
            Self::S3fs | Self::Rclone => {
                let found = Command::new("which").arg(self.name()).output();
                found.is_ok_and(|output| output.status.success())
            }
        }
    }

    /// Mounts the bucket `data` cold; nothing for the plain clients. ossplit has a form for reading.
    pub(crate) fn mount(self, server: &Server, to_read: bool) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().join("mnt");
        std::fs::create_dir(&point).unwrap();
        let bench = Bench {
            client: self,
            folder,
            point,
        };
        let url = server.url();
        let command = match self {
            Self::Plain | Self::Plain64 => None,
            Self::Ossplit => {
                let passwords = mounted::password_file(bench.folder.path());
                Some(mounted::command(
                    &url,
                    "data",
                    &bench.point,
                    &passwords,
                    if to_read {
                        "ro,kernel_cache"
                    } else {
                        "kernel_cache,multireq_max=64"
                    },
                ))
            }
            Self::S3fs => {
                let mut command = Command::new("s3fs");
                command.arg("data").arg(&bench.point).arg("-o").arg(format!(
                    "url={url},use_path_request_style,public_bucket=1,kernel_cache,\
                     max_stat_cache_size=100000"
                ));
                Some(command)
            }
            Self::Rclone => {
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
            assert_eq!(
                finished.status,
                0,
                "{} can't mount: {finished:?}",
                self.name()
            );
            until("the mount", || is_mounted(&bench.point));
        }
        bench
    }
}

/// A client ready to be timed.
pub(crate) struct Bench {
    pub(crate) client: Client,
    folder: tempfile::TempDir,
    pub(crate) point: PathBuf,
}

impl Bench {
    /// What its processes used so far; our own for the plain clients.
    pub(crate) fn usage(&self) -> Usage {
        if self.client.is_plain() {
            usage::of(&[std::process::id()])
        } else {
            usage::of(&mounted::processes_naming(&self.point))
        }
    }

    pub(crate) fn end(self) {
        if !self.client.is_plain() {
            let finished = run_with(Command::new("umount").arg(&self.point));
            assert_eq!(finished.status, 0, "{finished:?}");
            until("its processes to end", || {
                mounted::processes_naming(&self.point).is_empty()
            });
        }
    }
}
