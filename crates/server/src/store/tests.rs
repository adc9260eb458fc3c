use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeSet;

macro_rules! conformance {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::conformance::$name(&super::Store::in_memory()).await;
            })*
        }

        mod directory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::conformance::$name(&super::Store::in_directory(dir.path()).unwrap()).await;
            })*
        }
    };
}

conformance! {
    buckets
    objects
    odd_keys_and_metadata
    an_open_object_stays
    copies
    appends
    multipart
    completion_happens_once
    appends_exclude_each_other
    listings
    versions
    symlinks
    sequential_uploads
}

/// A listing in the plainest way.
fn model(keys: &BTreeSet<String>, query: &ListQuery) -> (Vec<String>, bool) {
    let mut out: Vec<String> = Vec::new();
    for key in keys {
        if !key.starts_with(&query.prefix) || *key <= query.after {
            continue;
        }
        let rest = &key[query.prefix.len()..];
        let shown = match rest.find(&query.delimiter) {
            Some(at) if !query.delimiter.is_empty() => {
                key[..query.prefix.len() + at + query.delimiter.len()].to_owned()
            }
            _ => key.clone(),
        };
        if shown == query.after || out.last() == Some(&shown) {
            continue;
        }
        if out.len() == query.limit {
            return (out, true);
        }
        out.push(shown);
    }
    (out, false)
}

fn shown(page: Page<ListedObject>) -> (Vec<String>, bool) {
    let mut all: Vec<String> = page.entries.into_iter().map(|(key, _)| key).collect();
    all.extend(page.common_prefixes);
    all.sort_unstable();
    (all, page.truncated)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn listings_agree_with_the_plainest_way(
        keys in proptest::collection::btree_set("[ab/\\x00中]{1,5}", 0..30),
        prefix in "[ab/中]{0,2}",
        delimiter in prop::sample::select(vec!["", "/", "a/", "\0", "中"]),
        after in "[ab/\\x00中]{0,3}",
        limit in 1usize..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::in_memory();
            let (class, redundancy) = (StorageClass::Standard, Redundancy::Lrs);
            store.create_bucket("bucket", class, redundancy, None).await.unwrap();
            for key in &keys {
                let staged = store.writer(None).finish().await.unwrap();
                store.put("bucket", key, ObjectMeta::default(), staged, false).await.unwrap();
            }
            let mut query = ListQuery { prefix, delimiter: delimiter.into(), after, limit };
            // From anywhere, and then page after page.
            loop {
                let page = store.list("bucket", query.clone()).await.unwrap();
                let (last, wanted) = (page.last.clone(), model(&keys, &query));
                let truncated = page.truncated;
                prop_assert_eq!(shown(page), wanted);
                if !truncated {
                    break;
                }
                query.after = last;
            }
            Ok(())
        })?;
    }
}

async fn bucket_of(store: &Store) {
    let (class, redundancy) = (StorageClass::Standard, Redundancy::Lrs);
    store
        .create_bucket("bucket", class, redundancy, None)
        .await
        .unwrap();
}

async fn put(store: &Store, key: &str, data: &[u8]) {
    let mut writer = store.writer(None);
    writer.write(data).await.unwrap();
    let staged = writer.finish().await.unwrap();
    store
        .put("bucket", key, ObjectMeta::default(), staged, false)
        .await
        .unwrap();
}

async fn get(store: &Store, key: &str) -> Vec<u8> {
    let (record, content) = store.open("bucket", key, None).await.unwrap();
    let mut reader = content.read(0..record.size);
    let mut out = Vec::new();
    while let Some(chunk) = reader.next().await {
        out.extend_from_slice(&chunk.unwrap());
    }
    out
}

/// Content files in a data directory.
fn files(dir: &Path) -> usize {
    fn count(path: &Path) -> usize {
        let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
        entries
            .map(|e| {
                if e.path().is_dir() {
                    count(&e.path())
                } else {
                    1
                }
            })
            .sum()
    }
    count(&dir.join("content"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_as_it_was_after_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (small, large) = (vec![1; 100], vec![2; 100_000]);
    let revision = {
        let store = Store::in_directory(dir.path()).unwrap();
        bucket_of(&store).await;
        let document = Some(Bytes::from_static(b"<Setting/>"));
        let before = store.set_setting("bucket", "cors", document).await;
        assert!(!before.unwrap());
        put(&store, "small", &small).await;
        put(&store, "large", &large).await;
        let error = Store::in_directory(dir.path()).err().unwrap().to_string();
        assert!(error.contains("in use by another"), "{error}");
        store.head("bucket", "large", None).await.unwrap().revision
    };
    let store = Store::in_directory(dir.path()).unwrap();
    assert!(store.bucket("bucket").is_some());
    let setting = store.setting("bucket", "cors").unwrap().unwrap();
    assert_eq!(setting, "<Setting/>");
    assert!(store.set_setting("bucket", "cors", None).await.unwrap());
    assert_eq!(store.setting("bucket", "cors").unwrap(), None);
    assert_eq!(get(&store, "small").await, small);
    assert_eq!(get(&store, "large").await, large);
    put(&store, "large", &small).await;
    assert!(store.head("bucket", "large", None).await.unwrap().revision > revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_is_swept_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::in_directory(dir.path()).unwrap();
        bucket_of(&store).await;
        put(&store, "kept", &vec![7; 100_000]).await;
        // Staged, and never named by a commit: as if the process had died in between.
        let mut writer = store.writer(None);
        writer.write(&vec![1; 100_000]).await.unwrap();
        std::mem::forget(writer.finish().await.unwrap());
        store.close();
    }
    assert_eq!(files(dir.path()), 2);
    {
        let store = Store::in_directory(dir.path()).unwrap();
        // Closing waits for the sweep of the run before.
        until(|| files(dir.path()) == 1).await;
        assert_eq!(get(&store, "kept").await, vec![7; 100_000]);
        put(&store, "kept", b"small").await;
        until(|| files(dir.path()) == 0).await;
    }
    // And a third run finds no run to sweep but the last.
    let store = Store::in_directory(dir.path()).unwrap();
    assert_eq!(get(&store, "kept").await, b"small");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_content_that_is_given_up_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::in_directory(dir.path()).unwrap();
    bucket_of(&store).await;
    let mut writer = store.writer(None);
    writer.write(&vec![1; 3_000_000]).await.unwrap();
    drop(writer);
    let mut writer = store.writer(None);
    writer.write(&vec![1; 3_000_000]).await.unwrap();
    drop(writer.finish().await.unwrap());
    until(|| files(dir.path()) == 0).await;
}

/// Waits for what a thread of the store does in its own time.
async fn until(done: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "not within 10 s");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
