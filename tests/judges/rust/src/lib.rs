//! What the Rust judges share: `operation` runs a future and prints one line.

use std::{error::Error, fmt::Debug, path::PathBuf};

use ali_oss_rs::request::{OssRequest, RequestMethod};
use aliyun_oss_rs::OssClient;

pub const MIB: usize = 1024 * 1024;
pub const SIGNS: [&str; 8] = [
    "a b",
    "a+b",
    "a%b",
    "a%20b",
    "a&b<c>\"'",
    "a?b#c",
    "a=b;c",
    "a:b@c!$(d)*,~[e]",
];
pub const UTF8: [&str; 4] = ["中文/文件.txt", "💾", "é", "日本語 テスト"];
pub const DOTS: [&str; 7] = [
    "a//b",
    "../up",
    "./here",
    "x/../y",
    "x/./y",
    "trailing/",
    "a///",
];

pub type Problem = Box<dyn Error>;
pub type Outcome<T = ()> = Result<T, Problem>;

/// What the tests tell a judge.
pub fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Prints what became of it; the program goes on.
pub async fn operation(name: &str, body: impl Future<Output = Outcome>) {
    let line = match body.await {
        Ok(()) => serde_json::json!({"operation": name, "ok": true}),
        Err(error) => {
            let text = error.to_string();
            let words: Vec<&str> = text.split_whitespace().collect();
            let error: String = words.join(" ").chars().take(500).collect();
            serde_json::json!({"operation": name, "ok": false, "error": error})
        }
    };
    // The tests look for lines that begin so, and serde_json sorts by name.
    let (ok, error) = (&line["ok"], &line["error"]);
    let error = if error.is_null() {
        String::new()
    } else {
        format!(", \"error\": {error}")
    };
    println!(
        "{{\"operation\": {}, \"ok\": {ok}{error}}}",
        line["operation"]
    );
}

#[track_caller]
pub fn equal<L: Debug + PartialEq<R>, R: Debug>(left: L, right: R) -> Outcome {
    if left == right {
        return Ok(());
    }
    let brief = |text: String| text.chars().take(200).collect::<String>();
    let line = std::panic::Location::caller().line();
    Err(format!(
        "line {line}: {} is not {}",
        brief(format!("{left:?}")),
        brief(format!("{right:?}"))
    )
    .into())
}

#[track_caller]
pub fn check(holds: bool, what: &str) -> Outcome {
    let line = std::panic::Location::caller().line();
    if holds {
        Ok(())
    } else {
        Err(format!("line {line}: not so: {what}").into())
    }
}

/// The call's error.
#[track_caller]
pub fn refused<T, E>(result: Result<T, E>) -> Outcome<E> {
    let line = std::panic::Location::caller().line();
    match result {
        Ok(_) => Err(format!("line {line}: it was not refused").into()),
        Err(error) => Ok(error),
    }
}

/// A file in the scratch folder.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(told("JUDGE_SCRATCH")).join(name)
}

/// The client that also makes the others' buckets.
pub fn aliyun(id: &str, secret: &str, endpoint: &str) -> OssClient {
    let mut client = OssClient::new(id, secret, told("OSS_REGION")).disable_https();
    client.set_endpoint(endpoint.trim_start_matches("http://"));
    client
}

pub fn owner() -> OssClient {
    aliyun(
        &told("OSS_ACCESS_KEY_ID"),
        &told("OSS_ACCESS_KEY_SECRET"),
        &told("OSS_ENDPOINT"),
    )
}

pub fn ali() -> Outcome<ali_oss_rs::Client> {
    let builder = ali_oss_rs::ClientBuilder::new(
        told("OSS_ACCESS_KEY_ID"),
        told("OSS_ACCESS_KEY_SECRET"),
        told("OSS_ENDPOINT"),
    );
    Ok(builder.region(told("OSS_REGION")).build()?)
}

/// Makes a bucket that keeps versions. No client here can: aliyun-oss-rs writes
/// `<Status><Enabled/></Status>`. So this sends the document with a signature of ali-oss-rs.
pub async fn make_versioned(bucket: &str) -> Outcome {
    owner().bucket(bucket).put_bucket().send().await?;
    let request = OssRequest::new()
        .method(RequestMethod::Put)
        .bucket(bucket)
        .add_query("versioning", "");
    let signed = ali()?.presign_raw_request(request);
    let document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let mut call = reqwest::Client::new().put(signed.url).body(document);
    for (name, value) in signed.headers {
        call = call.header(name, value);
    }
    equal(call.send().await?.status().as_u16(), 200)
}

/// Objects to list, in their order.
pub fn listed() -> Vec<String> {
    let mut keys: Vec<String> = (0..25).map(|i| format!("l/d{}/f{i:02}", i % 3)).collect();
    keys.push("l/top".to_owned());
    keys.sort();
    keys
}

pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}
