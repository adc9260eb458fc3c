//! What can be wrong with what was typed.

use std::fmt;

/// What kind of wrong it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Words that are no option: too few, too many, or of no known form.
    Arguments,
    /// No option has this name.
    UnknownOption,
    /// A value that its option can't have.
    BadValue,
    /// Two options that can't both hold, or one that needs another.
    Conflict,
    /// What can be no bucket's name.
    BucketName,
    /// What can be no endpoint.
    Endpoint,
    /// No key, or none that may be used.
    Credentials,
    /// A file that was named and can't be read.
    File,
}

/// Something wrong with what was typed. `Display` is one sentence with the mend; no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of wrong it is.
    pub problem: Problem,
    /// Where it stood, as typed: `-o umask=9z`. Empty when nothing was typed.
    pub place: String,
    /// The value found there, unless it may be a secret.
    pub value: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl Fault {
    pub(crate) fn new(
        problem: Problem,
        place: impl Into<String>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            problem,
            place: place.into(),
            value: None,
            what: what.into(),
            mend: mend.into(),
        }
    }

    pub(crate) fn with_value(self, value: Option<&str>) -> Self {
        Self {
            value: value.map(str::to_owned),
            ..self
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}; {}", self.what, self.mend)
    }
}

impl std::error::Error for Fault {}
