//! A map whose keys know no case: volume attributes, `StorageClass` parameters, Secrets.

use std::collections::HashMap;

/// Values by lower-case name, trimmed; empty ones are as if absent.
pub(crate) struct Attributes(HashMap<String, String>);

impl Attributes {
    pub(crate) fn new(raw: &HashMap<String, String>) -> Self {
        let usable = raw.iter().filter(|(_, value)| !value.trim().is_empty());
        Self(
            usable
                .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        )
    }

    /// The value of a name, which must be written in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the value is a yes.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_blanks_and_empty_values_do_not_matter() {
        let raw = [("Bucket", " data "), ("URL", ""), ("readOnly", "True")];
        let raw = raw.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let attributes = Attributes::new(&raw);
        assert_eq!(attributes.get("bucket"), Some("data"));
        assert_eq!(attributes.get("url"), None);
        assert!(attributes.is_true("readonly"));
    }
}
