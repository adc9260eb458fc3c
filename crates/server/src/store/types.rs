//! The records that a store keeps.

use super::{
    StoreError,
    content::{ContentId, Extent},
    version::VersionId,
};
use bytes::Bytes;
use std::{collections::BTreeMap, fmt};

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

            pub(crate) fn number(self) -> u8 {
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
        /// It names another object of its bucket.
        Symlink = 3 "Symlink",
        /// It says that the key was deleted; only where versions are kept.
        DeleteMarker = 4 "DeleteMarker",
    }
}

words! {
    /// Whether a bucket keeps the versions of its objects.
    Versioning {
        /// It was never asked to.
        #[default]
        Off = 0 "",
        /// Every change of an object makes a version.
        Enabled = 1 "Enabled",
        /// Versions that are there stay; changes replace the null version.
        Suspended = 2 "Suspended",
    }
}

words! {
    /// How the service would encrypt the bytes; kept and returned, without effect here.
    SseAlgorithm {
        /// With a key of the service.
        #[default]
        Aes256 = 0 "AES256",
        /// With a key of the key management service.
        Kms = 1 "KMS",
        /// SM4 with a key of the service.
        Sm4 = 2 "SM4",
    }
}

/// Server-side encryption of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// The method.
    pub algorithm: SseAlgorithm,
    /// The key's id; with KMS only.
    pub key_id: Option<String>,
    /// Whether the data are encrypted with SM4; with KMS only.
    pub sm4_data: bool,
}

/// A restored copy of an object of an archive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restore {
    /// Until then the restore goes on, in milliseconds since 1970.
    pub ready_ms: i64,
    /// Until then the object can be read, in milliseconds since 1970.
    pub expires_ms: i64,
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
    /// Whether versions are kept.
    pub versioning: Versioning,
    /// Documents of settings, by name; each has a row of its own.
    pub settings: BTreeMap<String, Bytes>,
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
    /// Tags, as (key, value).
    pub tags: Vec<(String, String)>,
    /// Server-side encryption, if asked for.
    pub encryption: Option<Encryption>,
}

/// Where an object's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// In these extents, in order.
    Extents(Vec<Extent>),
    /// In the extents of the manifest of this id.
    Manifest(ContentId),
}

impl Default for Content {
    fn default() -> Self {
        Self::Extents(Vec::new())
    }
}

/// An object, or one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectRecord {
    /// Its version.
    pub version: VersionId,
    /// The revision with which this version was made: versions of a key sort by it.
    pub sequence: u64,
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
    /// The key that a symlink names.
    pub target: Option<String>,
    /// When appends were forbidden, in milliseconds since 1970.
    pub sealed_ms: Option<i64>,
    /// The restored copy, of archive classes.
    pub restore: Option<Restore>,
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
    /// Whether its parts must come in order, so that the object has an MD5.
    pub sequential: bool,
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

/// What a bucket has of one storage class, all versions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassTotals {
    /// Objects.
    pub objects: u64,
    /// Bytes in objects.
    pub bytes: u64,
}

/// Running totals of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// By [`StorageClass`], in the order of the enum.
    pub classes: [ClassTotals; 5],
    /// Delete markers.
    pub markers: u64,
}

impl Totals {
    /// Objects of all classes.
    pub fn objects(&self) -> u64 {
        self.classes.iter().map(|class| class.objects).sum()
    }

    /// Bytes of all classes.
    pub fn bytes(&self) -> u64 {
        self.classes.iter().map(|class| class.bytes).sum()
    }

    /// Counts a version in.
    pub(super) fn add(&mut self, record: &ObjectRecord) {
        if record.kind == ObjectKind::DeleteMarker {
            self.markers += 1;
        } else {
            let class = &mut self.classes[usize::from(record.meta.class.number())];
            class.objects += 1;
            class.bytes += record.size;
        }
    }

    /// Counts a version out.
    pub(super) fn subtract(&mut self, record: &ObjectRecord) {
        if record.kind == ObjectKind::DeleteMarker {
            self.markers = self.markers.saturating_sub(1);
        } else {
            let class = &mut self.classes[usize::from(record.meta.class.number())];
            class.objects = class.objects.saturating_sub(1);
            class.bytes = class.bytes.saturating_sub(record.size);
        }
    }
}
