//! The calls of the API, a file a family. Each request is a struct whose required fields are the
//! constructor's arguments and whose options are builder methods; each has a method on
//! [`Client`](crate::Client) that sends it.

mod acl;
mod append;
mod body;
mod bucket;
mod copy;
mod delete;
mod get;
mod list;
mod meta;
mod multipart;
mod pages;
mod presign;
mod put;
mod raw;
mod restore;
mod settings;
mod symlink;
mod tagging;
mod versions;

pub use acl::{GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl};
pub use append::{AppendObject, AppendObjectOutput, SealAppendObject};
pub use body::{Body, BodyStream};
pub use bucket::{
    BucketInfoOutput, DeleteBucket, GetBucketInfo, GetBucketLocation, ListBuckets,
    ListBucketsOutput, ListedBucket, PutBucket,
};
pub use copy::{CopyObject, CopyObjectOutput};
pub use delete::{
    DeleteMultipleObjects, DeleteObject, DeleteObjectOutput, DeletedObject, ObjectToDelete,
};
pub use get::{GetObject, GetObjectMeta, GetObjectOutput, HeadObject, ResponseOverrides};
pub use list::{ListObjects, ListObjectsOutput, ListObjectsV2, ListedObject};
pub use meta::ObjectMeta;
pub use multipart::{
    AbortMultipartUpload, CompleteMultipartUpload, CompletedPart, InitiateMultipartUpload,
    ListMultipartUploads, ListMultipartUploadsOutput, ListParts, ListPartsOutput, ListedPart,
    ListedUpload, UploadPart, UploadPartCopy,
};
pub use pages::{Listing, Pages};
pub use presign::{Presign, SignedUrl};
pub use put::{Encryption, NewObject, PutObject, PutObjectOutput};
pub use raw::{RawBody, RawOutput, RawRequest};
pub use restore::{CleanRestoredObject, RestoreObject, Restoring};
pub use symlink::{GetSymlink, GetSymlinkOutput, PutSymlink};
pub use tagging::{DeleteObjectTagging, GetObjectTagging, PutObjectTagging, Tags};
pub use versions::{
    GetBucketVersioning, ListObjectVersions, ListObjectVersionsOutput, ListedVersion,
    PutBucketVersioning, VersionMarker,
};

use crate::{Error, ErrorKind};

fn undecodable(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Server, error.to_string())
}

fn seconds(xml_time: &str) -> i64 {
    ossplit_protocol::time::parse_xml_time(xml_time).unwrap_or(0)
}

#[cfg(test)]
mod tests;
