//! An `ETag` in 24 bytes instead of a string.

use std::fmt::Write as _;

/// An `ETag` with its quotes. OSS's are 32 hexadecimal digits, after a multipart upload followed by `-` and the number
/// of parts, in quotes; anything else is kept as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Tag {
    /// No object, or one that no answer has described yet.
    #[default]
    None,
    /// `parts` is 0 where there is no `-N`.
    Digest {
        digest: [u8; 16],
        parts: u32,
        upper: bool,
    },
    Other(Box<str>),
}

impl Tag {
    pub(crate) fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self::None;
        }
        Self::digest(text).unwrap_or_else(|| Self::Other(text.into()))
    }

    /// The packed form, if it gives exactly `text` back.
    fn digest(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('"')?.strip_suffix('"')?;
        let (hex, parts) = match inner.split_once('-') {
            Some((hex, parts)) => (hex, parts.parse::<u32>().ok().filter(|parts| *parts > 0)?),
            None => (inner, 0),
        };
        if hex.len() != 32 {
            return None;
        }
        let mut digest = [0; 16];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        let upper = !hex.bytes().any(|digit| digit.is_ascii_lowercase());
        let tag = Self::Digest {
            digest,
            parts,
            upper,
        };
        (tag.text() == text).then_some(tag)
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Other(text) => text.to_string(),
            Self::Digest {
                digest,
                parts,
                upper,
            } => {
                // Every open asks for it, and `write!` showed in the profile of small files.
                let digits = if *upper {
                    b"0123456789ABCDEF"
                } else {
                    b"0123456789abcdef"
                };
                let mut text = String::with_capacity(40);
                text.push('"');
                for byte in digest {
                    for half in [byte >> 4, byte & 15] {
                        text.push(char::from(digits[usize::from(half)]));
                    }
                }
                if *parts > 0 {
                    // Writing to a `String` can't fail.
                    let _ = write!(text, "-{parts}");
                }
                text.push('"');
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Tag>(), 24);
    }

    #[test]
    fn odd_tags_survive() {
        for text in [
            "",
            "5B3C1A2E053D763E1B002CC607C5A0FE",
            "5b3c1a2e053d763e1b002cc607c5a0fe",
            "5b3C1a2e053d763e1b002cc607c5a0fe",
            "5B3C1A2E053D763E1B002CC607C5A0FE-17",
            "5B3C1A2E053D763E1B002CC607C5A0FE-0",
            "5B3C1A2E053D763E1B002CC607C5A0FE-017",
            "5B3C1A2E053D763E1B002CC607C5A0FE-+7",
            "11111111111111111111111111111111",
            "+1111111111111111111111111111111",
            "x",
        ] {
            assert_eq!(Tag::new(text).text(), text);
            let quoted = format!("\"{text}\"");
            assert_eq!(Tag::new(&quoted).text(), quoted);
        }
        let usual = Tag::new("\"5B3C1A2E053D763E1B002CC607C5A0FE-17\"");
        assert!(matches!(
            usual,
            Tag::Digest {
                parts: 17,
                upper: true,
                ..
            }
        ));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\"[0-9a-fA-F]{30,34}(-[0-9]{1,11})?\"|.{0,40}") {
            prop_assert_eq!(Tag::new(&text).text(), text);
        }
    }
}
