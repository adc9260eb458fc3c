//! Which call a request is, from its method, its address and its query.

use http::Method;
use ossplit_protocol::code::Code;

use crate::failure::Failure;

macro_rules! operations {
    ($($name:ident)*) => {
        /// A call of the service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the API page of each is its documentation")]
        pub enum Operation { $($name,)* }

        impl Operation {
            /// Every call, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The call's name on the API pages.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

operations! {
    ListBuckets
    PutBucket DeleteBucket GetBucketInfo GetBucketLocation GetBucketStat PutBucketVersioning GetBucketVersioning
    PutBucketAcl GetBucketAcl
    ListObjects ListObjectsV2 ListObjectVersions ListMultipartUploads DeleteMultipleObjects
    PutObject PostObject GetObject HeadObject GetObjectMeta DeleteObject CopyObject AppendObject
    SealAppendObject PutSymlink GetSymlink RestoreObject CleanRestoredObject
    PutObjectAcl GetObjectAcl PutObjectTagging GetObjectTagging DeleteObjectTagging
    InitiateMultipartUpload UploadPart UploadPartCopy CompleteMultipartUpload AbortMultipartUpload
    ListParts
    PutBucketLifecycle GetBucketLifecycle DeleteBucketLifecycle
    PutBucketCors GetBucketCors DeleteBucketCors OptionObject
    PutBucketWebsite GetBucketWebsite DeleteBucketWebsite
    PutBucketLogging GetBucketLogging DeleteBucketLogging
    PutUserDefinedLogFieldsConfig GetUserDefinedLogFieldsConfig DeleteUserDefinedLogFieldsConfig
    PutBucketReferer GetBucketReferer
    PutBucketEncryption GetBucketEncryption DeleteBucketEncryption
    PutBucketPolicy GetBucketPolicy DeleteBucketPolicy GetBucketPolicyStatus
    PutBucketTags GetBucketTags DeleteBucketTags
    PutBucketRequestPayment GetBucketRequestPayment
    PutBucketTransferAcceleration GetBucketTransferAcceleration
    PutBucketInventory GetBucketInventory DeleteBucketInventory ListBucketInventory
    PutBucketReplication GetBucketReplication DeleteBucketReplication PutBucketRTC
    GetBucketReplicationLocation GetBucketReplicationProgress
    InitiateBucketWorm AbortBucketWorm CompleteBucketWorm ExtendBucketWorm GetBucketWorm
    PutBucketAccessMonitor GetBucketAccessMonitor
    PutBucketResourceGroup GetBucketResourceGroup
    PutBucketHttpsConfig GetBucketHttpsConfig
    PutBucketArchiveDirectRead GetBucketArchiveDirectRead
    PutBucketPublicAccessBlock GetBucketPublicAccessBlock DeleteBucketPublicAccessBlock
    PutBucketOverwriteConfig GetBucketOverwriteConfig DeleteBucketOverwriteConfig
    PutBucketObjectWormConfiguration GetBucketObjectWormConfiguration
    CreateCnameToken GetCnameToken PutCname DeleteCname ListCname
    PutStyle GetStyle DeleteStyle ListStyle
    DescribeRegions
    Unknown
}

/// Who may make a call without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody.
    Owner,
    /// Whoever may list the bucket.
    List,
    /// Whoever may read the object.
    Read,
    /// Whoever may write the object.
    Write,
    /// The operation finds out by itself.
    Itself,
}

impl Operation {
    /// Who may make this call.
    pub(crate) fn access(self) -> Access {
        match self {
            Self::ListObjects | Self::ListObjectsV2 | Self::ListObjectVersions => Access::List,
            Self::GetObject | Self::HeadObject | Self::GetObjectMeta => Access::Read,
            // A preflight is sent by a browser, which signs nothing.
            Self::PostObject | Self::OptionObject => Access::Itself,
            Self::PutObject
            | Self::AppendObject
            | Self::DeleteObject
            | Self::InitiateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload => Access::Write,
            _ => Access::Owner,
        }
    }
}

/// Settings and calls of the service that are refused by name, rather than taken for another call.
const NOT_HERE: &[&str] = &[
    "accessPoint",
    "accessPointPolicy",
    "asyncFetch",
    "live",
    "metaQuery",
    "qos",
    "qosInfo",
    "vod",
    "x-oss-async-process",
    "x-oss-process",
];

/// The call that a request is.
pub(crate) fn route(
    method: &Method,
    bucket: Option<&str>,
    key: Option<&str>,
    query: &[(String, String)],
    copies: bool,
) -> Result<Operation, Failure> {
    #[allow(clippy::enum_glob_use, reason = "the table below is of these names")]
    use Operation::*;
    let has = |name: &str| query.iter().any(|(n, _)| n == name);
    if let Some(name) = NOT_HERE.iter().find(|name| has(name)) {
        return Err(Failure::new(Code::NotImplemented)
            .message(format!("{name} is not implemented by this server."))
            .with("ArgumentName", *name));
    }
    if bucket.is_some() && *method == Method::OPTIONS {
        return Ok(OptionObject);
    }
    if let (Some(_), None) = (bucket, key)
        && let Some(operation) = setting(method, query)?
    {
        return Ok(operation);
    }
    let operation = match (bucket, key) {
        (None, _) => match *method {
            Method::GET if has("regions") => DescribeRegions,
            Method::GET => ListBuckets,
            _ => return Err(not_allowed(method, "Service")),
        },
        (Some(_), None) => match *method {
            Method::GET if has("acl") => GetBucketAcl,
            Method::GET if has("bucketInfo") => GetBucketInfo,
            Method::GET if has("location") => GetBucketLocation,
            Method::GET if has("stat") => GetBucketStat,
            Method::GET if has("versioning") => GetBucketVersioning,
            Method::GET if has("versions") => ListObjectVersions,
            Method::GET if has("uploads") => ListMultipartUploads,
            Method::GET if parameter(query, "list-type") == Some("2") => ListObjectsV2,
            Method::GET => ListObjects,
            Method::PUT if has("acl") => PutBucketAcl,
            Method::PUT if has("versioning") => PutBucketVersioning,
            Method::PUT => PutBucket,
            Method::DELETE => DeleteBucket,
            Method::POST if has("delete") => DeleteMultipleObjects,
            Method::POST => PostObject,
            _ => return Err(not_allowed(method, "Bucket")),
        },
        (Some(_), Some(_)) => match *method {
            Method::GET if has("acl") => GetObjectAcl,
            Method::GET if has("tagging") => GetObjectTagging,
            Method::GET if has("symlink") => GetSymlink,
            Method::GET if has("uploadId") => ListParts,
            Method::GET | Method::HEAD if has("objectMeta") => GetObjectMeta,
            Method::GET => GetObject,
            Method::HEAD => HeadObject,
            Method::PUT if has("acl") => PutObjectAcl,
            Method::PUT if has("tagging") => PutObjectTagging,
            Method::PUT if has("symlink") => PutSymlink,
            Method::PUT if has("partNumber") && copies => UploadPartCopy,
            Method::PUT if has("partNumber") => UploadPart,
            Method::PUT if has("uploadId") => {
                return Err(Failure::new(Code::InvalidArgument)
                    .ec("0017-00000219")
                    .message("Unexpected query string parameter")
                    .with("ArgumentName", "ResourceType"));
            }
            Method::PUT if copies => CopyObject,
            Method::PUT => PutObject,
            Method::POST if has("seal") => SealAppendObject,
            Method::POST if has("restore") => RestoreObject,
            Method::POST if has("cleanRestoredObject") => CleanRestoredObject,
            Method::POST if has("append") => AppendObject,
            Method::POST if has("uploads") => InitiateMultipartUpload,
            Method::POST if has("uploadId") => CompleteMultipartUpload,
            Method::DELETE if has("tagging") => DeleteObjectTagging,
            Method::DELETE if has("uploadId") => AbortMultipartUpload,
            Method::DELETE => DeleteObject,
            _ => return Err(not_allowed(method, "Object")),
        },
    };
    Ok(operation)
}

/// The call about a setting of a bucket that a request is, if it is one.
fn setting(method: &Method, query: &[(String, String)]) -> Result<Option<Operation>, Failure> {
    let has = |name: &str| query.iter().any(|(n, _)| n == name);
    let comp = parameter(query, "comp").unwrap_or_default();
    // Those whose calls are more than put, get and delete.
    let special = match *method {
        Method::POST if has("cname") => match comp {
            "token" => Some(Operation::CreateCnameToken),
            "add" => Some(Operation::PutCname),
            "delete" => Some(Operation::DeleteCname),
            _ => None,
        },
        Method::GET if comp == "token" => Some(Operation::GetCnameToken),
        Method::GET if has("cname") => Some(Operation::ListCname),
        Method::POST if has("replication") => match comp {
            "add" => Some(Operation::PutBucketReplication),
            "delete" => Some(Operation::DeleteBucketReplication),
            _ => None,
        },
        Method::PUT if has("rtc") => Some(Operation::PutBucketRTC),
        Method::POST if has("wormExtend") => Some(Operation::ExtendBucketWorm),
        Method::POST if has("wormId") => Some(Operation::CompleteBucketWorm),
        Method::POST if has("worm") => Some(Operation::InitiateBucketWorm),
        Method::GET if has("inventory") && has("inventoryId") => {
            Some(Operation::GetBucketInventory)
        }
        Method::GET if has("style") && has("styleName") => Some(Operation::GetStyle),
        _ => None,
    };
    if special.is_some() {
        return Ok(special);
    }
    let Some((_, put, get, delete)) = SETTINGS.iter().find(|(name, ..)| has(name)) else {
        return Ok(None);
    };
    let found = match *method {
        Method::PUT => *put,
        Method::GET => Some(*get),
        Method::DELETE => *delete,
        _ => None,
    };
    // Never taken for a call about the bucket itself: that could be its deletion.
    found.map(Some).ok_or_else(|| not_allowed(method, "Bucket"))
}

/// A sub-resource and the calls that put, get and delete it.
type Setting = (
    &'static str,
    Option<Operation>,
    Operation,
    Option<Operation>,
);

#[rustfmt::skip]
const SETTINGS: &[Setting] = {
    #[allow(clippy::enum_glob_use, reason = "the table below is of these names")]
    use Operation::*;
    &[
        ("lifecycle", Some(PutBucketLifecycle), GetBucketLifecycle, Some(DeleteBucketLifecycle)),
        ("cors", Some(PutBucketCors), GetBucketCors, Some(DeleteBucketCors)),
        ("website", Some(PutBucketWebsite), GetBucketWebsite, Some(DeleteBucketWebsite)),
        ("logging", Some(PutBucketLogging), GetBucketLogging, Some(DeleteBucketLogging)),
        ("userDefinedLogFieldsConfig", Some(PutUserDefinedLogFieldsConfig),
            GetUserDefinedLogFieldsConfig, Some(DeleteUserDefinedLogFieldsConfig)),
        ("referer", Some(PutBucketReferer), GetBucketReferer, None),
        ("encryption", Some(PutBucketEncryption), GetBucketEncryption, Some(DeleteBucketEncryption)),
        ("policyStatus", None, GetBucketPolicyStatus, None),
        ("policy", Some(PutBucketPolicy), GetBucketPolicy, Some(DeleteBucketPolicy)),
        ("tagging", Some(PutBucketTags), GetBucketTags, Some(DeleteBucketTags)),
        ("requestPayment", Some(PutBucketRequestPayment), GetBucketRequestPayment, None),
        ("transferAcceleration", Some(PutBucketTransferAcceleration),
            GetBucketTransferAcceleration, None),
        ("inventory", Some(PutBucketInventory), ListBucketInventory, Some(DeleteBucketInventory)),
        ("replicationLocation", None, GetBucketReplicationLocation, None),
        ("replicationProgress", None, GetBucketReplicationProgress, None),
        ("replication", None, GetBucketReplication, None),
        ("worm", None, GetBucketWorm, Some(AbortBucketWorm)),
        ("accessmonitor", Some(PutBucketAccessMonitor), GetBucketAccessMonitor, None),
        ("resourceGroup", Some(PutBucketResourceGroup), GetBucketResourceGroup, None),
        ("httpsConfig", Some(PutBucketHttpsConfig), GetBucketHttpsConfig, None),
        ("bucketArchiveDirectRead", Some(PutBucketArchiveDirectRead),
            GetBucketArchiveDirectRead, None),
        ("publicAccessBlock", Some(PutBucketPublicAccessBlock), GetBucketPublicAccessBlock,
            Some(DeleteBucketPublicAccessBlock)),
        ("overwriteConfig", Some(PutBucketOverwriteConfig), GetBucketOverwriteConfig,
            Some(DeleteBucketOverwriteConfig)),
        ("objectWorm", Some(PutBucketObjectWormConfiguration),
            GetBucketObjectWormConfiguration, None),
        ("style", Some(PutStyle), ListStyle, Some(DeleteStyle)),
    ]
};

/// The first query parameter of this name.
pub(crate) fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = query.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value.as_str())
}

fn not_allowed(method: &Method, resource: &'static str) -> Failure {
    Failure::new(Code::MethodNotAllowed)
        .with("Method", method.as_str())
        .with("ResourceType", resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, address: &str) -> Result<Operation, Code> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut pieces = path.splitn(2, '/').filter(|piece| !piece.is_empty());
        let (bucket, key) = (pieces.next(), pieces.next());
        let query = ossplit_protocol::encode::parse_query(query).unwrap();
        let method = method.parse().unwrap();
        route(&method, bucket, key, &query, false).map_err(|failure| failure.code())
    }

    #[test]
    fn sub_resources_choose_the_call_and_strange_parameters_do_not() {
        use Operation::*;
        for (method, address, operation) in [
            ("GET", "", ListBuckets),
            ("GET", "b?prefix=x&para1=test", ListObjects),
            ("GET", "b?list-type=2", ListObjectsV2),
            ("GET", "b?acl=", GetBucketAcl),
            ("PUT", "b", PutBucket),
            ("POST", "b", PostObject),
            ("POST", "b?delete=&encoding-type=url", DeleteMultipleObjects),
            ("GET", "b/k?response-content-type=a", GetObject),
            ("HEAD", "b/k?objectMeta", GetObjectMeta),
            ("PUT", "b/k?partNumber=1&uploadId=X", UploadPart),
            ("POST", "b/k?append&position=0", AppendObject),
            ("DELETE", "b/k?uploadId=X", AbortMultipartUpload),
        ] {
            assert_eq!(routed(method, address), Ok(operation), "{method} {address}");
        }
        for (method, address, code) in [
            ("DELETE", "", Code::MethodNotAllowed),
            ("PUT", "b/k?uploadId=X", Code::InvalidArgument),
            ("GET", "b/k?x-oss-process=image/info", Code::NotImplemented),
            ("GET", "b?qosInfo", Code::NotImplemented),
            ("PATCH", "b/k", Code::MethodNotAllowed),
            ("DELETE", "b?referer", Code::MethodNotAllowed),
            ("POST", "b?replication&comp=other", Code::MethodNotAllowed),
        ] {
            assert_eq!(routed(method, address), Err(code), "{method} {address}");
        }
    }
}
