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
];
