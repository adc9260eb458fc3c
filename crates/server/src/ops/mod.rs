//! The operations: each reads what its request says, asks the store, and answers.

mod acl;
mod append;
mod bucket;
mod callback;
mod conditions;
mod copy;
mod delete;
mod encryption;
mod get;
mod intake;
mod list;
mod meta;
mod multipart;
mod post;
mod put;
mod restore;
mod settings;
mod symlink;
mod tags;
mod uploads;
mod versions;

use crate::{
    auth::OWNER_ID,
    failure::Failure,
    http::{Reply, Request},
    route::Operation,
    store::{VersionId, Versioning},
};
use ossplit_protocol::{headers as names, xml::Owner};

fn owner() -> Owner {
    Owner {
        id: OWNER_ID.to_owned(),
        display_name: OWNER_ID.to_owned(),
    }
}

/// Runs the operation of a request that may make it.
pub(crate) async fn run(request: &mut Request, operation: Operation) -> Result<Reply, Failure> {
    let reply = dispatch(request, operation).await?;
    if operation == Operation::OptionObject {
        return Ok(reply);
    }
    Ok(settings::decorate(request, reply))
}

async fn dispatch(request: &mut Request, operation: Operation) -> Result<Reply, Failure> {
    match operation {
        Operation::ListBuckets => bucket::list(request),
        Operation::PutBucket => bucket::put(request).await,
        Operation::DeleteBucket => bucket::delete(request).await,
        Operation::GetBucketInfo => bucket::info(request),
        Operation::GetBucketLocation => bucket::location(request),
        Operation::GetBucketStat => bucket::stat(request).await,
        Operation::PutBucketVersioning => versions::put(request).await,
        Operation::GetBucketVersioning => versions::get(request),
        Operation::PutBucketAcl => acl::put_bucket(request).await,
        Operation::GetBucketAcl => acl::get_bucket(request),
        Operation::ListObjects => list::v1(request).await,
        Operation::ListObjectsV2 => list::v2(request).await,
        Operation::ListObjectVersions => versions::list(request).await,
        Operation::ListMultipartUploads => uploads::list(request).await,
        Operation::DeleteMultipleObjects => delete::multiple(request).await,
        Operation::PutObject => put::run(request).await,
        Operation::PostObject => post::run(request).await,
        Operation::GetObject => get::get(request).await,
        Operation::HeadObject => get::head(request).await,
        Operation::GetObjectMeta => get::meta(request).await,
        Operation::DeleteObject => delete::one(request).await,
        Operation::CopyObject => copy::object(request).await,
        Operation::AppendObject => append::run(request).await,
        Operation::SealAppendObject => append::seal(request).await,
        Operation::PutSymlink => symlink::put(request).await,
        Operation::GetSymlink => symlink::get(request).await,
        Operation::RestoreObject => restore::restore(request).await,
        Operation::CleanRestoredObject => restore::clean(request).await,
        Operation::PutObjectTagging => tags::put(request).await,
        Operation::GetObjectTagging => tags::get(request).await,
        Operation::DeleteObjectTagging => tags::delete(request).await,
        Operation::PutObjectAcl => acl::put_object(request).await,
        Operation::GetObjectAcl => acl::get_object(request).await,
        Operation::InitiateMultipartUpload => multipart::initiate(request).await,
        Operation::UploadPart => multipart::part(request).await,
        Operation::UploadPartCopy => copy::part(request).await,
        Operation::CompleteMultipartUpload => multipart::complete(request).await,
        Operation::AbortMultipartUpload => multipart::abort(request).await,
        Operation::ListParts => uploads::parts(request).await,
        Operation::DescribeRegions => bucket::regions(request),
        Operation::OptionObject => settings::preflight(request),
        Operation::PutBucketInventory
        | Operation::GetBucketInventory
        | Operation::DeleteBucketInventory
        | Operation::ListBucketInventory => settings::inventory(request, operation).await,
        Operation::PutBucketReplication => settings::add_replication(request).await,
        Operation::DeleteBucketReplication => settings::remove_replication(request).await,
        Operation::PutBucketRTC => settings::time_control(request).await,
        Operation::GetBucketReplicationLocation => settings::replication_locations(request),
        Operation::GetBucketReplicationProgress => settings::replication_progress(request),
        Operation::InitiateBucketWorm => settings::initiate_worm(request).await,
        Operation::AbortBucketWorm => settings::abort_worm(request).await,
        Operation::CompleteBucketWorm => settings::complete_worm(request).await,
        Operation::ExtendBucketWorm => settings::extend_worm(request).await,
        Operation::GetBucketWorm => settings::get_worm(request),
        Operation::CreateCnameToken
        | Operation::GetCnameToken
        | Operation::PutCname
        | Operation::DeleteCname
        | Operation::ListCname => settings::cname(request, operation).await,
        Operation::PutStyle
        | Operation::GetStyle
        | Operation::DeleteStyle
        | Operation::ListStyle => settings::style(request, operation).await,
        Operation::PutBucketLifecycle
        | Operation::GetBucketLifecycle
        | Operation::DeleteBucketLifecycle
        | Operation::PutBucketCors
        | Operation::GetBucketCors
        | Operation::DeleteBucketCors
        | Operation::PutBucketWebsite
        | Operation::GetBucketWebsite
        | Operation::DeleteBucketWebsite
        | Operation::PutBucketLogging
        | Operation::GetBucketLogging
        | Operation::DeleteBucketLogging
        | Operation::PutUserDefinedLogFieldsConfig
        | Operation::GetUserDefinedLogFieldsConfig
        | Operation::DeleteUserDefinedLogFieldsConfig
        | Operation::PutBucketReferer
        | Operation::GetBucketReferer
        | Operation::PutBucketEncryption
        | Operation::GetBucketEncryption
        | Operation::DeleteBucketEncryption
        | Operation::PutBucketPolicy
        | Operation::GetBucketPolicy
        | Operation::DeleteBucketPolicy
        | Operation::GetBucketPolicyStatus
        | Operation::PutBucketTags
        | Operation::GetBucketTags
        | Operation::DeleteBucketTags
        | Operation::PutBucketRequestPayment
        | Operation::GetBucketRequestPayment
        | Operation::PutBucketTransferAcceleration
        | Operation::GetBucketTransferAcceleration
        | Operation::GetBucketReplication
        | Operation::PutBucketAccessMonitor
        | Operation::GetBucketAccessMonitor
        | Operation::PutBucketResourceGroup
        | Operation::GetBucketResourceGroup
        | Operation::PutBucketHttpsConfig
        | Operation::GetBucketHttpsConfig
        | Operation::PutBucketArchiveDirectRead
        | Operation::GetBucketArchiveDirectRead
        | Operation::PutBucketPublicAccessBlock
        | Operation::GetBucketPublicAccessBlock
        | Operation::DeleteBucketPublicAccessBlock
        | Operation::PutBucketOverwriteConfig
        | Operation::GetBucketOverwriteConfig
        | Operation::DeleteBucketOverwriteConfig
        | Operation::PutBucketObjectWormConfiguration
        | Operation::GetBucketObjectWormConfiguration => settings::run(request, operation).await,
        Operation::Unknown => Err(Failure::new(ossplit_protocol::code::Code::NotImplemented)),
    }
}

/// The version that a request names; `None` for the newest.
fn version(request: &Request) -> Result<Option<VersionId>, Failure> {
    request
        .parameter("versionId")
        .map(parse_version)
        .transpose()
}

/// A version id as clients write it.
fn parse_version(sent: &str) -> Result<VersionId, Failure> {
    let ec = if sent.is_empty() {
        "0012-00000201"
    } else {
        "0012-00000202"
    };
    VersionId::parse(sent).ok_or_else(|| Failure::argument("versionId", sent).ec(ec))
}

/// Says which version was read or written, where the bucket keeps versions or ever did.
fn with_version(reply: Reply, request: &Request, version: VersionId) -> Reply {
    if versioning(request) == Versioning::Off {
        return reply;
    }
    reply.with_text(names::VERSION_ID, &version.to_string())
}

/// Whether the bucket of a request keeps versions.
fn versioning(request: &Request) -> Versioning {
    let bucket = request.state.store.bucket(request.bucket());
    bucket.map_or(Versioning::Off, |bucket| bucket.versioning)
}
