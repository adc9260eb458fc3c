//! `ossplit serve`.

use crate::{env::Env, exit::Exit};

/// Arguments of `ossplit serve`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the server until a signal ends it.
pub(crate) fn run(_: &Args, _: &Env) -> Exit {
    Exit::Failed
}
