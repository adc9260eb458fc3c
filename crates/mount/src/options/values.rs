//! Reading values.

use super::{
    spec::{Kind, Spec},
    written::{Fault, Written},
};

/// Checks a value against its option's kind, without using it.
pub(super) fn check(written: &Written) -> Result<(), Fault> {
    let Written {
        spec,
        value,
        source,
    } = written;
    let fault = |wanted: &str| Fault(format!("{source:?}: {} wants {wanted}", spec.name));
    match (spec.kind, value.as_deref()) {
        (Kind::Flag, Some(value)) if value != "1" && value != "true" => {
            Err(fault("no value: write the bare word"))
        }
        (Kind::Text, None | Some("")) => Err(fault(&format!("a value: {}=…", spec.name))),
        (Kind::Flag | Kind::FlagOrText, _) | (Kind::Text, Some(_)) => Ok(()),
        (Kind::Number { min, max }, value) => match value.unwrap_or("").parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ if max == u64::MAX => Err(fault("a whole number of 0 or more")),
            _ => Err(fault(&format!("a whole number from {min} to {max}"))),
        },
        (Kind::Size { min }, value) => match size(value.unwrap_or("")) {
            Some(bytes) if bytes >= min => Ok(()),
            Some(_) => Err(fault(&format!("at least {}M", min >> 20))),
            None => Err(fault("a number of bytes, such as 512M or 2GiB")),
        },
        (Kind::Octal, value) => match octal(value.unwrap_or("")) {
            Some(_) => Ok(()),
            None => Err(fault("octal permission bits from 0 to 777, such as 022")),
        },
        (Kind::Choice(words), value) => {
            if words.contains(&value.unwrap_or("")) {
                Ok(())
            } else {
                Err(fault(&format!("one of {}", words.join(", "))))
            }
        }
    }
}

/// Permission bits.
pub(super) fn octal(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u16::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
}

/// Bytes, with a binary suffix in any of its usual spellings.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let shift = match text[digits..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// The words that hold, with defaults behind them. The last of two wins, as in ossfs.
pub(super) struct Words<'a>(pub(super) &'a [Written]);

impl Words<'_> {
    fn find(&self, name: &str) -> Option<&Written> {
        self.0.iter().rfind(|written| written.spec.name == name)
    }

    /// Whether the word was typed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Which of two opposite words came last.
    pub(super) fn last_of(&self, wanted: &str, opposite: &str) -> bool {
        let mut words = self.0.iter().rev().map(|written| written.spec.name);
        words.find(|name| *name == wanted || *name == opposite) == Some(wanted)
    }

    /// The value, or the default; `None` when there is neither.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let default = |spec: &'static Spec| Some(spec.default).filter(|text| !text.is_empty());
        match self.find(name) {
            Some(written) => written.value.as_deref().or_else(|| default(written.spec)),
            None => super::look_up(name, name).ok().and_then(default),
        }
    }

    /// A number that [`check`] has seen, or the default.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|text| text.parse().ok())
    }
}
