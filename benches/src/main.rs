//! Times the built `ossplit` against a plain HTTP client, s3fs and rclone, in one run.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first surprise")]

mod clients;
mod plain;
mod server;
mod usage;
mod workloads;

use clients::Client;
use ossplit_testkit::{Server, ServerOptions, oss};
use workloads::Workload;

const HELP: &str = "\
Usage: bench [--latency MS] [--files N] [--mib N] [--clients a,b] [--workloads a,b]
  --latency MS      added by the server to each request (default 0)
  --files N         small files, in 10 directories, and entries of the flat directory (default 10000)
  --mib N           size of the large object in MiB (default 1024)
  --clients LIST    of plain, plain-64, ossplit, s3fs, rclone (default all that are installed)
  --workloads LIST  of small-1, small-8, seq-read, seq-write, ls-l, create-1, create-8, rename, change
                    (default all)
Prints one Markdown table.
       bench server [--objects N]
What the server itself can do: signed GETs out of memory, and with --objects a directory with so many.";

/// What to run.
struct Settings {
    latency: u64,
    files: usize,
    mib: usize,
    clients: Vec<Client>,
    workloads: Vec<Workload>,
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings {
        latency: 0,
        files: 10_000,
        mib: 1024,
        clients: Client::ALL
            .into_iter()
            .filter(|client| client.installed())
            .collect(),
        workloads: Workload::ALL.to_vec(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| HELP.to_owned())?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|e| format!("{word} {value}: {e}"))
        };
        match word.as_str() {
            "--latency" => settings.latency = number()?,
            "--files" => settings.files = number()? as usize,
            "--mib" => settings.mib = number()? as usize,
            "--clients" => settings.clients = list(&value, &Client::ALL, Client::name)?,
            "--workloads" => settings.workloads = list(&value, &Workload::ALL, Workload::name)?,
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(settings)
}

fn list<T: Copy>(
    words: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let one = |word: &str| all.iter().copied().find(|item| name(*item) == word);
    words
        .split(',')
        .map(|word| one(word).ok_or_else(|| format!("{word}?\n{HELP}")))
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
            _ => eprintln!("{HELP}"),
        }
        return;
    }
    let settings = settings().unwrap_or_else(|message| {
        eprintln!("{message}");
        std::process::exit(2);
    });
    let server = Server::with(&ServerOptions {
        latency: settings.latency,
        ..ServerOptions::default()
    });
    let public = [("x-oss-acl", "public-read-write")];
    let answer = oss::send(&server, "PUT", "data", None, &[("acl", "")], &public, b"");
    assert_eq!(answer.status, 200, "the bucket can't be made public");
    eprintln!(
        "filling the bucket: {} files, {} MiB",
        settings.files, settings.mib
    );
    workloads::fill(&server, settings.files, settings.mib);

    println!("| workload | client | rate | x plain | requests | CPU s | peak RSS MiB |");
    println!("|---|---|---|---|---|---|---|");
    for workload in &settings.workloads {
        let mut plain = None;
        for client in &settings.clients {
            if !workload.suits(*client) {
                continue;
            }
            eprintln!("{} {}", workload.name(), client.name());
            let mounted = client.mount(&server, workload.reads());
            server.reset();
            let before = mounted.usage();
            let seconds = workload.run(&server, &mounted, settings.files, settings.mib);
            let used = mounted.usage();
            let requests: u64 = server.requests().values().sum();
            let (rate, unit) = workload.rate(seconds, settings.files, settings.mib);
            if client.is_plain() && plain.is_none() {
                plain = Some(rate);
            }
            let ratio = plain.map_or_else(|| "-".into(), |plain| format!("{:.2}", rate / plain));
            println!(
                "| {} | {} | {rate:.0} {unit} | {ratio} | {requests} | {:.2} | {:.0} |",
                workload.name(),
                client.name(),
                used.cpu_seconds - before.cpu_seconds,
                used.peak_rss_mib,
            );
            mounted.end();
        }
    }
}
