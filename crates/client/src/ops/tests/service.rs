//! The client and the embedded server over TCP.

use crate::{
    CallEnded, Client, ClientConfig, ErrorKind, GetObject, InitiateMultipartUpload, Key,
    ListBuckets, ListMultipartUploads, ListObjectVersions, ListObjects, ListObjectsV2, ListParts,
    Listing, Observer, Operation, PutBucketVersioning, PutObject, UploadPart,
};
use ossplit_server::{Config, FaultPlan, Server, store::Store};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

const BUCKET: &str = "bucket";

/// The configuration of a client of a new server with these faults.
async fn serve(rules: &str) -> ClientConfig {
    let plan = format!("{{\"rules\": [{rules}]}}");
    let config = Config {
        buckets: vec![BUCKET.into(), "bucket-2".into(), "bucket-3".into()],
        faults: Some(FaultPlan::parse(plan.as_bytes(), "test").unwrap()),
        ..Config::new(ossplit_server::Key {
            id: "id".into(),
            secret: "secret".into(),
            token: None,
        })
    };
    let server = Server::bind(config, Store::in_memory()).await.unwrap();
    let endpoint = format!("http://{}", server.address().unwrap());
    tokio::spawn(server.run(std::future::pending()));
    let config = ClientConfig::new(&endpoint, "cn-local").unwrap();
    config.with_key(Key {
        id: "id".into(),
        secret: "secret".into(),
        token: None,
    })
}

/// What all pages of a listing show, and how many there were.
async fn all<L: Listing>(
    client: &Client,
    listing: L,
    names: impl Fn(L::Page) -> Vec<String>,
) -> (Vec<String>, usize) {
    let mut pages = client.pages(listing);
    let (mut found, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next_page().await.unwrap() {
        found.extend(names(page));
        count += 1;
    }
    assert!(pages.next_page().await.unwrap().is_none(), "after the last");
    (found, count)
}

#[tokio::test]
async fn every_listing_is_paged_to_its_end() {
    let client = Client::new(serve("").await).unwrap();
    let put = |key: &str| client.put_object(PutObject::new(BUCKET, key, "x"));
    let versions = PutBucketVersioning::enable(BUCKET);
    client.put_bucket_versioning(versions).await.unwrap();
    for key in ["a", "b", "b", "c", "dir/e"] {
        put(key).await.unwrap();
    }
    let listing = ListObjectsV2::new(BUCKET, "").max_keys(3).delimiter("/");
    let found = all(&client, listing, |page| {
        let keys = page.objects.into_iter().map(|object| object.key);
        keys.chain(page.common_prefixes).collect()
    });
    let names = ["a", "b", "c", "dir/"].map(String::from).to_vec();
    assert_eq!(found.await, (names, 2));

    let listing = ListObjects {
        max_keys: Some(2),
        ..ListObjects::new(BUCKET, "")
    };
    let found = all(&client, listing, |page| {
        page.objects.into_iter().map(|object| object.key).collect()
    });
    let names = ["a", "b", "c", "dir/e"].map(String::from).to_vec();
    assert_eq!(found.await, (names, 2));

    let listing = ListObjectVersions {
        max_keys: Some(2),
        ..ListObjectVersions::new(BUCKET, "")
    };
    let found = all(&client, listing, |page| {
        page.versions.into_iter().map(|one| one.key).collect()
    });
    let names = ["a", "b", "b", "c", "dir/e"].map(String::from).to_vec();
    assert_eq!(found.await, (names, 3));

    let begin =
        |key: &str| client.initiate_multipart_upload(InitiateMultipartUpload::new(BUCKET, key));
    let mut uploads = Vec::new();
    for key in ["m", "m", "n"] {
        uploads.push(begin(key).await.unwrap());
    }
    let listing = ListMultipartUploads {
        max_uploads: Some(1),
        ..ListMultipartUploads::new(BUCKET, "")
    };
    let (mut found, count) = all(&client, listing, |page| {
        page.uploads.into_iter().map(|one| one.upload_id).collect()
    })
    .await;
    found.sort_unstable();
    let mut begun = uploads.clone();
    begun.sort_unstable();
    assert_eq!((found, count), (begun, 3));

    for number in 1..=5 {
        let part = UploadPart::new(BUCKET, "n", &*uploads[2], number, "x");
        client.upload_part(part).await.unwrap();
    }
    let listing = ListParts {
        max_parts: Some(2),
        ..ListParts::new(BUCKET, "n", &*uploads[2])
    };
    let found = all(&client, listing, |page| {
        let numbers = page.parts.into_iter().map(|part| part.part_number);
        numbers.map(|number| number.to_string()).collect()
    });
    let names = ["1", "2", "3", "4", "5"].map(String::from).to_vec();
    assert_eq!(found.await, (names, 3));

    let listing = ListBuckets {
        max_keys: Some(1),
        ..ListBuckets::default()
    };
    let found = all(&client, listing, |page| {
        page.buckets.into_iter().map(|bucket| bucket.name).collect()
    });
    let names = [BUCKET, "bucket-2", "bucket-3"].map(String::from).to_vec();
    assert_eq!(found.await, (names, 3));
}

#[tokio::test]
async fn a_page_that_failed_is_asked_for_again() {
    let refuse = r#"{"operation": "ListObjectsV2", "when": {"nth": 2}, "status": 403, "code": "AccessDenied"}"#;
    let client = Client::new(serve(refuse).await).unwrap();
    for key in ["a", "b"] {
        let put = PutObject::new(BUCKET, key, "x");
        client.put_object(put).await.unwrap();
    }
    let mut pages = client.pages(ListObjectsV2::new(BUCKET, "").max_keys(1));
    assert_eq!(
        pages.next_page().await.unwrap().unwrap().objects[0].key,
        "a"
    );
    pages.next_page().await.unwrap_err();
    assert_eq!(
        pages.next_page().await.unwrap().unwrap().objects[0].key,
        "b"
    );
}

#[tokio::test]
async fn a_call_ends_at_its_time_limit_whatever_it_was_doing() {
    let slow = r#"{"operation": "HeadObject", "delay_ms": 600000}"#;
    let config = serve(slow).await;
    let config = config.with_call_timeout(Duration::from_millis(300));
    let client = Client::new(config).unwrap();
    let head = crate::HeadObject::new(BUCKET, "k");
    let error = client.head_object(head).await.unwrap_err();
    assert_eq!((error.kind(), error.tries()), (ErrorKind::Timeout, 1));
    assert!(
        error.to_string().contains("HeadObject oss://bucket/k"),
        "{error}"
    );
    // Others are not held up.
    client
        .put_object(PutObject::new(BUCKET, "k", "x"))
        .await
        .unwrap();
}

#[derive(Default)]
struct Ended(Mutex<Vec<(Operation, u32, Option<ErrorKind>)>>);

impl Observer for Ended {
    fn ended(&self, call: &CallEnded) {
        self.0.lock().push((call.operation, call.tries, call.error));
    }
}

#[tokio::test]
async fn an_observer_is_told_of_every_call_once() {
    let busy = r#"{"operation": "PutObject", "when": {"nth": 1}, "status": 503}"#;
    let ended = Arc::new(Ended::default());
    let config = serve(busy).await.with_observer(ended.clone());
    let client = Client::new(config).unwrap();
    client
        .put_object(PutObject::new(BUCKET, "k", "x"))
        .await
        .unwrap();
    client
        .get_object(GetObject::new(BUCKET, "other"))
        .await
        .unwrap_err();
    let told = ended.0.lock().clone();
    let expected = [
        (Operation::PutObject, 2, None),
        (Operation::GetObject, 1, Some(ErrorKind::NoSuchKey)),
    ];
    assert_eq!(told, expected);
}
