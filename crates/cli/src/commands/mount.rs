//! `ossplit mount`, in ossfs's dialects.

use crate::{env::Env, exit::Exit, log, printer};
use ossplit_mount::{
    dialect::{self, CommandLine, Utility},
    options::{self, Carried, Effect, Fault, Surroundings},
    process::{self, Failure},
    utility,
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
    words: Vec<OsString>,
}

/// Whose command line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `ossplit mount`: ossfs 1's, and `OSS_ENDPOINT` and `OSS_REGION` of the environment.
    Ours,
    /// `ossfs`.
    Ossfs1,
    /// `mount.ossfs`, called by `mount(8)`.
    Helper,
    /// `ossfs2`.
    Ossfs2,
}

impl Dialect {
    /// By the name that the program was called by.
    pub(crate) fn of_program(name: &str) -> Option<Self> {
        match name {
            "ossfs" => Some(Self::Ossfs1),
            "mount.ossfs" | "mount.fuse.ossfs" => Some(Self::Helper),
            "ossfs2" => Some(Self::Ossfs2),
            _ => None,
        }
    }

    fn read(self, words: Vec<OsString>, env: &Env) -> Result<CommandLine, Vec<Fault>> {
        match self {
            Self::Ours => {
                let mut line = dialect::ossfs1(&words)?;
                dialect::add_environment(&mut line, |name| env.get(name).map(str::to_owned));
                Ok(line)
            }
            Self::Ossfs1 => dialect::ossfs1(&words),
            Self::Helper => dialect::ossfs1(&dialect::without_helper_words(words)),
            Self::Ossfs2 => dialect::ossfs2(&words, &std::env::current_dir().unwrap_or_default()),
        }
    }
}

/// `ossplit mount`.
pub(crate) fn run(args: Args, env: &Env) -> Exit {
    run_as(Dialect::Ours, args.words, env)
}

/// Mounts, and returns when the mount is usable (or, with `-f`, when it ended).
pub(crate) fn run_as(dialect: Dialect, words: Vec<OsString>, env: &Env) -> Exit {
    let asks = |names: &[&str]| {
        words
            .iter()
            .any(|word| names.iter().any(|name| word == name))
    };
    if asks(&["-h", "--help"]) {
        printer::line(&help(dialect));
        return Exit::Done;
    }
    if asks(&["-V", "--version"]) {
        printer::line(&format!("ossplit {}", env!("CARGO_PKG_VERSION")));
        return Exit::Done;
    }
    let line = match dialect.read(words, env) {
        Ok(line) => line,
        Err(faults) => return wrong(faults),
    };
    if line.remounts() {
        return ended(process::remount(&line.mountpoint, &line.options));
    }
    let around = surroundings(env);
    let plan = match options::validate(&line, &around) {
        Ok(plan) => plan,
        Err(faults) => return wrong(faults),
    };
    for note in &plan.notes {
        printer::error(note);
    }
    ended(match plan.utility {
        Some(utility) => utility::run(&plan, utility, &mut printer::line),
        None => process::mount(&plan, &Carried::new(&line, &around), log::set_up),
    })
}

/// Does something with a bucket that is named as for a mount.
pub(crate) fn without_a_mount(words: Vec<OsString>, utility: Utility, env: &Env) -> Exit {
    let plan = Dialect::Ours
        .read(words, env)
        .and_then(|line| options::validate(&line, &surroundings(env)));
    match plan {
        Ok(plan) => ended(utility::run(&plan, utility, &mut printer::line)),
        Err(faults) => wrong(faults),
    }
}

fn wrong(faults: Vec<Fault>) -> Exit {
    for fault in faults {
        printer::error(&fault.to_string());
    }
    Exit::Usage
}

fn ended(outcome: Result<(), Failure>) -> Exit {
    match outcome {
        Ok(()) => Exit::Done,
        Err(failure) => {
            printer::error(&failure.to_string());
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

fn help(dialect: Dialect) -> String {
    if dialect == Dialect::Ossfs2 {
        return "Usage: ossfs2 mount MOUNTPOINT -c FILE [--NAME=VALUE]... [-f] [-d]\n\n\
             Mounts a bucket, and returns when it is usable. FILE has one --NAME=VALUE a line;\n\
             docs/options.md has all the names."
            .to_owned();
    }
    let mut out = String::from(
        "Usage: ossplit mount BUCKET[:/PREFIX] MOUNTPOINT [-o OPTION[,OPTION]...]... [-f] [-d]\n\n\
         Mounts a bucket, or what is below a prefix of it, and returns when it is usable.\n\n\
         \x20 -o OPTION   see below; docs/options.md has all, with those of ossfs that do nothing here\n\
         \x20 -f          stay in the foreground, with the log on standard error\n\
         \x20 -d          as -f, with every request logged\n\n\
         Without a mount, of a bucket's unfinished uploads:\n\
         \x20 ossfs -u BUCKET                             list them (also --incomplete-mpu-list)\n\
         \x20 ossfs --incomplete-mpu-abort[=AGE] BUCKET   abort those older than AGE: 1Y6M10D12h30m30s, all, or a day\n",
    );
    for (category, specs) in options::all() {
        let _ = writeln!(out, "\n{category}:");
        for spec in specs.iter().filter(|spec| spec.effect == Effect::Honoured) {
            let _ = writeln!(out, "  {:<24}{}", spec.name, spec.help);
        }
    }
    out
}
