//! ali-oss-rs, which signs with V4 alone.

use std::collections::HashMap;

use ali_oss_rs::{
    Client, ClientBuilder,
    acl::ObjectAclOperations,
    bucket::BucketOperations,
    bucket_common::{
        BucketAcl, ListBucketsOptions, ListObjectsOptionsBuilder, PutBucketConfiguration,
        PutBucketOptions,
    },
    cname::CnameOperations,
    common::{
        DataRedundancyType, MetadataDirective, ObjectType, ServerSideEncryptionAlgorithm,
        StorageClass,
    },
    error::Error,
    multipart::MultipartUploadsOperations,
    multipart_common::{
        CompleteMultipartUploadRequest, ListPartsOptions, UploadPartCopyOptionsBuilder,
        UploadPartCopyRequest, UploadPartRequest,
    },
    object::ObjectOperations,
    object_common::{
        CallbackBodyParameter, CallbackBuilder, CopyObjectOptions, DeleteMultipleObjectsConfig,
        DeleteMultipleObjectsItem, DeleteMultipleObjectsRequest, DeleteObjectOptions,
        GetObjectOptions, GetObjectOptionsBuilder, ObjectAcl, PutObjectApiResponse,
        PutObjectOptions, PutObjectResult, RestoreObjectRequest,
    },
    presign_common::PresignGetOptionsBuilder,
    symlink::ObjectSymlinkOperations,
    tagging::ObjectTagOperations,
};
use judges::{
    DOTS, MIB, Outcome, SIGNS, UTF8, check, equal, file, listed, operation, refused, told,
};

const CRC: u64 = 11_177_612_005_948_864_433;

struct Judge {
    client: Client,
    bucket: String,
}

fn connect(id: &str, secret: &str, endpoint: &str, token: Option<&str>) -> Outcome<Client> {
    let builder = ClientBuilder::new(id, secret, endpoint).region(told("OSS_REGION"));
    Ok(token
        .into_iter()
        .fold(builder, |builder, token| builder.sts_token(token))
        .build()?)
}

/// The error must be the service's, with this code.
fn coded<T>(result: Result<T, Error>, code: &str) -> Outcome {
    match refused(result)? {
        Error::ApiError(error) => equal(error.code.as_str(), code),
        other => Err(other.into()),
    }
}

/// An error without a document has its status alone.
fn with_status<T>(result: Result<T, Error>, status: u16) -> Outcome {
    match refused(result)? {
        Error::StatusError(found) => equal(found.as_u16(), status),
        other => Err(other.into()),
    }
}

impl Judge {
    async fn put_with(
        &self,
        key: &str,
        body: &[u8],
        options: PutObjectOptions,
    ) -> Result<PutObjectResult, Error> {
        self.client
            .put_object_from_buffer(&self.bucket, key, body.to_vec(), Some(options))
            .await
    }

    async fn put(&self, key: &str, body: &[u8]) -> Outcome<PutObjectApiResponse> {
        match self
            .put_with(key, body, PutObjectOptions::default())
            .await?
        {
            PutObjectResult::ApiResponse(done) => Ok(done),
            PutObjectResult::CallbackResponse(text) => Err(text.into()),
        }
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.client
            .get_object_to_buffer(&self.bucket, key, None)
            .await
    }

    async fn get_with(&self, key: &str, options: GetObjectOptions) -> Result<Vec<u8>, Error> {
        self.client
            .get_object_to_buffer(&self.bucket, key, Some(options))
            .await
    }

    async fn head(&self, key: &str) -> Result<ali_oss_rs::object_common::ObjectMetadata, Error> {
        self.client.head_object(&self.bucket, key, None).await
    }

    async fn keys(&self, options: ListObjectsOptionsBuilder) -> Outcome<Vec<String>> {
        let page = self
            .client
            .list_objects(&self.bucket, Some(options.build()))
            .await?;
        Ok(page.contents.into_iter().map(|one| one.key).collect())
    }

    async fn round_trip(&self, keys: &[&str]) -> Outcome {
        for key in keys {
            self.put(key, key.as_bytes()).await?;
            equal(self.get(key).await?, key.as_bytes())?;
            equal(self.head(key).await?.content_length, key.len() as u64)?;
        }
        let all = self
            .keys(ListObjectsOptionsBuilder::new().max_keys(1000))
            .await?;
        for key in keys {
            check(all.iter().any(|one| one == key), key)?;
            self.client.delete_object(&self.bucket, key, None).await?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let judge = Judge {
        client: judges::ali()?,
        bucket: told("JUDGE_BUCKET"),
    };
    buckets(&judge).await;
    puts(&judge).await;
    gets(&judge).await;
    copies(&judge).await;
    labels(&judge).await;
    lists(&judge).await;
    uploads(&judge).await;
    access(&judge).await;
    versions(&judge).await
}

async fn buckets(judge: &Judge) {
    let (client, bucket) = (&judge.client, judge.bucket.as_str());

    operation("PutBucket", async {
        client
            .put_bucket(bucket, PutBucketConfiguration::default(), None)
            .await?;
        equal(client.get_bucket_info(bucket).await?.name, bucket)
    })
    .await;

    operation("PutBucket with storage class and ACL", async {
        let name = format!("{bucket}-ia");
        let configuration = PutBucketConfiguration {
            storage_class: Some(StorageClass::IA),
            data_redundancy_type: Some(DataRedundancyType::ZRS),
        };
        let options = PutBucketOptions {
            acl: Some(BucketAcl::PublicRead),
            ..PutBucketOptions::default()
        };
        client
            .put_bucket(&name, configuration, Some(options))
            .await?;
        let info = client.get_bucket_info(&name).await?;
        equal(
            (
                info.storage_class.as_str(),
                info.data_redundancy_type.as_str(),
            ),
            ("IA", "ZRS"),
        )?;
        equal(
            info.access_control_list
                .iter()
                .map(BucketAcl::as_str)
                .collect::<Vec<_>>(),
            ["public-read"],
        )?;
        Ok(client.delete_bucket(&name).await?)
    })
    .await;

    operation("ListBuckets", async {
        let options = ListBucketsOptions {
            prefix: Some(bucket.to_owned()),
            ..ListBucketsOptions::default()
        };
        let found = client.list_buckets(Some(options)).await?.buckets;
        equal(
            found
                .iter()
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>(),
            [bucket],
        )
    })
    .await;

    operation("GetBucketInfo", async {
        let info = client.get_bucket_info(bucket).await?;
        let location = format!("oss-{}", told("OSS_REGION"));
        equal(
            (info.location, info.storage_class.as_str()),
            (location, "Standard"),
        )
    })
    .await;

    operation("GetBucketLocation", async {
        equal(
            client.get_bucket_location(bucket).await?,
            format!("oss-{}", told("OSS_REGION")),
        )
    })
    .await;

    operation("GetBucketStat", async {
        let before = client.get_bucket_stat(bucket).await?;
        judge.put("stat", b"12345").await?;
        let after = client.get_bucket_stat(bucket).await?;
        equal(
            (
                after.object_count - before.object_count,
                after.storage - before.storage,
            ),
            (1, 5),
        )?;
        client.delete_object(bucket, "stat", None).await?;
        Ok(())
    })
    .await;

    operation("DeleteBucket", async {
        let name = format!("{bucket}-gone");
        client
            .put_bucket(&name, PutBucketConfiguration::default(), None)
            .await?;
        client.delete_bucket(&name).await?;
        coded(client.delete_bucket(&name).await, "NoSuchBucket")
    })
    .await;

    operation("DeleteBucket refused while not empty", async {
        judge.put("k", b"").await?;
        coded(client.delete_bucket(bucket).await, "BucketNotEmpty")
    })
    .await;

    operation("ListCname", async {
        equal(client.list_cname(bucket).await?.len(), 0)
    })
    .await;
}

async fn puts(judge: &Judge) {
    operation("PutObject", async {
        let options = PutObjectOptions {
            mime_type: Some("text/x".to_owned()),
            cache_control: Some("no-cache".to_owned()),
            ..PutObjectOptions::default()
        };
        judge.put_with("k", b"hello", options).await?;
        let done = judge.put("same", b"hello").await?;
        equal(
            (done.etag.as_str(), done.request_id.len()),
            ("5D41402ABC4B2A76B9719D911017C592", 24),
        )?;
        equal(done.content_md5.as_str(), "XUFAKrxLKna5cZ2REBfFkg==")
    })
    .await;

    operation("PutObject with CRC-64 checked", async {
        equal(judge.put("crc", b"hello").await?.hash_crc64ecma, CRC)
    })
    .await;

    operation("PutObject of nothing", async {
        judge.put("nothing", b"").await?;
        equal(
            (
                judge.get("nothing").await?.len(),
                judge.head("nothing").await?.content_length,
            ),
            (0, 0),
        )
    })
    .await;

    operation("PutObject from a file", async {
        std::fs::write(file("put"), b"file".repeat(1000))?;
        judge
            .client
            .put_object_from_file(&judge.bucket, "from-file", file("put"), None)
            .await?;
        equal(judge.get("from-file").await?, b"file".repeat(1000))
    })
    .await;

    operation("PutObject with a wrong Content-MD5", async {
        let content_md5 = Some("fE8pQHiTwzSmy3qHvwRcDQ==".to_owned());
        let options = PutObjectOptions {
            content_md5,
            ..PutObjectOptions::default()
        };
        coded(
            judge.put_with("md5", b"wrong", options).await,
            "InvalidDigest",
        )
    })
    .await;

    operation("PutObject with user metadata in UTF-8", async {
        let metadata = HashMap::from([("x-oss-meta-name".to_owned(), "中文".to_owned())]);
        judge
            .put_with(
                "meta",
                b"x",
                PutObjectOptions {
                    metadata,
                    ..PutObjectOptions::default()
                },
            )
            .await?;
        let got = judge.head("meta").await?;
        equal(
            got.metadata.get("x-oss-meta-name").map(String::as_str),
            Some("中文"),
        )
    })
    .await;

    operation("PutObject with storage class", async {
        let options = PutObjectOptions {
            storage_class: Some(StorageClass::IA),
            ..PutObjectOptions::default()
        };
        judge.put_with("ia", b"x", options).await?;
        equal(
            judge
                .head("ia")
                .await?
                .storage_class
                .map(|class| class.as_str().to_owned()),
            Some("IA".to_owned()),
        )
    })
    .await;

    operation("PutObject with ACL", async {
        let options = PutObjectOptions {
            object_acl: Some(ObjectAcl::PublicRead),
            ..PutObjectOptions::default()
        };
        judge.put_with("acl", b"x", options).await?;
        equal(
            judge
                .client
                .get_object_acl(&judge.bucket, "acl", None)
                .await?
                .as_str(),
            "public-read",
        )
    })
    .await;

    operation("PutObject with tags", async {
        let tags = HashMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2 x".to_owned()),
        ]);
        judge
            .put_with(
                "tagged",
                b"x",
                PutObjectOptions {
                    tags: tags.clone(),
                    ..PutObjectOptions::default()
                },
            )
            .await?;
        equal(
            judge
                .client
                .get_object_tags(&judge.bucket, "tagged", None)
                .await?,
            tags,
        )
    })
    .await;

    operation("PutObject with server-side encryption", async {
        let algorithm = Some(ServerSideEncryptionAlgorithm::AES256);
        let options = PutObjectOptions {
            server_side_encryption: algorithm,
            ..PutObjectOptions::default()
        };
        judge.put_with("sse", b"x", options).await?;
        let got = judge.head("sse").await?.server_side_encryption;
        equal(
            got.map(|algorithm| algorithm.as_str().to_owned()),
            Some("AES256".to_owned()),
        )
    })
    .await;

    operation("PutObject that may not overwrite", async {
        let once = PutObjectOptions {
            forbid_overwrite: Some(true),
            ..PutObjectOptions::default()
        };
        judge.put_with("once", b"1", once.clone()).await?;
        coded(
            judge.put_with("once", b"2", once).await,
            "FileAlreadyExists",
        )?;
        equal(judge.get("once").await?, b"1")
    })
    .await;

    operation("PutObject with a callback", async {
        let callback = CallbackBuilder::new(told("JUDGE_CALLBACK_URL"))
            .body_parameter(CallbackBodyParameter::OssBucket("b"))
            .body_parameter(CallbackBodyParameter::OssObject("o"))
            .body_parameter(CallbackBodyParameter::OssSize("s"))
            .body_parameter(CallbackBodyParameter::Custom("m", "mine", "yes".to_owned()))
            .build();
        let options = PutObjectOptions {
            callback: Some(callback),
            ..PutObjectOptions::default()
        };
        match judge.put_with("called", b"abc", options).await? {
            PutObjectResult::ApiResponse(_) => Err("no callback was made".into()),
            PutObjectResult::CallbackResponse(text) => {
                let answer: serde_json::Value = serde_json::from_str(&text)?;
                equal(
                    answer["got"].as_str(),
                    Some(format!("b={}&o=called&s=3&m=yes", judge.bucket).as_str()),
                )
            }
        }
    })
    .await;
}

async fn gets(judge: &Judge) {
    let body: Vec<u8> = (0..=255).cycle().take(1024).collect();

    operation("GetObject", async {
        judge.put("r", &body).await?;
        equal(judge.get("r").await?, body.clone())
    })
    .await;

    operation("GetObject to a file", async {
        judge
            .client
            .get_object_to_file(&judge.bucket, "r", file("got"), None)
            .await?;
        equal(std::fs::read(file("got"))?, body.clone())
    })
    .await;

    operation("GetObject of a range", async {
        let range = |text: &str| GetObjectOptionsBuilder::new().range(text).build();
        equal(
            judge.get_with("r", range("bytes=10-19")).await?,
            &body[10..20],
        )?;
        equal(
            judge.get_with("r", range("bytes=1000-")).await?,
            &body[1000..],
        )?;
        equal(
            judge.get_with("r", range("bytes=-24")).await?,
            &body[1000..],
        )
    })
    .await;

    operation("GetObject of a range past the end", async {
        let range = GetObjectOptionsBuilder::new()
            .range("bytes=1000-5000")
            .build();
        equal(judge.get_with("r", range).await?, body.clone())
    })
    .await;

    operation("GetObject with conditions", async {
        let etag = judge.head("r").await?.etag;
        let same = GetObjectOptionsBuilder::new()
            .if_match(etag.clone())
            .build();
        equal(judge.get_with("r", same).await?.len(), 1024)?;
        let other = GetObjectOptionsBuilder::new().if_match("no").build();
        coded(judge.get_with("r", other).await, "PreconditionFailed")?;
        let known = GetObjectOptionsBuilder::new().if_non_match(etag).build();
        with_status(judge.get_with("r", known).await, 304)
    })
    .await;

    operation("HeadObject", async {
        let got = judge.head("k").await?;
        equal((got.content_length, got.hash_crc64ecma), (5, Some(CRC)))?;
        equal(got.etag.as_str(), "5D41402ABC4B2A76B9719D911017C592")?;
        check(
            matches!(got.object_type, Some(ObjectType::Normal)),
            "of type Normal",
        )?;
        equal(
            got.raw_headers.get("content-type").map(String::as_str),
            Some("text/x"),
        )
    })
    .await;

    operation("GetObjectMeta", async {
        let got = judge
            .client
            .get_object_metadata(&judge.bucket, "k", None)
            .await?;
        equal(
            (got.content_length, got.etag.as_str()),
            (5, "5D41402ABC4B2A76B9719D911017C592"),
        )
    })
    .await;

    operation("object exists", async {
        let there = judge.client.exists(&judge.bucket, "k", None).await?;
        equal(
            (
                there,
                judge.client.exists(&judge.bucket, "absent", None).await?,
            ),
            (true, false),
        )
    })
    .await;

    operation("DeleteObject", async {
        judge
            .client
            .delete_object(&judge.bucket, "nothing", None)
            .await?;
        judge
            .client
            .delete_object(&judge.bucket, "nothing", None)
            .await?;
        equal(
            judge.client.exists(&judge.bucket, "nothing", None).await?,
            false,
        )
    })
    .await;

    let many = ["d/1", "d/ 2", "d/中", "d/&<"];
    operation("DeleteMultipleObjects", async {
        for key in many {
            judge.put(key, b"").await?;
        }
        let done = judge
            .client
            .delete_multiple_objects(&judge.bucket, DeleteMultipleObjectsConfig::FromKeys(&many));
        let mut gone: Vec<String> = done.await?.items.into_iter().map(|one| one.key).collect();
        gone.sort();
        equal(gone, ["d/ 2", "d/&<", "d/1", "d/中"])?;
        equal(
            judge
                .keys(ListObjectsOptionsBuilder::new().prefix("d/"))
                .await?,
            Vec::<String>::new(),
        )
    })
    .await;

    operation("DeleteMultipleObjects quietly", async {
        judge.put("d/1", b"").await?;
        let objects = vec![DeleteMultipleObjectsItem {
            key: "d/1".to_owned(),
            version_id: None,
        }];
        let request = DeleteMultipleObjectsRequest {
            quiet: Some(true),
            objects,
        };
        let config = DeleteMultipleObjectsConfig::<&str>::FullRequest(request);
        equal(
            judge
                .client
                .delete_multiple_objects(&judge.bucket, config)
                .await?
                .items
                .len(),
            0,
        )?;
        equal(
            judge.client.exists(&judge.bucket, "d/1", None).await?,
            false,
        )
    })
    .await;

    operation("NoSuchKey", async {
        coded(judge.get("absent").await, "NoSuchKey")
    })
    .await;
    operation("keys with spaces and signs", judge.round_trip(&SIGNS)).await;
    operation("keys in UTF-8", judge.round_trip(&UTF8)).await;
    operation("keys with // and ..", judge.round_trip(&DOTS)).await;
}

async fn copies(judge: &Judge) {
    let (client, bucket) = (&judge.client, judge.bucket.as_str());
    let named = |name: &str| HashMap::from([(name.to_owned(), "1".to_owned())]);

    operation("CopyObject", async {
        let options = PutObjectOptions {
            metadata: named("x-oss-meta-a"),
            ..PutObjectOptions::default()
        };
        judge.put_with("源 &", b"copy me", options).await?;
        client
            .copy_object(bucket, "源 &", bucket, "copied", None)
            .await?;
        equal(judge.get("copied").await?, b"copy me")?;
        equal(judge.head("copied").await?.metadata, named("x-oss-meta-a"))
    })
    .await;

    operation("CopyObject with new metadata", async {
        let options = CopyObjectOptions {
            metadata_directive: Some(MetadataDirective::Replace),
            metadata: named("x-oss-meta-b"),
            ..CopyObjectOptions::default()
        };
        client
            .copy_object(bucket, "源 &", bucket, "copied", Some(options))
            .await?;
        equal(judge.head("copied").await?.metadata, named("x-oss-meta-b"))
    })
    .await;

    operation("CopyObject with conditions", async {
        let etag = judge.head("k").await?.etag;
        let other = CopyObjectOptions {
            copy_source_if_match: Some("no".to_owned()),
            ..CopyObjectOptions::default()
        };
        coded(
            client
                .copy_object(bucket, "k", bucket, "c", Some(other))
                .await,
            "PreconditionFailed",
        )?;
        let same = CopyObjectOptions {
            copy_source_if_match: Some(etag),
            ..CopyObjectOptions::default()
        };
        client
            .copy_object(bucket, "k", bucket, "c", Some(same))
            .await?;
        equal(judge.get("c").await?, b"hello")
    })
    .await;

    operation("AppendObject", async {
        let first = client
            .append_object_from_buffer(bucket, "log", b"hello ".to_vec(), 0, None)
            .await?;
        let at = first.next_append_position;
        let second = client
            .append_object_from_buffer(bucket, "log", b"world".to_vec(), at, None)
            .await?;
        equal((at, second.next_append_position), (6, 11))?;
        equal(judge.get("log").await?, b"hello world")
    })
    .await;

    operation("AppendObject at a wrong position", async {
        let wrong = client
            .append_object_from_buffer(bucket, "log", b"x".to_vec(), 3, None)
            .await;
        coded(wrong, "PositionNotEqualToLength")
    })
    .await;
}

async fn labels(judge: &Judge) {
    let (client, bucket) = (&judge.client, judge.bucket.as_str());

    operation("PutObjectAcl", async {
        client
            .put_object_acl(bucket, "k", ObjectAcl::PublicRead, None)
            .await?;
        equal(
            client.get_object_acl(bucket, "k", None).await?.as_str(),
            "public-read",
        )
    })
    .await;

    operation("GetObjectAcl", async {
        client
            .put_object_acl(bucket, "k", ObjectAcl::Default, None)
            .await?;
        equal(
            client.get_object_acl(bucket, "k", None).await?.as_str(),
            "default",
        )
    })
    .await;

    let tags = HashMap::from([
        ("a".to_owned(), "1".to_owned()),
        ("b".to_owned(), "2 x".to_owned()),
    ]);
    operation("PutObjectTagging", async {
        Ok(client
            .put_object_tags(bucket, "k", tags.clone(), None)
            .await?)
    })
    .await;

    operation("GetObjectTagging", async {
        equal(
            client.get_object_tags(bucket, "k", None).await?,
            tags.clone(),
        )
    })
    .await;

    operation("DeleteObjectTagging", async {
        client.delete_object_tags(bucket, "k", None).await?;
        equal(client.get_object_tags(bucket, "k", None).await?.len(), 0)
    })
    .await;

    operation("PutSymlink", async {
        client.put_symlink(bucket, "链 link", "k", None).await?;
        equal(judge.get("链 link").await?, b"hello")
    })
    .await;

    operation("GetSymlink", async {
        equal(client.get_symlink(bucket, "链 link", None).await?, "k")?;
        coded(client.get_symlink(bucket, "k", None).await, "NotSymlink")
    })
    .await;

    operation("RestoreObject", async {
        let options = PutObjectOptions {
            storage_class: Some(StorageClass::Archive),
            ..PutObjectOptions::default()
        };
        judge.put_with("frozen", b"ice", options).await?;
        coded(judge.get("frozen").await, "InvalidObjectState")?;
        let request = RestoreObjectRequest {
            days: 1,
            ..RestoreObjectRequest::default()
        };
        client.restore_object(bucket, "frozen", request).await?;
        let restore = judge.head("frozen").await?.restore.unwrap_or_default();
        check(restore.contains("ongoing-request"), &restore)
    })
    .await;

    operation("CleanRestoredObject", async {
        let class = Some(StorageClass::ColdArchive);
        judge
            .put_with(
                "cold",
                b"ice",
                PutObjectOptions {
                    storage_class: class,
                    ..PutObjectOptions::default()
                },
            )
            .await?;
        coded(
            client.clean_restored_object(bucket, "cold").await,
            "ArchiveRestoreFileStale",
        )
    })
    .await;
}

async fn lists(judge: &Judge) {
    let all = listed();
    for key in &all {
        judge.put(key, b"x").await.expect("an object to list");
    }
    let below = || ListObjectsOptionsBuilder::new().prefix("l/");

    operation("ListObjectsV2", async {
        let page = judge
            .client
            .list_objects(&judge.bucket, Some(below().max_keys(1000).build()))
            .await?;
        let one = page.contents.first().ok_or("nothing")?;
        equal((one.size, one.storage_class.as_str()), (1, "Standard"))?;
        equal(
            page.contents
                .iter()
                .map(|one| one.key.clone())
                .collect::<Vec<_>>(),
            all.clone(),
        )
    })
    .await;

    operation("ListObjectsV2 with delimiter", async {
        let page = judge
            .client
            .list_objects(&judge.bucket, Some(below().delimiter('/').build()))
            .await?;
        equal(page.common_prefixes, ["l/d0/", "l/d1/", "l/d2/"])?;
        equal(
            page.contents
                .iter()
                .map(|one| one.key.as_str())
                .collect::<Vec<_>>(),
            ["l/top"],
        )
    })
    .await;

    operation("ListObjectsV2 in pages", async {
        let (mut seen, mut pages, mut options) = (Vec::new(), 0, below().max_keys(7));
        loop {
            let page = judge
                .client
                .list_objects(&judge.bucket, Some(options.build()))
                .await?;
            seen.extend(page.contents.into_iter().map(|one| one.key));
            pages += 1;
            match page.next_continuation_token {
                Some(token) if page.is_truncated => {
                    options = below().max_keys(7).continuation_token(token)
                }
                _ => break,
            }
        }
        equal((pages, seen), (4, all.clone()))
    })
    .await;

    operation("ListObjectsV2 of odd keys", async {
        for key in ["o/ a+b&<c>", "o/中文💾"] {
            judge.put(key, b"").await?;
        }
        equal(
            judge
                .keys(ListObjectsOptionsBuilder::new().prefix("o/"))
                .await?,
            ["o/ a+b&<c>", "o/中文💾"],
        )
    })
    .await;

    operation("ListObjectsV2 with start-after", async {
        equal(
            judge
                .keys(below().max_keys(1000).start_after(&all[20]))
                .await?,
            &all[21..],
        )
    })
    .await;

    operation("ListObjectsV2 with owner", async {
        let page = judge
            .client
            .list_objects(&judge.bucket, Some(below().fetch_owner(true).build()))
            .await?;
        check(
            page.contents[0]
                .owner
                .as_ref()
                .is_some_and(|owner| !owner.id.is_empty()),
            "an owner",
        )?;
        let page = judge
            .client
            .list_objects(&judge.bucket, Some(below().build()))
            .await?;
        check(
            page.contents[0].owner.is_none(),
            "no owner unless asked for",
        )
    })
    .await;
}

async fn uploads(judge: &Judge) {
    let (client, bucket) = (&judge.client, judge.bucket.as_str());
    let parts = [vec![b'a'; MIB], vec![b'b'; 102_400], b"tail".to_vec()];
    let whole = parts.concat();
    let mut upload = String::new();
    let mut done = Vec::new();

    operation("InitiateMultipartUpload", async {
        upload = client
            .initiate_multipart_uploads(bucket, "m p", None)
            .await?
            .upload_id;
        check(!upload.is_empty(), "an identifier")
    })
    .await;

    operation("UploadPart", async {
        for (number, part) in (1..).zip(&parts) {
            let request = UploadPartRequest::new(number, &upload);
            let etag = client
                .upload_part_from_buffer(bucket, "m p", part.clone(), request)
                .await?
                .etag;
            done.push((number, etag));
        }
        Ok(())
    })
    .await;

    operation("ListParts", async {
        let options = ListPartsOptions {
            max_parts: Some(2),
            ..ListPartsOptions::default()
        };
        let first = client
            .list_parts(bucket, "m p", &upload, Some(options))
            .await?;
        let marker = first.next_part_number_marker;
        let options = ListPartsOptions {
            part_number_marker: marker,
            ..ListPartsOptions::default()
        };
        let second = client
            .list_parts(bucket, "m p", &upload, Some(options))
            .await?;
        equal(
            (first.is_truncated, marker, second.is_truncated),
            (true, Some(2), false),
        )?;
        let sizes = first
            .parts
            .iter()
            .chain(&second.parts)
            .map(|one| (one.part_number, one.size));
        equal(
            sizes.collect::<Vec<_>>(),
            [(1, MIB as u64), (2, 102_400), (3, 4)],
        )
    })
    .await;

    operation("ListMultipartUploads", async {
        let found = client.list_multipart_uploads(bucket, None).await?.uploads;
        let found: Vec<_> = found
            .into_iter()
            .map(|one| (one.key, one.upload_id))
            .collect();
        equal(found, [("m p".to_owned(), upload.clone())])
    })
    .await;

    let complete = |key: &'static str, upload: &str, parts: Vec<(u32, String)>| {
        let request = CompleteMultipartUploadRequest {
            upload_id: upload.to_owned(),
            parts,
        };
        client.complete_multipart_uploads(bucket, key, request, None)
    };
    operation("CompleteMultipartUpload", async {
        complete("m p", &upload, done.clone()).await?;
        equal(judge.get("m p").await? == whole, true)?;
        let got = judge.head("m p").await?;
        check(
            got.etag.ends_with("-3") && matches!(got.object_type, Some(ObjectType::Multipart)),
            &got.etag,
        )
    })
    .await;

    operation("NoSuchUpload", async {
        coded(complete("m p", &upload, done.clone()).await, "NoSuchUpload")
    })
    .await;

    operation("UploadPartCopy", async {
        let copy = client
            .initiate_multipart_uploads(bucket, "part copy", None)
            .await?
            .upload_id;
        let mut parts = Vec::new();
        let spans = [
            format!("bytes=0-{}", MIB - 1),
            format!("bytes={MIB}-{}", MIB + 102_403),
        ];
        for (number, span) in (1..).zip(spans) {
            let request = UploadPartCopyRequest::new(number, &copy, "m p");
            let options = UploadPartCopyOptionsBuilder::new()
                .copy_source_range(span)
                .build();
            let done = client
                .upload_part_copy(bucket, "part copy", request, Some(options))
                .await?;
            parts.push((number, done.etag));
        }
        complete("part copy", &copy, parts).await?;
        equal(judge.get("part copy").await? == whole, true)
    })
    .await;

    operation("AbortMultipartUpload", async {
        let gone = client
            .initiate_multipart_uploads(bucket, "gone", None)
            .await?
            .upload_id;
        client
            .abort_multipart_uploads(bucket, "gone", &gone)
            .await?;
        let left = client.list_multipart_uploads(bucket, None).await?.uploads;
        check(left.iter().all(|one| one.upload_id != gone), "it is gone")
    })
    .await;
}

async fn access(judge: &Judge) {
    let (client, bucket) = (&judge.client, judge.bucket.as_str());
    let (id, secret) = (told("OSS_ACCESS_KEY_ID"), told("OSS_ACCESS_KEY_SECRET"));
    let (here, there) = (told("OSS_ENDPOINT"), told("JUDGE_STS_ENDPOINT"));

    operation("presigned GET", async {
        let url = client.presign_url(bucket, "源 &", PresignGetOptionsBuilder::new(60).build());
        equal(reqwest::get(url).await?.text().await?, "copy me")
    })
    .await;

    operation("presigned GET with response overrides", async {
        let options = PresignGetOptionsBuilder::new(60)
            .response_content_type("x/y")
            .build();
        let answer = reqwest::get(client.presign_url(bucket, "k", options)).await?;
        equal(answer.headers()["content-type"].to_str()?, "x/y")
    })
    .await;

    operation("presigned GET of a wrong key", async {
        let url = client.presign_url(bucket, "k", PresignGetOptionsBuilder::new(60).build());
        let answer = reqwest::get(url.replace("/k?", "/r?")).await?;
        equal(answer.status().as_u16(), 403)?;
        let text = answer.text().await?;
        check(text.contains("SignatureDoesNotMatch"), &text)
    })
    .await;

    operation("STS token", async {
        let token = told("JUDGE_STS_TOKEN");
        let sts = connect(&id, &secret, &there, Some(&token))?;
        sts.put_bucket(bucket, PutBucketConfiguration::default(), None)
            .await?;
        sts.put_object_from_buffer(bucket, "k", b"x".to_vec(), None)
            .await?;
        equal(sts.get_object_to_buffer(bucket, "k", None).await?, b"x")?;
        let without = connect(&id, &secret, &there, None)?;
        coded(
            without.get_object_to_buffer(bucket, "k", None).await,
            "InvalidAccessKeyId",
        )
    })
    .await;

    operation("presigned GET with STS token", async {
        let sts = connect(&id, &secret, &there, Some(&told("JUDGE_STS_TOKEN")))?;
        let url = sts.presign_url(bucket, "k", PresignGetOptionsBuilder::new(60).build());
        equal(reqwest::get(url).await?.text().await?, "x")
    })
    .await;

    operation("NoSuchBucket", async {
        coded(
            client.list_objects(format!("{bucket}-no"), None).await,
            "NoSuchBucket",
        )
    })
    .await;

    operation("SignatureDoesNotMatch", async {
        let wrong = connect(&id, "wrong", &here, None)?;
        coded(
            wrong.get_object_to_buffer(bucket, "k", None).await,
            "SignatureDoesNotMatch",
        )
    })
    .await;

    operation("InvalidAccessKeyId", async {
        let nobody = connect("nobody", &secret, &here, None)?;
        coded(
            nobody.get_object_to_buffer(bucket, "k", None).await,
            "InvalidAccessKeyId",
        )
    })
    .await;
}

async fn versions(judge: &Judge) -> Outcome {
    let bucket = format!("{}-ver", judge.bucket);
    judges::make_versioned(&bucket).await?;
    let judge = Judge {
        client: judges::ali()?,
        bucket,
    };
    let mut ids = Vec::new();

    operation("PutObject with version id", async {
        for body in [b"one".as_slice(), b"two", b"three"] {
            ids.push(
                judge
                    .put("k", body)
                    .await?
                    .version_id
                    .ok_or("no version id")?,
            );
        }
        check(ids[0] != ids[1] && ids[1] != ids[2], "three ids")
    })
    .await;
    if ids.len() < 3 {
        return Err("no versions to go on with".into());
    }

    operation("DeleteObject leaves a delete marker", async {
        judge.client.delete_object(&judge.bucket, "k", None).await?;
        coded(judge.get("k").await, "NoSuchKey")
    })
    .await;

    operation("DeleteObject of a version", async {
        let gone = DeleteObjectOptions {
            version_id: Some(ids[2].clone()),
        };
        judge
            .client
            .delete_object(&judge.bucket, "k", Some(gone))
            .await?;
        let items = vec![DeleteMultipleObjectsItem {
            key: "k".to_owned(),
            version_id: Some(ids[0].clone()),
        }];
        let request = DeleteMultipleObjectsRequest {
            quiet: None,
            objects: items,
        };
        let config = DeleteMultipleObjectsConfig::<&str>::FullRequest(request);
        let done = judge
            .client
            .delete_multiple_objects(&judge.bucket, config)
            .await?;
        equal(done.items[0].version_id.as_deref(), Some(ids[0].as_str()))
    })
    .await;
    Ok(())
}
