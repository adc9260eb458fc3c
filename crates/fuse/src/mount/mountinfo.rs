//! `/proc/self/mountinfo`: who is mounted where, without touching the mounts.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::ConnectionId;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Which connection serves it, if it is FUSE.
    pub id: ConnectionId,
    /// The type, such as `fuse.ossfs`.
    pub kind: String,
    /// What is mounted, such as the bucket.
    pub source: String,
    /// Which folder of it is mounted: `/` unless it is a bind mount of another one.
    pub root: PathBuf,
    /// Whether this mount of it is read-only, whatever the file system's own options are.
    pub read_only: bool,
    /// Who mounted it, if it is FUSE.
    pub user: Option<u32>,
    path: PathBuf,
}

impl Found {
    /// Whether a FUSE server stands behind it.
    pub fn is_fuse(&self) -> bool {
        self.kind == "fuse" || self.kind.starts_with("fuse.") || self.kind == "fuseblk"
    }
}

/// The topmost mount on exactly that absolute path. Asks the kernel's table alone: it does not wait
/// for a server that hangs.
pub fn find(path: &Path) -> io::Result<Option<Found>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    Ok(last_on(&table, path))
}

/// Where the connection of this minor device number is mounted, if it is; one of the places if there are
/// several.
pub fn place_of(minor: u32) -> io::Result<Option<PathBuf>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    let mut mounts = table.split(|&byte| byte == b'\n').filter_map(parse);
    Ok(mounts
        .find(|found| found.is_fuse() && found.id.minor == minor)
        .map(|found| found.path))
}

/// Whether the mounts that a process sees, which may be in another namespace, have this connection among them.
pub fn is_seen_by(pid: u32, id: ConnectionId) -> io::Result<bool> {
    let table = std::fs::read(format!("/proc/{pid}/mountinfo"))?;
    let mut mounts = table.split(|&byte| byte == b'\n').filter_map(parse);
    Ok(mounts.any(|found| found.id == id))
}

fn last_on(table: &[u8], path: &Path) -> Option<Found> {
    // Later lines are mounted over earlier ones.
    table
        .split(|&byte| byte == b'\n')
        .rev()
        .filter_map(parse)
        .find(|found| found.path == path)
}

/// `36 35 98:0 /root /mount/point opts [tags…] - type source superopts`
fn parse(line: &[u8]) -> Option<Found> {
    let mut words = line.split(|&byte| byte == b' ');
    let device = std::str::from_utf8(words.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let root = PathBuf::from(OsString::from_vec(unescape(words.next()?)));
    let path = PathBuf::from(OsString::from_vec(unescape(words.next()?)));
    let mut own = words.next()?.split(|byte| *byte == b',');
    let read_only = own.any(|word| word == b"ro");
    words.find(|word| *word == b"-")?;
    let text = |word: &[u8]| String::from_utf8_lossy(&unescape(word)).into_owned();
    let (kind, source) = (text(words.next()?), text(words.next()?));
    let mut options = words.next().unwrap_or_default().split(|byte| *byte == b',');
    let user = options.find_map(|word| {
        let id = word.strip_prefix(b"user_id=")?;
        std::str::from_utf8(id).ok()?.parse().ok()
    });
    Some(Found {
        id: ConnectionId {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        },
        kind,
        source,
        root,
        read_only,
        user,
        path,
    })
}

/// Blanks and backslashes are written as three octal digits.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(value) if byte == b'\\' => {
                out.push(value);
                rest = &tail[3..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        40 22 0:51 / /mnt/a\\040b ro,nosuid shared:1 - fuse.ossplit data,1 rw,user_id=0\n\
        41 22 0:52 / /mnt/a\\040b rw - fuse.x top rw\n\
        broken\n";

    #[test]
    fn the_topmost_mount_counts() {
        let found = last_on(TABLE, Path::new("/mnt/a b")).expect("is in the table");
        assert_eq!(
            (found.id.minor, found.source.as_str(), found.is_fuse()),
            (52, "top", true)
        );
        assert_eq!((found.root.as_path(), found.user), (Path::new("/"), None));
        let below =
            parse(TABLE.split(|byte| *byte == b'\n').nth(1).expect("a line")).expect("a mount");
        assert_eq!((below.user, below.read_only), (Some(0), true));
        assert!(!found.read_only);
        assert!(
            !last_on(TABLE, Path::new("/"))
                .expect("is in the table")
                .is_fuse()
        );
        assert_eq!(last_on(TABLE, Path::new("/mnt")), None);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(unescape(b"a\\040b\\9\\"), b"a b\\9\\");
    }
}
