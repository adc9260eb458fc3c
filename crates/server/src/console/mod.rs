//! The console: counters and faults on a port of their own, so that nothing on the data port is
//! special.
//!
//! `GET /counters` (JSON), `POST /counters/reset`, `GET /metrics` (Prometheus); `GET`, `PUT` and
//! `DELETE /faults`; STS at `/` and an instance's metadata service below `/latest`.

use crate::{
    faults::FaultPlan,
    http::State,
    sts::{self, StsAnswer},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Duration;

/// The largest body that a request may carry, in bytes.
const MAX_BODY: usize = 1 << 20;

/// A body that is not complete after this long is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const CALLS: &str = "\
GET /counters, POST /counters/reset, GET /metrics
GET /faults, PUT /faults, DELETE /faults
POST /?Action=AssumeRole, POST /?Action=AssumeRoleWithOIDC
PUT /latest/api/token, GET /latest/meta-data/ram/security-credentials/[ROLE]
";

/// A response of the console.
pub(crate) type Answer = Response<Full<Bytes>>;

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    respond(status, "text/plain; charset=utf-8", body)
}

fn json(value: &Value) -> Answer {
    respond(StatusCode::OK, "application/json", format!("{value}\n"))
}

/// Answers a request to the console.
pub(crate) async fn answer(state: &State, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => route(state, &head, &body.to_bytes()),
        Ok(Err(_)) => text(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large or broken off\n",
        ),
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "the body did not come\n"),
    }
}

fn counters(state: &State) -> Answer {
    match serde_json::to_string(&state.counters.snapshot()) {
        Ok(text) => respond(StatusCode::OK, "application/json", text),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn of_sts(answer: StsAnswer) -> Answer {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    respond(status, answer.kind, answer.text)
}

fn route(state: &State, head: &Parts, body: &[u8]) -> Answer {
    let (method, path) = (&head.method, head.uri.path());
    match (method, path) {
        (&Method::GET | &Method::POST, "/") => of_sts(sts::answer(state, head, body)),
        _ if path.starts_with("/latest/") => {
            let metadata = &state.metadata;
            of_sts(metadata.answer(state, method, path, &head.headers))
        }
        (&Method::GET, "/counters") => counters(state),
        (&Method::POST, "/counters/reset") => {
            state.counters.reset();
            text(StatusCode::NO_CONTENT, "")
        }
        (&Method::GET, "/metrics") => respond(
            StatusCode::OK,
            "text/plain; version=0.0.4",
            state.counters.prometheus(),
        ),
        (&Method::GET, "/faults") => json(&state.faults.describe()),
        (&Method::PUT, "/faults") => match FaultPlan::parse(body, "faults") {
            Ok(plan) => {
                state.faults.set(Some(plan));
                json(&state.faults.describe())
            }
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
        (&Method::DELETE, "/faults") => {
            state.faults.set(None);
            text(StatusCode::NO_CONTENT, "")
        }
        (_, "/counters" | "/counters/reset" | "/metrics" | "/faults") => {
            text(StatusCode::METHOD_NOT_ALLOWED, CALLS)
        }
        _ => text(StatusCode::NOT_FOUND, CALLS),
    }
}
