//! What the server itself can do: small and large GETs out of memory, and a directory with many
//! objects: its start, its pages, its memory. The load comes from this process, on the same
//! machine; what it uses is told as well.

use crate::{plain::Connection, usage};
use ossplit_testkit::{Server, ServerOptions, oss};
use std::{
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Objects that are read again and again.
const SMALL: usize = 1000;

const KIB: usize = 1024;

/// Bytes of the large object.
const LARGE: usize = 64 << 20;

/// How long each row takes.
const SPAN: Duration = Duration::from_secs(10);

/// Pages that are listed.
const PAGES: usize = 500;

struct Row {
    per_second: f64,
    server_cpu: f64,
    load_cpu: f64,
    /// Latencies in microseconds, sorted.
    latencies: Vec<u32>,
}

/// Sends from `connections` threads for [`SPAN`]; `next` sends one request and gives what counts.
fn load(
    server: &Server,
    connections: usize,
    next: &(dyn Fn(&mut Connection, usize) -> u64 + Sync),
) -> Row {
    let (stop, sum) = (AtomicBool::new(false), AtomicU64::new(0));
    let pids = [server.pid(), std::process::id()];
    let before = pids.map(|pid| usage::of(&[pid]).cpu_seconds);
    let start = Instant::now();
    let mut latencies: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|i| {
                let (stop, sum) = (&stop, &sum);
                scope.spawn(move || {
                    let mut connection = Connection::open(&server.address);
                    let mut latencies = Vec::new();
                    let mut at = i * 7919;
                    while !stop.load(Relaxed) {
                        let sent = Instant::now();
                        sum.fetch_add(next(&mut connection, at), Relaxed);
                        latencies.push(sent.elapsed().as_micros() as u32);
                        at += 1;
                        if start.elapsed() > SPAN {
                            stop.store(true, Relaxed);
                        }
                    }
                    latencies
                })
            })
            .collect();
        let done = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        done.collect()
    });
    let spent = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let after = pids.map(|pid| usage::of(&[pid]).cpu_seconds);
    Row {
        per_second: sum.load(Relaxed) as f64 / spent,
        server_cpu: (after[0] - before[0]) / spent,
        load_cpu: (after[1] - before[1]) / spent,
        latencies,
    }
}

fn print(name: &str, connections: usize, rate: &str, row: &Row, server: &Server) {
    let at = |share: f64| row.latencies[((row.latencies.len() - 1) as f64 * share) as usize];
    println!(
        "| {name} | {connections} | {rate} | {} | {} | {:.2} | {:.2} | {:.0} |",
        at(0.5),
        at(0.99),
        row.server_cpu,
        row.load_cpu,
        usage::of(&[server.pid()]).peak_rss_mib,
    );
}

fn gets() {
    let server = Server::start();
    let body = vec![7; LARGE];
    let mut heads = Vec::new();
    for i in 0..SMALL {
        let key = format!("small/{i:04}");
        oss::put(&server, "data", &key, &body[..4 * KIB]);
        heads.push((
            format!("/data/{key}"),
            oss::signed_v4("GET", "data", &key, &[]),
        ));
    }
    oss::put(&server, "data", "large", &body);
    let large = oss::signed_v4("GET", "data", "large", &[]);
    println!(
        "| GETs, signed (V4) | connections | rate | p50 µs | p99 µs | server's cores | load's cores | server's peak RSS MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for connections in [1, 8, 64] {
        let row = load(&server, connections, &|connection, at| {
            let (path, headers) = &heads[at % SMALL];
            assert_eq!(connection.send("GET", path, headers, b""), 4 * KIB as u64);
            1
        });
        let rate = format!("{:.0} /s", row.per_second);
        print("4 KiB", connections, &rate, &row, &server);
    }
    for connections in [1, 4] {
        let row = load(&server, connections, &|connection, _| {
            connection.send("GET", "/data/large", &large, b"")
        });
        let rate = format!("{:.2} GB/s", row.per_second / 1e9);
        print("64 MiB", connections, &rate, &row, &server);
    }
}

/// The key with this number: in folders, in no order of time.
fn key(i: usize) -> String {
    format!("{:02x}/part-{:07}", (i * 37) % 251, i)
}

fn fill(folder: &Path, objects: usize) {
    let server = Server::with(&ServerOptions {
        data: Some(folder.to_owned()),
        ..Default::default()
    });
    let start = Instant::now();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..128 {
            scope.spawn(|| {
                let mut connection = Connection::open(&server.address);
                loop {
                    let i = next.fetch_add(1, Relaxed) as usize;
                    if i >= objects {
                        break;
                    }
                    let key = key(i);
                    let headers = oss::signed_v4("PUT", "data", &key, &[]);
                    connection.send("PUT", &format!("/data/{key}"), &headers, &[7; 100]);
                }
            });
        }
    });
    let spent = start.elapsed().as_secs_f64();
    println!(
        "filled with {objects} objects in {spent:.0} s ({:.0} PUTs/s, each on disk when answered); the server used {:.0} s of CPU and {:.0} MiB",
        objects as f64 / spent,
        usage::of(&[server.pid()]).cpu_seconds,
        usage::of(&[server.pid()]).peak_rss_mib,
    );
    assert_eq!(server.stop(), 0);
}

fn many(folder: &Path, objects: usize) {
    fill(folder, objects);
    let start = Instant::now();
    let options = ServerOptions {
        data: Some(folder.to_owned()),
        ..Default::default()
    };
    let mut server = Server::with(&options);
    let started = start.elapsed().as_millis();
    let mut connection = Connection::open(&server.address);
    let mut times = Vec::new();
    for page in 0..PAGES {
        // Anywhere: steps of a prime through all numbers.
        let marker = key(page * 611_953 % objects);
        let query = [("max-keys", "1000"), ("marker", marker.as_str())];
        let headers = oss::signed_v4("GET", "data", "", &query);
        let marker = marker.replace('/', "%2F");
        let path = format!("/data/?max-keys=1000&marker={marker}");
        let sent = Instant::now();
        connection.send("GET", &path, &headers, b"");
        times.push(sent.elapsed().as_micros());
    }
    times.sort_unstable();
    let at = |share: f64| times[((PAGES - 1) as f64 * share) as usize] as f64 / 1000.0;
    let mut line = String::new();
    let _ = write!(
        line,
        "{objects} objects: started in {started} ms; {PAGES} pages of 1,000 keys anywhere: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms; peak RSS {:.0} MiB",
        at(0.5),
        at(0.99),
        at(1.0),
        usage::of(&[server.pid()]).peak_rss_mib,
    );
    println!("{line}");
    oss::put(&server, "data", "last", b"x");
    server.kill();
    let start = Instant::now();
    let server = Server::with(&options);
    println!(
        "after kill -9: started in {} ms",
        start.elapsed().as_millis()
    );
    assert_eq!(oss::get(&server, "data", "last").unwrap(), b"x");
    println!(
        "peak RSS of that {:.0} MiB",
        usage::of(&[server.pid()]).peak_rss_mib
    );
    assert_eq!(server.stop(), 0);
}

/// Runs it all; `objects` is how many the directory gets, none for no directory.
pub(crate) fn run(objects: usize) {
    gets();
    if objects > 0 {
        let folder = tempfile::tempdir().unwrap();
        many(&folder.path().join("store"), objects);
    }
}
