//! `PostObject`: an object out of a browser's form.

mod form;
mod policy;

use super::{
    callback, encryption, meta,
    put::{forbids_overwrite, written},
};
use crate::{
    access,
    auth::Identity,
    failure::Failure,
    http::{Payload, Reply, Request, State, unix_seconds},
    policy::Circumstances,
    store::{Staged, StoreError},
};
use bytes::Bytes;
use form::Form;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ossplit_protocol::{
    code::Code,
    encode, names as rules,
    sign::post as signature,
    xml::{self, PostResponse},
};
use std::sync::Arc;

/// Fields that become headers of the object under the same name.
const AS_HEADERS: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "content-md5",
    "expires",
    "x-oss-object-acl",
    "x-oss-storage-class",
    "x-oss-tagging",
    "x-oss-forbid-overwrite",
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
    "x-oss-server-side-data-encryption",
];

pub(super) async fn run(request: &mut Request) -> Result<Reply, Failure> {
    let boundary = form::boundary(request)?;
    let (state, bucket) = (Arc::clone(&request.state), request.bucket().to_owned());
    if state.store.bucket(&bucket).is_none() {
        return Err(StoreError::NoSuchBucket.into());
    }
    let circumstances = access::circumstances(request);
    let allowed = |form: &Form| allow(&state, &bucket, form, &circumstances);
    let (form, staged) = form::read(request, boundary, &state, &allowed).await?;
    let key = key_of(&form)?;
    request.headers = headers_of(&form)?;
    let callback = match form.get("callback") {
        Some(sent) => Some(callback::of_form(sent, form.variables())?),
        None => None,
    };
    check_md5(request, &staged)?;
    let forbid = forbids_overwrite(request).map_err(|failure| failure.ec("0006-00000117"))?;
    encryption::of_request(request)?;
    let meta = meta::of_request(request)?;
    let put = state.store.put(&bucket, &key, meta, staged, forbid);
    let record = put.await?;
    request.address.key = Some(key.clone());
    let reply = written(request, &record);
    if let Some(callback) = callback {
        return callback.call(request, &record, reply).await;
    }
    respond(request, &form, &key, &record.etag, reply)
}

/// Refuses a form whose signature or policy does not allow what it asks for; the most bytes that
/// its file may have.
fn allow(
    state: &State,
    bucket: &str,
    form: &Form,
    circumstances: &Circumstances,
) -> Result<policy::Lengths, Failure> {
    let claim =
        signature::parse(|name| form.get(name)).map_err(|error| Failure::of_auth(error, None))?;
    let identity = match &claim {
        Some(claim) => state
            .keys
            .identify_form(claim, &state.region, unix_seconds())?,
        None => Identity::Anonymous,
    };
    access::check_form(state, &identity, bucket, &key_of(form)?, circumstances)?;
    match &claim {
        Some(claim) => policy::check(&claim.policy, bucket, &key_of(form)?, form),
        None => Ok(policy::Lengths::ANY),
    }
}

/// The key; `${filename}` stands for the name of the file.
fn key_of(form: &Form) -> Result<String, Failure> {
    let sent = form.get("key").unwrap_or_default();
    let key = sent.replace("${filename}", form.file_name());
    match rules::check_key(&key) {
        Ok(()) => Ok(key),
        Err(reason) => Err(Failure::new(Code::InvalidObjectName)
            .ec(reason.ec())
            .with("ObjectName", key)),
    }
}

/// The fields that say something of the object, as the headers of a `PutObject`.
fn headers_of(form: &Form) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in form.fields() {
        let wanted = AS_HEADERS.contains(&name) || name.starts_with("x-oss-meta-");
        let name = match name {
            "x-oss-content-type" => "content-type",
            name if wanted => name,
            _ => continue,
        };
        let bad = || Failure::argument("form field", value);
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?;
        headers.insert(HeaderName::try_from(name).map_err(|_| bad())?, value);
    }
    if let Some(value) = form.file_type().and_then(|t| HeaderValue::from_str(t).ok()) {
        headers.entry("content-type").or_insert(value);
    }
    Ok(headers)
}

fn check_md5(request: &Request, staged: &Staged) -> Result<(), Failure> {
    match request.announced_md5()? {
        Some(md5) if md5 != staged.md5 => Err(request.wrong_md5()),
        _ => Ok(()),
    }
}

fn respond(
    request: &Request,
    form: &Form,
    key: &str,
    etag: &str,
    mut reply: Reply,
) -> Result<Reply, Failure> {
    let bucket = request.bucket();
    if let Some(to) = form
        .get("success_action_redirect")
        .filter(|to| !to.is_empty())
    {
        let joint = if to.contains('?') { '&' } else { '?' };
        let (key, etag) = (encode::component(key), encode::component(etag));
        let location = format!("{to}{joint}bucket={bucket}&key={key}&etag={etag}");
        let value = HeaderValue::try_from(location)
            .map_err(|_| Failure::argument("success_action_redirect", to))?;
        reply.status = StatusCode::SEE_OTHER;
        return Ok(reply.with("location", value));
    }
    let scheme = request.state.scheme();
    let endpoint = &request.address.endpoint;
    let location = format!("{scheme}://{bucket}.{endpoint}/{}", encode::path(key));
    reply = reply.with_text("location", &location);
    match form.get("success_action_status") {
        Some("200") => {}
        Some("201") => {
            reply.status = StatusCode::CREATED;
            reply = reply.with("content-type", HeaderValue::from_static("application/xml"));
            reply.payload = Payload::Bytes(Bytes::from(xml::write(&PostResponse {
                bucket: bucket.to_owned(),
                location,
                key: key.to_owned(),
                etag: etag.to_owned(),
            })));
        }
        _ => reply.status = StatusCode::NO_CONTENT,
    }
    Ok(reply)
}
