//! What may be the name of a bucket or the key of an object (API pages "Bucket naming" and
//! "Object naming").

use thiserror::Error;

/// Why a bucket name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a bucket name has 3 to 63 characters of a-z, 0-9 and '-', and neither begins nor ends with '-'"
)]
pub struct InvalidBucketName;

/// Why an object key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidKey {
    /// The key has no bytes.
    #[error("an object key can't be empty")]
    Empty,
    /// The key has more than [`MAX_KEY_BYTES`] bytes of UTF-8.
    #[error("an object key has at most 1,023 bytes of UTF-8")]
    TooLong,
    /// The key begins with a slash or a backslash.
    #[error("an object key can't begin with '/' or '\\'")]
    LeadingSlash,
}

impl InvalidKey {
    /// The service's EC for this refusal.
    pub fn ec(self) -> &'static str {
        match self {
            Self::Empty => "0016-00000001",
            Self::TooLong => "0016-00000003",
            Self::LeadingSlash => "0016-00000005",
        }
    }
}

/// The longest object key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1023;

/// Checks a bucket name.
pub fn check_bucket(name: &str) -> Result<(), InvalidBucketName> {
    let good = (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if good { Ok(()) } else { Err(InvalidBucketName) }
}

/// Checks an object key. Control characters, `//`, `.`, `..` and a trailing `/` are allowed.
pub fn check_key(key: &str) -> Result<(), InvalidKey> {
    if key.is_empty() {
        Err(InvalidKey::Empty)
    } else if key.len() > MAX_KEY_BYTES {
        Err(InvalidKey::TooLong)
    } else if key.starts_with(['/', '\\']) {
        Err(InvalidKey::LeadingSlash)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for good in ["abc", "a-b-1", "000", &"a".repeat(63)] {
            assert_eq!(check_bucket(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ab",
            "-ab",
            "ab-",
            "Abc",
            "a_b",
            "a.b",
            &"a".repeat(64),
            "äbc",
        ] {
            assert_eq!(check_bucket(bad), Err(InvalidBucketName), "{bad}");
        }
    }

    #[test]
    fn keys() {
        for good in [
            "a",
            "a//b",
            "../x",
            "dir/",
            "\u{1}",
            &"k".repeat(1023),
            "中",
        ] {
            assert_eq!(check_key(good), Ok(()), "{good:?}");
        }
        assert_eq!(check_key(""), Err(InvalidKey::Empty));
        assert_eq!(check_key("/a"), Err(InvalidKey::LeadingSlash));
        assert_eq!(check_key("\\a"), Err(InvalidKey::LeadingSlash));
        assert_eq!(check_key(&"中".repeat(342)), Err(InvalidKey::TooLong));
    }
}
