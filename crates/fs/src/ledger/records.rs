//! What several kinds of records hold.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::types::{ObjectVersion, UnixNanos};

/// [`ObjectVersion`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VersionRecord<'a> {
    key: Cow<'a, str>,
    etag: Cow<'a, str>,
    version_id: Option<Cow<'a, str>>,
    size: u64,
    mtime: UnixNanos,
    crc64: Option<u64>,
    appendable: bool,
}

impl VersionRecord<'_> {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

impl<'a> From<&'a ObjectVersion> for VersionRecord<'a> {
    fn from(version: &'a ObjectVersion) -> Self {
        Self {
            key: Cow::Borrowed(&version.key),
            etag: Cow::Borrowed(&version.etag),
            version_id: version.version_id.as_deref().map(Cow::Borrowed),
            size: version.size,
            mtime: version.mtime,
            crc64: version.crc64,
            appendable: version.appendable,
        }
    }
}

impl From<VersionRecord<'_>> for ObjectVersion {
    fn from(record: VersionRecord<'_>) -> Self {
        Self {
            key: record.key.into(),
            etag: record.etag.into(),
            version_id: record.version_id.map(Into::into),
            size: record.size,
            mtime: record.mtime,
            crc64: record.crc64,
            appendable: record.appendable,
        }
    }
}
