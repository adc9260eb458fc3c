//! Words of the kernel and of `mount(8)`.

use crate::options::spec::{Kind, Spec};

/// The kernel wants a page at least.
const READ: Kind = Kind::Number {
    min: 4096,
    max: u32::MAX as u64,
};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new("ro", Kind::Flag, "Refuse every change."),
    Spec::new("rw", Kind::Flag, "Allow changes (the default)."),
    Spec::new("allow_other", Kind::Flag, "Let other users in."),
    Spec::new(
        "nonempty",
        Kind::Flag,
        "Mount over a folder that holds something.",
    ),
    Spec::new("fsname", Kind::Text, "What df shows as the source.").default("ossfs"),
    Spec::new("subtype", Kind::Text, "What follows `fuse.` in the type.").default("ossfs"),
    Spec::new("max_read", READ, "Bytes of one READ at most."),
    Spec::new(
        "default_permissions",
        Kind::Flag,
        "The kernel checks modes and owners. It always does, as ossfs does itself.",
    ),
    Spec::kernel("suid", "Honour setuid bits; never, on a bucket."),
    Spec::kernel("nosuid", "No setuid programs (always)."),
    Spec::kernel("dev", "Allow device nodes; never, on a bucket."),
    Spec::kernel("nodev", "No device nodes (always)."),
    Spec::kernel("exec", "Programs may be started (the default)."),
    Spec::kernel("noexec", "No program may be started."),
    Spec::kernel(
        "atime",
        "Access times, as programs set them: reading changes none.",
    ),
    Spec::kernel("noatime", "Reading changes no access time (never does)."),
    Spec::kernel(
        "relatime",
        "Access times, as programs set them: reading changes none.",
    ),
    Spec::new(
        "remount",
        Kind::Flag,
        "Give a mount that is there other flags (ro, rw, exec, atime and their opposites); nothing else can change.",
    ),
    Spec::accepted(
        "user_id",
        Kind::Text,
        "For mount(8).",
        "who mounts is known",
    ),
    Spec::accepted(
        "group_id",
        Kind::Text,
        "For mount(8).",
        "who mounts is known",
    ),
    Spec::accepted(
        "blksize",
        Kind::Text,
        "For mount(8).",
        "a bucket is no disk",
    ),
    Spec::kernel("_netdev", "Mount after the network."),
    Spec::kernel("auto", "For fstab."),
    Spec::kernel("noauto", "For fstab."),
    Spec {
        kind: Kind::FlagOrText,
        ..Spec::kernel("user", "For fstab.")
    },
    Spec::kernel("nouser", "For fstab."),
    Spec::kernel("users", "For fstab."),
    Spec::kernel("nofail", "For fstab."),
    Spec::kernel("defaults", "For fstab."),
    Spec::accepted(
        "sync",
        Kind::Flag,
        "Write at once.",
        "close and fsync wait for OSS anyway",
    ),
    Spec::accepted(
        "async",
        Kind::Flag,
        "Write later.",
        "close and fsync wait for OSS anyway",
    ),
    Spec::accepted(
        "dirsync",
        Kind::Flag,
        "Change names at once.",
        "it always does",
    ),
    Spec::accepted(
        "allow_root",
        Kind::Flag,
        "Let root in.",
        "write allow_other",
    ),
    Spec::accepted(
        "big_writes",
        Kind::Flag,
        "Writes over 4 KiB.",
        "writes are up to 1 MiB",
    ),
    Spec::accepted(
        "direct_io",
        Kind::Flag,
        "No page cache.",
        "open with O_DIRECT where it is wanted",
    ),
    Spec::accepted(
        "large_read",
        Kind::Flag,
        "Large reads.",
        "reads are up to 1 MiB",
    ),
];
