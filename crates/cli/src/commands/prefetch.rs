//! `ossplit prefetch`.

use crate::{exit::Exit, printer};
use ossplit_mount::prefetch;
use std::{fs::File, io, path::PathBuf};

/// Arguments of `ossplit prefetch`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the bucket is mounted, or a folder below
    pub(crate) mountpoint: PathBuf,
    /// The files in the order in which they will be read, one a line, relative to MOUNTPOINT or absolute; `-` reads
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) list: PathBuf,
    /// The paths in the list end in NUL bytes, not in newlines
    #[arg(short = '0', long = "null")]
    pub(crate) null: bool,
    /// Names the list: a new list takes the place of an unfinished one of its name
    #[arg(long, default_value = "ossplit-prefetch")]
    pub(crate) name: String,
}

/// Gives a mount the list. Returns when it is taken in: soon, unless it is long for the mount's memory.
pub(crate) fn run(args: &Args) -> Exit {
    let separator = if args.null { 0 } else { b'\n' };
    let sent = if args.list.as_os_str() == "-" {
        prefetch::send(&args.mountpoint, &mut io::stdin(), separator, &args.name)
    } else {
        match File::open(&args.list) {
            Ok(mut list) => prefetch::send(&args.mountpoint, &mut list, separator, &args.name),
            Err(error) => {
                printer::error(&format!("--list {}: {error}", args.list.display()));
                return Exit::Failed;
            }
        }
    };
    match sent {
        Ok(count) => {
            printer::line(&format!(
                "{count} files will be fetched ahead of their reads"
            ));
            Exit::Done
        }
        Err(why) => {
            printer::error(&why.to_string());
            Exit::Failed
        }
    }
}
