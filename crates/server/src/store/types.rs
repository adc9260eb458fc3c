//! The records that a store keeps, and how each is written in its table.

use super::{
    StoreError,
    codec::{Reader, Writer},
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

            fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)* }
            }

            fn from_number(number: u8) -> Result<Self, StoreError> {
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

/// A value of a table.
pub(crate) trait Record: Sized {
    fn encode(&self) -> Bytes;
    fn decode(bytes: &[u8]) -> Result<Self, StoreError>;
}

mod tag {
    pub(super) const SIZE: u8 = 1;
    pub(super) const ETAG: u8 = 2;
    pub(super) const CRC64: u8 = 3;
    pub(super) const MD5: u8 = 4;
    pub(super) const TIME: u8 = 5;
    pub(super) const KIND: u8 = 6;
    pub(super) const CLASS: u8 = 7;
    pub(super) const HEADER: u8 = 8;
    pub(super) const USER: u8 = 9;
    pub(super) const ACL: u8 = 10;
    pub(super) const REVISION: u8 = 11;
    pub(super) const EXTENT: u8 = 12;
    pub(super) const MANIFEST: u8 = 13;
    pub(super) const PART: u8 = 14;
    pub(super) const REDUNDANCY: u8 = 15;
    pub(super) const COUNT: u8 = 16;
}

impl ObjectMeta {
    fn write(&self, to: &mut Writer) {
        for (header, value) in &self.headers {
            to.pair(tag::HEADER, &[header.number()], value);
        }
        for (name, value) in &self.user {
            to.pair(tag::USER, name.as_bytes(), value);
        }
        to.bytes(tag::CLASS, &[self.class.number()]);
        to.bytes(tag::ACL, &[self.acl.number()]);
    }

    fn read(&mut self, field: &super::codec::Field<'_>) -> Result<(), StoreError> {
        match field.tag {
            tag::HEADER => {
                let (number, value) = field.pair()?;
                let number = number.as_bytes().first().copied().unwrap_or(u8::MAX);
                self.headers
                    .push((StoredHeader::from_number(number)?, value));
            }
            tag::USER => self.user.push(field.pair()?),
            tag::CLASS => self.class = StorageClass::from_number(field.byte()?)?,
            tag::ACL => self.acl = Acl::from_number(field.byte()?)?,
            _ => {}
        }
        Ok(())
    }
}

impl Record for ObjectRecord {
    fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.number(tag::SIZE, self.size)
            .bytes(tag::ETAG, self.etag.as_bytes())
            .number(tag::CRC64, self.crc64)
            .number(tag::TIME, self.modified_ms as u64)
            .bytes(tag::KIND, &[self.kind.number()])
            .number(tag::REVISION, self.revision);
        if let Some(md5) = &self.md5 {
            to.bytes(tag::MD5, md5);
        }
        self.meta.write(&mut to);
        match &self.content {
            Content::Extents(extents) => {
                for extent in extents {
                    to.bytes(tag::EXTENT, &extent.to_bytes());
                }
            }
            Content::Manifest(id) => {
                to.bytes(tag::MANIFEST, &id.to_bytes());
            }
        }
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            size: 0,
            etag: String::new(),
            crc64: 0,
            md5: None,
            modified_ms: 0,
            kind: ObjectKind::Normal,
            meta: ObjectMeta::default(),
            revision: 0,
            content: Content::Extents(Vec::new()),
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::SIZE => out.size = field.number()?,
                tag::ETAG => out.etag = field.text()?,
                tag::CRC64 => out.crc64 = field.number()?,
                tag::MD5 => out.md5 = Some(field.array()?),
                tag::TIME => out.modified_ms = field.number()? as i64,
                tag::KIND => out.kind = ObjectKind::from_number(field.byte()?)?,
                tag::REVISION => out.revision = field.number()?,
                tag::EXTENT => {
                    if let Content::Extents(extents) = &mut out.content {
                        extents.push(Extent::from_bytes(field.array()?)?);
                    }
                }
                tag::MANIFEST => {
                    out.content = Content::Manifest(ContentId::from_bytes(field.array()?));
                }
                _ => out.meta.read(&field)?,
            }
        }
        Ok(out)
    }
}

impl Record for Manifest {
    fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        for extent in &self.extents {
            to.bytes(tag::EXTENT, &extent.to_bytes());
        }
        for (number, size) in &self.parts {
            to.pair(tag::PART, &[], &{
                let mut both = number.to_le_bytes().to_vec();
                both.extend_from_slice(&size.to_le_bytes());
                both
            });
        }
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self::default();
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::EXTENT => out.extents.push(Extent::from_bytes(field.array()?)?),
                tag::PART => {
                    let (_, both) = field.pair()?;
                    let split = both.split_first_chunk::<2>();
                    let number_size =
                        split.and_then(|(n, s)| Some((u16::from_le_bytes(*n), s.try_into().ok()?)));
                    let (number, size) = number_size
                        .ok_or_else(|| StoreError::Corrupt("a part cut short".to_owned()))?;
                    out.parts.push((number, u64::from_le_bytes(size)));
                }
                _ => {}
            }
        }
        Ok(out)
    }
}

impl Record for BucketRecord {
    fn encode(&self) -> Bytes {
        Writer::new()
            .number(tag::TIME, self.created_ms as u64)
            .bytes(tag::CLASS, &[self.class.number()])
            .bytes(tag::ACL, &[self.acl.number()])
            .bytes(tag::REDUNDANCY, &[self.redundancy.number()])
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            created_ms: 0,
            class: StorageClass::Standard,
            acl: Acl::Private,
            redundancy: Redundancy::Lrs,
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::TIME => out.created_ms = field.number()? as i64,
                tag::CLASS => out.class = StorageClass::from_number(field.byte()?)?,
                tag::ACL => out.acl = Acl::from_number(field.byte()?)?,
                tag::REDUNDANCY => out.redundancy = Redundancy::from_number(field.byte()?)?,
                _ => {}
            }
        }
        Ok(out)
    }
}

impl Record for UploadRecord {
    fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.number(tag::TIME, self.initiated_ms as u64);
        self.meta.write(&mut to);
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            initiated_ms: 0,
            meta: ObjectMeta::default(),
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::TIME => out.initiated_ms = field.number()? as i64,
                _ => out.meta.read(&field)?,
            }
        }
        Ok(out)
    }
}

impl Record for PartRecord {
    fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.number(tag::SIZE, self.size)
            .bytes(tag::ETAG, self.etag.as_bytes())
            .number(tag::CRC64, self.crc64)
            .number(tag::TIME, self.modified_ms as u64);
        for extent in &self.extents {
            to.bytes(tag::EXTENT, &extent.to_bytes());
        }
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            size: 0,
            etag: String::new(),
            crc64: 0,
            modified_ms: 0,
            extents: Vec::new(),
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::SIZE => out.size = field.number()?,
                tag::ETAG => out.etag = field.text()?,
                tag::CRC64 => out.crc64 = field.number()?,
                tag::TIME => out.modified_ms = field.number()? as i64,
                tag::EXTENT => out.extents.push(Extent::from_bytes(field.array()?)?),
                _ => {}
            }
        }
        Ok(out)
    }
}

impl Record for Totals {
    fn encode(&self) -> Bytes {
        Writer::new()
            .number(tag::COUNT, self.objects)
            .number(tag::SIZE, self.bytes)
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self::default();
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::COUNT => out.objects = field.number()?,
                tag::SIZE => out.bytes = field.number()?,
                _ => {}
            }
        }
        Ok(out)
    }
}
