use super::*;
use futures_util::FutureExt as _;

const CREATOR: Creator = Creator {
    uid: 7,
    gid: 8,
    mode: 0o604,
};
const APPEND: OpenFlags = OpenFlags {
    append: true,
    ..WRITE
};
const TRUNCATE: OpenFlags = OpenFlags {
    truncate: true,
    ..WRITE
};

impl Mount {
    pub(super) async fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened> {
        let node = self.walk(path).await?.attr.node;
        match self.fs.try_open(node, flags) {
            Some(answer) => answer,
            None => self.fs.open(node, flags).await,
        }
    }

    async fn create(&self, dir: NodeId, name: &str) -> FileHandle {
        let made = match self.fs.try_create(dir, name.as_bytes(), CREATOR, WRITE) {
            Some(made) => made,
            None => self.fs.create(dir, name.as_bytes(), CREATOR, WRITE).await,
        };
        made.unwrap().1.handle
    }

    pub(super) async fn read_all(&self, handle: FileHandle) -> Result<Vec<u8>> {
        let mut pieces = Vec::new();
        match self.fs.try_read(handle, 0, 1 << 20, &mut pieces) {
            Some(answer) => answer?,
            None => pieces = self.fs.read(handle, 0, 1 << 20).await?,
        }
        Ok(pieces.concat())
    }

    async fn cat(&self, path: &str) -> Result<Vec<u8>> {
        let handle = self.open(path, READ).await?.handle;
        let body = self.read_all(handle).await;
        self.fs.release(handle).await;
        body
    }

    async fn put(&self, handle: FileHandle, offset: u64, data: &'static str) {
        if self.fs.try_write(handle, offset, data.as_bytes()) {
            return;
        }
        let data = Bytes::from_static(data.as_bytes());
        self.fs.write(handle, offset, data).await.unwrap();
    }

    async fn close(&self, handle: FileHandle) {
        self.fs.flush(handle).await.unwrap();
        self.fs.release(handle).await;
    }
}

#[tokio::test]
async fn a_new_file_is_seen_here_at_once_and_there_when_flushed() {
    let mount = mount(&["d/old"]);
    let d = mount.walk("d").await.unwrap().attr.node;
    mount.walk("d/old").await.unwrap();
    mount.counts();
    let handle = mount.create(d, "new").await;
    mount.put(handle, 0, "hello").await;
    assert_eq!(mount.names(d).await, ["new", "old"]);
    let attr = mount.stat("d/new").await.unwrap();
    assert_eq!((attr.size, attr.mode, attr.uid, attr.gid), (5, 0o604, 7, 8));
    assert_eq!(
        mount.cat("d/new").await.unwrap(),
        b"hello",
        "reads go through the writer"
    );
    assert_eq!(mount.bucket.keys(), ["d/old"]);
    mount.close(handle).await;
    assert_eq!(mount.bucket.keys(), ["d/new", "d/old"]);
    assert_eq!(
        mount.counts(),
        Counts {
            put: 1,
            ..Counts::default()
        },
        "one PUT, nothing else"
    );
    assert_eq!(mount.stat("d/new").await.unwrap().mode, 0o604);
    assert_eq!(mount.cat("d/new").await.unwrap(), b"hello");
    assert_eq!(mount.counts().all(), 0);
}

#[tokio::test]
async fn only_the_flush_of_a_small_file_has_to_wait() {
    let mount = mount(&["d/old"]);
    let d = mount.walk("d").await.unwrap().attr.node;
    let fs = &mount.fs;
    // Whether the name is there has to be asked first, and one that is there is opened.
    assert!(fs.try_create(d, b"new", CREATOR, WRITE).is_none());
    mount.walk("d/new").await.unwrap_err();
    assert!(fs.try_create(d, b"old", CREATOR, WRITE).is_none());
    let made = fs.try_create(d, b"new", CREATOR, WRITE);
    let handle = made.unwrap().unwrap().1.handle;
    assert!(fs.try_write(handle, 0, b"hello"));
    assert!(!fs.try_release(handle), "it is not in OSS yet");
    assert_eq!(mount.stat("d/new").await.unwrap().size, 5);
    fs.flush(handle).await.unwrap();
    assert!(fs.try_release(handle));
    assert_eq!(mount.bucket.keys(), ["d/new", "d/old"]);
    // A request that comes again takes the long way, which knows what was done.
    let again = Request {
        number: 9,
        resent: true,
    };
    let made = again.run_now(|| fs.try_create(d, b"other", CREATOR, WRITE));
    assert!(made.is_none());
    // On a handle for appending it goes to the end, wherever the kernel thought that was.
    let append = OpenFlags {
        append: true,
        ..WRITE
    };
    let opened = mount.open("d/new", append).await.unwrap();
    assert!(fs.try_write(opened.handle, 0, b" again"));
    mount.close(opened.handle).await;
    assert_eq!(mount.cat("d/new").await.unwrap(), b"hello again");
}

#[tokio::test]
async fn an_empty_file_is_an_empty_object() {
    let mount = asking(&["x"]);
    assert_eq!(mount.kind("touched").await, None);
    let handle = mount.create(NodeId::ROOT, "touched").await;
    mount.close(handle).await;
    assert_eq!(mount.bucket.keys(), ["touched", "x"]);
    assert_eq!(mount.stat("touched").await.unwrap().size, 0);
}

#[tokio::test]
async fn a_file_being_made_is_listed_once() {
    for mount in [mount(&["a", "c"]), asking(&["a", "c"])] {
        let handle = mount.create(NodeId::ROOT, "b").await;
        assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b", "c"]);
        assert_eq!(mount.kind("b").await, Some(FileKind::File));
        let open = mount.fs.opendir(NodeId::ROOT).unwrap();
        // The listing begins while the file is not in OSS, and goes on when it is.
        let mut names = Vec::new();
        let mut sink = |entry: DirEntry<'_>| {
            names.push(entry.name.to_owned());
            names.len() < 3
        };
        mount.fs.readdir(open, 0, false, &mut sink).await.unwrap();
        mount.close(handle).await;
        let mut rest = Vec::new();
        let mut sink = |entry: DirEntry<'_>| {
            rest.push(entry.name.to_owned());
            true
        };
        mount.fs.readdir(open, 2, false, &mut sink).await.unwrap();
        assert_eq!(
            rest.iter().filter(|name| *name == "b").count(),
            1,
            "{rest:?}"
        );
        mount.fs.releasedir(open);
    }
}

#[tokio::test]
async fn create_opens_what_is_there_unless_exclusive() {
    let mount = mount(&["a", "d/x"]);
    let exclusive = OpenFlags {
        exclusive: true,
        ..WRITE
    };
    let root = NodeId::ROOT;
    let taken = mount.fs.create(root, b"a", CREATOR, exclusive).await;
    assert!(matches!(taken, Err(Error::Exists)));
    let dir = mount.fs.create(root, b"d", CREATOR, WRITE).await;
    assert!(matches!(dir, Err(Error::IsDirectory)));
    let node = mount.walk("a").await.unwrap().attr.node;
    let (entry, opened) = mount.fs.create(root, b"a", CREATOR, WRITE).await.unwrap();
    assert_eq!((entry.attr.node, entry.attr.size), (node, 10));
    mount.put(opened.handle, 10, "!").await;
    mount.close(opened.handle).await;
    assert_eq!(mount.stat("a").await.unwrap().size, 11);
    let (_, opened) = mount
        .fs
        .create(root, b"a", CREATOR, TRUNCATE)
        .await
        .unwrap();
    mount.close(opened.handle).await;
    assert_eq!(mount.stat("a").await.unwrap().size, 0);
}

#[tokio::test]
async fn append_from_two_handles() {
    let mount = mount(&["log"]);
    let first = mount.open("log", APPEND).await.unwrap().handle;
    let second = mount.open("log", APPEND).await.unwrap().handle;
    mount.put(first, 0, "one").await;
    mount.put(second, 0, "two").await;
    mount.put(first, 0, "three").await;
    mount.close(first).await;
    mount.close(second).await;
    let body = mount.cat("log").await.unwrap();
    assert_eq!(&body[10..], b"onetwothree");
}

#[tokio::test]
async fn truncating_and_resizing() {
    let mount = mount(&["a"]);
    let node = mount.walk("a").await.unwrap().attr.node;
    let cut = |size| SetAttr {
        size: Some(size),
        ..SetAttr::default()
    };
    let reply = mount.fs.setattr(node, None, cut(4)).await.unwrap();
    assert_eq!(reply.attr.size, 4);
    assert_eq!(mount.cat("a").await.unwrap().len(), 4);
    mount.fs.setattr(node, None, cut(0)).await.unwrap();
    assert!(mount.cat("a").await.unwrap().is_empty());
    let handle = mount.open("a", TRUNCATE).await.unwrap().handle;
    mount.put(handle, 0, "abcdef").await;
    mount.fs.setattr(node, Some(handle), cut(3)).await.unwrap();
    assert_eq!(mount.stat("a").await.unwrap().size, 3);
    let again = mount.open("a", TRUNCATE).await.unwrap().handle;
    assert_eq!(mount.stat("a").await.unwrap().size, 0);
    mount.close(again).await;
    mount.close(handle).await;
    assert_eq!(mount.stat("a").await.unwrap().size, 0);
}

#[tokio::test]
async fn attributes_set_here_last_as_long_as_the_mount() {
    let mount = mount_with(FakeBucket::new(&["a", "b", "c"]), |config| {
        config.max_stat_cache_size = 1;
    });
    let node = mount.walk("a").await.unwrap().attr.node;
    let change = SetAttr {
        mode: Some(0o600),
        uid: Some(3),
        mtime: Some(42),
        ..SetAttr::default()
    };
    let reply = mount.fs.setattr(node, None, change).await.unwrap();
    assert_eq!(
        (reply.attr.mode, reply.attr.uid, reply.attr.mtime),
        (0o600, 3, 42)
    );
    mount.fs.forget(node, 1);
    for name in ["b", "c"] {
        mount.stat(name).await.unwrap();
    }
    mount.clock.advance(Duration::from_secs(901));
    let attr = mount.stat("a").await.unwrap();
    assert_eq!((attr.mode, attr.mtime), (0o600, 42));
    let handle = mount.open("a", WRITE).await.unwrap().handle;
    mount.put(handle, 0, "x").await;
    assert_ne!(mount.stat("a").await.unwrap().mtime, 42, "a write is newer");
    mount.close(handle).await;
}

#[tokio::test]
async fn metadata_of_the_object_show_where_an_answer_had_them() {
    let mount = asking(&[]);
    let handle = mount.create(NodeId::ROOT, "a").await;
    mount.close(handle).await;
    let other = mount_with(Arc::clone(&mount.bucket), |config| {
        config.max_stat_cache_size = 0;
    });
    assert_eq!(
        other.stat("a").await.unwrap().mode,
        0o640,
        "a listing has none"
    );
    assert_eq!(other.stat("a").await.unwrap().mode, 0o604, "a HEAD has");
    assert_eq!(other.names(NodeId::ROOT).await, ["a"]);
    assert_eq!(
        other.stat("a").await.unwrap().uid,
        7,
        "and a listing of the same version keeps them"
    );
}

#[tokio::test]
async fn a_changed_object_is_stale_on_the_old_handle_and_new_on_the_next() {
    for mount in [mount(&["a"]), asking(&["a"])] {
        let old = mount.open("a", READ).await.unwrap().handle;
        mount.bucket.write("a", 20);
        assert!(matches!(mount.read_all(old).await, Err(Error::Stale)));
        // The stale read tells the namespace: even with a TTL the next open asks.
        let new = mount.open("a", READ).await.unwrap().handle;
        assert_eq!(mount.read_all(new).await.unwrap().len(), 20);
        assert!(matches!(mount.read_all(old).await, Err(Error::Stale)));
        mount.fs.release(old).await;
        mount.fs.release(new).await;
    }
}

#[tokio::test]
async fn the_page_cache_is_kept_for_the_same_version_only() {
    let mount = mount_with(FakeBucket::new(&["a"]), |config| config.kernel_cache = true);
    let open = async || {
        let opened = mount.open("a", READ).await.unwrap();
        assert!(opened.no_flush);
        mount.fs.release(opened.handle).await;
        opened.keep_cache
    };
    assert!(!open().await, "nothing is known of the page cache");
    assert!(open().await);
    mount.clock.advance(Duration::from_secs(901));
    assert!(open().await, "asked again, the same ETag");
    mount.bucket.write("a", 11);
    mount.clock.advance(Duration::from_secs(901));
    assert!(!open().await, "another version");
    assert!(open().await);
    let handle = mount.open("a", WRITE).await.unwrap().handle;
    mount.put(handle, 0, "x").await;
    mount.close(handle).await;
    assert!(open().await, "written through the same page cache");
    let off = super::mount(&["a"]);
    for _ in 0..2 {
        assert!(!off.open("a", READ).await.unwrap().keep_cache);
    }
}

#[tokio::test]
async fn open_readers_see_what_is_written_here() {
    let mount = mount(&["a"]);
    let reader = mount.open("a", READ).await.unwrap().handle;
    assert_eq!(mount.read_all(reader).await.unwrap().len(), 10);
    let writer = mount.open("a", TRUNCATE).await.unwrap().handle;
    mount.put(writer, 0, "new").await;
    assert_eq!(mount.read_all(reader).await.unwrap(), b"new");
    mount.close(writer).await;
    assert_eq!(mount.read_all(reader).await.unwrap(), b"new");
    assert!(matches!(
        mount.fs.read(writer, 0, 1).await,
        Err(Error::BadHandle)
    ));
    assert!(matches!(
        mount.fs.write(reader, 0, Bytes::new()).await,
        Err(Error::WrongMode)
    ));
    mount.fs.release(reader).await;
}

#[tokio::test]
async fn an_unlinked_file_does_not_come_back() {
    let mount = mount(&["a"]);
    let handle = mount.open("a", WRITE).await.unwrap().handle;
    mount.put(handle, 0, "x").await;
    mount.fs.unlink(NodeId::ROOT, b"a").await.unwrap();
    mount.put(handle, 0, "y").await;
    mount.close(handle).await;
    assert!(mount.bucket.keys().is_empty());
    assert_eq!(mount.bucket.log().last().unwrap(), "DISCARD a");
    let handle = mount.create(NodeId::ROOT, "new").await;
    mount.counts();
    mount.fs.unlink(NodeId::ROOT, b"new").await.unwrap();
    mount.close(handle).await;
    assert_eq!(mount.counts().all(), 0, "it never was in OSS");
    assert!(mount.names(NodeId::ROOT).await.is_empty());
}

/// `a` is removed, or `b` takes its place.
async fn a_goes(fs: &FileSystem, replaced: bool) {
    let (root, flags) = (NodeId::ROOT, RenameFlags::default());
    let gone = if replaced {
        fs.rename(root, b"b", root, b"a", flags).await
    } else {
        fs.unlink(root, b"a").await
    };
    gone.unwrap();
}

#[tokio::test]
async fn who_opens_a_file_while_its_name_goes_comes_after_that() {
    // Each change takes effect, and its answer is on its way when the file is opened.
    for [replaced, made] in [[false; 2], [false, true], [true, false], [true; 2]] {
        let mount = mount(&["a", "b"]);
        let node = mount.walk("a").await.unwrap().attr.node;
        mount.walk("b").await.unwrap();
        let gate = mount.bucket.hold_answers();
        let fs = &mount.fs;
        let change = a_goes(fs, replaced);
        let open = async {
            mount.let_run().await;
            assert!(fs.try_open(node, WRITE).is_none());
            let opens = async {
                if made {
                    let made = fs.create(NodeId::ROOT, b"a", CREATOR, WRITE).await;
                    return Some(made.unwrap().1);
                }
                let opened = fs.open(node, WRITE).await;
                assert!(
                    matches!(opened, Err(Error::Stale)),
                    "the kernel looks again"
                );
                None
            };
            let mut opens = std::pin::pin!(opens);
            assert!(opens.as_mut().now_or_never().is_none(), "it waits");
            gate.add_permits(100);
            opens.await
        };
        let ((), opened) = tokio::join!(change, open);
        if let Some(opened) = opened {
            mount.put(opened.handle, 0, "mine").await;
            mount.close(opened.handle).await;
            let wanted = if replaced { 10 } else { 4 };
            assert_eq!(mount.stat("a").await.unwrap().size, wanted);
        }
        let kept: &[&str] = match (replaced, made) {
            (true, _) => &["a"],
            (false, true) => &["a", "b"],
            (false, false) => &["b"],
        };
        assert_eq!(mount.bucket.keys(), kept);
    }
}

#[tokio::test]
async fn what_is_made_while_its_directory_is_renamed_goes_along() {
    for first in [false, true] {
        let mount = mount(&["d/", "d/f"]);
        let dir = mount.walk("d").await.unwrap().attr.node;
        // What is asked for first is on its way when the other one begins: an answer to the rename, the request of mkdir.
        let gate = if first {
            mount.bucket.hold_answers()
        } else {
            mount.bucket.hold_markers()
        };
        let fs = &mount.fs;
        let rename = async {
            let (root, flags) = (NodeId::ROOT, RenameFlags::default());
            fs.rename(root, b"d", root, b"e", flags).await.unwrap();
        };
        let make = async {
            fs.mkdir(dir, b"made", CREATOR).await.unwrap();
            fs.symlink(dir, b"link", b"made", CREATOR).await.unwrap();
        };
        let open_the_gate = async {
            mount.let_run().await;
            gate.add_permits(100);
        };
        let (mut rename, mut make) = (std::pin::pin!(rename), std::pin::pin!(make));
        let begun = if first {
            rename.as_mut().now_or_never()
        } else {
            make.as_mut().now_or_never()
        };
        assert!(begun.is_none());
        mount.let_run().await;
        tokio::join!(rename, make, open_the_gate);
        assert_eq!(mount.bucket.keys(), ["e/", "e/f", "e/link", "e/made/"]);
        assert_eq!(mount.kind("e/made").await, Some(FileKind::Directory));
        assert_eq!(mount.kind("e/link").await, Some(FileKind::Symlink));
    }
}

#[tokio::test]
async fn what_was_opened_before_its_name_goes_never_comes_back() {
    for replaced in [false, true] {
        let mount = mount(&["a", "b"]);
        mount.walk("b").await.unwrap();
        let handle = mount.open("a", WRITE).await.unwrap().handle;
        let tag = mount.bucket.tag("b");
        let gate = mount.bucket.hold_answers();
        let fs = &mount.fs;
        let change = a_goes(fs, replaced);
        let close = async {
            mount.let_run().await;
            let close = async {
                mount.put(handle, 0, "gone").await;
                mount.close(handle).await;
            };
            let mut close = std::pin::pin!(close);
            assert!(close.as_mut().now_or_never().is_none(), "it waits");
            gate.add_permits(100);
            close.await;
        };
        tokio::join!(change, close);
        assert_eq!(mount.bucket.keys(), [if replaced { "a" } else { "b" }]);
        if replaced {
            assert_eq!(mount.bucket.tag("a"), tag);
        }
    }
}

#[tokio::test]
async fn a_rename_takes_open_files_along() {
    let mount = mount(&["d/r", "d/w", "d/t"]);
    let reader = mount.open("d/r", READ).await.unwrap().handle;
    let writer = mount.open("d/w", APPEND).await.unwrap().handle;
    let d = mount.walk("d").await.unwrap().attr.node;
    let made = mount.create(d, "made").await;
    mount.put(writer, 0, "one").await;
    mount.put(made, 0, "m").await;
    let flags = RenameFlags::default();
    mount
        .fs
        .rename(NodeId::ROOT, b"d", NodeId::ROOT, b"e", flags)
        .await
        .unwrap();
    assert_eq!(mount.bucket.keys(), ["e/made", "e/r", "e/t", "e/w"]);
    mount.put(writer, 0, "two").await;
    mount.put(made, 1, "n").await;
    assert_eq!(mount.read_all(reader).await.unwrap().len(), 10);
    mount.close(writer).await;
    mount.close(made).await;
    mount.fs.release(reader).await;
    assert_eq!(mount.cat("e/made").await.unwrap(), b"mn");
    assert_eq!(&mount.cat("e/w").await.unwrap()[10..], b"onetwo");
    assert_eq!(mount.cat("e/t").await.unwrap().len(), 10);
    // The usual way to save: write another file, rename it over.
    let e = mount.walk("e").await.unwrap().attr.node;
    let temporary = mount.create(e, "tmp").await;
    mount.put(temporary, 0, "saved").await;
    mount.fs.rename(e, b"tmp", e, b"t", flags).await.unwrap();
    mount.close(temporary).await;
    assert_eq!(mount.cat("e/t").await.unwrap(), b"saved");
    assert_eq!(mount.bucket.keys(), ["e/made", "e/r", "e/t", "e/w"]);
}

#[tokio::test]
async fn a_failed_upload_is_told_and_leaves_the_truth() {
    let mount = mount(&["a"]);
    mount.walk("a").await.unwrap();
    mount.bucket.refuse("");
    let handle = mount.open("a", TRUNCATE).await.unwrap().handle;
    mount.put(handle, 0, "lost").await;
    assert!(matches!(
        mount.fs.flush(handle).await,
        Err(Error::Denied(_))
    ));
    mount.fs.release(handle).await;
    assert_eq!(mount.stat("a").await.unwrap().size, 10, "asked again");
    let handle = mount.create(NodeId::ROOT, "new").await;
    assert!(mount.fs.flush(handle).await.is_err());
    mount.fs.release(handle).await;
    assert_eq!(mount.kind("new").await, None);
}

#[tokio::test]
async fn neighbours_are_fetched_ahead() {
    let small = mount(&["d/1", "d/2", "d/3", "d/4", "other"]);
    let handle = small.open("d/1", READ).await.unwrap().handle;
    small.let_run().await;
    assert_eq!(*small.contents.ahead.lock(), ["d/2", "d/3", "d/4"]);
    small.fs.release(handle).await;
}

#[tokio::test]
async fn a_read_only_mount_opens_for_reading_only() {
    let mount = mount_with(FakeBucket::new(&["a", "d/x"]), |config| {
        config.read_only = true;
    });
    assert!(matches!(mount.open("a", WRITE).await, Err(Error::ReadOnly)));
    assert!(matches!(
        mount.open("d", READ).await,
        Err(Error::IsDirectory)
    ));
    let made = mount.fs.create(NodeId::ROOT, b"n", CREATOR, WRITE).await;
    assert!(matches!(made, Err(Error::ReadOnly)));
    let node = mount.walk("a").await.unwrap().attr.node;
    let cut = SetAttr {
        size: Some(0),
        ..SetAttr::default()
    };
    assert!(matches!(
        mount.fs.setattr(node, None, cut).await,
        Err(Error::ReadOnly)
    ));
    assert_eq!(mount.cat("a").await.unwrap().len(), 10);
}

/// The bridge spawns every one of these.
#[tokio::test]
async fn futures_can_be_spawned() {
    fn spawnable<T: Send>(_: T) {}
    let mount = mount(&[]);
    let (fs, root, handle) = (&mount.fs, NodeId::ROOT, FileHandle(1));
    spawnable(fs.lookup(root, b""));
    spawnable(fs.getattr(root, None));
    spawnable(fs.setattr(root, None, SetAttr::default()));
    spawnable(fs.mkdir(root, b"", CREATOR));
    spawnable(fs.create(root, b"", CREATOR, WRITE));
    spawnable(fs.unlink(root, b""));
    spawnable(fs.rmdir(root, b""));
    spawnable(fs.rename(root, b"", root, b"", RenameFlags::default()));
    spawnable(fs.open(root, READ));
    spawnable(fs.read(handle, 0, 1));
    spawnable(fs.write(handle, 0, Bytes::new()));
    spawnable(fs.flush(handle));
    spawnable(fs.release(handle));
    spawnable(fs.readdir(DirHandle(1), 0, true, &mut |_| true));
}
