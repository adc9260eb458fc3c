//! What is timed: a family a file, a row of the table a [`Workload`].

mod calls;
mod large;
mod list;
mod small;
mod train;
mod write;

use crate::{
    clients::{Bench, Client},
    plain::Connection,
    usage::Usage,
};
use ossplit_testkit::Server;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

/// Bytes of a small file.
const SMALL: usize = 4096;

/// How much there is to read and write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Small files, and entries of the flat directory.
    pub(crate) files: usize,
    /// MiB of a large object.
    pub(crate) mib: usize,
}

impl Sizes {
    /// Bytes of a large object.
    fn large(self) -> u64 {
        (self.mib as u64) << 20
    }
}

/// An object that a workload reads: its key and its bytes' number.
pub(crate) type Object = (String, u64);

/// One row of the table.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What the rate counts a second.
    pub(crate) unit: &'static str,
    /// Nothing is written.
    pub(crate) reads: bool,
    /// Whether a client can do this at all, in reasonable time.
    pub(crate) suits: fn(Client) -> bool,
    /// What must be in the bucket.
    pub(crate) objects: fn(Sizes) -> Vec<Object>,
    pub(crate) run: fn(&Run<'_>) -> Measured,
}

/// Every row, in the table's order.
pub(crate) fn all() -> impl Iterator<Item = &'static Workload> {
    [
        small::ROWS,
        train::ROWS,
        large::ROWS,
        list::ROWS,
        write::ROWS,
        calls::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// All objects that `workloads` read, each once.
pub(crate) fn objects(workloads: &[&Workload], sizes: Sizes) -> BTreeMap<String, u64> {
    workloads
        .iter()
        .flat_map(|workload| (workload.objects)(sizes))
        .collect()
}

/// Puts objects into the bucket.
pub(crate) fn fill(server: &Server, objects: BTreeMap<String, u64>) {
    let objects: Vec<_> = objects.into_iter().collect();
    let (small, large): (Vec<_>, Vec<_>) = objects.into_iter().partition(|o| o.1 <= 1 << 20);
    let put = |connection: &mut Connection, (key, size): &Object| {
        connection.send("PUT", &format!("/data/{key}"), "", &vec![7; *size as usize]);
    };
    in_threads(server, 64, small.len(), |connection, i| {
        put(connection, &small[i]);
    });
    in_threads(server, 2, large.len(), |connection, i| {
        put(connection, &large[i]);
    });
}

/// One client about to do one row.
pub(crate) struct Run<'a> {
    pub(crate) server: &'a Server,
    pub(crate) bench: &'a Bench,
    pub(crate) sizes: Sizes,
}

impl Run<'_> {
    fn client(&self) -> Client {
        self.bench.client
    }

    /// Begins what is measured: time, requests, CPU.
    fn start(&self) -> Clock<'_> {
        self.server.reset();
        Clock {
            run: self,
            before: self.bench.usage(),
            start: Instant::now(),
        }
    }
}

/// Runs from [`Run::start`] to [`Clock::done`].
struct Clock<'a> {
    run: &'a Run<'a>,
    before: Usage,
    start: Instant,
}

impl Clock<'_> {
    /// Ends what is measured; `amount` was done, in the row's unit.
    fn done(self, amount: f64) -> Measured {
        let seconds = self.start.elapsed().as_secs_f64();
        let used = self.run.bench.usage();
        Measured {
            rate: amount / seconds,
            requests: self.run.server.requests().values().sum(),
            cpu_seconds: used.cpu_seconds - self.before.cpu_seconds,
            amount,
            peak_rss_mib: used.peak_rss_mib,
        }
    }
}

/// What one client reached in one row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// In the row's unit.
    pub(crate) rate: f64,
    pub(crate) requests: u64,
    pub(crate) cpu_seconds: f64,
    /// How much was done, in what the rate counts.
    pub(crate) amount: f64,
    /// The largest so far, not of this row's measured part alone.
    pub(crate) peak_rss_mib: f64,
}

/// Calls `each` with a connection and the numbers below `count`, from several threads.
fn in_threads(
    server: &Server,
    threads: usize,
    count: usize,
    each: impl Fn(&mut Connection, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                let mut connection = Connection::open(&server.address);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    each(&mut connection, number);
                }
            });
        }
    });
}
