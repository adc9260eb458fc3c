//! A read-write mount while the service misbehaves: every call gives right bytes or an error, nothing is there by halves, and
//! no upload stays.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss, until};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _, symlink},
    path::Path,
};

/// What each file may hold: one contents, or several after a call that failed. `None`: no file.
#[derive(Default)]
struct Model(BTreeMap<String, Vec<Option<Vec<u8>>>>);

impl Model {
    fn now(&self, name: &str) -> Vec<Option<Vec<u8>>> {
        self.0.get(name).cloned().unwrap_or_else(|| vec![None])
    }

    /// A call that should make `name` hold `to` ended so.
    fn ended(&mut self, name: &str, to: Option<Vec<u8>>, result: &io::Result<()>) {
        let mut may = match result {
            Ok(()) => Vec::new(),
            Err(_) => self.now(name),
        };
        may.push(to);
        self.0.insert(name.to_owned(), may);
    }

    /// The contents, if they are known.
    fn known(&self, name: &str) -> Option<Vec<u8>> {
        match &self.now(name)[..] {
            [Some(one)] => Some(one.clone()),
            _ => None,
        }
    }
}

fn replace(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for piece in body.chunks(200_000) {
        file.write_all(piece)?;
    }
    file.sync_all()
}

fn append(path: &Path, tail: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(tail)?;
    file.sync_all()
}

fn change(path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(bytes, at)?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(path)?.read_to_end(&mut data)?;
    Ok(data)
}

fn truncate(path: &Path, size: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(size as u64)?;
    file.sync_all()
}

fn chmod(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    // Not before that is it in OSS.
    File::open(path)?.sync_all()
}

/// What a program did on a mount while calls could fail.
struct Work<'a> {
    mount: &'a Mounted,
    model: Model,
    /// The mode that each file may have.
    modes: BTreeMap<String, Vec<u32>>,
    failures: usize,
}

impl<'a> Work<'a> {
    fn new(mount: &'a Mounted) -> Self {
        Self {
            mount,
            model: Model::default(),
            modes: BTreeMap::new(),
            failures: 0,
        }
    }

    fn note(&mut self, name: &str, to: Option<Vec<u8>>, result: &io::Result<()>) {
        self.failures += usize::from(result.is_err());
        self.model.ended(name, to, result);
    }

    /// Does something to a file whose contents are known, which should make it hold what `change` makes of them.
    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Vec<u8>),
        call: impl FnOnce(&Path) -> io::Result<()>,
    ) {
        if let Some(mut body) = self.model.known(name) {
            change(&mut body);
            let result = call(&self.mount.path(name));
            self.note(name, Some(body), &result);
        }
    }

    /// All that can be done to one file, after which it has another name.
    fn one_file(&mut self, name: &str, size: usize, round: u64) {
        let path = self.mount.path(name);
        let body = pattern(size, round);
        let result = replace(&path, &body);
        self.note(name, Some(body), &result);
        let long = pattern(1_200_000, round + 100);
        for tail in [b"tail".as_slice(), &long] {
            let call = |path: &Path| append(path, tail);
            self.change(name, |body| body.extend_from_slice(tail), call);
        }
        let at = size / 2;
        self.change(
            name,
            |body| body[at..at + 7].copy_from_slice(b"CHANGED"),
            |path| change(path, at as u64, b"CHANGED"),
        );
        for size in [size - 100, size + 200_000] {
            self.change(
                name,
                |body| body.resize(size, 0),
                |path| truncate(path, size),
            );
        }
        if let Some(body) = self.model.known(name)
            && let Ok(there) = read(&path)
        {
            assert!(there == body, "{name} read wrong bytes");
        }
        if self.model.known(name).is_some() {
            let mode = 0o600 + round as u32;
            let result = chmod(&path, mode);
            let modes = self.modes.entry(name.to_owned()).or_default();
            if result.is_ok() {
                modes.clear();
            }
            modes.push(mode);
            self.failures += usize::from(result.is_err());
        }
        if let Some(body) = self.model.known(name) {
            let new = format!("{name}-renamed");
            let renamed = fs::rename(&path, self.mount.path(&new));
            self.note(&new, Some(body), &renamed);
            self.model.ended(name, None, &renamed);
            let mut modes = self.modes.remove(name).unwrap_or_default();
            if renamed.is_err() {
                // It may be there from the round before.
                modes.extend(self.modes.remove(&new).unwrap_or_default());
                self.modes.insert(name.to_owned(), modes.clone());
            }
            self.modes.insert(new, modes);
        }
    }

    /// Makes a directory with a file and a symlink in it, gives it another name, and removes it when it is empty.
    fn one_directory(&mut self, round: u64) {
        let (old, new) = (format!("d{round}/"), format!("e{round}/"));
        let made = fs::create_dir(self.mount.path(&old));
        self.note(&old, Some(Vec::new()), &made);
        if made.is_err() {
            return;
        }
        let body = pattern(200_000, round);
        let in_it = format!("{old}file");
        let result = replace(&self.mount.path(&in_it), &body);
        self.note(&in_it, Some(body), &result);
        let link = format!("{old}link");
        let result = symlink("file", self.mount.path(&link));
        self.note(&link, Some(b"file".to_vec()), &result);
        let renamed = fs::rename(self.mount.path(&old), self.mount.path(&new));
        self.failures += usize::from(renamed.is_err());
        for name in ["", "file", "link"] {
            let (from, to) = (format!("{old}{name}"), format!("{new}{name}"));
            let may = self.model.now(&from);
            if renamed.is_ok() {
                self.model.0.insert(from, vec![None]);
                self.model.0.insert(to, may);
            } else {
                // Undone before the call returned, or never begun.
                self.model.0.insert(to, vec![None]);
            }
        }
        let now = if renamed.is_ok() { new } else { old };
        for name in ["file", "link"] {
            let name = format!("{now}{name}");
            if self.model.now(&name) != [None] {
                let gone = fs::remove_file(self.mount.path(&name));
                // One that never came to be is not there.
                let there =
                    gone.as_ref().err().map(io::Error::kind) != Some(io::ErrorKind::NotFound);
                if there {
                    self.note(&name, None, &gone);
                }
            }
        }
        if round.is_multiple_of(2) {
            let gone = fs::remove_dir(self.mount.path(&now));
            self.note(&now, None, &gone);
        }
    }

    /// Everything, so often.
    fn all(mut self, rounds: u64) -> Self {
        for round in 0..rounds {
            for (name, size) in [("small", 3_000), ("part", 1_100_000), ("large", 3_500_000)] {
                self.one_file(&format!("{name}{}", round % 2), size, round);
            }
            self.one_directory(round);
            if round % 2 == 1 {
                let name = "small1-renamed";
                let gone = fs::remove_file(self.mount.path(name));
                self.note(name, None, &gone);
            }
        }
        self
    }
}

/// Works while the rules hold, and checks the bucket when they hold no longer. Gives how many calls failed.
fn under(rules: &str, options: &str) -> usize {
    let server = Server::start();
    // Small enough that what is renamed here is copied in parts, and what is not.
    let options = format!(
        "multipart_size=1,multipart_copy_size=1,singlepart_copy_limit=2,readwrite_timeout=2,{options}"
    );
    let mount = Mounted::new(&server, "data", &options);
    server.set_faults(&format!(r#"{{"seed": 5, "rules": [{rules}]}}"#));
    let Work {
        model,
        modes,
        failures,
        ..
    } = Work::new(&mount).all(4);
    server.set_faults(r#"{"rules": []}"#);
    mount.unmount();
    for (name, may) in &model.0 {
        let there = oss::get(&server, "data", name);
        let length = there.as_ref().map(Vec::len);
        assert!(
            may.contains(&there),
            "{rules}: {name} has {length:?} bytes, {failures} failures"
        );
    }
    for (name, may) in &modes {
        if let Some(head) = oss::head(&server, "data", name) {
            let mode: u32 = head["x-oss-meta-mode"].parse().unwrap();
            let (is, known) = (mode & 0o7777, failures == 0);
            assert!(may.contains(&is) || !known, "{rules}: {name} is {is:o}");
        }
    }
    for key in oss::keys(&server, "data", "") {
        assert!(model.0.contains_key(&key), "{rules}: {key} is left over");
    }
    until("uploads to be finished or aborted", || {
        oss::unfinished_uploads(&server, "data") == 0
    });
    failures
}

#[test]
fn bursts_of_503_are_outlasted() {
    let rule = r#"{"when": {"every": 9}, "burst": 3, "code": "RequestLimitExceeded"}"#;
    assert_eq!(under(rule, "retries=8"), 0);
}

#[test]
fn lost_requests_and_lost_answers_change_nothing() {
    for moment in ["before", "after"] {
        let rule = format!(r#"{{"when": {{"every": 5}}, "reset": "{moment}"}}"#);
        assert_eq!(under(&rule, "retries=8"), 0, "{moment}");
    }
}

#[test]
fn a_wrong_sum_is_an_error_at_the_latest() {
    let rule = r#"{"operation": ["PutObject", "UploadPart", "CompleteMultipartUpload", "CopyObject", "UploadPartCopy"], "when": {"every": 4}, "wrong_crc": true}"#;
    under(rule, "retries=3");
}

#[test]
fn stalled_and_cut_answers_are_asked_for_again() {
    let rules = r#"{"operation": "GetObject", "when": {"every": 3}, "truncate_at": 1000},
        {"operation": "GetObject", "when": {"every": 4}, "stall_at": 500},
        {"operation": ["PutObject", "ListObjectsV2"], "when": {"every": 7}, "stall_at": 0}"#;
    assert_eq!(under(rules, "retries=8"), 0);
}

#[test]
fn stalled_answers_of_what_makes_objects_are_asked_for_again() {
    let rule = r#"{"operation": ["UploadPart", "UploadPartCopy", "InitiateMultipartUpload", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "DeleteMultipleObjects"], "when": {"every": 60}, "stall_at": 0}"#;
    assert_eq!(under(rule, "retries=8"), 0);
}

#[test]
fn what_fails_for_good_fails_cleanly() {
    for code in ["AccessDenied", "InternalError"] {
        let rule = format!(
            r#"{{"operation": ["PutObject", "UploadPart*", "Complete*", "Initiate*", "CopyObject"], "when": {{"every": 3}}, "burst": 2, "code": "{code}"}}"#
        );
        assert!(under(&rule, "retries=1") > 0, "{code}");
    }
}
