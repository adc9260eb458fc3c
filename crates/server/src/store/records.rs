//! How each record is written in its table.

use super::{
    Acl, BucketRecord, ObjectKind, ObjectMeta, ObjectRecord, PartRecord, Redundancy, StorageClass,
    StoreError, StoredHeader, Totals, UploadRecord,
    codec::{Field, Reader, Writer},
    content::{ContentId, Extent},
    types::{Content, Manifest},
};
use bytes::Bytes;

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

    fn read(&mut self, field: &Field<'_>) -> Result<(), StoreError> {
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
