//! aliyun-oss-rs, which signs with V4 alone.

use aliyun_oss_rs::{
    Error, OssBucket,
    bucket::{CorsRule, RequestPayer, VersioningStatus},
    common::{
        Acl, CacheControl, ContentDisposition, DataRedundancyType, RestoreTier, StorageClass,
    },
};
use judges::{
    DOTS, MIB, Outcome, SIGNS, UTF8, aliyun, check, equal, file, listed, operation, owner, refused,
    told,
};
use time::{Duration, OffsetDateTime};

/// The error must have this status, and this code if there is a document.
fn fails<T>(result: Result<T, Error>, status: u16, code: &str) -> Outcome {
    match refused(result)? {
        Error::OssError(found, error) => {
            equal((found.as_u16(), error.code.as_str()), (status, code))
        }
        Error::OssInvalidError(found, body) if body.is_empty() => equal(found.as_u16(), status),
        other => Err(other.into()),
    }
}

async fn put(bucket: &OssBucket, key: &str, body: &[u8]) -> Result<(), Error> {
    bucket
        .object(key)
        .put_object()
        .send_content(body.to_vec())
        .await
}

async fn get(bucket: &OssBucket, key: &str) -> Result<Vec<u8>, Error> {
    Ok(bucket.object(key).get_object().download().await?.to_vec())
}

/// A header that HeadObject gives.
async fn header(bucket: &OssBucket, key: &str, name: &str) -> Outcome<String> {
    let mut headers = bucket.object(key).head_object().send().await?;
    Ok(headers.remove(name).unwrap_or_default())
}

async fn keys(bucket: &OssBucket, prefix: &str) -> Outcome<Vec<String>> {
    let page = bucket
        .list_objects()
        .set_prefix(prefix)
        .set_max_keys(1000)
        .send()
        .await?;
    Ok(page
        .contents
        .unwrap_or_default()
        .into_iter()
        .map(|one| one.key)
        .collect())
}

async fn round_trip(bucket: &OssBucket, names: &[&str]) -> Outcome {
    for key in names {
        put(bucket, key, key.as_bytes()).await?;
        equal(get(bucket, key).await?, key.as_bytes())?;
    }
    // Not listed, since it can read no list: those rows say so.
    for key in names {
        bucket.object(*key).del_object().send().await?;
    }
    Ok(())
}

/// The status of a GET without a signature: whether an ACL holds, which it can't read either.
async fn anonymous(bucket: &str, key: &str) -> Outcome<u16> {
    let url = told("OSS_ENDPOINT").replace("://", &format!("://{bucket}."));
    Ok(reqwest::get(format!("{url}/{key}"))
        .await?
        .status()
        .as_u16())
}

fn in_a_minute() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::minutes(1)
}

#[tokio::main]
async fn main() -> Outcome {
    let bucket = owner().bucket(told("JUDGE_BUCKET"));
    buckets(&bucket).await;
    settings().await?;
    puts(&bucket).await;
    gets(&bucket).await;
    copies(&bucket).await;
    labels(&bucket).await;
    lists(&bucket).await;
    uploads(&bucket).await;
    access(&bucket).await;
    versions().await
}

async fn buckets(bucket: &OssBucket) {
    let name = told("JUDGE_BUCKET");
    let location = format!("oss-{}", told("OSS_REGION"));

    operation("PutBucket", async {
        bucket.put_bucket().send().await?;
        equal(bucket.get_bucket_tags().send().await?.tag_set.tags.len(), 0)
    })
    .await;

    operation("PutBucket with storage class and ACL", async {
        let other = owner().bucket(format!("{name}-ia"));
        let made = other
            .put_bucket()
            .set_storage_class(StorageClass::IA)
            .set_acl(Acl::PublicRead);
        made.set_redundancy_type(DataRedundancyType::ZRS)
            .send()
            .await?;
        put(&other, "k", b"x").await?;
        equal(header(&other, "k", "x-oss-storage-class").await?, "IA")?;
        equal(anonymous(&format!("{name}-ia"), "k").await?, 200)?;
        other.object("k").del_object().send().await?;
        Ok(other.del_bucket().send().await?)
    })
    .await;

    operation("ListBuckets", async {
        let found = owner()
            .list_buckets()
            .set_prefix(&name)
            .send()
            .await?
            .buckets
            .unwrap_or_default();
        equal(
            found.into_iter().map(|one| one.name).collect::<Vec<_>>(),
            [name.clone()],
        )
    })
    .await;

    operation("ListBuckets in pages", async {
        let wanted: Vec<String> = (0..3).map(|i| format!("{name}-page{i}")).collect();
        for one in &wanted {
            owner().bucket(one).put_bucket().send().await?;
        }
        let pages = || owner();
        let ask = format!("{name}-page");
        let first = pages()
            .list_buckets()
            .set_prefix(&ask)
            .set_max_keys(2)
            .send()
            .await?;
        let marker = first.next_marker.ok_or("no next marker")?;
        let second = pages()
            .list_buckets()
            .set_prefix(&ask)
            .set_max_keys(2)
            .set_marker(marker)
            .send()
            .await?;
        let seen = first
            .buckets
            .into_iter()
            .chain(second.buckets)
            .flatten()
            .map(|one| one.name);
        equal(seen.collect::<Vec<_>>(), wanted.clone())?;
        for one in &wanted {
            owner().bucket(one).del_bucket().send().await?;
        }
        Ok(())
    })
    .await;

    operation("DescribeRegions", async {
        let endpoint = told("OSS_ENDPOINT").replace("http://", "");
        let regions = owner()
            .describe_regions()
            .set_endpoint(endpoint)
            .send()
            .await?;
        check(
            regions.iter().any(|one| one.region == location),
            &format!("{regions:?}"),
        )
    })
    .await;

    operation("GetBucketInfo", async {
        let info = bucket.get_bucket_info().send().await?;
        equal(
            (info.name, info.location, info.storage_class),
            (name.clone(), location.clone(), StorageClass::Standard),
        )
    })
    .await;

    operation("GetBucketLocation", async {
        equal(bucket.get_bucket_location().send().await?, location.clone())
    })
    .await;

    operation("GetBucketStat", async {
        let before = bucket.get_bucket_stat().send().await?;
        put(bucket, "stat", b"12345").await?;
        let after = bucket.get_bucket_stat().send().await?;
        equal(
            (
                after.object_count - before.object_count,
                after.storage - before.storage,
            ),
            (1, 5),
        )?;
        Ok(bucket.object("stat").del_object().send().await?)
    })
    .await;

    operation("PutBucketAcl", async {
        bucket
            .put_bucket_acl()
            .set_acl(Acl::PublicRead)
            .send()
            .await?;
        put(bucket, "k", b"x").await?;
        equal(anonymous(&name, "k").await?, 200)?;
        bucket.object("k").del_object().send().await?;
        Ok(bucket.put_bucket_acl().set_acl(Acl::Private).send().await?)
    })
    .await;

    operation("GetBucketAcl", async {
        equal(
            bucket.get_bucket_acl().send().await?.acl.to_string(),
            "private",
        )
    })
    .await;

    operation("DeleteBucket", async {
        let gone = owner().bucket(format!("{name}-gone"));
        gone.put_bucket().send().await?;
        gone.del_bucket().send().await?;
        fails(gone.del_bucket().send().await, 404, "NoSuchBucket")
    })
    .await;

    operation("DeleteBucket refused while not empty", async {
        put(bucket, "k", b"").await?;
        fails(bucket.del_bucket().send().await, 409, "BucketNotEmpty")
    })
    .await;
}

async fn settings() -> Outcome {
    let name = told("JUDGE_BUCKET");
    let set = owner().bucket(format!("{name}-set"));
    set.put_bucket().send().await?;

    operation("PutBucketVersioning", async {
        Ok(set
            .put_bucket_versioning()
            .set_status(VersioningStatus::Enabled)
            .send()
            .await?)
    })
    .await;

    let lifecycle = "<LifecycleConfiguration><Rule><ID>r1</ID><Prefix>logs/</Prefix><Status>Enabled</Status>\
        <Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>";
    operation("PutBucketLifecycle", async {
        Ok(set
            .put_bucket_lifecycle()
            .set_configuration(lifecycle)
            .send()
            .await?)
    })
    .await;

    operation("GetBucketLifecycle", async {
        let got = set.get_bucket_lifecycle().send().await?;
        check(
            got.contains("<ID>r1</ID>") && got.contains("<Days>7</Days>"),
            &got,
        )
    })
    .await;

    operation("DeleteBucketLifecycle", async {
        set.del_bucket_lifecycle().send().await?;
        fails(
            set.get_bucket_lifecycle().send().await,
            404,
            "NoSuchLifecycle",
        )
    })
    .await;

    operation("PutBucketCors", async {
        let rule =
            CorsRule::new(vec!["http://example.com"], vec!["GET", "PUT"]).set_max_age_seconds(60);
        Ok(set
            .put_bucket_cors()
            .add_rule(rule.set_allowed_headers(vec!["*"]))
            .send()
            .await?)
    })
    .await;

    operation("GetBucketCors", async {
        let rules = set.get_bucket_cors().send().await?;
        let rule = rules.first().ok_or("no rule")?;
        equal(
            (
                &rule.allowed_origins,
                &rule.allowed_methods,
                rule.max_age_seconds,
            ),
            (
                &vec!["http://example.com".to_owned()],
                &vec!["GET".to_owned(), "PUT".to_owned()],
                Some(60),
            ),
        )
    })
    .await;

    operation("DeleteBucketCors", async {
        set.del_bucket_cors().send().await?;
        fails(
            set.get_bucket_cors().send().await,
            404,
            "NoSuchCORSConfiguration",
        )
    })
    .await;

    operation("PutBucketWebsite", async {
        let website = set.put_bucket_website().set_index_document("index.html");
        Ok(website.set_error_document("error.html").send().await?)
    })
    .await;

    operation("GetBucketWebsite", async {
        let got = set.get_bucket_website().send().await?;
        let (index, error) = (
            got.index_document.ok_or("no index")?,
            got.error_document.ok_or("no error")?,
        );
        equal(
            (index.suffix.as_str(), error.key.as_str()),
            ("index.html", "error.html"),
        )
    })
    .await;

    operation("DeleteBucketWebsite", async {
        set.del_bucket_website().send().await?;
        fails(
            set.get_bucket_website().send().await,
            404,
            "NoSuchWebsiteConfiguration",
        )
    })
    .await;

    operation("PutBucketLogging", async {
        Ok(set.put_bucket_logging(&name, "logs/").send().await?)
    })
    .await;

    operation("GetBucketLogging", async {
        let got = set.get_bucket_logging().send().await?.ok_or("no logging")?;
        equal(
            (got.target_bucket, got.target_prefix.as_str()),
            (name.clone(), "logs/"),
        )
    })
    .await;

    operation("DeleteBucketLogging", async {
        set.del_bucket_logging().send().await?;
        check(
            set.get_bucket_logging().send().await?.is_none(),
            "no logging",
        )
    })
    .await;

    operation("PutBucketReferer", async {
        Ok(set
            .put_bucket_referer()
            .set_whitelist(vec!["http://a.example"])
            .send()
            .await?)
    })
    .await;

    operation("GetBucketReferer", async {
        let got = set.get_bucket_referer().send().await?;
        equal(
            (got.allow_empty_referer, got.referer_list.items),
            (true, vec!["http://a.example".to_owned()]),
        )
    })
    .await;

    operation("PutBucketEncryption", async {
        Ok(set
            .put_bucket_encryption()
            .set_algorithm("AES256")
            .send()
            .await?)
    })
    .await;

    operation("GetBucketEncryption", async {
        equal(
            set.get_bucket_encryption()
                .send()
                .await?
                .rule
                .default_sse
                .sse_algorithm
                .as_str(),
            "AES256",
        )
    })
    .await;

    operation("DeleteBucketEncryption", async {
        set.del_bucket_encryption().send().await?;
        fails(
            set.get_bucket_encryption().send().await,
            404,
            "NoSuchServerSideEncryptionRule",
        )
    })
    .await;

    let policy = serde_json::json!({"Version": "1", "Statement": [{
        "Effect": "Allow", "Action": ["oss:GetObject"], "Principal": ["*"],
        "Resource": [format!("acs:oss:*:*:{name}-set/public/*")]}]});
    operation("PutBucketPolicy", async {
        Ok(set
            .put_bucket_policy()
            .set_policy(policy.to_string())
            .send()
            .await?)
    })
    .await;

    operation("GetBucketPolicy", async {
        let got: serde_json::Value = serde_json::from_str(&set.get_bucket_policy().send().await?)?;
        equal(got, policy.clone())
    })
    .await;

    operation("DeleteBucketPolicy", async {
        set.del_bucket_policy().send().await?;
        fails(
            set.get_bucket_policy().send().await,
            404,
            "NoSuchBucketPolicy",
        )
    })
    .await;

    operation("PutBucketTags", async {
        Ok(set
            .put_bucket_tags(vec![("a", "1"), ("b", "2")])
            .send()
            .await?)
    })
    .await;

    operation("GetBucketTags", async {
        let got = set.get_bucket_tags().send().await?.tag_set.tags;
        let got: Vec<_> = got
            .into_iter()
            .map(|tag| (tag.key, tag.value.unwrap_or_default()))
            .collect();
        equal(
            got,
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "2".to_owned()),
            ],
        )
    })
    .await;

    operation("DeleteBucketTags", async {
        set.del_bucket_tags().send().await?;
        equal(set.get_bucket_tags().send().await?.tag_set.tags.len(), 0)
    })
    .await;

    operation("PutBucketRequestPayment", async {
        Ok(set
            .put_bucket_request_payment()
            .set_payer(RequestPayer::Requester)
            .send()
            .await?)
    })
    .await;

    operation("GetBucketRequestPayment", async {
        let payer = set.get_bucket_request_payment().send().await?.payer;
        check(
            matches!(payer, RequestPayer::BucketOwner | RequestPayer::Requester),
            "a payer",
        )
    })
    .await;

    operation("PutBucketTransferAcceleration", async {
        Ok(set
            .put_bucket_transfer_acceleration()
            .set_enabled(true)
            .send()
            .await?)
    })
    .await;

    operation("GetBucketTransferAcceleration", async {
        equal(
            set.get_bucket_transfer_acceleration().send().await?.enabled,
            true,
        )
    })
    .await;

    let inventory = format!(
        "<InventoryConfiguration><Id>i1</Id><IsEnabled>true</IsEnabled><Destination><OSSBucketDestination>\
        <Format>CSV</Format><AccountId>1</AccountId><RoleArn>acs:ram::1:role/r</RoleArn>\
        <Bucket>acs:oss:::{name}</Bucket></OSSBucketDestination></Destination><Schedule><Frequency>Daily</Frequency>\
        </Schedule><IncludedObjectVersions>All</IncludedObjectVersions></InventoryConfiguration>"
    );
    operation("PutBucketInventory", async {
        Ok(set
            .put_bucket_inventory("i1")
            .set_configuration(inventory)
            .send()
            .await?)
    })
    .await;

    operation("GetBucketInventory", async {
        let got = set.get_bucket_inventory("i1").send().await?;
        check(got.contains("<Frequency>Daily</Frequency>"), &got)
    })
    .await;

    operation("ListBucketInventory", async {
        let got = set.list_bucket_inventory().send().await?;
        check(got.contains("<Id>i1</Id>"), &got)
    })
    .await;

    operation("DeleteBucketInventory", async {
        set.del_bucket_inventory("i1").send().await?;
        fails(
            set.get_bucket_inventory("i1").send().await,
            404,
            "NoSuchInventory",
        )
    })
    .await;

    operation("InitiateBucketWorm", async {
        check(
            !set.initiate_bucket_worm()
                .set_retention_days(1)
                .send()
                .await?
                .is_empty(),
            "an identifier",
        )
    })
    .await;

    operation("GetBucketWorm", async {
        let got = set.get_bucket_worm().send().await?;
        equal(
            (got.state.as_deref(), got.retention_period_in_days),
            (Some("InProgress"), Some(1)),
        )
    })
    .await;

    operation("CompleteBucketWorm", async {
        let id = set
            .get_bucket_worm()
            .send()
            .await?
            .worm_id
            .ok_or("no identifier")?;
        set.complete_bucket_worm(id).send().await?;
        equal(
            set.get_bucket_worm().send().await?.state.as_deref(),
            Some("Locked"),
        )
    })
    .await;

    operation("ExtendBucketWorm", async {
        let id = set
            .get_bucket_worm()
            .send()
            .await?
            .worm_id
            .ok_or("no identifier")?;
        set.extend_bucket_worm(id)
            .set_retention_days(2)
            .send()
            .await?;
        equal(
            set.get_bucket_worm().send().await?.retention_period_in_days,
            Some(2),
        )
    })
    .await;
    operation("AbortBucketWorm", async {
        let other = owner().bucket(format!("{name}-set2"));
        other.put_bucket().send().await?;
        let id = other
            .initiate_bucket_worm()
            .set_retention_days(1)
            .send()
            .await?;
        other.abort_bucket_worm(id).send().await?;
        fails(
            other.get_bucket_worm().send().await,
            404,
            "NoSuchWORMConfiguration",
        )
    })
    .await;
    Ok(())
}

async fn puts(bucket: &OssBucket) {
    operation("PutObject", async {
        let call = bucket
            .object("k")
            .put_object()
            .set_mime("text/x")
            .set_cache_control(CacheControl::NoCache);
        call.send_content(b"hello".to_vec()).await?;
        equal(header(bucket, "k", "cache-control").await?, "no-cache")
    })
    .await;

    operation("PutObject of nothing", async {
        put(bucket, "nothing", b"").await?;
        equal(get(bucket, "nothing").await?.len(), 0)
    })
    .await;

    operation("PutObject from a file", async {
        std::fs::write(file("put"), b"file".repeat(1000))?;
        let path = file("put").to_string_lossy().into_owned();
        bucket
            .object("from-file")
            .put_object()
            .send_file(path)
            .await?;
        equal(get(bucket, "from-file").await?, b"file".repeat(1000))
    })
    .await;

    operation("PutObject with user metadata in UTF-8", async {
        bucket
            .object("meta")
            .put_object()
            .set_meta("name", "中文")
            .send_content(b"x".to_vec())
            .await?;
        equal(header(bucket, "meta", "x-oss-meta-name").await?, "中文")
    })
    .await;

    operation("PutObject with storage class", async {
        let call = bucket
            .object("ia")
            .put_object()
            .set_storage_class(StorageClass::IA);
        call.send_content(b"x".to_vec()).await?;
        equal(header(bucket, "ia", "x-oss-storage-class").await?, "IA")
    })
    .await;

    operation("PutObject with ACL", async {
        bucket
            .object("acl")
            .put_object()
            .set_acl(Acl::PublicRead)
            .send_content(b"x".to_vec())
            .await?;
        equal(
            (
                anonymous(&told("JUDGE_BUCKET"), "acl").await?,
                anonymous(&told("JUDGE_BUCKET"), "k").await?,
            ),
            (200, 403),
        )
    })
    .await;

    operation("PutObject with tags", async {
        let call = bucket
            .object("tagged")
            .put_object()
            .set_tagging("a", "1")
            .set_tagging("b", "2 x");
        call.send_content(b"x".to_vec()).await?;
        equal(header(bucket, "tagged", "x-oss-tagging-count").await?, "2")
    })
    .await;

    operation("PutObject that may not overwrite", async {
        bucket
            .object("once")
            .put_object()
            .forbid_overwrite()
            .send_content(b"1".to_vec())
            .await?;
        let again = bucket
            .object("once")
            .put_object()
            .forbid_overwrite()
            .send_content(b"2".to_vec())
            .await;
        fails(again, 409, "FileAlreadyExists")?;
        equal(get(bucket, "once").await?, b"1")
    })
    .await;

    operation("PutObject with progress", async {
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = std::sync::Arc::clone(&sent);
        let count = move |done: u64, _| counter.store(done, std::sync::atomic::Ordering::Relaxed);
        std::fs::write(file("progress"), vec![0; MIB])?;
        let call = bucket
            .object("progress")
            .put_object()
            .set_callback(Box::new(count));
        call.send_file(file("progress").to_string_lossy()).await?;
        equal(sent.load(std::sync::atomic::Ordering::Relaxed), MIB as u64)
    })
    .await;
}

async fn gets(bucket: &OssBucket) {
    let body: Vec<u8> = (0..=255).cycle().take(1024).collect();

    operation("GetObject", async {
        put(bucket, "r", &body).await?;
        equal(get(bucket, "r").await?, body.clone())
    })
    .await;

    operation("GetObject to a file", async {
        let path = file("got").to_string_lossy().into_owned();
        bucket
            .object("r")
            .get_object()
            .download_to_file(path)
            .await?;
        equal(std::fs::read(file("got"))?, body.clone())
    })
    .await;

    operation("GetObject of a range", async {
        let object = bucket.object("r");
        equal(
            object
                .get_object()
                .set_range(10, Some(19))
                .download()
                .await?
                .to_vec(),
            &body[10..20],
        )?;
        equal(
            object
                .get_object()
                .set_range(1000, None)
                .download()
                .await?
                .to_vec(),
            &body[1000..],
        )
    })
    .await;

    operation("GetObject with conditions", async {
        let object = bucket.object("r");
        let etag = header(bucket, "r", "etag").await?;
        equal(
            object
                .get_object()
                .set_if_match(&etag)
                .download()
                .await?
                .len(),
            1024,
        )?;
        fails(
            object.get_object().set_if_match("no").download().await,
            412,
            "PreconditionFailed",
        )?;
        fails(
            object
                .get_object()
                .set_if_none_match(&etag)
                .download()
                .await,
            304,
            "",
        )
    })
    .await;

    operation("HeadObject", async {
        equal(
            header(bucket, "k", "x-oss-hash-crc64ecma").await?,
            "11177612005948864433",
        )?;
        equal(header(bucket, "k", "x-oss-object-type").await?, "Normal")?;
        equal(
            header(bucket, "k", "etag").await?,
            "5D41402ABC4B2A76B9719D911017C592",
        )
    })
    .await;

    operation("GetObjectMeta", async {
        let got = bucket.object("k").get_object_meta().send().await?;
        equal(
            (got.content_length.as_str(), got.e_tag.trim_matches('"')),
            ("5", "5D41402ABC4B2A76B9719D911017C592"),
        )
    })
    .await;

    operation("DeleteObject", async {
        bucket.object("nothing").del_object().send().await?;
        bucket.object("nothing").del_object().send().await?;
        fails(get(bucket, "nothing").await, 404, "NoSuchKey")
    })
    .await;

    operation("DeleteMultipleObjects", async {
        let many = ["d/1", "d/ 2", "d/中"];
        for key in many {
            put(bucket, key, b"").await?;
        }
        bucket.del_objects(many.to_vec()).send().await?;
        for key in many {
            fails(get(bucket, key).await, 404, "NoSuchKey")?;
        }
        Ok(())
    })
    .await;

    operation("NoSuchKey", async {
        fails(get(bucket, "absent").await, 404, "NoSuchKey")
    })
    .await;
    operation("keys with spaces and signs", round_trip(bucket, &SIGNS)).await;
    operation("keys in UTF-8", round_trip(bucket, &UTF8)).await;
    operation("keys with // and ..", round_trip(bucket, &DOTS)).await;
}

async fn copies(bucket: &OssBucket) {
    let name = told("JUDGE_BUCKET");
    let from = |key: &str| format!("/{name}/{key}");

    operation("CopyObject", async {
        bucket
            .object("source")
            .put_object()
            .set_meta("a", "1")
            .send_content(b"copy me".to_vec())
            .await?;
        bucket
            .object("copied")
            .copy_object(from("source"))
            .send()
            .await?;
        equal(get(bucket, "copied").await?, b"copy me")?;
        equal(header(bucket, "copied", "x-oss-meta-a").await?, "1")
    })
    .await;

    operation("CopyObject with new metadata", async {
        let call = bucket
            .object("copied")
            .copy_object(from("source"))
            .set_metadata_directive();
        call.set_meta("b", "2").send().await?;
        equal(header(bucket, "copied", "x-oss-meta-a").await?, "")?;
        equal(header(bucket, "copied", "x-oss-meta-b").await?, "2")
    })
    .await;

    operation("CopyObject with conditions", async {
        let wrong = bucket
            .object("c")
            .copy_object(from("k"))
            .set_if_match("no")
            .send()
            .await;
        fails(wrong, 412, "PreconditionFailed")?;
        let etag = header(bucket, "k", "etag").await?;
        bucket
            .object("c")
            .copy_object(from("k"))
            .set_if_match(etag)
            .send()
            .await?;
        equal(get(bucket, "c").await?, b"hello")
    })
    .await;

    operation("AppendObject", async {
        let object = bucket.object("log");
        let next = object
            .append_object()
            .send_content(b"hello ".to_vec())
            .await?;
        equal(next.as_deref(), Some("6"))?;
        let next = object
            .append_object()
            .set_position(6)
            .send_content(b"world".to_vec())
            .await?;
        equal(next.as_deref(), Some("11"))?;
        equal(get(bucket, "log").await?, b"hello world")
    })
    .await;

    operation("AppendObject at a wrong position", async {
        let wrong = bucket
            .object("log")
            .append_object()
            .set_position(3)
            .send_content(b"x".to_vec())
            .await;
        fails(wrong, 409, "PositionNotEqualToLength")
    })
    .await;
}

async fn labels(bucket: &OssBucket) {
    let object = bucket.object("k");

    operation("PutObjectAcl", async {
        object.put_object_acl(Acl::PublicRead).send().await?;
        equal(anonymous(&told("JUDGE_BUCKET"), "k").await?, 200)
    })
    .await;

    operation("GetObjectAcl", async {
        object.put_object_acl(Acl::Default).send().await?;
        equal(object.get_object_acl().send().await?.to_string(), "default")
    })
    .await;

    operation("PutObjectTagging", async {
        Ok(object
            .put_object_tagging(vec![("a", "1"), ("b", "2 x")])
            .send()
            .await?)
    })
    .await;

    operation("GetObjectTagging", async {
        let tags = object
            .get_object_tagging()
            .send()
            .await?
            .unwrap_or_default();
        let tags: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        equal(
            tags,
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "2 x".to_owned()),
            ],
        )
    })
    .await;

    operation("DeleteObjectTagging", async {
        object.del_object_tagging().send().await?;
        equal(
            object
                .get_object_tagging()
                .send()
                .await?
                .unwrap_or_default()
                .len(),
            0,
        )
    })
    .await;

    operation("PutSymlink", async {
        bucket.object("链 link").put_symlink("k").send().await?;
        equal(get(bucket, "链 link").await?, b"hello")
    })
    .await;

    operation("GetSymlink", async {
        equal(bucket.object("链 link").get_symlink().send().await?, "k")?;
        fails(object.get_symlink().send().await, 400, "NotSymlink")
    })
    .await;

    operation("RestoreObject", async {
        let frozen = bucket.object("frozen");
        let call = frozen
            .put_object()
            .set_storage_class(StorageClass::ColdArchive);
        call.send_content(b"ice".to_vec()).await?;
        fails(get(bucket, "frozen").await, 403, "InvalidObjectState")?;
        frozen
            .restore_object()
            .set_days(1)
            .set_tier(RestoreTier::Standard)
            .send()
            .await?;
        let restore = header(bucket, "frozen", "x-oss-restore").await?;
        check(restore.contains("ongoing-request"), &restore)
    })
    .await;
}

async fn lists(bucket: &OssBucket) {
    let all = listed();
    for key in &all {
        put(bucket, key, b"x").await.expect("an object to list");
    }

    operation("ListObjects", async {
        let page = bucket
            .list_objects_v1()
            .set_prefix("l/")
            .set_max_keys(1000)
            .send()
            .await?;
        let one = page.contents.first().ok_or("nothing")?;
        equal(
            (one.size, one.type_field.as_str(), one.storage_class),
            (1, "Normal", StorageClass::Standard),
        )?;
        equal(
            page.contents
                .into_iter()
                .map(|one| one.key)
                .collect::<Vec<_>>(),
            all.clone(),
        )
    })
    .await;

    operation("ListObjects with delimiter", async {
        let page = bucket
            .list_objects_v1()
            .set_prefix("l/")
            .set_delimiter("/")
            .send()
            .await?;
        let groups: Vec<_> = page
            .common_prefixes
            .into_iter()
            .map(|one| one.prefix)
            .collect();
        equal(groups, ["l/d0/", "l/d1/", "l/d2/"])?;
        equal(
            page.contents
                .into_iter()
                .map(|one| one.key)
                .collect::<Vec<_>>(),
            ["l/top"],
        )
    })
    .await;

    operation("ListObjects in pages", async {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        for number in 0..4 {
            let call = bucket.list_objects_v1().set_prefix("l/").set_max_keys(7);
            let page = if number == 0 {
                call
            } else {
                call.set_marker(&marker)
            }
            .send()
            .await?;
            equal(page.is_truncated, number < 3)?;
            seen.extend(page.contents.into_iter().map(|one| one.key));
            marker = page.next_marker.unwrap_or_default();
        }
        equal(seen, all.clone())
    })
    .await;

    operation("ListObjectsV2", async {
        equal(keys(bucket, "l/").await?, all.clone())
    })
    .await;

    operation("ListObjectsV2 with delimiter", async {
        let page = bucket
            .list_objects()
            .set_prefix("l/")
            .set_delimiter("/")
            .send()
            .await?;
        let groups = page
            .common_prefixes
            .unwrap_or_default()
            .into_iter()
            .map(|one| one.prefix);
        equal(groups.collect::<Vec<_>>(), ["l/d0/", "l/d1/", "l/d2/"])?;
        let contents = page
            .contents
            .unwrap_or_default()
            .into_iter()
            .map(|one| one.key);
        equal(contents.collect::<Vec<_>>(), ["l/top"])
    })
    .await;

    operation("ListObjectsV2 in pages", async {
        let (mut seen, mut pages, mut next) = (Vec::new(), 0, None);
        loop {
            let call = bucket.list_objects().set_prefix("l/").set_max_keys(7);
            let page = match next {
                None => call,
                Some(token) => call.set_continuation_token(token),
            };
            let page = page.send().await?;
            seen.extend(
                page.contents
                    .unwrap_or_default()
                    .into_iter()
                    .map(|one| one.key),
            );
            pages += 1;
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        equal((pages, seen), (4, all.clone()))
    })
    .await;

    operation("ListObjectsV2 of odd keys", async {
        let odd = ["o/ a+b%&<c>", "o/中文💾"];
        for key in odd {
            put(bucket, key, b"").await?;
        }
        equal(keys(bucket, "o/").await?, odd)
    })
    .await;

    operation("ListObjectsV2 with start-after", async {
        let page = bucket
            .list_objects()
            .set_prefix("l/")
            .set_start_after(&all[20])
            .send()
            .await?;
        let contents = page
            .contents
            .unwrap_or_default()
            .into_iter()
            .map(|one| one.key);
        equal(contents.collect::<Vec<_>>(), &all[21..])
    })
    .await;
}

async fn uploads(bucket: &OssBucket) {
    let name = told("JUDGE_BUCKET");
    let object = bucket.object("m p");
    let parts = [vec![b'a'; MIB], vec![b'b'; 102_400], b"tail".to_vec()];
    let whole = parts.concat();
    let (mut upload, mut etags) = (String::new(), Vec::new());

    operation("InitiateMultipartUpload", async {
        upload = object
            .multipart_init_upload()
            .set_meta("k", "v")
            .send()
            .await?;
        check(!upload.is_empty(), "an identifier")
    })
    .await;

    operation("UploadPart", async {
        for (number, part) in (1..).zip(&parts) {
            etags.push(
                object
                    .multipart_upload_part(number, &upload)
                    .send_content(part.clone())
                    .await?,
            );
        }
        check(etags.iter().all(|etag| !etag.is_empty()), "ETags")
    })
    .await;

    operation("ListParts", async {
        let page = object
            .multipart_list_parts(&upload)
            .set_max_parts(2)
            .send()
            .await?;
        equal((page.is_truncated, page.next_part_number_marker), (true, 2))?;
        let rest = object
            .multipart_list_parts(&upload)
            .set_part_number_marker(2)
            .send()
            .await?;
        let found = page
            .part
            .into_iter()
            .chain(rest.part)
            .flatten()
            .map(|one| (one.part_number, one.size));
        equal(
            found.collect::<Vec<_>>(),
            [(1, MIB as u64), (2, 102_400), (3, 4)],
        )
    })
    .await;

    operation("ListMultipartUploads", async {
        let page = bucket.multipart_list_uploads().send().await?;
        let found = page
            .upload
            .unwrap_or_default()
            .into_iter()
            .map(|one| (one.key, one.upload_id));
        equal(
            found.collect::<Vec<_>>(),
            [("m p".to_owned(), upload.clone())],
        )
    })
    .await;

    let numbered: Vec<_> = ["1", "2", "3"]
        .into_iter()
        .zip(etags.iter().map(String::as_str))
        .collect();
    operation("CompleteMultipartUpload", async {
        object
            .multipart_complete_upload(&upload)
            .add_parts(numbered.clone())
            .send()
            .await?;
        equal(get(bucket, "m p").await? == whole, true)?;
        equal(
            header(bucket, "m p", "x-oss-object-type").await?,
            "Multipart",
        )?;
        equal(header(bucket, "m p", "x-oss-meta-k").await?, "v")
    })
    .await;

    operation("NoSuchUpload", async {
        let again = object
            .multipart_complete_upload(&upload)
            .add_parts(numbered.clone())
            .send()
            .await;
        fails(again, 404, "NoSuchUpload")
    })
    .await;

    operation("UploadPartCopy", async {
        let copy = bucket.object("part copy");
        let id = copy.multipart_init_upload().send().await?;
        let source = format!("/{name}/m%20p");
        let one = copy
            .multipart_copy_part(1, &id, &source)
            .set_source_range(0, Some(MIB - 1))
            .send()
            .await?;
        let two = copy
            .multipart_copy_part(2, &id, &source)
            .set_source_range(MIB, Some(MIB + 102_403))
            .send()
            .await?;
        copy.multipart_complete_upload(&id)
            .add_parts(vec![("1", one.as_str()), ("2", two.as_str())])
            .send()
            .await?;
        equal(get(bucket, "part copy").await? == whole, true)
    })
    .await;

    operation("AbortMultipartUpload", async {
        let gone = bucket.object("gone");
        let id = gone.multipart_init_upload().send().await?;
        gone.multipart_abort_upload(&id).send().await?;
        fails(
            gone.multipart_abort_upload(&id).send().await,
            404,
            "NoSuchUpload",
        )
    })
    .await;
}

async fn access(bucket: &OssBucket) {
    let name = told("JUDGE_BUCKET");
    let (id, secret) = (told("OSS_ACCESS_KEY_ID"), told("OSS_ACCESS_KEY_SECRET"));
    let (here, there) = (told("OSS_ENDPOINT"), told("JUDGE_STS_ENDPOINT"));

    operation("presigned GET", async {
        put(bucket, "源 +%&", b"signed").await?;
        let url = bucket.object("源 +%&").get_object_url().url(in_a_minute());
        equal(reqwest::get(url).await?.text().await?, "signed")
    })
    .await;

    operation("presigned GET with response overrides", async {
        let call = bucket
            .object("k")
            .get_object_url()
            .set_response_content_disposition(ContentDisposition::Attachment);
        let answer = reqwest::get(
            call.set_response_mime("x/y", None::<String>)
                .url(in_a_minute()),
        )
        .await?;
        let headers = answer.headers();
        equal(headers["content-type"].to_str()?, "x/y")?;
        equal(headers["content-disposition"].to_str()?, "attachment")
    })
    .await;

    operation("presigned GET of a wrong key", async {
        let url = bucket
            .object("k")
            .get_object_url()
            .url(in_a_minute())
            .replace("/k?", "/r?");
        let answer = reqwest::get(url).await?;
        equal(answer.status().as_u16(), 403)?;
        let text = answer.text().await?;
        check(text.contains("SignatureDoesNotMatch"), &text)
    })
    .await;

    let sts = aliyun(&id, &secret, &there)
        .with_security_token(told("JUDGE_STS_TOKEN"))
        .bucket(&name);
    operation("STS token", async {
        sts.put_bucket().send().await?;
        put(&sts, "k", b"x").await?;
        equal(get(&sts, "k").await?, b"x")?;
        let without = aliyun(&id, &secret, &there).bucket(&name);
        fails(get(&without, "k").await, 403, "InvalidAccessKeyId")
    })
    .await;

    operation("presigned GET with STS token", async {
        let url = sts.object("k").get_object_url().url(in_a_minute());
        equal(reqwest::get(url).await?.text().await?, "x")
    })
    .await;

    operation("NoSuchBucket", async {
        let nowhere = owner().bucket(format!("{name}-no"));
        fails(nowhere.list_objects().send().await, 404, "NoSuchBucket")
    })
    .await;

    operation("SignatureDoesNotMatch", async {
        let wrong = aliyun(&id, "wrong", &here).bucket(&name);
        fails(get(&wrong, "k").await, 403, "SignatureDoesNotMatch")
    })
    .await;

    operation("InvalidAccessKeyId", async {
        let nobody = aliyun("nobody", &secret, &here).bucket(&name);
        fails(get(&nobody, "k").await, 403, "InvalidAccessKeyId")
    })
    .await;
}

async fn versions() -> Outcome {
    let name = format!("{}-ver", told("JUDGE_BUCKET"));
    judges::make_versioned(&name).await?;
    let bucket = owner().bucket(&name);

    operation("GetBucketVersioning", async {
        let status = bucket.get_bucket_versioning().send().await?.status;
        check(matches!(status, VersioningStatus::Enabled), "Enabled")
    })
    .await;

    operation("DeleteObject leaves a delete marker", async {
        for body in [b"one".as_slice(), b"two"] {
            put(&bucket, "k", body).await?;
        }
        bucket.object("k").del_object().send().await?;
        fails(get(&bucket, "k").await, 404, "NoSuchKey")
    })
    .await;

    operation("ListObjectVersions", async {
        let page = bucket.list_object_versions().set_prefix("k").send().await?;
        equal(
            page.versions
                .iter()
                .map(|one| (one.is_latest, one.size))
                .collect::<Vec<_>>(),
            [(false, Some(3)), (false, Some(3))],
        )?;
        equal(
            page.delete_markers
                .iter()
                .map(|one| one.is_latest)
                .collect::<Vec<_>>(),
            [true],
        )
    })
    .await;

    operation("ListObjectVersions in pages", async {
        let first = bucket
            .list_object_versions()
            .set_prefix("k")
            .set_max_keys(1)
            .send()
            .await?;
        equal(
            (
                first.is_truncated,
                first.versions.len(),
                first.delete_markers.len(),
            ),
            (true, 0, 1),
        )?;
        let (key, version) = (
            first.next_key_marker.ok_or("no key")?,
            first.next_version_id_marker.ok_or("no id")?,
        );
        let call = bucket
            .list_object_versions()
            .set_prefix("k")
            .set_key_marker(key)
            .set_version_id_marker(version);
        let rest = call.send().await?;
        equal(
            (
                rest.is_truncated,
                rest.versions.len(),
                rest.delete_markers.len(),
            ),
            (false, 2, 0),
        )
    })
    .await;
    Ok(())
}
