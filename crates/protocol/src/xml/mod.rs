//! The XML documents of OSS: one struct a document serves its writer (the server) and its reader
//! (the client). Field names are the elements' names.
//!
//! Success documents have exactly the root that the API page names and no namespace: oss2 finds
//! children by bare name, and the Python v2 SDK refuses another root.

mod bucket;
mod delete;
mod error;
mod list;
mod multipart;
mod object;
mod page;
pub mod settings;
mod tagging;
mod versions;

pub use bucket::{
    AccessControlList, AccessControlPolicy, Bucket, BucketInfo, BucketInfoBody, BucketPolicy,
    BucketStat, Buckets, CreateBucketConfiguration, ListAllMyBucketsResult, LocationConstraint,
    Owner, ServerSideEncryptionRule,
};
pub use delete::{Delete, DeleteResult, Deleted, ObjectToDelete};
pub use error::ErrorDocument;
pub use list::{CommonPrefix, Contents, ListBucketResult, ListBucketResultV2};
pub use multipart::{
    CompleteMultipartUpload, CompleteMultipartUploadResult, InitiateMultipartUploadResult,
    ListMultipartUploadsResult, ListPartsResult, ListedPart, PartToComplete, Upload,
};
pub use object::{CopyObjectResult, CopyPartResult, JobParameters, PostResponse, RestoreRequest};
pub use tagging::{Tag, TagSet, Tagging};
pub use versions::{ListVersionsResult, ListedVersion, Version, VersioningConfiguration};

use serde::{Serialize, de::DeserializeOwned};
use std::{borrow::Cow, fmt::Write as _};
use thiserror::Error;

/// A document that can't be read.
#[derive(Debug, Error)]
#[error("malformed XML: {0}")]
pub struct Malformed(String);

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes a document with its declaration.
pub fn write<T: Serialize>(document: &T) -> String {
    let body = quick_xml::se::to_string(document).expect("documents hold only strings and numbers");
    // A parser turns some of these into line feeds (XML 1.0 section 2.11, XML 1.1 section 2.11) and
    // refuses others: a key with one of them would become another key.
    let body = referenced(&body, |c| c.is_control() || c == LINE_SEPARATOR);
    format!("{DECLARATION}{body}")
}

/// Reads a document. A declaration, blanks between elements and unknown elements are fine.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|e| Malformed(e.to_string()))?;
    // quick-xml takes these for ends of lines, as XML 1.1 does; documents here are XML 1.0, in which
    // they are themselves.
    let text = referenced(text.trim_start_matches('\u{feff}'), |c| {
        matches!(c, NEXT_LINE | LINE_SEPARATOR)
    });
    quick_xml::de::from_str(&text).map_err(|e| Malformed(e.to_string()))
}

/// A document that may have a reader of its own.
pub trait Document: Sized {
    /// Reads it, as [`read`] would.
    fn read(bytes: &[u8]) -> Result<Self, Malformed>;
}

/// A document that has none.
#[derive(Debug)]
pub struct Any<T>(pub T);

impl<T: DeserializeOwned> Document for Any<T> {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        read(bytes).map(Self)
    }
}

const NEXT_LINE: char = '\u{85}';
const LINE_SEPARATOR: char = '\u{2028}';

/// Writes the characters that `odd` names as references; NUL has none.
fn referenced(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    let odd = |c: char| c != '\0' && odd(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            // Writing to a string can't fail.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Reads `true` or `false` in any case: oss2 writes `True` in some documents.
fn any_case<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let word = <String as serde::Deserialize>::deserialize(from)?;
    match word.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(serde::de::Error::custom(format!(
            "{word} is neither true nor false"
        ))),
    }
}

/// The value of `EncodingType` when keys are percent-encoded.
pub const URL_ENCODING: &str = "url";

/// Percent-encodes a field for `encoding-type=url`.
fn encode(field: &mut String) {
    *field = crate::encode::component(field);
}

/// [`encode`] as [`decode`] is called.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the twin of `decode`, which can fail"
)]
fn encoding(field: &mut String) -> Result<(), Malformed> {
    encode(field);
    Ok(())
}

/// Decodes a field of a document whose `EncodingType` is `url`.
fn decode(field: &mut String) -> Result<(), Malformed> {
    match crate::encode::decode(field) {
        Some(plain) => {
            *field = plain.into_owned();
            Ok(())
        }
        None => Err(Malformed(format!("{field} is not percent-encoded UTF-8"))),
    }
}

#[cfg(test)]
mod tests;
