//! ETags: quoted, upper-case. An MD5 of the content for a put object; for a multipart object the
//! MD5 of its parts' MD5s with `-N`, N being the number of parts; opaque for the rest.

use md5::{Digest, Md5};

fn upper_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02X}");
            out
        })
}

/// The quoted ETag of content whose MD5 is `md5`.
pub fn of_md5(md5: &[u8; 16]) -> String {
    format!("\"{}\"", upper_hex(md5))
}

/// The quoted ETag of a multipart object, from the ETags of its parts in order (quotes optional).
pub fn of_parts<S: AsRef<str>>(parts: impl ExactSizeIterator<Item = S>) -> String {
    let count = parts.len();
    let mut sum = Md5::new();
    for part in parts {
        sum.update(unquote(part.as_ref()).to_ascii_uppercase().as_bytes());
    }
    format!("\"{}-{count}\"", upper_hex(&sum.finalize()))
}

/// The tag without its quotes and without a weakness prefix.
pub fn unquote(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(tag)
}

/// Whether two tags name the same content; quotes and letter case do not count.
pub fn same(a: &str, b: &str) -> bool {
    unquote(a).eq_ignore_ascii_case(unquote(b))
}

/// Whether an `If-Match` or `If-None-Match` value (`*`, one tag, or a list) names `etag`
/// (RFC 9110 section 13.1; OSS compares with and without quotes).
pub fn condition_names(condition: &str, etag: &str) -> bool {
    condition.trim() == "*" || condition.split(',').any(|one| same(one, etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_quoted_upper_case() {
        let md5: [u8; 16] = Md5::digest(b"hello").into();
        assert_eq!(of_md5(&md5), "\"5D41402ABC4B2A76B9719D911017C592\"");
        let parts = [
            "\"5D41402ABC4B2A76B9719D911017C592\"",
            "5d41402abc4b2a76b9719d911017c592",
        ];
        let whole = of_parts(parts.iter());
        assert!(whole.ends_with("-2\"") && whole.len() == 36, "{whole}");
    }

    #[test]
    fn conditions_take_stars_lists_and_bare_tags() {
        let etag = "\"ABC\"";
        assert!(condition_names("*", etag));
        assert!(condition_names("abc", etag));
        assert!(condition_names("\"x\", W/\"ABC\"", etag));
        assert!(!condition_names("\"x\"", etag));
    }
}
