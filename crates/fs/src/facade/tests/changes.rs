use super::*;

const CREATOR: Creator = Creator {
    uid: 7,
    gid: 8,
    mode: 0o751,
};

async fn dir(mount: &Mount, path: &str) -> NodeId {
    mount.walk(path).await.unwrap().attr.node
}

#[tokio::test]
async fn mkdir_puts_a_marker_and_is_seen_at_once() {
    let mount = mount(&["f"]);
    assert_eq!(mount.kind("new").await, None);
    mount.counts();
    let entry = mount.fs.mkdir(NodeId::ROOT, b"new", CREATOR).await.unwrap();
    assert_eq!(
        mount.counts(),
        Counts {
            put: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        (entry.attr.mode, entry.attr.uid, entry.attr.gid),
        (0o751, 7, 8)
    );
    assert_eq!(mount.kind("new").await, Some(FileKind::Directory));
    assert_eq!(mount.names(NodeId::ROOT).await, ["f", "new"]);
    assert_eq!(mount.counts().all(), 0);
    assert_eq!(mount.bucket.keys(), ["f", "new/"]);
    for taken in [&b"new"[..], b"f"] {
        assert!(matches!(
            mount.fs.mkdir(NodeId::ROOT, taken, CREATOR).await,
            Err(Error::Exists)
        ));
    }
    let bad = mount.fs.mkdir(NodeId::ROOT, b"\xff", CREATOR).await;
    assert!(matches!(bad, Err(Error::InvalidName(_))));
    let file = dir(&mount, "f").await;
    assert!(matches!(
        mount.fs.mkdir(file, b"x", CREATOR).await,
        Err(Error::NotDirectory)
    ));
}

#[tokio::test]
async fn rmdir_is_exact() {
    let mount = mount(&["empty/", "full/", "full/x", "implicit/y", "f"]);
    for (name, error) in [
        ("full", "not empty"),
        ("implicit", "not empty"),
        ("f", "not a dir"),
    ] {
        let refused = mount
            .fs
            .rmdir(NodeId::ROOT, name.as_bytes())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(error), "{name}: {refused}");
    }
    mount.counts();
    mount.fs.rmdir(NodeId::ROOT, b"empty").await.unwrap();
    assert_eq!(
        mount.counts(),
        Counts {
            list: 1,
            delete: 1,
            ..Counts::default()
        }
    );
    assert_eq!(mount.kind("empty").await, None);
    assert_eq!(mount.counts().all(), 0);
    let gone = mount.fs.rmdir(NodeId::ROOT, b"empty").await;
    assert!(matches!(gone, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_directory_outlives_its_last_file() {
    for mount in [mount(&["d/e/f", "g"]), asking(&["d/e/f", "g"])] {
        let e = dir(&mount, "d/e").await;
        mount.fs.unlink(e, b"f").await.unwrap();
        mount.clock.advance(Duration::from_secs(10));
        assert_eq!(mount.kind("d/e/f").await, None);
        assert_eq!(mount.kind("d/e").await, Some(FileKind::Directory));
        assert_eq!(mount.bucket.keys(), ["g"]);
        let d = dir(&mount, "d").await;
        assert_eq!(mount.names(d).await, ["e"]);
        mount.fs.rmdir(d, b"e").await.unwrap();
        mount.fs.rmdir(NodeId::ROOT, b"d").await.unwrap();
        assert_eq!(mount.names(NodeId::ROOT).await, ["g"]);
    }
}

#[tokio::test]
async fn unlink_takes_the_object_and_the_name() {
    let mount = mount(&["a", "d/x"]);
    dir(&mount, "a").await;
    mount.counts();
    mount.fs.unlink(NodeId::ROOT, b"a").await.unwrap();
    assert_eq!(
        mount.counts(),
        Counts {
            delete: 1,
            ..Counts::default()
        }
    );
    assert_eq!(mount.kind("a").await, None);
    assert!(matches!(
        mount.fs.unlink(NodeId::ROOT, b"d").await,
        Err(Error::IsDirectory)
    ));
    assert!(matches!(
        mount.fs.unlink(NodeId::ROOT, b"a").await,
        Err(Error::NotFound)
    ));
}

#[tokio::test]
async fn a_listing_sent_before_a_removal_does_not_bring_the_name_back() {
    let mount = mount(&["a", "b"]);
    dir(&mount, "a").await;
    mount.clock.advance(Duration::from_secs(901));
    let gate = mount.bucket.hold_answers();
    // The answer to this is made now, with `b` in it, and comes after the removal.
    let slow = mount.walk("none");
    let remove = async {
        mount.clock.advance(Duration::from_millis(1));
        mount.bucket.remove("b");
        mount
            .fs
            .core
            .ns
            .lock()
            .removed(Slot::ROOT, "b", mount.clock.now());
        gate.add_permits(100);
    };
    let (absent, ()) = tokio::join!(slow, remove);
    assert!(matches!(absent, Err(Error::NotFound)));
    mount.counts();
    assert_eq!(mount.kind("b").await, None);
    assert_eq!(mount.kind("a").await, Some(FileKind::File));
    assert_eq!(mount.counts().all(), 0);
}

#[tokio::test]
async fn rename_moves_a_file() {
    let mount = mount(&["a", "b", "d/x"]);
    let node = dir(&mount, "a").await;
    let d = dir(&mount, "d").await;
    mount.counts();
    mount
        .fs
        .rename(NodeId::ROOT, b"a", d, b"y", RenameFlags::default())
        .await
        .unwrap();
    assert_eq!(mount.counts().copy, 1);
    assert_eq!(mount.bucket.keys(), ["b", "d/x", "d/y"]);
    assert_eq!(mount.kind("a").await, None);
    assert_eq!(dir(&mount, "d/y").await, node, "the node goes along");
    // Onto an existing file.
    let no_replace = RenameFlags {
        no_replace: true,
        ..RenameFlags::default()
    };
    let refused = mount
        .fs
        .rename(NodeId::ROOT, b"b", d, b"x", no_replace)
        .await;
    assert!(matches!(refused, Err(Error::Exists)));
    mount
        .fs
        .rename(NodeId::ROOT, b"b", d, b"x", RenameFlags::default())
        .await
        .unwrap();
    assert_eq!(mount.bucket.keys(), ["d/x", "d/y"]);
    assert_eq!(mount.names(NodeId::ROOT).await, ["d"]);
    // Onto itself.
    mount
        .fs
        .rename(d, b"x", d, b"x", RenameFlags::default())
        .await
        .unwrap();
    assert_eq!(mount.bucket.keys(), ["d/x", "d/y"]);
}

#[tokio::test]
async fn rename_refuses_what_rename_refuses() {
    let mount = mount(&["f", "d/x", "e/y", "empty/"]);
    let d = dir(&mount, "d").await;
    let root = NodeId::ROOT;
    let plain = RenameFlags::default();
    let exchange = RenameFlags {
        exchange: true,
        ..plain
    };
    let try_it = async |from: &[u8], to_dir, to: &[u8], flags| {
        mount
            .fs
            .rename(root, from, to_dir, to, flags)
            .await
            .unwrap_err()
    };
    assert!(matches!(
        try_it(b"none", root, b"z", plain).await,
        Error::NotFound
    ));
    assert!(matches!(
        try_it(b"f", root, b"d", plain).await,
        Error::IsDirectory
    ));
    assert!(matches!(
        try_it(b"d", root, b"f", plain).await,
        Error::NotDirectory
    ));
    assert!(matches!(
        try_it(b"d", root, b"e", plain).await,
        Error::NotEmpty
    ));
    assert!(matches!(
        try_it(b"d", d, b"sub", plain).await,
        Error::IntoItself
    ));
    assert!(matches!(
        try_it(b"f", root, b"e", exchange).await,
        Error::InvalidArgument(_)
    ));
    assert!(matches!(
        try_it(b"f", root, b"none", exchange).await,
        Error::NotFound
    ));
    assert_eq!(mount.bucket.keys(), ["d/x", "e/y", "empty/", "f"]);
    mount
        .fs
        .rename(root, b"d", root, b"empty", plain)
        .await
        .unwrap();
    assert_eq!(mount.bucket.keys(), ["e/y", "empty/", "empty/x", "f"]);
}

#[tokio::test]
async fn rename_moves_a_tree() {
    let mut keys: Vec<String> = (0..57).map(|number| format!("old/sub/{number}")).collect();
    keys.push("old/".into());
    keys.push("old2".into());
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mount = mount_with(FakeBucket::with_page(&keys, 10), |_| {});
    let inner = dir(&mount, "old/sub/7").await;
    mount.counts();
    mount
        .fs
        .rename(
            NodeId::ROOT,
            b"old",
            NodeId::ROOT,
            b"new",
            RenameFlags::default(),
        )
        .await
        .unwrap();
    let counts = mount.counts();
    assert_eq!((counts.copy, counts.delete, counts.list), (58, 6, 12));
    assert_eq!(mount.bucket.keys().len(), 59);
    assert!(
        mount
            .bucket
            .keys()
            .iter()
            .all(|key| key == "old2" || key.starts_with("new/"))
    );
    assert_eq!(dir(&mount, "new/sub/7").await, inner);
    assert_eq!(mount.kind("old").await, None);
}

#[tokio::test]
async fn a_read_only_mount_changes_nothing() {
    let mount = mount_with(FakeBucket::new(&["f", "d/"]), |config| {
        config.read_only = true;
    });
    let (root, flags) = (NodeId::ROOT, RenameFlags::default());
    assert!(matches!(
        mount.fs.mkdir(root, b"x", CREATOR).await,
        Err(Error::ReadOnly)
    ));
    assert!(matches!(
        mount.fs.unlink(root, b"f").await,
        Err(Error::ReadOnly)
    ));
    assert!(matches!(
        mount.fs.rmdir(root, b"d").await,
        Err(Error::ReadOnly)
    ));
    assert!(matches!(
        mount.fs.rename(root, b"f", root, b"g", flags).await,
        Err(Error::ReadOnly)
    ));
    assert_eq!(mount.counts().all(), 0);
}

#[tokio::test]
async fn a_change_that_is_given_up_still_ends() {
    let mount = mount(&["f"]);
    dir(&mount, "f").await;
    let gate = mount.bucket.hold_answers();
    {
        let change = mount.fs.unlink(NodeId::ROOT, b"f");
        tokio::select! {
            biased;
            _ = change => panic!("the answer is held"),
            () = tokio::task::yield_now() => {}
        }
    }
    gate.add_permits(100);
    while mount.kind("f").await.is_some() {
        tokio::task::yield_now().await;
    }
    assert!(mount.bucket.keys().is_empty());
}

#[tokio::test]
async fn an_exchange_swaps_files_with_their_nodes() {
    let mount = mount(&["a", "d/b"]);
    let (a, b) = (dir(&mount, "a").await, dir(&mount, "d/b").await);
    let (tag_a, tag_b) = (mount.bucket.tag("a"), mount.bucket.tag("d/b"));
    let d = dir(&mount, "d").await;
    let exchange = RenameFlags {
        exchange: true,
        ..RenameFlags::default()
    };
    mount.counts();
    mount
        .fs
        .rename(NodeId::ROOT, b"a", d, b"b", exchange)
        .await
        .unwrap();
    let counts = mount.counts();
    assert_eq!((counts.copy, counts.delete), (3, 1));
    assert_eq!(mount.bucket.keys(), ["a", "d/b"]);
    assert_eq!(
        (mount.bucket.tag("a"), mount.bucket.tag("d/b")),
        (tag_b, tag_a)
    );
    assert_eq!((dir(&mount, "d/b").await, dir(&mount, "a").await), (a, b));
}

#[tokio::test]
async fn a_rename_of_a_tree_that_fails_is_undone() {
    let mount = mount(&["old/", "old/1", "old/2", "old/3", "keep"]);
    dir(&mount, "old/2").await;
    let rename = async || {
        let flags = RenameFlags::default();
        mount
            .fs
            .rename(NodeId::ROOT, b"old", NodeId::ROOT, b"new", flags)
            .await
    };
    mount.bucket.refuse("new/2");
    assert!(matches!(rename().await, Err(Error::Remote(_))));
    assert_eq!(
        mount.bucket.keys(),
        ["keep", "old/", "old/1", "old/2", "old/3"]
    );
    assert_eq!(mount.kind("new").await, None);
    assert_eq!(mount.kind("old/2").await, Some(FileKind::File));
    mount.bucket.refuse("nothing");
    rename().await.unwrap();
    assert_eq!(
        mount.bucket.keys(),
        ["keep", "new/", "new/1", "new/2", "new/3"]
    );
}

#[tokio::test]
async fn a_symlink_of_oss_names_its_key_wherever_it_moves() {
    let mount = mount_with(FakeBucket::new(&["d/f", "e/"]), |config| {
        config.symlinks = crate::config::SymlinkForm::Native;
        config.details = true;
    });
    let (root, flags) = (NodeId::ROOT, RenameFlags::default());
    let link = mount.fs.symlink(root, b"l", b"d/f", CREATOR).await.unwrap();
    let node = link.attr.node;
    assert_eq!(mount.fs.readlink(node).await.unwrap(), "d/f");
    assert_eq!((link.attr.kind, link.attr.size), (FileKind::Symlink, 3));
    let owner = SetAttr {
        uid: Some(9),
        ..SetAttr::default()
    };
    mount.fs.setattr(node, None, owner).await.unwrap();
    let e = dir(&mount, "e").await;
    mount.fs.rename(root, b"l", e, b"l", flags).await.unwrap();
    assert_eq!(mount.fs.readlink(node).await.unwrap(), "../d/f");
    mount.fs.fsyncdir(node).await.unwrap();
    assert!(mount.bucket.log().contains(&"LINK e/l d/f".to_owned()));
    assert_eq!(mount.stat("e/l").await.unwrap().uid, 9);
    mount
        .fs
        .rename(root, b"e", root, b"g", flags)
        .await
        .unwrap();
    let moved = mount.stat("g/l").await.unwrap();
    assert_eq!(mount.fs.readlink(moved.node).await.unwrap(), "../d/f");
    // What leads out of the mount is no key.
    let out = mount
        .fs
        .symlink(root, b"o", b"/etc/hosts", CREATOR)
        .await
        .unwrap();
    assert_eq!(
        mount.fs.readlink(out.attr.node).await.unwrap(),
        "/etc/hosts"
    );
}
