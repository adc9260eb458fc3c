//! The records that a store keeps.

use super::{
    StoreError,
    content::{ContentId, Extent},
};
use bytes::Bytes;
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// The word on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value with this word.
            pub fn from_name(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }

            pub(super) fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)* }
            }

            pub(super) fn from_number(number: u8) -> Result<Self, StoreError> {
                match number {
                    $($number => Ok(Self::$variant),)*
                    _ => Err(StoreError::Corrupt(format!(concat!(stringify!($name), " {}"), number))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// Where the service would keep the bytes.
    StorageClass {
        /// Kept ready; the default.
        #[default]
        Standard = 0 "Standard",
        /// Infrequent access.
        Ia = 1 "IA",
        /// Archive.
        Archive = 2 "Archive",
        /// Cold archive.
        ColdArchive = 3 "ColdArchive",
        /// Deep cold archive.
        DeepColdArchive = 4 "DeepColdArchive",
    }
}

words! {
    /// How an object came to be.
    ObjectKind {
        /// By one put or copy.
        #[default]
        Normal = 0 "Normal",
        /// By a multipart upload.
        Multipart = 1 "Multipart",
        /// By appends.
        Appendable = 2 "Appendable",
    }
}

words! {
    /// Who may do what without a key of the owner.
    Acl {
        /// As the bucket says (objects only).
        #[default]
        Inherit = 0 "default",
        /// Nobody.
        Private = 1 "private",
        /// Anybody reads.
        PublicRead = 2 "public-read",
        /// Anybody reads and writes.
        PublicReadWrite = 3 "public-read-write",
    }
}

words! {
    /// How often the service would keep a copy.
    Redundancy {
        /// Local.
        #[default]
        Lrs = 0 "LRS",
        /// Across zones.
        Zrs = 1 "ZRS",
    }
}

words! {
    /// Headers that are kept with an object and sent back as they came.
    StoredHeader {
        /// `Content-Type`.
        #[default]
        ContentType = 0 "content-type",
        /// `Cache-Control`.
        CacheControl = 1 "cache-control",
        /// `Content-Disposition`.
        ContentDisposition = 2 "content-disposition",
        /// `Content-Encoding`.
        ContentEncoding = 3 "content-encoding",
        /// `Content-Language`.
        ContentLanguage = 4 "content-language",
        /// `Expires`.
        Expires = 5 "expires",
    }
}

impl StoredHeader {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ContentType,
        Self::CacheControl,
        Self::ContentDisposition,
        Self::ContentEncoding,
        Self::ContentLanguage,
        Self::Expires,
    ];
}

/// 32 upper-case hex digits that name a multipart upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId([u8; UploadId::LENGTH]);

impl UploadId {
    /// Bytes of an id.
    pub const LENGTH: usize = 32;

    /// A new one.
    pub fn random() -> Self {
        let text = format!("{:032X}", fastrand::u128(..));
        let mut id = [0; Self::LENGTH];
        id.copy_from_slice(text.as_bytes());
        Self(id)
    }

    /// Reads an id; `None` when no upload can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b))
            .then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRecord {
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// The class of objects that do not say theirs.
    pub class: StorageClass,
    /// Who may do what without a key.
    pub acl: Acl,
    /// Kept and returned; without effect here.
    pub redundancy: Redundancy,
}

/// What a writer says about an object besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectMeta {
    /// Headers sent back as they came.
    pub headers: Vec<(StoredHeader, Bytes)>,
    /// User metadata: lower-case names without `x-oss-meta-`, and raw values.
    pub user: Vec<(String, Bytes)>,
    /// The storage class.
    pub class: StorageClass,
    /// Who may read or write it without a key.
    pub acl: Acl,
}

/// Where an object's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// In these extents, in order.
    Extents(Vec<Extent>),
    /// In the extents of the manifest of this id.
    Manifest(ContentId),
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// Bytes.
    pub size: u64,
    /// Quoted `ETag`.
    pub etag: String,
    /// CRC-64 of all bytes.
    pub crc64: u64,
    /// MD5 of all bytes, where the service would return it.
    pub md5: Option<[u8; 16]>,
    /// Last change, in milliseconds since 1970.
    pub modified_ms: i64,
    /// How it came to be.
    pub kind: ObjectKind,
    /// What its writer said about it.
    pub meta: ObjectMeta,
    /// Grows with every change in the store; never the same for two contents or two states.
    pub revision: u64,
    pub(crate) content: Content,
}

/// The extents of an object that has many, and the parts it was completed from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Manifest {
    pub(crate) extents: Vec<Extent>,
    /// (number, size in bytes) of each part.
    pub(crate) parts: Vec<(u16, u64)>,
}

/// A multipart upload that is not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// When it was begun, in milliseconds since 1970.
    pub initiated_ms: i64,
    /// What the object will be.
    pub meta: ObjectMeta,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// Bytes.
    pub size: u64,
    /// Quoted `ETag`.
    pub etag: String,
    /// CRC-64 of its bytes.
    pub crc64: u64,
    /// When it was uploaded, in milliseconds since 1970.
    pub modified_ms: i64,
    pub(crate) extents: Vec<Extent>,
}

/// Running totals of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Objects.
    pub objects: u64,
    /// Bytes in objects.
    pub bytes: u64,
}
