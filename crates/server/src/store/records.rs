//! How each record is written in its table.

use super::{
    Acl, BucketRecord, ClassTotals, Encryption, ObjectKind, ObjectMeta, ObjectRecord, PartRecord,
    Redundancy, Restore, SseAlgorithm, StorageClass, StoreError, StoredHeader, Totals,
    UploadRecord, VersionId, Versioning,
    codec::{Field, Reader, Writer},
    content::{ContentId, Extent},
    types::{Content, Manifest},
};
use bytes::Bytes;
use std::collections::BTreeMap;

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
    pub(super) const VERSIONING: u8 = 17;
    pub(super) const VERSION: u8 = 18;
    pub(super) const SEQUENCE: u8 = 19;
    pub(super) const TARGET: u8 = 20;
    pub(super) const SEALED: u8 = 21;
    pub(super) const RESTORE: u8 = 22;
    pub(super) const TAG: u8 = 23;
    pub(super) const ENCRYPTION: u8 = 24;
    pub(super) const SEQUENTIAL: u8 = 25;
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
        for (key, value) in &self.tags {
            to.pair(tag::TAG, key.as_bytes(), value.as_bytes());
        }
        if let Some(encryption) = &self.encryption {
            let head = [
                encryption.algorithm.number(),
                u8::from(encryption.sm4_data),
                u8::from(encryption.key_id.is_some()),
            ];
            let key_id = encryption.key_id.as_deref().unwrap_or_default();
            to.bytes(tag::ENCRYPTION, &[&head, key_id.as_bytes()].concat());
        }
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
            tag::TAG => {
                let (key, value) = field.pair()?;
                self.tags.push((key, text(&value)?));
            }
            tag::ENCRYPTION => self.encryption = Some(encryption(field.value)?),
            _ => {}
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| StoreError::Corrupt("a record has text that is not UTF-8".to_owned()))
}

fn encryption(bytes: &[u8]) -> Result<Encryption, StoreError> {
    let cut_short = || StoreError::Corrupt("an encryption cut short".to_owned());
    let (&[algorithm, sm4_data, has_key], key_id) =
        bytes.split_first_chunk::<3>().ok_or_else(cut_short)?;
    let key_id = text(key_id)?;
    Ok(Encryption {
        algorithm: SseAlgorithm::from_number(algorithm)?,
        key_id: (has_key != 0).then_some(key_id),
        sm4_data: sm4_data != 0,
    })
}

/// Two numbers in one field.
fn two(a: u64, b: u64) -> [u8; 16] {
    (u128::from(a) << 64 | u128::from(b)).to_be_bytes()
}

fn split_two(bytes: [u8; 16]) -> (u64, u64) {
    let both = u128::from_be_bytes(bytes);
    ((both >> 64) as u64, both as u64)
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
        to.number(tag::SEQUENCE, self.sequence);
        if let Some(id) = self.version.to_bytes() {
            to.bytes(tag::VERSION, &id);
        }
        if let Some(md5) = &self.md5 {
            to.bytes(tag::MD5, md5);
        }
        if let Some(target) = &self.target {
            to.bytes(tag::TARGET, target.as_bytes());
        }
        if let Some(time) = self.sealed_ms {
            to.number(tag::SEALED, time as u64);
        }
        if let Some(restore) = &self.restore {
            let times = two(restore.ready_ms as u64, restore.expires_ms as u64);
            to.bytes(tag::RESTORE, &times);
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
        let mut out = Self::default();
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::SIZE => out.size = field.number()?,
                tag::ETAG => out.etag = field.text()?,
                tag::CRC64 => out.crc64 = field.number()?,
                tag::MD5 => out.md5 = Some(field.array()?),
                tag::TIME => out.modified_ms = field.number()? as i64,
                tag::KIND => out.kind = ObjectKind::from_number(field.byte()?)?,
                tag::SEQUENCE => out.sequence = field.number()?,
                tag::VERSION => out.version = VersionId::from_bytes(field.array()?),
                tag::TARGET => out.target = Some(field.text()?),
                tag::SEALED => out.sealed_ms = Some(field.number()? as i64),
                tag::RESTORE => {
                    let (ready, expires) = split_two(field.array()?);
                    out.restore = Some(Restore {
                        ready_ms: ready as i64,
                        expires_ms: expires as i64,
                    });
                }
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
            .bytes(tag::VERSIONING, &[self.versioning.number()])
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            created_ms: 0,
            class: StorageClass::Standard,
            acl: Acl::Private,
            redundancy: Redundancy::Lrs,
            versioning: Versioning::Off,
            settings: BTreeMap::new(),
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::TIME => out.created_ms = field.number()? as i64,
                tag::CLASS => out.class = StorageClass::from_number(field.byte()?)?,
                tag::ACL => out.acl = Acl::from_number(field.byte()?)?,
                tag::REDUNDANCY => out.redundancy = Redundancy::from_number(field.byte()?)?,
                tag::VERSIONING => out.versioning = Versioning::from_number(field.byte()?)?,
                _ => {}
            }
        }
        Ok(out)
    }
}

impl Record for UploadRecord {
    fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.number(tag::TIME, self.initiated_ms as u64)
            .bytes(tag::SEQUENTIAL, &[u8::from(self.sequential)]);
        self.meta.write(&mut to);
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self {
            initiated_ms: 0,
            meta: ObjectMeta::default(),
            sequential: false,
        };
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::TIME => out.initiated_ms = field.number()? as i64,
                tag::SEQUENTIAL => out.sequential = field.byte()? != 0,
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
        let mut to = Writer::new();
        to.number(tag::COUNT, self.markers);
        for class in &self.classes {
            to.bytes(tag::SIZE, &two(class.objects, class.bytes));
        }
        to.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut out = Self::default();
        let mut classes = out.classes.iter_mut();
        let mut fields = Reader::new(bytes);
        while let Some(field) = fields.next()? {
            match field.tag {
                tag::COUNT => out.markers = field.number()?,
                tag::SIZE => {
                    if let Some(class) = classes.next() {
                        let (objects, bytes) = split_two(field.array()?);
                        *class = ClassTotals { objects, bytes };
                    }
                }
                _ => {}
            }
        }
        Ok(out)
    }
}

/// Whether a row of the objects' table is a delete marker, without reading the rest of it.
pub(super) fn is_marker(row: &[u8]) -> Result<bool, StoreError> {
    let mut fields = Reader::new(row);
    while let Some(field) = fields.next()? {
        if field.tag == tag::KIND {
            return Ok(field.byte()? == ObjectKind::DeleteMarker.number());
        }
    }
    Ok(false)
}
