//! ossplit's own.

use crate::options::spec::{Kind, Spec};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "memory",
        Kind::Size { min: 16 << 20 },
        "Memory for data, in bytes or with a suffix (512M); otherwise a quarter of the cgroup's limit or \
         of the machine, 1 GiB at most.",
    ),
    Spec::new(
        "failover",
        Kind::Choice(&["on", "off"]),
        "The mount outlives the process that serves it: when that dies or is replaced, programs wait \
         for a moment and go on (docs/semantics.md). off: the mount ends with the process.",
    )
    .default("on"),
    Spec::new(
        "file_mode",
        Kind::Octal,
        "Mode of files that carry none (ossfs 2).",
    )
    .default("640"),
    Spec::new(
        "dir_mode",
        Kind::Octal,
        "Mode of directories that carry none (ossfs 2).",
    )
    .default("750"),
    Spec::new(
        "close",
        Kind::Choice(&["sync", "async"]),
        "async: close(2) returns before OSS has the bytes, which are then lost if the mount is killed; fsync still waits. \
         The extended attribute user.ossplit.upload of a file says how it stands: stored, pending or failed, with the reason.",
    )
    .default("sync"),
    Spec::new(
        "close_to_open",
        Kind::Flag,
        "Ask OSS at every open whether the file changed, whatever is remembered (ossfs 2).",
    ),
    Spec::new(
        "enable_appendable_object",
        Kind::Flag,
        "Keep new files as OSS Appendable objects: what is written at the end is added to the object by one AppendObject, \
         at fsync, at close and when a part is full, and is visible from then on. Such an object that others made stays \
         one too. What it can't do (changes before its end, more than 5 GiB, attributes set later) makes it a Normal \
         object (ossfs 2).",
    ),
    Spec::new(
        "consistency",
        Kind::Choice(&["ttl", "close-to-open", "snapshot"]),
        "ttl: what is remembered holds for stat_cache_expire seconds. close-to-open: as close_to_open. snapshot: what \
         was seen once holds for the life of the mount, for data that nobody changes. Bytes of two versions are never \
         mixed, whatever stands here.",
    )
    .default("ttl"),
    Spec::new(
        "symlink_form",
        Kind::Choice(&["body", "metadata", "native"]),
        "How new symlinks are written: as the object's bytes (ossfs 1), as its metadata, or as OSS's own symlinks (ossfs 2).",
    )
    .default("body"),
];
