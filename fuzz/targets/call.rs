//! Calls of the owner: signed, with any query, headers and body.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use ossplit_fuzz::{Target, key};
use ossplit_protocol::{encode, sign::v1, time};
use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

thread_local!(static TARGET: RefCell<Target> = RefCell::default());

const METHODS: [&str; 6] = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"];

fuzz_target!(|input: (u8, &str, &str, Vec<(&str, &str)>, &[u8])| {
    let (method, object, query, pairs, body) = input;
    let method = METHODS[usize::from(method) % METHODS.len()];
    let Some(query) = encode::parse_query(query) else {
        return;
    };
    // Nobody is to be called.
    if query.iter().any(|(name, _)| name == "callback") {
        return;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(name).ok();
        let framing = [
            "content-length",
            "transfer-encoding",
            "host",
            "x-oss-callback",
            "expect",
        ];
        let name = name.filter(|name| !framing.contains(&name.as_str()));
        if let (Some(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = now.as_secs() as i64;
    headers.insert(
        "date",
        HeaderValue::try_from(time::http_date(now)).expect("a date"),
    );
    let object = Some(object).filter(|object| !object.is_empty());
    if v1::sign_header(
        method,
        Some("bucket"),
        object,
        &query,
        &mut headers,
        &key(),
        now,
    )
    .is_err()
    {
        return;
    }
    let path = encode::path(object.unwrap_or_default());
    let mut out = format!(
        "{method} /bucket/{path}?{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n",
        encode::format_query(&query),
        body.len(),
    )
    .into_bytes();
    for (name, value) in &headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    TARGET.with_borrow_mut(|target| target.send(&out));
});
