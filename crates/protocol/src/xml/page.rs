//! A page of `ListObjectsV2`, read in one pass: a long listing is mostly the reading of its pages.
//!
//! This reads what services send (elements without attributes but for the root, text without references) and leaves
//! everything else to the general reader, whose outcome is the same and takes four times as long.

use super::{CommonPrefix, Contents, Document, ListBucketResultV2, Malformed};

impl Document for ListBucketResultV2 {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        match std::str::from_utf8(bytes).ok().and_then(plain) {
            Some(page) => Ok(page),
            None => super::read(bytes),
        }
    }
}

/// Reads a plain page; `None` if it is not as plain as that.
fn plain(text: &str) -> Option<ListBucketResultV2> {
    // References, comments, CDATA and ends of lines that are to be changed.
    if text.contains(['&', '\r']) || text.contains("<!") {
        return None;
    }
    let mut words = Words(text.strip_prefix("<?xml").map_or(Some(text), |rest| {
        let (_, rest) = rest.split_once("?>")?;
        Some(rest)
    })?);
    let root = words.open()?;
    if root.split(' ').next() != Some("ListBucketResult") || root.ends_with('/') {
        return None;
    }
    let mut page = ListBucketResultV2::default();
    loop {
        let name = words.open()?;
        match name {
            "/ListBucketResult" => break,
            "Contents" => page.contents.push(contents(&mut words)?),
            "CommonPrefixes" => {
                let prefix = words.leaf_of("Prefix")?.to_owned();
                page.common_prefixes.push(CommonPrefix { prefix });
                words.close("CommonPrefixes")?;
            }
            "Prefix/" | "Delimiter/" => {}
            "Name" => page.name = words.leaf(name)?.into(),
            "Prefix" => page.prefix = words.leaf(name)?.into(),
            "StartAfter" => page.start_after = Some(words.leaf(name)?.to_owned()),
            "ContinuationToken" => page.continuation_token = Some(words.leaf(name)?.to_owned()),
            "NextContinuationToken" => {
                page.next_continuation_token = Some(words.leaf(name)?.to_owned());
            }
            "Delimiter" => page.delimiter = words.leaf(name)?.into(),
            "EncodingType" => page.encoding_type = Some(words.leaf(name)?.to_owned()),
            "MaxKeys" => page.max_keys = words.leaf(name)?.parse().ok()?,
            "KeyCount" => page.key_count = words.leaf(name)?.parse().ok()?,
            "IsTruncated" => page.is_truncated = words.leaf(name)?.parse().ok()?,
            _ => return None,
        }
    }
    words.0.trim().is_empty().then_some(page)
}

fn contents(words: &mut Words<'_>) -> Option<Contents> {
    let mut object = Contents::default();
    loop {
        let name = words.open()?;
        match name {
            "/Contents" => return Some(object),
            "Key" => object.key = words.leaf(name)?.into(),
            "LastModified" => object.last_modified = words.leaf(name)?.into(),
            "ETag" => object.etag = words.leaf(name)?.into(),
            "Type" => object.object_type = words.leaf(name)?.into(),
            "Size" => object.size = words.leaf(name)?.parse().ok()?,
            "StorageClass" => object.storage_class = words.leaf(name)?.into(),
            _ => return None,
        }
    }
}

/// What is still to be read.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// What is between `<` and `>` of the next tag, with only blanks before it.
    fn open(&mut self) -> Option<&'a str> {
        let rest = self
            .0
            .trim_start_matches([' ', '\t', '\n'])
            .strip_prefix('<')?;
        let (name, rest) = rest.split_once('>')?;
        self.0 = rest;
        Some(name)
    }

    /// The text of an element that was opened, and its end. Blanks at its ends are left to the general reader.
    fn leaf(&mut self, name: &str) -> Option<&'a str> {
        let (text, rest) = self.0.split_once('<')?;
        self.0 = rest
            .strip_prefix('/')?
            .strip_prefix(name)?
            .strip_prefix('>')?;
        (text.trim() == text && !text.is_empty()).then_some(text)
    }

    /// An element with text alone.
    fn leaf_of(&mut self, name: &str) -> Option<&'a str> {
        (self.open()? == name).then(|| self.leaf(name))?
    }

    fn close(&mut self, name: &str) -> Option<()> {
        (self.open()?.strip_prefix('/')? == name).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> ListBucketResultV2 {
        let object = |key: &str, size| Contents {
            key: key.into(),
            last_modified: "2026-11-27T20:00:00.000Z".into(),
            etag: "\"5EB63BBBE01EEED093CB22BB8F5ACDC3\"".into(),
            object_type: "Normal".into(),
            size,
            storage_class: "Standard".into(),
            ..Contents::default()
        };
        ListBucketResultV2 {
            name: "data".into(),
            prefix: "d/".into(),
            start_after: Some("d/a".into()),
            max_keys: 1000,
            delimiter: "/".into(),
            encoding_type: Some("url".into()),
            is_truncated: true,
            next_continuation_token: Some("token".into()),
            key_count: 3,
            contents: vec![object("d/b", 0), object("d/c%0A", u64::MAX)],
            common_prefixes: vec![CommonPrefix {
                prefix: "d/e/".into(),
            }],
            ..ListBucketResultV2::default()
        }
    }

    #[test]
    fn what_the_server_writes_is_plain() {
        let text = super::super::write(&page());
        assert_eq!(plain(&text), Some(page()));
        let pretty = text.replace("><", ">\n  <");
        assert_eq!(plain(&pretty), Some(page()));
        let spaced = text.replacen(
            "<ListBucketResult>",
            "<ListBucketResult xmlns=\"http://x\">",
            1,
        );
        assert_eq!(plain(&spaced), Some(page()));
    }

    #[test]
    fn what_is_not_plain_is_read_as_well() {
        let text = super::super::write(&page());
        for (from, to) in [
            ("d/b", "d/&amp;"),
            ("d/b", "<![CDATA[d/b]]>"),
            ("<Name>", "<!-- a page --><Name>"),
            ("<Key>d/b</Key>", "<Key>d/b</Key><Owner><ID>1</ID></Owner>"),
            ("<Key>d/b</Key>", "<Key></Key>"),
            ("<Key>d/b</Key>", "<Key/>"),
            ("<Key>d/b</Key>", "<Key a=\"b\">d/b</Key>"),
            ("<Name>data</Name>", "<Name>da\r\nta</Name><New>1</New>"),
        ] {
            let odd = text.replacen(from, to, 1);
            assert_eq!(plain(&odd), None, "{to}");
            let general: ListBucketResultV2 = super::super::read(odd.as_bytes()).unwrap();
            assert_eq!(
                ListBucketResultV2::read(odd.as_bytes()).unwrap(),
                general,
                "{to}"
            );
        }
    }

    #[test]
    fn cut_and_damaged_pages_are_as_for_the_general_reader() {
        let text = super::super::write(&page());
        for end in 0..text.len() {
            let general = super::super::read::<ListBucketResultV2>(&text.as_bytes()[..end]);
            let fast = ListBucketResultV2::read(&text.as_bytes()[..end]);
            assert_eq!(fast.ok(), general.ok(), "{end}");
        }
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] ^= 0x02;
            let Some(fast) = std::str::from_utf8(&damaged).ok().and_then(plain) else {
                continue;
            };
            let general = super::super::read::<ListBucketResultV2>(&damaged);
            assert_eq!(Some(fast), general.ok(), "{at}");
        }
    }
}
