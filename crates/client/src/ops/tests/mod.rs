//! What the calls send and make of the answers, on a transport that answers from a script.

mod objects;
mod presign;
mod service;
mod settings;

use crate::{
    AppendObject, Client, CompleteMultipartUpload, CompletedPart, CopyObject,
    DeleteMultipleObjects, Encryption, Error, ErrorKind, GetObject, HeadObject,
    InitiateMultipartUpload, ListBuckets, ListMultipartUploads, ListObjects, ListObjectsV2,
    ListParts, NewObject, ObjectDefaults, Operation, PutBucket, PutObject, TrafficLimits,
    UploadPart, UploadPartCopy,
    testing::{Answer, Script, answer, breaks_off, lost, refusal},
};
use ossplit_protocol::crc64;
use std::sync::Arc;

fn crc(bytes: &str) -> String {
    crc64::checksum(bytes.as_bytes()).to_string()
}

/// The answer to a GET or HEAD of an object that holds `body`, or claims the CRC64 of `of`.
fn object(body: &'static str, of: &str) -> Answer {
    let headers = [("etag", "\"E\""), ("x-oss-hash-crc64ecma", &crc(of))];
    answer(200, &headers, body)
}

fn head(length: usize, of: &str) -> Answer {
    let headers = [
        ("etag", "\"E\""),
        ("x-oss-hash-crc64ecma", &crc(of)),
        ("content-length", &length.to_string()),
    ];
    answer(200, &headers, "")
}

fn targets(script: &Arc<Script>) -> Vec<String> {
    let seen = script.seen().into_iter();
    seen.map(|seen| format!("{} {}", seen.method, seen.target))
        .collect()
}

mod get {
    use super::*;

    fn get() -> GetObject {
        GetObject::new("bucket", "key")
    }

    async fn read(script: &Arc<Script>, request: GetObject) -> Result<bytes::Bytes, Error> {
        let mut answer = script.client().get_object(request).await?;
        answer.body.collect().await
    }

    fn part(span: &str, body: &'static str) -> Answer {
        let headers = [("etag", "\"E\""), ("content-range", span)];
        answer(206, &headers, body)
    }

    #[tokio::test]
    async fn everything_that_is_known_of_an_object() {
        let script = Script::new([answer(
            200,
            &[
                ("etag", "\"E\""),
                ("last-modified", "Wed, 28 Dec 2022 10:27:41 GMT"),
                ("content-type", "text/plain"),
                ("x-oss-hash-crc64ecma", "18446744073709551615"),
                ("x-oss-object-type", "Appendable"),
                ("x-oss-storage-class", "IA"),
                ("x-oss-meta-a", "1"),
                ("x-oss-meta-b-c", "2"),
                ("x-oss-version-id", "V"),
                ("x-oss-next-append-position", "7"),
                ("content-length", "7"),
            ],
            "",
        )]);
        let client = script.client();
        let head = HeadObject::new("bucket", "key").if_none_match("\"F\"");
        let meta = client.head_object(head).await.unwrap();
        assert_eq!((meta.size, meta.etag.as_str()), (7, "\"E\""));
        assert_eq!(meta.last_modified, 1_672_223_261);
        assert_eq!(meta.crc64, Some(u64::MAX));
        assert_eq!(
            (&*meta.object_type, &*meta.storage_class),
            ("Appendable", "IA")
        );
        assert_eq!(meta.content_type.as_deref(), Some("text/plain"));
        assert_eq!(meta.user_metadata["b-c"], "2");
        assert_eq!(meta.version_id.as_deref(), Some("V"));
        assert_eq!(meta.next_append_position, Some(7));
        assert_eq!(script.seen()[0].header("if-none-match"), "\"F\"");
    }

    #[tokio::test]
    async fn a_range_knows_the_whole_size() {
        let script = Script::new([part("bytes 2-4/10", "234")]);
        let client = script.client();
        let mut answer = client.get_object(get().range(2..5)).await.unwrap();
        assert_eq!((answer.meta.size, answer.span.clone()), (10, 2..5));
        assert_eq!(answer.body.remaining(), 3);
        assert_eq!(answer.body.collect().await.unwrap(), "234");
        let script = Script::new([part("bytes 8-9/10", "89")]);
        let answer = script.client().get_object(get().range(8..u64::MAX)).await;
        assert_eq!(answer.unwrap().span, 8..10);
        assert_eq!(script.seen()[0].header("range"), "bytes=8-");
    }

    #[tokio::test]
    async fn bytes_that_were_not_asked_for_are_refused() {
        for answer in [
            object("0123456789", "0123456789"),
            part("bytes 0-2/10", "012"),
            part("bytes 2-5/10", "2345"),
            part("bytes 2-4", "234"),
        ] {
            let script = Script::new([answer]);
            let error = read(&script, get().range(2..5)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        }
        // Chunked: no length is known, and so no end.
        let Answer::Response(mut response) = object("hello", "hello") else {
            unreachable!()
        };
        response.headers_mut().remove("content-length");
        let script = Script::new([Answer::Response(response)]);
        let error = read(&script, get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
    }

    #[tokio::test]
    async fn an_empty_range_is_not_sent() {
        let script = Script::new([]);
        let error = read(&script, get().range(5..5)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_taken_up_again_under_the_same_etag() {
        let crc = crc("0123456789");
        let headers = [
            ("etag", "\"E\""),
            ("x-oss-hash-crc64ecma", &*crc),
            ("content-length", "10"),
        ];
        let again = [("etag", "\"E\""), ("content-range", "bytes 4-9/10")];
        let script = Script::new([
            breaks_off(200, &headers, "0123"),
            breaks_off(206, &again, "45"),
            part("bytes 6-9/10", "6789"),
        ]);
        let client = script.client();
        let mut answer = client.get_object(get()).await.unwrap();
        assert_eq!(answer.body.collect().await.unwrap(), "0123456789");
        let seen = script.seen();
        assert_eq!(seen[1].header("range"), "bytes=4-9");
        assert_eq!(seen[2].header("range"), "bytes=6-9");
        assert_eq!(seen[2].header("if-match"), "\"E\"");
        let counts = client.counts().into_iter();
        let retries = counts.map(|(_, counts)| counts.retries).sum::<u64>();
        assert_eq!(retries, 2);
    }

    #[tokio::test]
    async fn a_replaced_object_is_never_mixed_with_the_old() {
        let headers = [("etag", "\"E\""), ("content-length", "10")];
        let script = Script::new([
            breaks_off(200, &headers, "0123"),
            refusal(412, "PreconditionFailed"),
        ]);
        let error = read(&script, get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition);
        script.seen();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_gets_on_is_given_up() {
        let headers = [("etag", "\"E\""), ("content-length", "10")];
        let again = [("etag", "\"E\""), ("content-range", "bytes 0-9/10")];
        let script = Script::new(
            std::iter::once(breaks_off(200, &headers, ""))
                .chain((0..4).map(|_| breaks_off(206, &again, ""))),
        );
        let error = read(&script, get()).await.unwrap_err();
        assert_eq!((error.kind(), error.tries()), (ErrorKind::Connection, 5));
        assert_eq!(script.seen().len(), 5);
    }

    #[tokio::test]
    async fn a_whole_object_is_checked_and_read_once_more() {
        let script = Script::new([object("hellx", "hello"), part("bytes 0-4/5", "hello")]);
        assert_eq!(read(&script, get()).await.unwrap(), "hello");
        script.seen();
        let script = Script::new([object("hellx", "hello"), part("bytes 0-4/5", "hellx")]);
        let error = read(&script, get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        script.seen();
        // Piece by piece, the bytes are with the caller already.
        let script = Script::new([object("hellx", "hello")]);
        let mut answer = script.client().get_object(get()).await.unwrap();
        assert_eq!(answer.body.next_chunk().await.unwrap().unwrap(), "hellx");
        let error = answer.body.next_chunk().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[tokio::test]
    async fn an_announced_length_is_not_believed_before_it_came() {
        let headers = [("etag", ""), ("content-length", "4611686018427387904")];
        let script = Script::new([breaks_off(200, &headers, "hello")]);
        let error = read(&script, get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
    }
}

mod lost_answers {
    use super::*;

    fn put() -> PutObject {
        PutObject::new("bucket", "key", "hello").with(NewObject {
            forbid_overwrite: true,
            ..NewObject::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_put_that_forbids_overwriting_knows_its_own_object() {
        let script = Script::new([lost(), refusal(409, "FileAlreadyExists"), head(5, "hello")]);
        let output = script.client().put_object(put()).await.unwrap();
        assert_eq!(output.etag, "\"E\"");
        let seen = script.seen();
        assert_eq!(seen[1].header("x-oss-forbid-overwrite"), "true");
        for other in [
            head(5, "hellx"),
            head(6, "hello"),
            refusal(404, "NoSuchKey"),
        ] {
            let script = Script::new([lost(), refusal(409, "FileAlreadyExists"), other]);
            let error = script.client().put_object(put()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            script.seen();
        }
        // Nothing was lost: somebody else's object is not looked at.
        let script = Script::new([refusal(409, "FileAlreadyExists")]);
        let error = script.client().put_object(put()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }

    fn conflict(position: &str) -> Answer {
        let headers = [("x-oss-next-append-position", position)];
        let body = "<Error><Code>PositionNotEqualToLength</Code></Error>";
        answer(409, &headers, body)
    }

    #[tokio::test(start_paused = true)]
    async fn an_append_is_not_done_twice() {
        let append = || {
            let mut append = AppendObject::new("bucket", "key", 6, "world");
            append.crc_before = Some(crc64::checksum(b"hello "));
            append
        };
        let script = Script::new([lost(), conflict("11"), head(11, "hello world")]);
        let output = script.client().append_object(append()).await.unwrap();
        assert_eq!(output.next_position, 11);
        assert_eq!(output.crc64, Some(crc64::checksum(b"hello world")));
        assert_eq!(targets(&script)[0], "POST /bucket/key?append&position=6");
        // The answer that was lost was that of another process.
        let script = Script::new([conflict("11"), head(11, "hello world")]);
        let mut again = append();
        again.resumed = true;
        let output = script.client().append_object(again).await.unwrap();
        assert_eq!(output.next_position, 11);
        // Other bytes of the same length, another end, and no lost answer at all.
        for answers in [
            vec![lost(), conflict("11"), head(11, "hello there")],
            vec![lost(), conflict("12")],
            vec![conflict("11")],
        ] {
            let script = Script::new(answers);
            let error = script.client().append_object(append()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AppendConflict);
            script.seen();
        }
    }

    #[tokio::test]
    async fn an_append_checks_the_whole_object() {
        let headers = [
            ("x-oss-next-append-position", "5"),
            ("x-oss-hash-crc64ecma", "1"),
        ];
        let script = Script::new([answer(200, &headers, "")]);
        let append = AppendObject::new("bucket", "key", 0, "hello");
        let error = script.client().append_object(append).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.operation(), Some(Operation::AppendObject));
    }

    fn complete() -> CompleteMultipartUpload {
        let part = |part_number, bytes: &str| CompletedPart {
            part_number,
            etag: "\"P\"".into(),
            size: Some(bytes.len() as u64),
            crc64: Some(crc64::checksum(bytes.as_bytes())),
        };
        let parts = vec![part(1, "hello "), part(2, "world")];
        CompleteMultipartUpload::new("bucket", "key", "ID", parts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_completed_upload_is_recognised() {
        let script = Script::new([
            lost(),
            refusal(404, "NoSuchUpload"),
            head(11, "hello world"),
        ]);
        let client = script.client();
        let output = client.complete_multipart_upload(complete()).await.unwrap();
        assert_eq!(output.crc64, Some(crc64::checksum(b"hello world")));
        let seen = script.seen();
        assert_eq!(seen[0].body, seen[1].body);
        for answers in [
            vec![
                lost(),
                refusal(404, "NoSuchUpload"),
                head(11, "hello there"),
            ],
            vec![
                lost(),
                refusal(404, "NoSuchUpload"),
                refusal(404, "NoSuchKey"),
            ],
            vec![refusal(404, "NoSuchUpload")],
        ] {
            let script = Script::new(answers);
            let error = script.client().complete_multipart_upload(complete()).await;
            assert_eq!(error.unwrap_err().kind(), ErrorKind::NoSuchUpload);
            script.seen();
        }
    }

    #[tokio::test]
    async fn a_completed_upload_is_checked() {
        let body = "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key>\
            <ETag>\"E-2\"</ETag></CompleteMultipartUploadResult>";
        let script = Script::new([answer(200, &[("x-oss-hash-crc64ecma", "1")], body)]);
        let error = script.client().complete_multipart_upload(complete()).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_forbids_overwriting_knows_its_own_object() {
        let copy = || {
            let mut copy = CopyObject::new("bucket", "from", "to").source_if_match("\"E\"");
            copy.forbid_overwrite = true;
            copy
        };
        let exists = || refusal(409, "FileAlreadyExists");
        let script = Script::new([lost(), exists(), head(5, "hello"), head(5, "hello")]);
        script.client().copy_object(copy()).await.unwrap();
        assert_eq!(script.seen()[0].header("x-oss-copy-source"), "/bucket/from");
        let script = Script::new([lost(), exists(), head(5, "hello"), head(5, "hellx")]);
        let error = script.client().copy_object(copy()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        script.seen();
    }
}

mod lists {
    use super::*;

    fn contents(key: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-23T10:00:00.000Z</LastModified>\
             <ETag>\"E\"</ETag><Type>Normal</Type><Size>5</Size>\
             <StorageClass>Standard</StorageClass></Contents>"
        )
    }

    fn page(objects: &[&str], rest: &str) -> Answer {
        let objects: String = objects.iter().map(|key| contents(key)).collect();
        let body = format!(
            "<ListBucketResult><Name>bucket</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys>\
             <EncodingType>url</EncodingType>{objects}{rest}</ListBucketResult>"
        );
        answer(200, &[], body)
    }

    #[tokio::test]
    async fn pages_follow_one_another_and_are_decoded() {
        let more = "<IsTruncated>true</IsTruncated>\
            <NextContinuationToken>T+/=</NextContinuationToken>";
        let groups = "<IsTruncated>false</IsTruncated>\
            <CommonPrefixes><Prefix>d%2F%E4%B8%AD%2F</Prefix></CommonPrefixes>";
        let script = Script::new([
            page(&["d%2Fa%20b", "d%2Fc%2Bd"], more),
            page(&["d%2Fe%0Af"], groups),
        ]);
        let list = ListObjectsV2::new("bucket", "d/").delimiter("/");
        let mut pages = script.client().pages(list);
        let mut keys = Vec::new();
        let mut groups = Vec::new();
        while let Some(page) = pages.next_page().await.unwrap() {
            keys.extend(page.objects.into_iter().map(|object| object.key));
            groups.extend(page.common_prefixes);
        }
        assert_eq!(keys, ["d/a b", "d/c+d", "d/e\nf"]);
        assert_eq!(groups, ["d/中/"]);
        let targets = targets(&script);
        assert_eq!(
            targets[0],
            "GET /bucket/?list-type=2&encoding-type=url&prefix=d%2F&delimiter=%2F&max-keys=1000"
        );
        assert!(targets[1].ends_with("&continuation-token=T%2B%2F%3D"));
    }

    #[tokio::test]
    async fn a_list_that_hides_its_rest_is_an_error() {
        let script = Script::new([page(&["a"], "<IsTruncated>true</IsTruncated>")]);
        let list = ListObjectsV2::new("bucket", "");
        let error = script.client().list_objects_v2(list).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
    }

    #[tokio::test]
    async fn the_older_list_goes_on_after_its_last_name() {
        let rest = "<IsTruncated>true</IsTruncated>\
            <CommonPrefixes><Prefix>b%2F</Prefix></CommonPrefixes>";
        let named = "<IsTruncated>true</IsTruncated><NextMarker>m%20n</NextMarker>";
        let script = Script::new([page(&["a"], rest), page(&["a"], named)]);
        let client = script.client();
        let list = || ListObjects::new("bucket", "");
        let page = client.list_objects(list()).await.unwrap();
        assert_eq!(page.next.as_deref(), Some("b/"));
        let page = client.list_objects(list()).await.unwrap();
        assert_eq!(page.next.as_deref(), Some("m n"));
    }

    #[tokio::test]
    async fn buckets() {
        let body = "<ListAllMyBucketsResult><IsTruncated>true</IsTruncated>\
            <NextMarker>b</NextMarker><Owner><ID>1</ID><DisplayName>1</DisplayName></Owner>\
            <Buckets><Bucket><CreationDate>2026-11-23T10:00:00.000Z</CreationDate>\
            <ExtranetEndpoint>x</ExtranetEndpoint><IntranetEndpoint>x</IntranetEndpoint>\
            <Location>oss-cn-x</Location><Name>b</Name><Region>cn-x</Region>\
            <StorageClass>Standard</StorageClass></Bucket></Buckets></ListAllMyBucketsResult>";
        let script = Script::new([answer(200, &[], body)]);
        let page = script.client().list_buckets(ListBuckets::default()).await;
        let page = page.unwrap();
        assert_eq!(page.next_marker.as_deref(), Some("b"));
        assert_eq!(page.buckets[0].created, 1_795_428_000);
        assert_eq!(targets(&script), ["GET /"]);
    }

    #[tokio::test]
    async fn parts_and_uploads() {
        let parts = "<ListPartsResult><Bucket>bucket</Bucket><Key>key</Key><UploadId>ID</UploadId>\
            <NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1000</MaxParts>\
            <IsTruncated>true</IsTruncated><Part><PartNumber>2</PartNumber>\
            <LastModified>2026-11-23T10:00:00.000Z</LastModified><ETag>\"P\"</ETag>\
            <HashCrc64ecma>18446744073709551615</HashCrc64ecma><Size>5</Size></Part>\
            </ListPartsResult>";
        let uploads = "<ListMultipartUploadsResult><EncodingType>url</EncodingType>\
            <Bucket>bucket</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker>\
            <NextKeyMarker>a%20b</NextKeyMarker><NextUploadIdMarker>ID</NextUploadIdMarker>\
            <MaxUploads>1000</MaxUploads><IsTruncated>true</IsTruncated><Upload><Key>a%20b</Key>\
            <UploadId>ID</UploadId><Initiated>2026-11-23T10:00:00.000Z</Initiated></Upload>\
            </ListMultipartUploadsResult>";
        let script = Script::new([answer(200, &[], parts), answer(200, &[], uploads)]);
        let client = script.client();
        let list = ListParts::new("bucket", "key", "ID");
        let page = client.list_parts(list).await.unwrap();
        assert_eq!(
            (page.next_marker, page.parts[0].crc64),
            (Some(2), Some(u64::MAX))
        );
        let list = ListMultipartUploads::new("bucket", "");
        let page = client.list_multipart_uploads(list).await.unwrap();
        assert_eq!(page.uploads[0].key, "a b");
        assert_eq!(page.next, Some(("a b".into(), "ID".into())));
    }
}

#[tokio::test]
async fn a_new_object_carries_its_headers() {
    let script = Script::new([answer(200, &[("etag", "\"E\"")], "")]);
    let with = NewObject {
        content_type: Some("text/plain".into()),
        cache_control: Some("no-cache".into()),
        user_metadata: [("a".to_owned(), "中".to_owned())].into(),
        storage_class: Some("IA".into()),
        acl: Some("private".into()),
        ..NewObject::default()
    };
    let put = PutObject::new("bucket", "key", "").with(with);
    script.client().put_object(put).await.unwrap();
    let seen = &script.seen()[0];
    assert_eq!(seen.header("content-type"), "text/plain");
    assert_eq!(seen.header("x-oss-storage-class"), "IA");
    assert_eq!(seen.header("x-oss-object-acl"), "private");
    assert_eq!(seen.headers["x-oss-meta-a"].as_bytes(), "中".as_bytes());
}

#[tokio::test]
async fn every_object_gets_the_client_s_defaults_unless_told_otherwise() {
    let upload = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key>\
        <UploadId>ID</UploadId></InitiateMultipartUploadResult>";
    let copied = "<CopyObjectResult><ETag>\"E\"</ETag>\
        <LastModified>2026-11-24T00:00:00.000Z</LastModified></CopyObjectResult>";
    let put = || answer(200, &[("etag", "\"E\"")], "");
    let (upload, copied) = (answer(200, &[], upload), answer(200, &[], copied));
    let script = Script::new([put(), upload, copied, put()]);
    let mut config = script.client().config().clone();
    config.object_defaults = ObjectDefaults {
        acl: Some("private".into()),
        storage_class: Some("IA".into()),
        encryption: Some(Encryption::Aes256),
        by_key: Some(Arc::new(|key| NewObject {
            content_type: Some(format!("x/{key}")),
            acl: Some("default".into()),
            ..NewObject::default()
        })),
    };
    config.requester_pays = true;
    config.traffic_limits = TrafficLimits {
        upload: Some(819_200),
        download: None,
    };
    let client = Client::with_transport(config, script.clone());
    let put = || PutObject::new("bucket", "key", "");
    client.put_object(put()).await.unwrap();
    let upload = InitiateMultipartUpload::new("bucket", "key");
    client.initiate_multipart_upload(upload).await.unwrap();
    let copy = CopyObject::new("bucket", "from", "to");
    client.copy_object(copy).await.unwrap();
    let with = NewObject {
        acl: Some("public-read".into()),
        ..NewObject::default()
    };
    client.put_object(put().with(with)).await.unwrap();
    let seen = script.seen();
    let acls: Vec<_> = seen.iter().map(|s| s.header("x-oss-object-acl")).collect();
    // A copy that keeps its source's headers gets nothing by its key.
    assert_eq!(acls, ["default", "default", "private", "public-read"]);
    for (name, value) in [
        ("x-oss-storage-class", "IA"),
        ("x-oss-server-side-encryption", "AES256"),
        ("x-oss-request-payer", "requester"),
    ] {
        assert!(seen.iter().all(|s| s.header(name) == value), "{name}");
    }
    let types: Vec<_> = seen
        .iter()
        .map(|s| s.headers.contains_key("content-type"))
        .collect();
    assert_eq!(types, [true, true, false, true]);
    assert_eq!(seen[0].header("content-type"), "x/key");
    let limited = seen
        .iter()
        .map(|s| s.headers.contains_key("x-oss-traffic-limit"));
    assert_eq!(limited.collect::<Vec<_>>(), [true, false, true, true]);
}

#[tokio::test]
async fn a_header_that_would_split_the_request_is_not_sent() {
    let script = Script::new([]);
    let put = PutObject::new("bucket", "key", "").with(NewObject {
        content_type: Some("a\r\nX: y".into()),
        ..NewObject::default()
    });
    let error = script.client().put_object(put).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let body = "<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a%20b</Key></Deleted>\
        <Deleted><Key>c</Key></Deleted></DeleteResult>";
    let script = Script::new([answer(200, &[], body)]);
    let client = script.client();
    let keys = ["a b".into(), "c".into()];
    let gone = client
        .delete_multiple_objects(DeleteMultipleObjects::new("bucket", keys))
        .await;
    let gone: Vec<_> = gone.unwrap().into_iter().map(|one| one.key).collect();
    assert_eq!(gone, ["a b", "c"]);
    let seen = &script.seen()[0];
    assert_eq!(seen.header("content-md5").len(), 24);
    assert!(seen.body.starts_with(b"<"));
    for count in [0, 1001] {
        let keys = (0..count).map(|n| n.to_string());
        let request = DeleteMultipleObjects::new("bucket", keys);
        let error = client.delete_multiple_objects(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn parts_are_sent_and_copied() {
    let copied = "<CopyPartResult><LastModified>2026-11-23T10:00:00.000Z</LastModified>\
        <ETag>\"Q\"</ETag></CopyPartResult>";
    let headers = [("etag", "\"P\""), ("x-oss-hash-crc64ecma", &*crc("hello"))];
    let script = Script::new([answer(200, &headers, ""), answer(200, &[], copied)]);
    let client = script.client();
    let part = UploadPart::new("bucket", "key", "ID", 1, "hello");
    let part = client.upload_part(part).await.unwrap();
    assert_eq!(part.size, Some(5));
    assert_eq!(part.crc64, Some(crc64::checksum(b"hello")));
    let mut copy = UploadPartCopy {
        bucket: "bucket".into(),
        key: "key".into(),
        upload_id: "ID".into(),
        part_number: 2,
        source_bucket: "bucket".into(),
        source_key: "a b".into(),
        source_version_id: None,
        source_range: Some(5..10),
        source_if_match: Some("\"E\"".into()),
    };
    let part = client.upload_part_copy(copy.clone()).await.unwrap();
    assert_eq!((part.etag.as_str(), part.size), ("\"Q\"", Some(5)));
    let seen = script.seen();
    assert_eq!(seen[0].target, "/bucket/key?partNumber=1&uploadId=ID");
    assert_eq!(seen[1].header("x-oss-copy-source"), "/bucket/a%20b");
    assert_eq!(seen[1].header("x-oss-copy-source-range"), "bytes=5-9");
    copy.source_range = Some(5..5);
    let error = client.upload_part_copy(copy).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_bucket_is_made_with_its_class() {
    let script = Script::new([answer(200, &[], ""), answer(200, &[], "")]);
    let client = script.client();
    client.put_bucket(PutBucket::new("bucket")).await.unwrap();
    let mut with = PutBucket::new("bucket");
    with.storage_class = Some("IA".into());
    client.put_bucket(with).await.unwrap();
    let seen = script.seen();
    assert!(seen[0].body.is_empty());
    let body = String::from_utf8_lossy(&seen[1].body).into_owned();
    assert!(body.contains("<StorageClass>IA</StorageClass>"), "{body}");
}
