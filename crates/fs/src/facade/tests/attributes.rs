//! Modes, owners, times and kinds, from the objects' metadata and back to them.

use super::*;
use crate::types::SetAttr;
use crate::xattr::XattrMode;

const CREATOR: Creator = Creator {
    uid: 7,
    gid: 8,
    mode: 0o640,
};

/// A mount that asks for what a listing does not show.
fn detailed(keys: &[&str]) -> Mount {
    again(FakeBucket::new(keys))
}

/// Another mount of the same bucket.
fn again(bucket: Arc<FakeBucket>) -> Mount {
    mount_with(bucket, |config| config.details = true)
}

fn chmod(mode: u16) -> SetAttr {
    SetAttr {
        mode: Some(mode),
        ..SetAttr::default()
    }
}

#[tokio::test]
async fn what_another_mount_set_is_seen() {
    let mount = detailed(&["d/f"]);
    let before = mount.stat("d/f").await.unwrap();
    let change = SetAttr {
        mode: Some(0o604),
        uid: Some(1),
        gid: Some(2),
        mtime: Some(3_000_000_000),
        ..SetAttr::default()
    };
    let node = before.node;
    mount.fs.setattr(node, None, change).await.unwrap();
    let dir = mount.walk("d").await.unwrap().attr.node;
    mount.fs.setattr(dir, None, chmod(0o711)).await.unwrap();
    mount.fs.sync_all().await.unwrap();

    let next = again(Arc::clone(&mount.bucket));
    let after = next.stat("d/f").await.unwrap();
    assert_eq!((after.mode, after.uid, after.gid), (0o604, 1, 2));
    assert_eq!((after.mtime, after.size), (3_000_000_000, before.size));
    assert_eq!(next.stat("d").await.unwrap().mode, 0o711);
    // A mount that does not ask shows the defaults.
    let plain = mount_with(Arc::clone(&mount.bucket), |_| {});
    assert_eq!(plain.stat("d/f").await.unwrap().mode, 0o640);
}

#[tokio::test(start_paused = true)]
async fn changes_in_a_row_cost_one_copy() {
    let mount = detailed(&["f"]);
    let node = mount.stat("f").await.unwrap().node;
    mount.bucket.take_counts();
    for mode in [0o600, 0o644, 0o755] {
        mount.fs.setattr(node, None, chmod(mode)).await.unwrap();
    }
    assert_eq!(mount.bucket.take_counts(), Counts::default());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(mount.bucket.take_counts().copy, 1);
    // Nothing is left to store.
    mount.fs.sync_all().await.unwrap();
    assert_eq!(mount.bucket.take_counts(), Counts::default());
}

#[tokio::test]
async fn a_new_file_takes_its_attributes_along() {
    let mount = detailed(&[]);
    let flags = OpenFlags {
        write: true,
        ..OpenFlags::default()
    };
    let (entry, opened) = mount
        .fs
        .create(NodeId::ROOT, b"f", CREATOR, flags)
        .await
        .unwrap();
    let node = entry.attr.node;
    mount.fs.setattr(node, None, chmod(0o4755)).await.unwrap();
    mount.fs.flush(opened.handle).await.unwrap();
    mount.fs.release(opened.handle).await;
    mount.fs.sync_all().await.unwrap();
    let counts = mount.bucket.take_counts();
    assert_eq!((counts.put, counts.copy), (1, 0));
    let next = again(Arc::clone(&mount.bucket));
    let seen = next.stat("f").await.unwrap();
    assert_eq!((seen.mode, seen.uid, seen.gid), (0o4755, 7, 8));
}

#[tokio::test]
async fn the_kernel_need_not_ask_for_what_a_create_told() {
    for (mount, ttl) in [(detailed(&[]), 60), (asking(&[]), 0)] {
        let flags = OpenFlags {
            write: true,
            ..OpenFlags::default()
        };
        let created = mount.fs.create(NodeId::ROOT, b"f", CREATOR, flags).await;
        let (entry, opened) = created.unwrap();
        assert_eq!(entry.attr_ttl, Duration::from_secs(ttl));
        // What it asks for after a write may have changed again by the next.
        let asked = mount.fs.getattr(entry.attr.node, Some(opened.handle)).await;
        assert_eq!(asked.unwrap().ttl, Duration::ZERO);
        mount.fs.release(opened.handle).await;
    }
}

#[tokio::test]
async fn a_rename_takes_new_attributes_along() {
    let mount = detailed(&["f"]);
    let before = mount.stat("f").await.unwrap();
    mount
        .fs
        .setattr(before.node, None, chmod(0o600))
        .await
        .unwrap();
    mount.bucket.take_counts();
    let flags = RenameFlags::default();
    let rename = mount
        .fs
        .rename(NodeId::ROOT, b"f", NodeId::ROOT, b"g", flags);
    rename.await.unwrap();
    mount.fs.sync_all().await.unwrap();
    assert_eq!(mount.bucket.take_counts().copy, 1);
    let next = again(Arc::clone(&mount.bucket));
    let after = next.stat("g").await.unwrap();
    assert_eq!((after.mode, after.mtime), (0o600, before.mtime));
}

#[tokio::test]
async fn fsync_does_not_wait_for_more_changes() {
    let mount = detailed(&["f"]);
    let node = mount.stat("f").await.unwrap().node;
    let flags = OpenFlags {
        read: true,
        ..OpenFlags::default()
    };
    let opened = mount.fs.open(node, flags).await.unwrap();
    mount.fs.setattr(node, None, chmod(0o600)).await.unwrap();
    mount.bucket.take_counts();
    mount.fs.fsync(opened.handle).await.unwrap();
    assert_eq!(mount.bucket.take_counts().copy, 1);
    mount.fs.release(opened.handle).await;
}

#[tokio::test]
async fn special_files_are_what_they_were_made() {
    let mount = detailed(&[]);
    for (name, kind, rdev) in [
        ("fifo", FileKind::Fifo, 0),
        ("char", FileKind::CharDevice, 0x0103),
        ("block", FileKind::BlockDevice, 0x0800),
        ("socket", FileKind::Socket, 0),
    ] {
        let node = (kind, rdev);
        let made = mount.fs.mknod(NodeId::ROOT, name.as_bytes(), CREATOR, node);
        assert_eq!(made.await.unwrap().attr.kind, kind);
        let taken = mount.fs.mknod(NodeId::ROOT, name.as_bytes(), CREATOR, node);
        assert!(matches!(taken.await, Err(Error::Exists)));
        let next = again(Arc::clone(&mount.bucket));
        let seen = next.stat(name).await.unwrap();
        assert_eq!((seen.kind, seen.rdev, seen.mode), (kind, rdev, 0o640));
    }
}

#[tokio::test]
async fn a_symlink_leads_where_it_was_made_to() {
    let mount = detailed(&[]);
    let target = "../där/x".as_bytes();
    let made = mount.fs.symlink(NodeId::ROOT, b"l", target, CREATOR);
    let made = made.await.unwrap().attr;
    assert_eq!(
        (made.kind, made.size),
        (FileKind::Symlink, target.len() as u64)
    );
    for mount in [mount.bucket.clone(), mount.bucket].map(again) {
        let link = mount.stat("l").await.unwrap();
        assert_eq!((link.kind, link.mode), (FileKind::Symlink, 0o777));
        assert_eq!(mount.fs.readlink(link.node).await.unwrap(), target);
        assert!(mount.fs.readlink(NodeId::ROOT).await.is_err());
    }
}

#[tokio::test]
async fn a_walk_in_order_asks_ahead() {
    let keys: Vec<String> = (100..400).map(|n| format!("d/{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mount = detailed(&keys);
    for key in &keys {
        mount.stat(key).await.unwrap();
    }
    let counts = mount.bucket.take_counts();
    // One LIST of each directory, which also tells that it has no marker, and one HEAD of each file.
    assert_eq!((counts.list, counts.head), (2, 300));
}

#[tokio::test]
async fn a_path_costs_a_listing_a_directory() {
    let mount = mount_with(FakeBucket::new(&["a/", "a/b/f"]), |config| {
        config.details = true;
        config.max_stat_cache_size = 0;
    });
    mount.stat("a/b/f").await.unwrap();
    let counts = mount.bucket.take_counts();
    // One LIST of each directory; one HEAD of the file and one of the only marker.
    assert_eq!((counts.list, counts.head), (3, 2));
}

#[tokio::test]
async fn directories_in_a_row_cost_a_head_each() {
    let keys: Vec<String> = (100..200).map(|n| format!("{n}/f")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mount = detailed(&keys);
    for key in &keys {
        mount.stat(key.trim_end_matches("/f")).await.unwrap();
    }
    let counts = mount.bucket.take_counts();
    assert_eq!(counts.list + counts.head, 101);
    assert!(counts.list <= 4, "{counts:?}");
}

#[tokio::test]
async fn an_entry_of_a_listing_has_no_kind_until_it_was_asked_for() {
    let mount = detailed(&["a", "b"]);
    let kinds = || {
        let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
        let mut kinds = Vec::new();
        let mut sink = |entry: DirEntry<'_>| {
            kinds.push((entry.name.to_owned(), entry.kind, entry.entry.is_some()));
            true
        };
        let known = mount.fs.try_readdir(handle, 2, true, &mut sink);
        known.unwrap().unwrap();
        mount.fs.releasedir(handle);
        kinds
    };
    mount.stat("a").await.unwrap();
    assert_eq!(
        kinds(),
        [
            ("a".to_owned(), Some(FileKind::File), true),
            ("b".to_owned(), None, false)
        ]
    );
}

#[tokio::test]
async fn times_of_directories_follow_their_names() {
    let mount = detailed(&["d/f"]);
    let before = mount.stat("d").await.unwrap();
    mount.clock.advance(Duration::from_secs(5));
    let dir = before.node;
    mount.fs.unlink(dir, b"f").await.unwrap();
    let after = mount.fs.getattr(dir, None).await.unwrap().attr;
    assert!(after.mtime > before.mtime && after.ctime > before.ctime);
}

fn with_xattrs(bucket: Arc<FakeBucket>) -> Mount {
    mount_with(bucket, |config| {
        config.details = true;
        config.xattrs = true;
    })
}

#[tokio::test]
async fn extended_attributes_outlive_mounts_and_renames() {
    let mount = with_xattrs(FakeBucket::new(&["f", "d/g"]));
    let any = XattrMode::Any;
    for path in ["f", "d"] {
        let node = mount.stat(path).await.unwrap().node;
        let fs = &mount.fs;
        fs.setxattr(node, "user.a", b"1", any).await.unwrap();
        fs.setxattr(node, "user.b", b"\0\xff", any).await.unwrap();
        fs.removexattr(node, "user.a").await.unwrap();
        let gone = fs.getxattr(node, "user.a").await;
        assert!(matches!(gone, Err(Error::NoAttribute)));
    }
    mount.bucket.take_counts();
    let flags = RenameFlags::default();
    let rename = mount
        .fs
        .rename(NodeId::ROOT, b"f", NodeId::ROOT, b"h", flags);
    rename.await.unwrap();
    mount.fs.sync_all().await.unwrap();
    // All changes of a file travel with its rename.
    assert_eq!(mount.bucket.take_counts().copy, 1);
    let next = with_xattrs(Arc::clone(&mount.bucket));
    for path in ["h", "d"] {
        let node = next.stat(path).await.unwrap().node;
        let value = next.fs.getxattr(node, "user.b").await.unwrap();
        assert_eq!(value, b"\0\xff");
        assert_eq!(next.fs.listxattr(node).await.unwrap(), b"user.b\0");
    }
}

#[tokio::test]
async fn extended_attributes_have_a_bound_and_are_asked_for() {
    let mount = with_xattrs(FakeBucket::new(&["f"]));
    let node = mount.stat("f").await.unwrap().node;
    let large = vec![7; 8000];
    let full = mount.fs.setxattr(node, "user.a", &large, XattrMode::Any);
    assert!(matches!(full.await, Err(Error::AttributesFull)));
    assert_eq!(mount.fs.listxattr(node).await.unwrap(), b"");
    let plain = detailed(&["f"]);
    let node = plain.stat("f").await.unwrap().node;
    let off = plain.fs.listxattr(node).await;
    assert!(matches!(off, Err(Error::Unsupported(_))));
}
