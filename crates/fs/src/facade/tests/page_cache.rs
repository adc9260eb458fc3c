//! What may be put into the page cache, and when.

use super::*;
use crate::facade::page_cache::PageSink;

/// Takes everything.
#[derive(Default)]
struct Sink(Mutex<Vec<(NodeId, u64, Vec<u8>)>>);

impl PageSink for Sink {
    fn store(&self, node: NodeId, offset: u64, data: &[u8]) -> bool {
        self.0.lock().push((node, offset, data.to_vec()));
        true
    }
}

fn pushing(change: impl FnOnce(&mut FsConfig)) -> (Mount, Arc<Sink>) {
    let mount = mount_with(FakeBucket::new(&["a"]), |config| {
        config.read_only = true;
        config.kernel_cache = true;
        change(config);
    });
    let sink = Arc::new(Sink::default());
    mount
        .fs
        .push_pages_to(Arc::clone(&sink) as Arc<dyn PageSink>);
    (mount, sink)
}

#[tokio::test]
async fn nothing_is_offered_where_pages_are_dropped_or_written() {
    for (read_only, kernel_cache, offered) in [(true, true, 1), (true, false, 0), (false, true, 0)]
    {
        let (mount, _) = pushing(|config| {
            config.read_only = read_only;
            config.kernel_cache = kernel_cache;
        });
        let handle = mount.open("a", READ).await.unwrap().handle;
        mount.read_all(handle).await.unwrap();
        assert_eq!(mount.contents.offered.lock().len(), offered);
        mount.fs.release(handle).await;
    }
}

#[tokio::test]
async fn only_the_version_that_the_node_has_is_put_there() {
    let (mount, sink) = pushing(|_| {});
    let node = mount.walk("a").await.unwrap().attr.node;
    let handle = mount.open("a", READ).await.unwrap().handle;
    mount.read_all(handle).await.unwrap();
    let pages = mount.contents.offered.lock().pop().unwrap();
    assert!(pages.store(0, b"one"));
    assert_eq!(sink.0.lock().pop(), Some((node, 0, b"one".to_vec())));
    // Closed, and the node has the same version yet.
    mount.fs.release(handle).await;
    assert!(pages.store(4096, b"two"));
    assert_eq!(sink.0.lock().pop(), Some((node, 4096, b"two".to_vec())));
    // Another one.
    mount.bucket.write("a", 20);
    mount.clock.advance(Duration::from_secs(901));
    assert_eq!(mount.walk("a").await.unwrap().attr.node, node);
    assert!(!pages.store(0, b"old"));
    assert_eq!(sink.0.lock().len(), 0);
}

#[tokio::test]
async fn a_node_that_is_open_keeps_its_version_and_its_pages() {
    let (mount, sink) = pushing(|_| {});
    let node = mount.walk("a").await.unwrap().attr.node;
    let handle = mount.open("a", READ).await.unwrap().handle;
    mount.read_all(handle).await.unwrap();
    let pages = mount.contents.offered.lock().pop().unwrap();
    mount.bucket.write("a", 20);
    mount.clock.advance(Duration::from_secs(901));
    assert_ne!(mount.walk("a").await.unwrap().attr.node, node);
    assert!(pages.store(0, b"old"), "of the node without a name");
    assert_eq!(sink.0.lock().pop(), Some((node, 0, b"old".to_vec())));
    mount.fs.stop_pushing();
    assert!(!pages.store(0, b"old"));
    mount.fs.release(handle).await;
    assert_eq!(sink.0.lock().len(), 0);
}
