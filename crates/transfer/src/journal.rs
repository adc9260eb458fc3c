//! Checkpoint files: what of a transfer is done, so that the next try goes on from there.
//!
//! A file of JSON lines: the first says which transfer it is, each other one names a part that is done. Lines are only ever
//! appended; one that a crash cut short is left out when the file is read. Losing a line costs a part's transfer, nothing else,
//! so nothing is flushed to disk.

use crate::{Error, Result};
use ossplit::crc64::Crc64;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The file of one transfer, named after what it moves and where to.
pub(crate) fn path(folder: &Path, kind: &str, names: &[&str]) -> PathBuf {
    folder.join(format!("{}.{kind}", digest(names)))
}

/// 16 hexadecimal digits for names.
pub(crate) fn digest(names: &[&str]) -> String {
    let mut sum = Crc64::new();
    for name in names {
        sum.update(name.as_bytes());
        sum.update(&[0]);
    }
    format!("{:016x}", sum.value())
}

/// An open checkpoint file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: fs::File,
}

impl Journal {
    /// What a file says; `None` if there is none, or none that can be understood.
    pub(crate) fn read<H: DeserializeOwned, L: DeserializeOwned>(
        path: &Path,
    ) -> Option<(H, Vec<L>)> {
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let head = serde_json::from_str(lines.next()?).ok()?;
        let lines = lines.map_while(|line| serde_json::from_str(line).ok());
        Some((head, lines.collect()))
    }

    /// Makes a file anew with what is known already.
    pub(crate) fn create<H: Serialize, L: Serialize>(
        path: &Path,
        head: &H,
        lines: &[L],
    ) -> Result<Self> {
        let create = || {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&line(head)?)?;
            for one in lines {
                file.write_all(&line(one)?)?;
            }
            Ok(file.persist(path)?)
        };
        let file = create().map_err(|e| Error::file("write the checkpoint file", path, e))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Notes that a part is done.
    pub(crate) fn append<L: Serialize>(&mut self, part: &L) -> Result<()> {
        line(part)
            .and_then(|line| self.file.write_all(&line))
            .map_err(|e| Error::file("write the checkpoint file", &self.path, e))
    }

    /// The transfer is over.
    pub(crate) fn remove(self) {
        remove(&self.path);
    }
}

/// Removes a checkpoint file, if it is there.
pub(crate) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "a checkpoint file can't be removed");
        }
        _ => {}
    }
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "upload", &["a", "b"]);
        let mut journal = Journal::create(&path, &"head", &[1, 2]).unwrap();
        journal.append(&3).unwrap();
        let mut text = fs::read(&path).unwrap();
        text.extend(b"4");
        fs::write(&path, &text).unwrap();
        let (head, lines): (String, Vec<u32>) = Journal::read(&path).unwrap();
        assert_eq!((head.as_str(), lines), ("head", vec![1, 2, 3]));
        fs::write(&path, "\"he").unwrap();
        assert!(Journal::read::<String, u32>(&path).is_none());
        journal.remove();
        assert!(!path.exists());
    }

    #[test]
    fn names_do_not_run_into_each_other() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
