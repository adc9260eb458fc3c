//! Names that are counted: `1.jpg`, `2.jpg`, ... `10.jpg`, whose order is not that of names.

/// From this score on ([`super::runs::Runs::note`], of numbers), opens count upwards: three in a row.
pub(super) const COUNTED: u32 = 5;

/// A name with a number, which has no leading zeros: with them the order of names is that of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    before: Box<str>,
    pub(super) number: u64,
    behind: Box<str>,
}

impl Numbered {
    /// The last number of a name, not counting its extension.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let stem = name.rfind('.').map_or(name, |dot| &name[..dot]);
        let head = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
        let before = head.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &head[before.len()..];
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        Some(Self {
            before: before.into(),
            number: digits.parse().ok()?,
            behind: name[head.len()..].into(),
        })
    }

    /// The name.
    pub(super) fn name(&self) -> String {
        format!("{}{}{}", self.before, self.number, self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_name_is_its_last_without_the_extension() {
        for (name, number) in [
            ("7", Some(7)),
            ("0.png", Some(0)),
            ("12.jpg", Some(12)),
            ("s3/a4_120x.mp4", Some(120)),
            ("frame.mp4", None),
            ("007.jpg", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            let parsed = Numbered::parse(name);
            assert_eq!(
                parsed.as_ref().map(|parsed| parsed.number),
                number,
                "{name}"
            );
            assert!(parsed.is_none_or(|parsed| parsed.name() == name));
        }
    }
}
