//! The program's end.

use super::{LONGEST, socket};
use std::{
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _},
    os::unix::{ffi::OsStrExt as _, net::UnixStream},
    path::{Path, PathBuf},
};

/// Why a list was not taken; each says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum PrefetchError {
    /// It is no path in a bucket that is mounted here.
    #[error("{} is not in a mounted bucket; `mount -t fuse.ossfs` lists those that are", .0.display())]
    NotMounted(PathBuf),
    /// It can't be reached at all.
    #[error("{}: {error}", path.display())]
    Path {
        /// What was asked for.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Nobody listens, or not to us.
    #[error("the mount does not take lists at {}: {error}; only root and the user who mounted may give it some", path.display())]
    Socket {
        /// The mount's socket.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Reading the list failed.
    #[error("the list can't be read: {0}")]
    List(io::Error),
    /// A path is not in the mount.
    #[error("line {line}: {} is not in {}; paths are relative to it, or absolute below it", path.display(), mount.display())]
    Outside {
        /// Counted from 1.
        line: u64,
        /// What the line says.
        path: PathBuf,
        /// Where it should be.
        mount: PathBuf,
    },
    /// A path can't be one.
    #[error(
        "line {line}: a path has 1 to {LONGEST} bytes (lines end in NUL with -0, else in a newline)"
    )]
    Length {
        /// Counted from 1.
        line: u64,
    },
    /// The mount said no.
    #[error("the mount did not take the list: {0}")]
    Refused(String),
}

/// Gives the mount that `place` is in a list of files, which it fetches ahead of their reads in that order. `list` has
/// paths that are relative to `place` or absolute, each ended by `separator`; `name` names the list. Returns how many
/// the mount took: at once while its memory budget has room for the list, else when the reads went on.
///
/// # Errors
/// See [`PrefetchError`].
pub fn send(
    place: &Path,
    list: &mut dyn io::Read,
    separator: u8,
    name: &str,
) -> Result<u64, PrefetchError> {
    let whole = place.canonicalize().map_err(|error| PrefetchError::Path {
        path: place.to_owned(),
        error,
    })?;
    let (found, mountpoint) = mount_of(&whole)?;
    // What the mount calls the place.
    let below = whole.strip_prefix(&mountpoint).unwrap_or(Path::new(""));
    let root = found.root.join(below);
    let path = socket(found.user.unwrap_or(0), found.id);
    let stream = UnixStream::connect(&path).map_err(|error| PrefetchError::Socket {
        path: path.clone(),
        error,
    })?;
    let mut out = BufWriter::with_capacity(64 << 10, &stream);
    let sent = (|| -> Result<io::Result<()>, PrefetchError> {
        let header = writeln!(out, "prefetch 1 {name}");
        if header.is_err() {
            return Ok(header);
        }
        let mut list = BufReader::new(list);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            // One byte more than a path may have, and the separator.
            let mut bounded = (&mut list).take(LONGEST as u64 + 2);
            let read = bounded.read_until(separator, &mut line);
            if read.map_err(PrefetchError::List)? == 0 {
                break;
            }
            if line.last() == Some(&separator) {
                line.pop();
            }
            if line.is_empty() {
                continue;
            }
            if line.len() > LONGEST || line.contains(&0) {
                return Err(PrefetchError::Length { line: number });
            }
            let path = Path::new(std::ffi::OsStr::from_bytes(&line));
            let below = below_place(path, place, &whole).ok_or_else(|| PrefetchError::Outside {
                line: number,
                path: path.to_owned(),
                mount: place.to_owned(),
            })?;
            let full = root.join(below);
            let wrote = out
                .write_all(full.as_os_str().as_bytes())
                .and_then(|()| out.write_all(b"\0"));
            if wrote.is_err() {
                return Ok(wrote);
            }
        }
        Ok(out.write_all(b"\0").and_then(|()| out.flush()))
    })()?;
    let mut answer = String::new();
    let answered = BufReader::new(&stream).read_line(&mut answer);
    if let Some(count) = answer.strip_prefix("ok ") {
        return Ok(count.trim_end().parse().unwrap_or(0));
    }
    // What the mount said goes before how the connection ended.
    if let Some(text) = answer.strip_prefix("error ") {
        return Err(PrefetchError::Refused(text.trim_end().to_owned()));
    }
    let text = match sent.and(answered) {
        Err(error) => error.to_string(),
        Ok(_) => "it ended".to_owned(),
    };
    Err(PrefetchError::Refused(text))
}

/// The mount that a path is in, and where that is mounted.
fn mount_of(path: &Path) -> Result<(ossplit_fuse::mount::Found, PathBuf), PrefetchError> {
    let none = || PrefetchError::NotMounted(path.to_owned());
    for place in path.ancestors() {
        let found = ossplit_fuse::mount::find(place);
        let found = found.map_err(|error| PrefetchError::Path {
            path: place.to_owned(),
            error,
        })?;
        if let Some(found) = found {
            let found = Some(found).filter(ossplit_fuse::mount::Found::is_fuse);
            return Ok((found.ok_or_else(none)?, place.to_owned()));
        }
    }
    Err(none())
}

/// The path of a line, relative to the place: as it was typed or as it is.
fn below_place<'a>(path: &'a Path, typed: &Path, whole: &Path) -> Option<&'a Path> {
    let below = if path.is_absolute() {
        let below = path.strip_prefix(typed);
        below.or_else(|_| path.strip_prefix(whole)).ok()?
    } else {
        path
    };
    let up = std::path::Component::ParentDir;
    (!below.components().any(|part| part == up)).then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_relative_or_below_the_mount() {
        let (typed, whole) = (Path::new("/link"), Path::new("/data/mnt"));
        let below = |line| below_place(Path::new(line), typed, whole).map(Path::to_owned);
        assert_eq!(below("a/b"), Some("a/b".into()));
        assert_eq!(below("./a"), Some("./a".into()));
        assert_eq!(below("/link/a"), Some("a".into()));
        assert_eq!(below("/data/mnt/a"), Some("a".into()));
        assert_eq!(below("/data/a"), None);
        assert_eq!(below("../a"), None);
    }

    #[test]
    fn what_is_no_mount_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = send(folder.path(), &mut &b"a\n"[..], b'\n', "t").unwrap_err();
        let PrefetchError::NotMounted(path) = &error else {
            panic!("{error}");
        };
        assert_eq!(*path, folder.path().canonicalize().unwrap());
        assert!(error.to_string().contains("mount -t fuse.ossfs"));
    }
}
