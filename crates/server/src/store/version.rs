//! Names of versions.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;

/// What every id of a made version begins with, as at the service.
const BEGINNING: &str = "CAEQ";

/// Names a version of an object. The text form is opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VersionId {
    /// `null`: written while versions were not kept.
    #[default]
    Null,
    /// Made while versions were kept.
    Made {
        /// [`super::ObjectRecord::sequence`], by which the row is found.
        sequence: u64,
        /// Random, so that ids can't be guessed from one another.
        nonce: u64,
    },
}

impl VersionId {
    /// A new name for a version with this sequence.
    pub(super) fn made(sequence: u64) -> Self {
        let nonce = fastrand::u64(..);
        Self::Made { sequence, nonce }
    }

    /// Reads an id; `None` when no version can have it.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(BEGINNING)?).ok()?;
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn to_bytes(self) -> Option<[u8; 16]> {
        let Self::Made { sequence, nonce } = self else {
            return None;
        };
        let both = u128::from(sequence) << 64 | u128::from(nonce);
        Some(both.to_be_bytes())
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self::Made {
            sequence: (both >> 64) as u64,
            nonce: both as u64,
        }
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_bytes() {
            None => f.write_str("null"),
            Some(bytes) => write!(f, "{BEGINNING}{}", URL_SAFE_NO_PAD.encode(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_again_and_nonsense_is_not() {
        for id in [
            VersionId::Null,
            VersionId::made(7),
            VersionId::made(u64::MAX),
        ] {
            assert_eq!(VersionId::parse(&id.to_string()), Some(id));
        }
        for bad in [
            "",
            "Null",
            "CAEQ",
            "CAEQabc",
            "CAEQ+++++++++++++++++++++",
            "x",
        ] {
            assert_eq!(VersionId::parse(bad), None, "{bad}");
        }
    }
}
