//! `ListObjects` and `ListObjectsV2`.

use super::{Malformed, Owner, URL_ENCODING, decode, encoding};
use serde::{Deserialize, Serialize};

/// One object of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Contents {
    /// The object's key.
    pub key: String,
    /// XML time.
    pub last_modified: String,
    /// Quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
    /// Normal, Multipart, Appendable or Symlink.
    #[serde(rename = "Type")]
    pub object_type: String,
    /// Bytes.
    pub size: u64,
    /// Standard and so on.
    pub storage_class: String,
    /// `ongoing-request="true"` and so on, of restored objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_info: Option<String>,
    /// Always in V1; in V2 only with `fetch-owner=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Keys that share a beginning up to the delimiter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CommonPrefix {
    /// Ends with the delimiter.
    pub prefix: String,
}

/// `ListObjects` (V1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase", default)]
pub struct ListBucketResult {
    /// The bucket.
    pub name: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    pub marker: String,
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
    pub next_marker: Option<String>,
    /// The objects, in byte order of their keys.
    pub contents: Vec<Contents>,
    /// The groups, in byte order.
    pub common_prefixes: Vec<CommonPrefix>,
}

/// `ListObjectsV2`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase", default)]
pub struct ListBucketResultV2 {
    /// The bucket.
    pub name: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_after: Option<String>,
    /// As asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<String>,
    /// As asked, or 100.
    pub max_keys: u32,
    /// As asked.
    pub delimiter: String,
    /// `url` when keys are percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// Whether more follow.
    pub is_truncated: bool,
    /// Where the next page begins; opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_continuation_token: Option<String>,
    /// Objects and groups on this page.
    pub key_count: u32,
    /// The objects, in byte order of their keys.
    pub contents: Vec<Contents>,
    /// The groups, in byte order.
    pub common_prefixes: Vec<CommonPrefix>,
}

/// Applies `f` to each field that `encoding-type=url` covers in both versions.
fn each_common(
    prefix: &mut String,
    delimiter: &mut String,
    contents: &mut [Contents],
    groups: &mut [CommonPrefix],
    f: &mut impl FnMut(&mut String) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    f(prefix)?;
    f(delimiter)?;
    contents
        .iter_mut()
        .try_for_each(|object| f(&mut object.key))?;
    groups.iter_mut().try_for_each(|group| f(&mut group.prefix))
}

impl ListBucketResult {
    fn each(
        &mut self,
        mut f: impl FnMut(&mut String) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        f(&mut self.marker)?;
        self.next_marker.as_mut().map_or(Ok(()), &mut f)?;
        each_common(
            &mut self.prefix,
            &mut self.delimiter,
            &mut self.contents,
            &mut self.common_prefixes,
            &mut f,
        )
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

impl ListBucketResultV2 {
    fn each(
        &mut self,
        mut f: impl FnMut(&mut String) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        for field in [
            &mut self.start_after,
            &mut self.continuation_token,
            &mut self.next_continuation_token,
        ] {
            field.as_mut().map_or(Ok(()), &mut f)?;
        }
        each_common(
            &mut self.prefix,
            &mut self.delimiter,
            &mut self.contents,
            &mut self.common_prefixes,
            &mut f,
        )
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
