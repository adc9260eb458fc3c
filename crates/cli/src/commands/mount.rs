//! `ossplit mount`, in ossfs 1's dialect.

use crate::{env::Env, exit::Exit, log, printer};
use ossplit_mount::{
    dialect,
    options::{self, Effect, Surroundings},
    process,
};
use std::{ffi::OsString, fmt::Write as _};

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
pub(crate) fn run(args: &Args, env: &Env) -> Exit {
    if args
        .words
        .iter()
        .any(|word| word == "-h" || word == "--help")
    {
        printer::line(&help());
        return Exit::Done;
    }
    let plan =
        dialect::ossfs1(&args.words).and_then(|line| options::validate(&line, &surroundings(env)));
    let plan = match plan {
        Ok(plan) => plan,
        Err(faults) => {
            for fault in faults {
                printer::error(&fault.to_string());
            }
            return Exit::Usage;
        }
    };
    for note in &plan.notes {
        printer::error(note);
    }
    match process::mount(&plan, log::set_up) {
        Ok(()) => Exit::Done,
        Err(why) => {
            printer::error(&why);
            Exit::Failed
        }
    }
}

fn surroundings(env: &Env) -> Surroundings {
    Surroundings {
        environment_key: options::key_from_environment(|name| env.get(name).map(str::to_owned)),
        home: env.get("HOME").map(Into::into),
        user: (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        ),
        folder: std::env::current_dir().unwrap_or_default(),
        memory: process::memory_limit(),
    }
}

fn help() -> String {
    let mut out = String::from(
        "Usage: ossplit mount BUCKET[:/PREFIX] MOUNTPOINT [-o OPTION[,OPTION]...]... [-f] [-d]\n\n\
         Mounts a bucket, or what is below a prefix of it, and returns when it is usable.\n\n\
         \x20 -o OPTION   see below; docs/options.md has all, with those of ossfs that do nothing here\n\
         \x20 -f          stay in the foreground, with the log on standard error\n\
         \x20 -d          as -f, with every request logged\n",
    );
    for (category, specs) in options::all() {
        let _ = writeln!(out, "\n{category}:");
        for spec in specs.iter().filter(|spec| spec.effect == Effect::Honoured) {
            let _ = writeln!(out, "  {:<24}{}", spec.name, spec.help);
        }
    }
    out
}
