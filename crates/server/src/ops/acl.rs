//! ACLs of buckets and objects.

use super::{meta, owner, settings, version, with_version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{Acl, StoreError},
};
use ossplit_protocol::{
    code::Code,
    headers as names,
    xml::{AccessControlList, AccessControlPolicy},
};

/// `x-oss-acl`.
pub(super) fn of_bucket(request: &Request) -> Result<Option<Acl>, Failure> {
    let Some(word) = request.text(names::ACL) else {
        return Ok(None);
    };
    match Acl::from_name(word) {
        Some(acl) if acl != Acl::Inherit => Ok(Some(acl)),
        _ => Err(Failure::argument(names::ACL, word)
            .ec("0015-00000204")
            .message("no such bucket access control exists")),
    }
}

fn policy(acl: Acl) -> Reply {
    Reply::xml(&AccessControlPolicy {
        owner: owner(),
        access_control_list: AccessControlList {
            grant: acl.name().to_owned(),
        },
    })
}

pub(super) async fn put_bucket(request: &mut Request) -> Result<Reply, Failure> {
    let acl = of_bucket(request)?
        .ok_or_else(|| Failure::new(Code::MissingArgument).with("ArgumentName", names::ACL))?;
    settings::check_acl(request, acl)?;
    let store = &request.state.store;
    store.set_bucket_acl(request.bucket(), acl).await?;
    Ok(Reply::ok())
}

pub(super) fn get_bucket(request: &Request) -> Result<Reply, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    Ok(policy(bucket.ok_or(StoreError::NoSuchBucket)?.acl))
}

pub(super) async fn put_object(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let acl = meta::object_acl(request)?.ok_or_else(|| {
        Failure::new(Code::MissingArgument).with("ArgumentName", names::OBJECT_ACL)
    })?;
    settings::check_acl(request, acl)?;
    let store = &request.state.store;
    let (bucket, key) = (request.bucket(), request.key());
    let changed = store.change(bucket, key, version, move |record| {
        record.meta.acl = acl;
        Ok::<(), Failure>(())
    });
    let record = changed.await??;
    Ok(with_version(Reply::ok(), request, record.version))
}

pub(super) async fn get_object(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let store = &request.state.store;
    let record = store.head(request.bucket(), request.key(), version).await?;
    let reply = policy(record.meta.acl);
    Ok(with_version(reply, request, record.version))
}
