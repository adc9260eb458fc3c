//! `kill -9` of a read-write mount in the middle of everything that changes files: each change that returned is in OSS, the
//! one that was under way is there as a whole or not at all, and the next mount clears up after the dead one.

use crate::{kills::kill_all, read_only::pattern};
use ossplit_testkit::{Mounted, Server, oss, until};
use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Result,
};
use std::{
    collections::BTreeMap,
    fs::File,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Rounds; `make test-kills` does more.
const ROUNDS: u64 = 8;
/// Programs at once, each in a folder of its own.
const WRITERS: u64 = 3;
const MODE: Mode = Mode::from_raw_mode(0o600);

/// One entry: a directory, or a file with its mode.
#[derive(Clone, PartialEq, Eq)]
enum Is {
    Dir,
    File(Arc<Vec<u8>>, u32),
}

impl std::fmt::Debug for Is {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir => f.write_str("a directory"),
            Self::File(body, mode) => {
                let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
                write!(f, "{} bytes (sum {sum}) {mode:o}", body.len())
            }
        }
    }
}

/// What is below a folder, by path; of a directory with a `/` at its end, as its key.
type Tree = BTreeMap<String, Is>;

/// A program that changes what is in its folder, one call after the other.
struct Program {
    folder: OwnedFd,
    /// After all calls that returned.
    now: Tree,
    /// After the call that did not.
    next: Option<Tree>,
    /// What that is.
    doing: &'static str,
    done: usize,
    random: u64,
    names: u64,
}

impl Program {
    fn new(folder: OwnedFd, seed: u64) -> Self {
        Self {
            folder,
            now: Tree::new(),
            next: None,
            doing: "nothing",
            done: 0,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            names: 0,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) as usize % limit
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let seed = self.random;
        self.below(2);
        pattern(length, seed)
    }

    /// A name that was never there, in one of the directories.
    fn new_name(&mut self) -> String {
        self.names += 1;
        let dirs: Vec<String> = self.of(|is| *is == Is::Dir);
        match self.below(dirs.len() + 1) {
            0 => format!("f{}", self.names),
            n => format!("{}f{}", dirs[n - 1], self.names),
        }
    }

    fn of(&self, wanted: impl Fn(&Is) -> bool) -> Vec<String> {
        let found = self.now.iter().filter(|(_, is)| wanted(is));
        found.map(|(path, _)| path.clone()).collect()
    }

    /// One of the files, with its bytes and mode.
    fn file(&mut self) -> Option<(String, Vec<u8>, u32)> {
        let files = self.of(|is| *is != Is::Dir);
        let path = files.get(self.below(files.len().max(1)))?.clone();
        match &self.now[&path] {
            Is::File(body, mode) => Some((path.clone(), body.to_vec(), *mode)),
            Is::Dir => None,
        }
    }

    /// Does one thing, after which the folder is `next`.
    fn step<T>(
        &mut self,
        doing: &'static str,
        next: Tree,
        call: impl FnOnce(&OwnedFd) -> Result<T>,
    ) -> Result<T> {
        (self.doing, self.next) = (doing, Some(next));
        let answer = call(&self.folder)?;
        self.now = self.next.take().unwrap();
        self.done += 1;
        Ok(answer)
    }

    fn with(&self, path: &str, body: Vec<u8>, mode: u32) -> Tree {
        let mut tree = self.now.clone();
        tree.insert(path.to_owned(), Is::File(Arc::new(body), mode));
        tree
    }

    fn without(&self, path: &str) -> Tree {
        let mut tree = self.now.clone();
        tree.remove(path);
        tree
    }

    /// Writes a new file, and now and then has half of it stored first.
    fn create(&mut self, doing: &'static str, size: usize) -> Result<()> {
        let (path, body) = (self.new_name(), self.bytes(size));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        if self.below(3) > 0 {
            let tree = self.with(&path, body.clone(), 0o600);
            return self.step(doing, tree, |folder| {
                let file = rustix::fs::openat(folder, &*path, flags, MODE)?;
                write(&file, &body)?;
                close(folder, file)
            });
        }
        let half = self.with(&path, body[..size / 2].to_vec(), 0o600);
        let file = self.step("half of a file", half, |folder| {
            let file = rustix::fs::openat(folder, &*path, flags, MODE)?;
            write(&file, &body[..size / 2])?;
            rustix::fs::fsync(&file)?;
            Ok(file)
        })?;
        let tree = self.with(&path, body.clone(), 0o600);
        self.step(doing, tree, |folder| {
            write(&file, &body[size / 2..])?;
            close(folder, file)
        })
    }

    fn append(&mut self, doing: &'static str, size: usize) -> Result<()> {
        let Some((path, mut body, mode)) = self.file() else {
            return Ok(());
        };
        let tail = self.bytes(size);
        body.extend_from_slice(&tail);
        let tree = self.with(&path, body, mode);
        self.step(doing, tree, |folder| {
            let flags = OFlags::WRONLY | OFlags::APPEND;
            let file = rustix::fs::openat(folder, &*path, flags, MODE)?;
            write(&file, &tail)?;
            close(folder, file)
        })
    }

    fn overwrite(&mut self) -> Result<()> {
        let Some((path, mut body, mode)) = self.file() else {
            return Ok(());
        };
        let size = [7, 150_000][self.below(2)].min(body.len());
        let at = self.below(body.len() - size + 1);
        let piece = self.bytes(size);
        body[at..at + size].copy_from_slice(&piece);
        let tree = self.with(&path, body, mode);
        self.step("overwriting in the middle", tree, |folder| {
            let file = rustix::fs::openat(folder, &*path, OFlags::WRONLY, MODE)?;
            let file = File::from(file);
            write_at(&file, &piece, at as u64)?;
            rustix::fs::fsync(&file)
        })
    }

    fn truncate(&mut self) -> Result<()> {
        let Some((path, mut body, mode)) = self.file() else {
            return Ok(());
        };
        let size = self.below(body.len() + 300_000);
        body.resize(size, 0);
        let tree = self.with(&path, body, mode);
        self.step("truncating", tree, |folder| {
            let file = rustix::fs::openat(folder, &*path, OFlags::WRONLY, MODE)?;
            rustix::fs::ftruncate(&file, size as u64)?;
            close(folder, file)
        })
    }

    fn rename_file(&mut self) -> Result<()> {
        let Some((from, body, mode)) = self.file() else {
            return Ok(());
        };
        // Also onto another file.
        let to = match self.file() {
            Some((to, ..)) if to != from && self.below(2) == 0 => to,
            _ => self.new_name(),
        };
        let mut tree = self.with(&to, body, mode);
        tree.remove(&from);
        self.step("renaming a file", tree, |folder| {
            rustix::fs::renameat(folder, &*from, folder, &*to)
        })
    }

    fn rename_dir(&mut self) -> Result<()> {
        let dirs = self.of(|is| *is == Is::Dir);
        let Some(from) = dirs.get(self.below(dirs.len().max(1))) else {
            return Ok(());
        };
        self.names += 1;
        let to = format!("d{}/", self.names);
        let moved = self.now.iter().map(|(path, is)| {
            let path = match path.strip_prefix(&**from) {
                Some(rest) => format!("{to}{rest}"),
                None => path.clone(),
            };
            (path, is.clone())
        });
        let tree = moved.collect();
        self.step("renaming a directory", tree, |folder| {
            rustix::fs::renameat(folder, from, folder, &*to)
        })
    }

    fn chmod(&mut self) -> Result<()> {
        let Some((path, body, _)) = self.file() else {
            return Ok(());
        };
        let mode = [0o640, 0o604, 0o700][self.below(3)];
        let tree = self.with(&path, body, mode);
        self.step("chmod", tree, |folder| {
            let file = rustix::fs::openat(folder, &*path, OFlags::RDONLY, MODE)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            rustix::fs::fsync(&file)
        })
    }

    fn unlink(&mut self) -> Result<()> {
        let Some((path, ..)) = self.file() else {
            return Ok(());
        };
        let tree = self.without(&path);
        self.step("unlinking", tree, |folder| {
            rustix::fs::unlinkat(folder, &*path, AtFlags::empty())
        })
    }

    fn mkdir(&mut self) -> Result<()> {
        self.names += 1;
        let path = format!("d{}/", self.names);
        let mut tree = self.now.clone();
        tree.insert(path.clone(), Is::Dir);
        self.step("mkdir", tree, |folder| {
            rustix::fs::mkdirat(folder, &*path, Mode::from_raw_mode(0o700))
        })
    }

    fn rmdir(&mut self) -> Result<()> {
        let empty = |dir: &String| self.now.keys().filter(|key| key.starts_with(dir)).count() == 1;
        let dirs = self.of(|is| *is == Is::Dir);
        let Some(path) = dirs.into_iter().find(empty) else {
            return Ok(());
        };
        let tree = self.without(&path);
        self.step("rmdir", tree, |folder| {
            rustix::fs::unlinkat(folder, &*path, AtFlags::REMOVEDIR)
        })
    }

    fn run(&mut self, started: &AtomicUsize) {
        if self.mkdir().is_err() {
            return;
        }
        started.fetch_add(1, Ordering::Release);
        loop {
            let small = self.below(6_000);
            let large = 1_100_000 + self.below(2_500_000);
            let done = match self.below(16) {
                0..=2 => self.create("a small file", small),
                3 | 4 => self.create("a large file", large),
                5 => self.append("a small append", small % 100 + 1),
                6 => self.append("a large append", large / 2),
                7 | 8 => self.overwrite(),
                9 => self.truncate(),
                10 => self.rename_file(),
                11 => self.rename_dir(),
                12 => self.chmod(),
                13 => self.unlink(),
                14 => self.mkdir(),
                _ => self.rmdir(),
            };
            if done.is_err() {
                return;
            }
        }
    }
}

fn write(file: &OwnedFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let piece = &bytes[..bytes.len().min(200_000)];
        bytes = &bytes[rustix::io::write(file, piece)?..];
    }
    Ok(())
}

fn write_at(file: &File, bytes: &[u8], at: u64) -> Result<()> {
    let failed = |error: std::io::Error| rustix::io::Errno::from_io_error(&error).unwrap();
    file.write_all_at(bytes, at).map_err(failed)
}

/// Closes a file. Its error is lost, but who serves after that has served it too.
fn close(folder: &OwnedFd, file: OwnedFd) -> Result<()> {
    drop(file);
    rustix::fs::fsync(folder)
}

/// What is in the bucket below a folder.
fn stored(server: &Server, folder: &str) -> Tree {
    let prefix = format!("{folder}/");
    let keys = oss::keys(server, "data", &prefix);
    let entries = keys.iter().filter(|key| **key != prefix).map(|key| {
        let path = key[prefix.len()..].to_owned();
        if path.ends_with('/') {
            return (path, Is::Dir);
        }
        let head = oss::head(server, "data", key).unwrap();
        let mode: u32 = head["x-oss-meta-mode"].parse().unwrap();
        let body = oss::get(server, "data", key).unwrap();
        (path, Is::File(Arc::new(body), mode & 0o7777))
    });
    entries.collect()
}

/// The entries that differ.
fn differences<'a>(
    wanted: &'a Tree,
    there: &'a Tree,
) -> Vec<(&'a String, Option<&'a Is>, Option<&'a Is>)> {
    let paths: std::collections::BTreeSet<_> = wanted.keys().chain(there.keys()).collect();
    let pairs = paths
        .into_iter()
        .map(|path| (path, wanted.get(path), there.get(path)));
    pairs.filter(|(_, one, other)| one != other).collect()
}

/// Programs work in folders of their own until the mount is killed. What each knows, by folder.
fn work_until_killed(mount: &Mounted, round: u64) -> Vec<(String, Program)> {
    let root = OwnedFd::from(File::open(mount.path("")).unwrap());
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut programs = Vec::new();
    for writer in 0..WRITERS {
        let name = format!("r{round}-w{writer}");
        rustix::fs::mkdirat(&root, &*name, Mode::from_raw_mode(0o700)).unwrap();
        let folder = rustix::fs::openat(&root, &*name, flags, Mode::empty()).unwrap();
        programs.push((name, Program::new(folder, round * WRITERS + writer + 1)));
    }
    let started = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (_, program) in &mut programs {
            let started = &started;
            scope.spawn(move || program.run(started));
        }
        until("the programs to begin", || {
            started.load(Ordering::Acquire) as u64 == WRITERS
        });
        let start = Instant::now();
        let moment = Duration::from_millis(round * 173 % 997);
        until("the moment", || start.elapsed() >= moment);
        kill_all(mount);
    });
    programs
}

#[test]
fn whatever_was_under_way_is_whole_or_not_there() {
    let rounds = option_env!("OSSPLIT_KILLS").map_or(ROUNDS, |text| text.parse().unwrap());
    let server = Server::start();
    let tmpdir = tempfile::tempdir().unwrap();
    let options = format!("multipart_size=1,tmpdir={}", tmpdir.path().display());
    let (mut done, mut cut) = (0, BTreeMap::new());
    let mut programs: Vec<(String, Program)> = Vec::new();
    for round in 0..=rounds {
        let mount = Mounted::new(&server, "data", &options);
        until("uploads of the dead one to be aborted", || {
            oss::unfinished_uploads(&server, "data") == 0
        });
        for (folder, program) in std::mem::take(&mut programs) {
            let there = stored(&server, &folder);
            let next = program.next.as_ref();
            assert!(
                there == program.now || next == Some(&there),
                "{folder}, killed while {}: after {} steps {:#?}\nor {:#?}",
                program.doing,
                program.done,
                differences(&program.now, &there),
                next.map(|next| differences(next, &there)),
            );
            done += program.done;
            *cut.entry(program.doing).or_insert(0) += 1;
            for key in oss::keys(&server, "data", &format!("{folder}/")) {
                oss::delete(&server, "data", &key);
            }
        }
        if round == rounds {
            mount.unmount();
            break;
        }
        programs = work_until_killed(&mount, round);
        until("the dead processes to be gone", || {
            mount.processes().is_empty()
        });
    }
    assert!(done > rounds as usize * 5, "{done} steps, cut: {cut:?}");
    let left: Vec<_> = tmpdir.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    eprintln!("{done} steps that returned; killed in the middle of {cut:?}");
}
