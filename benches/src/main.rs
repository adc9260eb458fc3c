//! Times the built `ossplit` against a plain HTTP client, an empty FUSE file system, s3fs and
//! rclone, in one run.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first surprise")]

mod clients;
mod empty_fuse;
mod plain;
mod server;
#[allow(dead_code, unreachable_pub, reason = "not all of it is needed here")]
#[path = "../../crates/fuse/tests/mounted/tree.rs"]
mod tree;
mod usage;
mod workloads;

use clients::{Bench, Client};
use ossplit_testkit::{Server, ServerOptions, oss};
use std::path::Path;
use workloads::{Measured, Run, Sizes, Workload};

const HELP: &str = "\
Usage: bench [--latency MS] [--bandwidth BYTES] [--files N] [--mib N] [--rounds N] [--clients a,b]
             [--workloads a,b] [--mount-options a,b]
  --latency MS      added by the server to each request (default 0)
  --bandwidth BYTES per second that each connection carries (default 0: no cap)
  --files N         small files, in 10 directories, and entries of the flat directory (default 10000)
  --mib N           size of a large object in MiB (default 1024)
  --rounds N        do each row so often, client after client; the medians are printed (default 1)
  --clients LIST    of plain, plain-64, empty-fuse, ossplit, s3fs, rclone (default all installed)
  --workloads LIST  of the rows below (default all)
  --mount-options   further words for ossplit's `-o`
Prints one Markdown table. `x plain` is the rate over that of the row's first plain client, `x limit`
that over the lesser of plain-64 (plain, where 64 connections make no sense) and empty-fuse. `CPU µs each`
is that of the client's processes for each file, entry, MB or call that the rate counts.
       bench server [--objects N]
What the server itself can do: signed GETs out of memory, and with --objects a directory with so many.
Rows:";

/// What to run.
struct Settings {
    latency: u64,
    bandwidth: u64,
    sizes: Sizes,
    rounds: usize,
    clients: Vec<Client>,
    workloads: Vec<&'static Workload>,
    mount_options: String,
}

fn help() -> String {
    let names = workloads::all().map(|workload| workload.name);
    names.fold(HELP.to_owned(), |text, name| text + " " + name)
}

fn settings(words: &[String]) -> Result<Settings, String> {
    let mut settings = Settings {
        latency: 0,
        bandwidth: 0,
        sizes: Sizes {
            files: 10_000,
            mib: 1024,
        },
        rounds: 1,
        clients: Client::ALL
            .into_iter()
            .filter(|client| client.installed())
            .collect(),
        workloads: workloads::all().collect(),
        mount_options: String::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(help)?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|e| format!("{word} {value}: {e}"))
        };
        match word.as_str() {
            "--latency" => settings.latency = number()?,
            "--bandwidth" => settings.bandwidth = number()?,
            "--files" => settings.sizes.files = number()? as usize,
            "--mib" => settings.sizes.mib = number()? as usize,
            "--rounds" => settings.rounds = number()?.max(1) as usize,
            "--clients" => settings.clients = list(value, Client::ALL, Client::name)?,
            "--workloads" => settings.workloads = list(value, workloads::all(), |row| row.name)?,
            "--mount-options" => settings.mount_options.clone_from(value),
            _ => return Err(help()),
        }
    }
    Ok(settings)
}

fn list<T: Copy>(
    words: &str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let all: Vec<T> = all.into_iter().collect();
    let one = |word: &str| all.iter().copied().find(|item| name(*item) == word);
    words
        .split(',')
        .map(|word| one(word).ok_or_else(|| format!("{word}?\n{}", help())))
        .collect()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "server") {
        match (
            words.get(1).map(String::as_str),
            words.get(2).map(|n| n.parse()),
        ) {
            (None, None) => server::run(0),
            (Some("--objects"), Some(Ok(objects))) => server::run(objects),
            _ => eprintln!("{}", help()),
        }
        return;
    }
    let told = |words: &[String]| {
        settings(words).unwrap_or_else(|message| {
            eprintln!("{message}");
            std::process::exit(2);
        })
    };
    // How `Client::EmptyFuse` is started.
    if let [word, point, rest @ ..] = &words[..]
        && word == "empty-fuse"
    {
        let settings = told(rest);
        let objects = workloads::objects(&settings.workloads, settings.sizes);
        empty_fuse::serve(Path::new(point), objects);
        return;
    }
    compare(&told(&words));
}

fn compare(settings: &Settings) {
    let mut more = Vec::new();
    if settings.bandwidth > 0 {
        more = vec!["--bandwidth".into(), settings.bandwidth.to_string()];
    }
    let server = Server::with(&ServerOptions {
        latency: settings.latency,
        more,
        ..ServerOptions::default()
    });
    let public = [("x-oss-acl", "public-read-write")];
    let answer = oss::send(&server, "PUT", "data", None, &[("acl", "")], &public, b"");
    assert_eq!(answer.status, 200, "the bucket can't be made public");
    let objects = workloads::objects(&settings.workloads, settings.sizes);
    eprintln!("filling the bucket: {} objects", objects.len());
    workloads::fill(&server, objects);

    println!(
        "| workload | client | rate | x plain | x limit | requests | CPU s | CPU µs each | peak RSS MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for workload in &settings.workloads {
        let rounds: Vec<_> = (0..settings.rounds)
            .map(|_| round(settings, &server, workload))
            .collect();
        for (i, (client, _)) in rounds[0].iter().enumerate() {
            let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value).collect());
            let of_client = |value: fn(&Measured) -> f64| of(&|round| value(&round[i].1));
            let ratio = |reference: fn(&Round) -> Option<f64>| {
                if reference(&rounds[0]).is_none() {
                    return "-".to_owned();
                }
                let ratio = of(&|round| round[i].1.rate / reference(round).unwrap());
                format!("{ratio:.2}")
            };
            println!(
                "| {} | {} | {:.0} {} | {} | {} | {:.0} | {:.2} | {:.1} | {:.0} |",
                workload.name,
                client.name(),
                of_client(|it| it.rate),
                workload.unit,
                ratio(plain),
                ratio(limit),
                of_client(|it| it.requests as f64),
                of_client(|it| it.cpu_seconds),
                of_client(|it| it.cpu_seconds * 1e6 / it.amount),
                of_client(|it| it.peak_rss_mib),
            );
        }
    }
}

/// What each client reached in one round of one row.
type Round = Vec<(Client, Measured)>;

fn round(settings: &Settings, server: &Server, workload: &'static Workload) -> Round {
    let clients = settings.clients.iter();
    let suited = clients.filter(|client| (workload.suits)(**client));
    let measured = suited.map(|client| {
        eprintln!("{} {}", workload.name, client.name());
        let bench = Bench::mount(*client, server, workload, settings);
        let run = Run {
            server,
            bench: &bench,
            sizes: settings.sizes,
        };
        let measured = (workload.run)(&run);
        bench.end();
        (*client, measured)
    });
    measured.collect()
}

fn rate(round: &Round, client: Client) -> Option<f64> {
    let found = round.iter().find(|(other, _)| *other == client);
    found.map(|(_, measured)| measured.rate)
}

/// The rate of one connection a thread, or else of 64.
fn plain(round: &Round) -> Option<f64> {
    rate(round, Client::Plain).or_else(|| rate(round, Client::Plain64))
}

/// What no mount can pass by much: the lesser of the two references, or the one that a row has.
fn limit(round: &Round) -> Option<f64> {
    let fuse = rate(round, Client::EmptyFuse)?;
    let http = rate(round, Client::Plain64).or_else(|| rate(round, Client::Plain));
    Some(http.map_or(fuse, |http| http.min(fuse)))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
