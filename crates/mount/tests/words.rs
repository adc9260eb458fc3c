//! Every word of ossfs 1 and ossfs 2, from the lists in `words/`, is taken in each place where its users write it, and is
//! honoured or says in a line why it does nothing.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use ossplit_mount::{
    Plan,
    dialect::{self, CommandLine},
    options::{self, Effect, Fault, Key, Surroundings},
};
use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

/// The words of a list with their values.
fn list(text: &str) -> Vec<&str> {
    let words: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(words.len() > 50);
    words
}

fn around(folder: &Path) -> Surroundings {
    Surroundings {
        environment_key: Some(Key {
            id: "id".into(),
            secret: "hidden".into(),
            token: None,
        }),
        folder: folder.to_owned(),
        memory: 8 << 30,
        ..Surroundings::default()
    }
}

#[track_caller]
fn plan(word: &str, line: Result<CommandLine, Vec<Fault>>, folder: &Path) -> Plan {
    let told = |faults: Vec<Fault>| -> ! { panic!("{word}: {}", faults[0]) };
    let line = line.unwrap_or_else(|faults| told(faults));
    options::validate(&line, &around(folder)).unwrap_or_else(|faults| told(faults))
}

fn words(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

/// Whether a line at start says that the word does nothing, and why.
fn says_why(plan: &Plan, name: &str) -> bool {
    let start = format!("option {name}: accepted, no effect: ");
    plan.notes
        .iter()
        .any(|note| note.strip_prefix(&*start).is_some_and(|why| why.len() > 5))
}

#[test]
fn ossfs_1_s_on_the_command_line_and_in_fstab() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("PASSWD");
    fs::write(&passwords, "id:hidden\n").unwrap();
    fs::set_permissions(&passwords, Permissions::from_mode(0o600)).unwrap();
    for word in list(include_str!("words/ossfs1.txt")) {
        let name = word.split('=').next().unwrap();
        // What needs another one stands with it.
        let with = if name == "sigv4" { ",region=cn-x" } else { "" };
        let forms = [
            format!("bucket:/p /mnt -o {word}{with}"),
            format!("bucket:/p /mnt -o{word}{with} -f"),
            // `ossfs#bucket:/p /mnt fuse _netdev,WORD 0 0` and `bucket:/p /mnt fuse.ossfs WORD 0 0`.
            format!("ossfs#bucket:/p /mnt -o rw,_netdev,{word}{with} -v"),
            format!("bucket:/p /mnt -n -t fuse.ossfs -o rw,dev,suid,{word}{with}"),
        ];
        for (form, of_mount) in forms.iter().zip([false, false, true, true]) {
            let words = if of_mount {
                dialect::without_helper_words(words(form))
            } else {
                words(form)
            };
            let plan = plan(word, dialect::ossfs1(&words), folder.path());
            let spec = options::look_up(name, name).unwrap();
            let accepted = matches!(spec.effect, Effect::Accepted(_));
            assert_eq!(says_why(&plan, spec.name), accepted, "{form}");
        }
    }
}

#[test]
fn ossfs_2_s_on_the_command_line_and_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conf");
    let base = "--oss_bucket=bucket\n--oss_endpoint=http://127.0.0.1:1\n";
    let key = "--oss_access_key_id=id\n--oss_access_key_secret=hidden\n";
    for word in list(include_str!("words/ossfs2.txt")) {
        let name = word.split('=').next().unwrap();
        let pair = if name.starts_with("oss_access_key") {
            key
        } else {
            ""
        };
        fs::write(&file, format!("{base}{pair}# a comment\n--{word}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let line = dialect::ossfs2(&words("mount /mnt -c conf"), folder.path());
        let in_file = plan(word, line, folder.path());
        if name == "oss_access_key_secret" {
            // Everybody could read it there.
            let line = words(&format!("mount /mnt -c conf --{word}"));
            assert!(dialect::ossfs2(&line, folder.path()).is_err());
            continue;
        }
        fs::write(&file, format!("{base}{pair}")).unwrap();
        let line = words(&format!("mount /mnt -c conf --{word}"));
        let typed = plan(word, dialect::ossfs2(&line, folder.path()), folder.path());
        assert_eq!(says_why(&in_file, name), says_why(&typed, name), "{word}");
        let page = options::markdown();
        let row = page
            .rsplit("## ossfs 2's dialect")
            .next()
            .unwrap()
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(row.contains("no effect"), says_why(&typed, name), "{row}");
    }
}
