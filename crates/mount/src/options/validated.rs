//! The only place with defaults, bounds and conflicts.

use super::{
    plan::{Credentials, LogLevel, Plan},
    spec::Effect,
    values::{self, Words},
    written::{Fault, Written},
};
use crate::dialect::{CommandLine, passwd};
use ossplit::{Endpoint, Key, SignatureVersion};
use ossplit_fs::FsConfig;
use ossplit_fuse::mount::MountOptions;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What is around the process, as far as options depend on it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The key in the environment, if a whole pair is there.
    pub environment_key: Option<Key>,
    /// Home folder, for `~/.passwd-ossfs`.
    pub home: Option<PathBuf>,
    /// Effective user and group.
    pub user: (u32, u32),
    /// What relative paths are relative to.
    pub folder: PathBuf,
    /// Bytes of memory that the process may use: the cgroup's limit or the machine's.
    pub memory: u64,
}

const GIB: u64 = 1 << 30;

/// Turns what was typed into a plan.
///
/// # Errors
/// Every fault at once, in the order of the words.
pub fn validate(line: &CommandLine, around: &Surroundings) -> Result<Plan, Vec<Fault>> {
    let mut faults: Vec<Fault> = line
        .options
        .iter()
        .filter_map(|written| values::check(written).err())
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let words = Words(&line.options);
    let mut note = |result: Result<(), Fault>| faults.extend(result.err());

    note(check_bucket(&line.bucket));
    let url = words.text("url").unwrap_or_default().to_owned();
    note(
        Endpoint::parse(&url)
            .map(drop)
            .map_err(|e| Fault(format!("option url: {e}"))),
    );
    let parallel = words.number("parallel_count").unwrap_or(20);
    // Only a contradiction that was typed is one: a larger parallel_count alone raises the other.
    let multireq = words.number("multireq_max").unwrap_or(20);
    if words.has("multireq_max") && words.has("parallel_count") && multireq < parallel {
        note(Err(Fault(format!(
            "multireq_max={multireq} is less than parallel_count={parallel}: raise it to {parallel}"
        ))));
    }
    let sigv4 = words.last_of("sigv4", "sigv1");
    let region = words.text("region").unwrap_or_default().to_owned();
    if sigv4 && region.is_empty() {
        note(Err(Fault(
            "sigv4 needs region=, such as region=cn-hangzhou".into(),
        )));
    }
    let credentials = match credentials(&words, &line.bucket, around) {
        Ok(credentials) => credentials,
        Err(fault) => {
            note(Err(fault));
            Credentials::Anonymous
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let read_only = words.last_of("ro", "rw");
    let seconds = |name| Duration::from_secs(words.number(name).unwrap_or(0));
    Ok(Plan {
        mountpoint: around.folder.join(&line.mountpoint),
        foreground: line.foreground,
        kernel: MountOptions {
            fsname: words.text("fsname").unwrap_or("ossfs").to_owned(),
            subtype: words.text("subtype").unwrap_or("ossfs").to_owned(),
            read_only,
            allow_other: words.has("allow_other"),
            default_permissions: words.has("default_permissions"),
            noexec: words.last_of("noexec", "exec"),
            noatime: words.has("noatime"),
            max_read: words
                .number("max_read")
                .and_then(|bytes| u32::try_from(bytes).ok()),
            nonempty: words.has("nonempty"),
            ..MountOptions::default()
        },
        endpoint: url,
        region,
        signature: if sigv4 {
            SignatureVersion::V4
        } else {
            SignatureVersion::V1
        },
        path_style: words.has("use_path_request_style"),
        verify_tls: !words.has("no_check_certificate"),
        connect_timeout: seconds("connect_timeout").max(Duration::from_secs(1)),
        read_timeout: seconds("readwrite_timeout").max(Duration::from_secs(1)),
        max_tries: 1 + words.number("retries").unwrap_or(5) as u32,
        credentials,
        acl: words.text("default_acl").map(str::to_owned),
        storage_class: words.text("storage_class").map(storage_class),
        fs: file_system(&words, line, around, read_only),
        log_file: words.text("logfile").map(|path| around.folder.join(path)),
        log_level: level(words.text("dbglevel").unwrap_or("warn")),
        notes: notes(&line.options),
    })
}

fn check_bucket(bucket: &str) -> Result<(), Fault> {
    let good = (3..=63).contains(&bucket.len())
        && bucket
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !bucket.starts_with('-')
        && !bucket.ends_with('-');
    if good {
        return Ok(());
    }
    Err(Fault(format!(
        "bucket {bucket:?}: a bucket name has 3 to 63 characters of a-z, 0-9 and '-', and neither \
         begins nor ends with '-'"
    )))
}

fn file_system(
    words: &Words<'_>,
    line: &CommandLine,
    around: &Surroundings,
    read_only: bool,
) -> FsConfig {
    let seconds = |name| Duration::from_secs(words.number(name).unwrap_or(0));
    let bits = |name| words.text(name).and_then(values::octal);
    let id = |name| words.number(name).and_then(|id| u32::try_from(id).ok());
    let umask = bits("umask");
    let root_mode = match (bits("mp_umask"), umask) {
        (Some(mask), _) | (None, Some(mask)) => 0o777 & !mask,
        (None, None) if words.has("allow_other") => 0o777,
        (None, None) => 0o700,
    };
    let parallel = words.number("parallel_count").unwrap_or(20);
    let memory = words.text("memory").and_then(values::size);
    FsConfig {
        read_only,
        default_uid: around.user.0,
        default_gid: around.user.1,
        uid: id("uid"),
        gid: id("gid"),
        umask,
        root_mode,
        max_stat_cache_size: words.number("max_stat_cache_size").unwrap_or(0) as usize,
        stat_cache_expire: seconds("stat_cache_expire"),
        attr_timeout: seconds("attr_timeout").min(seconds("stat_cache_expire")),
        entry_timeout: seconds("entry_timeout").min(seconds("stat_cache_expire")),
        negative_timeout: seconds("negative_timeout"),
        kernel_cache: words.has("kernel_cache"),
        parallel_count: parallel as usize,
        multireq_max: words.number("multireq_max").unwrap_or(20).max(parallel) as usize,
        multipart_size: words.number("multipart_size").unwrap_or(10) << 20,
        memory: memory.unwrap_or_else(|| (around.memory / 4).clamp(64 << 20, GIB)),
        tmpdir: around.folder.join(words.text("tmpdir").unwrap_or("/tmp")),
        ..FsConfig::new(&line.bucket, &line.prefix)
    }
}

/// ossfs 1's order: password file, environment, `~/.passwd-ossfs`, `/etc/passwd-ossfs`.
fn credentials(
    words: &Words<'_>,
    bucket: &str,
    around: &Surroundings,
) -> Result<Credentials, Fault> {
    if words.number("public_bucket") == Some(1) {
        return Ok(Credentials::Anonymous);
    }
    if words.has("ram_role") {
        let role = words
            .text("ram_role")
            .filter(|role| !role.is_empty() && *role != "auto");
        return Ok(Credentials::RamRole(role.map(str::to_owned)));
    }
    if let Some(command) = words.text("credential_process") {
        return Ok(Credentials::Process(command.to_owned()));
    }
    if let Some(path) = words.text("passwd_file") {
        let path = around.folder.join(path);
        passwd::check(&path, bucket)?;
        return Ok(Credentials::File(path));
    }
    if let Some(key) = &around.environment_key {
        return Ok(Credentials::Key(key.clone()));
    }
    let home = around.home.as_ref().map(|home| home.join(".passwd-ossfs"));
    for path in home.into_iter().chain([PathBuf::from(passwd::SYSTEM_FILE)]) {
        if path.exists() {
            passwd::check(&path, bucket)?;
            return Ok(Credentials::File(path));
        }
    }
    Err(Fault(format!(
        "no credentials: give -o passwd_file=FILE, set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, \
         or write {}; -o public_bucket=1 is for public buckets",
        Path::new(passwd::SYSTEM_FILE).display()
    )))
}

fn storage_class(word: &str) -> String {
    match word {
        "standard" => "Standard",
        "ia" => "IA",
        "archive" => "Archive",
        "coldarchive" => "ColdArchive",
        "deepcoldarchive" => "DeepColdArchive",
        other => other,
    }
    .to_owned()
}

fn level(word: &str) -> LogLevel {
    match word {
        "crit" | "critical" | "err" | "error" => LogLevel::Error,
        "info" | "inf" => LogLevel::Info,
        "debug" | "dbg" => LogLevel::Debug,
        _ => LogLevel::Warn,
    }
}

/// What the user should know of words that do nothing here.
fn notes(options: &[Written]) -> Vec<String> {
    let said = |written: &Written| match written.spec.effect {
        Effect::Accepted(reason) => Some(format!(
            "option {}: accepted, no effect: {reason}",
            written.spec.name
        )),
        Effect::Honoured | Effect::Kernel => None,
    };
    options.iter().filter_map(said).collect()
}
