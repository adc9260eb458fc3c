//! Saves of several ranks, which meet in objects alone.

use super::{Place, files};
use crate::{Error, Item, Location, Writer, WriterSettings};
use std::time::Duration;

fn rank(place: &Place, rank: u32, world_size: u32, run: &str, seconds: u64) -> Writer {
    place.writer(WriterSettings {
        rank,
        world_size,
        run: run.into(),
        timeout: Duration::from_secs(seconds),
        ..place.settings()
    })
}

fn shard(of: u32) -> Vec<u8> {
    format!("shard of {of}").into_bytes()
}

#[test]
fn rank_0_commits_when_all_are_there() {
    let place = Place::new();
    let shards: Vec<Vec<u8>> = (0..3).map(shard).collect();
    let writers: Vec<Writer> = (0..3).map(|r| rank(&place, r, 3, "a", 20)).collect();
    for step in [1, 2] {
        let saves: Vec<_> = [2, 0, 1]
            .map(|r: usize| writers[r].save(step, &[Item::bytes("model.pt", &shards[r])]))
            .into();
        for save in saves {
            let commit = save.wait().unwrap();
            assert_eq!((commit.files.len(), commit.world_size), (3, 3));
        }
        let all = place.files_of(step);
        let expected = (0..3).map(|r| (format!("rank-{r}/model.pt"), shard(r)));
        assert_eq!(all, expected.collect());
    }
    // What they met in is gone; the shard of each rank was copied the second time.
    assert_eq!(place.keys("shards/"), Vec::<String>::new());
    assert_eq!(place.requests("CopyObject"), 3);
    let commit = place.latest().unwrap();
    let to = place.path("rank");
    place
        .wait(place.store().restore(&commit, &to, Some(1)))
        .unwrap();
    assert_eq!(std::fs::read(to.join("model.pt")).unwrap(), shard(1));
}

#[test]
fn a_rank_that_is_missing_is_named_by_all_others() {
    let place = Place::new();
    let saves: Vec<_> = [0, 1, 3]
        .map(|r| rank(&place, r, 4, "a", 2).save(1, &[Item::bytes("x", b"1")]))
        .into();
    for save in saves {
        let error = save.wait().unwrap_err();
        let Error::MissingRanks {
            missing,
            world_size: 4,
            ..
        } = &*error
        else {
            panic!("{error}");
        };
        assert_eq!(missing, &[2], "{error}");
    }
    assert_eq!(place.latest(), None);
}

#[test]
fn a_missing_rank_0_is_named_and_another_run_is_not_joined() {
    let place = Place::new();
    let lonely = rank(&place, 1, 2, "new", 1);
    let error = lonely
        .save(1, &[Item::bytes("x", b"1")])
        .wait()
        .unwrap_err();
    assert!(
        error.to_string().contains("rank 0 did not commit"),
        "{error}"
    );
    // Rank 0 of a run that is gone had begun this step.
    let old = rank(&place, 0, 2, "old", 1);
    let old = old.save(1, &[Item::bytes("x", b"old")]);
    let error = lonely
        .save(1, &[Item::bytes("x", b"1")])
        .wait()
        .unwrap_err();
    assert!(
        error.to_string().contains(r#"run "old" began this step"#),
        "{error}"
    );
    old.wait().unwrap_err();
    assert_eq!(place.latest(), None);
}

#[test]
fn ranks_go_over_to_the_attempt_of_a_rank_0_that_came_back() {
    let place = Place::new();
    let location = Location::parse("oss://bucket/run").unwrap();
    let store = place.store();
    let left = serde_json::json!({"attempt": "dead", "world_size": 2, "run": "a"});
    place
        .wait(store.put_json(&location.open(1), &left, false))
        .unwrap();
    let second = rank(&place, 1, 2, "a", 20).save(1, &[Item::bytes("x", b"1")]);
    let mut handed_in = false;
    while !handed_in {
        handed_in = !place.keys("shards/00000000000000000001/dead/").is_empty();
    }
    let first = rank(&place, 0, 2, "a", 20).save(1, &[Item::bytes("x", b"0")]);
    for save in [first, second] {
        save.wait().unwrap();
    }
    assert_eq!(place.files_of(1).len(), 2);
}

#[test]
fn ranks_that_were_told_different_sizes_say_so() {
    let place = Place::new();
    let first = rank(&place, 0, 2, "a", 5).save(1, &[Item::bytes("x", b"1")]);
    let second = rank(&place, 1, 3, "a", 5).save(1, &[Item::bytes("x", b"1")]);
    let error = second.wait().unwrap_err().to_string();
    assert!(
        error.contains("rank 1 was told of 3 ranks, rank 0 of 2"),
        "{error}"
    );
    first.wait().unwrap_err();
}

#[test]
fn ranks_that_were_killed_are_resumed_together() {
    let place = Place::new();
    let settings = |rank| WriterSettings {
        rank,
        world_size: 2,
        ..place.on_disk()
    };
    let saved = [files(1), files(2)];
    for (number, files) in saved.iter().enumerate() {
        place.cut.after(4, false);
        let writer = place.writer(settings(number as u32));
        place.save(&writer, 9, files).wait().unwrap_err();
    }
    place.cut.mend();
    let writers = [0, 1].map(|number| place.writer(settings(number)));
    let resumed: Vec<_> = writers.iter().flat_map(|w| w.resume().unwrap()).collect();
    assert_eq!(resumed.len(), 2);
    for one in resumed {
        one.save.wait().unwrap();
    }
    let all = place.files_of(9);
    assert_eq!(all["rank-0/sub/model.data"], saved[0]["sub/model.data"]);
    assert_eq!(all["rank-1/sub/model.data"], saved[1]["sub/model.data"]);
}
