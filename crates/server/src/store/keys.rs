//! How table keys are laid out, so that byte order is the order that listings want.
//!
//! Object: `bucket NUL key`. A bucket's name has no NUL, so the objects of a bucket are one range,
//! in the byte order of their keys, whatever bytes the keys hold.
//! Upload: `bucket NUL escaped(key) id`, where a NUL in the key is written `00 FF` and the key ends
//! with `00 01`: uploads sort by key, then by id.
//! Older version: as an upload, with the sequence counted down instead of the id: newest first.
//! Part: `id number`, the number big-endian.

use super::UploadId;

/// Key of an object.
pub(crate) fn object(bucket: &str, key: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(bucket.len() + 1 + key.len());
    out.extend_from_slice(bucket.as_bytes());
    out.push(0);
    out.extend_from_slice(key.as_bytes());
    out
}

/// Prefix of every object and of every upload in a bucket.
pub(crate) fn bucket_prefix(bucket: &str) -> Vec<u8> {
    object(bucket, "")
}

/// Key without the NUL escape and terminator undone; for prefixes of upload keys.
pub(crate) fn upload_prefix(bucket: &str, key_prefix: &str) -> Vec<u8> {
    let mut out = bucket_prefix(bucket);
    escape(key_prefix.as_bytes(), &mut out);
    out
}

/// Key of an upload.
pub(crate) fn upload(bucket: &str, key: &str, id: &UploadId) -> Vec<u8> {
    let mut out = upload_prefix(bucket, key);
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(id.as_bytes());
    out
}

/// Prefix of the older versions of a key.
pub(crate) fn versions_of(bucket: &str, key: &str) -> Vec<u8> {
    let mut out = upload_prefix(bucket, key);
    out.extend_from_slice(&[0, 1]);
    out
}

/// Key of an older version.
pub(crate) fn version(bucket: &str, key: &str, sequence: u64) -> Vec<u8> {
    let mut out = versions_of(bucket, key);
    out.extend_from_slice(&(u64::MAX - sequence).to_be_bytes());
    out
}

/// The key and the upload id in what follows the bucket's prefix.
pub(crate) fn split_upload(rest: &[u8]) -> Option<(String, UploadId)> {
    let cut = rest.len().checked_sub(UploadId::LENGTH + 2)?;
    let (escaped, tail) = rest.split_at(cut);
    let mut key = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        key.push(byte);
        if byte == 0 {
            bytes.next();
        }
    }
    let id = UploadId::parse(std::str::from_utf8(tail.get(2..)?).ok()?)?;
    Some((String::from_utf8(key).ok()?, id))
}

fn escape(key: &[u8], out: &mut Vec<u8>) {
    for &byte in key {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
}

/// Key of a part.
pub(crate) fn part(id: &UploadId, number: u16) -> Vec<u8> {
    let mut out = id.as_bytes().to_vec();
    out.extend_from_slice(&number.to_be_bytes());
    out
}

/// The smallest key that is above every key with this prefix. Keys are UTF-8 behind a bucket name,
/// so no byte is 0xFF and adding one to the last byte is enough.
pub(crate) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut out = prefix.to_vec();
    while let Some(last) = out.pop() {
        if last < 0xFF {
            out.push(last + 1);
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn uploads_sort_by_key_then_id_and_split_again(
            a in "[\\x00-\\x03ab中]{0,5}", b in "[\\x00-\\x03ab中]{0,5}",
        ) {
            let (x, y) = (UploadId::random(), UploadId::random());
            let (ka, kb) = (upload("bucket", &a, &x), upload("bucket", &b, &y));
            prop_assert_eq!(
                ka.cmp(&kb),
                (a.as_bytes(), x.as_bytes()).cmp(&(b.as_bytes(), y.as_bytes()))
            );
            let rest = &ka[bucket_prefix("bucket").len()..];
            prop_assert_eq!(split_upload(rest), Some((a.clone(), x)));
            prop_assert_eq!(
                ka.starts_with(&upload_prefix("bucket", &b)),
                a.starts_with(&b)
            );
        }
    }

    #[test]
    fn the_key_after_a_prefix_is_above_all_of_its_group() {
        assert_eq!(after_prefix(b"a/"), b"a0");
        assert!(after_prefix("中".as_bytes()) > "中\u{10FFFF}".as_bytes().to_vec());
    }
}
