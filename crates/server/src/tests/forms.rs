//! Browser forms and callbacks.

use super::wire::{Answer, Running, ask, config, key, read_answer, start, start_with};
use crate::Config;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ossplit_protocol::{
    sign::{post, v4},
    time,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const BOUNDARY: &str = "9431149156168";

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs() as i64
}

fn policy(conditions: &str) -> String {
    let until = time::xml_time(now() + 600);
    STANDARD.encode(format!(
        r#"{{"expiration":"{until}","conditions":[{conditions}]}}"#
    ))
}

fn signed_v1(policy: &str) -> Vec<(String, String)> {
    let signature = post::sign_v1(&key().secret, policy);
    [
        ("OSSAccessKeyId", "id"),
        ("policy", policy),
        ("Signature", &signature),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn signed_v4(policy: &str) -> Vec<(String, String)> {
    let target = v4::Target {
        region: "cn-local",
        product: "oss",
    };
    let scope = target.scope(now());
    let signing = v4::SigningKey::derive(&key().secret, &scope);
    let signature = post::sign_v4(&signing, policy);
    [
        ("x-oss-signature-version", v4::ALGORITHM),
        ("x-oss-credential", &format!("id/{scope}")),
        ("x-oss-date", &time::iso_basic(now())),
        ("policy", policy),
        ("x-oss-signature", &signature),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn form(fields: &[(String, String)], file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .as_bytes(),
        );
    }
    out.extend_from_slice(
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my file.txt\"\r\n\
             Content-Type: text/x-own\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(file);
    out.extend_from_slice(
        format!("\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nignored\r\n--{BOUNDARY}--\r\n")
            .as_bytes(),
    );
    out
}

async fn send(
    server: &Running,
    mut fields: Vec<(String, String)>,
    more: &[(&str, &str)],
    file: &[u8],
) -> Answer {
    let own = more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    fields.extend(own);
    ask("POST", "", "")
        .anonymous()
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(form(&fields, file))
        .to(server)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_form_makes_an_object() {
    let server = start().await;
    let allowed = policy(r#"{"bucket":"bucket"},["starts-with","$key","dir/"]"#);
    for fields in [signed_v1(&allowed), signed_v4(&allowed)] {
        let more = [
            ("key", "dir/${filename}"),
            ("x-oss-meta-a", "1"),
            ("Cache-Control", "no-store"),
            ("x-oss-tagging", "a=1"),
        ];
        let file = [b"bytes with \r\n--".as_slice(), &[0xFF, 0, 1]].concat();
        let done = send(&server, fields, &more, &file).await;
        assert_eq!(done.status, 204, "{done:?}");
        assert!(done.header("etag").is_some() && done.header("x-oss-hash-crc64ecma").is_some());
        let get = ask("GET", "dir/my file.txt", "").to(&server).await;
        assert_eq!(get.body, file);
        assert_eq!(get.header("content-type"), Some("text/x-own"));
        assert_eq!(get.header("x-oss-meta-a"), Some("1"));
        assert_eq!(get.header("cache-control"), Some("no-store"));
        assert_eq!(get.header("x-oss-tagging-count"), Some("1"));
        ask("DELETE", "dir/my file.txt", "").to(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_answered_as_it_asks() {
    let server = start().await;
    let fields = || signed_v1(&policy(""));
    let done = send(
        &server,
        fields(),
        &[("key", "k"), ("success_action_status", "201")],
        b"x",
    )
    .await;
    assert_eq!(done.status, 201);
    for piece in [
        "<PostResponse>",
        "<Bucket>bucket</Bucket>",
        "<Key>k</Key>",
        "<ETag>",
        "<Location>http://bucket.",
    ] {
        assert!(done.text().contains(piece), "{piece}: {}", done.text());
    }
    let done = send(
        &server,
        fields(),
        &[("key", "k"), ("success_action_status", "200")],
        b"x",
    )
    .await;
    assert_eq!((done.status, done.text()), (200, ""));
    let to = ("success_action_redirect", "http://site/after?x=1");
    let done = send(&server, fields(), &[("key", "a b"), to], b"x").await;
    assert_eq!(done.status, 303);
    let location = done.header("location").unwrap();
    assert!(
        location.starts_with("http://site/after?x=1&bucket=bucket&key=a%20b&etag=%22"),
        "{location}"
    );
    let forbid = [("key", "k"), ("x-oss-forbid-overwrite", "true")];
    let refused = send(&server, fields(), &forbid, b"x").await;
    assert_eq!((refused.status, refused.code()), (409, "FileAlreadyExists"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_not_allowed_make_nothing() {
    let server = start().await;
    let key = [("key", "k")];
    let wrong = |name: &str, value: &str| {
        let mut fields = signed_v1(&policy(""));
        for field in &mut fields {
            if field.0 == name {
                value.clone_into(&mut field.1);
            }
        }
        fields
    };
    let condition = signed_v1(&policy(r#"["eq","$key","other"]"#));
    let short = signed_v1(&policy(r#"["content-length-range",5,9]"#));
    let bad_md5 = [("key", "k"), ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    for (fields, more, file, status, code) in [
        (Vec::new(), &key[..], "x", 403, "AccessDenied"),
        (
            wrong("Signature", "AAAA"),
            &key,
            "x",
            403,
            "SignatureDoesNotMatch",
        ),
        (
            wrong("OSSAccessKeyId", "nobody"),
            &key,
            "x",
            403,
            "InvalidAccessKeyId",
        ),
        (condition, &key, "x", 403, "AccessDenied"),
        (short.clone(), &key, "1234", 400, "EntityTooSmall"),
        (short, &key, "1234567890", 400, "EntityTooLarge"),
        (signed_v1(&policy("")), &bad_md5, "x", 400, "InvalidDigest"),
        (signed_v1(&policy("")), &[], "x", 400, "InvalidObjectName"),
    ] {
        let refused = send(&server, fields, more, file.as_bytes()).await;
        assert_eq!((refused.status, refused.code()), (status, code));
    }
    let plain = ask("POST", "", "").anonymous().body("x").to(&server).await;
    assert_eq!(
        (plain.status, plain.code()),
        (400, "RequestIsNotMultiPartContent")
    );
    let cut = ask("POST", "", "")
        .anonymous()
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(format!("--{BOUNDARY}--\r\n"))
        .to(&server)
        .await;
    assert_eq!(
        (cut.status, cut.code()),
        (400, "IncorrectNumberOfFilesInPOSTRequest")
    );
    assert_eq!(ask("HEAD", "k", "").to(&server).await.status, 404);

    let open = ask("PUT", "", "acl").header("x-oss-acl", "public-read-write");
    assert_eq!(open.to(&server).await.status, 200);
    let done = send(&server, Vec::new(), &key, b"anyone").await;
    assert_eq!(done.status, 204);
}

/// A callback server that takes one call: what it was sent, once it answered.
async fn called(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cb?q=1", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut sent = Vec::new();
        let whole = |sent: &[u8]| {
            let text = String::from_utf8_lossy(sent).to_lowercase();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.split("content-length: ").nth(1)?.lines().next()?;
            (body.len() >= length.parse().ok()?).then_some(())
        };
        while whole(&sent).is_none() {
            sent.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(sent).unwrap()
    });
    (url, task)
}

const GOOD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

fn callback(url: &str, body: &str, kind: &str) -> String {
    let wanted = serde_json::json!({
        "callbackUrl": url, "callbackBody": body, "callbackBodyType": kind, "callbackHost": "own.host",
    });
    STANDARD.encode(wanted.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_made_and_its_answer_handed_on() {
    let server = start().await;
    let variables = STANDARD.encode(r#"{"x:own":"a&b"}"#);
    let (url, task) = called(GOOD).await;
    let form = "bucket=${bucket}&object=${object}&size=${size}&type=${mimeType}&own=${x:own}";
    let put = ask("PUT", "a b", "")
        .header("content-type", "text/plain")
        .header("x-oss-callback", callback(&url, form, ""))
        .header("x-oss-callback-var", &variables)
        .body("12345");
    let put = put.to(&server).await;
    assert_eq!((put.status, put.text()), (200, "{\"ok\":true}"));
    assert_eq!(put.header("content-type"), Some("application/json"));
    assert!(put.header("etag").is_some());
    let sent = task.await.unwrap();
    assert!(sent.starts_with("POST /cb?q=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("host: own.host\r\n"), "{sent}");
    assert!(
        sent.ends_with("bucket=bucket&object=a%20b&size=5&type=text%2Fplain&own=a%26b"),
        "{sent}"
    );

    // In the URL of a signed request, in JSON.
    let (url, task) = called(GOOD).await;
    let json = r#"{"o":${object},"s":${size}}"#;
    let query = format!(
        "callback={}",
        ossplit_protocol::encode::component(&callback(&url, json, "application/json"))
    );
    assert_eq!(
        ask("PUT", "k", &query).body("x").to(&server).await.status,
        200
    );
    assert!(task.await.unwrap().ends_with(r#"{"o":"k","s":1}"#));

    // In a form.
    let (url, task) = called(GOOD).await;
    let sent = callback(&url, "own=${x:own}", "");
    let more = [("key", "f"), ("callback", sent.as_str()), ("x:own", "1")];
    let done = send(&server, signed_v1(&policy("")), &more, b"x").await;
    assert_eq!((done.status, done.text()), (200, "{\"ok\":true}"));
    assert!(task.await.unwrap().ends_with("own=1"));

    // At the completion of an upload.
    let begun = ask("POST", "m", "uploads").body("").to(&server).await;
    let id = begun.text().split("<UploadId>").nth(1).unwrap();
    let id = id.split('<').next().unwrap();
    let part = ask("PUT", "m", &format!("partNumber=1&uploadId={id}")).body("x");
    assert_eq!(part.to(&server).await.status, 200);
    let (url, task) = called(GOOD).await;
    let done = ask("POST", "m", &format!("uploadId={id}"))
        .header("x-oss-complete-all", "yes")
        .header("x-oss-callback", callback(&url, "size=${size}", ""))
        .body("");
    assert_eq!(done.to(&server).await.text(), "{\"ok\":true}");
    assert!(task.await.unwrap().ends_with("size=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_fails_leaves_the_object() {
    let server = start().await;
    for (n, (answer, message)) in [
        (
            "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n",
            "Error status : 301.",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
            "not valid json",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, task) = called(answer).await;
        let name = format!("k{n}");
        let put = ask("PUT", &name, "")
            .header("x-oss-callback", callback(&url, "a", ""))
            .body("x");
        let put = put.to(&server).await;
        assert_eq!((put.status, put.code()), (203, "CallbackFailed"));
        assert!(put.text().contains(message), "{}", put.text());
        task.await.unwrap();
        assert_eq!(ask("GET", &name, "").to(&server).await.text(), "x");
    }
    let elsewhere = callback("http://192.0.2.1/", "a", "");
    let put = ask("PUT", "far", "")
        .header("x-oss-callback", elsewhere)
        .body("x");
    let put = put.to(&server).await;
    assert!(
        put.status == 203 && put.text().contains("not a loopback address"),
        "{put:?}"
    );
    let bad = ask("PUT", "bad", "")
        .header("x-oss-callback", "%")
        .body("x")
        .to(&server)
        .await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidArgument"));
    assert_eq!(ask("HEAD", "bad", "").to(&server).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_may_be_let_out() {
    let server = start_with(Config {
        callbacks_anywhere: true,
        ..config()
    })
    .await;
    // Nothing answers there; that it was tried is what counts.
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://0.0.0.0:{port}/");
    let put = ask("PUT", "k", "")
        .header("x-oss-callback", callback(&url, "a", ""))
        .body("x");
    let mut stream = server.connect().await;
    stream.write_all(&put.head()).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    let (mut call, _) = listener.accept().await.unwrap();
    call.write_all(GOOD.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 200);
}
