//! Rust's requests and answers as Python's plain values.

use ossplit::{Encryption, ListedObject, NewObject, ObjectMeta};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyTuple},
};
use std::collections::BTreeMap;

/// What an object is to be written with, from keyword arguments.
pub(crate) fn new_object(options: Option<&Bound<'_, PyDict>>) -> PyResult<NewObject> {
    let mut with = NewObject::default();
    let mut kms_key = None;
    let Some(options) = options else {
        return Ok(with);
    };
    for (name, value) in options.iter() {
        if value.is_none() {
            continue;
        }
        let name: String = name.extract()?;
        match name.as_str() {
            "content_type" => with.content_type = value.extract()?,
            "cache_control" => with.cache_control = value.extract()?,
            "content_disposition" => with.content_disposition = value.extract()?,
            "content_encoding" => with.content_encoding = value.extract()?,
            "content_language" => with.content_language = value.extract()?,
            "expires" => with.expires = value.extract()?,
            "metadata" => with.user_metadata = value.extract::<BTreeMap<_, _>>()?,
            "storage_class" => with.storage_class = value.extract()?,
            "acl" => with.acl = value.extract()?,
            "tags" => {
                let tags: BTreeMap<String, String> = value.extract()?;
                with.tags = tags.into_iter().collect();
            }
            "encryption" => {
                with.encryption = Some(match value.extract::<String>()?.as_str() {
                    "AES256" => Encryption::Aes256,
                    "SM4" => Encryption::Sm4,
                    "KMS" => Encryption::Kms { key_id: None },
                    other => {
                        return Err(PyValueError::new_err(format!(
                            "encryption={other:?}: give \"AES256\", \"SM4\" or \"KMS\""
                        )));
                    }
                });
            }
            "kms_key_id" => kms_key = Some(value.extract()?),
            "forbid_overwrite" => with.forbid_overwrite = value.extract()?,
            other => {
                return Err(PyTypeError::new_err(format!(
                    "unexpected argument {other}: an object is written with content_type, cache_control, \
                     content_disposition, content_encoding, content_language, expires, metadata, storage_class, acl, \
                     tags, encryption, kms_key_id or forbid_overwrite"
                )));
            }
        }
    }
    if let Some(key_id) = kms_key {
        with.encryption = Some(Encryption::Kms {
            key_id: Some(key_id),
        });
    }
    Ok(with)
}

/// The fields of `ossplit.ObjectInfo`, in its order.
pub(crate) fn meta<'py>(
    py: Python<'py>,
    key: &str,
    meta: &ObjectMeta,
) -> PyResult<Bound<'py, PyTuple>> {
    let headers = PyDict::new(py);
    for (name, value) in [
        ("cache_control", &meta.cache_control),
        ("content_disposition", &meta.content_disposition),
        ("content_encoding", &meta.content_encoding),
        ("content_language", &meta.content_language),
        ("expires", &meta.expires),
        ("restore", &meta.restore),
    ] {
        if let Some(value) = value {
            headers.set_item(name, value)?;
        }
    }
    (
        key,
        meta.size,
        &meta.etag,
        meta.last_modified,
        &meta.storage_class,
        &meta.object_type,
        meta.crc64,
        &meta.version_id,
        &meta.content_type,
        &meta.user_metadata,
        headers,
    )
        .into_pyobject(py)
}

/// The same of an entry of a listing, which knows less.
pub(crate) fn listed<'py>(py: Python<'py>, object: &ListedObject) -> PyResult<Bound<'py, PyTuple>> {
    (
        &object.key,
        object.size,
        &object.etag,
        object.last_modified,
        &object.storage_class,
        &object.object_type,
    )
        .into_pyobject(py)
}
