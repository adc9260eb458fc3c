//! What the server tells the kernel unasked.

use std::ffi::OsStr;
use std::fs;
use std::sync::Arc;

use ossplit_fuse::{Notified, OpenReplyFlags};

use crate::harness::{Meeting, Mounted};
use crate::memfs::{Act, MemFs};

/// A tree with `file`, and how often it was looked up, asked for attributes and read.
fn counting() -> (Arc<MemFs>, Arc<Meeting>, Arc<Meeting>) {
    let (asked, read) = (Arc::new(Meeting::default()), Arc::new(Meeting::default()));
    let (on_ask, on_read) = (Arc::clone(&asked), Arc::clone(&read));
    let filesystem = MemFs {
        hook: Box::new(move |operation, _, _| {
            if operation == "lookup" {
                on_ask.arrive();
            }
            Act::Serve
        }),
        on_read: Box::new(move |_, _, reply| {
            on_read.arrive();
            Some(reply)
        }),
        open_flags: OpenReplyFlags::KEEP_CACHE,
        ..MemFs::new()
    };
    filesystem
        .tree
        .add(1, OsStr::new("file"), libc::S_IFREG | 0o644, &[b'a'; 8192])
        .unwrap();
    (Arc::new(filesystem), asked, read)
}

#[test]
fn names_are_dropped_and_expired() {
    let (filesystem, asked, _) = counting();
    let mounted = Mounted::new(&filesystem, 1);
    let path = mounted.path("file");
    let name = OsStr::new("file");
    for _ in 0..3 {
        fs::metadata(&path).unwrap();
    }
    assert_eq!(asked.count(), 1, "the name is cached");
    assert_eq!(mounted.notifier.inval_entry(1, name), Ok(Notified::Done));
    fs::metadata(&path).unwrap();
    assert_eq!(asked.count(), 2);
    assert_eq!(mounted.notifier.expire_entry(1, name), Ok(Notified::Done));
    fs::metadata(&path).unwrap();
    assert_eq!(asked.count(), 3);
    assert_eq!(
        mounted.notifier.inval_entry(1, OsStr::new("unknown")),
        Ok(Notified::Unknown)
    );
    assert_eq!(
        mounted.notifier.inval_inode(4711, 0, 0),
        Ok(Notified::Unknown)
    );
    assert_eq!(mounted.notifier.delete(1, 2, name), Ok(Notified::Done));
    fs::metadata(&path).unwrap();
    assert_eq!(asked.count(), 4);
}

#[test]
fn pushed_pages_are_read_without_a_request() {
    let (filesystem, _, read) = counting();
    let mounted = Mounted::new(&filesystem, 1);
    let path = mounted.path("file");
    fs::metadata(&path).unwrap();
    assert_eq!(
        mounted.notifier.store(2, 0, &[b'b'; 8192]),
        Ok(Notified::Done)
    );
    assert!(fs::read(&path).unwrap() == [b'b'; 8192], "what was pushed");
    assert_eq!(read.count(), 0);
    mounted.notifier.inval_inode(2, 0, 0).unwrap();
    assert!(
        fs::read(&path).unwrap() == [b'a'; 8192],
        "what the server has"
    );
    assert_ne!(read.count(), 0);
}
