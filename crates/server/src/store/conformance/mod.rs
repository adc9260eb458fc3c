//! What every store must do. Each function is run over the memory store and the directory store.

use super::*;
use bytes::Bytes;
use ossplit_protocol::{crc64, etag};

mod versions;

pub(in crate::store) use versions::{sequential_uploads, symlinks, versions};

async fn stage(store: &Store, data: &[u8]) -> Staged {
    let mut writer = store.writer(Some(data.len() as u64));
    for piece in data.chunks(70_000) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn put(store: &Store, key: &str, data: &[u8]) -> ObjectRecord {
    let staged = stage(store, data).await;
    store
        .put("bucket", key, ObjectMeta::default(), staged, false)
        .await
        .unwrap()
}

async fn drain(mut reader: ContentReader) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(chunk) = reader.next().await {
        out.extend_from_slice(&chunk.unwrap());
    }
    out
}

async fn get(store: &Store, key: &str) -> Vec<u8> {
    let (record, content) = store.open("bucket", key, None).await.unwrap();
    let data = drain(content.read(0..record.size)).await;
    assert_eq!(crc64::checksum(&data), record.crc64, "{key}");
    data
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut out = vec![0; length];
    rng.fill(&mut out);
    out
}

/// Totals of a bucket that has nothing but objects of class Standard.
fn standard(objects: u64, bytes: u64) -> Totals {
    let mut totals = Totals::default();
    totals.classes[0] = ClassTotals { objects, bytes };
    totals
}

async fn bucket(store: &Store) {
    let made = store.create_bucket("bucket", StorageClass::Standard, Redundancy::Lrs, None);
    assert!(made.await.unwrap());
}

fn query(prefix: &str, delimiter: &str, after: &str, limit: usize) -> ListQuery {
    ListQuery {
        prefix: prefix.into(),
        delimiter: delimiter.into(),
        after: after.into(),
        limit,
    }
}

pub(super) async fn buckets(store: &Store) {
    let (std, ia) = (StorageClass::Standard, StorageClass::Ia);
    assert!(
        store
            .create_bucket("b-two", std, Redundancy::Lrs, Some(Acl::PublicRead))
            .await
            .unwrap()
    );
    assert!(
        store
            .create_bucket("b-one", ia, Redundancy::Zrs, None)
            .await
            .unwrap()
    );
    assert!(
        !store
            .create_bucket("b-two", std, Redundancy::Lrs, None)
            .await
            .unwrap()
    );
    assert_eq!(store.bucket("b-two").unwrap().acl, Acl::PublicRead);
    assert!(matches!(
        store
            .create_bucket("b-two", ia, Redundancy::Lrs, None)
            .await,
        Err(StoreError::BucketDiffers)
    ));
    store.set_bucket_acl("b-two", Acl::Private).await.unwrap();
    assert_eq!(store.bucket("b-two").unwrap().acl, Acl::Private);
    let page = store.list_buckets(&query("b-", "", "", 1));
    assert_eq!((page.last.as_str(), page.truncated), ("b-one", true));
    let page = store.list_buckets(&query("b-", "", "b-one", 9));
    assert_eq!((page.last.as_str(), page.truncated), ("b-two", false));
    store.delete_bucket("b-one").await.unwrap();
    assert!(matches!(
        store.delete_bucket("b-one").await,
        Err(StoreError::NoSuchBucket)
    ));

    bucket(store).await;
    put(store, "k", b"x").await;
    assert!(matches!(
        store.delete_bucket("bucket").await,
        Err(StoreError::BucketNotEmpty)
    ));
    store.delete("bucket", "k", None).await.unwrap();
    let id = store
        .create_upload("bucket", "k", ObjectMeta::default(), false)
        .await
        .unwrap();
    assert!(matches!(
        store.delete_bucket("bucket").await,
        Err(StoreError::BucketNotEmpty)
    ));
    assert_eq!(
        store.totals("bucket").await.unwrap(),
        (Totals::default(), 1, 0)
    );
    store.abort("bucket", "k", id).await.unwrap();
    store.delete_bucket("bucket").await.unwrap();
    assert!(matches!(
        store.open("bucket", "k", None).await,
        Err(StoreError::NoSuchBucket)
    ));
    assert!(matches!(
        store.head("bucket", "k", None).await,
        Err(StoreError::NoSuchBucket)
    ));
}

pub(super) async fn objects(store: &Store) {
    bucket(store).await;
    // Sizes around what is kept inline, a buffer and a segment.
    for (i, size) in [
        0,
        1,
        32 << 10,
        (32 << 10) + 1,
        512 << 10,
        (1 << 20) + 1,
        3_000_001,
    ]
    .into_iter()
    .enumerate()
    {
        let data = noise(size, i as u64);
        let record = put(store, "k", &data).await;
        assert_eq!(
            (record.size, record.crc64),
            (size as u64, crc64::checksum(&data))
        );
        assert_eq!(record.etag, etag::of_md5(&record.md5.unwrap()));
        assert!(get(store, "k").await == data, "{size} bytes");
        let middle = size / 3..size - size / 3;
        let (_, content) = store.open("bucket", "k", None).await.unwrap();
        let part = drain(content.read(middle.start as u64..middle.end as u64)).await;
        assert!(part == data[middle], "the middle of {size} bytes");
        assert_eq!(store.head("bucket", "k", None).await.unwrap(), record);
        let totals = standard(1, size as u64);
        assert_eq!(store.totals("bucket").await.unwrap(), (totals, 0, 0));
    }
    let refused = store.put(
        "bucket",
        "k",
        ObjectMeta::default(),
        stage(store, b"no").await,
        true,
    );
    assert!(matches!(refused.await, Err(StoreError::Exists)));
    assert!(store.delete("bucket", "k", None).await.unwrap().found);
    assert!(!store.delete("bucket", "k", None).await.unwrap().found);
    assert!(matches!(
        store.head("bucket", "k", None).await,
        Err(StoreError::NoSuchKey)
    ));
    let refused = store.put(
        "nowhere",
        "k",
        ObjectMeta::default(),
        stage(store, b"no").await,
        false,
    );
    assert!(matches!(refused.await, Err(StoreError::NoSuchBucket)));
    assert_eq!(store.totals("bucket").await.unwrap().0, Totals::default());
}

pub(super) async fn odd_keys_and_metadata(store: &Store) {
    bucket(store).await;
    let long = "k".repeat(1023);
    let keys = [
        "../../etc/passwd",
        "a\0b",
        "a//b",
        ".",
        "..",
        "dir/",
        "\u{1}",
        "中/文",
        &long,
    ];
    let meta = ObjectMeta {
        headers: vec![(StoredHeader::Expires, Bytes::from_static(b"not a date"))],
        user: vec![("name".into(), Bytes::from_static(b"\xFF\xFE raw"))],
        class: StorageClass::Ia,
        acl: Acl::PublicRead,
        tags: vec![("tag".into(), String::new()), ("a b".into(), "中".into())],
        encryption: Some(Encryption {
            algorithm: SseAlgorithm::Kms,
            key_id: Some("id".into()),
            sm4_data: true,
        }),
    };
    for key in keys {
        let staged = stage(store, key.as_bytes()).await;
        store
            .put("bucket", key, meta.clone(), staged, false)
            .await
            .unwrap();
    }
    for key in keys {
        assert_eq!(get(store, key).await, key.as_bytes());
        assert_eq!(store.head("bucket", key, None).await.unwrap().meta, meta);
    }
    let page = store.list("bucket", query("", "", "", 1000)).await.unwrap();
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert!(page.entries.iter().map(|(key, _)| key.as_str()).eq(sorted));
    let before = store.head("bucket", "..", None).await.unwrap();
    let private = |record: &mut ObjectRecord| {
        record.meta.acl = Acl::Private;
        Ok::<(), ()>(())
    };
    let changed = store.change("bucket", "..", None, private).await;
    changed.unwrap().unwrap();
    let refused = store.change("bucket", "..", None, |_| Err("no"));
    assert_eq!(refused.await.unwrap(), Err("no"));
    let after = store.head("bucket", "..", None).await.unwrap();
    assert_eq!((after.meta.acl, &after.etag), (Acl::Private, &before.etag));
    assert_ne!(after.revision, before.revision);
    let all = keys.iter().map(|key| ((*key).to_owned(), None)).collect();
    let gone = store.delete_many("bucket", all).await.unwrap();
    assert!(gone.len() == keys.len() && gone.iter().all(|one| one.found));
}

pub(super) async fn an_open_object_stays(store: &Store) {
    bucket(store).await;
    for (key, old) in [("small", noise(1000, 1)), ("large", noise(2_000_000, 2))] {
        put(store, key, &old).await;
        let (record, content) = store.open("bucket", key, None).await.unwrap();
        put(store, key, b"new").await;
        store.delete("bucket", key, None).await.unwrap();
        assert!(drain(content.read(0..record.size)).await == old, "{key}");
    }
    // Many files: they are kept until the reader is done.
    let id = store
        .create_upload("bucket", "k", ObjectMeta::default(), false)
        .await
        .unwrap();
    let mut whole = Vec::new();
    for number in 1..=6 {
        let data = noise(150_000, number);
        let mut writer = store.part_writer(None);
        writer.write(&data).await.unwrap();
        let staged = writer.finish().await.unwrap();
        store
            .put_part("bucket", "k", id, number as u16, staged)
            .await
            .unwrap();
        whole.extend(data);
    }
    store
        .complete("bucket", "k", id, Choice::All, None, false)
        .await
        .unwrap();
    let (record, content) = store.open("bucket", "k", None).await.unwrap();
    put(store, "k", b"new").await;
    assert!(drain(content.read(0..record.size)).await == whole);
}

pub(super) async fn copies(store: &Store) {
    bucket(store).await;
    for (name, size) in [("small", 10), ("large", 100_000)] {
        let data = noise(size, size as u64);
        let from = put(store, name, &data).await;
        let source = |revision| CopySource {
            bucket: "bucket".into(),
            key: name.into(),
            version: None,
            revision,
        };
        let meta = ObjectMeta {
            user: vec![("a".into(), Bytes::from_static(b"1"))],
            ..ObjectMeta::default()
        };
        let to = format!("{name}-copy");
        let copied = store
            .copy(source(from.revision), "bucket", &to, meta.clone(), false)
            .await
            .unwrap();
        assert_eq!(
            (&copied.etag, copied.crc64, &copied.meta),
            (&from.etag, from.crc64, &meta)
        );
        let refused = store
            .copy(source(from.revision), "bucket", &to, meta.clone(), true)
            .await;
        assert!(matches!(refused, Err(StoreError::Exists)));
        let refused = store.copy(
            source(from.revision + 99),
            "bucket",
            &to,
            meta.clone(),
            false,
        );
        assert!(matches!(refused.await, Err(StoreError::Changed)));
        // In place: only the metadata changes.
        let again = store.copy(source(from.revision), "bucket", name, meta.clone(), false);
        assert_eq!(again.await.unwrap().meta, meta);
        assert!(get(store, name).await == data);
        // Shared bytes live as long as either.
        store.delete("bucket", name, None).await.unwrap();
        assert!(get(store, &to).await == data, "{name}");
        store.delete("bucket", &to, None).await.unwrap();
    }
    assert_eq!(store.totals("bucket").await.unwrap().0, Totals::default());
}

pub(super) async fn appends(store: &Store) {
    bucket(store).await;
    let mut whole = Vec::new();
    let mut etags = std::collections::HashSet::new();
    let sizes = [
        10, 0, 20, 40_000, 5, 5, 70_000, 33_000, 100, 1_000_000, 3, 200_000,
    ];
    for (i, size) in sizes.into_iter().enumerate() {
        let data = noise(size, i as u64);
        let staged = stage(store, &data).await;
        let wrong = stage(store, b"x").await;
        let position = whole.len() as u64;
        let refused = store
            .append("bucket", "k", position + 1, ObjectMeta::default(), wrong)
            .await;
        assert!(
            matches!(refused, Err(StoreError::WrongPosition { length, crc64 })
            if length == position && crc64 == crc64::checksum(&whole))
        );
        let record = store
            .append("bucket", "k", position, ObjectMeta::default(), staged)
            .await
            .unwrap();
        whole.extend(data);
        assert_eq!(
            (record.size, record.crc64),
            (whole.len() as u64, crc64::checksum(&whole))
        );
        assert_eq!(record.kind, ObjectKind::Appendable);
        assert!(record.etag.ends_with("00000000\"") && etags.insert(record.etag));
        assert!(get(store, "k").await == whole, "after {size} bytes");
    }
    put(store, "normal", b"x").await;
    let staged = stage(store, b"y").await;
    let refused = store
        .append("bucket", "normal", 1, ObjectMeta::default(), staged)
        .await;
    assert!(matches!(refused, Err(StoreError::NotAppendable)));
    put(store, "k", b"").await;
    assert_eq!(store.totals("bucket").await.unwrap().0, standard(2, 1));
}

async fn part(store: &Store, id: UploadId, number: u16, data: &[u8]) -> PartRecord {
    let mut writer = store.part_writer(None);
    writer.write(data).await.unwrap();
    let staged = writer.finish().await.unwrap();
    store
        .put_part("bucket", "m", id, number, staged)
        .await
        .unwrap()
}

pub(super) async fn multipart(store: &Store) {
    bucket(store).await;
    let meta = ObjectMeta {
        user: vec![("a".into(), Bytes::from_static(b"1"))],
        ..ObjectMeta::default()
    };
    let id = store
        .create_upload("bucket", "m", meta.clone(), false)
        .await
        .unwrap();
    let (a, b, c) = (noise(102_400, 1), noise(200_000, 2), noise(7, 3));
    part(store, id, 1, &noise(150_000, 9)).await;
    let (pa, pb, pc) = (
        part(store, id, 1, &a).await,
        part(store, id, 5, &b).await,
        part(store, id, 10_000, &c).await,
    );
    part(store, id, 7, &b).await;
    let page = store.list_parts("bucket", "m", id, 1, 2).await.unwrap();
    assert_eq!(
        page.parts.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [5, 7]
    );
    assert!(page.truncated);
    assert_eq!(page.upload.meta, meta);
    let complete = |choice| store.complete("bucket", "m", id, choice, None, false);
    let listed = |parts: &[(u16, &PartRecord)]| {
        Choice::Listed(
            parts
                .iter()
                .map(|(n, p)| (*n, p.etag.to_lowercase()))
                .collect(),
        )
    };
    let wrong = Choice::Listed(vec![(1, "\"00\"".into())]);
    assert!(matches!(
        complete(wrong).await,
        Err(StoreError::InvalidPart { number: 1 })
    ));
    let absent = listed(&[(1, &pa), (2, &pb)]);
    assert!(matches!(
        complete(absent).await,
        Err(StoreError::InvalidPart { number: 2 })
    ));
    let small = part(store, id, 2, b"tiny").await;
    let refused = complete(listed(&[(1, &pa), (2, &small), (5, &pb)])).await;
    assert!(matches!(
        refused,
        Err(StoreError::PartTooSmall {
            number: 2,
            size: 4,
            ..
        })
    ));

    let done = complete(listed(&[(1, &pa), (5, &pb), (10_000, &pc)]))
        .await
        .unwrap();
    let whole = [a, b, c].concat();
    assert_eq!(
        (done.size, done.crc64),
        (whole.len() as u64, crc64::checksum(&whole))
    );
    assert_eq!((done.kind, &done.meta), (ObjectKind::Multipart, &meta));
    assert!(
        done.etag.ends_with("-3\"") && done.md5.is_none(),
        "{}",
        done.etag
    );
    assert!(get(store, "m").await == whole);
    let (_, content) = store.open("bucket", "m", None).await.unwrap();
    assert!(drain(content.read(102_000..302_401)).await == whole[102_000..302_401]);
    assert!(matches!(
        complete(Choice::All).await,
        Err(StoreError::NoSuchUpload)
    ));
    assert!(matches!(
        store.abort("bucket", "m", id).await,
        Err(StoreError::NoSuchUpload)
    ));
    assert_eq!(
        store.totals("bucket").await.unwrap().0.bytes(),
        whole.len() as u64
    );

    // A part made of a range, and of an object that is kept inline.
    put(store, "s", b"0123456789").await;
    let id = store
        .create_upload("bucket", "m", ObjectMeta::default(), false)
        .await
        .unwrap();
    for (number, key, range) in [(1u16, "m", 1000..150_000u64), (2, "s", 2..7)] {
        let (record, content) = store.open("bucket", key, None).await.unwrap();
        let data = drain(content.read(range.clone())).await;
        let source = PartSource {
            source: CopySource {
                bucket: "bucket".into(),
                key: key.into(),
                version: None,
                revision: record.revision,
            },
            range,
            etag: "\"AB\"".into(),
            crc64: crc64::checksum(&data),
        };
        store
            .copy_part("bucket", "m", id, number, source)
            .await
            .unwrap();
    }
    store.delete("bucket", "s", None).await.unwrap();
    store
        .complete("bucket", "m", id, Choice::All, Some(Acl::Private), false)
        .await
        .unwrap();
    assert!(get(store, "m").await == [&whole[1000..150_000], b"23456"].concat());
    let id = store
        .create_upload("bucket", "m", ObjectMeta::default(), false)
        .await
        .unwrap();
    let empty = store
        .complete("bucket", "m", id, Choice::All, None, false)
        .await;
    assert!(matches!(empty, Err(StoreError::InvalidPart { .. })));
    let pn = part(store, id, 3, b"").await;
    let refused = store
        .complete("bucket", "m", id, listed(&[(3, &pn)]), None, true)
        .await;
    assert!(matches!(refused, Err(StoreError::Exists)));
    store
        .complete("bucket", "m", id, listed(&[(3, &pn)]), None, false)
        .await
        .unwrap();
    assert!(get(store, "m").await.is_empty());
    store.delete("bucket", "m", None).await.unwrap();
    store.delete_bucket("bucket").await.unwrap();
}

pub(super) async fn completion_happens_once(store: &Store) {
    bucket(store).await;
    for round in 0..10 {
        let id = store
            .create_upload("bucket", "m", ObjectMeta::default(), false)
            .await
            .unwrap();
        part(store, id, 1, &noise(1000, round)).await;
        let complete = || store.complete("bucket", "m", id, Choice::All, None, false);
        let (a, b, c, d) = tokio::join!(
            complete(),
            complete(),
            store.abort("bucket", "m", id),
            complete()
        );
        let done = usize::from(a.is_ok())
            + usize::from(b.is_ok())
            + usize::from(c.is_ok())
            + usize::from(d.is_ok());
        assert_eq!(done, 1);
    }
}

pub(super) async fn appends_exclude_each_other(store: &Store) {
    bucket(store).await;
    for round in 0..10u64 {
        let mut tries = Vec::new();
        for n in 0..4u8 {
            tries.push((n, stage(store, &[n; 1000]).await));
        }
        let done = futures_util::future::join_all(tries.into_iter().map(|(_, staged)| {
            store.append("bucket", "k", round * 1000, ObjectMeta::default(), staged)
        }));
        let done = done.await.into_iter().flatten().count();
        assert_eq!(done, 1, "round {round}");
    }
    get(store, "k").await;
}

pub(super) async fn listings(store: &Store) {
    bucket(store).await;
    for key in ["a", "a/", "a/b", "a/b/c", "a0", "b//x", "中/1", "中/2"] {
        put(store, key, key.as_bytes()).await;
    }
    let names = |page: &Page<ListedObject>| -> Vec<String> {
        page.entries.iter().map(|(key, _)| key.clone()).collect()
    };
    let page = store
        .list("bucket", query("", "/", "", 1000))
        .await
        .unwrap();
    assert_eq!(names(&page), ["a", "a0"]);
    assert_eq!(page.common_prefixes, ["a/", "b/", "中/"]);
    assert!(!page.truncated);
    // Page by page, each common prefix once.
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = store
            .list("bucket", query("", "/", &after, 1))
            .await
            .unwrap();
        seen.push(page.last.clone());
        if !page.truncated {
            break;
        }
        after = page.last;
    }
    assert_eq!(seen, ["a", "a/", "a0", "b/", "中/"]);
    let page = store
        .list("bucket", query("a/", "/", "", 1000))
        .await
        .unwrap();
    assert_eq!(
        (names(&page), page.common_prefixes),
        (vec!["a/".into(), "a/b".into()], vec!["a/b/".into()])
    );
    assert!(matches!(
        store.list("nowhere", ListQuery::default()).await,
        Err(StoreError::NoSuchBucket)
    ));

    let mut ids = Vec::new();
    for key in ["u/1", "u/1", "u/2", "v", "u\0w"] {
        ids.push((
            key,
            store
                .create_upload("bucket", key, ObjectMeta::default(), false)
                .await
                .unwrap(),
        ));
    }
    ids.sort_unstable();
    let page = store
        .list_uploads("bucket", query("", "", "", 1000), None)
        .await
        .unwrap();
    assert!(
        page.entries
            .iter()
            .map(|u| (u.key.as_str(), u.id))
            .eq(ids.iter().copied())
    );
    let page = store
        .list_uploads("bucket", query("", "/", "", 1000), None)
        .await
        .unwrap();
    assert_eq!(
        (page.entries.len(), page.common_prefixes),
        (2, vec!["u/".to_owned()])
    );
    let after_first = store
        .list_uploads("bucket", query("", "", ids[1].0, 1), Some(ids[1].1))
        .await
        .unwrap();
    assert_eq!(after_first.entries[0].id, ids[2].1);
    assert!(after_first.truncated);
    let after_key = store
        .list_uploads("bucket", query("", "", "u/1", 9), None)
        .await
        .unwrap();
    assert_eq!(after_key.entries.len(), 2);
}
