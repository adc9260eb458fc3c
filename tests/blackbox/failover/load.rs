//! Programs that use a mount while its serving process is killed: readers that compare every byte, and
//! writers that note what was acknowledged.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const READERS: u64 = 8;
const WRITERS: u64 = 4;

/// Sizes of the files that are read.
const SIZES: [usize; 8] = [
    0, 1, 4_096, 70_000, 900_000, 1_048_577, 3_000_000, 6_000_000,
];

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Everything that went wrong, a sentence each.
    pub(crate) errors: Mutex<Vec<String>>,
    /// The longest call of a reader, in microseconds.
    longest: AtomicU64,
    /// Calls of readers.
    pub(crate) reads: AtomicU64,
    /// Bytes that readers compared.
    pub(crate) compared: AtomicU64,
    /// Files that were closed, with their content's seed and size.
    closed: Mutex<BTreeMap<String, usize>>,
}

impl Outcome {
    fn error(&self, text: String) {
        self.errors.lock().unwrap().push(text);
    }

    /// Times a reader's call.
    fn timed<T>(&self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap();
        self.longest.fetch_max(micros, Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
        result
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    pub(crate) fn files(&self) -> usize {
        self.closed.lock().unwrap().len()
    }

    /// No error, and every closed file is in OSS as it was written.
    pub(crate) fn check(&self, server: &Server) {
        let errors = self.errors.lock().unwrap();
        assert!(
            errors.is_empty(),
            "{} errors: {:#?}",
            errors.len(),
            &errors[..errors.len().min(10)]
        );
        for (name, size) in &*self.closed.lock().unwrap() {
            let there = oss::get(server, "data", name).unwrap_or_else(|| panic!("{name} is lost"));
            assert!(
                there == body(name, *size),
                "{name} has wrong bytes: {} of {size}",
                there.len()
            );
        }
        assert!(
            self.reads.load(Ordering::Relaxed) > 0 && self.files() > 0,
            "nothing was done"
        );
    }
}

fn body(name: &str, size: usize) -> Vec<u8> {
    pattern(size, name.bytes().map(u64::from).sum())
}

/// Numbers that look random, the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

/// Puts what readers read.
pub(crate) fn fill(server: &Server) {
    for (number, size) in SIZES.into_iter().enumerate() {
        let content = pattern(size, number as u64);
        oss::put(server, "data", &format!("read/{number}"), &content);
    }
}

/// Runs readers and writers (none on a read-only mount) while `trouble` does its worst.
pub(crate) fn under_load(mount: &Mounted, write: bool, trouble: impl FnOnce()) -> Outcome {
    let outcome = Outcome::default();
    let done = AtomicBool::new(false);
    let contents: Vec<_> = (0..)
        .zip(SIZES)
        .map(|(number, size)| pattern(size, number))
        .collect();
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (outcome, done, contents) = (&outcome, &done, &contents);
            let root = mount.path("read");
            scope.spawn(move || read(&root, reader, contents, outcome, done));
        }
        for writer in 0..if write { WRITERS } else { 0 } {
            let (outcome, done) = (&outcome, &done);
            let root = mount.path("");
            scope.spawn(move || write_files(&root, writer, outcome, done));
        }
        // Whatever becomes of it, the others must end.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(trouble));
        done.store(true, Ordering::Release);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
    outcome
}

fn read(root: &Path, reader: u64, contents: &[Vec<u8>], outcome: &Outcome, done: &AtomicBool) {
    let mut numbers = Numbers::new(reader + 1);
    // Open from beginning to end, over every change of process.
    let kept = contents.len() - 1 - (reader % 3) as usize;
    let open = outcome.timed(|| File::open(root.join(kept.to_string())));
    let open = match open {
        Ok(open) => open,
        Err(error) => return outcome.error(format!("open at the start: {error}")),
    };
    while !done.load(Ordering::Acquire) {
        let number = numbers.below(contents.len() as u64) as usize;
        let wanted = &contents[number];
        let whole = outcome.timed(|| -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(root.join(number.to_string()))?.read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        match whole {
            Ok(bytes) if bytes == *wanted => {
                outcome
                    .compared
                    .fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Ok(bytes) => outcome.error(format!("read/{number}: wrong bytes, {}", bytes.len())),
            Err(error) => outcome.error(format!("read/{number}: {error}")),
        }
        let wanted = &contents[kept];
        let at = numbers.below(wanted.len() as u64) as usize;
        let mut piece = vec![0; (wanted.len() - at).min(1 + numbers.below(200_000) as usize)];
        match outcome.timed(|| open.read_exact_at(&mut piece, at as u64)) {
            Ok(()) if piece == wanted[at..at + piece.len()] => {
                outcome
                    .compared
                    .fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
            Ok(()) => outcome.error(format!("read/{kept} at {at}: wrong bytes")),
            Err(error) => outcome.error(format!("read/{kept} at {at}: {error}")),
        }
        match outcome.timed(|| fs::read_dir(root).map(Iterator::count)) {
            Ok(count) if count == contents.len() => {}
            Ok(count) => outcome.error(format!("read/ lists {count} names")),
            Err(error) => outcome.error(format!("read/: {error}")),
        }
    }
}

/// Makes, writes, renames and removes: each of them must work the first time.
fn write_files(root: &Path, writer: u64, outcome: &Outcome, done: &AtomicBool) {
    let mut numbers = Numbers::new(100 + writer);
    for number in 0_u64.. {
        if done.load(Ordering::Acquire) {
            return;
        }
        let name = format!("write/{writer}/{number}");
        let size = [0, 300, 40_000, 1_500_000, 2_600_000][numbers.below(5) as usize];
        if let Err(error) = write_one(root, &name, size, &mut numbers, outcome) {
            outcome.error(format!("{name} ({size} bytes): {error}"));
        }
    }
}

fn write_one(
    root: &Path,
    name: &str,
    size: usize,
    numbers: &mut Numbers,
    outcome: &Outcome,
) -> Result<(), String> {
    let say = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| format!("{what}: {error}")
    };
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).map_err(say("mkdir -p"))?;
    let body = body(name, size);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(say("create_new"))?;
    let mut rest = &body[..];
    while !rest.is_empty() {
        let len = rest.len().min(1 + numbers.below(150_000) as usize);
        file.write_all(&rest[..len]).map_err(say("write"))?;
        rest = &rest[len..];
        if numbers.below(20) == 0 {
            file.sync_all().map_err(say("fsync in the middle"))?;
        }
    }
    // What close(2) says, which dropping a file does not tell.
    rustix::fs::fsync(&file).map_err(|error| say("fsync")(error.into()))?;
    drop(file);
    match numbers.below(4) {
        0 => {
            let other = format!("{name}-renamed");
            fs::rename(&path, root.join(&other)).map_err(say("rename"))?;
            // Its content is still that of the first name.
            let there = fs::read(root.join(&other)).map_err(say("read after rename"))?;
            if there != body {
                return Err(format!("after the rename {} bytes differ", there.len()));
            }
            fs::remove_file(root.join(&other)).map_err(say("unlink"))?;
        }
        1 => {
            let folder = root.join(format!("{name}-folder"));
            fs::create_dir(&folder).map_err(say("mkdir"))?;
            fs::remove_dir(&folder).map_err(say("rmdir"))?;
            outcome.closed.lock().unwrap().insert(name.to_owned(), size);
        }
        _ => {
            outcome.closed.lock().unwrap().insert(name.to_owned(), size);
        }
    }
    Ok(())
}
