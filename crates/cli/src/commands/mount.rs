//! `ossplit mount`, in ossfs 1's dialect.

use crate::{env::Env, exit::Exit};
use std::ffi::OsString;

/// Arguments of `ossplit mount`, as typed: ossfs's dialect is not clap's.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// BUCKET[:/PREFIX] MOUNTPOINT [-o OPTION[,OPTION]...]... [-f]
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    pub(crate) words: Vec<OsString>,
}

/// Mounts, and returns when the mount is usable (or, with `-f`, when it ended).
pub(crate) fn run(_: &Args, _: &Env) -> Exit {
    Exit::Failed
}
