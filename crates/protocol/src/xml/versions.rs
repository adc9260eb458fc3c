//! `PutBucketVersioning`, `GetBucketVersioning`, `ListObjectVersions`.

use super::{CommonPrefix, Malformed, Owner, URL_ENCODING, decode, encoding};
use serde::{Deserialize, Serialize};

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "VersioningConfiguration", rename_all = "PascalCase", default)]
pub struct VersioningConfiguration {
    /// Enabled or Suspended; absent while never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// One version of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// Opaque; `null` for what was written while versions were not kept.
    pub version_id: String,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// XML time.
    pub last_modified: String,
    /// Quoted; absent on a delete marker.
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Normal and so on; absent on a delete marker.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// Bytes; absent on a delete marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Standard and so on; absent on a delete marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// `ongoing-request="true"` and so on, of restored objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_info: Option<String>,
    /// Whose.
    pub owner: Owner,
}

/// What a list of versions holds, in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListedVersion {
    /// A version that has content.
    Version(Version),
    /// A version that says that the object was deleted.
    DeleteMarker(Version),
    /// An element that this program does not know; never written.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl ListedVersion {
    /// The version, of either kind.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Version(version) | Self::DeleteMarker(version) => Some(version),
            Self::Unknown => None,
        }
    }

    fn key_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Version(version) | Self::DeleteMarker(version) => Some(&mut version.key),
            Self::Unknown => None,
        }
    }
}

/// `ListObjectVersions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListVersionsResult", rename_all = "PascalCase", default)]
pub struct ListVersionsResult {
    /// The bucket.
    pub name: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    pub key_marker: String,
    /// As asked.
    pub version_id_marker: String,
    /// As asked, or 100.
    pub max_keys: u32,
    /// As asked.
    pub delimiter: String,
    /// `url` when keys are percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// Whether more follow.
    pub is_truncated: bool,
    /// The last key or common prefix of this page, when more follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_key_marker: Option<String>,
    /// The last version of this page, when more follow; empty after a common prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_version_id_marker: Option<String>,
    /// Keys in byte order, versions of a key with the newest first.
    #[serde(rename = "$value", default)]
    pub versions: Vec<ListedVersion>,
    /// The groups, in byte order.
    pub common_prefixes: Vec<CommonPrefix>,
}

impl ListVersionsResult {
    fn each(
        &mut self,
        mut f: impl FnMut(&mut String) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        f(&mut self.prefix)?;
        f(&mut self.key_marker)?;
        f(&mut self.delimiter)?;
        self.next_key_marker.as_mut().map_or(Ok(()), &mut f)?;
        self.versions
            .iter_mut()
            .filter_map(ListedVersion::key_mut)
            .try_for_each(&mut f)?;
        self.common_prefixes
            .iter_mut()
            .try_for_each(|group| f(&mut group.prefix))
    }

    /// Percent-encodes what `encoding-type=url` covers and says so.
    #[must_use]
    pub fn url_encoded(mut self) -> Self {
        self.encoding_type = Some(URL_ENCODING.into());
        self.each(encoding).expect("encoding can't fail");
        self
    }

    /// Undoes [`Self::url_encoded`], if `EncodingType` says that it was done.
    pub fn decoded(mut self) -> Result<Self, Malformed> {
        if self.encoding_type.take().as_deref() == Some(URL_ENCODING) {
            self.each(decode)?;
        }
        Ok(self)
    }
}
