//! `GetObject`, `HeadObject`, `GetObjectMeta`.

use super::{conditions, encryption, restore, symlink, version, with_version};
use crate::{
    failure::Failure,
    http::{Payload, Reply, Request},
    store::{ObjectKind, ObjectRecord, StoredHeader},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use ossplit_protocol::{
    code::Code,
    headers as names,
    range::{self, Resolved},
    time,
};

/// Query parameters that replace headers of the answer.
const OVERRIDES: &[(&str, HeaderName)] = &[
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

fn stored_name(stored: StoredHeader) -> HeaderName {
    match stored {
        StoredHeader::ContentType => header::CONTENT_TYPE,
        StoredHeader::CacheControl => header::CACHE_CONTROL,
        StoredHeader::ContentDisposition => header::CONTENT_DISPOSITION,
        StoredHeader::ContentEncoding => header::CONTENT_ENCODING,
        StoredHeader::ContentLanguage => header::CONTENT_LANGUAGE,
        StoredHeader::Expires => header::EXPIRES,
    }
}

/// `ETag`, time and checksum.
pub(super) fn identify(request: &Request, record: &ObjectRecord) -> Reply {
    let modified = time::http_date(record.modified_ms.div_euclid(1000));
    let reply = Reply::ok()
        .with_text("etag", &record.etag)
        .with_text("last-modified", &modified)
        .with(names::CRC64, record.crc64);
    with_version(reply, request, record.version)
}

/// Everything that GET and HEAD say of an object.
fn describe(request: &Request, record: &ObjectRecord) -> Reply {
    let mut reply = identify(request, record)
        .with("accept-ranges", HeaderValue::from_static("bytes"))
        .with(
            names::OBJECT_TYPE,
            HeaderValue::from_static(record.kind.name()),
        )
        .with(
            names::STORAGE_CLASS,
            HeaderValue::from_static(record.meta.class.name()),
        );
    if let Some(md5) = &record.md5 {
        reply = reply.with_text("content-md5", &STANDARD.encode(md5));
    }
    if record.kind == ObjectKind::Appendable {
        reply = reply.with(names::NEXT_APPEND_POSITION, record.size);
    }
    if let Some(sealed) = record.sealed_ms {
        let date = time::http_date(sealed.div_euclid(1000));
        reply = reply.with_text(names::SEALED_TIME, &date);
    }
    if !record.meta.tags.is_empty() {
        reply = reply.with(names::TAGGING_COUNT, record.meta.tags.len() as u64);
    }
    if let Some(info) = restore::info(record) {
        reply = reply.with_text(names::RESTORE, &info);
    }
    reply = encryption::describe(reply, record.meta.encryption.as_ref());
    // What came in a header can go out in one.
    for (stored, value) in &record.meta.headers {
        if let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) {
            reply.set(stored_name(*stored), value);
        }
    }
    with_user_metadata(reply, record)
}

/// User metadata, as they came.
pub(super) fn with_user_metadata(mut reply: Reply, record: &ObjectRecord) -> Reply {
    for (name, value) in &record.meta.user {
        let name = HeaderName::try_from(format!("{}{name}", names::META_PREFIX));
        let value = HeaderValue::from_maybe_shared(value.clone());
        if let (Ok(name), Ok(value)) = (name, value) {
            reply.set(name, value);
        }
    }
    reply
}

pub(super) async fn get(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    encryption::refuse_headers(request)?;
    let (record, content) = symlink::open(request, version).await?;
    conditions::OF_READ.check(request, &record)?;
    restore::check_readable(&record)?;
    let standard = request.text(names::RANGE_BEHAVIOR) == Some("standard");
    let resolved = match request.text(header::RANGE) {
        Some(value) => range::resolve(value, record.size, standard),
        None => Resolved::Whole,
    };
    let mut reply = describe(request, &record);
    let range = match resolved {
        Resolved::Whole => 0..record.size,
        Resolved::Partial(range) => {
            reply.status = StatusCode::PARTIAL_CONTENT;
            let value = range::content_range(&range, record.size);
            reply = reply.with_text("content-range", &value);
            range
        }
        Resolved::NotSatisfiable => {
            let asked = request.text(header::RANGE).unwrap_or_default();
            return Err(Failure::new(Code::InvalidRange)
                .with("ActualObjectSize", record.size.to_string())
                .with("RangeRequested", asked));
        }
    };
    for (parameter, name) in OVERRIDES {
        if let Some(value) = request.parameter(parameter) {
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| Failure::argument("response-*", value))?;
            reply.set(name.clone(), value);
        }
    }
    reply.payload = Payload::Content(content.read(range));
    Ok(reply)
}

pub(super) async fn head(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    encryption::refuse_headers(request)?;
    let record = symlink::head(request, version).await?;
    conditions::OF_READ.check(request, &record)?;
    let mut reply = describe(request, &record);
    reply.payload = Payload::Head(record.size);
    Ok(reply)
}

pub(super) async fn meta(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let store = &request.state.store;
    let record = store.head(request.bucket(), request.key(), version).await?;
    conditions::OF_READ.check(request, &record)?;
    let mut reply = identify(request, &record);
    if request.method == Method::HEAD {
        reply.payload = Payload::Head(record.size);
    }
    Ok(reply)
}
