use super::*;
use crate::store::{ObjectMeta, ObjectRecord, Redundancy, StorageClass, VersionId, now_ms};
use bytes::Bytes;

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn store(rules: &str) -> Store {
    let store = Store::in_memory();
    let (class, redundancy) = (StorageClass::Standard, Redundancy::Lrs);
    let made = store.create_bucket("bucket", class, redundancy, None);
    made.await.unwrap();
    let document = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    let set = store.set_setting("bucket", "lifecycle", Some(Bytes::from(document)));
    set.await.unwrap();
    store
}

async fn put(store: &Store, key: &str, size: usize, tags: &[(&str, &str)]) -> ObjectRecord {
    let mut writer = store.writer(None);
    writer.write(&vec![0; size]).await.unwrap();
    let staged = writer.finish().await.unwrap();
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let meta = ObjectMeta {
        tags: tags.iter().map(own).collect(),
        ..ObjectMeta::default()
    };
    store.put("bucket", key, meta, staged, false).await.unwrap()
}

async fn keys(store: &Store) -> Vec<String> {
    let all = ListQuery {
        limit: PAGE,
        ..ListQuery::default()
    };
    let page = store.list("bucket", all).await.unwrap();
    page.entries.into_iter().map(|(key, _)| key).collect()
}

async fn versions(store: &Store) -> Vec<(VersionId, StorageClass)> {
    let all = VersionsQuery {
        limit: PAGE,
        ..VersionsQuery::default()
    };
    let page = store.list_versions("bucket", all).await.unwrap();
    let versions = page.versions.into_iter();
    versions
        .map(|version| (version.record.version, version.record.meta.class))
        .collect()
}

fn rule(inner: &str) -> String {
    format!("<Rule><ID>r</ID><Status>Enabled</Status>{inner}</Rule>")
}

#[tokio::test]
async fn objects_go_when_their_time_has_come() {
    let store = store(&rule(
        "<Prefix>logs/</Prefix><Tag><Key>t</Key><Value>1</Value></Tag>\
         <Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><Not><Prefix>logs/keep</Prefix></Not></Filter>\
         <Expiration><Days>2</Days></Expiration>",
    ))
    .await;
    for (key, size, tags) in [
        ("logs/goes", 10, &[("t", "1")][..]),
        ("logs/keep/x", 10, &[("t", "1")]),
        ("logs/other-tag", 10, &[("t", "2")]),
        ("logs/small", 5, &[("t", "1")]),
        ("other", 10, &[("t", "1")]),
    ] {
        put(&store, key, size, tags).await;
    }
    let now = now_ms();
    assert_eq!(
        run(&store, now + 2 * DAY - 60_000).await.unwrap(),
        Done::default()
    );
    let done = run(&store, now + 2 * DAY + 60_000).await.unwrap();
    assert_eq!((done.deleted, done.transitioned), (1, 0));
    assert_eq!(
        keys(&store).await,
        ["logs/keep/x", "logs/other-tag", "logs/small", "other"]
    );
    assert_eq!(run(&store, now + 3 * DAY).await.unwrap(), Done::default());
}

#[tokio::test]
async fn a_disabled_rule_does_nothing_and_dates_count() {
    let off = "<Rule><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    let before = rule(
        "<Prefix>old</Prefix><Expiration><CreatedBeforeDate>2001-01-01T00:00:00.000Z</CreatedBeforeDate></Expiration>",
    );
    let from = "<Rule><ID>d</ID><Status>Enabled</Status><Prefix>from</Prefix><Expiration><Date>2100-01-01T00:00:00.000Z</Date></Expiration></Rule>";
    let store = store(&format!("{off}{before}{from}")).await;
    for key in ["from", "old", "x"] {
        put(&store, key, 1, &[]).await;
    }
    assert_eq!(
        run(&store, now_ms() + 90 * DAY).await.unwrap(),
        Done::default()
    );
    // 2100-01-02
    run(&store, 4_102_531_200_000).await.unwrap();
    assert_eq!(keys(&store).await, ["old", "x"]);
}

#[tokio::test]
async fn objects_grow_colder() {
    let store = store(&rule(
        "<Prefix></Prefix><Transition><Days>1</Days><StorageClass>IA</StorageClass></Transition>\
         <Transition><Days>3</Days><StorageClass>Archive</StorageClass></Transition>",
    ))
    .await;
    put(&store, "k", 1, &[]).await;
    let now = now_ms();
    let class = async |days: i64| {
        run(&store, now + days * DAY + 60_000).await.unwrap();
        store.head("bucket", "k", None).await.unwrap().meta.class
    };
    assert_eq!(class(0).await, StorageClass::Standard);
    assert_eq!(class(1).await, StorageClass::Ia);
    assert_eq!(class(2).await, StorageClass::Ia);
    assert_eq!(class(5).await, StorageClass::Archive);
    let totals = store.totals("bucket").await.unwrap().0;
    assert_eq!(totals.classes[2].objects, 1);
}

#[tokio::test]
async fn old_uploads_are_aborted() {
    let store = store(&rule(
        "<Prefix>a</Prefix><AbortMultipartUpload><Days>1</Days></AbortMultipartUpload>",
    ))
    .await;
    for key in ["a1", "a2", "b"] {
        let begun = store.create_upload("bucket", key, ObjectMeta::default(), false);
        begun.await.unwrap();
    }
    assert_eq!(run(&store, now_ms()).await.unwrap().aborted, 0);
    assert_eq!(run(&store, now_ms() + DAY).await.unwrap().aborted, 2);
    assert_eq!(store.totals("bucket").await.unwrap().1, 1);
}

#[tokio::test]
async fn versions_have_a_time_of_their_own() {
    let store = store(&rule(
        "<Prefix></Prefix><Expiration><Days>10</Days></Expiration>\
         <NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>IA</StorageClass></NoncurrentVersionTransition>\
         <NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>",
    ))
    .await;
    let set = store.set_versioning("bucket", Versioning::Enabled);
    set.await.unwrap();
    let old = put(&store, "k", 1, &[]).await.version;
    let new = put(&store, "k", 2, &[]).await.version;
    let now = now_ms();
    run(&store, now + DAY + 60_000).await.unwrap();
    let (standard, ia) = (StorageClass::Standard, StorageClass::Ia);
    assert_eq!(versions(&store).await, [(new, standard), (old, ia)]);
    run(&store, now + 3 * DAY + 60_000).await.unwrap();
    assert_eq!(versions(&store).await, [(new, standard)]);
    // The object expires: it is hidden, and its version stays.
    run(&store, now + 10 * DAY + 60_000).await.unwrap();
    assert!(keys(&store).await.is_empty());
    assert_eq!(versions(&store).await.len(), 2);
}

#[tokio::test]
async fn a_delete_marker_that_hides_nothing_goes() {
    let store = store(&rule(
        "<Prefix></Prefix><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    ))
    .await;
    let set = store.set_versioning("bucket", Versioning::Enabled);
    set.await.unwrap();
    let kept = put(&store, "a", 1, &[]).await.version;
    for key in ["a", "b"] {
        store.delete("bucket", key, None).await.unwrap();
    }
    assert_eq!(run(&store, now_ms()).await.unwrap().deleted, 1);
    let left = versions(&store).await;
    assert_eq!((left.len(), left[1].0), (2, kept));
}
