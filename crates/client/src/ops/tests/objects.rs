//! Versions, tags, links, restored copies, ACLs.

use crate::{
    CleanRestoredObject, CopyObject, DeleteMultipleObjects, DeleteObject, DeleteObjectTagging,
    Encryption, GetBucketAcl, GetBucketVersioning, GetObject, GetObjectAcl, GetObjectTagging,
    GetSymlink, ListObjectVersions, NewObject, ObjectToDelete, PutBucketAcl, PutBucketVersioning,
    PutObject, PutObjectAcl, PutObjectTagging, PutSymlink, ResponseOverrides, RestoreObject,
    Restoring, SealAppendObject, VersionMarker,
    testing::{Answer, Script, answer, lost, refusal},
};
use ossplit_protocol::crc64;

use super::targets;

fn ok() -> Answer {
    answer(200, &[], "")
}

#[tokio::test]
async fn versioning_is_set_and_asked_for() {
    let state = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    let never = "<VersioningConfiguration/>";
    let script = Script::new([ok(), answer(200, &[], state), answer(200, &[], never)]);
    let client = script.client();
    let set = PutBucketVersioning::enable("bucket");
    client.put_bucket_versioning(set).await.unwrap();
    let get = || GetBucketVersioning::new("bucket");
    let state = client.get_bucket_versioning(get()).await.unwrap();
    assert_eq!(state.as_deref(), Some("Suspended"));
    assert_eq!(client.get_bucket_versioning(get()).await.unwrap(), None);
    let seen = &script.seen()[0];
    assert_eq!(seen.target, "/bucket/?versioning");
    let text = String::from_utf8_lossy(&seen.body);
    assert!(text.contains("<Status>Enabled</Status>"), "{text}");
}

#[tokio::test]
async fn a_page_of_versions_keeps_their_order() {
    let page = "<ListVersionsResult><Name>bucket</Name><EncodingType>url</EncodingType>\
        <IsTruncated>true</IsTruncated><NextKeyMarker>a%20b</NextKeyMarker>\
        <NextVersionIdMarker>V1</NextVersionIdMarker>\
        <DeleteMarker><Key>a%20b</Key><VersionId>V2</VersionId><IsLatest>true</IsLatest>\
        <LastModified>2026-11-23T10:00:00.000Z</LastModified></DeleteMarker>\
        <Version><Key>a%20b</Key><VersionId>V1</VersionId><IsLatest>false</IsLatest>\
        <LastModified>2026-11-23T10:00:00.000Z</LastModified><ETag>\"E\"</ETag><Type>Normal</Type>\
        <Size>3</Size><StorageClass>IA</StorageClass></Version>\
        <CommonPrefixes><Prefix>d%2F</Prefix></CommonPrefixes></ListVersionsResult>";
    let last = "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>";
    let script = Script::new([answer(200, &[], page), answer(200, &[], last)]);
    let client = script.client();
    let list = ListObjectVersions::new("bucket", "p");
    let page = client.list_object_versions(list.clone()).await.unwrap();
    assert_eq!(page.common_prefixes, ["d/"]);
    let versions: Vec<_> = page
        .versions
        .iter()
        .map(|v| {
            (
                &*v.key,
                &*v.version_id,
                v.is_latest,
                v.is_delete_marker,
                v.size,
            )
        })
        .collect();
    assert_eq!(
        versions,
        [("a b", "V2", true, true, 0), ("a b", "V1", false, false, 3)]
    );
    let next = VersionMarker {
        key: "a b".into(),
        version_id: Some("V1".into()),
    };
    assert_eq!(page.next.as_ref(), Some(&next));
    let list = ListObjectVersions {
        after: page.next,
        ..list
    };
    assert_eq!(client.list_object_versions(list).await.unwrap().next, None);
    let seen = targets(&script);
    assert!(
        seen[0].contains("versions&") && !seen[0].contains("marker"),
        "{seen:?}"
    );
    assert!(
        seen[1].contains("key-marker=a%20b&version-id-marker=V1"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn deletions_tell_of_delete_markers() {
    let marked = answer(
        204,
        &[("x-oss-version-id", "M"), ("x-oss-delete-marker", "true")],
        "",
    );
    let batch = "<DeleteResult><Deleted><Key>k</Key><VersionId>V</VersionId></Deleted>\
        <Deleted><Key>l</Key><DeleteMarker>true</DeleteMarker>\
        <DeleteMarkerVersionId>N</DeleteMarkerVersionId></Deleted></DeleteResult>";
    let script = Script::new([marked, answer(200, &[], batch)]);
    let client = script.client();
    let gone = client.delete_object(DeleteObject::new("bucket", "k")).await;
    let gone = gone.unwrap();
    assert_eq!(
        (gone.version_id.as_deref(), gone.is_delete_marker),
        (Some("M"), true)
    );
    let mut request = DeleteMultipleObjects::new("bucket", ["l".to_owned()]);
    request.objects.insert(
        0,
        ObjectToDelete {
            key: "k".into(),
            version_id: Some("V".into()),
        },
    );
    let gone = client.delete_multiple_objects(request).await.unwrap();
    assert_eq!(gone[0].version_id.as_deref(), Some("V"));
    assert_eq!(gone[1].delete_marker_version_id.as_deref(), Some("N"));
    let text = String::from_utf8_lossy(&script.seen()[1].body).into_owned();
    assert!(
        text.contains("<Key>k</Key><VersionId>V</VersionId>"),
        "{text}"
    );
}

#[tokio::test]
async fn tags_travel_in_documents_and_in_a_header() {
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>\
        <Tag><Key>b</Key><Value></Value></Tag></TagSet></Tagging>";
    let crc = crc64::checksum(b"x").to_string();
    let put = answer(
        200,
        &[("etag", "\"E\""), ("x-oss-hash-crc64ecma", &crc)],
        "",
    );
    let script = Script::new([ok(), answer(200, &[], tagging), answer(204, &[], ""), put]);
    let client = script.client();
    let tags = vec![
        ("a".to_owned(), "1 & 2".to_owned()),
        ("b".into(), String::new()),
    ];
    let request = PutObjectTagging::new("bucket", "k", tags.clone());
    client.put_object_tagging(request).await.unwrap();
    let got = client.get_object_tagging(GetObjectTagging {
        version_id: Some("V".into()),
        ..GetObjectTagging::new("bucket", "k")
    });
    assert_eq!(
        got.await.unwrap(),
        [("a".into(), "1".into()), ("b".into(), String::new())]
    );
    let request = DeleteObjectTagging::new("bucket", "k");
    client.delete_object_tagging(request).await.unwrap();
    let with = NewObject {
        tags,
        encryption: Some(Encryption::Kms {
            key_id: Some("own".into()),
        }),
        expires: Some("whenever".into()),
        content_language: Some("de".into()),
        ..NewObject::default()
    };
    let put = PutObject::new("bucket", "k", "x").with(with);
    client.put_object(put).await.unwrap();
    let seen = script.seen();
    let text = String::from_utf8_lossy(&seen[0].body).into_owned();
    assert!(text.contains("<Value>1 &amp; 2</Value>"), "{text}");
    assert_eq!(seen[1].target, "/bucket/k?tagging&versionId=V");
    assert_eq!(seen[3].header("x-oss-tagging"), "a=1%20%26%202&b=");
    assert_eq!(seen[3].header("x-oss-server-side-encryption"), "KMS");
    assert_eq!(seen[3].header("x-oss-server-side-encryption-key-id"), "own");
    assert_eq!(seen[3].header("expires"), "whenever");
    assert_eq!(seen[3].header("content-language"), "de");
}

#[tokio::test]
async fn links_name_keys_of_any_kind() {
    let linked = [("x-oss-symlink-target", "dir%2Fa%20b"), ("etag", "\"E\"")];
    let script = Script::new([
        answer(200, &[("x-oss-version-id", "V")], ""),
        answer(200, &linked, ""),
        answer(200, &[], ""),
    ]);
    let client = script.client();
    let put = PutSymlink::new("bucket", "link", "dir/a b");
    let version = client.put_symlink(put).await.unwrap();
    assert_eq!(version.as_deref(), Some("V"));
    let get = || GetSymlink::new("bucket", "link");
    let link = client.get_symlink(get()).await.unwrap();
    assert_eq!((&*link.target, &*link.meta.etag), ("dir/a b", "\"E\""));
    assert!(
        client.get_symlink(get()).await.is_err(),
        "no target was said"
    );
    assert_eq!(
        script.seen()[0].header("x-oss-symlink-target"),
        "dir%2Fa%20b"
    );
}

#[tokio::test]
async fn a_restore_whose_answer_was_lost_has_begun() {
    let script = Script::new([
        answer(202, &[], ""),
        ok(),
        lost(),
        refusal(409, "RestoreAlreadyInProgress"),
        refusal(409, "RestoreAlreadyInProgress"),
        ok(),
    ]);
    let client = script.client();
    let restore = || RestoreObject::new("bucket", "k");
    let tiered = RestoreObject {
        days: Some(3),
        tier: Some("Bulk".into()),
        ..restore()
    };
    assert_eq!(
        client.restore_object(tiered).await.unwrap(),
        Restoring::Begun
    );
    assert_eq!(
        client.restore_object(restore()).await.unwrap(),
        Restoring::Prolonged
    );
    assert_eq!(
        client.restore_object(restore()).await.unwrap(),
        Restoring::Begun
    );
    let refused = client.restore_object(restore()).await.unwrap_err();
    assert_eq!(refused.code(), "RestoreAlreadyInProgress");
    let clean = CleanRestoredObject::new("bucket", "k");
    client.clean_restored_object(clean).await.unwrap();
    let seen = script.seen();
    let text = String::from_utf8_lossy(&seen[0].body).into_owned();
    assert!(
        text.contains("<Days>3</Days><JobParameters><Tier>Bulk</Tier>"),
        "{text}"
    );
    assert!(seen[1].body.is_empty());
}

#[tokio::test]
async fn acls_are_one_word() {
    let policy = "<AccessControlPolicy><Owner><ID>1</ID><DisplayName>1</DisplayName></Owner>\
        <AccessControlList><Grant>public-read</Grant></AccessControlList></AccessControlPolicy>";
    let script = Script::new([
        ok(),
        answer(200, &[], policy),
        ok(),
        answer(200, &[], policy),
        ok(),
    ]);
    let client = script.client();
    client
        .put_bucket_acl(PutBucketAcl::new("bucket", "private"))
        .await
        .unwrap();
    let grant = client.get_bucket_acl(GetBucketAcl::new("bucket")).await;
    assert_eq!(grant.unwrap(), "public-read");
    client
        .put_object_acl(PutObjectAcl::new("bucket", "k", "default"))
        .await
        .unwrap();
    let grant = client
        .get_object_acl(GetObjectAcl::new("bucket", "k"))
        .await;
    assert_eq!(grant.unwrap(), "public-read");
    client
        .seal_append_object(SealAppendObject::new("bucket", "k", 7))
        .await
        .unwrap();
    let seen = script.seen();
    assert_eq!(seen[0].header("x-oss-acl"), "private");
    assert_eq!(seen[2].header("x-oss-object-acl"), "default");
    assert_eq!(seen[4].target, "/bucket/k?seal&position=7");
}

#[tokio::test]
async fn copies_name_a_version_and_conditions() {
    let done = "<CopyObjectResult><ETag>\"E\"</ETag>\
        <LastModified>2026-11-23T10:00:00.000Z</LastModified></CopyObjectResult>";
    let script = Script::new([answer(200, &[], done)]);
    let copy = CopyObject {
        source_version_id: Some("V".into()),
        source_if_none_match: Some("\"F\"".into()),
        source_if_modified_since: Some(0),
        replace: Some(NewObject {
            tags: vec![("a".into(), "1".into())],
            ..NewObject::default()
        }),
        ..CopyObject::new("bucket", "from", "to")
    };
    script.client().copy_object(copy).await.unwrap();
    let seen = &script.seen()[0];
    assert_eq!(seen.header("x-oss-copy-source"), "/bucket/from?versionId=V");
    assert_eq!(seen.header("x-oss-copy-source-if-none-match"), "\"F\"");
    assert!(
        seen.header("x-oss-copy-source-if-modified-since")
            .ends_with("1970 00:00:00 GMT")
    );
    assert_eq!(seen.header("x-oss-tagging-directive"), "Replace");
}

#[tokio::test]
async fn headers_of_an_answer_can_be_overridden() {
    let crc = crc64::checksum(b"x").to_string();
    let script = Script::new([answer(200, &[("x-oss-hash-crc64ecma", &crc)], "x")]);
    let get = GetObject {
        response: ResponseOverrides {
            content_type: Some("a/b".into()),
            content_disposition: Some("attachment".into()),
            ..ResponseOverrides::default()
        },
        ..GetObject::new("bucket", "k")
    };
    script.client().get_object(get).await.unwrap();
    let target = &targets(&script)[0];
    assert!(target.contains("response-content-type=a%2Fb"), "{target}");
    assert!(
        target.contains("response-content-disposition=attachment"),
        "{target}"
    );
}
