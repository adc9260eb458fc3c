//! The `ossplit` command, also under the names by which ossfs is called.

mod commands;
mod connect;
mod env;
mod exit;
mod log;
mod printer;

use clap::{Parser, Subcommand};
use commands::{
    checkpoint, csi, keeper, mount, prefetch, serve, umount, undelete, upgrade, worker,
};
use env::Env;
use exit::Exit;
use std::{ffi::OsString, path::Path, process::ExitCode};

/// Read/write splitting for object storage: training reads an OSS bucket through a fast mount and
/// writes results back through an SDK.
#[derive(Parser)]
#[command(name = "ossplit", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the embedded OSS-compatible server
    Serve(serve::Args),
    /// Mount a bucket: BUCKET[:/PREFIX] MOUNTPOINT [-o OPTION[,OPTION]...]... [-f]
    #[command(disable_help_flag = true)]
    Mount(mount::Args),
    /// Have a mount fetch files ahead of their reads, in a given order
    Prefetch(prefetch::Args),
    /// Save, list, verify and restore checkpoints of training
    Checkpoint(Box<checkpoint::Args>),
    /// Serve Kubernetes' storage interface (CSI)
    Csi(csi::Args),
    /// Unmount a bucket in good order
    Umount(umount::Args),
    /// Replace the process that serves a live mount by one of this program
    Upgrade(upgrade::Args),
    /// Hold mounts for the processes that serve them
    Keeper(keeper::Args),
    /// Bring deleted objects back, in a bucket that keeps versions
    Undelete(undelete::Args),
}

fn main() -> ExitCode {
    let env = Env::of_process();
    let mut words = std::env::args_os();
    if let Some(exit) = own_process(&env) {
        return exit.into();
    }
    let called_as = words.next().unwrap_or_default();
    let called_as = Path::new(&called_as)
        .file_name()
        .unwrap_or_default()
        .to_owned();
    let dialect = called_as.to_str().and_then(mount::Dialect::of_program);
    let exit = match dialect {
        Some(dialect) => mount::run_as(dialect, words.collect(), &env),
        None => ours(called_as, words, &env),
    };
    exit.into()
}

/// A process that ossplit itself started. Looked for before anything else: a keeper is to stay small.
fn own_process(env: &Env) -> Option<Exit> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match words.split_first() {
        Some((verb, rest)) if verb == "keeper" => keeper::run_own(rest),
        Some((verb, rest)) if verb == "worker" => worker::run(rest, env),
        _ => None,
    }
}

fn ours(called_as: OsString, words: impl Iterator<Item = OsString>, env: &Env) -> Exit {
    match Cli::try_parse_from(std::iter::once(called_as).chain(words)) {
        Ok(cli) => match cli.command {
            Command::Serve(args) => serve::run(&args, env),
            Command::Mount(args) => mount::run(args, env),
            Command::Prefetch(args) => prefetch::run(&args),
            Command::Checkpoint(args) => checkpoint::run(&args, env),
            Command::Csi(args) => csi::run(&args, env),
            Command::Umount(args) => umount::run(&args),
            Command::Upgrade(args) => upgrade::run(&args),
            Command::Keeper(args) => keeper::run(&args),
            Command::Undelete(args) => undelete::run(&args, env),
        },
        Err(error) => {
            // Help and version are no errors; clap knows which stream they belong on.
            printer::clap(&error);
            if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            }
        }
    }
}
