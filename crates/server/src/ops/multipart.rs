//! Multipart uploads: begin, part, complete, abort.

use super::{
    callback, encryption, intake, meta,
    put::{forbids_overwrite, protect, written},
};
use crate::{
    failure::Failure,
    http::{Payload, Reply, Request},
    store::{Choice, MAX_PARTS, ObjectRecord, StoreError, UploadId, UploadRecord},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use ossplit_protocol::{
    code::Code,
    encode, headers as names,
    xml::{
        self, CompleteMultipartUpload, CompleteMultipartUploadResult, InitiateMultipartUploadResult,
    },
};

fn no_such_upload(request: &Request) -> Failure {
    let id = request.parameter("uploadId").unwrap_or_default();
    Failure::new(Code::NoSuchUpload).with("UploadId", id)
}

/// The upload that a request names; one that can't exist does not.
pub(super) fn upload_id(request: &Request) -> Result<UploadId, Failure> {
    meta::default_class(request)?;
    let id = request.parameter("uploadId").and_then(UploadId::parse);
    id.ok_or_else(|| no_such_upload(request))
}

/// The part number that a request names.
pub(super) fn part_number(request: &Request) -> Result<u16, Failure> {
    let sent = request.parameter("partNumber").unwrap_or_default();
    let number = sent.parse().ok();
    number
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| {
            Failure::argument("PartNumber", sent)
                .ec("0017-00000220")
                .message("Part number must be an integer between 1 and 10000, inclusive.")
        })
}

pub(super) async fn initiate(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let encodes = request.encodes_url()?;
    let sequential = request.parameter("sequential").is_some();
    let mut meta = meta::of_request(request)?;
    // The ACL is said at completion.
    meta.acl = crate::store::Acl::Inherit;
    let (bucket, key) = (request.bucket(), request.key());
    let store = &request.state.store;
    let encryption = meta.encryption.clone();
    let id = store.create_upload(bucket, key, meta, sequential).await?;
    let result = InitiateMultipartUploadResult {
        encoding_type: None,
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        upload_id: id.as_str().to_owned(),
    };
    let reply = Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    });
    Ok(encryption::describe(reply, encryption.as_ref()))
}

/// The upload of a part that is about to be sent.
pub(super) async fn need_upload(
    request: &Request,
    ec: &'static str,
) -> Result<(UploadId, u16, UploadRecord), Failure> {
    let number = part_number(request)?;
    let id = upload_id(request).map_err(|failure| with_ec(failure, ec))?;
    let (bucket, key) = (request.bucket(), request.key());
    let found = request.state.store.need_upload(bucket, key, id).await;
    let upload = found.map_err(|error| with_ec(error.into(), ec))?;
    Ok((id, number, upload))
}

/// The EC of a missing upload depends on the call.
pub(super) fn with_ec(failure: Failure, ec: &'static str) -> Failure {
    match failure.code() {
        Code::NoSuchUpload => failure.ec(ec),
        _ => failure,
    }
}

pub(super) async fn part(request: &mut Request) -> Result<Reply, Failure> {
    const EC: &str = "0042-00000104";
    encryption::refuse_headers(request)?;
    let (id, number, upload) = need_upload(request, EC).await?;
    let staged = intake::part(request).await?;
    let md5 = STANDARD.encode(staged.md5);
    let (bucket, key) = (request.bucket(), request.key());
    let put = request
        .state
        .store
        .put_part(bucket, key, id, number, staged);
    let part = put.await.map_err(|error| with_ec(error.into(), EC))?;
    let reply = Reply::ok()
        .with_text("etag", &part.etag)
        .with(names::CRC64, part.crc64)
        .with_text("content-md5", &md5);
    Ok(encryption::describe(reply, upload.meta.encryption.as_ref()))
}

/// The parts that a completion asks for.
async fn choice(request: &mut Request) -> Result<Choice, Failure> {
    let body = request.document().await?;
    let all = request.text(names::COMPLETE_ALL).map(str::to_owned);
    match all {
        Some(word) if !word.eq_ignore_ascii_case("yes") => {
            return Err(Failure::argument(names::COMPLETE_ALL, word));
        }
        Some(word) if !body.is_empty() => {
            return Err(Failure::argument(names::COMPLETE_ALL, word)
                .ec("0042-00000216")
                .message("Should not speficy both complete all header and http body."));
        }
        Some(_) => return Ok(Choice::All),
        None => {}
    }
    let malformed = || Failure::new(Code::MalformedXML).ec("0042-00000205");
    let document: CompleteMultipartUpload = xml::read(&body).map_err(|_| malformed())?;
    if document.part.is_empty() {
        return Err(malformed());
    }
    let mut last = 0;
    let mut listed = Vec::with_capacity(document.part.len());
    for part in document.part {
        if part.part_number <= last {
            return Err(Failure::new(Code::InvalidPartOrder));
        }
        last = part.part_number;
        let number = u16::try_from(last).ok().filter(|n| *n <= MAX_PARTS);
        let number = number
            .ok_or_else(|| Failure::argument("PartNumber", last.to_string()).ec("0017-00000220"))?;
        listed.push((number, part.etag));
    }
    Ok(Choice::Listed(listed))
}

/// Gives the object of a sequential upload the MD5 that others lack.
async fn sum_up(request: &Request, record: &ObjectRecord) -> Result<(), Failure> {
    let store = &request.state.store;
    let (bucket, key, version) = (request.bucket(), request.key(), Some(record.version));
    let Ok((found, content)) = store.open(bucket, key, version).await else {
        // Replaced already.
        return Ok(());
    };
    let mut sum = Md5::new();
    let mut reader = content.read(0..found.size);
    while let Some(chunk) = reader.next().await {
        sum.update(&chunk.map_err(StoreError::from)?);
    }
    let (md5, revision) = (sum.finalize().into(), record.revision);
    let changed = store.change(bucket, key, version, move |record| {
        if record.revision == revision {
            record.md5 = Some(md5);
        }
        Ok::<(), Failure>(())
    });
    match changed.await {
        Err(StoreError::NoSuchKey | StoreError::NoSuchVersion) => Ok(()),
        other => other?.map(|_| ()),
    }
}

pub(super) async fn complete(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    encryption::refuse_headers(request)?;
    let encodes = request.encodes_url()?;
    let forbid = forbids_overwrite(request)?;
    let acl = meta::object_acl(request)?;
    let id = upload_id(request)?;
    let callback = callback::of_request(request)?;
    let choice = choice(request).await?;
    let (bucket, key) = (request.bucket(), request.key());
    let store = &request.state.store;
    let upload = store.need_upload(bucket, key, id).await?;
    protect(request, key).await?;
    let done = store.complete(bucket, key, id, choice, acl, forbid).await;
    let record = done.map_err(|error| {
        let failure = Failure::from(error);
        match failure.code() {
            Code::FileAlreadyExists => failure.ec("0042-00000214"),
            _ => failure,
        }
    })?;
    if upload.sequential {
        sum_up(request, &record).await?;
    }
    let scheme = request.state.scheme();
    let endpoint = &request.address.endpoint;
    let result = CompleteMultipartUploadResult {
        encoding_type: None,
        location: format!("{scheme}://{bucket}.{endpoint}/{}", encode::path(key)),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        etag: record.etag.clone(),
    };
    let document = Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    });
    let mut reply = written(request, &record);
    reply.payload = match document.payload {
        Payload::Bytes(bytes) => Payload::Bytes(bytes),
        other => other,
    };
    reply.headers.extend(document.headers);
    match callback {
        Some(callback) => callback.call(request, &record, reply).await,
        None => Ok(reply),
    }
}

pub(super) async fn abort(request: &mut Request) -> Result<Reply, Failure> {
    let id = upload_id(request)?;
    let (bucket, key) = (request.bucket(), request.key());
    request.state.store.abort(bucket, key, id).await?;
    Ok(Reply::no_content())
}
