//! A read-write mount while the service misbehaves: every call gives right bytes or an error, nothing is there by halves, and
//! no upload stays.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss, until};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
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

/// Writes, appends, changes, renames, deletes and reads, and gives what must be there afterwards, and how many calls failed.
fn work(mount: &Mounted) -> (Model, usize) {
    let mut model = Model::default();
    let mut failures = 0;
    let mut note = |model: &mut Model, name: &str, to, result: io::Result<()>| {
        failures += usize::from(result.is_err());
        model.ended(name, to, &result);
    };
    for round in 0..6_u64 {
        for (name, size) in [("small", 3_000), ("part", 1_100_000), ("large", 3_500_000)] {
            let name = format!("{name}{}", round % 2);
            let path = mount.path(&name);
            let body = pattern(size, round);
            note(&mut model, &name, Some(body.clone()), replace(&path, &body));
            if let Some(mut body) = model.known(&name) {
                body.extend_from_slice(b"tail");
                note(&mut model, &name, Some(body), append(&path, b"tail"));
            }
            if let Some(mut body) = model.known(&name) {
                let at = body.len() / 2;
                body[at..at + 7].copy_from_slice(b"CHANGED");
                note(
                    &mut model,
                    &name,
                    Some(body),
                    change(&path, at as u64, b"CHANGED"),
                );
            }
            if let Some(body) = model.known(&name)
                && let Ok(there) = read(&path)
            {
                assert!(there == body, "{name} read wrong bytes");
            }
            if let Some(body) = model.known(&name) {
                let new = format!("{name}-renamed");
                let renamed = fs::rename(&path, mount.path(&new));
                let copy = renamed.as_ref().copied().map_err(|e| e.kind().into());
                note(&mut model, &new, Some(body), copy);
                note(&mut model, &name, None, renamed);
            }
        }
        if round % 2 == 1 {
            let gone = fs::remove_file(mount.path("small1-renamed"));
            note(&mut model, "small1-renamed", None, gone);
        }
    }
    (model, failures)
}

/// Works while the rules hold, and checks the bucket when they hold no longer. Gives how many calls failed.
fn under(rules: &str, options: &str) -> usize {
    let server = Server::start();
    let options = format!("multipart_size=1,readwrite_timeout=2,{options}");
    let mount = Mounted::new(&server, "data", &options);
    server.set_faults(&format!(r#"{{"seed": 5, "rules": [{rules}]}}"#));
    let (model, failures) = work(&mount);
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
    let rule = r#"{"operation": ["PutObject", "UploadPart", "CompleteMultipartUpload"], "when": {"every": 4}, "wrong_crc": true}"#;
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
fn what_fails_for_good_fails_cleanly() {
    for code in ["AccessDenied", "InternalError"] {
        let rule = format!(
            r#"{{"operation": ["PutObject", "UploadPart*", "Complete*", "Initiate*", "CopyObject"], "when": {{"every": 3}}, "burst": 2, "code": "{code}"}}"#
        );
        assert!(under(&rule, "retries=1") > 0, "{code}");
    }
}
