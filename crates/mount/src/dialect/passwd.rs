//! Who may read a password file (ossfs 1's rules): nobody else, no group but for the system's own
//! file, and it is no program.

use crate::options::{Fault, Problem};
use ossplit::credentials::KeyFile;
use std::{os::unix::fs::PermissionsExt as _, path::Path};

/// The file for everybody; its group may read it.
pub(crate) const SYSTEM_FILE: &str = "/etc/passwd-ossfs";

/// Checks mode and lines.
pub(crate) fn check(path: &Path, bucket: &str) -> Result<(), Fault> {
    let shown = path.display();
    let place = format!("passwd_file {shown}");
    let fault = |what: String, mend: &str| {
        Err(Fault::new(Problem::Credentials, &place, what, mend).with_value(path.to_str()))
    };
    let line = "write ACCESS_KEY_ID:ACCESS_KEY_SECRET into it";
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return fault(
                error.to_string(),
                "check its name, or make it with mode 600",
            );
        }
    };
    if !metadata.is_file() {
        return fault("it is no regular file".into(), line);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if let Err((what, wanted)) = judge(mode, path == Path::new(SYSTEM_FILE)) {
        let what = format!("its mode is {mode:03o}: {what}");
        return fault(what, &format!("chmod {wanted} {shown}"));
    }
    match KeyFile::open(path, bucket) {
        Ok(_) => Ok(()),
        Err(error) => fault(error.to_string(), line),
    }
}

/// What is wrong with a mode, and the mode wanted.
fn judge(mode: u32, of_system: bool) -> Result<(), (&'static str, &'static str)> {
    let wanted = if of_system { "640" } else { "600" };
    let group = if of_system { 0o020 } else { 0o060 };
    if mode & (0o006 | group) != 0 {
        Err(("others than its owner could use the key", wanted))
    } else if mode & 0o111 != 0 {
        Err(("it is no program", wanted))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_judged_as_in_ossfs() {
        for mode in [0o600, 0o400, 0o200] {
            assert_eq!(judge(mode, false), Ok(()), "{mode:o}");
        }
        for mode in [0o640, 0o620, 0o604, 0o602, 0o666, 0o644] {
            let (what, wanted) = judge(mode, false).unwrap_err();
            assert!(what.contains("others"), "{mode:o}");
            assert_eq!(wanted, "600");
        }
        for mode in [0o700, 0o610, 0o601] {
            assert!(
                judge(mode, false).unwrap_err().0.contains("program"),
                "{mode:o}"
            );
        }
        assert_eq!((judge(0o640, true), judge(0o600, true)), (Ok(()), Ok(())));
        assert_eq!(judge(0o660, true).unwrap_err().1, "640");
        assert!(judge(0o644, true).is_err() && judge(0o650, true).is_err());
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        let say = |bucket| check(&path, bucket).unwrap_err().to_string();
        assert!(say("b").contains("No such file"));
        let write = |text, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("id:hidden\n", 0o644);
        assert!(say("b").contains("644") && say("b").contains("chmod 600"));
        write("other:id:hidden\n", 0o600);
        assert!(say("b").contains("no line is for bucket b") && !say("b").contains("hidden"));
        write("id hidden\n", 0o600);
        assert!(say("b").contains("line 1") && !say("b").contains("hidden"));
        write("# mine\nother:x:y\nid:hidden\n", 0o600);
        assert_eq!(check(&path, "b"), Ok(()));
        assert!(
            check(folder.path(), "b")
                .unwrap_err()
                .what
                .contains("regular")
        );
    }
}
