//! `DeleteMultipleObjects`.

use super::{Malformed, URL_ENCODING, decode, encode};
use serde::{Deserialize, Serialize};

/// The request's body: at most 1,000 objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Delete", rename_all = "PascalCase", default)]
pub struct Delete {
    /// Answer with an empty body.
    pub quiet: bool,
    /// What to delete.
    pub object: Vec<ObjectToDelete>,
}

/// One object of a [`Delete`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ObjectToDelete {
    /// The key, not percent-encoded.
    pub key: String,
    /// One version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// The answer when not quiet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "DeleteResult", rename_all = "PascalCase", default)]
pub struct DeleteResult {
    /// `url` when keys are percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_type: Option<String>,
    /// Everything asked for, missing keys as well.
    pub deleted: Vec<Deleted>,
}

/// One object of a [`DeleteResult`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Deleted {
    /// The key.
    pub key: String,
    /// The version that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether a delete marker was made or, with a version named, removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delete_marker: bool,
    /// That delete marker's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_marker_version_id: Option<String>,
}

impl DeleteResult {
    /// Percent-encodes the keys and says so.
    #[must_use]
    pub fn url_encoded(mut self) -> Self {
        self.encoding_type = Some(URL_ENCODING.into());
        self.deleted.iter_mut().for_each(|one| encode(&mut one.key));
        self
    }

    /// Undoes [`Self::url_encoded`], if `EncodingType` says that it was done.
    pub fn decoded(mut self) -> Result<Self, Malformed> {
        if self.encoding_type.take().as_deref() == Some(URL_ENCODING) {
            self.deleted
                .iter_mut()
                .try_for_each(|one| decode(&mut one.key))?;
        }
        Ok(self)
    }
}
