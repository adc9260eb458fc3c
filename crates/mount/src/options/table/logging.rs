//! Logs.

use super::ANY_NUMBER;
use crate::options::spec::{Kind, Spec};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "logfile",
        Kind::Text,
        "Where the log goes; otherwise to standard error with -f, and to the system's log without.",
    ),
    Spec::new(
        "dbglevel",
        Kind::Choice(&[
            "crit", "critical", "err", "error", "warn", "warning", "wan", "info", "inf", "debug",
            "dbg",
        ]),
        "How much is logged.",
    )
    .default("warn"),
    Spec::accepted(
        "curldbg",
        Kind::FlagOrText,
        "Log HTTP.",
        "write dbglevel=debug",
    ),
    Spec::accepted(
        "no_time_stamp_msg",
        Kind::Flag,
        "No times in the log.",
        "every line has its time",
    ),
    Spec::accepted(
        "set_check_cache_sigusr1",
        Kind::FlagOrText,
        "Check the cache on SIGUSR1.",
        "there is no disk cache yet",
    ),
    Spec::accepted(
        "use_syslog",
        Kind::Flag,
        "Log to syslog.",
        "it does, without logfile and -f",
    ),
    Spec::accepted("nologger", ANY_NUMBER, "No log.", "write dbglevel=crit"),
];
