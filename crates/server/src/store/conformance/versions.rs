//! Versions, symlinks, sequential uploads.

use super::*;

pub(in crate::store) async fn versions(store: &Store) {
    bucket(store).await;
    let (small, large) = (noise(100, 1), noise(100_000, 2));
    put(store, "k", &small).await;
    store
        .set_versioning("bucket", Versioning::Enabled)
        .await
        .unwrap();
    assert_eq!(
        store.bucket("bucket").unwrap().versioning,
        Versioning::Enabled
    );
    let second = put(store, "k", &large).await;
    let third = put(store, "k", b"third").await;
    let gone = store.delete("bucket", "k", None).await.unwrap();
    assert!(gone.marker && gone.found);
    assert!(matches!(
        store.open("bucket", "k", None).await,
        Err(StoreError::Deleted { marker }) if Some(marker) == gone.version
    ));
    for (version, data) in [
        (VersionId::Null, &small),
        (second.version, &large),
        (third.version, &b"third".to_vec()),
    ] {
        let (record, content) = store.open("bucket", "k", Some(version)).await.unwrap();
        assert!(drain(content.read(0..record.size)).await == *data);
    }
    let absent = VersionId::Made {
        sequence: 1,
        nonce: 1,
    };
    assert!(matches!(
        store.head("bucket", "k", Some(absent)).await,
        Err(StoreError::NoSuchVersion)
    ));
    // Without the delete marker the newest version is an object again.
    let again = store.delete("bucket", "k", gone.version).await.unwrap();
    assert!(again.marker && again.found);
    assert_eq!(get(store, "k").await, b"third");
    store
        .delete("bucket", "k", Some(third.version))
        .await
        .unwrap();
    assert!(get(store, "k").await == large);
    assert!(matches!(
        store.delete_bucket("bucket").await,
        Err(StoreError::BucketNotEmpty)
    ));
    for version in [second.version, VersionId::Null] {
        let gone = store.delete("bucket", "k", Some(version)).await.unwrap();
        assert_eq!((gone.found, gone.marker), (true, false));
    }
    assert_eq!(store.totals("bucket").await.unwrap().0, Totals::default());
    store.delete_bucket("bucket").await.unwrap();
}

pub(in crate::store) async fn symlinks(store: &Store) {
    bucket(store).await;
    let meta = ObjectMeta::default();
    let link = store
        .put_symlink("bucket", "l", meta.clone(), "nowhere".into(), false)
        .await
        .unwrap();
    assert_eq!(
        (link.kind, link.size, link.target.as_deref()),
        (ObjectKind::Symlink, 0, Some("nowhere"))
    );
    assert_eq!(store.head("bucket", "l", None).await.unwrap(), link);
    let refused = store.put_symlink("bucket", "l", meta, "x".into(), true);
    assert!(matches!(refused.await, Err(StoreError::Exists)));
}

pub(in crate::store) async fn sequential_uploads(store: &Store) {
    bucket(store).await;
    let id = store
        .create_upload("bucket", "m", ObjectMeta::default(), true)
        .await
        .unwrap();
    let put_part = async |number| {
        let mut writer = store.part_writer(None);
        writer.write(&[1]).await.unwrap();
        let staged = writer.finish().await.unwrap();
        store.put_part("bucket", "m", id, number, staged).await
    };
    assert!(matches!(put_part(2).await, Err(StoreError::NotSequential)));
    put_part(1).await.unwrap();
    put_part(1).await.unwrap();
    put_part(2).await.unwrap();
    assert!(matches!(put_part(1).await, Err(StoreError::NotSequential)));
    assert!(matches!(put_part(4).await, Err(StoreError::NotSequential)));
}
