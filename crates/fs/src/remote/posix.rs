//! Modes, owners and times as object metadata, in ossfs 1's names and formats.

use ossplit::{NewObject, ObjectMeta};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::link;
use crate::namespace::Meta;
use crate::types::{FileKind, UnixNanos};

const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// The kinds that only metadata tell, with their type bits.
const SPECIAL: [(FileKind, u32); 5] = [
    (FileKind::Symlink, 0o120_000),
    (FileKind::Socket, 0o140_000),
    (FileKind::BlockDevice, 0o060_000),
    (FileKind::CharDevice, 0o020_000),
    (FileKind::Fifo, 0o010_000),
];

/// The type bits of a kind that only metadata tell; 0 for the others.
pub(crate) fn bits(special: Option<FileKind>) -> u32 {
    let found = SPECIAL.iter().find(|(kind, _)| special == Some(*kind));
    found.map_or(0, |(_, bits)| *bits)
}

/// The kind with these type bits, if only metadata tell it.
pub(crate) fn kind(mode: u32) -> Option<FileKind> {
    let found = SPECIAL.iter().find(|(_, bits)| mode & S_IFMT == *bits);
    found.map(|(kind, _)| *kind)
}

/// The metadata that this file is about.
const OURS: [&str; 9] = [
    "mode", "rdev", "uid", "gid", "atime", "mtime", "ctime", "xattr", TARGET,
];

/// Where a symlink leads, if its bytes don't say it.
const TARGET: &str = "symlink-target";

/// What the service says of an object without a content type.
const UNKNOWN: &str = "application/octet-stream";

/// What an object's attributes are, and what else it has. `named` is the content type that its name tells.
pub(crate) fn of(object: &ObjectMeta, named: Option<&str>) -> Meta {
    let mut others = object.as_new();
    others
        .user_metadata
        .retain(|name, _| !OURS.contains(&&**name));
    drop_known_type(&mut others, named);
    Meta {
        others: (others != NewObject::default()).then(|| Arc::new(others)),
        ..read(&object.user_metadata)
    }
}

/// Leaves a content type out that the name, or the lack of any, tells.
pub(crate) fn drop_known_type(object: &mut NewObject, named: Option<&str>) {
    object
        .content_type
        .take_if(|kind| kind == UNKNOWN || Some(&**kind) == named);
}

/// What an object with these attributes is written with.
pub(crate) fn described(meta: &Meta) -> NewObject {
    let mut with = meta.others.as_deref().cloned().unwrap_or_default();
    with.user_metadata.extend(write(meta, false));
    with
}

/// Reads what ossfs 1 (and s3fs, and we) wrote, else what s3sync or gsutil did. Values that make no sense are as good as
/// absent.
pub(crate) fn read(metadata: &BTreeMap<String, String>) -> Meta {
    let text = |name: &str| metadata.get(name).map(String::as_str);
    let number = |name: &str| text(name).and_then(|value| value.parse::<u32>().ok());
    let either = |names: [&str; 3]| names.into_iter().find_map(number);
    let time = |names: &[&str]| {
        let mut told = names.iter().filter_map(|name| text(name));
        told.find_map(parse_time)
    };
    let octal = || u32::from_str_radix(text("goog-reserved-posix-mode")?, 8).ok();
    let mode = number("mode")
        .or_else(|| number("permissions"))
        .or_else(octal);
    let told = text(TARGET).and_then(link::read);
    Meta {
        // ossfs goes by either.
        special: mode
            .and_then(kind)
            .or_else(|| told.as_ref().map(|_| FileKind::Symlink)),
        target: match told {
            Some(link::Told::Path(path)) => Some(path.into()),
            Some(link::Told::Body) | None => None,
        },
        rdev: number("rdev").unwrap_or(0),
        mode: mode.map(|mode| (mode & 0o7777) as u16),
        uid: either(["uid", "owner", "goog-reserved-posix-uid"]),
        gid: either(["gid", "group", "goog-reserved-posix-gid"]),
        atime: time(&["atime", "goog-reserved-file-atime"]),
        mtime: time(&["mtime", "goog-reserved-file-mtime"]),
        ctime: time(&["ctime"]),
        xattrs: text("xattr").map(Into::into),
        others: None,
        local: false,
    }
}

/// The metadata with which an object is written.
pub(crate) fn write(meta: &Meta, dir: bool) -> BTreeMap<String, String> {
    let kind = match bits(meta.special) {
        _ if dir => S_IFDIR,
        0 => S_IFREG,
        special => special,
    };
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
    put("rdev", (meta.rdev != 0).then(|| meta.rdev.to_string()));
    put("uid", meta.uid.map(|uid| uid.to_string()));
    put("gid", meta.gid.map(|gid| gid.to_string()));
    put("atime", meta.atime.map(format_time));
    put("mtime", meta.mtime.map(format_time));
    put("ctime", meta.ctime.map(format_time));
    put("xattr", meta.xattrs.as_deref().map(str::to_owned));
    put(TARGET, meta.target.as_deref().map(link::write));
    metadata
}

/// The metadata of an object with our own replaced; what others wrote stays.
pub(crate) fn replace(
    mut metadata: BTreeMap<String, String>,
    meta: &Meta,
) -> BTreeMap<String, String> {
    metadata.retain(|name, _| !OURS.contains(&&**name));
    metadata.extend(write(meta, false));
    metadata
}

/// Times, in metadata.
const TIMES: [&str; 3] = ["atime", "mtime", "ctime"];

/// Whether metadata tell when an object's bytes changed.
pub(crate) fn is_timed(object: &NewObject) -> bool {
    object.user_metadata.contains_key("mtime")
}

/// Leaves the times out: those of OSS count.
pub(crate) fn drop_times(object: &mut NewObject) {
    object
        .user_metadata
        .retain(|name, _| !TIMES.contains(&&**name));
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
            special: None,
            target: None,
            rdev: 0,
            mode: Some(0o1644),
            uid: Some(0),
            gid: Some(4_000_000_000),
            atime: Some(5),
            mtime: Some(1_700_000_000_250_000_000),
            ctime: Some(1_700_000_000_000_000_000),
            xattrs: Some("%7B%7D".into()),
            others: None,
            local: false,
        };
        let written = write(&meta, false);
        assert_eq!(written["mode"], (0o100_000 + 0o1644).to_string());
        assert_eq!(written["mtime"], "1700000000.250000000");
        assert_eq!(written["ctime"], "1700000000");
        assert_eq!(read(&written), meta);
        assert_eq!(write(&meta, true)["mode"], (0o040_000 + 0o1644).to_string());
        for (special, bits) in SPECIAL {
            let meta = Meta {
                special: Some(special),
                rdev: 0x0103,
                ..meta.clone()
            };
            let written = write(&meta, false);
            assert_eq!(written["mode"], (bits + 0o1644).to_string());
            assert_eq!(read(&written), meta);
        }
        let link = Meta {
            special: Some(FileKind::Symlink),
            target: Some(b"../a b".as_slice().into()),
            ..meta
        };
        let mut written = write(&link, false);
        assert_eq!(written["symlink-target"], "header:6:../a%20b");
        assert_eq!(read(&written), link);
        written.remove("mode");
        assert_eq!(read(&written).special, Some(FileKind::Symlink));
    }

    #[test]
    fn what_s3sync_and_gsutil_wrote_is_read() {
        let metadata = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        // s3sync's are decimal, with or without the type.
        for permissions in ["33188", "420"] {
            let meta = read(&metadata(&[
                ("permissions", permissions),
                ("owner", "12"),
                ("group", "34"),
            ]));
            assert_eq!(
                (meta.mode, meta.uid, meta.gid),
                (Some(0o644), Some(12), Some(34))
            );
        }
        let gsutil = [
            ("goog-reserved-posix-mode", "640"),
            ("goog-reserved-posix-uid", "12"),
            ("goog-reserved-posix-gid", "34"),
            ("goog-reserved-file-mtime", "1700000000"),
        ];
        let meta = read(&metadata(&gsutil));
        assert_eq!(
            (meta.mode, meta.uid, meta.gid),
            (Some(0o640), Some(12), Some(34))
        );
        assert_eq!(meta.mtime, Some(1_700_000_000_000_000_000));
        let mut all = gsutil.to_vec();
        all.extend([("permissions", "384"), ("mode", "33152"), ("uid", "0")]);
        let meta = read(&metadata(&all));
        assert_eq!((meta.mode, meta.uid), (Some(0o600), Some(0)), "ours first");
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
