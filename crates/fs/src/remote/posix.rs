//! Modes, owners and times as object metadata, in ossfs 1's names and formats.

use std::collections::BTreeMap;

use crate::namespace::Meta;
use crate::types::UnixNanos;

const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// Reads what ossfs 1 (and s3fs, and we) wrote. Values that make no sense are as good as absent.
pub(crate) fn read(metadata: &BTreeMap<String, String>) -> Meta {
    let text = |name: &str| metadata.get(name).map(String::as_str);
    let number = |name: &str| text(name).and_then(|value| value.parse::<u32>().ok());
    let time = |name: &str| text(name).and_then(parse_time);
    Meta {
        mode: number("mode").map(|mode| (mode & 0o7777) as u16),
        uid: number("uid"),
        gid: number("gid"),
        atime: time("atime"),
        mtime: time("mtime"),
        ctime: time("ctime"),
        local: false,
    }
}

/// The metadata with which an object is written.
pub(crate) fn write(meta: &Meta, dir: bool) -> BTreeMap<String, String> {
    let kind = if dir { S_IFDIR } else { S_IFREG };
    let mut metadata = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), value);
        }
    };
    put(
        "mode",
        meta.mode.map(|mode| (kind | u32::from(mode)).to_string()),
    );
    put("uid", meta.uid.map(|uid| uid.to_string()));
    put("gid", meta.gid.map(|gid| gid.to_string()));
    put("atime", meta.atime.map(format_time));
    put("mtime", meta.mtime.map(format_time));
    put("ctime", meta.ctime.map(format_time));
    metadata
}

/// Seconds since 1970 with an optional fraction.
fn parse_time(text: &str) -> Option<UnixNanos> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn format_time(time: UnixNanos) -> String {
    let (seconds, nanos) = (
        time.div_euclid(1_000_000_000),
        time.rem_euclid(1_000_000_000),
    );
    if nanos == 0 {
        seconds.to_string()
    } else {
        format!("{seconds}.{nanos:09}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions() {
        let meta = Meta {
            mode: Some(0o1644),
            uid: Some(0),
            gid: Some(4_000_000_000),
            atime: Some(5),
            mtime: Some(1_700_000_000_250_000_000),
            ctime: Some(1_700_000_000_000_000_000),
            local: false,
        };
        let written = write(&meta, false);
        assert_eq!(written["mode"], (0o100_000 + 0o1644).to_string());
        assert_eq!(written["mtime"], "1700000000.250000000");
        assert_eq!(written["ctime"], "1700000000");
        assert_eq!(read(&written), meta);
        assert_eq!(write(&meta, true)["mode"], (0o040_000 + 0o1644).to_string());
    }

    #[test]
    fn nonsense_is_absent() {
        let pairs = [
            ("mode", "rw"),
            ("uid", "-1"),
            ("mtime", "1.x"),
            ("atime", "99999999999999"),
        ];
        let metadata = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read(&metadata.into()), Meta::default());
        assert_eq!(parse_time("12.5"), Some(12_500_000_000));
        assert_eq!(parse_time("12.1234567891"), Some(12_123_456_789));
        assert_eq!(parse_time(""), None);
    }
}
