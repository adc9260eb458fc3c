//! Reading values.

use super::{
    fault::{Fault, Problem},
    spec::{Kind, Spec},
    written::{self, Written},
};

/// Checks a value against its option's kind, without using it.
pub(crate) fn check(kind: Kind, name: &str, value: Option<&str>, place: &str) -> Result<(), Fault> {
    let fault = |wanted: &str, example: &str| {
        let what = format!("{name} wants {wanted}");
        let mend = format!("write {example}");
        Err(Fault::new(Problem::BadValue, place, what, mend).with_value(value))
    };
    let text = value.unwrap_or("");
    match kind {
        Kind::Flag => match value {
            None | Some("1" | "true") => Ok(()),
            Some(_) => fault("no value", &format!("the bare word {name}")),
        },
        Kind::Bool => match value {
            None | Some("1" | "0" | "true" | "false") => Ok(()),
            Some(_) => fault("true or false", &format!("{name}=true")),
        },
        Kind::FlagOrText => Ok(()),
        Kind::Text => match text {
            "" => fault("a value", &format!("{name}=…")),
            _ => Ok(()),
        },
        Kind::Number { min, max } => match text.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ if max == u64::MAX => fault(
                &format!("a whole number of {min} or more"),
                &format!("{name}={min}"),
            ),
            _ => fault(
                &format!("a whole number from {min} to {max}"),
                &format!("{name}={min}, for instance"),
            ),
        },
        Kind::Size { min } => match size(text) {
            Some(bytes) if bytes >= min => Ok(()),
            Some(_) => {
                let least = format!("{}M", min >> 20);
                fault(&format!("at least {least}"), &format!("{name}={least}"))
            }
            None => fault("a number of bytes", &format!("{name}=512M or {name}=2GiB")),
        },
        Kind::Octal => match octal(text) {
            Some(_) => Ok(()),
            None => fault(
                "octal permission bits from 0 to 777",
                &format!("{name}=022"),
            ),
        },
        Kind::Choice(words) => {
            if words.contains(&text) {
                Ok(())
            } else {
                let wanted = format!("one of {}", words.join(", "));
                fault(&wanted, &format!("{name}={}", words[0]))
            }
        }
    }
}

/// Permission bits.
pub(crate) fn octal(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    u16::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
}

/// Bytes, with a binary suffix in any of its usual spellings.
pub(crate) fn size(text: &str) -> Option<u64> {
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

    /// Where the word stood; the bare name when it was not typed.
    pub(super) fn place(&self, name: &str) -> String {
        self.find(name)
            .map_or_else(|| name.to_owned(), |written| written.place.clone())
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
            None => written::find(name).and_then(default),
        }
    }

    /// A number that [`check`] has seen, or the default.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|text| text.parse().ok())
    }
}
