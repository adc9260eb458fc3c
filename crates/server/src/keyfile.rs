//! The key that a data directory has when none is given: made once, readable by its owner only.

use ossplit_protocol::sign::Key;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The key's id.
pub const DEFAULT_KEY_ID: &str = "ossplit";

/// Letters of a secret.
const SECRET_LETTERS: usize = 32;

fn read(path: &Path) -> io::Result<Key> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => Ok(Key {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: None,
        }),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{} must hold an id and a secret, a line each",
                path.display()
            ),
        )),
    }
}

fn new_secret() -> io::Result<String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AZ";
    let mut random = [0; SECRET_LETTERS];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 64)]);
    Ok(random.iter().map(letter).collect())
}

/// The key in `folder`, made if there is none; the folder as well. Blocks.
pub fn load_or_make(folder: &Path) -> io::Result<Key> {
    let path = folder.join("access-key");
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!("access-key.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    write!(file, "{DEFAULT_KEY_ID}\n{}\n", new_secret()?)?;
    file.sync_all()?;
    // A link does not replace the key that another process made meanwhile.
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => File::open(folder)?.sync_all()?,
    }
    read(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new");
        let key = load_or_make(&folder).unwrap();
        assert_eq!((key.id.as_str(), key.secret.len()), ("ossplit", 32));
        assert_eq!(load_or_make(&folder).unwrap(), key);
        let mode = fs::metadata(folder.join("access-key")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(folder.join("access-key"), "junk").unwrap();
        assert!(load_or_make(&folder).is_err());
    }
}
