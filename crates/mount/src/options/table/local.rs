//! Local disk.

use super::ANY_NUMBER;
use crate::options::spec::{Kind, Spec};

const NO_CACHE: &str = "there is no disk cache yet; the kernel's page cache and memory= serve";

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "tmpdir",
        Kind::Text,
        "Folder for files that can't be streamed.",
    )
    .default("/tmp"),
    Spec::accepted(
        "use_cache",
        Kind::Text,
        "Folder of the disk cache.",
        NO_CACHE,
    ),
    Spec::accepted(
        "check_cache_dir_exist",
        Kind::Flag,
        "Refuse without it.",
        NO_CACHE,
    ),
    Spec::accepted(
        "del_cache",
        Kind::Flag,
        "Empty it at start and end.",
        NO_CACHE,
    ),
    Spec::accepted(
        "ensure_diskfree",
        ANY_NUMBER,
        "MB to leave free.",
        "a full disk is ENOSPC at once",
    ),
    Spec::accepted(
        "free_space_ratio",
        ANY_NUMBER,
        "Percent to leave free.",
        "a full disk is ENOSPC at once",
    ),
];
