//! What a request says about the object that it makes.

use super::{encryption, settings, tags};
use crate::{
    failure::Failure,
    http::Request,
    store::{Acl, ObjectMeta, StorageClass, StoreError, StoredHeader},
};
use bytes::{Bytes, BytesMut};
use http::header;
use ossplit_protocol::{code::Code, headers as names};

/// User metadata in all, names and values, in bytes.
const MAX_USER_BYTES: usize = 8 << 10;

/// Conditions that the service knows on reads only.
const NOT_ON_WRITES: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
];

/// Refuses headers that a write can't have.
pub(super) fn check_headers(request: &Request) -> Result<(), Failure> {
    let mut unwanted = NOT_ON_WRITES.iter();
    match unwanted.find(|name| request.headers.contains_key(**name)) {
        Some(name) => Err(Failure::new(Code::NotImplemented).with("Header", *name)),
        None => Ok(()),
    }
}

/// The class that new objects of the bucket have, which must be there.
pub(super) fn default_class(request: &Request) -> Result<StorageClass, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    Ok(bucket.ok_or(StoreError::NoSuchBucket)?.class)
}

/// `x-oss-storage-class`, or the bucket's.
pub(super) fn class(request: &Request) -> Result<StorageClass, Failure> {
    let default = default_class(request)?;
    match request.text(names::STORAGE_CLASS) {
        None => Ok(default),
        Some(word) => StorageClass::from_name(word)
            .ok_or_else(|| Failure::argument(names::STORAGE_CLASS, word)),
    }
}

/// `x-oss-object-acl`.
pub(super) fn object_acl(request: &Request) -> Result<Option<Acl>, Failure> {
    match request.text(names::OBJECT_ACL) {
        None => Ok(None),
        Some(word) => {
            let acl = Acl::from_name(word).ok_or_else(|| {
                Failure::argument(names::OBJECT_ACL, word)
                    .message("no such object access control exists")
            })?;
            settings::check_acl(request, acl)?;
            Ok(Some(acl))
        }
    }
}

/// Stored headers, user metadata, class and ACL of the object that the request makes.
pub(super) fn of_request(request: &Request) -> Result<ObjectMeta, Failure> {
    let mut meta = ObjectMeta {
        class: class(request)?,
        acl: object_acl(request)?.unwrap_or_default(),
        tags: tags::of_header(request)?,
        encryption: encryption::of_request(request)?,
        ..ObjectMeta::default()
    };
    for stored in StoredHeader::ALL {
        if let Some(value) = request.headers.get(stored.name()) {
            meta.headers
                .push((stored, Bytes::copy_from_slice(value.as_bytes())));
        }
    }
    if !request.headers.contains_key(header::CONTENT_TYPE) {
        let default = Bytes::from_static(b"application/octet-stream");
        meta.headers.push((StoredHeader::ContentType, default));
    }
    let mut size = 0;
    for name in request.headers.keys() {
        let Some(short) = name.as_str().strip_prefix(names::META_PREFIX) else {
            continue;
        };
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if short.is_empty() || !short.bytes().all(good) {
            return Err(Failure::argument("x-oss-meta-*", name.as_str())
                .ec("0011-00000005")
                .message("The name of user metadata may hold only letters, digits and '-'."));
        }
        let mut value = BytesMut::new();
        for (i, one) in request.headers.get_all(name).iter().enumerate() {
            if i > 0 {
                value.extend_from_slice(b",");
            }
            value.extend_from_slice(one.as_bytes());
        }
        size += short.len() + value.len();
        meta.user.push((short.to_owned(), value.freeze()));
    }
    if size > MAX_USER_BYTES {
        return Err(Failure::argument("x-oss-meta-*", size.to_string())
            .ec("0011-00000002")
            .message("User metadata may have at most 8192 bytes in all."));
    }
    meta.user.sort();
    Ok(meta)
}
