//! Extended attributes as one metadata value, `x-oss-meta-xattr`, in ossfs 1's (and s3fs's) format: a JSON object of names and
//! base64 values, percent-encoded as a whole.

use crate::error::{Error, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeMap;

/// All metadata of an object have 8 KiB together (API page "PutObject"): this leaves room for the others.
const MOST_BYTES: usize = 7 << 10;

/// The attributes of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Xattrs(BTreeMap<String, Vec<u8>>);

/// What setting an attribute may find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XattrMode {
    /// Whatever is there.
    #[default]
    Any,
    /// No attribute of that name (`XATTR_CREATE`).
    Create,
    /// An attribute of that name (`XATTR_REPLACE`).
    Replace,
}

impl Xattrs {
    /// Reads a metadata value. One that makes no sense is as good as absent, and so is an attribute whose value is no base64.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let json = text.map(|text| percent_decode_str(text).decode_utf8_lossy());
        let read =
            json.and_then(|json| serde_json::from_str::<BTreeMap<String, String>>(&json).ok());
        let pairs = read.unwrap_or_default().into_iter();
        Self(
            pairs
                .filter_map(|(name, value)| Some((name, STANDARD.decode(value).ok()?)))
                .collect(),
        )
    }

    /// The metadata value; `None` without attributes.
    pub(crate) fn text(&self) -> Result<Option<String>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let pairs: BTreeMap<&str, String> = self
            .0
            .iter()
            .map(|(name, value)| (&**name, STANDARD.encode(value)))
            .collect();
        let json =
            serde_json::to_string(&pairs).map_err(|e| Error::Local(std::sync::Arc::new(e)))?;
        let text = utf8_percent_encode(&json, NON_ALPHANUMERIC).to_string();
        if text.len() > MOST_BYTES {
            return Err(Error::AttributesFull);
        }
        Ok(Some(text))
    }

    pub(crate) fn get(&self, name: &str) -> Result<&[u8]> {
        self.0
            .get(name)
            .map(Vec::as_slice)
            .ok_or(Error::NoAttribute)
    }

    /// The names, each ended by a zero byte, as `listxattr` wants them.
    pub(crate) fn names(&self) -> Vec<u8> {
        let names = self.0.keys().map(|name| [name.as_bytes(), b"\0"].concat());
        names.collect::<Vec<_>>().concat()
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8], mode: XattrMode) -> Result<()> {
        match (mode, self.0.contains_key(name)) {
            (XattrMode::Create, true) => return Err(Error::Exists),
            (XattrMode::Replace, false) => return Err(Error::NoAttribute),
            _ => {}
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<()> {
        self.0.remove(name).map(drop).ok_or(Error::NoAttribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ossfs_wrote_is_read_and_written_alike() {
        // setfattr -n user.a -v x; setfattr -n user.b -v "" through ossfs 1.
        let text = "%7B%22user.a%22%3A%22eA%3D%3D%22%2C%22user.b%22%3A%22%22%7D";
        let found = Xattrs::parse(Some(text));
        assert_eq!(found.get("user.a").unwrap(), b"x");
        assert_eq!(found.get("user.b").unwrap(), b"");
        assert_eq!(found.names(), b"user.a\0user.b\0");
        let written = found.text().unwrap().unwrap();
        assert_eq!(Xattrs::parse(Some(&written)), found);
        assert_eq!(
            percent_decode_str(&written).decode_utf8_lossy(),
            percent_decode_str(text).decode_utf8_lossy()
        );
    }

    #[test]
    fn nonsense_is_absent_and_none_is_no_metadata() {
        for text in [None, Some(""), Some("%7B"), Some("[]")] {
            assert_eq!(Xattrs::parse(text), Xattrs::default());
        }
        let half = Xattrs::parse(Some(r#"{"user.a": "***", "user.b": "eA=="}"#));
        assert_eq!(half.names(), b"user.b\0");
        assert_eq!(Xattrs::default().text().unwrap(), None);
    }

    #[test]
    fn setting_minds_what_is_there() {
        let mut some = Xattrs::default();
        assert!(matches!(
            some.set("user.a", b"1", XattrMode::Replace),
            Err(Error::NoAttribute)
        ));
        some.set("user.a", b"1", XattrMode::Create).unwrap();
        assert!(matches!(
            some.set("user.a", b"2", XattrMode::Create),
            Err(Error::Exists)
        ));
        some.set("user.a", b"2", XattrMode::Replace).unwrap();
        assert_eq!(some.get("user.a").unwrap(), b"2");
        some.remove("user.a").unwrap();
        assert!(matches!(some.remove("user.a"), Err(Error::NoAttribute)));
        some.set("user.a", &[7; 8000], XattrMode::Any).unwrap();
        assert!(matches!(some.text(), Err(Error::AttributesFull)));
    }
}
