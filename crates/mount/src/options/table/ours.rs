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
];
