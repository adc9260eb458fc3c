//! The operations: each reads what its request says, asks the store, and answers.

mod acl;
mod append;
mod bucket;
mod conditions;
mod copy;
mod delete;
mod get;
mod intake;
mod list;
mod meta;
mod multipart;
mod put;
mod uploads;

use crate::{
    failure::Failure,
    http::{Reply, Request},
    route::Operation,
};
use ossplit_protocol::xml::Owner;

/// The id of the one account that owns everything here.
const OWNER_ID: &str = "1000000000000000";

fn owner() -> Owner {
    Owner {
        id: OWNER_ID.to_owned(),
        display_name: OWNER_ID.to_owned(),
    }
}

/// Runs the operation of a request that may make it.
pub(crate) async fn run(request: &mut Request, operation: Operation) -> Result<Reply, Failure> {
    match operation {
        Operation::ListBuckets => bucket::list(request),
        Operation::PutBucket => bucket::put(request).await,
        Operation::DeleteBucket => bucket::delete(request).await,
        Operation::GetBucketInfo => bucket::info(request),
        Operation::GetBucketLocation => bucket::location(request),
        Operation::GetBucketStat => bucket::stat(request).await,
        Operation::GetBucketVersioning => bucket::versioning(request),
        Operation::PutBucketAcl => acl::put_bucket(request).await,
        Operation::GetBucketAcl => acl::get_bucket(request),
        Operation::ListObjects => list::v1(request).await,
        Operation::ListObjectsV2 => list::v2(request).await,
        Operation::ListMultipartUploads => uploads::list(request).await,
        Operation::DeleteMultipleObjects => delete::multiple(request).await,
        Operation::PutObject => put::run(request).await,
        Operation::GetObject => get::get(request).await,
        Operation::HeadObject => get::head(request).await,
        Operation::GetObjectMeta => get::meta(request).await,
        Operation::DeleteObject => delete::one(request).await,
        Operation::CopyObject => copy::object(request).await,
        Operation::AppendObject => append::run(request).await,
        Operation::PutObjectAcl => acl::put_object(request).await,
        Operation::GetObjectAcl => acl::get_object(request).await,
        Operation::InitiateMultipartUpload => multipart::initiate(request).await,
        Operation::UploadPart => multipart::part(request).await,
        Operation::UploadPartCopy => copy::part(request).await,
        Operation::CompleteMultipartUpload => multipart::complete(request).await,
        Operation::AbortMultipartUpload => multipart::abort(request).await,
        Operation::ListParts => uploads::parts(request).await,
        Operation::Unknown => Err(Failure::new(ossplit_protocol::code::Code::NotImplemented)),
    }
}

/// Refuses a version id that no object here can have: without versioning there is only `null`.
fn check_version(request: &Request) -> Result<(), Failure> {
    match request.parameter("versionId") {
        None | Some("null") => Ok(()),
        Some("") => Err(Failure::argument("versionId", "").ec("0012-00000201")),
        Some(other) => Err(Failure::argument("versionId", other).ec("0012-00000202")),
    }
}
