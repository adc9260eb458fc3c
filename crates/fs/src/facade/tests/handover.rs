use super::*;

const READ: OpenFlags = OpenFlags {
    read: true,
    write: false,
    append: false,
    truncate: false,
    exclusive: false,
};
const WRITE: OpenFlags = OpenFlags {
    read: false,
    write: true,
    ..READ
};

/// The mount after its process was replaced: the state goes through an encoding.
fn successor(mount: &Mount) -> Mount {
    let state = mount.fs.export();
    let next = mount_with(Arc::clone(&mount.bucket), |config| {
        *config = mount.fs.core.config.clone();
    });
    next.clock.advance(Duration::from_secs(5));
    next.fs.restore(&state);
    assert_eq!(
        named(&next.fs.export()),
        named(&state),
        "nothing is lost in a second change"
    );
    next
}

/// Everything that the kernel can name, with its lookup count.
fn named(state: &FileSystemState) -> Vec<(u64, u64)> {
    let nodes = state
        .namespace
        .nodes
        .iter()
        .map(|node| (node.id, u64::from(node.lookups)));
    let files = state.files.iter().map(|file| (file.handle, file.node));
    let mut all: Vec<_> = nodes
        .chain(files)
        .chain(state.dirs.iter().copied())
        .collect();
    all.sort_unstable();
    all
}

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

        let next = successor(&first);
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
    let next = successor(&first);
    assert!(matches!(
        next.fs.read(reader, 0, 1).await,
        Err(Error::Stale)
    ));
    assert_eq!(next.stat("a").await.unwrap().size, 20);
}

#[tokio::test]
async fn clean_writers_go_on_and_dirty_ones_say_so() {
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
    let creator = Creator {
        uid: 0,
        gid: 0,
        mode: 0o644,
    };
    let (made, new) = first
        .fs
        .create(NodeId::ROOT, b"new", creator, WRITE)
        .await
        .unwrap();

    let next = successor(&first);
    let data = Bytes::from_static(b"two");
    next.fs.write(clean, 13, data.clone()).await.unwrap();
    next.fs.flush(clean).await.unwrap();
    assert_eq!(next.stat("clean").await.unwrap().size, 16);
    assert!(matches!(
        next.fs.write(dirty, 13, data.clone()).await,
        Err(Error::Lost)
    ));
    assert!(matches!(next.fs.flush(dirty).await, Err(Error::Lost)));
    next.fs.release(dirty).await;
    assert_eq!(next.stat("dirty").await.unwrap().size, 10, "as OSS has it");
    assert!(matches!(
        next.fs.write(new.handle, 0, data).await,
        Err(Error::Lost)
    ));
    next.fs.release(new.handle).await;
    next.fs.forget(made.attr.node, 1);
    assert_eq!(next.kind("new").await, None);
}

#[tokio::test]
async fn after_sync_all_nothing_is_dirty() {
    let first = mount(&[]);
    let creator = Creator {
        uid: 0,
        gid: 0,
        mode: 0o644,
    };
    let (_, new) = first
        .fs
        .create(NodeId::ROOT, b"new", creator, WRITE)
        .await
        .unwrap();
    first
        .fs
        .write(new.handle, 0, Bytes::from_static(b"one"))
        .await
        .unwrap();
    first.fs.sync_all().await.unwrap();
    let next = successor(&first);
    next.fs
        .write(new.handle, 3, Bytes::from_static(b"two"))
        .await
        .unwrap();
    next.fs.flush(new.handle).await.unwrap();
    assert_eq!(next.stat("new").await.unwrap().size, 6);
}
