//! `ossplit undelete`: a delete in a bucket that keeps versions only hides the object.

use super::mount;
use crate::{env::Env, exit::Exit, printer};
use ossplit_mount::dialect::Utility;
use std::ffi::OsString;

/// Arguments of `ossplit undelete`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// `oss://BUCKET/KEY`, or `oss://BUCKET/FOLDER/` for all below it
    address: String,
    /// Options as of `ossplit mount`: `url=`, `passwd_file=` and so on
    #[arg(short = 'o', value_name = "OPTION[,OPTION]...")]
    options: Vec<OsString>,
}

/// Brings deleted objects back, and prints which.
pub(crate) fn run(args: &Args, env: &Env) -> Exit {
    let Some((bucket, key)) = args
        .address
        .strip_prefix("oss://")
        .and_then(|address| address.split_once('/'))
    else {
        let place = &args.address;
        printer::error(&format!(
            "{place:?} is no address: write oss://BUCKET/KEY, or oss://BUCKET/FOLDER/ for all below it"
        ));
        return Exit::Usage;
    };
    let mut words = vec!["-u".into(), format!("{bucket}:/{key}").into()];
    for option in &args.options {
        words.extend(["-o".into(), option.clone()]);
    }
    mount::without_a_mount(words, Utility::Undelete, env)
}
