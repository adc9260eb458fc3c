//! The console: counters on a port of their own, so that nothing on the data port is special.
//!
//! `GET /counters` (JSON), `POST /counters/reset`, `GET /metrics` (Prometheus).

use crate::counters::Counters;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

/// Answers a request to the console.
pub(crate) fn answer<B>(counters: &Counters, request: &Request<B>) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/counters") => (
            StatusCode::OK,
            "application/json",
            serde_json::to_string(&counters.snapshot()).unwrap_or_default(),
        ),
        (&Method::POST, "/counters/reset") => {
            counters.reset();
            (StatusCode::NO_CONTENT, "text/plain", String::new())
        }
        (&Method::GET, "/metrics") => (
            StatusCode::OK,
            "text/plain; version=0.0.4",
            counters.prometheus(),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "GET /counters, POST /counters/reset, GET /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_three_calls_are_known() {
        let counters = Counters::default();
        for (method, path, status) in [
            (Method::GET, "/counters", 200),
            (Method::POST, "/counters/reset", 204),
            (Method::GET, "/metrics", 200),
            (Method::GET, "/counters/reset", 404),
            (Method::GET, "/", 404),
        ] {
            let mut request = Request::new(());
            *request.method_mut() = method;
            *request.uri_mut() = path.parse().unwrap();
            let response = answer(&counters, &request);
            assert_eq!(response.status(), status, "{path}");
        }
    }
}
