//! Who signs.

use super::ANY_NUMBER;
use crate::options::spec::{Kind, Spec};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "passwd_file",
        Kind::Text,
        "File with lines ACCESS_KEY_ID:ACCESS_KEY_SECRET or BUCKET:ACCESS_KEY_ID:ACCESS_KEY_SECRET, \
         mode 600. Otherwise: the environment, ~/.passwd-ossfs, /etc/passwd-ossfs.",
    ),
    Spec::new(
        "ram_role",
        Kind::FlagOrText,
        "Use the RAM role of the ECS instance (IMDSv2): its name, or the URL of its keys.",
    ),
    Spec::new(
        "public_bucket",
        ANY_NUMBER,
        "1: send requests without a signature.",
    )
    .default("0"),
    Spec::new(
        "credential_process",
        Kind::Text,
        "Program, by absolute path, that prints a key as JSON.",
    ),
    Spec::accepted(
        "credlib",
        Kind::Text,
        "Library that gives keys.",
        "use credential_process",
    ),
    Spec::accepted(
        "credlib_opts",
        Kind::Text,
        "Options of credlib.",
        "use credential_process",
    ),
    Spec::accepted(
        "use_session_token",
        Kind::Flag,
        "Expect a token in the environment.",
        "a token is used wherever there is one",
    ),
];
