//! Claims of signatures, in headers, URLs and forms: nothing forged is ever accepted.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use ossplit_protocol::{
    encode,
    sign::{self, post},
};

/// A secret that no input can know.
const SECRET: &str = "4f6dd53a6d0c4bd0a1f0";

fuzz_target!(|input: (&str, &str, Vec<(&str, &str)>)| {
    let (key, query, pairs) = input;
    let mut headers = HeaderMap::new();
    for (name, value) in &pairs {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(*value))
        {
            headers.append(name, value);
        }
    }
    let query = encode::parse_query(query).unwrap_or_default();
    let request = sign::Request {
        method: "GET",
        bucket: Some("bucket"),
        key: Some(key),
        query: &query,
        headers: &headers,
    };
    if let Ok(Some(claim)) = sign::parse(&request) {
        let verified = sign::verify(&claim, &request, SECRET, "cn-local", 1_700_000_000);
        assert!(verified.is_err(), "{claim:?}");
    }
    let field = |name: &'static str| {
        let found = pairs.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    };
    if let Ok(Some(claim)) = post::parse(field) {
        assert!(post::verify(&claim, SECRET, "cn-local", 1_700_000_000).is_err());
    }
});
