//! Settings of a bucket that are put, got and deleted as one document.
//!
//! A document is read, checked, and kept as it will be given back. Those that have more calls than these
//! three are in files of their own; `docs/settings.md` says which have an effect here.

mod cname;
mod cors;
mod inventory;
mod lifecycle;
mod policy;
mod replication;
mod simple;
mod style;
mod tags;
mod website;
mod worm;

pub(super) use cors::{decorate, preflight};
pub(super) use replication::{
    add as add_replication, locations as replication_locations, progress as replication_progress,
    remove as remove_replication, time_control,
};
pub(crate) use simple::blocks_public_access;
pub(super) use worm::{
    abort as abort_worm, check as check_worm, complete as complete_worm, extend as extend_worm,
    get as get_worm, initiate as initiate_worm,
};
pub(super) use {cname::run as cname, inventory::run as inventory, style::run as style};

use crate::{
    failure::Failure,
    http::{Payload, Reply, Request},
    route::Operation,
    store::StoreError,
};
use bytes::Bytes;
use http::{HeaderValue, header};
use ossplit_protocol::{
    code::Code,
    xml::{self, settings as documents},
};
use serde::{Serialize, de::DeserializeOwned};

/// A setting that is one document.
struct Setting {
    /// The sub-resource, under which it is kept as well.
    name: &'static str,
    put: Option<Operation>,
    get: Operation,
    delete: Option<Operation>,
    /// Reads a request's body; gives what is to be kept.
    read: fn(&Request, &[u8]) -> Result<Bytes, Failure>,
    absent: Absent,
}

/// What is said of a setting that was never put.
enum Absent {
    /// 404 with this code.
    Missing(Code),
    /// This document.
    Document(fn() -> Bytes),
}

macro_rules! setting {
    ($name:literal $put:ident $get:ident - $read:path, $absent:expr) => {
        Setting {
            name: $name,
            put: Some(Operation::$put),
            get: Operation::$get,
            delete: None,
            read: $read,
            absent: $absent,
        }
    };
    ($name:literal $put:ident $get:ident $delete:ident $read:path, $absent:expr) => {
        Setting {
            delete: Some(Operation::$delete),
            ..setting!($name $put $get - $read, $absent)
        }
    };
}

use Absent::{Document, Missing};

const SETTINGS: &[Setting] = &[
    setting!("lifecycle" PutBucketLifecycle GetBucketLifecycle DeleteBucketLifecycle
        lifecycle::read, Missing(Code::NoSuchLifecycle)),
    setting!("cors" PutBucketCors GetBucketCors DeleteBucketCors
        cors::read, Missing(Code::NoSuchCORSConfiguration)),
    setting!("website" PutBucketWebsite GetBucketWebsite DeleteBucketWebsite
        website::read, Missing(Code::NoSuchWebsiteConfiguration)),
    setting!("logging" PutBucketLogging GetBucketLogging DeleteBucketLogging
        simple::logging, Document(simple::no_logging)),
    setting!("userDefinedLogFieldsConfig" PutUserDefinedLogFieldsConfig
        GetUserDefinedLogFieldsConfig DeleteUserDefinedLogFieldsConfig
        simple::log_fields, Missing(Code::NoSuchUserDefinedLogFieldsConfig)),
    setting!("referer" PutBucketReferer GetBucketReferer -
        simple::referer, Document(simple::no_referer)),
    setting!("encryption" PutBucketEncryption GetBucketEncryption DeleteBucketEncryption
        simple::encryption, Missing(Code::NoSuchServerSideEncryptionRule)),
    setting!("policy" PutBucketPolicy GetBucketPolicy DeleteBucketPolicy
        policy::read, Missing(Code::NoSuchBucketPolicy)),
    setting!("tagging" PutBucketTags GetBucketTags DeleteBucketTags
        tags::read, Document(tags::none)),
    setting!("requestPayment" PutBucketRequestPayment GetBucketRequestPayment -
        simple::payment, Document(simple::owner_pays)),
    setting!("transferAcceleration" PutBucketTransferAcceleration GetBucketTransferAcceleration -
        simple::acceleration, Missing(Code::NoSuchTransferAccelerationConfiguration)),
    setting!("accessmonitor" PutBucketAccessMonitor GetBucketAccessMonitor -
        simple::access_monitor, Document(simple::no_access_monitor)),
    setting!("resourceGroup" PutBucketResourceGroup GetBucketResourceGroup -
        simple::resource_group, Document(simple::default_group)),
    setting!("httpsConfig" PutBucketHttpsConfig GetBucketHttpsConfig -
        simple::https, Document(simple::any_tls)),
    setting!("bucketArchiveDirectRead" PutBucketArchiveDirectRead GetBucketArchiveDirectRead -
        simple::direct_read, Document(simple::no_direct_read)),
    setting!("publicAccessBlock" PutBucketPublicAccessBlock GetBucketPublicAccessBlock
        DeleteBucketPublicAccessBlock simple::public_access, Document(simple::no_block)),
    setting!("overwriteConfig" PutBucketOverwriteConfig GetBucketOverwriteConfig
        DeleteBucketOverwriteConfig simple::overwrite, Missing(Code::NoSuchBucketOverwriteConfig)),
    setting!("objectWorm" PutBucketObjectWormConfiguration GetBucketObjectWormConfiguration -
        simple::object_worm, Missing(Code::NoSuchObjectWormConfiguration)),
    Setting {
        name: "policyStatus",
        put: None,
        get: Operation::GetBucketPolicyStatus,
        delete: None,
        read: policy::read,
        absent: Document(policy::not_public),
    },
    Setting {
        name: "replication",
        put: None,
        get: Operation::GetBucketReplication,
        delete: None,
        read: policy::read,
        absent: Missing(Code::NoSuchReplicationConfiguration),
    },
];

/// The sub-resource whose document a call reads or writes.
fn find(operation: Operation) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| {
        setting.get == operation
            || setting.put == Some(operation)
            || setting.delete == Some(operation)
    })
}

/// Runs a call that reads or writes a setting.
pub(super) async fn run(request: &mut Request, operation: Operation) -> Result<Reply, Failure> {
    let setting = find(operation).ok_or_else(|| Failure::new(Code::NotImplemented))?;
    if request.state.store.bucket(request.bucket()).is_none() {
        return Err(StoreError::NoSuchBucket.into());
    }
    if operation == setting.get {
        return get(request, setting);
    }
    if setting.put == Some(operation) {
        let body = request.document().await?;
        let document = (setting.read)(request, &body)?;
        set(request, setting.name, Some(document)).await?;
        return Ok(Reply::ok());
    }
    if setting.name == "tagging" {
        return tags::delete(request).await;
    }
    set(request, setting.name, None).await?;
    Ok(Reply::no_content())
}

fn get(request: &Request, setting: &Setting) -> Result<Reply, Failure> {
    if setting.name == "policyStatus" {
        return policy::status(request);
    }
    let document = match (kept(request, setting.name)?, &setting.absent) {
        (Some(document), _) => document,
        (None, Absent::Document(make)) => make(),
        (None, Absent::Missing(code)) => return Err(Failure::new(*code)),
    };
    let kind = match setting.name {
        "policy" => "application/json",
        _ => "application/xml",
    };
    Ok(of_document(document, kind))
}

/// 200 with a document as it is kept.
fn of_document(document: Bytes, kind: &'static str) -> Reply {
    let mut reply = Reply::ok();
    reply.set(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.payload = Payload::Bytes(document);
    reply
}

/// The document of a setting as it is kept.
fn kept(request: &Request, name: &str) -> Result<Option<Bytes>, Failure> {
    Ok(request.state.store.setting(request.bucket(), name)?)
}

/// A setting that is kept, read again; one that can't be read is as good as none.
pub(super) fn of_bucket<T: DeserializeOwned>(request: &Request, name: &str) -> Option<T> {
    let document = request.state.store.setting(request.bucket(), name).ok()??;
    xml::read(&document).ok()
}

async fn set(request: &Request, name: &str, document: Option<Bytes>) -> Result<bool, Failure> {
    let store = &request.state.store;
    Ok(store.set_setting(request.bucket(), name, document).await?)
}

fn malformed() -> Failure {
    Failure::new(Code::MalformedXML)
}

/// The name of a document's root.
fn root_of(body: &[u8]) -> Option<&str> {
    let mut text = std::str::from_utf8(body).ok()?;
    loop {
        text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if let Some(rest) = text.strip_prefix("<?") {
            text = rest.split_once("?>")?.1;
        } else if let Some(rest) = text.strip_prefix("<!--") {
            text = rest.split_once("-->")?.1;
        } else {
            let name = text.strip_prefix('<')?;
            let end = name.find([' ', '\t', '\r', '\n', '/', '>'])?;
            return Some(&name[..end]);
        }
    }
}

/// Reads a document with this root.
fn read<T: DeserializeOwned>(body: &[u8], root: &str) -> Result<T, Failure> {
    if root_of(body) != Some(root) {
        return Err(malformed());
    }
    xml::read(body).map_err(|_| malformed())
}

fn write<T: Serialize>(document: &T) -> Bytes {
    Bytes::from(xml::write(document))
}

/// One of these words.
fn one_of(name: &'static str, word: &str, words: &[&str]) -> Result<(), Failure> {
    if words.contains(&word) {
        Ok(())
    } else {
        Err(Failure::argument(name, word))
    }
}

/// What `GetBucketInfo` says of settings.
pub(super) struct Summary {
    pub(super) access_monitor: String,
    pub(super) block_public_access: bool,
    pub(super) replication: bool,
    pub(super) acceleration: bool,
    pub(super) resource_group: String,
    pub(super) encryption: Option<documents::ApplyServerSideEncryptionByDefault>,
    pub(super) logging: Option<documents::LoggingEnabled>,
}

/// What `GetBucketInfo` says of settings.
pub(super) fn summary(request: &Request) -> Summary {
    let monitor: Option<documents::AccessMonitorConfiguration> =
        of_bucket(request, "accessmonitor");
    let acceleration: Option<documents::TransferAccelerationConfiguration> =
        of_bucket(request, "transferAcceleration");
    let encryption: Option<documents::EncryptionConfiguration> = of_bucket(request, "encryption");
    let logging: Option<documents::BucketLoggingStatus> = of_bucket(request, "logging");
    let group: Option<documents::BucketResourceGroupConfiguration> =
        of_bucket(request, "resourceGroup");
    let replication: Option<documents::ReplicationConfiguration> =
        of_bucket(request, "replication");
    Summary {
        access_monitor: monitor.map_or_else(|| "Disabled".to_owned(), |monitor| monitor.status),
        block_public_access: simple::blocks_public_access(request),
        replication: replication.is_some(),
        acceleration: acceleration.is_some_and(|acceleration| acceleration.enabled),
        resource_group: group.map_or_else(
            || simple::DEFAULT_GROUP.to_owned(),
            |group| group.resource_group_id,
        ),
        encryption: encryption.map(|rule| rule.apply_server_side_encryption_by_default),
        logging: logging.and_then(|logging| logging.logging_enabled),
    }
}

/// Refuses a public ACL where public access is blocked.
pub(super) fn check_acl(request: &Request, acl: crate::store::Acl) -> Result<(), Failure> {
    use crate::store::Acl;
    let public = matches!(acl, Acl::PublicRead | Acl::PublicReadWrite);
    if public && simple::blocks_public_access(request) {
        let what = match request.address.key {
            Some(_) => "object",
            None => "bucket",
        };
        return Err(Failure::new(Code::AccessDenied)
            .ec("0016-00000901")
            .message(format!("Put public {what} acl is not allowed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_behind_what_may_stand_before_it() {
        for good in [
            "<A/>",
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- <B> -->\n<A x=\"1\"><C/></A>",
            " <A>",
        ] {
            assert_eq!(root_of(good.as_bytes()), Some("A"), "{good}");
        }
        for bad in ["", "A", "<A", "<?xml", "<!-- <A>"] {
            assert_eq!(root_of(bad.as_bytes()), None, "{bad}");
        }
    }
}
