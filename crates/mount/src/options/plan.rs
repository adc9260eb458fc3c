//! Everything decided: what a mount is made from.

use super::NewObjects;
use crate::dialect::Utility;
use ossplit::{Key, SignatureVersion, TrafficLimits};
use ossplit_fs::FsConfig;
use ossplit_fuse::mount::MountOptions;
use std::{path::PathBuf, time::Duration};

/// Who signs.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody: the bucket is public.
    Anonymous,
    /// One key, from the environment.
    Key(Key),
    /// A password file, read again when it changes.
    File(PathBuf),
    /// The ECS instance's role; the one it has when `None`.
    RamRole(Option<String>),
    /// A program.
    Process(String),
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What the user must know.
    Error,
    /// And what may be trouble.
    Warn,
    /// And what happens.
    Info,
    /// And every request.
    Debug,
}

/// Everything decided. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where; absolute.
    pub mountpoint: PathBuf,
    /// The key or prefix as written, for what is done instead of mounting.
    pub target: String,
    /// What to do instead of mounting.
    pub utility: Option<Utility>,
    /// `-f`: stay in the foreground.
    pub foreground: bool,
    /// The mount outlives the process that serves it.
    pub failover: bool,
    /// For the kernel.
    pub kernel: MountOptions,
    /// The endpoint as written.
    pub endpoint: String,
    /// For V4; empty in V1.
    pub region: String,
    /// Which signature.
    pub signature: SignatureVersion,
    /// The bucket stands in the path.
    pub path_style: bool,
    /// Check certificates.
    pub verify_tls: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a request may stand still.
    pub read_timeout: Duration,
    /// Tries in all.
    pub max_tries: u32,
    /// Who signs.
    pub credentials: Credentials,
    /// What new objects are given.
    pub objects: NewObjects,
    /// How fast single requests may go.
    pub traffic_limits: TrafficLimits,
    /// Requests say that who asks pays.
    pub requester_pays: bool,
    /// The file system.
    pub fs: FsConfig,
    /// Where the log goes.
    pub log_file: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// A line for each option that was accepted without effect.
    pub notes: Vec<String>,
}
