//! A vault as tests have it, and the ledger as a whole.

use std::io::{Read, Write};

use super::*;

/// Holds files as the keeper does.
#[derive(Default)]
pub(crate) struct TestVault(Mutex<HashMap<String, OwnedFd>>);

impl Vault for TestVault {
    fn hold(&self, name: &str, file: &OwnedFd) -> std::io::Result<()> {
        let old = self.0.lock().insert(name.to_owned(), file.try_clone()?);
        assert!(old.is_none(), "{name} is held twice");
        Ok(())
    }

    fn let_go(&self, name: &str) {
        self.0.lock().remove(name);
    }
}

impl TestVault {
    /// What a successor gets if the process is killed this very moment. Nothing that the old one does later reaches it:
    /// the files are copies, in a vault of their own.
    pub(crate) fn killed(&self) -> (Arc<Self>, HashMap<String, OwnedFd>) {
        let next = Arc::new(Self::default());
        for (name, file) in &*self.0.lock() {
            next.0.lock().insert(name.clone(), copied(file));
        }
        let files = next.0.lock();
        let given = files
            .iter()
            .map(|(name, file)| (name.clone(), file.try_clone().unwrap()));
        let given = given.collect();
        drop(files);
        (next, given)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

/// A copy of a sparse file.
fn copied(file: &OwnedFd) -> OwnedFd {
    use rustix::fs::{SeekFrom, fstat, ftruncate, seek};
    let size = fstat(file).unwrap().st_size as u64;
    let copy = rustix::fs::memfd_create("copy", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&copy, size).unwrap();
    // The copy shares no offset with anybody; the file's own is used by nobody.
    let mut from = std::fs::File::from(file.try_clone().unwrap());
    let mut to = std::fs::File::from(copy.try_clone().unwrap());
    let mut at = 0;
    while let Ok(start) = seek(&from, SeekFrom::Data(at)) {
        let Ok(end) = seek(&from, SeekFrom::Hole(start)) else {
            break;
        };
        seek(&from, SeekFrom::Start(start)).unwrap();
        seek(&to, SeekFrom::Start(start)).unwrap();
        // A thread of the old process may be cutting the file just now, as when it is killed.
        let mut bytes = Vec::new();
        let mut piece = (&mut from).take(end - start);
        piece.read_to_end(&mut bytes).unwrap();
        to.write_all(&bytes).unwrap();
        at = end;
    }
    copy
}

fn ledger(vault: &Arc<TestVault>) -> Ledger {
    let vault: Arc<dyn Vault> = vault.clone();
    Ledger::create(vault, Budget::new(64 << 20)).unwrap()
}

fn reopened(vault: &TestVault) -> Result<(Ledger, Left), ResumeError> {
    let (next, files) = vault.killed();
    Ledger::open(next, Budget::new(64 << 20), files)
}

#[test]
fn a_successor_finds_words_and_values() {
    let vault = Arc::new(TestVault::default());
    let first = ledger(&vault);
    first.set_slot(7, 3, 9);
    first.set_slots(8);
    assert_eq!(first.next_number(), Some(1));
    first.put(Key::File(4), &"four");
    first.put(Key::Writer(4), &1_u32);
    let mut batch = first.batch();
    batch.add(Key::Writer(4), &"more");
    batch.remove(Key::File(4));
    batch.put(Key::Node(7), &7_u8);
    first.commit(&mut batch);
    batch.put(Key::Node(8), &8_u8);

    let (next, mut left) = reopened(&vault).unwrap();
    assert_eq!((next.slot(7), next.slots()), ((3, 9), 8));
    assert_eq!(next.next_number(), Some(2));
    assert_eq!(left.take::<u8>(Key::Node(7)).unwrap(), Some(7));
    assert_eq!(
        left.take::<u8>(Key::Node(8)).unwrap(),
        None,
        "not committed"
    );
    let list = left.take_list::<u32, String>(Key::Writer(4)).unwrap();
    assert_eq!(list, Some((1, vec!["more".to_owned()])));
    assert!(left.values.is_empty());
}

#[test]
fn a_long_life_takes_little_memory_and_little_of_the_budget() {
    let vault = Arc::new(TestVault::default());
    let ledger = ledger(&vault);
    for round in 0..100_000_u64 {
        ledger.put(Key::File(round % 100), &[round; 8]);
    }
    let names = vault.names();
    assert_eq!(names.len(), 2, "{names:?}");
    let inner = ledger.0.as_ref().unwrap();
    assert!(inner.budget.used() <= 6 << 20, "{:?}", inner.budget);
    let (_, left) = reopened(&vault).unwrap();
    assert_eq!(left.values.len(), 100);
}

#[test]
fn a_process_that_dies_while_it_shortens_loses_nothing() {
    let vault = Arc::new(TestVault::default());
    let ledger = ledger(&vault);
    ledger.put(Key::File(1), &1_u8);
    // The new journal is held, and does not count yet.
    let half = Journal::create("half").unwrap();
    vault.hold(&journal_name(1), half.file()).unwrap();
    let (next, files) = vault.killed();
    let (_, left) = Ledger::open(next.clone(), Budget::new(1 << 20), files).unwrap();
    assert_eq!(left.values.len(), 1);
    assert_eq!(next.names(), [journal_name(0), TABLE.to_owned()]);
}

#[test]
fn another_version_and_missing_files_are_refused() {
    let vault = Arc::new(TestVault::default());
    let ledger = ledger(&vault);
    ledger.word(AT_VERSION).unwrap().store(7, Ordering::Release);
    let refused = reopened(&vault).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "the state has format version 7, this program reads version 4"
    );
    vault.let_go(TABLE);
    assert!(matches!(reopened(&vault), Err(ResumeError::Damaged(_))));
}

#[test]
fn keys_survive_being_packed() {
    for key in [
        Key::Node(u32::MAX),
        Key::File(1),
        Key::Dir(2),
        Key::Writer(3),
        Key::Upload(4),
        Key::Extents(5),
        Key::Begun(6),
    ] {
        assert_eq!(Key::unpack(key.pack()), Some(key));
    }
}
