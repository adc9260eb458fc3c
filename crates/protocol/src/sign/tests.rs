//! The vectors of `reference/oss-protocol.md`: from the official SDKs' own tests, and from oss2
//! 2.19.1 run with its clock fixed.

use super::*;
use crate::sign::v4::{Scope, Signer, SigningKey, Target};
use http::{HeaderName, HeaderValue};

const REGION: &str = "cn-hangzhou";
/// 16 Dec 2023 16:20:57 GMT.
const NOW: i64 = 1_702_743_657;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(
            HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    map
}

fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

fn key(token: bool) -> Key {
    Key {
        id: "ak".into(),
        secret: "sk".into(),
        token: token.then(|| "token".into()),
    }
}

fn authorization(headers: &HeaderMap) -> String {
    headers["authorization"].to_str().unwrap().to_owned()
}

/// Signs with V1, checks the header, and that the verifier agrees.
fn v1_header(
    method: &str,
    bucket: Option<&str>,
    object: Option<&str>,
    q: &[(&str, &str)],
    h: &[(&str, &str)],
    token: bool,
    expected: &str,
) {
    let (q, mut h) = (query(q), headers(h));
    v1::sign_header(method, bucket, object, &q, &mut h, &key(token), NOW).unwrap();
    assert_eq!(authorization(&h), format!("OSS ak:{expected}"));
    let request = Request {
        method,
        bucket,
        key: object,
        query: &q,
        headers: &h,
    };
    let claim = parse(&request).unwrap().unwrap();
    assert_eq!((claim.version, claim.place), (Version::V1, Place::Header));
    let at = claim_time(&h);
    assert_eq!(verify(&claim, &request, "sk", REGION, at), Ok(()));
    assert!(matches!(
        verify(&claim, &request, "other", REGION, at),
        Err(AuthError::Mismatch { .. })
    ));
    assert!(matches!(
        verify(&claim, &request, "sk", REGION, at + 901),
        Err(AuthError::Skewed { .. })
    ));
    assert!(matches!(
        verify(&claim, &request, "sk", REGION, at - 901),
        Err(AuthError::Skewed { .. })
    ));
}

fn claim_time(h: &HeaderMap) -> i64 {
    let text = h
        .get("x-oss-date")
        .unwrap_or_else(|| &h["date"])
        .to_str()
        .unwrap();
    crate::time::parse_http_date(text)
        .or_else(|| crate::time::parse_iso_basic(text))
        .unwrap()
}

const NELSON: &[(&str, &str)] = &[
    ("Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="),
    ("Content-Type", "text/html"),
    ("x-oss-meta-author", "alice"),
    ("x-oss-meta-magic", "abracadabra"),
    ("x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"),
    ("Date", "Wed, 28 Dec 2022 10:27:41 GMT"),
];
const DATED: &[(&str, &str)] = &[
    ("x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"),
    ("Date", "Wed, 28 Dec 2022 10:27:41 GMT"),
];

#[test]
fn v1_header_vectors_of_the_sdks() {
    let (b, k) = (Some("examplebucket"), Some("nelson"));
    v1_header(
        "PUT",
        b,
        k,
        &[],
        NELSON,
        false,
        "kSHKmLxlyEAKtZPkJhG9bZb5k7M=",
    );
    v1_header(
        "PUT",
        b,
        k,
        &[("acl", "")],
        NELSON,
        false,
        "/afkugFbmWDQ967j1vr6zygBLQk=",
    );
    v1_header(
        "GET",
        b,
        None,
        &[("resourceGroup", ""), ("non-resousce", "null")],
        DATED,
        false,
        "vkQmfuUDyi1uDi3bKt67oemssIs=",
    );
    v1_header(
        "GET",
        b,
        None,
        &[("resourceGroup", ""), ("acl", "")],
        DATED,
        false,
        "x3E5TgOvl/i7PN618s5mEvpJDYk=",
    );
}

#[test]
fn v1_url_vectors_of_the_sdks() {
    let empty = HeaderMap::new();
    let rows = [
        ("key", false, 1_699_807_420, "dcLTea+Yh9ApirQ8o8dOPqtvJXQ="),
        (
            "key+123",
            true,
            1_699_808_204,
            "jzKYRrM5y6Br0dRFPaTGOsbrDhY=",
        ),
    ];
    for (object, token, expires, expected) in rows {
        let q = query(&[("versionId", "versionId")]);
        let request = Request {
            method: "GET",
            bucket: Some("bucket"),
            key: Some(object),
            query: &q,
            headers: &empty,
        };
        let signed = v1::presign(&request, &key(token), expires);
        assert!(
            signed.contains(&("Signature".into(), expected.into())),
            "{signed:?}"
        );
        url_verifies(
            &Request {
                query: &signed,
                ..request
            },
            Version::V1,
            expires,
        );
    }
}

fn url_verifies(request: &Request<'_>, version: Version, end: i64) {
    let claim = parse(request).unwrap().unwrap();
    assert_eq!((claim.version, claim.place), (version, Place::Url));
    let region = claim_region(request);
    assert_eq!(verify(&claim, request, "sk", &region, end), Ok(()));
    assert!(matches!(
        verify(&claim, request, "sk", &region, end + 1),
        Err(AuthError::Expired { .. })
    ));
    assert!(matches!(
        verify(&claim, request, "sk2", &region, end),
        Err(AuthError::Mismatch { .. })
    ));
}

fn claim_region(request: &Request<'_>) -> String {
    let credential = request
        .parameter("x-oss-credential")
        .unwrap_or("a/b/cn-hangzhou/d/e");
    credential.split('/').nth(2).unwrap().to_owned()
}

const V4_QUERY: &[(&str, &str)] = &[
    ("param1", "value1"),
    ("+param1", "value3"),
    ("|param1", "value4"),
    ("+param2", ""),
    ("|param2", ""),
    ("param2", ""),
];
const V4_HEADERS: &[(&str, &str)] = &[
    ("x-oss-head1", "value"),
    ("abc", "value"),
    ("ZAbc", "value"),
    ("XYZ", "value"),
    ("content-type", "text/plain"),
];
const V4_KEY: &str = "1234+-/123/1.txt";

fn v4_header(target: Target<'_>, token: bool, extra: &[&str], at: i64, expected: &str) -> String {
    let (q, mut h) = (query(V4_QUERY), headers(V4_HEADERS));
    let (key, scope) = (key(token), target.scope(at));
    let signing_key = SigningKey::derive("sk", &scope);
    let signer = Signer {
        key: &key,
        scope: &scope,
        signing_key: &signing_key,
    };
    let (bucket, object) = (Some("bucket"), Some(V4_KEY));
    v4::sign_header("PUT", bucket, object, &q, &mut h, signer, extra, at).unwrap();
    let sent = authorization(&h);
    assert!(sent.ends_with(&format!("Signature={expected}")), "{sent}");
    let request = Request {
        method: "PUT",
        bucket,
        key: object,
        query: &q,
        headers: &h,
    };
    let claim = parse(&request).unwrap().unwrap();
    assert_eq!(verify(&claim, &request, "sk", target.region, at), Ok(()));
    assert!(matches!(
        verify(&claim, &request, "sk2", target.region, at),
        Err(AuthError::Mismatch {
            canonical_request: Some(_),
            ..
        })
    ));
    assert!(matches!(
        verify(&claim, &request, "sk", "eu-nowhere", at),
        Err(AuthError::WrongRegion { .. })
    ));
    sent
}

const OSS: Target<'_> = Target {
    region: REGION,
    product: "oss",
};
const CLOUD_BOX: Target<'_> = Target {
    region: "cb-123",
    product: "oss-cloudbox",
};

#[test]
fn v4_header_vectors_of_the_sdks() {
    let sent = v4_header(
        OSS,
        false,
        &[],
        NOW,
        "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
    );
    assert!(
        sent.starts_with(
            "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,Sig"
        ),
        "{sent}"
    );
    v4_header(
        CLOUD_BOX,
        false,
        &[],
        NOW,
        "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43",
    );
    v4_header(
        OSS,
        true,
        &[],
        1_702_784_856,
        "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
    );
    for listed in [
        &["ZAbc", "abc"][..],
        &["ZAbc", "abc", "x-oss-head1", "x-oss-no-exist"],
    ] {
        let sent = v4_header(
            OSS,
            false,
            listed,
            1_702_747_512,
            "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f",
        );
        assert!(sent.contains("AdditionalHeaders=abc;zabc,"), "{sent}");
    }
}

/// Made by running the Go SDK 3.0.2, which sends no `x-oss-date`.
#[test]
fn v4_signs_a_date_as_it_was_sent() {
    let headers = headers(&[
        ("date", "Tue, 24 Nov 2026 11:59:26 GMT"),
        ("content-type", "text/plain"),
        ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-oss-meta-a", "b c"),
        (
            "authorization",
            "OSS4-HMAC-SHA256 Credential=ak/20261124/cn-hangzhou/oss/aliyun_v4_request,\
             Signature=f84176ffe1cbd9d3022de012792432b768f0d058bbdb17d977d72f06b79f6802",
        ),
    ]);
    let request = Request {
        method: "PUT",
        bucket: Some("bucket"),
        key: Some(V4_KEY),
        query: &[],
        headers: &headers,
    };
    let claim = parse(&request).unwrap().unwrap();
    let now = 1_795_521_566;
    assert_eq!(verify(&claim, &request, "sk", REGION, now), Ok(()));
}

#[test]
fn v4_url_vectors_of_the_sdks() {
    let h = headers(&[
        ("x-oss-head1", "value"),
        ("abc", "value"),
        ("ZAbc", "value"),
        ("XYZ", "value"),
        ("content-type", "application/octet-stream"),
    ]);
    let more: &[&str] = &["ZAbc", "abc"];
    let rows: &[(Target<'_>, bool, &[&str], i64, &str)] = &[
        (
            OSS,
            false,
            &[],
            1_702_781_677,
            "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe",
        ),
        (
            OSS,
            true,
            &[],
            1_702_785_388,
            "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5",
        ),
        (
            OSS,
            false,
            more,
            1_702_783_809,
            "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7",
        ),
        (
            CLOUD_BOX,
            false,
            more,
            1_702_781_677,
            "07284191b9b4978ac3520cd39ee2dea2747eda454089359371ff463a6c7ba20f",
        ),
        (
            CLOUD_BOX,
            false,
            more,
            1_702_783_809,
            "16782cc8a7a554523db055eb804b508522e7e370073108ad88ee2f47496701dd",
        ),
    ];
    for (target, token, extra, at, expected) in rows {
        let q = query(V4_QUERY);
        let (key, scope) = (key(*token), target.scope(*at));
        let signing_key = SigningKey::derive("sk", &scope);
        let signer = Signer {
            key: &key,
            scope: &scope,
            signing_key: &signing_key,
        };
        let request = Request {
            method: "PUT",
            bucket: Some("bucket"),
            key: Some(V4_KEY),
            query: &q,
            headers: &h,
        };
        let signed = v4::presign(&request, signer, extra, *at, 599);
        let sent = signed.iter().find(|(n, _)| n == "x-oss-signature").unwrap();
        assert_eq!(&sent.1, expected);
        url_verifies(
            &Request {
                query: &signed,
                ..request
            },
            Version::V4,
            at + 599,
        );
    }
}

/// The rows that oss2 2.19.1 made: (method, bucket, key, query, headers, token, V1, V2, V4).
type Row<'a> = (
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    &'a [(&'a str, &'a str)],
    &'a [(&'a str, &'a str)],
    bool,
    &'a str,
    &'a str,
    &'a str,
);

const RANGED: &[(&str, &str)] = &[
    ("range", "bytes=0-1023"),
    ("x-oss-range-behavior", "standard"),
];
const CHINESE: &str = "dir/a b+c%中文.txt";
const BUCKET: Option<&str> = Some("examplebucket");

fn oss2_rows() -> Vec<Row<'static>> {
    vec![
        (
            "GET",
            BUCKET,
            Some(CHINESE),
            &[],
            RANGED,
            false,
            "gz/7qz9DhZrkfpBvrlYOY8h8ujg=",
            "zD9WR8T+bkXbsY87a/yJpaaaJoRyvzPIrQqt42R9anU=",
            "2d5ad833e8536506d7e3eabb149877e04c4d95c02e5b9ed3c9450cd8b467b14d",
        ),
        (
            "GET",
            BUCKET,
            Some(CHINESE),
            &[],
            RANGED,
            true,
            "rxec8774dcaLn+tARdyMVeRwdtc=",
            "qhui6OuBCyGgDYj46dAQp5oipUtNZIxVdMEXfrDBbps=",
            "2f8443b27b00444146807dccfe07f960796029859321e3828e309d92e1e37062",
        ),
        (
            "PUT",
            BUCKET,
            Some("obj"),
            &[("partNumber", "1"), ("uploadId", "0004B9895DBBB6EC98E36")],
            &[
                ("content-type", "application/octet-stream"),
                ("content-md5", "eB5eJF1ptWaXm4bijSPyxw=="),
            ],
            false,
            "CcA9lGYlGmmFp1HH2X77kcn5KtY=",
            "BOC4Qhs8y46EYIaz2odUnuF0J6mj9YkHaIbHL9zXaPY=",
            "17885a62d4fefde1715025a46effafac446d61fece2e0bfccadd8a30d0d7f5fc",
        ),
        (
            "GET",
            BUCKET,
            None,
            &[
                ("list-type", "2"),
                ("prefix", "a/b c"),
                ("delimiter", "/"),
                ("continuation-token", "abc=="),
                ("max-keys", "1000"),
                ("encoding-type", "url"),
            ],
            &[],
            false,
            "1DGegft5JkVBIXsUd93m2QxnxsU=",
            "7uLeRXSIscPx7yfmuSvt4LRJK/06rESP6MLuBXa2k30=",
            "8f2e565c83ca270e75311dabf4101c65caf80842ffb22c065e1e53b666becdcd",
        ),
        (
            "POST",
            BUCKET,
            None,
            &[("delete", "")],
            &[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")],
            false,
            "GrEPWnQjM9Qky5pPdPHGrbwL3zc=",
            "zZINyjQcolb6r0iR83uk2x2mAQ55pOhm+eBFvZf/2m4=",
            "49d8a1a596eb64831ab662765deb026c3a31b3d2b668474a47848d4fef19aad5",
        ),
        (
            "GET",
            None,
            None,
            &[("prefix", "x")],
            &[],
            false,
            "JFeJbSC7fGEfBc2LaEv5ha91r6Q=",
            "PhHv8wYVM6CuEts+mqmdtTbo+CT8sJSicxAKWplibq4=",
            "7c84947dfb9b133c60ece7b6caf2f017056007d7257af0d24439a78435d48aca",
        ),
    ]
}

#[test]
fn headers_as_oss2_signs_them() {
    for (method, bucket, object, q, h, token, one, two, four) in oss2_rows() {
        v1_header(method, bucket, object, q, h, token, one);

        let q = query(q);
        let mut second = headers(h);
        if token {
            second.insert("x-oss-security-token", HeaderValue::from_static("token"));
        }
        second.insert(
            "date",
            HeaderValue::from_str(&crate::time::http_date(NOW)).unwrap(),
        );
        let extra = if second.contains_key("range") {
            "AdditionalHeaders:range,"
        } else {
            ""
        };
        let sent = format!("OSS2 AccessKeyId:ak,{extra}Signature:{two}");
        second.insert("authorization", HeaderValue::from_str(&sent).unwrap());
        let request = Request {
            method,
            bucket,
            key: object,
            query: &q,
            headers: &second,
        };
        let claim = parse(&request).unwrap().unwrap();
        assert_eq!(
            verify(&claim, &request, "sk", REGION, NOW),
            Ok(()),
            "V2 {q:?}"
        );

        let mut fourth = headers(h);
        let (key, scope) = (key(token), OSS.scope(NOW));
        let signing_key = SigningKey::derive("sk", &scope);
        let signer = Signer {
            key: &key,
            scope: &scope,
            signing_key: &signing_key,
        };
        v4::sign_header(method, bucket, object, &q, &mut fourth, signer, &[], NOW).unwrap();
        assert!(
            authorization(&fourth).ends_with(four),
            "{}",
            authorization(&fourth)
        );
        // oss2 writes the pieces in another order, with blanks.
        let sent = format!("OSS4-HMAC-SHA256 Credential=ak/{scope}, Signature={four}");
        fourth.insert("authorization", HeaderValue::from_str(&sent).unwrap());
        let request = Request {
            method,
            bucket,
            key: object,
            query: &q,
            headers: &fourth,
        };
        let claim = parse(&request).unwrap().unwrap();
        assert_eq!(verify(&claim, &request, "sk", REGION, NOW), Ok(()));
    }
}

#[test]
fn urls_as_oss2_signs_them() {
    let empty = HeaderMap::new();
    let rows = [
        (
            false,
            "5PL6fi5eXEmbpZ2vVbOfLP/f1Cs=",
            "NJKQo+P0qfacBrTLl8nxRgCr3iDDeeSAl7yUrHLzBso=",
            "317fec49760caddd08a2fee5150ebc58c94d8f978c1ebebda162d449dd2c6c2a",
        ),
        (
            true,
            "gq/dFkKeV+xH4xH2crPAQPkqK0w=",
            "NDobtAjjG/BJ6inCdC8+SNJou/jDcHX/qNszmL5jSJQ=",
            "9ce7f021c7623f6ea96b79bd4fa2cf67c03f2e091a9c7127bae6ab5c93e5315f",
        ),
    ];
    for (token, one, two, four) in rows {
        let request = Request {
            method: "GET",
            bucket: BUCKET,
            key: Some(CHINESE),
            query: &[],
            headers: &empty,
        };
        let (key, end) = (key(token), NOW + 600);

        let q = v1::presign(&request, &key, end);
        assert!(q.contains(&("Signature".into(), one.into())), "{q:?}");

        let mut q = query(&[
            ("x-oss-signature-version", "OSS2"),
            ("x-oss-access-key-id", "ak"),
        ]);
        q.push(("x-oss-expires".into(), end.to_string()));
        if token {
            q.push(("security-token".into(), "token".into()));
        }
        q.push(("x-oss-signature".into(), two.into()));
        url_verifies(
            &Request {
                query: &q,
                ..request
            },
            Version::V2,
            end,
        );

        let scope = OSS.scope(NOW);
        let signing_key = SigningKey::derive("sk", &scope);
        let signer = Signer {
            key: &key,
            scope: &scope,
            signing_key: &signing_key,
        };
        let q = v4::presign(&request, signer, &[], NOW, 600);
        assert!(
            q.contains(&("x-oss-signature".into(), four.into())),
            "{q:?}"
        );
    }
}

fn unsigned<'a>(headers: &'a HeaderMap, query: &'a [(String, String)]) -> Request<'a> {
    Request {
        method: "GET",
        bucket: BUCKET,
        key: None,
        query,
        headers,
    }
}

#[test]
fn bad_claims_say_what_is_wrong() {
    let none = HeaderMap::new();
    assert!(parse(&unsigned(&none, &[])).unwrap().is_none(), "anonymous");

    let basic = headers(&[("authorization", "Basic abc")]);
    assert_eq!(
        parse(&unsigned(&basic, &[])).unwrap_err().ec(),
        "0002-00000002"
    );
    let undated = headers(&[("authorization", "OSS ak:sig")]);
    assert_eq!(
        parse(&unsigned(&undated, &[])).unwrap_err(),
        AuthError::NoDate
    );
    let bare = headers(&[(
        "authorization",
        "OSS4-HMAC-SHA256 Credential=ak,Signature=1",
    )]);
    assert_eq!(
        parse(&unsigned(&bare, &[])).unwrap_err().ec(),
        "0002-00000213"
    );

    let scope = "ak/20231216/cn-hangzhou/oss/aliyun_v4_request";
    let rows: &[(&[(&str, &str)], &str)] = &[
        (
            &[("OSSAccessKeyId", "ak"), ("Signature", "x")],
            "0002-00000067",
        ),
        (
            &[
                ("OSSAccessKeyId", "ak"),
                ("Signature", "x"),
                ("Expires", ""),
            ],
            "0002-00000068",
        ),
        (
            &[
                ("OSSAccessKeyId", "ak"),
                ("Signature", "x"),
                ("Expires", "soon"),
            ],
            "0002-00000070",
        ),
        (&[("x-oss-signature-version", "OSS2")], "0002-00000113"),
        (
            &[
                ("x-oss-signature-version", "OSS4-HMAC-SHA256"),
                ("x-oss-credential", "ak"),
            ],
            "0002-00000224",
        ),
        (
            &[
                ("x-oss-signature-version", "OSS4-HMAC-SHA256"),
                ("x-oss-credential", scope),
                ("x-oss-date", "20231216T162057Z"),
                ("x-oss-expires", "604801"),
            ],
            "0002-00000232",
        ),
    ];
    for (pairs, ec) in rows {
        let q = query(pairs);
        assert_eq!(
            parse(&unsigned(&none, &q)).unwrap_err().ec(),
            *ec,
            "{pairs:?}"
        );
    }

    let listed = headers(&[
        (
            "authorization",
            "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,\
             AdditionalHeaders=absent,Signature=1",
        ),
        ("x-oss-date", "20231216T162057Z"),
    ]);
    let request = unsigned(&listed, &[]);
    let claim = parse(&request).unwrap().unwrap();
    let fault = verify(&claim, &request, "sk", REGION, NOW).unwrap_err();
    assert_eq!(
        fault,
        AuthError::AdditionalHeaderAbsent {
            name: "absent".into()
        }
    );
}

#[test]
fn secrets_do_not_print() {
    let printed = format!(
        "{:?} {:?}",
        Key {
            id: "id".into(),
            secret: "hidden".into(),
            token: Some("hidden".into())
        },
        SigningKey::derive(
            "hidden",
            &Scope {
                day: "20231216".into(),
                region: "r".into(),
                product: "oss".into()
            }
        )
    );
    assert!(
        printed.contains("id") && !printed.contains("hidden"),
        "{printed}"
    );
}
