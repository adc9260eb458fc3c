//! What was asked, by operation, and how it was answered.

mod prometheus;

use crate::route::Operation;
use parking_lot::Mutex;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Upper bounds of the latency histogram's buckets, in microseconds.
const BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// The statuses that are counted one by one; others are counted together.
const STATUSES: [u16; 22] = [
    0, 200, 201, 202, 203, 204, 206, 303, 304, 400, 403, 404, 405, 409, 411, 412, 416, 429, 500,
    501, 502, 503,
];

/// Counters of one operation.
#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    errors: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// By the places of `STATUSES`; the last is for all others.
    statuses: [AtomicU64; STATUSES.len() + 1],
    /// By the places of `BOUNDS`; the last is for what took longer.
    latencies: [AtomicU64; BOUNDS.len() + 1],
    /// All latencies together, in microseconds.
    spent: AtomicU64,
}

impl Counted {
    fn all(&self) -> impl Iterator<Item = &AtomicU64> {
        [
            &self.requests,
            &self.errors,
            &self.bytes_in,
            &self.bytes_out,
            &self.spent,
        ]
        .into_iter()
        .chain(&self.statuses)
        .chain(&self.latencies)
    }

    fn counts(&self) -> OperationCounts {
        let names = STATUSES.iter().map(|status| match status {
            0 => "cut".to_owned(),
            status => status.to_string(),
        });
        let names = names.chain(["other".to_owned()]);
        let statuses = names
            .zip(&self.statuses)
            .map(|(name, count)| (name, count.load(Relaxed)));
        let latencies: Vec<u64> = (self.latencies.iter())
            .map(|count| count.load(Relaxed))
            .collect();
        OperationCounts {
            requests: self.requests.load(Relaxed),
            errors: self.errors.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            statuses: statuses.filter(|(_, count)| *count > 0).collect(),
            latency: Latency {
                count: latencies.iter().sum(),
                sum_us: self.spent.load(Relaxed),
                buckets: latencies,
            },
        }
    }
}

/// Counters of a server, from its start or the last reset.
#[derive(Debug)]
pub struct Counters {
    operations: Vec<Counted>,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    connections: AtomicU64,
    connections_open: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            operations: Operation::ALL.iter().map(|_| Counted::default()).collect(),
            faults: Mutex::default(),
            in_flight: AtomicU64::new(0),
            in_flight_max: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
        }
    }
}

/// What the counters said at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// By the operation's name; only those that were asked.
    pub operations: BTreeMap<&'static str, OperationCounts>,
    /// Effects of fault rules, by the effect's name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests that are being answered.
    pub in_flight: u64,
    /// The most requests that were being answered at once.
    pub in_flight_max: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open.
    pub connections_open: u64,
}

/// Counts of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OperationCounts {
    /// Requests answered, or being answered.
    pub requests: u64,
    /// Those answered with status 400 or above, or cut by a fault.
    pub errors: u64,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of response bodies.
    pub bytes_out: u64,
    /// Requests by the status of their answer; `cut` for those that got none.
    pub statuses: BTreeMap<String, u64>,
    /// From a request's head to its answer's last byte.
    pub latency: Latency,
}

/// A latency histogram.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Latency {
    /// Requests whose answer is out.
    pub count: u64,
    /// Their latencies together, in microseconds.
    pub sum_us: u64,
    /// How many took up to [`Latency::BOUNDS_US`] and no less than the bound before; the last took
    /// longer.
    pub buckets: Vec<u64>,
}

impl Latency {
    /// The buckets' upper bounds, in microseconds.
    pub const BOUNDS_US: &'static [u64] = &BOUNDS;
}

impl Counters {
    fn of(&self, operation: Operation) -> &Counted {
        &self.operations[operation as usize]
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.in_flight_max.fetch_max(now, Relaxed);
        InFlight {
            counters: Arc::clone(self),
            operation: Operation::Unknown,
            start: Instant::now(),
        }
    }

    /// Counts a request by the status of its answer; 0 when it gets none.
    pub(crate) fn request(&self, operation: Operation, status: u16) {
        let counted = self.of(operation);
        counted.requests.fetch_add(1, Relaxed);
        let place = STATUSES.iter().position(|known| *known == status);
        counted.statuses[place.unwrap_or(STATUSES.len())].fetch_add(1, Relaxed);
        if status == 0 || status >= 400 {
            counted.errors.fetch_add(1, Relaxed);
        }
    }

    /// Counts effects of faults.
    pub(crate) fn faults(&self, names: &[&'static str]) {
        if !names.is_empty() {
            let mut faults = self.faults.lock();
            for name in names {
                *faults.entry(name).or_default() += 1;
            }
        }
    }

    pub(crate) fn bytes_in(&self, operation: Operation, bytes: u64) {
        self.of(operation).bytes_in.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn bytes_out(&self, operation: Operation, bytes: u64) {
        self.of(operation).bytes_out.fetch_add(bytes, Relaxed);
    }

    fn latency(&self, operation: Operation, spent: Duration) {
        let spent = spent.as_micros() as u64;
        let counted = self.of(operation);
        let place = BOUNDS.partition_point(|bound| *bound < spent);
        counted.latencies[place].fetch_add(1, Relaxed);
        counted.spent.fetch_add(spent, Relaxed);
    }

    /// Counts a connection, and as open until the guard is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Sets everything to zero but what is still going on.
    pub fn reset(&self) {
        for counter in self.operations.iter().flat_map(Counted::all) {
            counter.store(0, Relaxed);
        }
        self.faults.lock().clear();
        self.in_flight_max
            .store(self.in_flight.load(Relaxed), Relaxed);
        self.connections
            .store(self.connections_open.load(Relaxed), Relaxed);
    }

    /// What they say now.
    pub fn snapshot(&self) -> Snapshot {
        let operations = Operation::ALL.iter().filter_map(|operation| {
            let counts = self.of(*operation).counts();
            (counts.requests > 0).then_some((operation.name(), counts))
        });
        Snapshot {
            operations: operations.collect(),
            faults: self.faults.lock().clone(),
            in_flight: self.in_flight.load(Relaxed),
            in_flight_max: self.in_flight_max.load(Relaxed),
            connections: self.connections.load(Relaxed),
            connections_open: self.connections_open.load(Relaxed),
        }
    }

    /// The same in Prometheus's text format.
    pub fn prometheus(&self) -> String {
        prometheus::text(&self.snapshot())
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    counters: Arc<Counters>,
    operation: Operation,
    start: Instant,
}

impl InFlight {
    /// Names the operation that the request turned out to be.
    pub(crate) fn is_of(&mut self, operation: Operation) {
        self.operation = operation;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Relaxed);
        self.counters.latency(self.operation, self.start.elapsed());
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Counters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_shows_what_was_asked_and_a_reset_keeps_what_goes_on() {
        let counters = Arc::new(Counters::default());
        let first = counters.begin();
        let mut second = counters.begin();
        second.is_of(Operation::GetObject);
        counters.request(Operation::GetObject, 206);
        counters.request(Operation::GetObject, 404);
        counters.request(Operation::GetObject, 0);
        counters.request(Operation::GetObject, 418);
        counters.bytes_out(Operation::GetObject, 7);
        counters.faults(&["delay", "reset"]);
        drop(second);
        let json = serde_json::to_value(counters.snapshot()).unwrap();
        let get = &json["operations"]["GetObject"];
        assert_eq!(
            (&get["requests"], &get["errors"], &get["bytes_out"]),
            (&4.into(), &3.into(), &7.into())
        );
        let statuses = serde_json::json!({"206": 1, "404": 1, "cut": 1, "other": 1});
        assert_eq!(get["statuses"], statuses);
        assert_eq!(get["latency"]["count"], 1);
        assert_eq!(json["faults"], serde_json::json!({"delay": 1, "reset": 1}));
        assert_eq!(json["in_flight_max"], 2);
        let text = counters.prometheus();
        for line in [
            "ossplit_server_sent_bytes_total{operation=\"GetObject\"} 7",
            "ossplit_server_requests_total{operation=\"GetObject\",status=\"404\"} 1",
            "ossplit_server_request_seconds_bucket{operation=\"GetObject\",le=\"+Inf\"} 1",
            "ossplit_server_request_seconds_count{operation=\"GetObject\"} 1",
            "ossplit_server_faults_total{effect=\"reset\"} 1",
            "ossplit_server_connections_open 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        counters.reset();
        let snapshot = counters.snapshot();
        assert!(snapshot.operations.is_empty() && snapshot.faults.is_empty());
        assert_eq!(snapshot.in_flight_max, 1);
        drop(first);
    }

    #[test]
    fn a_latency_falls_into_the_first_bucket_that_holds_it() {
        let counters = Arc::new(Counters::default());
        for us in [0, 250, 251, 20_000_000] {
            counters.latency(Operation::PutObject, Duration::from_micros(us));
        }
        counters.request(Operation::PutObject, 200);
        let latency = &counters.snapshot().operations["PutObject"].latency;
        assert_eq!(latency.buckets[..2], [2, 1]);
        assert_eq!(latency.buckets.last(), Some(&1));
        assert_eq!(latency.sum_us, 20_000_501);
    }
}
