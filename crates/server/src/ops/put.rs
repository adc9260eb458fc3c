//! `PutObject`.

use super::{callback, encryption, intake, meta, settings, versioning, with_version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ObjectRecord, StoreError, Versioning},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ossplit_protocol::{headers as names, xml::settings::WormConfiguration};

/// Whether the request forbids to overwrite.
pub(super) fn forbids_overwrite(request: &Request) -> Result<bool, Failure> {
    let refuse = |failure: Failure| failure.ec("0017-00000279");
    request.flag(names::FORBID_OVERWRITE).map_err(refuse)
}

/// Refuses early, before the bytes are taken, what would be refused after.
pub(super) async fn refuse_early(request: &Request, forbid: bool) -> Result<(), Failure> {
    meta::default_class(request)?;
    protect(request, request.key()).await?;
    if !forbid || versioning(request) != Versioning::Off {
        return Ok(());
    }
    match request
        .state
        .store
        .head(request.bucket(), request.key(), None)
        .await
    {
        Ok(_) => Err(StoreError::Exists.into()),
        Err(_) => Ok(()),
    }
}

/// Refuses to replace or delete an object that a retention policy protects.
pub(super) async fn protect(request: &Request, key: &str) -> Result<(), Failure> {
    if settings::of_bucket::<WormConfiguration>(request, "worm").is_none() {
        return Ok(());
    }
    match request.state.store.head(request.bucket(), key, None).await {
        Ok(record) => settings::check_worm(request, &record),
        Err(_) => Ok(()),
    }
}

/// What every write of an object answers.
pub(super) fn written(request: &Request, record: &ObjectRecord) -> Reply {
    let reply = Reply::ok()
        .with_text("etag", &record.etag)
        .with(names::CRC64, record.crc64);
    let reply = encryption::describe(reply, record.meta.encryption.as_ref());
    with_version(reply, request, record.version)
}

pub(super) async fn run(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let forbid = forbids_overwrite(request)?;
    refuse_early(request, forbid).await?;
    let callback = callback::of_request(request)?;
    let meta = meta::of_request(request)?;
    let staged = intake::object(request).await?;
    let md5 = STANDARD.encode(staged.md5);
    let (bucket, key) = (request.bucket(), request.key());
    let put = request.state.store.put(bucket, key, meta, staged, forbid);
    let record = put.await?;
    let reply = written(request, &record).with_text("content-md5", &md5);
    match callback {
        Some(callback) => callback.call(request, &record, reply).await,
        None => Ok(reply),
    }
}
