//! `ossplit checkpoint`.

use crate::{connect::Connection, env::Env, exit::Exit, printer};
use ossplit_checkpoint::{
    Commit, Depth, Error, GcSettings, Item, Location, Resumed, Staging, Store, WhenBusy, Writer,
    WriterSettings, discard,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tracing_subscriber::EnvFilter;

/// Arguments of `ossplit checkpoint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Save a file or a folder as the checkpoint of a step, and wait until it is committed
    Save(SaveArgs),
    /// List the committed checkpoints
    Ls {
        /// `oss://BUCKET/PREFIX`
        place: String,
    },
    /// Compare checkpoints with what was saved: sizes and CRC64 of every object
    Verify {
        /// `oss://BUCKET/PREFIX`
        place: String,
        /// One step; all otherwise
        #[arg(long)]
        step: Option<u64>,
        /// Read all bytes too
        #[arg(long)]
        deep: bool,
    },
    /// Fetch a checkpoint into a folder
    Restore {
        /// `oss://BUCKET/PREFIX`
        place: String,
        /// The folder; made if it is not there
        to: PathBuf,
        /// Which step; the latest otherwise
        #[arg(long)]
        step: Option<u64>,
        /// Only the files of this rank
        #[arg(long)]
        rank: Option<u32>,
    },
    /// Remove what saves left that were never committed
    Gc {
        /// `oss://BUCKET/PREFIX`
        place: String,
        /// Leave alone what is younger than so many hours: longer than any save takes
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        older_than: u64,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Finish the saves that killed processes left in the staging folder of this machine
    Resume {
        /// `oss://BUCKET/PREFIX`
        place: String,
        /// The staging folder that they had
        #[arg(long, value_name = "DIR")]
        staging_dir: Option<PathBuf>,
        /// Keep so many of the newest checkpoints, and delete older ones
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Give the saves up instead, and remove what they had sent
        #[arg(long)]
        discard: bool,
    },
}

#[derive(Debug, clap::Args)]
struct SaveArgs {
    /// `oss://BUCKET/PREFIX`
    place: String,
    /// The file, or the folder with all that is in it
    path: PathBuf,
    /// The step
    #[arg(long)]
    step: u64,
    /// Keep so many of the newest checkpoints, and delete older ones
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// How files are kept from changing while they are sent
    #[arg(long, value_enum, default_value_t = How::Auto)]
    staging: How,
    /// Where staged files are, and the record by which an interrupted save is finished
    #[arg(long, value_name = "DIR")]
    staging_dir: Option<PathBuf>,
    /// Which rank this is
    #[arg(long, default_value_t = 0)]
    rank: u32,
    /// How many ranks save together
    #[arg(long, value_name = "N", default_value_t = 1)]
    world_size: u32,
    /// A name that all ranks of this run share, and no other run has
    #[arg(long, default_value = "")]
    run: String,
    /// Wait so many seconds for other ranks
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Bytes of a part
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20)]
    part_size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// Reflink if the file system has it, else memory, else a copy on disk
    Auto,
    /// Reflink or fail
    Reflink,
    /// Hard link: only for files that are never rewritten in place
    Hardlink,
    /// A copy on disk
    Copy,
    /// A copy in memory, lost if the process dies
    Memory,
}

/// Runs a command to its end.
pub(crate) fn run(args: &Args, env: &Env) -> Exit {
    let filter = env
        .get("RUST_LOG")
        .unwrap_or("error,ossplit_checkpoint=warn");
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    let _ = log.try_init();
    let place = match &args.command {
        Command::Save(save) => &save.place,
        Command::Ls { place }
        | Command::Verify { place, .. }
        | Command::Restore { place, .. }
        | Command::Gc { place, .. }
        | Command::Resume { place, .. } => place,
    };
    let store = Location::parse(place)
        .map_err(|error| error.to_string())
        .and_then(|location| Ok(Store::new(args.connection.client(env)?, location)));
    let store = match store {
        Ok(store) => store,
        Err(error) => {
            printer::error(&error);
            return Exit::Usage;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            printer::error(&format!("no threads to work with: {error}"));
            return Exit::Failed;
        }
    };
    let _entered = runtime.enter();
    let work = |future: std::pin::Pin<Box<dyn Future<Output = Answer>>>| runtime.block_on(future);
    let out = args.output;
    let done = match &args.command {
        Command::Save(args) => save(&store, args, out),
        Command::Ls { .. } => work(Box::pin(list(store, out))),
        Command::Verify { step, deep, .. } => work(Box::pin(verify(store, *step, *deep, out))),
        Command::Restore { to, step, rank, .. } => {
            work(Box::pin(restore(store, to.clone(), *step, *rank, out)))
        }
        Command::Gc {
            older_than,
            dry_run,
            ..
        } => {
            let settings = GcSettings {
                older_than: Duration::from_secs(older_than * 3600),
                dry_run: *dry_run,
            };
            work(Box::pin(gc(store, settings, out)))
        }
        Command::Resume {
            staging_dir,
            discard: true,
            ..
        } => work(Box::pin(give_up(store, staging(staging_dir.as_ref()), out))),
        Command::Resume {
            staging_dir, keep, ..
        } => resume(&store, &staging(staging_dir.as_ref()), *keep, out),
    };
    match done {
        Ok(exit) => exit,
        Err(error @ (Error::Setting { .. } | Error::Address(_))) => {
            printer::error(&error.to_string());
            Exit::Usage
        }
        Err(error) => {
            printer::error(&error.to_string());
            Exit::Failed
        }
    }
}

type Answer = Result<Exit, Error>;

fn staging(given: Option<&PathBuf>) -> PathBuf {
    given
        .cloned()
        .unwrap_or_else(|| WriterSettings::default().staging_dir)
}

fn document(value: &serde_json::Value) {
    printer::line(&value.to_string());
}

/// A commit in a few words.
fn shown(commit: &Commit) -> serde_json::Value {
    json!({
        "step": commit.step,
        "committed": commit.committed,
        "world_size": commit.world_size,
        "files": commit.files.len(),
        "size": commit.size(),
    })
}

fn save(store: &Store, args: &SaveArgs, out: Output) -> Answer {
    let settings = WriterSettings {
        keep: args.keep,
        staging: match args.staging {
            How::Auto => Staging::Auto,
            How::Reflink => Staging::Reflink,
            How::Hardlink => Staging::HardLink,
            How::Copy => Staging::Copy,
            How::Memory => Staging::Memory,
        },
        staging_dir: staging(args.staging_dir.as_ref()),
        when_busy: WhenBusy::Wait,
        part_size: args.part_size,
        rank: args.rank,
        world_size: args.world_size,
        run: args.run.clone(),
        timeout: Duration::from_secs(args.timeout),
        ..WriterSettings::default()
    };
    let writer = Writer::new(store.clone(), settings)?;
    let save = writer.save(args.step, &Item::folder(&args.path)?);
    match save.wait() {
        Ok(commit) => {
            match out {
                Output::Json => document(&shown(&commit)),
                Output::Text => printer::line(&format!(
                    "step {}: {} files, {} bytes committed to {}",
                    commit.step,
                    commit.files.len(),
                    commit.size(),
                    store.location()
                )),
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            printer::error(&error.to_string());
            Ok(Exit::Failed)
        }
    }
}

async fn list(store: Store, out: Output) -> Answer {
    let mut all = Vec::new();
    for step in store.list().await? {
        match store.commit(step).await {
            Ok(commit) => all.push(commit),
            // Deleted since it was listed.
            Err(Error::NoStep { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    match out {
        Output::Json => document(&all.iter().map(shown).collect()),
        Output::Text => {
            for commit in &all {
                printer::line(&format!(
                    "{:>12}  {:>6} files  {:>15} bytes  {}",
                    commit.step,
                    commit.files.len(),
                    commit.size(),
                    if commit.world_size > 1 {
                        format!("{} ranks", commit.world_size)
                    } else {
                        String::new()
                    }
                ));
            }
        }
    }
    Ok(Exit::Done)
}

async fn verify(store: Store, step: Option<u64>, deep: bool, out: Output) -> Answer {
    let depth = if deep { Depth::Bytes } else { Depth::Sums };
    let steps = match step {
        Some(step) => vec![step],
        None => store.list().await?,
    };
    let (mut answers, mut bad) = (Vec::new(), 0);
    for step in &steps {
        let found = store.verify(*step, depth).await?;
        bad += usize::from(!found.faults.is_empty());
        let faults = found.faults.iter();
        answers.push(json!({
            "step": step,
            "files": found.files,
            "size": found.size,
            "faults": faults
                .map(|f| json!({"name": f.name, "rank": f.rank, "what": f.what}))
                .collect::<Vec<_>>(),
        }));
        if out == Output::Text {
            let word = if found.faults.is_empty() {
                "whole"
            } else {
                "broken"
            };
            let (files, size) = (found.files, found.size);
            printer::line(&format!("step {step}: {word}, {files} files, {size} bytes"));
        }
        for fault in &found.faults {
            printer::error(&format!("step {step}: {}: {}", fault.name, fault.what));
        }
    }
    if out == Output::Json {
        document(&answers.into());
    }
    Ok(partly(bad, steps.len()))
}

/// 0 for none, 1 for all, 3 for some.
fn partly(bad: usize, all: usize) -> Exit {
    match bad {
        0 => Exit::Done,
        bad if bad == all => Exit::Failed,
        _ => Exit::Partly,
    }
}

async fn restore(
    store: Store,
    to: PathBuf,
    step: Option<u64>,
    rank: Option<u32>,
    out: Output,
) -> Answer {
    let commit = if let Some(step) = step {
        store.commit(step).await?
    } else if let Some(commit) = store.latest().await? {
        commit
    } else {
        printer::error(&format!(
            "there is no committed checkpoint in {}",
            store.location()
        ));
        return Ok(Exit::Failed);
    };
    let done = store.restore(&commit, &to, rank).await?;
    match out {
        Output::Json => document(&json!({
            "step": commit.step, "files": done.files, "size": done.size, "to": to,
        })),
        Output::Text => printer::line(&format!(
            "step {}: {} files, {} bytes restored to {}",
            commit.step,
            done.files,
            done.size,
            to.display()
        )),
    }
    Ok(Exit::Done)
}

async fn gc(store: Store, settings: GcSettings, out: Output) -> Answer {
    let found = store.gc(&settings).await?;
    match out {
        Output::Json => document(&json!({
            "steps": found.steps, "objects": found.objects, "size": found.size,
            "uploads": found.uploads, "dry_run": settings.dry_run,
        })),
        Output::Text => printer::line(&format!(
            "{} {} objects with {} bytes and {} unfinished uploads",
            if settings.dry_run {
                "would remove"
            } else {
                "removed"
            },
            found.objects,
            found.size,
            found.uploads
        )),
    }
    Ok(Exit::Done)
}

async fn give_up(store: Store, staging_dir: PathBuf, out: Output) -> Answer {
    let steps = discard(&store, &staging_dir).await?;
    match out {
        Output::Json => document(&json!({"discarded": steps})),
        Output::Text => printer::line(&format!("{} saves given up", steps.len())),
    }
    Ok(Exit::Done)
}

fn resume(store: &Store, staging_dir: &Path, keep: Option<usize>, out: Output) -> Answer {
    let (mut saves, mut writers) = (Vec::new(), Vec::new());
    for (rank, world_size, run) in Writer::interrupted_ranks(store, staging_dir)? {
        let settings = WriterSettings {
            keep,
            staging_dir: staging_dir.to_owned(),
            rank,
            world_size,
            run,
            ..WriterSettings::default()
        };
        let writer = Writer::new(store.clone(), settings)?;
        saves.extend(writer.resume()?);
        writers.push(writer);
    }
    let (mut answers, mut bad) = (Vec::new(), 0);
    for Resumed { save, size } in &saves {
        let outcome = save.wait();
        let step = save.step();
        match &outcome {
            Ok(_) if out == Output::Text => {
                printer::line(&format!("step {step}: {size} bytes committed"));
            }
            Ok(_) => {}
            Err(error) => {
                // What newer checkpoints made needless is no failure.
                bad += usize::from(!matches!(**error, Error::Superseded(_)));
                printer::error(&error.to_string());
            }
        }
        answers.push(json!({
            "step": step, "size": size, "state": save.state().name(),
            "error": outcome.err().map(|error| error.to_string()),
        }));
    }
    if out == Output::Json {
        document(&answers.into());
    } else if saves.is_empty() {
        printer::line("nothing was interrupted");
    }
    Ok(partly(bad, saves.len()))
}
