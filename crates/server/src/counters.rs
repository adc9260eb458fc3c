//! What was asked, by operation.

use crate::route::Operation;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Counters of one operation.
#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    errors: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// Counters of a server, from its start or the last reset.
#[derive(Debug)]
pub struct Counters {
    operations: Vec<Counted>,
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    connections: AtomicU64,
    connections_open: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            operations: Operation::ALL.iter().map(|_| Counted::default()).collect(),
            in_flight: AtomicU64::new(0),
            in_flight_max: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
        }
    }
}

/// One of the counts.
type Pick = fn(&OperationCounts) -> u64;

/// What the counters said at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// By the operation's name; only those that were asked.
    pub operations: BTreeMap<&'static str, OperationCounts>,
    /// The most requests that were being answered at once.
    pub in_flight_max: u64,
    /// Connections that were accepted.
    pub connections: u64,
}

/// Counts of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OperationCounts {
    /// Requests answered, or being answered.
    pub requests: u64,
    /// Those answered with status 400 or above.
    pub errors: u64,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of response bodies.
    pub bytes_out: u64,
}

impl Counters {
    fn of(&self, operation: Operation) -> &Counted {
        &self.operations[operation as usize]
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.in_flight_max.fetch_max(now, Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn request(&self, operation: Operation) {
        self.of(operation).requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn error(&self, operation: Operation) {
        self.of(operation).errors.fetch_add(1, Relaxed);
    }

    pub(crate) fn bytes_in(&self, operation: Operation, bytes: u64) {
        self.of(operation).bytes_in.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn bytes_out(&self, operation: Operation, bytes: u64) {
        self.of(operation).bytes_out.fetch_add(bytes, Relaxed);
    }

    /// Counts a connection, and as open until the guard is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Sets everything to zero but what is still going on.
    pub fn reset(&self) {
        for counted in &self.operations {
            for counter in [
                &counted.requests,
                &counted.errors,
                &counted.bytes_in,
                &counted.bytes_out,
            ] {
                counter.store(0, Relaxed);
            }
        }
        self.in_flight_max
            .store(self.in_flight.load(Relaxed), Relaxed);
        self.connections
            .store(self.connections_open.load(Relaxed), Relaxed);
    }

    /// What they say now.
    pub fn snapshot(&self) -> Snapshot {
        let operations = Operation::ALL.iter().filter_map(|operation| {
            let counted = self.of(*operation);
            let counts = OperationCounts {
                requests: counted.requests.load(Relaxed),
                errors: counted.errors.load(Relaxed),
                bytes_in: counted.bytes_in.load(Relaxed),
                bytes_out: counted.bytes_out.load(Relaxed),
            };
            (counts.requests > 0).then_some((operation.name(), counts))
        });
        Snapshot {
            operations: operations.collect(),
            in_flight_max: self.in_flight_max.load(Relaxed),
            connections: self.connections.load(Relaxed),
        }
    }

    /// The same in Prometheus's text format.
    pub fn prometheus(&self) -> String {
        let snapshot = self.snapshot();
        let mut out = String::new();
        let families: [(&str, &str, Pick); 4] = [
            ("requests_total", "Requests.", |c| c.requests),
            (
                "errors_total",
                "Requests answered with 400 or above.",
                |c| c.errors,
            ),
            ("received_bytes_total", "Bytes of request bodies.", |c| {
                c.bytes_in
            }),
            ("sent_bytes_total", "Bytes of response bodies.", |c| {
                c.bytes_out
            }),
        ];
        for (name, help, pick) in families {
            let _ = writeln!(out, "# HELP ossplit_server_{name} {help}");
            let _ = writeln!(out, "# TYPE ossplit_server_{name} counter");
            for (operation, counts) in &snapshot.operations {
                let value = pick(counts);
                let _ = writeln!(
                    out,
                    "ossplit_server_{name}{{operation=\"{operation}\"}} {value}"
                );
            }
        }
        for (name, help, value) in [
            (
                "in_flight",
                "Requests being answered.",
                self.in_flight.load(Relaxed),
            ),
            (
                "in_flight_max",
                "The most requests answered at once.",
                snapshot.in_flight_max,
            ),
            (
                "connections_open",
                "Open connections.",
                self.connections_open.load(Relaxed),
            ),
        ] {
            let _ = writeln!(out, "# HELP ossplit_server_{name} {help}");
            let _ = writeln!(out, "# TYPE ossplit_server_{name} gauge");
            let _ = writeln!(out, "ossplit_server_{name} {value}");
        }
        out
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Counters>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
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
        let second = counters.begin();
        drop(second);
        counters.request(Operation::GetObject);
        counters.bytes_out(Operation::GetObject, 7);
        let json = serde_json::to_value(counters.snapshot()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "operations": {"GetObject": {"requests": 1, "errors": 0, "bytes_in": 0, "bytes_out": 7}},
                "in_flight_max": 2,
                "connections": 0,
            })
        );
        let text = counters.prometheus();
        assert!(text.contains("ossplit_server_sent_bytes_total{operation=\"GetObject\"} 7\n"));
        counters.reset();
        assert!(counters.snapshot().operations.is_empty());
        assert_eq!(counters.snapshot().in_flight_max, 1);
        drop(first);
    }
}
