//! Writing objects whole.

use super::{Body, HeadObject, Tags, tagging};
use crate::{
    Client, Error, ErrorKind, ObjectDefaults, Operation, client::Call, client::crc_header,
};
use http::Method;
use ossplit_protocol::headers as names;
use std::collections::BTreeMap;

/// What an object is written with, besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewObject {
    /// `Content-Type`; the service says `application/octet-stream` otherwise.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`; any text, given back as it is.
    pub expires: Option<String>,
    /// Names without `x-oss-meta-`; 8 KB in all.
    pub user_metadata: BTreeMap<String, String>,
    /// Standard, IA and so on; the bucket's otherwise.
    pub storage_class: Option<String>,
    /// default, private, public-read or public-read-write.
    pub acl: Option<String>,
    /// At most 10.
    pub tags: Tags,
    /// Server-side encryption; the bucket's otherwise.
    pub encryption: Option<Encryption>,
    /// Fail with [`ErrorKind::AlreadyExists`] rather than replace an object.
    pub forbid_overwrite: bool,
}

/// Server-side encryption of an object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Encryption {
    /// With a key of the service.
    Aes256,
    /// With a key of the key management service: the one with this id, or the default one.
    Kms {
        /// The key's id.
        key_id: Option<String>,
    },
    /// SM4 with a key of the service.
    Sm4,
}

impl Encryption {
    fn headers(&self, call: Call) -> Result<Call, Error> {
        match self {
            Self::Aes256 => call.header(names::SSE, "AES256"),
            Self::Sm4 => call.header(names::SSE, "SM4"),
            Self::Kms { key_id } => call
                .header(names::SSE, "KMS")?
                .header_some(names::SSE_KEY_ID, key_id.as_deref()),
        }
    }
}

impl NewObject {
    /// Adds the headers of a new object, and of what the client gives each.
    pub(super) fn headers(&self, call: Call, otherwise: &ObjectDefaults) -> Result<Call, Error> {
        match &otherwise.by_key {
            None => self.headers_as_they_are(call, otherwise),
            Some(by_key) => {
                let with = by_key(call.key.as_deref().unwrap_or_default());
                self.clone().or(with).headers_as_they_are(call, otherwise)
            }
        }
    }

    /// What is not set is taken from `other`.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        let fill = |mine: &mut Option<String>, theirs: Option<String>| {
            if mine.is_none() {
                *mine = theirs;
            }
        };
        fill(&mut self.content_type, other.content_type);
        fill(&mut self.cache_control, other.cache_control);
        fill(&mut self.content_disposition, other.content_disposition);
        fill(&mut self.content_encoding, other.content_encoding);
        fill(&mut self.content_language, other.content_language);
        fill(&mut self.expires, other.expires);
        fill(&mut self.storage_class, other.storage_class);
        fill(&mut self.acl, other.acl);
        self.encryption = self.encryption.or(other.encryption);
        if self.tags.is_empty() {
            self.tags = other.tags;
        }
        for (name, value) in other.user_metadata {
            self.user_metadata.entry(name).or_insert(value);
        }
        self.forbid_overwrite |= other.forbid_overwrite;
        self
    }

    pub(super) fn headers_as_they_are(
        &self,
        mut call: Call,
        otherwise: &ObjectDefaults,
    ) -> Result<Call, Error> {
        let encryption = self.encryption.as_ref().or(otherwise.encryption.as_ref());
        let storage_class = self
            .storage_class
            .as_ref()
            .or(otherwise.storage_class.as_ref());
        let acl = self.acl.as_ref().or(otherwise.acl.as_ref());
        call = call
            .header_some("content-type", self.content_type.as_deref())?
            .header_some("cache-control", self.cache_control.as_deref())?
            .header_some("content-disposition", self.content_disposition.as_deref())?
            .header_some("content-encoding", self.content_encoding.as_deref())?
            .header_some("content-language", self.content_language.as_deref())?
            .header_some("expires", self.expires.as_deref())?
            .header_some(names::STORAGE_CLASS, storage_class.map(String::as_str))?
            .header_some(names::OBJECT_ACL, acl.map(String::as_str))?;
        if !self.tags.is_empty() {
            call = call.header(names::TAGGING, &tagging::header(&self.tags))?;
        }
        if let Some(encryption) = encryption {
            call = encryption.headers(call)?;
        }
        if self.forbid_overwrite {
            call = call.header(names::FORBID_OVERWRITE, "true")?;
        }
        for (name, value) in &self.user_metadata {
            call = call.header(&format!("{}{name}", names::META_PREFIX), value)?;
        }
        Ok(call)
    }
}

/// `PutObject`: at most 5 GiB.
pub struct PutObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The bytes.
    pub body: Body,
    /// Everything else.
    pub with: NewObject,
}

impl PutObject {
    /// Writes `body` to `key`.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, body: impl Into<Body>) -> Self {
        let with = NewObject::default();
        Self {
            bucket: bucket.into(),
            key: key.into(),
            body: body.into(),
            with,
        }
    }

    /// Sets everything else.
    #[must_use]
    pub fn with(mut self, with: NewObject) -> Self {
        self.with = with;
        self
    }
}

/// What `PutObject` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutObjectOutput {
    /// Quoted.
    pub etag: String,
    /// The stored object's, equal to what was sent.
    pub crc64: Option<u64>,
    /// Only in buckets with versioning.
    pub version_id: Option<String>,
}

pub(super) fn text(headers: &http::HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

impl Client {
    /// Writes an object. When this returns, the service has it, and its CRC64 is that of the bytes.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let done = client.put_object(ossplit::PutObject::new("bucket", "key", "hello")).await?;
    /// assert_eq!(done.crc64, Some(ossplit::crc64::checksum(b"hello")));
    /// # Ok(()) });
    /// ```
    pub async fn put_object(&self, request: PutObject) -> Result<PutObjectOutput, Error> {
        let mut call = Call::new(Operation::PutObject, Method::PUT)
            .object(&request.bucket, &request.key)
            .body(request.body);
        call.check_crc = true;
        let call = request.with.headers(call, &self.config().object_defaults)?;
        match self.execute(&call).await {
            Ok(reply) => {
                let headers = reply.response.headers();
                Ok(PutObjectOutput {
                    etag: text(headers, "etag").unwrap_or_default(),
                    crc64: crc_header(headers),
                    version_id: text(headers, names::VERSION_ID),
                })
            }
            // An earlier try may have been carried out and its answer lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && error.tries() > 1 => {
                let head = HeadObject::new(request.bucket, request.key);
                let ours = (call.body.known_crc(), call.body.length());
                match self.head_object(head).await {
                    Ok(there)
                        if there.crc64.is_some() && (there.crc64, Some(there.size)) == ours =>
                    {
                        Ok(PutObjectOutput {
                            etag: there.etag,
                            crc64: there.crc64,
                            version_id: there.version_id,
                        })
                    }
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}
