use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn one_listing_answers_siblings_and_absent_names() {
    let mount = mount(&["d/a", "d/b", "d/sub/x", "d/"]);
    assert_eq!(mount.kind("d/a").await, Some(FileKind::File));
    assert_eq!(
        mount.counts(),
        Counts {
            list: 2,
            ..Counts::default()
        }
    );
    assert_eq!(mount.kind("d/b").await, Some(FileKind::File));
    assert_eq!(mount.kind("d/sub").await, Some(FileKind::Directory));
    assert_eq!(mount.kind("d/none").await, None);
    assert_eq!(mount.stat("d/a").await.unwrap().size, 10);
    assert_eq!(mount.counts().all(), 0);
}

#[tokio::test]
async fn answers_expire() {
    let mount = mount(&["a"]);
    let old = mount.stat("a").await.unwrap();
    assert_eq!(mount.kind("new").await, None);
    mount.bucket.write("a", 77);
    mount.bucket.write("new", 1);
    mount.clock.advance(Duration::from_secs(899));
    assert_eq!(mount.stat("a").await.unwrap(), old);
    assert_eq!(mount.kind("new").await, None);
    mount.counts();
    mount.clock.advance(Duration::from_secs(2));
    assert_eq!(mount.stat("a").await.unwrap().size, 77);
    assert_eq!(mount.kind("new").await, Some(FileKind::File));
    assert_eq!(
        mount.counts(),
        Counts {
            list: 1,
            ..Counts::default()
        },
        "one page for all"
    );
    mount.bucket.remove("a");
    mount.clock.advance(Duration::from_secs(901));
    assert_eq!(mount.kind("a").await, None);
}

#[tokio::test]
async fn the_kernel_keeps_nothing_longer_than_we_do() {
    let mount = mount_with(FakeBucket::new(&["a"]), |config| {
        config.attr_timeout = Duration::from_secs(2000);
        config.entry_timeout = Duration::from_secs(100);
    });
    mount.walk("a").await.unwrap();
    mount.clock.advance(Duration::from_secs(850));
    let entry = mount.walk("a").await.unwrap();
    assert_eq!(entry.attr_ttl, Duration::from_secs(50));
    assert_eq!(entry.entry_ttl, Duration::from_secs(50));
}

#[tokio::test]
async fn a_name_of_a_large_directory_costs_one_request() {
    let keys: Vec<String> = (0..50).map(|number| format!("f{number:02}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mount = mount_with(FakeBucket::with_page(&keys, 10), |_| {});
    assert_eq!(mount.kind("f05").await, Some(FileKind::File));
    assert_eq!(mount.counts().list, 1, "on the first page");
    assert_eq!(mount.kind("f44").await, Some(FileKind::File));
    assert_eq!(mount.kind("f4").await, None);
    assert_eq!(mount.kind("f4").await, None);
    assert_eq!(mount.counts().list, 2);
    mount.clock.advance(Duration::from_secs(901));
    assert_eq!(mount.kind("f44").await, Some(FileKind::File));
    assert_eq!(
        mount.counts(),
        Counts {
            head: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_directory_hides_behind_names_that_sort_first() {
    let mut keys: Vec<String> = (0..40).map(|number| format!("a-{number:02}")).collect();
    keys.push("a/x".into());
    keys.push("Z".into());
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mount = mount_with(FakeBucket::with_page(&keys, 16), |_| {});
    assert_eq!(mount.kind("Z").await, Some(FileKind::File));
    mount.counts();
    assert_eq!(mount.kind("a").await, Some(FileKind::Directory));
    assert_eq!(mount.bucket.log(), ["LIST a 16", "LIST a/ 1"]);
}

#[tokio::test]
async fn modes_and_owners() {
    let plain = mount(&["f", "d/x"]);
    let file = plain.stat("f").await.unwrap();
    let dir = plain.stat("d").await.unwrap();
    assert_eq!((file.mode, dir.mode, file.uid), (0o640, 0o750, 0));
    assert_eq!(plain.fs.root().mode, 0o700);
    let set = mount_with(FakeBucket::new(&["f", "d/x"]), |config| {
        config.umask = Some(0o22);
        config.uid = Some(5);
        config.gid = Some(6);
    });
    let file = set.stat("f").await.unwrap();
    let dir = set.stat("d").await.unwrap();
    assert_eq!(
        (file.mode, dir.mode, file.uid, file.gid),
        (0o755, 0o755, 5, 6)
    );
    assert!(dir.mtime > 0, "the time of the mount");
}

#[tokio::test]
async fn odd_keys_are_skipped_and_never_loop() {
    let long = "n".repeat(256);
    let keys = [
        "a//b", "a/../b", "a/./c", "a/fine", "/top", "a/nul\0x", &long, "b", "b/hidden", "c/",
    ];
    let mount = mount(&keys);
    assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b", "c"]);
    let a = mount.walk("a").await.unwrap().attr.node;
    assert_eq!(mount.names(a).await, ["fine"]);
    assert_eq!(
        mount.kind("b").await,
        Some(FileKind::File),
        "the object hides the prefix"
    );
    let c = mount.walk("c").await.unwrap().attr.node;
    assert!(mount.names(c).await.is_empty());
    assert!(matches!(
        mount.step(NodeId::ROOT, &long).await,
        Err(Error::NameTooLong)
    ));
    assert!(matches!(
        mount.step(NodeId::ROOT, "").await,
        Err(Error::NotFound)
    ));
    assert!(matches!(
        mount.fs.lookup(NodeId::ROOT, b"\xff").await,
        Err(Error::NotFound)
    ));
}

#[tokio::test]
async fn a_prefix_is_the_root() {
    let mount = mount_with(FakeBucket::new(&["p/q/x", "p/qq", "x"]), |config| {
        config.prefix = "p/q/".into();
    });
    assert_eq!(mount.names(NodeId::ROOT).await, ["x"]);
    assert_eq!(mount.kind("qq").await, None);
}

#[tokio::test]
async fn lookups_at_the_same_time_share_a_listing() {
    let mount = mount(&["a", "b"]);
    let gate = mount.bucket.hold_answers();
    let both = async { tokio::join!(mount.walk("a"), mount.walk("b"), mount.walk("none")) };
    let release = async { gate.add_permits(1) };
    let ((a, b, none), ()) = tokio::join!(both, release);
    assert!(a.is_ok() && b.is_ok() && none.is_err());
    assert_eq!(mount.counts().list, 1);
}

#[tokio::test]
async fn a_lookup_that_is_given_up_leaves_the_others_going() {
    let mount = mount(&["a", "b"]);
    let gate = mount.bucket.hold_answers();
    let mut first = Box::pin(mount.walk("a"));
    let mut second = Box::pin(mount.walk("b"));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    gate.add_permits(1);
    assert!(second.await.is_ok());
    assert_eq!(mount.counts().list, 1);
    assert!(mount.walk("a").await.is_ok());
    assert_eq!(mount.counts().list, 0);
}

#[tokio::test]
async fn forget_frees_what_the_cache_does_not_hold() {
    let mount = mount_with(FakeBucket::new(&["a", "b", "c", "d"]), |config| {
        config.max_stat_cache_size = 2;
    });
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d"] {
        nodes.push(mount.walk(name).await.unwrap().attr.node);
    }
    let live = |mount: &Mount| mount.fs.core.ns.lock().live();
    assert_eq!(live(&mount), 5, "the kernel holds all four");
    for node in &nodes {
        mount.fs.forget(*node, 1);
    }
    assert!(live(&mount) <= 3, "two are cached");
    for node in &nodes {
        mount.fs.forget(*node, 7);
        mount.fs.forget(NodeId::ROOT, 1);
    }
    assert_eq!(mount.kind("a").await, Some(FileKind::File));
}

#[tokio::test]
async fn an_object_replaced_while_open_gets_a_new_node() {
    let mount = asking(&["a"]);
    let first = mount.walk("a").await.unwrap().attr.node;
    mount.bucket.write("a", 20);
    assert_eq!(
        mount.walk("a").await.unwrap().attr.node,
        first,
        "nobody has it open"
    );
    let slot = mount.fs.core.ns.lock().resolve(first).unwrap();
    mount.fs.core.ns.lock().hold(slot);
    assert_eq!(
        mount.walk("a").await.unwrap().attr.node,
        first,
        "same version"
    );
    mount.bucket.write("a", 30);
    let entry = mount.walk("a").await.unwrap();
    assert_ne!(entry.attr.node, first);
    assert_eq!(entry.attr.size, 30);
    let old = mount.fs.getattr(first, None).await.unwrap().attr;
    assert_eq!(
        (old.size, old.nlink),
        (20, 0),
        "the open file is still the old version"
    );
}

#[tokio::test]
async fn answers_that_hold_no_time_at_all_still_answer() {
    let mount = mount_with(FakeBucket::new(&["d/f"]), |config| {
        config.stat_cache_expire = Duration::ZERO;
    });
    let node = mount.walk("d/f").await.unwrap().attr.node;
    mount.counts();
    let flags = OpenFlags {
        read: true,
        ..OpenFlags::default()
    };
    assert!(mount.fs.try_open(node, flags).is_none(), "it has to ask");
    mount.fs.open(node, flags).await.unwrap();
    assert_eq!(mount.counts().all(), 1);
}
