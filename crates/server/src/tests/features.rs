//! Versions, tags, encryption, symlinks, restored copies, sealed and sequential objects.

use super::wire::{Answer, Running, ask, config, start, start_with};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use std::time::Duration;

async fn versioning(server: &Running, status: &str) {
    let body =
        format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    let put = ask("PUT", "", "versioning").body(body).to(server).await;
    assert_eq!(put.status, 200, "{put:?}");
}

async fn put(server: &Running, name: &str, body: &str) -> Answer {
    let put = ask("PUT", name, "").body(body).to(server).await;
    assert_eq!(put.status, 200, "{put:?}");
    put
}

fn version(answer: &Answer) -> String {
    answer.header("x-oss-version-id").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn versioning_is_as_it_was_set() {
    let server = start().await;
    let get = ask("GET", "", "versioning").to(&server).await;
    assert!(
        get.text().ends_with("<VersioningConfiguration/>"),
        "{get:?}"
    );
    assert!(
        put(&server, "k", "old")
            .await
            .header("x-oss-version-id")
            .is_none()
    );
    let gone = ask("DELETE", "k", "versionId=null").to(&server).await;
    assert_eq!((gone.status, gone.header("x-oss-version-id")), (204, None));
    for bad in [
        "",
        "<VersioningConfiguration/>",
        "<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>",
        "<VersioningConfiguration><Status></Status></VersioningConfiguration>",
    ] {
        let refused = ask("PUT", "", "versioning").body(bad).to(&server).await;
        assert_eq!((refused.status, refused.code()), (400, "MalformedXML"));
    }
    versioning(&server, "Enabled").await;
    let get = ask("GET", "", "versioning").to(&server).await;
    assert!(get.text().contains("<Status>Enabled</Status>"));
    let info = ask("GET", "", "bucketInfo").to(&server).await;
    assert!(info.text().contains("<Versioning>Enabled</Versioning>"));
    let stranger = ask("GET", "", "versions").anonymous().to(&server).await;
    assert_eq!(stranger.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_takes_a_version() {
    let server = start().await;
    put(&server, "k", "null").await;
    versioning(&server, "Enabled").await;
    let (one, two) = (
        version(&put(&server, "k", "one").await),
        version(&put(&server, "k", "two").await),
    );
    let query = |id: &str| format!("versionId={id}");
    for (id, body) in [("null", "null"), (&one, "one"), (&two, "two")] {
        let get = ask("GET", "k", &query(id)).to(&server).await;
        assert_eq!(
            (get.text(), get.header("x-oss-version-id")),
            (body, Some(id))
        );
        let head = ask("HEAD", "k", &query(id)).to(&server).await;
        assert_eq!(head.header("x-oss-version-id"), Some(id));
        let meta = ask("HEAD", "k", &format!("objectMeta&versionId={id}"));
        assert_eq!(meta.to(&server).await.header("x-oss-version-id"), Some(id));
    }
    // A state of one version is not that of another.
    let acl =
        ask("PUT", "k", &format!("acl&versionId={one}")).header("x-oss-object-acl", "public-read");
    assert_eq!(version(&acl.to(&server).await), one);
    let of = |id: &str| format!("acl&versionId={id}");
    assert!(
        ask("GET", "k", &of(&one))
            .to(&server)
            .await
            .text()
            .contains("public-read")
    );
    assert!(
        ask("GET", "k", &of(&two))
            .to(&server)
            .await
            .text()
            .contains("default")
    );
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let tag = ask("PUT", "k", "tagging&versionId=null")
        .body(tags)
        .to(&server)
        .await;
    assert_eq!((tag.status, version(&tag).as_str()), (200, "null"));
    // An old version copied onto itself is the newest.
    let copy =
        ask("PUT", "k", "").header("x-oss-copy-source", format!("/bucket/k?versionId={one}"));
    let copy = copy.to(&server).await;
    assert_eq!(
        copy.header("x-oss-copy-source-version-id"),
        Some(one.as_str())
    );
    assert_ne!(version(&copy), one);
    assert_eq!(ask("GET", "k", "").to(&server).await.text(), "one");
    // Part of an old version.
    let begun = ask("POST", "m", "uploads").body("").to(&server).await;
    let id = begun.text().split("<UploadId>").nth(1).unwrap();
    let id = id.split('<').next().unwrap();
    let part = ask("PUT", "m", &format!("partNumber=1&uploadId={id}"));
    let part = part
        .header("x-oss-copy-source", "/bucket/k?versionId=null")
        .to(&server)
        .await;
    assert_eq!(part.header("x-oss-copy-source-version-id"), Some("null"));
    let done = ask("POST", "m", &format!("uploadId={id}")).header("x-oss-complete-all", "yes");
    version(&done.body("").to(&server).await);
    assert_eq!(ask("GET", "m", "").to(&server).await.text(), "null");

    for (id, status, code) in [
        ("", 400, "InvalidArgument"),
        ("nonsense", 400, "InvalidArgument"),
        ("CAEQAAAAAAAAAAEAAAAAAAAAAQ", 404, "NoSuchVersion"),
    ] {
        let get = ask("GET", "k", &query(id)).to(&server).await;
        assert_eq!((get.status, get.code()), (status, code), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_markers_hide_and_can_be_removed() {
    let server = start().await;
    versioning(&server, "Enabled").await;
    let first = version(&put(&server, "k", "first").await);
    let gone = ask("DELETE", "k", "").to(&server).await;
    let marker = version(&gone);
    assert_eq!(
        (gone.status, gone.header("x-oss-delete-marker")),
        (204, Some("true"))
    );
    let get = ask("GET", "k", "").to(&server).await;
    assert_eq!((get.status, get.code()), (404, "NoSuchKey"));
    assert_eq!(get.header("x-oss-delete-marker"), Some("true"));
    assert_eq!(version(&get), marker);
    for (method, query) in [
        ("GET", ""),
        ("HEAD", ""),
        ("GET", "acl&"),
        ("GET", "tagging&"),
    ] {
        let query = format!("{query}versionId={marker}");
        let refused = ask(method, "k", &query).to(&server).await;
        assert_eq!(refused.status, 405, "{method} {query}");
        assert_eq!(refused.header("x-oss-delete-marker"), Some("true"));
        assert_eq!(refused.header("allow"), Some("DELETE"));
    }
    let copy = |source: String| ask("PUT", "to", "").header("x-oss-copy-source", source);
    assert_eq!(copy("/bucket/k".into()).to(&server).await.status, 404);
    let refused = copy(format!("/bucket/k?versionId={marker}"))
        .to(&server)
        .await;
    assert_eq!(
        (refused.status, refused.header("x-oss-ec")),
        (400, Some("0016-00000307"))
    );
    assert!(
        !ask("GET", "", "")
            .to(&server)
            .await
            .text()
            .contains("<Key>")
    );

    let list = ask("GET", "", "versions").to(&server).await;
    let text = list.text();
    let (at_marker, at_version) = (
        text.find("<DeleteMarker>").unwrap(),
        text.find("<Version>").unwrap(),
    );
    assert!(at_marker < at_version, "{text}");
    for piece in [
        "<ListVersionsResult>",
        "<Name>bucket</Name>",
        "<KeyMarker",
        "<VersionIdMarker",
        "<Delimiter",
        &marker,
        &first,
    ] {
        assert!(text.contains(piece), "{piece}: {text}");
    }
    let stat = ask("GET", "", "stat").to(&server).await;
    for piece in [
        "<DeleteMarkerCount>1</DeleteMarkerCount>",
        "<ReservedCapacityStorage>0</ReservedCapacityStorage>",
        "<ReservedCapacityObjectCount>0</ReservedCapacityObjectCount>",
    ] {
        assert!(stat.text().contains(piece), "{piece}: {}", stat.text());
    }

    // Batch: with a version, and without.
    let body = format!(
        "<Delete><Object><Key>k</Key><VersionId>{marker}</VersionId></Object><Object><Key>x</Key></Object></Delete>"
    );
    let md5 = STANDARD.encode(Md5::digest(&body));
    let batch = ask("POST", "", "delete")
        .header("content-md5", md5)
        .body(&body)
        .to(&server)
        .await;
    let text = batch.text();
    assert!(text.contains(&format!("<Deleted><Key>k</Key><VersionId>{marker}</VersionId><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId></Deleted>")), "{text}");
    assert!(
        text.contains(
            "<Deleted><Key>x</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>CAEQ"
        ),
        "{text}"
    );
    assert_eq!(ask("GET", "k", "").to(&server).await.text(), "first");
    let body = "<Delete><Object><Key>k</Key><VersionId>bad</VersionId></Object></Delete>";
    let md5 = STANDARD.encode(Md5::digest(body));
    let bad = ask("POST", "", "delete")
        .header("content-md5", md5)
        .body(body)
        .to(&server)
        .await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidArgument"));
    let removed = ask("DELETE", "k", &format!("versionId={first}"))
        .to(&server)
        .await;
    assert_eq!(
        (version(&removed), removed.header("x-oss-delete-marker")),
        (first, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_buckets_replace_the_null_version() {
    let server = start().await;
    versioning(&server, "Enabled").await;
    let kept = version(&put(&server, "k", "kept").await);
    versioning(&server, "Suspended").await;
    assert_eq!(version(&put(&server, "k", "null 1").await), "null");
    assert_eq!(version(&put(&server, "k", "null 2").await), "null");
    let refused = ask("PUT", "k", "")
        .header("x-oss-forbid-overwrite", "true")
        .body("null 3");
    assert_eq!(
        refused.to(&server).await.status,
        200,
        "versions make it harmless"
    );
    let gone = ask("DELETE", "k", "").to(&server).await;
    assert_eq!(version(&gone), "null");
    let list = ask("GET", "", "versions").to(&server).await;
    assert_eq!(
        list.text().matches("<VersionId>").count(),
        2,
        "{}",
        list.text()
    );
    let old = ask("GET", "k", &format!("versionId={kept}"))
        .to(&server)
        .await;
    assert_eq!(old.text(), "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_versions_go_on_where_they_ended() {
    let server = start().await;
    versioning(&server, "Enabled").await;
    for (name, n) in [("a", 3), ("b/1", 2), ("b/2", 1), ("c d", 2)] {
        for _ in 0..n {
            put(&server, name, "x").await;
        }
    }
    let between = |text: &str, tag: &str| {
        let open = format!("<{tag}>");
        text.split(&open)
            .nth(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
    };
    let (mut query, mut versions, mut groups) =
        ("versions&max-keys=2&delimiter=/".to_owned(), 0, 0);
    loop {
        let page = ask("GET", "", &query).to(&server).await;
        let text = page.text();
        versions += text.matches("<Version>").count();
        groups += text.matches("<CommonPrefixes>").count();
        if text.contains("<IsTruncated>false") {
            break;
        }
        let key = between(text, "NextKeyMarker").unwrap();
        let id = between(text, "NextVersionIdMarker").unwrap_or_default();
        query = format!("versions&max-keys=2&delimiter=/&key-marker={key}&version-id-marker={id}");
    }
    assert_eq!((versions, groups), (5, 1));
    let encoded = ask("GET", "", "versions&encoding-type=url&prefix=c")
        .to(&server)
        .await;
    assert!(encoded.text().contains("<Key>c%20d</Key>"));
    let bad = ask("GET", "", "versions&version-id-marker=null")
        .to(&server)
        .await;
    assert_eq!(bad.header("x-oss-ec"), Some("0012-00000106"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_kept_copied_and_checked() {
    let server = start().await;
    let put = ask("PUT", "k", "").header("x-oss-tagging", "a=1&b%2Bc=x%20y&d");
    assert_eq!(put.body("").to(&server).await.status, 200);
    let head = ask("HEAD", "k", "").to(&server).await;
    assert_eq!(head.header("x-oss-tagging-count"), Some("3"));
    let get = ask("GET", "k", "tagging").to(&server).await;
    assert!(get.text().contains(
        "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>\
         <Tag><Key>b+c</Key><Value>x y</Value></Tag><Tag><Key>d</Key><Value/></Tag></TagSet></Tagging>"
    ), "{}", get.text());
    let copy = |directive| {
        ask("PUT", "copy", "")
            .header("x-oss-copy-source", "/bucket/k")
            .header("x-oss-tagging", "new=1")
            .header("x-oss-tagging-directive", directive)
    };
    assert_eq!(copy("Copy").to(&server).await.status, 200);
    let count = ask("HEAD", "copy", "").to(&server).await;
    assert_eq!(count.header("x-oss-tagging-count"), Some("3"));
    assert_eq!(copy("Replace").to(&server).await.status, 200);
    let count = ask("HEAD", "copy", "").to(&server).await;
    assert_eq!(count.header("x-oss-tagging-count"), Some("1"));
    assert_eq!(copy("Other").to(&server).await.status, 400);
    let gone = ask("DELETE", "k", "tagging").to(&server).await;
    assert_eq!(gone.status, 204);
    let get = ask("GET", "k", "tagging").to(&server).await;
    assert!(
        get.status == 200 && get.text().contains("<TagSet/>"),
        "{}",
        get.text()
    );
    let long = format!("{}=1", "k".repeat(129));
    let many = (0..11)
        .map(|n| format!("k{n}=1"))
        .collect::<Vec<_>>()
        .join("&");
    for bad in ["a=1&a=2", "a%25=1", "=1", &long, &many] {
        let refused = ask("PUT", "k", "").header("x-oss-tagging", bad).body("");
        let refused = refused.to(&server).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "InvalidTag"),
            "{bad}"
        );
    }
    let bad = ask("PUT", "k", "tagging")
        .body("<Other/>")
        .to(&server)
        .await;
    assert_eq!((bad.status, bad.code()), (400, "MalformedXML"));
    let none = ask("GET", "nope", "tagging").to(&server).await;
    assert_eq!((none.status, none.code()), (404, "NoSuchKey"));
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_said_back() {
    let server = start().await;
    let sse = "x-oss-server-side-encryption";
    let id = "x-oss-server-side-encryption-key-id";
    let put = ask("PUT", "k", "")
        .header(sse, "KMS")
        .header(id, "my-key")
        .body("x");
    let put = put.to(&server).await;
    assert_eq!(
        (put.header(sse), put.header(id)),
        (Some("KMS"), Some("my-key"))
    );
    let get = ask("GET", "k", "").to(&server).await;
    assert_eq!(
        (get.header(sse), get.header(id)),
        (Some("KMS"), Some("my-key"))
    );
    let put = ask("PUT", "k2", "")
        .header(sse, "KMS")
        .body("")
        .to(&server)
        .await;
    assert!(put.header(id).is_some_and(|id| !id.is_empty()));
    // Never copied.
    let copy = ask("PUT", "c", "").header("x-oss-copy-source", "/bucket/k");
    assert_eq!(copy.to(&server).await.header(sse), None);
    let begun = ask("POST", "m", "uploads")
        .header(sse, "AES256")
        .body("")
        .to(&server)
        .await;
    assert_eq!(
        (begun.header(sse), begun.header(id)),
        (Some("AES256"), None)
    );
    let upload = begun.text().split("<UploadId>").nth(1).unwrap();
    let query = format!(
        "partNumber=1&uploadId={}",
        upload.split('<').next().unwrap()
    );
    let part = ask("PUT", "m", &query).body("x").to(&server).await;
    assert_eq!(part.header(sse), Some("AES256"));
    let refused = ask("PUT", "m", &query)
        .header(sse, "AES256")
        .body("x")
        .to(&server)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidArgument"));
    let refused = ask("PUT", "k", "")
        .header(sse, "ROT13")
        .body("")
        .to(&server)
        .await;
    assert_eq!(refused.code(), "InvalidEncryptionAlgorithmError");
    let refused = ask("PUT", "k", "")
        .header(sse, "AES256")
        .header(id, "x")
        .body("");
    assert_eq!(refused.to(&server).await.code(), "InvalidArgument");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plus_is_a_space_in_the_source_of_a_copy_and_in_a_links_target() {
    let server = start().await;
    put(&server, "a b+c", "bytes").await;
    for (query, header, value) in [
        ("", "x-oss-copy-source", "/bucket/a+b%2Bc"),
        ("symlink", "x-oss-symlink-target", "a+b%2Bc"),
    ] {
        let made = ask("PUT", "to", query).header(header, value);
        assert_eq!(made.to(&server).await.status, 200, "{header}");
        assert_eq!(ask("GET", "to", "").to(&server).await.text(), "bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn symlinks_are_followed_one_step() {
    let server = start().await;
    let link = async |name, target: &str| {
        ask("PUT", name, "symlink")
            .header("x-oss-symlink-target", target)
            .header("x-oss-meta-of", "link")
            .to(&server)
            .await
    };
    assert_eq!(link("l", "dir%2Ftarget").await.status, 200);
    let get = ask("GET", "l", "").to(&server).await;
    assert_eq!((get.status, get.code()), (404, "SymlinkTargetNotExist"));
    put(&server, "dir/target", "bytes").await;
    let get = ask("GET", "l", "").to(&server).await;
    assert_eq!(
        (get.text(), get.header("x-oss-meta-of")),
        ("bytes", Some("link"))
    );
    assert_eq!(get.header("x-oss-object-type"), Some("Symlink"));
    let target = ask("HEAD", "dir/target", "").to(&server).await;
    assert_eq!(get.header("etag"), target.header("etag"));
    let head = ask("HEAD", "l", "").to(&server).await;
    assert_eq!(head.header("content-length"), Some("5"));
    let own = ask("HEAD", "l", "objectMeta").to(&server).await;
    assert_eq!(own.header("content-length"), Some("0"));
    let read = ask("GET", "l", "symlink").to(&server).await;
    assert_eq!(read.header("x-oss-symlink-target"), Some("dir%2Ftarget"));
    assert!(read.body.is_empty() && read.header("x-oss-meta-of") == Some("link"));
    assert_eq!(link("l2", "l").await.status, 200);
    let get = ask("GET", "l2", "").to(&server).await;
    assert_eq!((get.status, get.code()), (400, "InvalidTargetType"));
    let not = ask("GET", "dir/target", "symlink").to(&server).await;
    assert_eq!((not.status, not.code()), (400, "NotSymlink"));
    assert!(
        ask("GET", "", "")
            .to(&server)
            .await
            .text()
            .contains("<Type>Symlink</Type>")
    );
    let missing = ask("PUT", "l3", "symlink").to(&server).await;
    assert_eq!((missing.status, missing.code()), (400, "InvalidArgument"));
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_objects_are_restored_before_they_are_read() {
    let instant = start().await;
    let slow = start_with(crate::Config {
        restore_time: Duration::from_hours(1),
        ..config()
    })
    .await;
    for server in [&instant, &slow] {
        let put = ask("PUT", "k", "").header("x-oss-storage-class", "Archive");
        assert_eq!(put.body("frozen").to(server).await.status, 200);
        let get = ask("GET", "k", "").to(server).await;
        assert_eq!((get.status, get.code()), (403, "InvalidObjectState"));
        let copy = ask("PUT", "c", "").header("x-oss-copy-source", "/bucket/k");
        assert_eq!(copy.to(server).await.status, 403);
        let head = ask("HEAD", "k", "").to(server).await;
        assert_eq!((head.status, head.header("x-oss-restore")), (200, None));
        let clean = ask("POST", "k", "cleanRestoredObject").to(server).await;
        assert_eq!(
            (clean.status, clean.code()),
            (409, "ArchiveRestoreFileStale")
        );
    }
    let restore = async |server: &Running, body: &str| {
        ask("POST", "k", "restore").body(body).to(server).await
    };
    let days = "<RestoreRequest><Days>2</Days></RestoreRequest>";
    assert_eq!(restore(&slow, days).await.status, 202);
    let head = ask("HEAD", "k", "").to(&slow).await;
    assert_eq!(
        head.header("x-oss-restore"),
        Some("ongoing-request=\"true\"")
    );
    assert_eq!(
        restore(&slow, days).await.code(),
        "RestoreAlreadyInProgress"
    );
    let clean = ask("POST", "k", "cleanRestoredObject").to(&slow).await;
    assert_eq!(
        (clean.status, clean.code()),
        (409, "ArchiveRestoreNotFinished")
    );
    assert_eq!(ask("GET", "k", "").to(&slow).await.status, 403);

    assert_eq!(restore(&instant, "").await.status, 202);
    let head = ask("HEAD", "k", "").to(&instant).await;
    let info = head.header("x-oss-restore").unwrap();
    assert!(
        info.starts_with("ongoing-request=\"false\", expiry-date=\""),
        "{info}"
    );
    assert_eq!(ask("GET", "k", "").to(&instant).await.text(), "frozen");
    assert!(
        ask("GET", "", "")
            .to(&instant)
            .await
            .text()
            .contains("<RestoreInfo>ongoing")
    );
    assert_eq!(restore(&instant, days).await.status, 200);
    let clean = ask("POST", "k", "cleanRestoredObject").to(&instant).await;
    assert_eq!(clean.status, 200);
    assert_eq!(ask("GET", "k", "").to(&instant).await.status, 403);

    for (class, body, code) in [
        ("Standard", "", "OperationNotSupported"),
        (
            "Archive",
            "<RestoreRequest><Days>8</Days></RestoreRequest>",
            "InvalidArgument",
        ),
        (
            "Archive",
            "<RestoreRequest><JobParameters><Tier>Bulk</Tier></JobParameters></RestoreRequest>",
            "MalformedXML",
        ),
        (
            "ColdArchive",
            "<RestoreRequest><Days>366</Days></RestoreRequest>",
            "InvalidArgument",
        ),
        (
            "DeepColdArchive",
            "<RestoreRequest><JobParameters><Tier>Bulk</Tier></JobParameters></RestoreRequest>",
            "InvalidArgument",
        ),
    ] {
        let put = ask("PUT", "o", "")
            .header("x-oss-storage-class", class)
            .body("");
        assert_eq!(put.to(&instant).await.status, 200);
        let refused = ask("POST", "o", "restore").body(body).to(&instant).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, code),
            "{class} {body}"
        );
    }
    put(&instant, "cold", "").await;
    let cold = ask("PUT", "cold", "")
        .header("x-oss-storage-class", "ColdArchive")
        .body("");
    assert_eq!(cold.to(&instant).await.status, 200);
    let tier = "<RestoreRequest><Days>1</Days><JobParameters><Tier>Expedited</Tier></JobParameters></RestoreRequest>";
    let begun = ask("POST", "cold", "restore").body(tier).to(&instant).await;
    assert_eq!(
        begun.header("x-oss-object-restore-priority"),
        Some("Expedited")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_object_takes_no_more() {
    let server = start().await;
    let append = async |at: u64| {
        ask("POST", "k", &format!("append&position={at}"))
            .body("abc")
            .to(&server)
            .await
    };
    assert_eq!(append(0).await.status, 200);
    let wrong = ask("POST", "k", "seal&position=1").to(&server).await;
    assert_eq!(
        (wrong.status, wrong.code()),
        (409, "PositionNotEqualToLength")
    );
    let sealed = ask("POST", "k", "seal&position=3").to(&server).await;
    assert!(sealed.status == 200 && sealed.header("x-oss-sealed-time").is_some());
    let refused = append(3).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "AppendSealedObjectNotAllowed")
    );
    assert!(
        ask("HEAD", "k", "")
            .to(&server)
            .await
            .header("x-oss-sealed-time")
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequential_upload_has_an_md5_and_its_parts_come_in_order() {
    let server = start().await;
    let begun = ask("POST", "m", "uploads&sequential")
        .body("")
        .to(&server)
        .await;
    let id = begun.text().split("<UploadId>").nth(1).unwrap();
    let id = id.split('<').next().unwrap();
    let part = async |n: u8| {
        ask("PUT", "m", &format!("partNumber={n}&uploadId={id}"))
            .body("abc")
            .to(&server)
            .await
    };
    let refused = part(2).await;
    assert_eq!((refused.status, refused.code()), (400, "PartNotSequential"));
    assert_eq!(part(1).await.status, 200);
    let done = ask("POST", "m", &format!("uploadId={id}")).header("x-oss-complete-all", "yes");
    assert_eq!(done.body("").to(&server).await.status, 200);
    let head = ask("HEAD", "m", "").to(&server).await;
    assert_eq!(
        head.header("content-md5"),
        Some(STANDARD.encode(Md5::digest("abc")).as_str())
    );
}
