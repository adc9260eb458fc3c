//! Names, attributes and what is remembered of them.

use super::{ANY_NUMBER, SECONDS};
use crate::options::spec::{Kind, Spec};

/// `uid_t`, less its last value, which stands for "none".
const ID: Kind = Kind::Number {
    min: 0,
    max: u32::MAX as u64 - 1,
};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "max_stat_cache_size",
        ANY_NUMBER,
        "Entries whose attributes are remembered; 0: ask OSS at every call.",
    )
    .default("100000"),
    Spec::new(
        "stat_cache_expire",
        SECONDS,
        "Seconds that remembered attributes hold.",
    )
    .default("900"),
    Spec::new(
        "umask",
        Kind::Octal,
        "Every entry has mode 777 less these bits.",
    )
    .or(&["mask"]),
    Spec::new(
        "mp_umask",
        Kind::Octal,
        "The mount point has mode 777 less these bits.",
    ),
    Spec::new("uid", ID, "Owner of every entry."),
    Spec::new("gid", ID, "Group of every entry."),
    Spec::new(
        "attr_timeout",
        SECONDS,
        "Seconds that the kernel keeps attributes.",
    )
    .default("60"),
    Spec::new(
        "entry_timeout",
        SECONDS,
        "Seconds that the kernel keeps names.",
    )
    .default("60"),
    Spec::new(
        "negative_timeout",
        SECONDS,
        "Seconds that the kernel keeps the absence of a name.",
    )
    .default("0"),
    Spec::new(
        "readdir_optimize",
        Kind::Flag,
        "Send no HEADs for modes and owners: every entry has the default ones, and no symlinks are seen. A read-only mount never sends those.",
    ),
    Spec::accepted(
        "stat_cache_interval_expire",
        SECONDS,
        "As stat_cache_expire, from the last use.",
        "write stat_cache_expire: time counts from the answer",
    ),
    Spec::new(
        "disable_noobj_cache",
        Kind::Flag,
        "Do not remember that a name is absent: ask OSS each time.",
    ),
    Spec::accepted(
        "enable_noobj_cache",
        Kind::Flag,
        "Remember absence.",
        "a complete listing knows what is absent",
    ),
    Spec::accepted(
        "complement_stat",
        Kind::Flag,
        "Fill in missing modes.",
        "they always are",
    ),
    Spec::new(
        "notsup_compat_dir",
        Kind::Flag,
        "Only `dir/` objects and keys below them make directories: `dir_$folder$` is a file, and so is `dir` with nothing in it.",
    ),
    Spec::accepted(
        "compat_dir",
        Kind::Flag,
        "All forms of directory.",
        "they are known unless notsup_compat_dir is given",
    ),
    Spec::new(
        "use_xattr",
        Kind::FlagOrText,
        "Keep extended attributes, in the objects' metadata (`=0`: do not). Access control lists are not kept. A read-only mount then sends HEADs too.",
    ),
    Spec::new(
        "use_wtf8",
        Kind::Flag,
        "Keep names that are no UTF-8: a byte that fits none is U+E000 and that byte in the key. Without it they can't be made.",
    ),
    Spec::accepted(
        "listobjectsv2",
        Kind::Flag,
        "List by version 2.",
        "it always does",
    ),
    Spec::accepted(
        "list_object_max_keys",
        ANY_NUMBER,
        "Keys a page.",
        "a page is always 1,000",
    ),
    Spec::accepted(
        "readdir_check_size",
        ANY_NUMBER,
        "HEAD small objects.",
        "a listing says what they are",
    ),
    Spec::new(
        "symlink_in_meta",
        Kind::Flag,
        "Write a new symlink's target into its object's metadata. All forms are read, whatever is written.",
    ),
    Spec::accepted(
        "skip_clean_statcache_on_ro_flush",
        Kind::Flag,
        "Keep attributes after reading.",
        "reading never drops them",
    ),
];
