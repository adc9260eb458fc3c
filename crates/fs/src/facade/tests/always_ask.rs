use super::*;

/// What the demo's program does: four files of one directory, each opened by its path, with `max_stat_cache_size=0`.
#[tokio::test]
async fn four_files_cost_six_questions() {
    let keys = [
        "train/data/t1",
        "train/data/t2",
        "train/data/t3",
        "train/data/t4",
        "other/x",
    ];
    let mount = asking(&keys);
    for name in ["t1", "t2", "t3", "t4"] {
        let entry = mount.walk(&format!("train/data/{name}")).await.unwrap();
        assert_eq!(
            (entry.attr_ttl, entry.entry_ttl),
            (Duration::ZERO, Duration::ZERO)
        );
        // fstat, and the size check of read(2).
        mount.fs.getattr(entry.attr.node, None).await.unwrap();
        mount.fs.getattr(entry.attr.node, None).await.unwrap();
        mount.clock.advance(Duration::from_millis(200));
    }
    assert_eq!(
        mount.counts(),
        Counts {
            list: 3,
            head: 3,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn every_lookup_of_a_file_sees_the_bucket_as_it_is() {
    let mount = asking(&["d/f", "d/g"]);
    for size in 1..5 {
        mount.bucket.write("d/f", size);
        assert_eq!(mount.stat("d/f").await.unwrap().size, size);
    }
    mount.bucket.remove("d/f");
    assert_eq!(mount.kind("d/f").await, None);
    assert_eq!(mount.kind("d/f").await, None);
    mount.bucket.write("d/f/now/a/directory", 1);
    assert_eq!(mount.kind("d/f").await, Some(FileKind::Directory));
    assert_eq!(
        mount.kind("d/f/now/a/directory").await,
        Some(FileKind::File)
    );
    assert_eq!(mount.fs.negative_ttl(), Duration::ZERO);
}

#[tokio::test]
async fn a_directory_is_asked_for_again_after_a_second() {
    let mount = asking(&["d/f"]);
    assert_eq!(mount.kind("d").await, Some(FileKind::Directory));
    mount.bucket.remove("d/f");
    mount.clock.advance(Duration::from_millis(999));
    assert_eq!(
        mount.kind("d").await,
        Some(FileKind::Directory),
        "the stated lag"
    );
    mount.clock.advance(Duration::from_millis(2));
    assert_eq!(mount.kind("d").await, None);
}

#[tokio::test]
async fn a_file_found_below_proves_its_directories() {
    let mount = asking(&["d/e/f"]);
    mount.walk("d/e/f").await.unwrap();
    for _ in 0..5 {
        mount.clock.advance(Duration::from_millis(900));
        mount.counts();
        mount.walk("d/e/f").await.unwrap();
        assert_eq!(mount.counts().all(), 1);
    }
}

#[tokio::test]
async fn listings_hand_out_no_nodes_and_keep_nothing() {
    let mount = asking(&["a", "b"]);
    let entries = mount.entries(NodeId::ROOT, true, 10).await;
    assert!(entries.iter().all(|(_, _, node)| node.is_none()));
    mount.bucket.write("c", 1);
    assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b", "c"]);
    assert_eq!(mount.counts().list, 2);
    assert_eq!(mount.stat("a").await.unwrap().size, 10);
    assert_eq!(
        mount.counts(),
        Counts {
            head: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_node_without_a_lookup_is_asked_for() {
    let mount = asking(&["a"]);
    let node = mount.walk("a").await.unwrap().attr.node;
    mount.clock.advance(Duration::from_secs(5));
    mount.bucket.write("a", 99);
    mount.counts();
    assert!(mount.fs.try_getattr(node, None).is_none());
    assert_eq!(mount.fs.getattr(node, None).await.unwrap().attr.size, 99);
    assert_eq!(
        mount.counts(),
        Counts {
            head: 1,
            ..Counts::default()
        }
    );
    mount.clock.advance(Duration::from_secs(5));
    mount.bucket.remove("a");
    assert!(matches!(
        mount.fs.getattr(node, None).await,
        Err(Error::Stale)
    ));
}

#[tokio::test]
async fn making_counts_the_lookup_before_it() {
    let mount = asking(&["d/f"]);
    let dir = mount.walk("d").await.unwrap().attr.node;
    mount.counts();
    assert_eq!(mount.kind("d/new").await, None);
    let creator = Creator {
        uid: 1,
        gid: 2,
        mode: 0o755,
    };
    mount.fs.mkdir(dir, b"new", creator).await.unwrap();
    assert_eq!(
        mount.counts(),
        Counts {
            list: 1,
            put: 1,
            ..Counts::default()
        }
    );
}
