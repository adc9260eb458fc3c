//! One request, from its head to its response.

use super::{Address, Body, Reply, Request, respond::Responder};
use crate::{
    access,
    auth::Keys,
    counters::Counters,
    failure::Failure,
    ops,
    route::{self, Operation},
    store::Store,
};
use http::Response;
use hyper::body::Incoming;
use ossplit_protocol::{headers as names, sign};
use std::{
    convert::Infallible,
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

/// Answers a request.
pub(crate) async fn handle(
    state: Arc<State>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let in_flight = state.counters.begin();
    let start = Instant::now();
    if !state.latency.is_zero() {
        tokio::time::sleep(state.latency).await;
    }
    let (head, body) = request.into_parts();
    let (address, refused) = Address::parse(&head.uri, &head.headers, &state.domains);
    let counters = Arc::clone(&state.counters);
    let mut request = Request::new(state, head.method, address, head.headers, body);
    let result = match refused {
        Some(failure) => Err(failure),
        None => answer(&mut request).await,
    };
    let responder = Responder {
        method: request.method.clone(),
        operation: request.operation,
        host: std::mem::take(&mut request.address.host),
        bucket: request.address.bucket.take(),
        key: request.address.key.take(),
        upload_id: request.parameter("uploadId").map(str::to_owned),
        request_id: std::mem::take(&mut request.id),
        start,
        counters,
        in_flight,
    };
    request.drain().await;
    Ok(responder.respond(result))
}

async fn answer(request: &mut Request) -> Result<Reply, Failure> {
    let address = &request.address;
    let routed = route::route(
        &request.method,
        address.bucket.as_deref(),
        address.key.as_deref(),
        &address.query,
        request.headers.contains_key(names::COPY_SOURCE),
    );
    request.operation = *routed.as_ref().unwrap_or(&Operation::Unknown);
    let claimed = sign::Request {
        method: request.method.as_str(),
        bucket: address.bucket.as_deref(),
        key: address.key.as_deref(),
        query: &address.query,
        headers: &request.headers,
    };
    let state = &request.state;
    request.identity = state
        .keys
        .identify(&claimed, &state.region, unix_seconds())?;
    // What is not here is only told to those who may ask.
    let operation = routed?;
    access::check(request, operation).await?;
    ops::run(request, operation).await
}
