//! ossfs 1's table of extra headers (`ahbe_conf`): lines of a suffix (none: every file) or `reg:` with a regular expression
//! for the path, a header's name, and its value.

use ossplit::{Encryption, NewObject};
use regex_lite::Regex;

/// Extra headers of new objects, by their path.
#[derive(Debug, Clone, Default)]
pub struct HeaderRules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    which: Which,
    header: Header,
    value: String,
}

#[derive(Debug, Clone)]
enum Which {
    Every,
    Suffix(String),
    Path(Regex),
}

/// The headers that a new object can have.
#[derive(Debug, Clone)]
enum Header {
    ContentType,
    CacheControl,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    Expires,
    StorageClass,
    Acl,
    Encryption,
    Metadata(String),
}

impl HeaderRules {
    /// Reads a table. What is wrong is said with its line.
    ///
    /// # Errors
    /// The first line that makes no sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let rule = parse_line(line);
            rules.push(rule.map_err(|what| format!("line {}: {what}", number + 1))?);
        }
        Ok(Self(rules))
    }

    /// True if there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers of the object at `path`, relative to the mount point and without a leading `/`. Of two rules for one
    /// header the later one counts.
    #[must_use]
    pub fn of(&self, path: &str) -> NewObject {
        let mut with = NewObject::default();
        for rule in &self.0 {
            let fits = match &rule.which {
                Which::Every => true,
                Which::Suffix(suffix) => path.ends_with(&**suffix),
                Which::Path(regex) => regex.is_match(&format!("/{path}")),
            };
            if fits {
                rule.header.set(&mut with, &rule.value);
            }
        }
        with
    }
}

impl Header {
    fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match &*name {
            "content-type" => Self::ContentType,
            "cache-control" => Self::CacheControl,
            "content-disposition" => Self::ContentDisposition,
            "content-encoding" => Self::ContentEncoding,
            "content-language" => Self::ContentLanguage,
            "expires" => Self::Expires,
            "x-oss-storage-class" => Self::StorageClass,
            "x-oss-object-acl" => Self::Acl,
            "x-oss-server-side-encryption" => Self::Encryption,
            _ => Self::Metadata(name.strip_prefix("x-oss-meta-")?.to_owned()),
        })
    }

    fn set(&self, with: &mut NewObject, value: &str) {
        let text = Some(value.to_owned());
        match self {
            Self::ContentType => with.content_type = text,
            Self::CacheControl => with.cache_control = text,
            Self::ContentDisposition => with.content_disposition = text,
            Self::ContentEncoding => with.content_encoding = text,
            Self::ContentLanguage => with.content_language = text,
            Self::Expires => with.expires = text,
            Self::StorageClass => with.storage_class = text,
            Self::Acl => with.acl = text,
            Self::Encryption => with.encryption = encryption(value),
            Self::Metadata(name) => {
                with.user_metadata.insert(name.clone(), value.to_owned());
            }
        }
    }
}

fn parse_line(line: &str) -> Result<Rule, String> {
    // A line that begins with a space is for every file.
    let (which, rest) = if line.starts_with(char::is_whitespace) {
        ("", line)
    } else {
        line.split_once(char::is_whitespace).unwrap_or((line, ""))
    };
    let rest = rest.trim();
    let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if name.is_empty() {
        return Err("there is no header; write SUFFIX HEADER VALUE".into());
    }
    let Some(header) = Header::parse(name) else {
        return Err(format!("a new object can't have the header {name:?}"));
    };
    let value = value.trim();
    if !value
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        return Err(format!("the value of {name} is no header's value"));
    }
    if matches!(header, Header::Encryption) && encryption(value).is_none() {
        return Err(format!("{name} has no {value:?}; write AES256, KMS or SM4"));
    }
    let which = if which.is_empty() {
        Which::Every
    } else if let Some(regex) = which.strip_prefix("reg:") {
        Which::Path(Regex::new(regex).map_err(|error| format!("{regex}: {error}"))?)
    } else {
        Which::Suffix(which.to_owned())
    };
    Ok(Rule {
        which,
        header,
        value: value.to_owned(),
    })
}

fn encryption(value: &str) -> Option<Encryption> {
    Some(match value {
        "AES256" => Encryption::Aes256,
        "SM4" => Encryption::Sm4,
        "KMS" => Encryption::Kms { key_id: None },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_paths_and_every_file_have_their_headers() {
        let rules = HeaderRules::parse(
            "# a comment\n.gz Content-Encoding gzip\n\nreg:^/logs/.*[.]t2$  Cache-Control  no-cache, no-store\n \
             x-oss-meta-team  a b\n.tar.gz Content-Encoding x-gzip\n",
        )
        .unwrap();
        let with = rules.of("a.gz");
        assert_eq!(with.content_encoding.as_deref(), Some("gzip"));
        assert_eq!(with.user_metadata["team"], "a b");
        let with = rules.of("a.tar.gz");
        assert_eq!(with.content_encoding.as_deref(), Some("x-gzip"));
        let with = rules.of("logs/a.t2");
        assert_eq!(with.cache_control.as_deref(), Some("no-cache, no-store"));
        assert_eq!(rules.of("x/logs/a.t2").cache_control, None);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for (text, part) in [
            (".gz", "line 1: there is no header"),
            (
                "\n.gz Host x",
                "line 2: a new object can't have the header \"Host\"",
            ),
            ("reg:( Expires x", "line 1: (:"),
            (".x x-oss-server-side-encryption ROT13", "write AES256"),
            (".x Expires a\u{7}b", "no header's value"),
        ] {
            let error = HeaderRules::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
