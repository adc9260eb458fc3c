//! One request, from its head to its response.

use super::{
    Address, Body, End, Link, Payload, Reply, Request, cut::Cut, respond::Responder, traffic,
};
use crate::{
    access,
    auth::Keys,
    counters::Counters,
    failure::Failure,
    faults::{Decision, Faults, Reset},
    ops,
    route::{self, Operation},
    server::Limits,
    store::Store,
    sts::Metadata,
};
use http::Response;
use hyper::body::Incoming;
use ossplit_protocol::{headers as names, sign};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What all requests share.
pub(crate) struct State {
    pub(crate) store: Arc<Store>,
    pub(crate) keys: Keys,
    pub(crate) region: String,
    /// Domains whose names below are buckets; lower-case.
    pub(crate) domains: Vec<String>,
    /// Added before each request is looked at.
    pub(crate) latency: Duration,
    pub(crate) counters: Arc<Counters>,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    /// The policies of buckets, read.
    pub(crate) policies: access::Policies,
    /// Keys that an instance's metadata service gave out.
    pub(crate) metadata: Metadata,
    /// How long the restore of an archived object goes on.
    pub(crate) restore_time: Duration,
    /// Whether callbacks may go to other machines.
    pub(crate) callbacks_anywhere: bool,
    /// Whether clients come over TLS.
    pub(crate) secure: bool,
}

impl State {
    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// The time in unix seconds.
pub(crate) fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as i64)
}

/// The server's clock, in unix seconds, as its faults show it.
fn clock(faults: Option<&Decision>) -> i64 {
    unix_seconds() + faults.map_or(0, |faults| faults.skew_ms.div_euclid(1000))
}

/// Answers a request, or cuts its connection.
pub(crate) async fn handle(
    state: Arc<State>,
    link: Arc<Link>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let mut in_flight = state.counters.begin();
    let start = Instant::now();
    if !state.latency.is_zero() {
        tokio::time::sleep(state.latency).await;
    }
    let (head, body) = request.into_parts();
    let (address, refused) = Address::parse(&head.uri, &head.headers, &state.domains);
    let counters = Arc::clone(&state.counters);
    let mut request = Request::new(state, head.method, address, head.headers, body);
    request.peer = link.peer;
    let routed = refused.map_or_else(|| Ok(route(&request)), Err);
    request.operation = match &routed {
        Ok(Ok(operation)) => *operation,
        _ => Operation::Unknown,
    };
    in_flight.is_of(request.operation);
    let faults = request.state.faults.decide(
        request.operation,
        request.address.bucket.as_deref(),
        request.address.key.as_deref(),
    );
    if let Some(faults) = &faults {
        counters.faults(&faults.fired);
        tokio::time::sleep(faults.delay).await;
        request.paces.extend(faults.paces.iter().cloned());
    }
    let reset = faults.as_ref().and_then(|faults| faults.reset);
    let cut = |operation| {
        counters.request(operation, 0);
        link.end(End::Reset);
        Err(Cut)
    };
    if reset == Some(Reset::Before) {
        return cut(request.operation);
    }
    let injected = faults.as_ref().and_then(|faults| faults.error.clone());
    let mut result = match (injected, routed) {
        (Some(error), _) => Err(Failure::injected(error)),
        (None, Ok(routed)) => answer(&mut request, routed, clock(faults.as_ref())).await,
        (None, Err(refused)) => Err(refused),
    };
    if reset == Some(Reset::After) {
        return cut(request.operation);
    }
    if let (Some(faults), Ok(reply)) = (&faults, &mut result) {
        make_stale(&request, faults, reply);
    }
    let skewed = faults.as_ref().is_some_and(|faults| faults.skew_ms != 0);
    let responder = Responder {
        method: request.method.clone(),
        operation: request.operation,
        host: std::mem::take(&mut request.address.host),
        bucket: request.address.bucket.take(),
        key: request.address.key.take(),
        upload_id: request.parameter("uploadId").map(str::to_owned),
        request_id: std::mem::take(&mut request.id),
        start,
        in_flight,
        paces: std::mem::take(&mut request.paces),
        link,
        skewed: skewed.then(|| clock(faults.as_ref())),
        faults,
        counters,
    };
    request.drain().await;
    Ok(responder.respond(result))
}

fn route(request: &Request) -> Result<Operation, Failure> {
    let address = &request.address;
    route::route(
        &request.method,
        address.bucket.as_deref(),
        address.key.as_deref(),
        &address.query,
        request.headers.contains_key(names::COPY_SOURCE),
    )
}

/// Answers a listing from the past, if it is to be stale.
fn make_stale(request: &Request, faults: &Decision, reply: &mut Reply) {
    let (Some(listing), Payload::Bytes(fresh)) = (&faults.listing, &mut reply.payload) else {
        return;
    };
    // The same call: the same parameters, whoever signed it and when.
    let asked = request.address.query.iter();
    let mut asked: Vec<&(String, String)> = asked
        .filter(|(name, _)| {
            !name.starts_with("x-oss-")
                && !["Signature", "Expires", "OSSAccessKeyId", "security-token"]
                    .contains(&name.as_str())
        })
        .collect();
    asked.sort();
    let operation = request.operation.name();
    let name = format!("{operation} {} {asked:?}", request.bucket());
    *fresh = listing.answer(&name, fresh);
}

async fn answer(
    request: &mut Request,
    routed: Result<Operation, Failure>,
    now: i64,
) -> Result<Reply, Failure> {
    let address = &request.address;
    let claimed = sign::Request {
        method: request.method.as_str(),
        bucket: address.bucket.as_deref(),
        key: address.key.as_deref(),
        query: &address.query,
        headers: &request.headers,
    };
    let state = &request.state;
    // Anybody may ask with OPTIONS, so what such a request is signed with is not looked at: the Java SDK leaves the key
    // out of what it signs.
    if !matches!(routed, Ok(Operation::OptionObject)) {
        request.identity = state.keys.identify(&claimed, &state.region, now)?;
    }
    // What is not here is only told to those who may ask.
    let operation = routed?;
    access::check(request, operation).await?;
    request.paces.extend(traffic::limit(request)?);
    ops::run(request, operation).await
}
