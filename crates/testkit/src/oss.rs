//! The bucket seen past the mount: a blocking client of one request a connection, so that tests
//! can put, get, list and delete objects behind a mount's back.

use crate::{Server, server};
use http::{HeaderMap, HeaderName, HeaderValue};
use ossplit_protocol::{
    encode,
    sign::{self, v1, v4},
    xml,
};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{SystemTime, UNIX_EPOCH},
};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends one V1-signed request in path style.
///
/// # Panics
/// When the server does not answer.
pub fn send(
    server: &Server,
    method: &str,
    bucket: &str,
    key: Option<&str>,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let query: Vec<(String, String)> = query
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        map.insert(name, HeaderValue::from_str(value).expect("a header value"));
    }
    let credentials = sign::Key {
        id: server::KEY_ID.into(),
        secret: server::KEY_SECRET.into(),
        token: None,
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    v1::sign_header(
        method,
        Some(bucket),
        key,
        &query,
        &mut map,
        &credentials,
        now.cast_signed(),
    )
    .expect("ASCII credentials");
    let mut path = format!("/{bucket}/{}", encode::path(key.unwrap_or("")));
    if !query.is_empty() {
        path = format!("{path}?{}", encode::format_query(&query));
    }
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
        server.address,
        body.len()
    );
    for (name, value) in &map {
        let value = value.to_str().expect("ASCII headers");
        request.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    request += "\r\n";
    let mut stream = TcpStream::connect(&server.address).expect("the server accepts");
    stream
        .set_read_timeout(Some(crate::DEADLINE))
        .expect("a timeout can be set");
    stream
        .write_all(request.as_bytes())
        .expect("a request can be sent");
    stream.write_all(body).expect("a body can be sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    parse(&answer)
}

/// The headers that sign a request with V4, as text, one a line; good for 15 minutes. An empty
/// `key` is the bucket.
///
/// # Panics
/// When the clock is before 1970.
pub fn signed_v4(method: &str, bucket: &str, key: &str, query: &[(&str, &str)]) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        .cast_signed();
    let credentials = sign::Key {
        id: server::KEY_ID.into(),
        secret: server::KEY_SECRET.into(),
        token: None,
    };
    let target = v4::Target {
        region: "cn-local",
        product: "oss",
    };
    let scope = target.scope(now);
    let signer = v4::Signer {
        key: &credentials,
        scope: &scope,
        signing_key: &v4::SigningKey::derive(&credentials.secret, &scope),
    };
    let query: Vec<(String, String)> = query
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let mut headers = HeaderMap::new();
    let key = Some(key).filter(|key| !key.is_empty());
    let map = &mut headers;
    v4::sign_header(method, Some(bucket), key, &query, map, signer, &[], now)
        .expect("ASCII credentials");
    headers
        .iter()
        .fold(String::new(), |mut out, (name, value)| {
            let value = value.to_str().expect("ASCII headers");
            out.extend([name.as_str(), ": ", value, "\r\n"]);
            out
        })
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let body = answer[end + 4..].to_vec();
    assert!(
        headers
            .get("transfer-encoding")
            .is_none_or(|coding| coding != "chunked"),
        "the server knows the length of what it sends"
    );
    Answer {
        status: status.expect("a status"),
        headers,
        body,
    }
}

/// `PutObject`.
///
/// # Panics
/// When it is refused.
pub fn put(server: &Server, bucket: &str, key: &str, body: &[u8]) {
    let answer = send(server, "PUT", bucket, Some(key), &[], &[], body);
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

/// `GetObject`; `None` when there is none.
///
/// # Panics
/// On any other refusal.
pub fn get(server: &Server, bucket: &str, key: &str) -> Option<Vec<u8>> {
    let answer = send(server, "GET", bucket, Some(key), &[], &[], b"");
    match answer.status {
        200 => Some(answer.body),
        404 => None,
        status => panic!("{status} {}", String::from_utf8_lossy(&answer.body)),
    }
}

/// The headers of `HeadObject`; `None` when there is none.
pub fn head(server: &Server, bucket: &str, key: &str) -> Option<BTreeMap<String, String>> {
    let answer = send(server, "HEAD", bucket, Some(key), &[], &[], b"");
    (answer.status == 200).then_some(answer.headers)
}

/// `DeleteObject`.
///
/// # Panics
/// When it is refused.
pub fn delete(server: &Server, bucket: &str, key: &str) {
    let answer = send(server, "DELETE", bucket, Some(key), &[], &[], b"");
    assert_eq!(
        answer.status,
        204,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

/// The keys that begin with `prefix`, up to 1,000.
///
/// # Panics
/// When listing is refused.
pub fn keys(server: &Server, bucket: &str, prefix: &str) -> Vec<String> {
    let query = [
        ("prefix", prefix),
        ("max-keys", "1000"),
        ("encoding-type", "url"),
        ("list-type", "2"),
    ];
    let answer = send(server, "GET", bucket, None, &query, &[], b"");
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let page: xml::ListBucketResultV2 = xml::read(&answer.body).expect("a listing");
    let page = page.decoded().expect("encoded keys");
    page.contents.into_iter().map(|object| object.key).collect()
}

/// How many uploads are unfinished.
///
/// # Panics
/// When listing is refused.
pub fn unfinished_uploads(server: &Server, bucket: &str) -> usize {
    let answer = send(server, "GET", bucket, None, &[("uploads", "")], &[], b"");
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let page: xml::ListMultipartUploadsResult = xml::read(&answer.body).expect("a listing");
    page.upload.len()
}
