//! Content types by a file's name, as ossfs 1 tells them: from a file in the form of `/etc/mime.types`.

use std::collections::HashMap;

/// Suffixes and what they mean; none at all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentTypes(HashMap<String, String>);

impl ContentTypes {
    /// Reads `type suffix…` lines, `#` begins a comment. A suffix that comes twice means what it meant first.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut types = HashMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(kind) = words.next() else { continue };
            for suffix in words {
                types
                    .entry(suffix.to_ascii_lowercase())
                    .or_insert_with(|| kind.to_owned());
            }
        }
        Self(types)
    }

    /// What the last suffix of the key's name says, or else the one before it (`log.1`).
    #[must_use]
    pub fn of(&self, key: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let name = key.rsplit('/').next().unwrap_or_default();
        let mut suffixes = name.rsplit('.');
        let count = name.matches('.').count();
        suffixes.by_ref().take(count.min(2)).find_map(|suffix| {
            let kind = self.0.get(&suffix.to_ascii_lowercase());
            kind.map(String::as_str)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_suffix_that_is_known_counts() {
        let types = ContentTypes::parse(
            "# c\ntext/plain\ttxt log # t\nimage/jpeg jpeg JPG\na/b txt\nx/y\n",
        );
        for (key, kind) in [
            ("a/b.txt", Some("text/plain")),
            ("a/b.TXT", Some("text/plain")),
            ("a.jpg", Some("image/jpeg")),
            ("b.log.1", Some("text/plain")),
            ("b.log.1.2", None),
            ("b.txt/c", None),
            ("txt", None),
            (".txt", Some("text/plain")),
            ("a.", None),
            ("", None),
        ] {
            assert_eq!(types.of(key), kind, "{key}");
        }
        assert_eq!(ContentTypes::default().of("a.txt"), None);
    }
}
