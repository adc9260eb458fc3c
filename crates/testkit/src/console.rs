//! What the server was asked, from its console (`GET /counters`).

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// Sends one request to a plain HTTP server and gives its status and body.
///
/// # Panics
/// When the server does not answer.
pub fn http(address: &str, method: &str, path: &str) -> (u16, String) {
    send(address, method, path, "")
}

/// As [`http`], with a body.
fn send(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    stream
        .set_read_timeout(Some(crate::DEADLINE))
        .expect("a timeout can be set");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .expect("a request can be sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no status in {head}")),
        body.to_owned(),
    )
}

fn counters(console: &str) -> serde_json::Value {
    let (status, body) = http(console, "GET", "/counters");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("counters are JSON")
}

/// Body bytes that the server sent for an operation since the last reset.
pub fn bytes_out(console: &str, operation: &str) -> u64 {
    counters(console)["operations"][operation]["bytes_out"]
        .as_u64()
        .unwrap_or(0)
}

/// Requests since the last reset, by operation (`GetObject`, `ListObjects`, ...).
pub fn requests(console: &str) -> BTreeMap<String, u64> {
    let json = counters(console);
    let operations = json["operations"]
        .as_object()
        .expect("counters have operations");
    let count = |value: &serde_json::Value| value["requests"].as_u64().expect("a count");
    operations
        .iter()
        .map(|(name, value)| (name.clone(), count(value)))
        .filter(|(_, requests)| *requests > 0)
        .collect()
}

/// Makes the server misbehave from now on as a plan says (`docs/faults.md`).
pub fn set_faults(console: &str, plan: &str) {
    let (status, body) = send(console, "PUT", "/faults", plan);
    assert!(status < 300, "{status} {body}");
}

/// Sets every counter to zero.
pub fn reset(console: &str) {
    let (status, body) = http(console, "POST", "/counters/reset");
    assert!(status < 300, "{status} {body}");
}
