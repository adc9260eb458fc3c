//! The only place with defaults, bounds and conflicts.

use super::{
    NewObjects,
    fault::{Fault, Problem},
    objects::traffic_limits,
    plan::{Credentials, LogLevel, Plan},
    spec::Effect,
    values::{self, Words},
    written::Written,
};
use crate::dialect::{CommandLine, passwd};
use ossplit::{Endpoint, Key, SignatureVersion, credentials::CredentialProcess};
use ossplit_fs::{FsConfig, KeepFree, SymlinkForm};
use ossplit_fuse::mount::MountOptions;
use std::{path::PathBuf, sync::Arc, time::Duration};

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
    let check = |w: &Written| values::check(w.spec.kind, w.spec.name, w.value.as_deref(), &w.place);
    let wrong = line
        .options
        .iter()
        .filter_map(|written| check(written).err());
    let mut faults: Vec<Fault> = wrong.collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let words = Words(&line.options);
    faults.extend(check_bucket(&line.bucket).err());
    faults.extend(check_prefix(&line.prefix).err());
    let url = words.text("url").unwrap_or_default().to_owned();
    if let Err(error) = Endpoint::parse(&url) {
        let mend = "write url=https://oss-cn-hangzhou.aliyuncs.com, for instance";
        let fault = Fault::new(Problem::Endpoint, words.place("url"), error.reason, mend);
        faults.push(fault.with_value(Some(&url)));
    }
    faults.extend(check_requests(&words).err());
    let sigv4 = words.last_of("sigv4", "sigv1");
    let region = words.text("region").unwrap_or_default().to_owned();
    if sigv4 && region.is_empty() {
        let what = "signature version 4 needs the bucket's region";
        let mend = "write region=cn-hangzhou, for instance";
        let place = words.place("sigv4");
        faults.push(Fault::new(Problem::Conflict, place, what, mend));
    }
    let credentials = credentials(&words, line, around).unwrap_or_else(|fault| {
        faults.push(fault);
        Credentials::Anonymous
    });
    let objects = NewObjects::read(&words, around, &mut faults);
    let traffic_limits = traffic_limits(&words, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let read_only = words.last_of("ro", "rw");
    let seconds = |name| Duration::from_secs(words.number(name).unwrap_or(0));
    Ok(Plan {
        mountpoint: around.folder.join(&line.mountpoint),
        target: line.prefix.clone(),
        utility: line.utility,
        foreground: line.foreground,
        failover: words.text("failover") != Some("off"),
        kernel: MountOptions {
            fsname: words.text("fsname").unwrap_or("ossfs").to_owned(),
            subtype: words.text("subtype").unwrap_or("ossfs").to_owned(),
            read_only,
            allow_other: words.has("allow_other"),
            // ossfs checks modes and owners itself, always. Without it whoever allow_other lets in
            // could read and delete everything.
            default_permissions: true,
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
        fs: FsConfig {
            content_types: Arc::clone(&objects.types),
            ..file_system(&words, line, around, read_only)
        },
        objects,
        traffic_limits,
        requester_pays: words.has("requester_pays"),
        log_file: words.text("logfile").map(|path| around.folder.join(path)),
        log_level: level(words.text("dbglevel").unwrap_or("warn")),
        notes: notes(&line.options)
            .chain(line.notes.iter().cloned())
            .collect(),
    })
}

/// Longer than any mount lives.
const FOREVER: Duration = Duration::from_hours(24 * 3650);

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
    let what = "a bucket name has 3 to 63 characters of a-z, 0-9 and '-', and neither begins nor ends with '-'";
    let place = format!("bucket {bucket:?}");
    let fault = Fault::new(Problem::BucketName, place, what, "check its spelling");
    Err(fault.with_value(Some(bucket)))
}

/// A prefix is part of every key: OSS allows 1,023 bytes of UTF-8 and no control characters in XML.
fn check_prefix(prefix: &str) -> Result<(), Fault> {
    if prefix.len() <= 1000 && !prefix.contains(char::is_control) {
        return Ok(());
    }
    let what = "a prefix has at most 1,000 bytes and no control characters";
    let place = format!("prefix {prefix:?}");
    let fault = Fault::new(
        Problem::Arguments,
        place,
        what,
        "write BUCKET:/FOLDER/FOLDER",
    );
    Err(fault.with_value(Some(prefix)))
}

/// Only a contradiction that was typed is one: a larger `parallel_count` alone raises the other.
fn check_requests(words: &Words<'_>) -> Result<(), Fault> {
    let number = |name| words.number(name).unwrap_or(20);
    let (multireq, parallel) = (number("multireq_max"), number("parallel_count"));
    if multireq >= parallel || !words.has("multireq_max") || !words.has("parallel_count") {
        return Ok(());
    }
    Err(Fault::new(
        Problem::Conflict,
        words.place("multireq_max"),
        format!("it is less than parallel_count={parallel}"),
        format!("raise it to {parallel}"),
    ))
}

fn file_system(
    words: &Words<'_>,
    line: &CommandLine,
    around: &Surroundings,
    read_only: bool,
) -> FsConfig {
    let snapshot = words.text("consistency") == Some("snapshot");
    let seconds = |name| Duration::from_secs(words.number(name).unwrap_or(0));
    let holds = |name| if snapshot { FOREVER } else { seconds(name) };
    let bits = |name| words.text(name).and_then(values::octal);
    let id = |name| words.number(name).and_then(|id| u32::try_from(id).ok());
    let umask = bits("umask");
    let root_mode = match (bits("mp_umask"), umask) {
        (Some(mask), _) | (None, Some(mask)) => 0o777 & !mask,
        (None, None) if words.has("allow_other") => 0o777,
        (None, None) => 0o700,
    };
    let parallel = words.number("parallel_count").unwrap_or(20);
    let xattrs = words.has("use_xattr") && words.text("use_xattr") != Some("0");
    let memory = words.text("memory").and_then(values::size);
    FsConfig {
        read_only,
        default_uid: around.user.0,
        default_gid: around.user.1,
        uid: id("uid"),
        gid: id("gid"),
        umask,
        root_mode,
        file_mode: bits("file_mode").unwrap_or(0o640),
        dir_mode: bits("dir_mode").unwrap_or(0o750),
        details: xattrs || !read_only && !words.has("readdir_optimize"),
        xattrs,
        max_stat_cache_size: words.number("max_stat_cache_size").unwrap_or(0) as usize,
        stat_cache_expire: holds("stat_cache_expire"),
        attr_timeout: holds("attr_timeout").min(holds("stat_cache_expire")),
        entry_timeout: holds("entry_timeout").min(holds("stat_cache_expire")),
        negative_timeout: if words.has("disable_noobj_cache") {
            Duration::ZERO
        } else {
            seconds("negative_timeout")
        },
        remember_absence: !words.has("disable_noobj_cache"),
        compat_dirs: !words.has("notsup_compat_dir"),
        kernel_cache: words.has("kernel_cache"),
        parallel_count: parallel as usize,
        multireq_max: words.number("multireq_max").unwrap_or(20).max(parallel) as usize,
        multipart_size: words.number("multipart_size").unwrap_or(10) << 20,
        multipart_copy_size: words.number("multipart_copy_size").unwrap_or(512) << 20,
        single_copy: words.number("singlepart_copy_limit").unwrap_or(1024) << 20,
        memory: memory.unwrap_or_else(|| (around.memory / 4).clamp(64 << 20, GIB)),
        tmpdir: around.folder.join(words.text("tmpdir").unwrap_or("/tmp")),
        keep_free: KeepFree {
            bytes: words.number("ensure_diskfree").unwrap_or(0) << 20,
            percent: words.number("free_space_ratio").unwrap_or(0) as u8,
        },
        symlinks: match words.text("symlink_form") {
            _ if words.has("symlink_in_meta") => SymlinkForm::Metadata,
            Some("native") => SymlinkForm::Native,
            Some("metadata") => SymlinkForm::Metadata,
            _ => SymlinkForm::Body,
        },
        wtf8: words.has("use_wtf8"),
        appendable: if words.has("enable_appendable_object") {
            5 * GIB
        } else {
            0
        },
        close_early: words.text("close") == Some("async"),
        close_to_open: words.has("close_to_open")
            || words.text("consistency") == Some("close-to-open"),
        ..FsConfig::new(&line.bucket, &line.prefix)
    }
}

/// ossfs 1's order: password file, environment, `~/.passwd-ossfs`, `/etc/passwd-ossfs`. Before them
/// what was asked for by name: nobody, a role, a program, or ossfs 2's own key.
fn credentials(
    words: &Words<'_>,
    line: &CommandLine,
    around: &Surroundings,
) -> Result<Credentials, Fault> {
    if let Some(key) = &line.key {
        return Ok(Credentials::Key(key.clone()));
    }
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
        let fault = |error: ossplit::Error| {
            let place = words.place("credential_process");
            let mend = "write credential_process=/PATH/PROGRAM";
            Fault::new(Problem::Credentials, place, error.to_string(), mend)
        };
        CredentialProcess::new(command).map_err(fault)?;
        return Ok(Credentials::Process(command.to_owned()));
    }
    if let Some(path) = words.text("passwd_file") {
        let path = around.folder.join(path);
        passwd::check(&path, &line.bucket)?;
        return Ok(Credentials::File(path));
    }
    if let Some(key) = &around.environment_key {
        return Ok(Credentials::Key(key.clone()));
    }
    let home = around.home.as_ref().map(|home| home.join(".passwd-ossfs"));
    for path in home.into_iter().chain([PathBuf::from(passwd::SYSTEM_FILE)]) {
        if path.exists() {
            passwd::check(&path, &line.bucket)?;
            return Ok(Credentials::File(path));
        }
    }
    let mend = format!(
        "give -o passwd_file=FILE, set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or write {} \
         (a public bucket takes -o public_bucket=1)",
        passwd::SYSTEM_FILE
    );
    Err(Fault::new(
        Problem::Credentials,
        "",
        "there are no credentials",
        mend,
    ))
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
fn notes(options: &[Written]) -> impl Iterator<Item = String> {
    options
        .iter()
        .filter_map(|written| match written.spec.effect {
            Effect::Accepted(reason) => Some(format!(
                "option {}: accepted, no effect: {reason}",
                written.spec.name
            )),
            Effect::Honoured | Effect::Kernel => None,
        })
}
