//! Versions against the plainest model: a list of versions a key, the newest first.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Put(usize, u8),
    Append(usize),
    Delete(usize),
    /// The n-th version of a key, if there are so many; else a version that is not there.
    DeleteVersion(usize, usize),
    CopyVersion(usize, usize, usize),
    Acl(usize, usize),
    Versioning(Versioning),
}

const KEYS: [&str; 4] = ["a", "a/b", "a/b\0", "c"];

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS.len();
    let nth = 0usize..4;
    let state = prop::sample::select(vec![Versioning::Enabled, Versioning::Suspended]);
    prop_oneof![
        4 => (key.clone(), any::<u8>()).prop_map(|(k, byte)| Step::Put(k, byte)),
        2 => key.clone().prop_map(Step::Append),
        3 => key.clone().prop_map(Step::Delete),
        3 => (key.clone(), nth.clone()).prop_map(|(k, n)| Step::DeleteVersion(k, n)),
        2 => (key.clone(), nth.clone(), key.clone())
            .prop_map(|(from, n, to)| Step::CopyVersion(from, n, to)),
        1 => (key, nth).prop_map(|(k, n)| Step::Acl(k, n)),
        2 => state.prop_map(Step::Versioning),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    id: VersionId,
    /// `None`: a delete marker.
    data: Option<Vec<u8>>,
    appendable: bool,
    private: bool,
}

#[derive(Debug, Default)]
struct Model {
    keys: [Vec<Version>; KEYS.len()],
    state: Versioning,
}

impl Model {
    /// A new newest version; the store's id is checked for its kind and taken over.
    fn push(&mut self, key: usize, version: Version) {
        let made = version.id != VersionId::Null;
        assert_eq!(made, self.state == Versioning::Enabled);
        let versions = &mut self.keys[key];
        if !made {
            versions.retain(|old| old.id != VersionId::Null);
        }
        assert!(versions.iter().all(|old| old.id != version.id));
        versions.insert(0, version);
    }
}

async fn read(store: &Store, key: &str, version: Option<VersionId>) -> Result<Vec<u8>, StoreError> {
    let (record, content) = store.open("bucket", key, version).await?;
    let mut reader = content.read(0..record.size);
    let mut out = Vec::new();
    while let Some(chunk) = reader.next().await {
        out.extend_from_slice(&chunk.unwrap());
    }
    Ok(out)
}

async fn take(store: &Store, model: &mut Model, step: Step) {
    match step {
        Step::Put(k, byte) => {
            // Some sizes are kept inline and some are not.
            let data = vec![byte; if byte % 5 == 0 { 40_000 } else { 10 }];
            let mut writer = store.writer(None);
            writer.write(&data).await.unwrap();
            let staged = writer.finish().await.unwrap();
            let meta = ObjectMeta::default();
            let put = store.put("bucket", KEYS[k], meta, staged, false).await;
            let version = Version {
                id: put.unwrap().version,
                data: Some(data),
                appendable: false,
                private: false,
            };
            model.push(k, version);
        }
        Step::Append(k) => {
            let newest = model.keys[k].first().filter(|newest| newest.data.is_some());
            let old = newest
                .and_then(|newest| newest.data.clone())
                .unwrap_or_default();
            let allowed = newest.is_none_or(|newest| newest.appendable);
            let goes_on = newest.is_some();
            let mut writer = store.writer(None);
            writer.write(b"more").await.unwrap();
            let staged = writer.finish().await.unwrap();
            let (meta, at) = (ObjectMeta::default(), old.len() as u64);
            let done = store.append("bucket", KEYS[k], at, meta, staged).await;
            if !allowed {
                assert!(matches!(done, Err(StoreError::NotAppendable)));
                return;
            }
            let id = done.unwrap().version;
            let data = Some([old.as_slice(), b"more"].concat());
            if goes_on {
                assert_eq!(id, model.keys[k][0].id);
                model.keys[k][0].data = data;
            } else {
                let version = Version {
                    id,
                    data,
                    appendable: true,
                    private: false,
                };
                model.push(k, version);
            }
        }
        Step::Delete(k) => {
            let done = store.delete("bucket", KEYS[k], None).await.unwrap();
            assert_eq!(done.found, !model.keys[k].is_empty());
            if model.state == Versioning::Off {
                assert_eq!((done.marker, done.version), (false, None));
                model.keys[k].clear();
            } else {
                assert!(done.marker);
                let marker = Version {
                    id: done.version.unwrap(),
                    data: None,
                    appendable: false,
                    private: false,
                };
                model.push(k, marker);
            }
        }
        Step::DeleteVersion(k, n) => {
            let old = model.keys[k].get(n).cloned();
            let absent = VersionId::Made {
                sequence: 1,
                nonce: 1,
            };
            let id = old.as_ref().map_or(absent, |old| old.id);
            let done = store.delete("bucket", KEYS[k], Some(id)).await.unwrap();
            assert_eq!(done.found, old.is_some());
            assert_eq!(done.marker, old.is_some_and(|old| old.data.is_none()));
            model.keys[k].retain(|old| old.id != id);
        }
        Step::CopyVersion(from, n, to) => {
            let Some(old) = model.keys[from].get(n).cloned() else {
                return;
            };
            let found = store.head("bucket", KEYS[from], Some(old.id)).await;
            let Some(data) = old.data else {
                assert!(
                    matches!(found, Err(StoreError::IsDeleteMarker { marker }) if marker == old.id)
                );
                return;
            };
            let source = CopySource {
                bucket: "bucket".into(),
                key: KEYS[from].into(),
                version: Some(old.id),
                revision: found.unwrap().revision,
            };
            let meta = ObjectMeta::default();
            let copy = store
                .copy(source, "bucket", KEYS[to], meta, false)
                .await
                .unwrap();
            let version = Version {
                id: copy.version,
                data: Some(data),
                appendable: copy.kind == ObjectKind::Appendable,
                private: false,
            };
            model.push(to, version);
        }
        Step::Acl(k, n) => {
            let Some(old) = model.keys[k].get_mut(n).filter(|old| old.data.is_some()) else {
                return;
            };
            let private = |record: &mut ObjectRecord| {
                record.meta.acl = Acl::Private;
                Ok::<(), ()>(())
            };
            let changed = store.change("bucket", KEYS[k], Some(old.id), private).await;
            changed.unwrap().unwrap();
            old.private = true;
        }
        Step::Versioning(state) => {
            store.set_versioning("bucket", state).await.unwrap();
            model.state = state;
        }
    }
}

async fn compare(store: &Store, model: &Model, limit: usize) {
    let mut totals = (0, 0, 0);
    for (key, versions) in KEYS.iter().zip(&model.keys) {
        for version in versions {
            let found = read(store, key, Some(version.id)).await;
            if let Some(data) = &version.data {
                assert!(found.unwrap() == *data);
                let head = store.head("bucket", key, Some(version.id)).await.unwrap();
                assert_eq!(head.meta.acl == Acl::Private, version.private);
                totals.0 += 1;
                totals.1 += data.len() as u64;
            } else {
                assert!(matches!(found, Err(StoreError::IsDeleteMarker { .. })));
                totals.2 += 1;
            }
        }
        let newest = read(store, key, None).await;
        match versions.first().map(|newest| &newest.data) {
            Some(Some(data)) => assert!(newest.unwrap() == *data),
            Some(None) => assert!(matches!(newest, Err(StoreError::Deleted { .. }))),
            None => assert!(matches!(newest, Err(StoreError::NoSuchKey))),
        }
    }
    let (sums, ..) = store.totals("bucket").await.unwrap();
    assert_eq!((sums.objects(), sums.bytes(), sums.markers), totals);

    // Page by page, the versions come in the model's order.
    let mut query = VersionsQuery {
        limit,
        ..VersionsQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = store.list_versions("bucket", query.clone()).await.unwrap();
        assert!(page.versions.len() <= limit);
        for version in &page.versions {
            let marker = version.record.kind == ObjectKind::DeleteMarker;
            seen.push((
                version.key.clone(),
                version.record.version,
                version.is_latest,
                marker,
            ));
        }
        if !page.truncated {
            break;
        }
        query.key_marker = page.last_key;
        query.version_marker = page.last_version;
    }
    let mut wanted = Vec::new();
    for (key, versions) in KEYS.iter().zip(&model.keys) {
        for (n, version) in versions.iter().enumerate() {
            wanted.push((
                (*key).to_owned(),
                version.id,
                n == 0,
                version.data.is_none(),
            ));
        }
    }
    assert_eq!(seen, wanted);

    // Objects that are deleted are in no listing, and neither are groups of them alone.
    let shown = |key: &usize| {
        matches!(
            model.keys[*key].first(),
            Some(Version { data: Some(_), .. })
        )
    };
    let objects = ListQuery {
        limit: 1000,
        ..ListQuery::default()
    };
    let page = store.list("bucket", objects.clone()).await.unwrap();
    let keys: Vec<&str> = page.entries.iter().map(|(key, _)| key.as_str()).collect();
    let wanted: Vec<&str> = (0..KEYS.len()).filter(shown).map(|k| KEYS[k]).collect();
    assert_eq!(keys, wanted);
    let grouped = ListQuery {
        delimiter: "/".into(),
        ..objects
    };
    let page = store.list("bucket", grouped).await.unwrap();
    let group = if shown(&1) || shown(&2) {
        vec!["a/"]
    } else {
        Vec::new()
    };
    assert_eq!(page.common_prefixes, group);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn versions_are_what_the_plainest_model_says(
        steps in proptest::collection::vec(step(), 0..40),
        limit in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::in_memory();
            let (class, redundancy) = (StorageClass::Standard, Redundancy::Lrs);
            store.create_bucket("bucket", class, redundancy, None).await.unwrap();
            let mut model = Model::default();
            for step in steps {
                take(&store, &mut model, step).await;
                compare(&store, &model, limit).await;
            }
            // Every version can go, and then the bucket too.
            for (key, versions) in KEYS.iter().zip(&model.keys) {
                for version in versions {
                    store.delete("bucket", key, Some(version.id)).await.unwrap();
                }
            }
            store.delete_bucket("bucket").await.unwrap();
        });
    }
}
