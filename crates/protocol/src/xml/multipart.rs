//! Multipart documents.

use super::{CommonPrefix, Malformed, URL_ENCODING, decode, encode};
use serde::{Deserialize, Serialize};

/// `InitiateMultipartUpload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "InitiateMultipartUploadResult",
    rename_all = "PascalCase",
    default
)]
pub struct InitiateMultipartUploadResult {
    /// `url` when the key is percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// 32 upper-case hex digits.
    pub upload_id: String,
}

/// Body of `CompleteMultipartUpload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CompleteMultipartUpload", rename_all = "PascalCase", default)]
pub struct CompleteMultipartUpload {
    /// Ascending numbers.
    pub part: Vec<PartToComplete>,
}

/// One part of a [`CompleteMultipartUpload`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartToComplete {
    /// 1 to 10,000.
    #[serde(rename = "PartNumber")]
    pub part_number: u32,
    /// As `UploadPart` answered; quotes optional.
    #[serde(rename = "ETag")]
    pub etag: String,
}

/// `CompleteMultipartUpload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "CompleteMultipartUploadResult",
    rename_all = "PascalCase",
    default
)]
pub struct CompleteMultipartUploadResult {
    /// `url` when the key is percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// The object's URL.
    pub location: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The object's, quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
}

/// `ListParts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "ListPartsResult", rename_all = "PascalCase", default)]
pub struct ListPartsResult {
    /// `url` when the key is percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Standard and so on.
    pub storage_class: String,
    /// As asked, or 0.
    pub part_number_marker: u32,
    /// The last number on this page, whether more follow or not.
    pub next_part_number_marker: u32,
    /// As asked, or 1000.
    pub max_parts: u32,
    /// Whether more follow.
    pub is_truncated: bool,
    /// The parts, by number.
    pub part: Vec<ListedPart>,
}

/// One part of a [`ListPartsResult`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListedPart {
    /// 1 to 10,000.
    pub part_number: u32,
    /// XML time.
    pub last_modified: String,
    /// Quoted.
    #[serde(rename = "ETag")]
    pub etag: String,
    /// CRC-64, unsigned decimal.
    #[serde(rename = "HashCrc64ecma", skip_serializing_if = "Option::is_none")]
    pub crc64: Option<u64>,
    /// Bytes.
    pub size: u64,
}

/// `ListMultipartUploads`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "ListMultipartUploadsResult",
    rename_all = "PascalCase",
    default
)]
pub struct ListMultipartUploadsResult {
    /// `url` when keys are percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// As asked.
    pub key_marker: String,
    /// As asked.
    pub upload_id_marker: String,
    /// There, and empty, even when complete: oss2 demands it.
    pub next_key_marker: String,
    /// There, and empty, even when complete.
    pub next_upload_id_marker: String,
    /// As asked.
    pub delimiter: String,
    /// As asked.
    pub prefix: String,
    /// As asked, or 1000.
    pub max_uploads: u32,
    /// Whether more follow.
    pub is_truncated: bool,
    /// By key, then upload id.
    pub upload: Vec<Upload>,
    /// The groups, in byte order.
    pub common_prefixes: Vec<CommonPrefix>,
}

/// One upload of a [`ListMultipartUploadsResult`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Upload {
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// XML time.
    pub initiated: String,
    /// Standard and so on.
    pub storage_class: String,
}

macro_rules! key_alone_is_encoded {
    ($($document:ty)*) => {$(
        impl $document {
            /// Percent-encodes the key and says so.
            #[must_use]
            pub fn url_encoded(mut self) -> Self {
                self.encoding_type = Some(URL_ENCODING.into());
                encode(&mut self.key);
                self
            }

            /// Undoes [`Self::url_encoded`], if `EncodingType` says that it was done.
            pub fn decoded(mut self) -> Result<Self, Malformed> {
                if self.encoding_type.take().as_deref() == Some(URL_ENCODING) {
                    decode(&mut self.key)?;
                }
                Ok(self)
            }
        }
    )*};
}
key_alone_is_encoded!(InitiateMultipartUploadResult CompleteMultipartUploadResult ListPartsResult);

impl ListMultipartUploadsResult {
    fn each(
        &mut self,
        mut f: impl FnMut(&mut String) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        f(&mut self.key_marker)?;
        f(&mut self.next_key_marker)?;
        f(&mut self.delimiter)?;
        f(&mut self.prefix)?;
        self.upload
            .iter_mut()
            .try_for_each(|upload| f(&mut upload.key))?;
        self.common_prefixes
            .iter_mut()
            .try_for_each(|group| f(&mut group.prefix))
    }

    /// Percent-encodes what `encoding-type=url` covers and says so.
    #[must_use]
    pub fn url_encoded(mut self) -> Self {
        self.encoding_type = Some(URL_ENCODING.into());
        let encoded = self.each(|field| {
            encode(field);
            Ok(())
        });
        encoded.expect("encoding can't fail");
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
