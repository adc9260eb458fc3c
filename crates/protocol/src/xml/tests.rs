use super::*;
use proptest::prelude::*;

#[test]
fn an_empty_listing_has_the_elements_that_oss2_demands() {
    let text = write(&ListBucketResult {
        name: "b".into(),
        max_keys: 100,
        ..Default::default()
    });
    assert_eq!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>b</Name><Prefix/>\
         <Marker/><MaxKeys>100</MaxKeys><Delimiter/><IsTruncated>false</IsTruncated>\
         </ListBucketResult>"
    );
    let uploads = write(&ListMultipartUploadsResult::default());
    for needed in ["<NextKeyMarker/>", "<NextUploadIdMarker/>", "<KeyMarker/>"] {
        assert!(uploads.contains(needed), "{uploads}");
    }
}

#[test]
fn a_pretty_printed_answer_of_the_service_is_read() {
    let text = br#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult>
  <Name>examplebucket</Name>
  <Prefix></Prefix>
  <StartAfter></StartAfter>
  <MaxKeys>3</MaxKeys>
  <Delimiter>%2F</Delimiter>
  <EncodingType>url</EncodingType>
  <IsTruncated>true</IsTruncated>
  <NextContinuationToken>ChR-</NextContinuationToken>
  <Contents>
    <Key>exampleobject%201.txt</Key>
    <LastModified>2020-06-22T11:42:32.000Z</LastModified>
    <ETag>"5B3C1A2E053D763E1B002CC607C5A0FE1"</ETag>
    <Type>Normal</Type>
    <Size>344606</Size>
    <StorageClass>ColdArchive</StorageClass>
    <RestoreInfo>ongoing-request="true"</RestoreInfo>
  </Contents>
  <CommonPrefixes>
    <Prefix>a%2Fb%2F</Prefix>
  </CommonPrefixes>
  <KeyCount>2</KeyCount>
</ListBucketResult>"#;
    let page: ListBucketResultV2 = read::<ListBucketResultV2>(text).unwrap().decoded().unwrap();
    assert_eq!(page.contents[0].key, "exampleobject 1.txt");
    assert_eq!(page.contents[0].size, 344_606);
    assert_eq!(page.common_prefixes[0].prefix, "a/b/");
    assert_eq!(page.delimiter, "/");
    assert_eq!(page.next_continuation_token.as_deref(), Some("ChR-"));
    assert!(page.is_truncated);
}

#[test]
fn etags_in_a_completion_may_be_quoted_in_any_way() {
    let text = b"<CompleteMultipartUpload>\n<Part><ETag>&quot;AB&quot;</ETag>\
        <PartNumber>1</PartNumber></Part><Part><PartNumber>2</PartNumber><ETag>\"CD\"</ETag></Part>\
        <Part><PartNumber>3</PartNumber><ETag>ef</ETag></Part></CompleteMultipartUpload>";
    let parts = read::<CompleteMultipartUpload>(text).unwrap().part;
    let tags: Vec<_> = parts
        .iter()
        .map(|p| (p.part_number, p.etag.as_str()))
        .collect();
    assert_eq!(tags, [(1, "\"AB\""), (2, "\"CD\""), (3, "ef")]);
}

#[test]
fn keys_keep_their_blanks_and_control_characters() {
    for reference in ["&#x01;", "&#01;", "&#1;"] {
        let text = format!("<Delete><Object><Key> a{reference}b </Key></Object></Delete>");
        let delete: Delete = read(text.as_bytes()).unwrap();
        assert_eq!(delete.object[0].key, " a\u{1}b ");
        assert!(!delete.quiet);
    }
}

#[test]
fn characters_that_end_lines_elsewhere_are_themselves_in_keys() {
    for odd in ["\u{85}", "\u{2028}"] {
        let text = format!("<Delete><Object><Key>a{odd}b</Key></Object></Delete>");
        let delete: Delete = read(text.as_bytes()).unwrap();
        assert_eq!(delete.object[0].key, format!("a{odd}b"));
    }
}

#[test]
fn an_error_is_written_in_the_service_s_order_and_read_back() {
    let document = ErrorDocument {
        code: "NoSuchKey".into(),
        message: "The specified key does not exist.".into(),
        request_id: "6".repeat(24),
        host_id: "b.localhost".into(),
        access_denied: Vec::new(),
        extra: vec![("Key", "a<&>\u{1}".into())],
        ec: "0026-00000001".into(),
    };
    let text = document.to_xml();
    let order = [
        "<Code>",
        "<Message>",
        "<RequestId>",
        "<HostId>",
        "<Key>",
        "<EC>",
        "<Recommend",
    ];
    let places: Vec<_> = order.iter().map(|e| text.find(e).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    let back = ErrorDocument::parse(text.as_bytes()).unwrap();
    assert_eq!(
        back,
        ErrorDocument {
            extra: vec![],
            ..document
        }
    );
}

#[test]
fn a_location_is_the_text_of_its_root() {
    let text = write(&LocationConstraint {
        location: "oss-cn-hangzhou".into(),
    });
    assert!(
        text.ends_with("<LocationConstraint>oss-cn-hangzhou</LocationConstraint>"),
        "{text}"
    );
    assert_eq!(
        read::<LocationConstraint>(text.as_bytes())
            .unwrap()
            .location,
        "oss-cn-hangzhou"
    );
}

#[test]
fn what_is_no_document_is_malformed() {
    for bad in [
        "",
        "x",
        "<Delete>",
        "<Delete><Quiet>maybe</Quiet></Delete>",
        "<Delete></Other>",
    ] {
        assert!(read::<Delete>(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(read::<Delete>(b"\xff").is_err());
}

proptest! {
    #[test]
    fn any_key_survives_both_ways(
        key in proptest::collection::vec(any::<char>(), 1..40),
        blank in "[ \t\r\n\u{85}\u{2028}\u{1}]{0,3}",
    ) {
        // No document can hold NUL.
        let key: String = key.into_iter().filter(|c| *c != '\0').collect();
        let key = format!("{blank}{key}{blank}");
        let plain = Delete { quiet: true, object: vec![ObjectToDelete {
            key: key.clone(), version_id: None,
        }] };
        prop_assert_eq!(&read::<Delete>(write(&plain).as_bytes()).unwrap(), &plain);
        let listing = ListBucketResult {
            contents: vec![Contents { key, ..Default::default() }], ..Default::default()
        };
        let text = write(&listing.clone().url_encoded());
        let back = read::<ListBucketResult>(text.as_bytes()).unwrap().decoded().unwrap();
        prop_assert_eq!(back, listing);
    }

    #[test]
    fn no_bytes_panic_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read::<Delete>(&bytes);
        let _ = read::<ListBucketResultV2>(&bytes);
        let _ = read::<CompleteMultipartUpload>(&bytes);
        let _ = ErrorDocument::parse(&bytes);
    }
}
