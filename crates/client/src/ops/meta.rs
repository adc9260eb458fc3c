//! What the service says of an object.

use super::NewObject;
use http::HeaderMap;
use ossplit_protocol::{headers as names, range, time};
use std::collections::BTreeMap;

/// What the service says of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Bytes of the whole object, also when a range was read.
    pub size: u64,
    /// Quoted, as sent.
    pub etag: String,
    /// CRC64 of the whole object; absent on some old multipart objects.
    pub crc64: Option<u64>,
    /// Unix seconds.
    pub last_modified: i64,
    /// Normal, Multipart, Appendable or Symlink; empty where the call does not tell.
    pub object_type: String,
    /// Standard, IA and so on; empty where the call does not tell.
    pub storage_class: String,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`; any text, as it was given.
    pub expires: Option<String>,
    /// Without `x-oss-meta-`, lower-case names.
    pub user_metadata: BTreeMap<String, String>,
    /// Only in buckets with versioning.
    pub version_id: Option<String>,
    /// Where the next append must begin; only for appendable objects.
    pub next_append_position: Option<u64>,
    /// How many tags it has.
    pub tagging_count: u64,
    /// `ongoing-request="true"`, or `ongoing-request="false"` and until when the copy can be read;
    /// only for objects of archive classes that were restored.
    pub restore: Option<String>,
}

impl ObjectMeta {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        };
        let number = |name| text(name).and_then(|v| v.parse::<u64>().ok());
        let whole = text("content-range").and_then(|v| range::parse_content_range(&v));
        let user_metadata = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(names::META_PREFIX)?;
            Some((
                name.to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ))
        });
        let modified = text("last-modified").and_then(|v| time::parse_http_date(&v));
        Self {
            size: whole
                .map(|(_, size)| size)
                .or_else(|| number("content-length"))
                .unwrap_or(0),
            etag: text("etag").unwrap_or_default(),
            crc64: number(names::CRC64),
            last_modified: modified.unwrap_or(0),
            object_type: text(names::OBJECT_TYPE).unwrap_or_default(),
            storage_class: text(names::STORAGE_CLASS).unwrap_or_default(),
            content_type: text("content-type"),
            cache_control: text("cache-control"),
            content_disposition: text("content-disposition"),
            content_encoding: text("content-encoding"),
            content_language: text("content-language"),
            expires: text("expires"),
            user_metadata: user_metadata.collect(),
            version_id: text(names::VERSION_ID),
            next_append_position: number(names::NEXT_APPEND_POSITION),
            tagging_count: number(names::TAGGING_COUNT).unwrap_or(0),
            restore: text(names::RESTORE),
        }
    }

    /// What another object is to be written with to have the same metadata. Tags are not among them.
    pub fn as_new(&self) -> NewObject {
        NewObject {
            content_type: self.content_type.clone(),
            cache_control: self.cache_control.clone(),
            content_disposition: self.content_disposition.clone(),
            content_encoding: self.content_encoding.clone(),
            content_language: self.content_language.clone(),
            expires: self.expires.clone(),
            user_metadata: self.user_metadata.clone(),
            ..NewObject::default()
        }
    }
}
