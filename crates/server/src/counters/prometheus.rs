//! The counters in Prometheus's text format (version 0.0.4). Labels are names of operations,
//! statuses and effects: never a bucket, a key or who asked.

use super::{Latency, Snapshot};
use std::fmt::Write as _;

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP ossplit_server_{name} {help}");
    let _ = writeln!(out, "# TYPE ossplit_server_{name} {kind}");
}

/// Values of a label.
type Labelled = Vec<(&'static str, u64)>;

pub(super) fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    let help = "Requests by the status of their answer; cut: none, as a fault wanted it.";
    family(&mut out, "requests_total", "counter", help);
    for (operation, counts) in &snapshot.operations {
        for (status, count) in &counts.statuses {
            let _ = writeln!(
                out,
                "ossplit_server_requests_total{{operation=\"{operation}\",status=\"{status}\"}} {count}"
            );
        }
    }
    let received = snapshot.operations.iter().map(|(o, c)| (*o, c.bytes_in));
    let sent = snapshot.operations.iter().map(|(o, c)| (*o, c.bytes_out));
    let faults = snapshot.faults.iter().map(|(name, count)| (*name, *count));
    let families: [(&str, &str, &str, Labelled); 3] = [
        (
            "received_bytes_total",
            "Bytes of request bodies.",
            "operation",
            received.collect(),
        ),
        (
            "sent_bytes_total",
            "Bytes of response bodies.",
            "operation",
            sent.collect(),
        ),
        (
            "faults_total",
            "Effects of fault rules.",
            "effect",
            faults.collect(),
        ),
    ];
    for (name, help, label, values) in families {
        family(&mut out, name, "counter", help);
        for (of, value) in values {
            let _ = writeln!(out, "ossplit_server_{name}{{{label}=\"{of}\"}} {value}");
        }
    }
    let help = "Seconds from a request's head to its answer's last byte.";
    family(&mut out, "request_seconds", "histogram", help);
    for (operation, counts) in &snapshot.operations {
        let latency = &counts.latency;
        let mut below = 0;
        for (bound, count) in Latency::BOUNDS_US.iter().zip(&latency.buckets) {
            below += count;
            let seconds = *bound as f64 / 1e6;
            let _ = writeln!(
                out,
                "ossplit_server_request_seconds_bucket{{operation=\"{operation}\",le=\"{seconds}\"}} {below}"
            );
        }
        let (count, sum) = (latency.count, latency.sum_us as f64 / 1e6);
        let of = format!("{{operation=\"{operation}\"");
        let _ = writeln!(
            out,
            "ossplit_server_request_seconds_bucket{of},le=\"+Inf\"}} {count}"
        );
        let _ = writeln!(out, "ossplit_server_request_seconds_sum{of}}} {sum}");
        let _ = writeln!(out, "ossplit_server_request_seconds_count{of}}} {count}");
    }
    for (name, kind, help, value) in [
        (
            "in_flight",
            "gauge",
            "Requests being answered.",
            snapshot.in_flight,
        ),
        (
            "in_flight_max",
            "gauge",
            "The most requests answered at once.",
            snapshot.in_flight_max,
        ),
        (
            "connections_total",
            "counter",
            "Connections accepted.",
            snapshot.connections,
        ),
        (
            "connections_open",
            "gauge",
            "Open connections.",
            snapshot.connections_open,
        ),
    ] {
        family(&mut out, name, kind, help);
        let _ = writeln!(out, "ossplit_server_{name} {value}");
    }
    out
}
