//! `CopyObject` and `UploadPartCopy`.

use super::{
    conditions, encryption, meta, multipart,
    put::{forbids_overwrite, protect},
    restore, tags, with_version,
};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{CopySource, ObjectMeta, ObjectRecord, PartSource, StoreError, VersionId, Versioning},
};
use md5::{Digest, Md5};
use ossplit_protocol::{
    code::Code,
    crc64::Crc64,
    encode, etag, headers as names, names as rules,
    range::parse_copy_range,
    time,
    xml::{CopyObjectResult, CopyPartResult},
};
use std::ops::Range;

/// Times that a copy looks at its source again because it was replaced meanwhile.
const TRIES: usize = 8;

/// Bucket, key and version of `x-oss-copy-source`.
fn source(request: &Request) -> Result<(String, String, Option<VersionId>), Failure> {
    let sent = request.text(names::COPY_SOURCE).unwrap_or_default();
    let refuse = |ec| Failure::argument(names::COPY_SOURCE, sent).ec(ec);
    if sent.is_empty() {
        return Err(refuse("0042-00000302"));
    }
    let path = sent
        .strip_prefix('/')
        .ok_or_else(|| refuse("0042-00000301"))?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let version = match query.split_once('=').unwrap_or((query, "")) {
        ("", _) => None,
        ("versionId", "") => return Err(refuse("0016-00000305")),
        ("versionId", id) => Some(VersionId::parse(id).ok_or_else(|| refuse("0012-00000202"))?),
        _ => return Err(refuse("0016-00000304")),
    };
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let (Some(bucket), Some(key)) = (encode::decode_form(bucket), encode::decode_form(key)) else {
        return Err(refuse("0012-00000202"));
    };
    if rules::check_bucket(&bucket).is_err() {
        return Err(Failure::new(Code::InvalidBucketName).with("BucketName", bucket));
    }
    if let Err(reason) = rules::check_key(&key) {
        return Err(Failure::new(Code::InvalidObjectName)
            .ec(reason.ec())
            .with("ObjectName", key));
    }
    Ok((bucket.into_owned(), key.into_owned(), version))
}

/// The source's record, if it is there and the conditions hold.
async fn look(
    request: &Request,
    bucket: &str,
    key: &str,
    version: Option<VersionId>,
) -> Result<ObjectRecord, Failure> {
    let found = request.state.store.head(bucket, key, version).await;
    let record = found.map_err(|error| match error {
        StoreError::NoSuchBucket => Failure::from(error).with("BucketName", bucket),
        StoreError::NoSuchKey | StoreError::NoSuchVersion | StoreError::Deleted { .. } => {
            Failure::from(error).with("Key", key)
        }
        StoreError::IsDeleteMarker { marker } => {
            Failure::argument(names::COPY_SOURCE, marker.to_string()).ec("0016-00000307")
        }
        error => error.into(),
    })?;
    conditions::OF_SOURCE.check(request, &record)?;
    restore::check_readable(&record)?;
    Ok(record)
}

/// Says which version was copied, where the source's bucket keeps versions or ever did.
fn with_source_version(
    reply: Reply,
    request: &Request,
    bucket: &str,
    from: &ObjectRecord,
) -> Reply {
    let bucket = request.state.store.bucket(bucket);
    if bucket.is_none_or(|bucket| bucket.versioning == Versioning::Off) {
        return reply;
    }
    reply.with_text(names::COPY_SOURCE_VERSION_ID, &from.version.to_string())
}

/// What the copy says of itself.
fn meta_of_copy(request: &Request, from: &ObjectRecord) -> Result<ObjectMeta, Failure> {
    let tagging = request.text(names::TAGGING_DIRECTIVE).unwrap_or("Copy");
    let tags = match tagging.to_ascii_uppercase().as_str() {
        "COPY" => from.meta.tags.clone(),
        "REPLACE" => tags::of_header(request)?,
        _ => return Err(Failure::argument(names::TAGGING_DIRECTIVE, tagging)),
    };
    let directive = request.text(names::METADATA_DIRECTIVE).unwrap_or("COPY");
    match directive.to_ascii_uppercase().as_str() {
        "REPLACE" => Ok(ObjectMeta {
            tags,
            ..meta::of_request(request)?
        }),
        "COPY" => Ok(ObjectMeta {
            headers: from.meta.headers.clone(),
            user: from.meta.user.clone(),
            class: meta::class(request)?,
            acl: meta::object_acl(request)?.unwrap_or_default(),
            tags,
            encryption: encryption::of_request(request)?,
        }),
        _ => Err(Failure::argument(names::METADATA_DIRECTIVE, directive)),
    }
}

pub(super) async fn object(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let forbid = forbids_overwrite(request)?;
    let (bucket, key, version) = source(request)?;
    protect(request, request.key()).await?;
    let store = &request.state.store;
    for _ in 0..TRIES {
        let from = look(request, &bucket, &key, version).await?;
        let meta = meta_of_copy(request, &from)?;
        let source = CopySource {
            bucket: bucket.clone(),
            key: key.clone(),
            version,
            revision: from.revision,
        };
        let copy = store.copy(source, request.bucket(), request.key(), meta, forbid);
        let record = match copy.await {
            Err(StoreError::Changed) => continue,
            other => other?,
        };
        let document = CopyObjectResult {
            etag: record.etag.clone(),
            last_modified: time::xml_time(record.modified_ms.div_euclid(1000)),
        };
        let reply = Reply::xml(&document)
            .with_text("etag", &record.etag)
            .with(names::CRC64, record.crc64)
            .with("x-oss-copied-size", record.size);
        let reply = encryption::describe(reply, record.meta.encryption.as_ref());
        let reply = with_source_version(reply, request, &bucket, &from);
        return Ok(with_version(reply, request, record.version));
    }
    Err(StoreError::Changed.into())
}

/// The bytes of the source that a part copy takes.
fn range_of(request: &Request, size: u64) -> Result<Range<u64>, Failure> {
    let Some(sent) = request.text(names::COPY_SOURCE_RANGE) else {
        return Ok(0..size);
    };
    match parse_copy_range(sent) {
        Some(range) if range.end <= size => Ok(range),
        Some(_) => Err(Failure::new(Code::InvalidRange)
            .ec("0042-00000306")
            .with("ActualObjectSize", size.to_string())
            .with("RangeRequested", sent)),
        None => Err(Failure::argument(names::COPY_SOURCE_RANGE, sent)),
    }
}

/// The `ETag` and CRC-64 of a range: as recorded for the whole, else read and summed up.
async fn sums(
    request: &Request,
    from: &CopySource,
    record: &ObjectRecord,
    range: &Range<u64>,
) -> Result<(String, u64), Failure> {
    if let Some(md5) = &record.md5
        && *range == (0..record.size)
    {
        return Ok((etag::of_md5(md5), record.crc64));
    }
    let store = &request.state.store;
    let (now, content) = store.open(&from.bucket, &from.key, from.version).await?;
    if now.revision != from.revision {
        return Err(StoreError::Changed.into());
    }
    let (mut md5, mut crc64) = (Md5::new(), Crc64::new());
    let mut reader = content.read(range.clone());
    while let Some(chunk) = reader.next().await {
        let chunk = chunk.map_err(StoreError::from)?;
        md5.update(&chunk);
        crc64.update(&chunk);
    }
    Ok((etag::of_md5(&md5.finalize().into()), crc64.value()))
}

pub(super) async fn part(request: &mut Request) -> Result<Reply, Failure> {
    const EC: &str = "0042-00000311";
    let (id, number, upload) = multipart::need_upload(request, EC).await?;
    let (bucket, key, version) = source(request)?;
    let record = look(request, &bucket, &key, version).await?;
    let range = range_of(request, record.size)?;
    let source_bucket = bucket.clone();
    let source = CopySource {
        bucket,
        key,
        version,
        revision: record.revision,
    };
    let (etag, crc64) = sums(request, &source, &record, &range).await?;
    let size = range.end - range.start;
    let from = PartSource {
        source,
        range,
        etag,
        crc64,
    };
    let store = &request.state.store;
    let copy = store.copy_part(request.bucket(), request.key(), id, number, from);
    let part = copy
        .await
        .map_err(|error| multipart::with_ec(error.into(), EC))?;
    let document = CopyPartResult {
        last_modified: time::xml_time(part.modified_ms.div_euclid(1000)),
        etag: part.etag.clone(),
    };
    let reply = Reply::xml(&document)
        .with_text("etag", &part.etag)
        .with(names::CRC64, part.crc64)
        .with("x-oss-copied-size", size);
    let reply = encryption::describe(reply, upload.meta.encryption.as_ref());
    Ok(with_source_version(reply, request, &source_bucket, &record))
}
