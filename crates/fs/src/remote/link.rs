//! Where symlinks lead, in the forms that are about. (A third one is the object's bytes.)
//!
//! * In metadata, as ossfs 1.91 writes it with `symlink_in_meta`: `x-oss-meta-symlink-target` is `header:LENGTH:PATH`, the
//!   path percent-encoded and its length that of the path itself; `body:0:` says that the bytes are the path.
//! * An object of OSS's own type Symlink, which names another *key* of its bucket (the API pages `PutSymlink` and
//!   `GetSymlink`). A path is relative to the link, a key is not.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::borrow::Cow;

/// What stays as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// What a link's metadata say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The path.
    Path(Vec<u8>),
    /// That the bytes are the path.
    Body,
}

/// Reads `x-oss-meta-symlink-target`.
pub(super) fn read(text: &str) -> Option<Told> {
    if text.starts_with("body:") {
        return Some(Told::Body);
    }
    let encoded = match text.strip_prefix("header:") {
        Some(rest) => rest.split_once(':')?.1,
        None => text,
    };
    let path: Cow<'_, [u8]> = percent_decode_str(encoded).into();
    (!path.is_empty() && !path.contains(&0)).then(|| Told::Path(path.into_owned()))
}

/// Writes it.
pub(super) fn write(path: &[u8]) -> String {
    format!("header:{}:{}", path.len(), percent_encode(path, KEPT))
}

/// The path from a link to the key that it names, if that is below the mount's root.
pub(crate) fn path_of(link: &str, key: &str, prefix: &str) -> Option<String> {
    let (link, key) = (link.strip_prefix(prefix)?, key.strip_prefix(prefix)?);
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    let mut to: Vec<&str> = folders.split('/').filter(|_| !folders.is_empty()).collect();
    let mut from: Vec<&str> = link.split('/').collect();
    from.pop();
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut path = vec![".."; from.len() - same];
    path.extend(to.drain(..).skip(same));
    path.push(name);
    Some(path.join("/"))
}

/// The key to which a path leads from a link, if that is below the mount's root.
pub(crate) fn key_of(link: &str, path: &[u8], prefix: &str) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    if path.starts_with('/') || path.ends_with('/') {
        return None;
    }
    let mut at: Vec<&str> = link.strip_prefix(prefix)?.split('/').collect();
    at.pop();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(at.pop()?),
            step => at.push(step),
        }
    }
    let key = format!("{prefix}{}", at.join("/"));
    // Another way to write it would be lost.
    (path_of(link, &key, prefix)? == path).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_as_ossfs_writes_them() {
        assert_eq!(write(b"test.txt"), "header:8:test.txt");
        let odd = Told::Path(b"a-%.txt".to_vec());
        assert_eq!(read("header:7:a-%25.txt"), Some(odd));
        assert_eq!(read("body:0:"), Some(Told::Body));
        assert_eq!(read("old"), Some(Told::Path(b"old".to_vec())));
        for bad in ["header:7", "header:0:", "", "header:1:%00"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_become_paths() {
        for (link, key, path) in [
            ("p/a", "p/b", "b"),
            ("p/d/a", "p/b", "../b"),
            ("p/d/a", "p/d/e/b", "e/b"),
            ("p/d/e/a", "p/f/b", "../../f/b"),
        ] {
            assert_eq!(path_of(link, key, "p/").as_deref(), Some(path));
            assert_eq!(key_of(link, path.as_bytes(), "p/").as_deref(), Some(key));
        }
        assert_eq!(path_of("p/a", "q/b", "p/"), None, "outside");
        for path in ["/etc/passwd", "../../b", "./b", "d/../b", "d/"] {
            assert_eq!(key_of("p/x/a", path.as_bytes(), "p/"), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_survives_in_metadata(path in proptest::collection::vec(1..=255u8, 1..300)) {
            prop_assert_eq!(read(&write(&path)), Some(Told::Path(path)));
        }

        #[test]
        fn any_key_survives_as_a_path(link in "[ab]/([ab]/){0,3}x", key in "[ab]/([ab]/){0,3}y") {
            let path = path_of(&link, &key, "").unwrap();
            prop_assert_eq!(key_of(&link, path.as_bytes(), ""), Some(key));
        }
    }
}
