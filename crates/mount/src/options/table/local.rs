//! Local disk.

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
    Spec::new(
        "ensure_diskfree",
        Kind::Number {
            min: 0,
            max: 1 << 40,
        },
        "MB that stay free on tmpdir's disk: a write that would need them is ENOSPC.",
    ),
    Spec::new(
        "free_space_ratio",
        Kind::Number { min: 0, max: 100 },
        "Percent that stay free on tmpdir's disk: a write that would need them is ENOSPC.",
    ),
];
