//! How records are written: a run of (tag, length, bytes), so that a later version of the program
//! adds fields without touching those on disk. Unknown tags are skipped, absent ones have defaults.

use super::StoreError;
use bytes::Bytes;

/// A record being written.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(192))
    }

    pub(crate) fn bytes(&mut self, tag: u8, value: &[u8]) -> &mut Self {
        self.0.push(tag);
        let mut length = value.len();
        while length >= 0x80 {
            self.0.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.0.push(length as u8);
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn number(&mut self, tag: u8, value: u64) -> &mut Self {
        self.bytes(tag, &value.to_le_bytes())
    }

    pub(crate) fn pair(&mut self, tag: u8, name: &[u8], value: &[u8]) -> &mut Self {
        let mut both = Vec::with_capacity(2 + name.len() + value.len());
        both.extend_from_slice(&(name.len() as u16).to_le_bytes());
        both.extend_from_slice(name);
        both.extend_from_slice(value);
        self.bytes(tag, &both)
    }

    pub(crate) fn finish(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.0))
    }
}

/// The fields of a record, in the order written.
pub(crate) struct Reader<'a>(&'a [u8]);

/// One field.
pub(crate) struct Field<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a record has {what}"))
}

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, StoreError> {
        let Some((&tag, mut rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut length = 0usize;
        let mut shift = 0;
        loop {
            let Some((&byte, after)) = rest.split_first() else {
                return Err(corrupt("no length"));
            };
            rest = after;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                return Err(corrupt("an overlong length"));
            }
        }
        let Some((value, after)) = rest.split_at_checked(length) else {
            return Err(corrupt("a field cut short"));
        };
        self.0 = after;
        Ok(Some(Field { tag, value }))
    }
}

impl Field<'_> {
    pub(crate) fn number(&self) -> Result<u64, StoreError> {
        let bytes = self.array()?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], StoreError> {
        self.value
            .try_into()
            .map_err(|_| corrupt("a field of the wrong length"))
    }

    pub(crate) fn text(&self) -> Result<String, StoreError> {
        String::from_utf8(self.value.to_vec()).map_err(|_| corrupt("text that is not UTF-8"))
    }

    pub(crate) fn pair(&self) -> Result<(String, Bytes), StoreError> {
        let (length, rest) = self
            .value
            .split_first_chunk::<2>()
            .ok_or_else(|| corrupt("a pair cut short"))?;
        let (name, value) = rest
            .split_at_checked(usize::from(u16::from_le_bytes(*length)))
            .ok_or_else(|| corrupt("a pair cut short"))?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| corrupt("a name not in UTF-8"))?;
        Ok((name, Bytes::copy_from_slice(value)))
    }

    pub(crate) fn byte(&self) -> Result<u8, StoreError> {
        let [byte] = self.array()?;
        Ok(byte)
    }
}
