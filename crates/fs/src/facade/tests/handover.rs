use super::*;
use std::task::Poll;

const BOTH: OpenFlags = OpenFlags {
    write: true,
    ..READ
};

const CREATOR: Creator = Creator {
    uid: 0,
    gid: 0,
    mode: 0o644,
};

#[tokio::test]
async fn nodes_and_handles_go_on() {
    for first in [
        mount(&["d/e/f", "d/g", "h"]),
        asking(&["d/e/f", "d/g", "h"]),
    ] {
        let f = first.walk("d/e/f").await.unwrap().attr;
        let g = first.walk("d/g").await.unwrap().attr.node;
        let reader = first.fs.open(f.node, READ).await.unwrap().handle;
        let dir = first.walk("d").await.unwrap().attr.node;
        let listing = first.fs.opendir(dir).unwrap();
        first.fs.forget(g, 1);

        let next = first.killed();
        assert_eq!(next.fs.getattr(f.node, None).await.unwrap().attr, f);
        assert_eq!(next.walk("d/e/f").await.unwrap().attr.node, f.node);
        assert_eq!(
            next.fs.read(reader, 0, 100).await.unwrap().concat().len(),
            10
        );
        let mut names = Vec::new();
        let mut sink = |entry: DirEntry<'_>| {
            names.push(entry.name.to_owned());
            true
        };
        next.fs.readdir(listing, 2, false, &mut sink).await.unwrap();
        names.sort_unstable();
        assert_eq!(names, ["e", "g"], "a reader goes on in the middle");
        let new = next.fs.open(f.node, READ).await.unwrap().handle;
        assert!(new > reader && new.0 > listing.0);
        let other = next.walk("h").await.unwrap().attr.node;
        assert!(
            other != g && other != f.node && other != dir,
            "ids are not used twice"
        );
        next.fs.releasedir(listing);
        next.fs.release(reader).await;
        assert!(next.fs.read(reader, 0, 1).await.is_err());
    }
}

#[tokio::test]
async fn the_pinned_version_goes_along() {
    let first = mount(&["a"]);
    let node = first.walk("a").await.unwrap().attr.node;
    let reader = first.fs.open(node, READ).await.unwrap().handle;
    first.bucket.write("a", 20);
    let next = first.killed();
    assert!(matches!(
        next.fs.read(reader, 0, 1).await,
        Err(Error::Stale)
    ));
    assert_eq!(next.stat("a").await.unwrap().size, 20);
}

#[tokio::test]
async fn writers_go_on_clean_or_not() {
    let first = mount(&["clean", "dirty"]);
    let open = async |name: &str| {
        let node = first.walk(name).await.unwrap().attr.node;
        let handle = first.fs.open(node, WRITE).await.unwrap().handle;
        first
            .fs
            .write(handle, 10, Bytes::from_static(b"one"))
            .await
            .unwrap();
        handle
    };
    let clean = open("clean").await;
    first.fs.flush(clean).await.unwrap();
    let dirty = open("dirty").await;
    let made = first.fs.create(NodeId::ROOT, b"new", CREATOR, WRITE).await;
    let (made, new) = made.unwrap();

    let next = first.killed().killed();
    let data = Bytes::from_static(b"two");
    for handle in [clean, dirty] {
        next.fs.write(handle, 13, data.clone()).await.unwrap();
        next.fs.flush(handle).await.unwrap();
    }
    for name in ["clean", "dirty"] {
        let node = next.walk(name).await.unwrap().attr.node;
        let handle = next.fs.open(node, READ).await.unwrap().handle;
        let read = next.fs.read(handle, 10, 100).await.unwrap().concat();
        assert_eq!(read, b"onetwo", "{name}");
        next.fs.release(handle).await;
    }
    next.fs.write(new.handle, 0, data).await.unwrap();
    assert_eq!(next.kind("new").await, Some(FileKind::File));
    next.fs.flush(new.handle).await.unwrap();
    for handle in [clean, dirty, new.handle] {
        next.fs.release(handle).await;
    }
    assert_eq!(next.stat("new").await.unwrap().size, 3);
    assert_eq!(next.stat("new").await.unwrap().node, made.attr.node);
}

#[tokio::test]
async fn an_unlinked_file_goes_on_without_a_name() {
    let first = mount(&[]);
    let made = first.fs.create(NodeId::ROOT, b"new", CREATOR, BOTH).await;
    let (entry, opened) = made.unwrap();
    let one = Bytes::from_static(b"one");
    first.fs.write(opened.handle, 0, one).await.unwrap();
    first.fs.unlink(NodeId::ROOT, b"new").await.unwrap();
    let next = first.killed();
    assert_eq!(next.kind("new").await, None);
    let read = next.fs.read(opened.handle, 0, 9).await.unwrap().concat();
    assert_eq!(read, b"one");
    let two = Bytes::from_static(b"two");
    next.fs.write(opened.handle, 3, two).await.unwrap();
    let attr = next.fs.getattr(entry.attr.node, None).await.unwrap().attr;
    assert_eq!((attr.size, attr.nlink), (6, 0));
    next.fs.flush(opened.handle).await.unwrap();
    next.fs.release(opened.handle).await;
    assert!(next.bucket.keys().is_empty());
}

#[tokio::test]
async fn names_and_attributes_that_changed_are_the_successors() {
    let first = mount_with(FakeBucket::new(&["d/a", "d/b"]), |config| {
        config.details = true;
    });
    let a = first.walk("d/a").await.unwrap().attr.node;
    let d = first.walk("d").await.unwrap().attr.node;
    let change = SetAttr {
        mode: Some(0o600),
        ..SetAttr::default()
    };
    first.fs.setattr(a, None, change).await.unwrap();
    let flags = RenameFlags::default();
    let b = first.walk("d/b").await.unwrap().attr.node;
    first
        .fs
        .rename(d, b"b", NodeId::ROOT, b"c", flags)
        .await
        .unwrap();
    let next = first.killed();
    assert_eq!(next.stat("d/a").await.unwrap().mode, 0o600);
    assert_eq!(next.walk("c").await.unwrap().attr.node, b);
    assert_eq!(next.kind("d/b").await, None);
    next.fs.sync_all().await.unwrap();
    let last = next.killed();
    assert_eq!(
        last.stat("d/a").await.unwrap().mode,
        0o600,
        "it is in OSS now"
    );
}

#[tokio::test]
async fn what_the_kernel_forgot_leaves_no_record() {
    let keys: Vec<String> = (0..500).map(|n| format!("d/{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let first = mount_with(FakeBucket::new(&keys), |config| {
        config.max_stat_cache_size = 10;
    });
    let mut known = Vec::new();
    for key in &keys {
        known.push(first.walk(key).await.unwrap().attr.node);
        known.push(first.walk("d").await.unwrap().attr.node);
    }
    for node in known {
        first.fs.forget(node, 1);
    }
    first
        .fs
        .forget(first.walk("d").await.unwrap().attr.node, 501);
    let (next, files) = first.vault.killed();
    let (_, left) = Ledger::open(next, Budget::new(1 << 20), files).unwrap();
    assert!(left.values.len() <= 12, "{}", left.values.len());
}

/// The request as it comes again.
const AGAIN: Request = Request {
    number: 7,
    resent: true,
};
const ONCE: Request = Request {
    resent: false,
    ..AGAIN
};

#[tokio::test]
async fn handles_that_the_kernel_never_got_are_not_given_out_twice() {
    let first = mount(&["a"]);
    let flags = OpenFlags {
        exclusive: true,
        ..WRITE
    };
    let make = first.fs.create(NodeId::ROOT, b"new", CREATOR, flags);
    let (entry, opened) = first.fs.once(ONCE, make).await.unwrap();
    let next = first.killed();
    let make = next.fs.create(NodeId::ROOT, b"new", CREATOR, flags);
    let (same, again) = next.fs.once(AGAIN, make).await.unwrap();
    assert_eq!(
        (same.attr.node, again.handle),
        (entry.attr.node, opened.handle)
    );
    {
        let ns = next.fs.core.ns.lock();
        assert_eq!(ns.lookups(ns.resolve(same.attr.node).unwrap()), 1);
    }
    // Another process's exclusive create is refused as ever.
    let make = next.fs.create(NodeId::ROOT, b"new", CREATOR, flags);
    let other = Request {
        number: 9,
        resent: true,
    };
    assert!(matches!(
        next.fs.once(other, make).await,
        Err(Error::Exists)
    ));
    let dir = ONCE.run_now(|| next.fs.opendir(NodeId::ROOT)).unwrap();
    let last = next.killed();
    assert_eq!(
        AGAIN.run_now(|| last.fs.opendir(NodeId::ROOT)).unwrap(),
        dir
    );
}

#[tokio::test]
async fn what_an_open_cut_off_stays_cut_off_when_the_open_comes_again() {
    let first = mount(&["a"]);
    let node = first.walk("a").await.unwrap().attr.node;
    let cut = OpenFlags {
        truncate: true,
        ..WRITE
    };
    let open = first.fs.open(node, cut);
    let opened = first.fs.once(ONCE, open).await.unwrap();
    let next = first.killed();
    let again = next.fs.once(AGAIN, next.fs.open(node, cut)).await.unwrap();
    assert_eq!(again.handle, opened.handle);
    assert_eq!(next.fs.getattr(node, None).await.unwrap().attr.size, 0);
    next.fs.release(again.handle).await;
    let stored = next.bucket.read("a", &next.bucket.tag("a")).unwrap();
    assert!(stored.is_empty(), "{} bytes", stored.len());
}

#[tokio::test]
async fn changes_of_names_that_took_effect_are_not_made_twice() {
    // Each is killed once its effect is in OSS and before this mount knows.
    let files = ["d/a", "e/a", "e/b", "f/g/h", "r"];
    let first = mount_with(FakeBucket::new(&files), |_| {});
    for path in files {
        first.walk(path).await.unwrap();
    }
    let fresh = |mount: Mount| mount.killed();
    let dir = async |mount: &Mount, name: &str| mount.walk(name).await.unwrap().attr.node;
    let flags = RenameFlags {
        no_replace: true,
        ..RenameFlags::default()
    };

    let mut mount = fresh(first);
    let bucket = Arc::clone(&mount.bucket);

    // mkdir
    {
        let mut made = Box::pin(async {
            let made = mount.fs.mkdir(NodeId::ROOT, b"new", CREATOR);
            let _ = mount.fs.once(ONCE, made).await;
        });
        stalled(&mount, 1, made.as_mut()).await;
        std::mem::forget(made);
    }
    mount = fresh(mount);
    let other = mount.fs.mkdir(NodeId::ROOT, b"new", CREATOR).await;
    assert!(matches!(other, Err(Error::Exists)), "{other:?}");
    let made = mount.fs.mkdir(NodeId::ROOT, b"new", CREATOR);
    let made = mount.fs.once(AGAIN, made).await.unwrap();
    assert_eq!(made.attr.kind, FileKind::Directory);

    // unlink
    let d = dir(&mount, "d").await;
    let second = Request { number: 8, ..ONCE };
    {
        let mut gone = Box::pin(async {
            let _ = mount.fs.once(second, mount.fs.unlink(d, b"a")).await;
        });
        mount.walk("d/a").await.unwrap();
        stalled(&mount, 1, gone.as_mut()).await;
        std::mem::forget(gone);
    }
    mount = fresh(mount);
    let again = Request { number: 8, ..AGAIN };
    mount
        .fs
        .once(again, mount.fs.unlink(d, b"a"))
        .await
        .unwrap();
    assert!(matches!(
        mount.fs.unlink(d, b"a").await,
        Err(Error::NotFound)
    ));
    // Somebody made another one since.
    bucket.write("d/a", 77);
    mount
        .fs
        .once(again, mount.fs.unlink(d, b"a"))
        .await
        .unwrap();
    assert!(bucket.keys().contains(&"d/a".to_owned()));

    // rename of a file, killed between the copy and the deletion and after both, and of a directory.
    let renames = [
        (20, "e", "a", "e2", 1),
        (25, "e", "b", "e3", 2),
        // In one directory: a look for the new name shows that the old one is gone.
        (27, "", "r", "r2", 2),
        (30, "f", "g", "g2", 1),
    ];
    for (number, from, name, to, effects) in renames {
        let (parent, node) = if from.is_empty() {
            (NodeId::ROOT, dir(&mount, name).await)
        } else {
            let path = format!("{from}/{name}");
            (dir(&mount, from).await, dir(&mount, &path).await)
        };
        let first = Request { number, ..ONCE };
        {
            let mut moved = Box::pin(async {
                let _ = mount
                    .fs
                    .once(first, rename(&mount.fs, parent, name, to, flags))
                    .await;
            });
            stalled(&mount, effects, moved.as_mut()).await;
            std::mem::forget(moved);
        }
        mount = fresh(mount);
        let again = Request { number, ..AGAIN };
        mount
            .fs
            .once(again, rename(&mount.fs, parent, name, to, flags))
            .await
            .unwrap();
        assert_eq!(dir(&mount, to).await, node, "{to}");
        assert_eq!(mount.kind(&format!("{from}/{name}")).await, None);
        mount = fresh(mount);
        mount
            .fs
            .once(again, rename(&mount.fs, parent, name, to, flags))
            .await
            .unwrap();
        assert_eq!(dir(&mount, to).await, node, "{to}");
    }
    let keys = bucket.keys();
    assert_eq!(keys, ["d/a", "e2", "e3", "g2/h", "new/", "r2"]);
}

/// Killed when copy and deletion are made; the successor's table has the old name, since the file is being written.
#[tokio::test]
async fn a_file_that_is_being_written_goes_on_under_the_name_that_a_dead_process_gave_it() {
    for writes in [false, true] {
        let mut mount = mount(&["old"]);
        let node = mount.walk("old").await.unwrap().attr.node;
        let handle = mount.fs.open(node, WRITE).await.unwrap().handle;
        mount
            .fs
            .write(handle, 0, Bytes::from_static(b"one"))
            .await
            .unwrap();
        mount.fs.flush(handle).await.unwrap();
        let flags = RenameFlags::default();
        {
            let mut moved = Box::pin(async {
                let moved = rename(&mount.fs, NodeId::ROOT, "old", "new", flags);
                let _ = mount.fs.once(ONCE, moved).await;
            });
            stalled(&mount, 2, moved.as_mut()).await;
            std::mem::forget(moved);
        }
        mount = mount.killed();
        assert_eq!(mount.bucket.keys(), ["new"]);
        let more = Bytes::from_static(b"two");
        if writes {
            mount.fs.write(handle, 3, more.clone()).await.unwrap();
        }
        let moved = rename(&mount.fs, NodeId::ROOT, "old", "new", flags);
        mount.fs.once(AGAIN, moved).await.unwrap();
        if !writes {
            mount.fs.write(handle, 3, more).await.unwrap();
        }
        mount.fs.flush(handle).await.unwrap();
        assert_eq!(mount.bucket.keys(), ["new"], "{writes}");
        assert_eq!(mount.walk("new").await.unwrap().attr.node, node);
        let opened = mount.fs.open(node, READ).await.unwrap().handle;
        let read = mount.fs.read(opened, 0, 6).await.unwrap().concat();
        assert_eq!(read, b"onetwo", "{writes}");
    }
}

/// Polls a change until so many of its effects are in OSS, and no further.
async fn stalled(
    mount: &Mount,
    effects: u32,
    mut change: std::pin::Pin<&mut dyn Future<Output = ()>>,
) {
    let gate = mount.bucket.hold_answers();
    let mut before = mount.bucket.keys();
    let mut seen = 0;
    for _ in 0..100 {
        for _ in 0..8 {
            let done = std::future::poll_fn(|cx| Poll::Ready(change.as_mut().poll(cx))).await;
            assert!(done.is_pending());
            tokio::task::yield_now().await;
        }
        if mount.bucket.keys() != before {
            before = mount.bucket.keys();
            seen += 1;
        }
        if seen == effects {
            return;
        }
        gate.add_permits(1);
    }
    panic!("nothing happened: {before:?}");
}

async fn rename(
    fs: &FileSystem,
    parent: NodeId,
    name: &str,
    to: &str,
    flags: RenameFlags,
) -> Result<()> {
    fs.rename(parent, name.as_bytes(), NodeId::ROOT, to.as_bytes(), flags)
        .await
}

/// Reads some entries from `offset` on, and gives the offset behind the last.
async fn some(
    mount: &Mount,
    dir: DirHandle,
    offset: u64,
    room: usize,
    names: &mut Vec<String>,
) -> u64 {
    let (before, mut next) = (names.len(), offset);
    let mut sink = |entry: DirEntry<'_>| {
        if names.len() - before == room {
            return false;
        }
        next = entry.next_offset;
        names.push(entry.name.to_owned());
        true
    };
    match mount.fs.try_readdir(dir, offset, true, &mut sink) {
        Some(answer) => answer.unwrap(),
        None => mount
            .fs
            .readdir(dir, offset, true, &mut sink)
            .await
            .unwrap(),
    }
    next
}

#[tokio::test]
async fn a_listing_goes_on_with_each_entry_once() {
    let keys: Vec<String> = (0..60)
        .map(|n| {
            if n % 7 == 0 {
                format!("d/{n}/x")
            } else {
                format!("d/{n}")
            }
        })
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for (page, known) in [(1000, true), (1000, false), (10, false)] {
        for stop in [0, 1, 2, 3, 17, 58] {
            let mut mount = mount_with(FakeBucket::with_page(&keys, page), |_| {});
            let node = mount.walk("d").await.unwrap().attr.node;
            mount
                .fs
                .create(node, b"local", CREATOR, WRITE)
                .await
                .unwrap();
            if known {
                mount.entries(node, true, 100).await;
            }
            let dir = mount.fs.opendir(node).unwrap();
            let (mut names, mut offset) = (Vec::new(), 0);
            while names.len() < stop {
                let room = 5.min(stop - names.len());
                offset = some(&mount, dir, offset, room, &mut names).await;
            }
            // What a program had no room for is asked for again.
            some(&mount, dir, offset, 4, &mut Vec::new()).await;
            mount = mount.killed();
            for round in 0..100 {
                let before = names.len();
                offset = some(&mount, dir, offset, 5, &mut names).await;
                if names.len() == before {
                    break;
                }
                some(&mount, dir, offset, 2, &mut Vec::new()).await;
                if round == 3 {
                    mount = mount.killed();
                }
            }
            names.sort_unstable();
            let mut wanted: Vec<String> = (0..60).map(|n| n.to_string()).collect();
            wanted.extend([".", "..", "local"].map(str::to_owned));
            wanted.sort_unstable();
            assert_eq!(names, wanted, "{page} {known} {stop}");
        }
    }
}
