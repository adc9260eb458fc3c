//! Saves when all is well, and what they cost.

use super::{PART, Place, files};
use crate::{Error, GcSettings, Item, Staging, State, WhenBusy, WriterSettings, discard};
use std::{collections::BTreeMap, fs, process::Command, time::Duration};

#[test]
fn what_was_saved_comes_back_by_every_way_of_staging() {
    let place = Place::new();
    let ways = [
        Staging::Auto,
        Staging::HardLink,
        Staging::Copy,
        Staging::Memory,
    ];
    for (step, staging) in ways.into_iter().enumerate() {
        let writer = place.writer(WriterSettings {
            staging,
            ..place.settings()
        });
        let saved = files(step as u8);
        let save = place.save(&writer, step as u64, &saved);
        let commit = save.wait().unwrap();
        assert_eq!((save.state(), commit.files.len()), (State::Committed, 4));
        assert_eq!(place.files_of(step as u64), saved, "{staging:?}");
        assert_eq!(place.latest().unwrap(), *commit);
    }
    assert_eq!(place.steps(), [0, 1, 2, 3]);
    assert_eq!(place.staged(), 0);
}

#[test]
fn bytes_in_memory_are_files_too_and_may_change_at_once() {
    let place = Place::new();
    let writer = place.writer(place.settings());
    let mut state = super::bytes(3 * PART as usize, 1);
    let items = [
        Item::bytes("weights", &state),
        Item {
            name: "pieces".into(),
            content: crate::Content::Bytes(vec![b"a", b"", b"bc"]),
        },
    ];
    let metadata = BTreeMap::from([("accuracy".to_owned(), "0.9".to_owned())]);
    let save = writer.save_with(7, &items, metadata.clone());
    let before = state.clone();
    state.fill(0);
    let commit = save.wait().unwrap();
    assert_eq!(commit.metadata, metadata);
    let back = place.files_of(7);
    assert_eq!(back["weights"], before);
    assert_eq!(back["pieces"], b"abc");
    let store = place.store();
    let file = commit
        .files
        .iter()
        .find(|file| file.name == "pieces")
        .unwrap();
    assert_eq!(place.wait(store.read(file, Some(1..3))).unwrap(), "bc");
    assert_eq!(place.wait(store.read(file, None)).unwrap(), "abc");
}

#[test]
fn bytes_are_not_written_to_disk_where_memory_has_room() {
    let slow = r#"{"operation": "PutObject", "delay_ms": 300}"#;
    let place = Place::with_faults(slow);
    // A disk that the bytes would not fit on.
    let disk = SmallDisk::new();
    let writer = place.writer(WriterSettings {
        staging_dir: disk.0.path().join("staging"),
        ..place.settings()
    });
    let state = super::bytes(2 << 20, 1);
    let file = place.write(&files(1)).join("checkpoint");
    let save = writer.save(
        1,
        &[Item::bytes("state", &state), Item::file("checkpoint", file)],
    );
    assert_eq!(save.state(), State::Staged, "{:?}", save.outcome());
    let folder = fs::read_dir(disk.0.path().join("staging")).unwrap().next();
    let staged = fs::read_dir(folder.unwrap().unwrap().path().join("files")).unwrap();
    assert_eq!(staged.count(), 0);
    save.wait().unwrap();
    assert_eq!(place.files_of(1)["state"], state);
}

#[test]
fn a_full_disk_is_said_by_every_way_that_needs_it() {
    let place = Place::new();
    let disk = SmallDisk::new();
    let state = super::bytes(2 << 20, 1);
    for staging in [Staging::HardLink, Staging::Reflink, Staging::Copy] {
        let writer = place.writer(WriterSettings {
            staging,
            staging_dir: disk.0.path().join("staging"),
            ..place.settings()
        });
        let save = writer.save(1, &[Item::bytes("state", &state)]);
        let error = save.wait().unwrap_err();
        let needed = matches!(*error, Error::DiskFull { needed, .. } if needed == 2 << 20);
        assert!(needed, "{staging:?}: {error}");
    }
    let left = fs::read_dir(disk.0.path().join("staging")).unwrap();
    assert_eq!(left.count(), 0);
}

/// A disk of 1 MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]);
        assert!(mount.arg(folder.path()).status().unwrap().success());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn what_did_not_change_is_copied_inside_oss() {
    let place = Place::new();
    let writer = place.writer(place.settings());
    place.save(&writer, 1, &files(1)).wait().unwrap();
    place.counters.reset();
    place.save(&writer, 2, &files(2)).wait().unwrap();
    // One block of six changed; "checkpoint" changed, "empty" and "sub/same" did not.
    assert_eq!(place.requests("UploadPartCopy"), 5);
    assert_eq!(place.requests("UploadPart"), 1);
    assert_eq!(place.requests("CopyObject"), 2);
    // "checkpoint" and the commit.
    assert_eq!(place.requests("PutObject"), 2);
    assert_eq!(place.files_of(2), files(2));
    // A writer of another process looks the checkpoint before up.
    place.counters.reset();
    let writer = place.writer(place.settings());
    place.save(&writer, 3, &files(2)).wait().unwrap();
    assert_eq!(
        (place.requests("UploadPart"), place.requests("CopyObject")),
        (0, 4)
    );
    assert_eq!(place.files_of(3), files(2));
}

#[test]
fn only_older_checkpoints_are_deleted_and_only_by_a_commit() {
    let place = Place::new();
    let settings = || WriterSettings {
        keep: Some(2),
        ..place.settings()
    };
    let writer = place.writer(settings());
    for step in [10, 20, 30] {
        place.save(&writer, step, &files(1)).wait().unwrap();
    }
    assert_eq!(place.steps(), [20, 30]);
    // Training went back: what it writes now stays, and so does what is newer.
    place.save(&writer, 25, &files(3)).wait().unwrap();
    assert_eq!(place.steps(), [25, 30]);
    assert_eq!(place.files_of(25), files(3));
    assert_eq!(place.files_of(30), files(1));
    assert_eq!(place.keys("data/").len(), 8);
    place.wait(place.store().delete(30)).unwrap();
    assert_eq!(place.steps(), [25]);
    assert_eq!(place.keys("").len(), 5);
    let none = place.wait(place.store().delete(30)).unwrap_err();
    assert!(matches!(none, Error::NoStep { step: 30, .. }), "{none}");
}

#[test]
fn a_step_saved_again_is_replaced_whole() {
    let place = Place::new();
    let writer = place.writer(place.settings());
    place.save(&writer, 5, &files(1)).wait().unwrap();
    place.save(&writer, 5, &files(2)).wait().unwrap();
    assert_eq!(place.files_of(5), files(2));
    assert_eq!(place.keys("data/").len(), 4);
}

#[test]
fn a_save_waits_skips_or_queues_while_another_is_under_way() {
    let slow = r#"{"operation": "PutObject", "key": "*commits*", "delay_ms": 300}"#;
    let place = Place::with_faults(slow);
    let saved = files(1);
    let folder = place.write(&saved);
    let items = || Item::folder(&folder).unwrap();
    let writer = |when_busy| {
        place.writer(WriterSettings {
            when_busy,
            ..place.settings()
        })
    };
    let skips = writer(WhenBusy::Skip);
    let first = skips.save(1, &items());
    let second = skips.save(2, &items());
    assert_eq!(
        (first.state().is_final(), second.state()),
        (false, State::Skipped)
    );
    assert!(matches!(*second.wait().unwrap_err(), Error::Skipped(2)));
    first.wait().unwrap();
    skips.save(3, &items()).wait().unwrap();

    let waits = writer(WhenBusy::Wait);
    let first = waits.save(4, &items());
    assert!(!waits.wait_ready(Duration::ZERO));
    let second = waits.save(5, &items());
    assert_eq!(first.state(), State::Committed);
    second.wait().unwrap();

    let queues = writer(WhenBusy::Queue(1));
    let first = queues.save(6, &items());
    let second = queues.save(7, &items());
    assert!(!first.state().is_final());
    let third = queues.save(8, &items());
    assert_eq!(first.state(), State::Committed);
    for save in [second, third] {
        save.wait().unwrap();
    }
    assert_eq!(place.steps(), [1, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn restoring_again_fetches_only_what_is_missing() {
    let place = Place::new();
    let writer = place.writer(place.settings());
    let commit = place.save(&writer, 1, &files(1)).wait().unwrap();
    let to = place.path("restored");
    place
        .wait(place.store().restore(&commit, &to, None))
        .unwrap();
    fs::write(to.join("sub/same"), "other bytes").unwrap();
    place.counters.reset();
    let done = place
        .wait(place.store().restore(&commit, &to, None))
        .unwrap();
    assert_eq!((done.files, done.size), (4, commit.size()));
    assert_eq!(place.requests("GetObject"), 1);
    assert_eq!(fs::read(to.join("sub/same")).unwrap(), files(1)["sub/same"]);
}

#[test]
fn an_object_that_is_gone_or_changed_is_found() {
    let place = Place::new();
    let writer = place.writer(place.settings());
    place.save(&writer, 1, &files(1)).wait().unwrap();
    let commit = place.save(&writer, 2, &files(2)).wait().unwrap();
    let store = place.store();
    let key = |name: &str| {
        let file = commit.files.iter().find(|file| file.name == name);
        store.location().key_of(file.unwrap())
    };
    let mut other = files(2)["sub/same"].clone();
    other[0] ^= 1;
    let put = super::PutObject::new(super::BUCKET, key("sub/same"), other);
    place.wait(store.client().put_object(put)).unwrap();
    for depth in [crate::Depth::Sums, crate::Depth::Bytes] {
        let found = place.wait(store.verify(2, depth)).unwrap();
        let names: Vec<&str> = found.faults.iter().map(|fault| &*fault.name).collect();
        assert_eq!(names, ["sub/same"], "{depth:?}");
    }
    let to = place.path("restored");
    let error = place.wait(store.restore(&commit, &to, None)).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(!to.join("sub/same").exists());
    // One whose object is gone is no longer the latest.
    place
        .wait(store.delete_keys(vec![key("checkpoint")]))
        .unwrap();
    assert_eq!(place.latest().unwrap().step, 1);
}

#[test]
fn gc_removes_what_no_commit_names_once_it_is_old() {
    let place = Place::new();
    let settings = place.on_disk();
    let writer = place.writer(settings.clone());
    place.save(&writer, 1, &files(1)).wait().unwrap();
    place.cut.after(9, true);
    place.save(&writer, 2, &files(9)).wait().unwrap_err();
    place.cut.mend();
    let young = place
        .wait(place.store().gc(&GcSettings::default()))
        .unwrap();
    assert_eq!((young.objects, young.uploads), (0, 0));
    let all = GcSettings {
        older_than: Duration::ZERO,
        dry_run: true,
    };
    let found = place.wait(place.store().gc(&all)).unwrap();
    assert!(
        found.objects + found.uploads > 0 && found.steps.contains(&2),
        "{found:?}"
    );
    let all = GcSettings {
        dry_run: false,
        ..all
    };
    assert_eq!(place.wait(place.store().gc(&all)).unwrap(), found);
    assert_eq!(place.keys("data/").len(), 4);
    assert_eq!(place.files_of(1), files(1));
    // The record is still there: what gc took is sent again.
    let resumed = writer.resume().unwrap();
    assert_eq!(resumed.len(), 1);
    resumed[0].save.wait().unwrap();
    assert_eq!(place.files_of(2), files(9));
}

#[test]
fn an_interrupted_save_can_be_given_up() {
    let place = Place::new();
    let writer = place.writer(place.on_disk());
    place.cut.after(6, false);
    place.save(&writer, 2, &files(9)).wait().unwrap_err();
    place.cut.mend();
    assert_eq!(place.staged(), 1);
    let steps = place
        .wait(discard(&place.store(), &place.path("staging")))
        .unwrap();
    assert_eq!((steps, place.staged()), (vec![2], 0));
    assert_eq!(place.keys(""), Vec::<String>::new());
    assert!(place.wait(place.store().uploads("")).unwrap().is_empty());
}

#[test]
fn settings_and_names_that_can_not_be_are_refused() {
    let place = Place::new();
    let _entered = place.runtime.enter();
    let bad: [fn(&mut WriterSettings); 4] = [
        |s| s.keep = Some(0),
        |s| s.part_size = 1,
        |s| s.parallel = 0,
        |s| s.rank = 1,
    ];
    for change in bad {
        let mut settings = place.settings();
        change(&mut settings);
        let error = crate::Writer::new(place.store(), settings).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
    let writer = place.writer(place.settings());
    let twice = vec![Item::bytes("a", b"1"), Item::bytes("a", b"2")];
    for items in [vec![Item::bytes("../a", b"")], twice, Vec::new()] {
        let save = writer.save(1, &items);
        assert_eq!(save.state(), State::Failed);
    }
    assert!(Item::folder(&place.path("nothing")).is_err());
    assert_eq!((place.staged(), place.keys("").len()), (0, 0));
}
