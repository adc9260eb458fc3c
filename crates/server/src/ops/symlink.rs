//! Symlinks: objects that name another object of their bucket.

use super::{
    get::identify,
    meta,
    put::{forbids_overwrite, refuse_early, written},
    version,
};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{Content, ObjectKind, ObjectRecord, StoreError, VersionId},
};
use http::HeaderValue;
use ossplit_protocol::{code::Code, encode, headers as names, names as rules};

pub(super) async fn put(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let forbid = forbids_overwrite(request)?;
    refuse_early(request, forbid).await?;
    let sent = request.text(names::SYMLINK_TARGET).unwrap_or_default();
    let refuse = || Failure::argument(names::SYMLINK_TARGET, sent).ec("0043-00000001");
    let target = encode::decode_form(sent).ok_or_else(refuse)?.into_owned();
    if let Err(reason) = rules::check_key(&target) {
        return Err(match sent {
            "" => refuse(),
            _ => refuse().ec(reason.ec()),
        });
    }
    let meta = meta::of_request(request)?;
    let (bucket, key) = (request.bucket(), request.key());
    let store = &request.state.store;
    let put = store.put_symlink(bucket, key, meta, target, forbid).await?;
    let mut reply = written(request, &put);
    reply.headers.remove(names::CRC64);
    Ok(reply)
}

pub(super) async fn get(request: &Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let store = &request.state.store;
    let record = store.head(request.bucket(), request.key(), version).await?;
    let target = record
        .target
        .as_deref()
        .ok_or_else(|| Failure::new(Code::NotSymlink))?;
    let reply = identify(request, &record)
        .with("content-type", HeaderValue::from_static("text/plain"))
        .with_text(names::SYMLINK_TARGET, &encode::component(target));
    let mut reply = super::get::with_user_metadata(reply, &record);
    reply.headers.remove(names::CRC64);
    Ok(reply)
}

/// What a read of a link shows: the bytes and their sums are the target's, the time is the later
/// one, and the rest is the link's.
fn merged(link: ObjectRecord, target: &ObjectRecord) -> ObjectRecord {
    let mut meta = link.meta;
    meta.class = target.meta.class;
    ObjectRecord {
        size: target.size,
        etag: target.etag.clone(),
        crc64: target.crc64,
        md5: target.md5,
        modified_ms: link.modified_ms.max(target.modified_ms),
        restore: target.restore,
        meta,
        ..link
    }
}

fn of_target(error: StoreError, target: &str) -> Failure {
    match error {
        StoreError::NoSuchKey | StoreError::Deleted { .. } => {
            Failure::new(Code::SymlinkTargetNotExist).with("Key", target)
        }
        error => error.into(),
    }
}

fn one_step(target: &ObjectRecord) -> Result<(), Failure> {
    if target.kind == ObjectKind::Symlink {
        return Err(Failure::new(Code::InvalidTargetType));
    }
    Ok(())
}

/// The record that a read shows, following a link one step.
pub(super) async fn head(
    request: &Request,
    version: Option<VersionId>,
) -> Result<ObjectRecord, Failure> {
    let store = &request.state.store;
    let found = store.head(request.bucket(), request.key(), version).await?;
    let Some(target) = found.target.clone() else {
        return Ok(found);
    };
    let there = store.head(request.bucket(), &target, None).await;
    let there = there.map_err(|error| of_target(error, &target))?;
    one_step(&there)?;
    Ok(merged(found, &there))
}

/// [`head`], with the bytes.
pub(super) async fn open(
    request: &Request,
    version: Option<VersionId>,
) -> Result<(ObjectRecord, Content), Failure> {
    let store = &request.state.store;
    let (found, content) = store.open(request.bucket(), request.key(), version).await?;
    let Some(target) = found.target.clone() else {
        return Ok((found, content));
    };
    let there = store.open(request.bucket(), &target, None).await;
    let (there, content) = there.map_err(|error| of_target(error, &target))?;
    one_step(&there)?;
    Ok((merged(found, &there), content))
}
