//! opendal's `oss` service.

use std::time::Duration;

use judges::{
    DOTS, MIB, Outcome, SIGNS, UTF8, check, equal, listed, operation, pattern, refused, told,
};
use opendal::{ErrorKind, Operator, raw::PresignedRequest, services::Oss};

fn builder() -> Oss {
    Oss::default()
        .bucket(&told("JUDGE_BUCKET"))
        .endpoint(&told("OSS_ENDPOINT"))
        .access_key_id(&told("OSS_ACCESS_KEY_ID"))
        .access_key_secret(&told("OSS_ACCESS_KEY_SECRET"))
}

fn open(builder: Oss) -> Outcome<Operator> {
    Ok(Operator::new(builder)?)
}

async fn fetch(signed: PresignedRequest, body: &'static str) -> Outcome<reqwest::Response> {
    let request = reqwest::Client::new().request(signed.method().clone(), signed.uri().to_string());
    let mut headers = signed.header().clone();
    // It gives the length of nothing for a body that it has not seen.
    headers.remove("content-length");
    Ok(request.headers(headers).body(body).send().await?)
}

async fn round_trip(op: &Operator, keys: &[&str]) -> Outcome {
    for key in keys {
        op.write(key, key.to_string()).await?;
    }
    let all: Vec<String> = op
        .list_with("")
        .recursive(true)
        .await?
        .iter()
        .map(|e| e.path().to_owned())
        .collect();
    for key in keys {
        equal(op.read(key).await?.to_vec(), key.as_bytes())?;
        check(all.iter().any(|path| path == key), key)?;
        op.delete(key).await?;
    }
    Ok(())
}

fn paths(entries: Vec<opendal::Entry>) -> Vec<String> {
    entries
        .iter()
        .map(|entry| entry.path().to_owned())
        .collect()
}

#[tokio::main]
async fn main() -> Outcome {
    opendal::install_default();
    // It makes no buckets: aliyun-oss-rs does.
    let bucket = told("JUDGE_BUCKET");
    judges::owner().bucket(&bucket).put_bucket().send().await?;
    let op = open(builder())?;
    objects(&op).await;
    lists(&op).await;
    parts(&op).await;
    access(&op).await;
    versions().await?;
    Ok(())
}

async fn objects(op: &Operator) {
    operation("PutObject", async {
        op.write_with("k", "hello")
            .content_type("text/x")
            .cache_control("no-cache")
            .await?;
        equal(op.read("k").await?.to_vec(), b"hello")
    })
    .await;

    operation("PutObject of nothing", async {
        op.write("nothing", Vec::<u8>::new()).await?;
        equal(
            (
                op.read("nothing").await?.len(),
                op.stat("nothing").await?.content_length(),
            ),
            (0, 0),
        )
    })
    .await;

    operation("PutObject with user metadata in UTF-8", async {
        let metadata = [("name".to_owned(), "中文".to_owned())];
        op.write_with("meta", "x").user_metadata(metadata).await?;
        let got = op.stat("meta").await?;
        equal(
            got.user_metadata().and_then(|all| all.get("name")),
            Some("中文"),
        )
    })
    .await;

    operation("PutObject that may not overwrite", async {
        op.write_with("once", "1").if_not_exists(true).await?;
        let error = refused(op.write_with("once", "2").if_not_exists(true).await)?;
        equal(error.kind(), ErrorKind::ConditionNotMatch)?;
        equal(op.read("once").await?.to_vec(), b"1")
    })
    .await;

    let body: Vec<u8> = (0..=255).cycle().take(1024).collect();
    operation("GetObject", async {
        op.write("r", body.clone()).await?;
        equal(op.read("r").await?.to_vec(), body.clone())
    })
    .await;

    operation("GetObject of a range", async {
        equal(
            op.read_with("r").range(10..20).await?.to_vec(),
            &body[10..20],
        )?;
        equal(
            op.read_with("r").range(1000..).await?.to_vec(),
            &body[1000..],
        )?;
        let reader = op.reader("r").await?;
        equal(reader.read(500..600).await?.to_vec(), &body[500..600])
    })
    .await;

    operation("GetObject with conditions", async {
        let etag = op.stat("r").await?.etag().unwrap_or_default().to_owned();
        equal(op.read_with("r").if_match(&etag).await?.len(), 1024)?;
        let changed = refused(op.read_with("r").if_match("\"no\"").await)?;
        let known = refused(op.read_with("r").if_none_match(&etag).await)?;
        equal(
            (changed.kind(), known.kind()),
            (ErrorKind::ConditionNotMatch, ErrorKind::ConditionNotMatch),
        )
    })
    .await;

    operation("HeadObject", async {
        let got = op.stat("k").await?;
        check(
            got.is_file() && got.last_modified().is_some(),
            "a file with a time",
        )?;
        equal(got.etag(), Some("\"5D41402ABC4B2A76B9719D911017C592\""))?;
        equal(
            (
                got.content_length(),
                got.content_type(),
                got.cache_control(),
            ),
            (5, Some("text/x"), Some("no-cache")),
        )
    })
    .await;

    operation("object exists", async {
        equal(
            (op.exists("k").await?, op.exists("absent").await?),
            (true, false),
        )
    })
    .await;

    operation("DeleteObject", async {
        op.delete("nothing").await?;
        op.delete("nothing").await?;
        equal(op.exists("nothing").await?, false)
    })
    .await;

    operation("DeleteMultipleObjects", async {
        let keys = ["d/1", "d/ 2", "d/中", "d/&<"];
        for key in keys {
            op.write(key, "x").await?;
        }
        op.delete_iter(keys.iter().chain(&["d/absent"]).map(|key| key.to_string()))
            .await?;
        equal(
            paths(op.list_with("d/").recursive(true).await?),
            Vec::<String>::new(),
        )
    })
    .await;

    operation("CopyObject", async {
        op.write_with("源 +%&", "copy me")
            .content_type("text/y")
            .await?;
        op.copy("源 +%&", "copied +").await?;
        equal(op.read("copied +").await?.to_vec(), b"copy me")?;
        equal(op.stat("copied +").await?.content_type(), Some("text/y"))
    })
    .await;

    operation("AppendObject", async {
        op.write_with("log", "hello ").append(true).await?;
        op.write_with("log", "world").append(true).await?;
        equal(op.read("log").await?.to_vec(), b"hello world")
    })
    .await;

    operation("keys with spaces and signs", round_trip(op, &SIGNS)).await;
    operation("keys in UTF-8", round_trip(op, &UTF8)).await;
    operation("keys with // and ..", round_trip(op, &DOTS)).await;

    operation("NoSuchKey", async {
        equal(
            refused(op.read("absent").await)?.kind(),
            ErrorKind::NotFound,
        )?;
        equal(
            refused(op.stat("absent").await)?.kind(),
            ErrorKind::NotFound,
        )
    })
    .await;

    operation("rm of a tree", async {
        for key in ["tree/a", "tree/b/c"] {
            op.write(key, "x").await?;
        }
        op.delete_with("tree/").recursive(true).await?;
        equal(
            (op.exists("tree/a").await?, op.exists("tree/b/c").await?),
            (false, false),
        )
    })
    .await;
}

async fn lists(op: &Operator) {
    let all = listed();
    for key in &all {
        op.write(key, "x").await.expect("an object to list");
    }

    operation("ListObjectsV2", async {
        let entries = op.list_with("l/").recursive(true).await?;
        equal(
            entries.first().map(|one| one.metadata().content_length()),
            Some(1),
        )?;
        equal(paths(entries), all.clone())
    })
    .await;

    operation("ListObjectsV2 with delimiter", async {
        let mut got = paths(op.list("l/").await?);
        got.sort();
        equal(got, ["l/d0/", "l/d1/", "l/d2/", "l/top"])
    })
    .await;

    operation("ListObjectsV2 in pages", async {
        equal(
            paths(op.list_with("l/").recursive(true).limit(7).await?),
            all.clone(),
        )
    })
    .await;

    operation("ListObjectsV2 with start-after", async {
        equal(
            paths(
                op.list_with("l/")
                    .recursive(true)
                    .start_after(&all[20])
                    .await?,
            ),
            &all[21..],
        )
    })
    .await;

    operation("ListObjectsV2 of odd keys", async {
        let odd = ["o/ a+b%&<c>", "o/中文💾"];
        for key in odd {
            op.write(key, "x").await?;
        }
        equal(paths(op.list_with("o/").recursive(true).await?), odd)
    })
    .await;
}

async fn parts(op: &Operator) {
    let big = pattern(3 * MIB + 7);

    operation("write in parts", async {
        let mut writer = op.writer_with("big").chunk(MIB).concurrent(2).await?;
        for piece in big.chunks(300_000) {
            writer.write(piece.to_vec()).await?;
        }
        writer.close().await?;
        equal(
            op.read_with("big").chunk(MIB).concurrent(2).await?.to_vec() == big,
            true,
        )?;
        check(
            op.stat("big")
                .await?
                .etag()
                .is_some_and(|etag| etag.ends_with("-4\"")),
            "of four parts",
        )
    })
    .await;

    operation("AbortMultipartUpload", async {
        let mut writer = op.writer_with("gone").chunk(MIB).await?;
        writer.write(big.clone()).await?;
        writer.abort().await?;
        equal(op.exists("gone").await?, false)
    })
    .await;
}

async fn access(op: &Operator) {
    let minute = Duration::from_secs(60);

    operation("presigned GET", async {
        let answer = fetch(op.presign_read("源 +%&", minute).await?, "").await?;
        equal(answer.text().await?, "copy me")
    })
    .await;

    operation("presigned PUT", async {
        let signed = op
            .presign_write_with("signed dir/中 +", minute)
            .content_type("text/plain")
            .await?;
        equal(fetch(signed, "body").await?.status().as_u16(), 200)?;
        equal(op.read("signed dir/中 +").await?.to_vec(), b"body")
    })
    .await;

    operation("presigned GET with response overrides", async {
        let signed = op
            .presign_read_with("k", minute)
            .override_content_disposition("inline; filename=\"a b\"")
            .await?;
        let answer = fetch(signed, "").await?;
        let got = answer
            .headers()
            .get("content-disposition")
            .ok_or("no Content-Disposition")?;
        equal(got.to_str()?, "inline; filename=\"a b\"")
    })
    .await;

    operation("AccessDenied when anonymous", async {
        let anonymous = open(
            Oss::default()
                .bucket(&told("JUDGE_BUCKET"))
                .endpoint(&told("OSS_ENDPOINT"))
                .skip_signature(),
        )?;
        let error = refused(anonymous.read("k").await)?;
        equal(error.kind(), ErrorKind::PermissionDenied)?;
        check(
            error.to_string().contains("AccessDenied"),
            &error.to_string(),
        )
    })
    .await;

    operation("SignatureDoesNotMatch", async {
        let error = refused(open(builder().access_key_secret("wrong"))?.read("k").await)?;
        check(
            error.to_string().contains("SignatureDoesNotMatch"),
            &error.to_string(),
        )
    })
    .await;

    operation("InvalidAccessKeyId", async {
        let error = refused(open(builder().access_key_id("nobody"))?.read("k").await)?;
        check(
            error.to_string().contains("InvalidAccessKeyId"),
            &error.to_string(),
        )
    })
    .await;

    operation("NoSuchBucket", async {
        let nowhere = open(builder().bucket(&(told("JUDGE_BUCKET") + "-no")))?;
        let error = refused(nowhere.write("k", "x").await)?;
        check(
            error.to_string().contains("NoSuchBucket"),
            &error.to_string(),
        )
    })
    .await;

    operation("STS token", async {
        let (id, secret) = (told("OSS_ACCESS_KEY_ID"), told("OSS_ACCESS_KEY_SECRET"));
        let (endpoint, token) = (told("JUDGE_STS_ENDPOINT"), told("JUDGE_STS_TOKEN"));
        let maker = judges::aliyun(&id, &secret, &endpoint).with_security_token(&token);
        maker
            .bucket(told("JUDGE_BUCKET"))
            .put_bucket()
            .send()
            .await?;
        let sts = open(builder().endpoint(&endpoint).security_token(&token))?;
        sts.write("k", "x").await?;
        equal(sts.read("k").await?.to_vec(), b"x")?;
        refused(open(builder().endpoint(&endpoint))?.read("k").await)?;
        let answer = fetch(sts.presign_read("k", minute).await?, "").await?;
        equal(answer.text().await?, "x")
    })
    .await;
}

async fn versions() -> Outcome {
    let name = told("JUDGE_BUCKET") + "-ver";
    judges::make_versioned(&name).await?;
    let op = open(builder().bucket(&name))?;
    let mut ids = Vec::new();

    operation("PutObject with version id", async {
        for body in ["one", "two", "three"] {
            let version = op.write("k", body).await?.version().map(str::to_owned);
            ids.push(version.ok_or("no version id")?);
        }
        check(ids[0] != ids[1] && ids[1] != ids[2], "three ids")
    })
    .await;
    if ids.len() < 3 {
        return Err("no versions to go on with".into());
    }

    operation("GetObject of a version", async {
        equal(op.read_with("k").version(&ids[0]).await?.to_vec(), b"one")?;
        equal(op.read("k").await?.to_vec(), b"three")
    })
    .await;

    operation("HeadObject of a version", async {
        let got = op.stat_with("k").version(&ids[1]).await?;
        equal(
            (got.content_length(), got.version()),
            (3, Some(ids[1].as_str())),
        )
    })
    .await;

    operation("DeleteObject leaves a delete marker", async {
        op.delete("k").await?;
        equal(refused(op.read("k").await)?.kind(), ErrorKind::NotFound)
    })
    .await;

    operation("ListObjectVersions", async {
        let seen = op.list_with("k").versions(true).deleted(true).await?;
        let versions = seen.iter().filter(|one| !one.metadata().is_deleted());
        let mut found: Vec<_> = versions
            .filter_map(|one| one.metadata().version().map(str::to_owned))
            .collect();
        found.sort();
        let mut wanted = ids.clone();
        wanted.sort();
        equal(found, wanted)?;
        equal(
            seen.iter()
                .filter(|one| one.metadata().is_deleted())
                .count(),
            1,
        )
    })
    .await;

    operation("DeleteObject of a version", async {
        op.delete_with("k").version(&ids[2]).await?;
        equal(
            refused(op.read_with("k").version(&ids[2]).await)?.kind(),
            ErrorKind::NotFound,
        )
    })
    .await;
    Ok(())
}
