//! ossfs 2's words and what they mean here. They are translated into words of the one table, so that
//! defaults, bounds and conflicts stay in one place.

use super::{ANY_NUMBER, COUNT};
use crate::options::{spec::Kind, values};

/// For a value, the option that it stands for, and that option's value if it has one.
pub(crate) type Choose = fn(&str) -> Option<(&'static str, Option<&'static str>)>;

/// What one of ossfs 2's words means here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Means {
    /// The option of this name, with the same value.
    Option(&'static str),
    /// The option of this name, with a value made from the one given; `None` leaves it out, and an empty text is none.
    Convert(&'static str, fn(&str) -> Option<String>),
    /// One option or another with a value, as the value given says; `None`: neither.
    Either(Choose),
    /// The dialect itself takes it; the text says what stands for it in ossfs 1's dialect.
    Here(&'static str),
    /// Nothing, for this reason.
    Accepted(&'static str),
}

/// One of ossfs 2's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// ossfs 2's default where the dialect must set it, as ours differs; otherwise empty.
    pub(crate) default: &'static str,
    pub(crate) means: Means,
}

/// The word of this name.
pub(crate) fn find(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}

/// What is on or off.
pub(crate) const SWITCH: Kind = Kind::Bool;
const SIZE: Kind = Kind::Size { min: 0 };
/// Also -1, for "as `attr_timeout`".
const TIMEOUT: Kind = Kind::Text;
const LEVELS: Kind = Kind::Choice(&["debug", "info", "warn", "warning", "error"]);

const WINDOW: &str = "windows follow the speed of the link and the budget (total_mem_limit)";
const EVICTION: &str = "max_inode_cache_count bounds what is remembered";
const APPEND: &str = "a Normal object is never made an Appendable one, for which OSS wants it deleted first; it is \
                      appended to inside OSS, whatever its size";
const ROTATE: &str = "use logrotate: SIGHUP opens the log anew";

const fn word(name: &'static str, kind: Kind, means: Means) -> Word {
    Word {
        name,
        kind,
        default: "",
        means,
    }
}

const fn accepted(name: &'static str, kind: Kind, reason: &'static str) -> Word {
    word(name, kind, Means::Accepted(reason))
}

impl Word {
    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// Every word, in the order of ossfs 2's own page.
pub(crate) const WORDS: &[Word] = &[
    word("d", Kind::Bool, Means::Here("write -d")),
    word("f", Kind::Bool, Means::Here("write -f")),
    word("nonempty", Kind::Bool, Means::Option("nonempty")),
    word(
        "total_mem_limit",
        SIZE,
        Means::Convert("memory", unless_zero),
    ),
    accepted("total_rw_mem_ratio", Kind::Text, "all memory is one budget"),
    word("ro", Kind::Bool, Means::Option("ro")),
    word("uid", ANY_NUMBER, Means::Option("uid")),
    word("gid", ANY_NUMBER, Means::Option("gid")),
    word("dir_mode", Kind::Octal, Means::Option("dir_mode")).default("777"),
    word("file_mode", Kind::Octal, Means::Option("file_mode")).default("777"),
    accepted("fuse_threads", ANY_NUMBER, "threads follow the processors"),
    accepted("readdirplus", Kind::Bool, "it is always used"),
    accepted("ignore_fsync", Kind::Bool, "fsync always waits for OSS"),
    accepted("allow_rename_dir", Kind::Bool, "directories can be renamed"),
    accepted(
        "rename_dir_limit",
        ANY_NUMBER,
        "directories of any size can be renamed",
    ),
    word("allow_other", Kind::Bool, Means::Option("allow_other")).default("true"),
    accepted("seq_read_detect_count", ANY_NUMBER, WINDOW),
    word(
        "enable_symlink",
        Kind::Bool,
        // Without them there is nothing to ask each object for.
        Means::Either(|on| match on {
            "0" | "false" => Some(("readdir_optimize", None)),
            _ => Some(("symlink_form", Some("native"))),
        }),
    )
    .default("false"),
    word("oss_endpoint", Kind::Text, Means::Option("url")),
    word(
        "oss_bucket",
        Kind::Text,
        Means::Here("the bucket is the first argument"),
    ),
    word(
        "oss_bucket_prefix",
        Kind::FlagOrText,
        Means::Here("the first argument is BUCKET:/PREFIX"),
    ),
    word("oss_region", Kind::Text, Means::Option("region")),
    word(
        "oss_access_key_id",
        Kind::Text,
        Means::Here("keys stand in a passwd_file="),
    ),
    word(
        "oss_access_key_secret",
        Kind::Text,
        Means::Here("keys stand in a passwd_file="),
    ),
    word("ram_role", Kind::FlagOrText, Means::Option("ram_role")),
    word(
        "credential_process",
        Kind::Text,
        Means::Option("credential_process"),
    ),
    word(
        "attr_timeout",
        ANY_NUMBER,
        Means::Option("stat_cache_expire"),
    )
    .default("60"),
    word(
        "negative_timeout",
        ANY_NUMBER,
        Means::Option("negative_timeout"),
    ),
    word(
        "fuse_attr_timeout",
        TIMEOUT,
        Means::Convert("attr_timeout", unless_negative),
    ),
    word(
        "fuse_entry_timeout",
        TIMEOUT,
        Means::Convert("entry_timeout", unless_negative),
    ),
    accepted(
        "kernel_readdir_cache_timeout",
        TIMEOUT,
        "listings are remembered for attr_timeout",
    ),
    word("close_to_open", Kind::Bool, Means::Option("close_to_open")),
    accepted("inode_cache_eviction_threshold", ANY_NUMBER, EVICTION),
    accepted("inode_cache_eviction_interval_ms", ANY_NUMBER, EVICTION),
    word(
        "max_inode_cache_count",
        ANY_NUMBER,
        Means::Convert("max_stat_cache_size", unless_zero),
    ),
    accepted(
        "oss_negative_cache_timeout",
        ANY_NUMBER,
        "a complete listing knows what is absent",
    ),
    accepted(
        "oss_negative_cache_size",
        ANY_NUMBER,
        "a complete listing knows what is absent",
    ),
    accepted(
        "memory_data_cache_size",
        SIZE,
        "the kernel's page cache and total_mem_limit serve",
    ),
    word(
        "upload_buffer_size",
        SIZE,
        Means::Convert("multipart_size", megabytes),
    )
    .default("8M"),
    accepted(
        "upload_concurrency",
        COUNT,
        "prefetch_concurrency_per_file holds for both directions",
    ),
    accepted(
        "upload_copy_concurrency",
        COUNT,
        "copies inside OSS choose it themselves",
    ),
    accepted("prefetch_concurrency", COUNT, WINDOW),
    word(
        "prefetch_concurrency_per_file",
        COUNT,
        Means::Option("parallel_count"),
    )
    .default("64"),
    accepted("prefetch_chunk_size", SIZE, WINDOW),
    accepted("prefetch_chunks", ANY_NUMBER, WINDOW),
    word(
        "enable_appendable_object",
        Kind::Bool,
        Means::Option("enable_appendable_object"),
    ),
    accepted("appendable_object_autoswitch_threshold", SIZE, APPEND),
    word(
        "sync_upload",
        Kind::Bool,
        Means::Either(|on| matches!(on, "0" | "false").then_some(("close", Some("async")))),
    ),
    accepted("enable_crc64", Kind::Bool, "CRC64 is always compared"),
    word(
        "oss_request_timeout_ms",
        ANY_NUMBER,
        Means::Convert("readwrite_timeout", seconds),
    ),
    accepted("bind_ips", Kind::Text, "the system chooses the address"),
    accepted(
        "http_proxy",
        Kind::Text,
        "proxies are not used yet: OSS is reached directly",
    ),
    accepted(
        "rename_dir_concurrency",
        COUNT,
        "renames choose it themselves",
    ),
    accepted(
        "enable_transmission_control",
        Kind::Bool,
        "requests in flight are bounded as they are",
    ),
    word("log_dir", Kind::Text, Means::Convert("logfile", log_file)),
    word("log_level", LEVELS, Means::Option("dbglevel")),
    accepted("log_file_max_size", SIZE, ROTATE),
    accepted("log_file_max_count", ANY_NUMBER, ROTATE),
    accepted("metrics_ip", Kind::Text, "there are no metrics yet"),
    accepted("metrics_port", ANY_NUMBER, "there are no metrics yet"),
];

/// 0 stands for "no limit of its own".
fn unless_zero(text: &str) -> Option<String> {
    (values::size(text) != Some(0)).then(|| text.to_owned())
}

/// -1 stands for "as `attr_timeout`", which bounds the kernel's times here anyway.
fn unless_negative(text: &str) -> Option<String> {
    (!text.starts_with('-')).then(|| text.to_owned())
}

/// Bytes into the whole megabytes that `multipart_size` counts; too small ones are told by its bound.
fn megabytes(text: &str) -> Option<String> {
    let bytes = values::size(text)?;
    Some(bytes.div_ceil(1 << 20).to_string())
}

/// Milliseconds into whole seconds.
fn seconds(text: &str) -> Option<String> {
    let millis: u64 = text.parse().ok()?;
    Some(millis.div_ceil(1000).to_string())
}

/// ossfs 2 takes a folder and names the file itself.
#[allow(clippy::unnecessary_wraps, reason = "others leave a word out")]
fn log_file(text: &str) -> Option<String> {
    Some(format!("{}/ossfs2.log", text.trim_end_matches('/')))
}
