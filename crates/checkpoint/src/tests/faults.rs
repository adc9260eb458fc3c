//! Saves that go wrong: what is committed is whole, and training hears what happened.

use super::{Place, files};
use crate::{Error, Item, Staging, State, WriterSettings};
use std::{fs, io::Write as _};

#[test]
fn a_wrong_crc_is_tried_again_then_refused_and_never_committed() {
    let wrong = |when: &str| {
        format!(
            r#"{{"operation": ["PutObject", "UploadPart"], "key": "*/data/*", {when} "wrong_crc": true}}"#
        )
    };
    let place = Place::with_faults(&wrong(r#""when": {"first": 3},"#));
    let writer = place.writer(place.settings());
    place.save(&writer, 1, &files(1)).wait().unwrap();
    assert_eq!(place.files_of(1), files(1));

    let place = Place::with_faults(&wrong(""));
    let writer = place.writer(place.settings());
    let save = place.save(&writer, 1, &files(1));
    let error = save.wait().unwrap_err();
    assert!(matches!(*error, Error::Corrupt { tries: 3, .. }), "{error}");
    assert_eq!((save.state(), place.latest()), (State::Failed, None));
}

#[test]
fn a_completed_upload_with_a_wrong_crc_is_not_committed() {
    let wrong = r#"{"operation": "CompleteMultipartUpload", "wrong_crc": true}"#;
    let place = Place::with_faults(wrong);
    let writer = place.writer(place.settings());
    let error = place.save(&writer, 1, &files(1)).wait().unwrap_err();
    assert!(matches!(*error, Error::Corrupt { .. }), "{error}");
    assert_eq!(place.latest(), None);
}

#[test]
fn the_servers_faults_are_got_over() {
    let menu = [
        r#"{"when": {"probability": 0.1}, "burst": 2, "status": 503}"#,
        r#"{"when": {"probability": 0.1}, "reset": "before"}"#,
        r#"{"when": {"probability": 0.1}, "reset": "after"}"#,
        r#"{"operation": "GetObject", "when": {"probability": 0.2}, "reset": "body"}"#,
        r#"{"operation": "GetObject", "when": {"probability": 0.2}, "truncate_at": 100}"#,
        r#"{"operation": "GetObject", "when": {"probability": 0.2}, "corrupt_at": 10}"#,
        r#"{"operation": ["PutObject", "UploadPart"], "when": {"probability": 0.1}, "wrong_crc": true}"#,
        r#"{"operation": "GetObject", "when": {"probability": 0.1}, "stall_at": 100, "stall_ms": 200}"#,
        r#"{"operation": "List*", "when": {"probability": 0.3}, "stale": "previous call"}"#,
        r#"{"qps": 50}"#,
    ];
    for fault in menu {
        let place = Place::with_faults(fault);
        let writer = place.writer(WriterSettings {
            keep: Some(2),
            ..place.on_disk()
        });
        let mut committed = 0;
        for step in 1..=6 {
            // A save may fail where a fault comes too often: what matters is what is there.
            if place.save(&writer, step, &files(step as u8)).wait().is_ok() {
                committed = step;
            }
            let found = retried(|| place.wait(place.store().latest()));
            let step = found.map_or(0, |commit| commit.step);
            // A stale listing hides what is new.
            assert!(
                step >= committed || fault.contains("stale"),
                "{fault}: latest is {step}, {committed} was committed"
            );
            if step > 0 {
                let found = retried(|| place.restored(step));
                assert_eq!(found, files(step as u8), "{fault}: step {step}");
            }
        }
        assert!(committed > 0, "{fault}: nothing was ever committed");
    }
}

/// A look-up through the same faults.
fn retried<T>(mut look: impl FnMut() -> crate::Result<T>) -> T {
    let mut tries = 0;
    loop {
        match look() {
            Ok(found) => return found,
            Err(error) => {
                tries += 1;
                assert!(tries < 20, "{error}");
            }
        }
    }
}

#[test]
fn a_hard_link_to_a_file_that_is_rewritten_is_found_out() {
    let slow = r#"{"operation": "UploadPart", "delay_ms": 200}"#;
    let place = Place::with_faults(slow);
    let writer = place.writer(WriterSettings {
        staging: Staging::HardLink,
        ..place.settings()
    });
    let folder = place.write(&files(1));
    let save = writer.save(1, &Item::folder(&folder).unwrap());
    let mut file = fs::File::options()
        .write(true)
        .open(folder.join("sub/model.data"))
        .unwrap();
    file.write_all(b"in place").unwrap();
    let error = save.wait().unwrap_err();
    assert!(matches!(*error, Error::FileChanged(_)), "{error}");
    assert_eq!((place.latest(), place.keys("data/").len()), (None, 0));
    // A copy does not mind.
    let writer = place.writer(place.settings());
    let saved = files(2);
    let save = place.save(&writer, 2, &saved);
    let mut file = fs::File::options()
        .write(true)
        .open(folder.join("sub/model.data"))
        .unwrap();
    file.write_all(b"in place").unwrap();
    save.wait().unwrap();
    assert_eq!(place.files_of(2), saved);
}

#[test]
fn a_save_larger_than_the_memory_for_it_goes_to_disk_or_says_so() {
    let place = Place::new();
    let small = |staging| WriterSettings {
        staging,
        memory: 1000,
        ..place.settings()
    };
    let memory = place.writer(small(Staging::Memory));
    let error = place.save(&memory, 1, &files(1)).wait().unwrap_err();
    assert!(
        error.to_string().contains("Raise the limit (memory)"),
        "{error}"
    );
    let auto = place.writer(small(Staging::Auto));
    place.save(&auto, 1, &files(1)).wait().unwrap();
    assert_eq!(place.files_of(1), files(1));
}

#[test]
fn what_was_in_memory_is_taken_from_the_files_it_came_from() {
    let place = Place::new();
    let settings = WriterSettings {
        staging: Staging::Memory,
        ..place.settings()
    };
    let writer = place.writer(settings.clone());
    place.cut.after(5, true);
    place.save(&writer, 1, &files(1)).wait().unwrap_err();
    place.cut.mend();
    let resumed = place.writer(settings.clone()).resume().unwrap();
    assert_eq!(resumed.len(), 1);
    resumed[0].save.wait().unwrap();
    assert_eq!(place.files_of(1), files(1));
    // Once they changed, it is lost, and what was sent is removed.
    place.cut.after(5, true);
    let folder = place.write(&files(2));
    writer
        .save(2, &Item::folder(&folder).unwrap())
        .wait()
        .unwrap_err();
    place.cut.mend();
    fs::write(folder.join("checkpoint"), "changed").unwrap();
    let resumed = place.writer(settings).resume().unwrap();
    let error = resumed[0].save.wait().unwrap_err();
    assert!(matches!(*error, Error::Lost(2)), "{error}");
    assert_eq!((place.steps(), place.staged()), (vec![1], 0));
    assert_eq!(place.keys("data/").len(), 5);
}
