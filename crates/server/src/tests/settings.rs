//! Settings of a bucket: put, got back, deleted, and what they do.

use super::wire::{Answer, Running, ask, start};

async fn put(server: &Running, query: &str, body: &str) -> Answer {
    ask("PUT", "", query).body(body).to(server).await
}

async fn get(server: &Running, query: &str) -> Answer {
    ask("GET", "", query).to(server).await
}

/// A setting, a document of it, what is given back (the same where empty), and what is said when there is
/// none (a code, or a piece of a document).
const PLAIN: &[(&str, &str, &str, &str)] = &[
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>r</ID><Prefix>p/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
        "",
        "NoSuchLifecycle",
    ),
    (
        "cors",
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule><ResponseVary>false</ResponseVary></CORSConfiguration>",
        "NoSuchCORSConfiguration",
    ),
    (
        "website",
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>",
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix><SupportSubDir>false</SupportSubDir><Type>0</Type></IndexDocument></WebsiteConfiguration>",
        "NoSuchWebsiteConfiguration",
    ),
    (
        "logging",
        "<BucketLoggingStatus><LoggingEnabled><TargetBucket>bucket</TargetBucket><TargetPrefix>日志+/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
        "",
        "<BucketLoggingStatus/>",
    ),
    (
        "userDefinedLogFieldsConfig",
        "<UserDefinedLogFieldsConfiguration><HeaderSet><header>h</header></HeaderSet></UserDefinedLogFieldsConfiguration>",
        "",
        "NoSuchUserDefinedLogFieldsConfig",
    ),
    (
        "referer",
        "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer><RefererList><Referer>http://a</Referer></RefererList></RefererConfiguration>",
        "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer><AllowTruncateQueryString>true</AllowTruncateQueryString><TruncatePath>false</TruncatePath><RefererList><Referer>http://a</Referer></RefererList></RefererConfiguration>",
        "<AllowEmptyReferer>true</AllowEmptyReferer>",
    ),
    (
        "encryption",
        "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>id</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>",
        "",
        "NoSuchServerSideEncryptionRule",
    ),
    (
        "policy",
        "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"oss:*\"],\"Principal\":[\"1\"],\"Resource\":[\"acs:oss:*:1:bucket\"]}]}",
        "",
        "NoSuchBucketPolicy",
    ),
    (
        "tagging",
        "<Tagging><TagSet><Tag><Key>%@a</Key><Value>++1%</Value></Tag></TagSet></Tagging>",
        "",
        "<TagSet/>",
    ),
    (
        "requestPayment",
        "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
        "",
        "<Payer>BucketOwner</Payer>",
    ),
    (
        "transferAcceleration",
        "<TransferAccelerationConfiguration><Enabled>true</Enabled></TransferAccelerationConfiguration>",
        "",
        "NoSuchTransferAccelerationConfiguration",
    ),
    (
        "accessmonitor",
        "<AccessMonitorConfiguration><Status>Enabled</Status></AccessMonitorConfiguration>",
        "",
        "<Status>Disabled</Status>",
    ),
    (
        "resourceGroup",
        "<BucketResourceGroupConfiguration><ResourceGroupId>rg-abc</ResourceGroupId></BucketResourceGroupConfiguration>",
        "",
        "<ResourceGroupId>rg-default</ResourceGroupId>",
    ),
    (
        "httpsConfig",
        "<HttpsConfiguration><TLS><Enable>true</Enable><TLSVersion>TLSv1.2</TLSVersion></TLS></HttpsConfiguration>",
        "",
        "<Enable>false</Enable>",
    ),
    (
        "bucketArchiveDirectRead",
        "<ArchiveDirectReadConfiguration><Enabled>true</Enabled></ArchiveDirectReadConfiguration>",
        "",
        "<Enabled>false</Enabled>",
    ),
    (
        "publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicAccess>true</BlockPublicAccess></PublicAccessBlockConfiguration>",
        "",
        "<BlockPublicAccess>false</BlockPublicAccess>",
    ),
    (
        "overwriteConfig",
        "<OverwriteConfiguration><Rule><ID>1</ID><Action>forbid</Action></Rule></OverwriteConfiguration>",
        "",
        "NoSuchBucketOverwriteConfig",
    ),
    (
        "objectWorm",
        "<ObjectWormConfiguration><ObjectWormEnabled>Enabled</ObjectWormEnabled></ObjectWormConfiguration>",
        "",
        "NoSuchObjectWormConfiguration",
    ),
];

/// Those that can't be deleted.
const FOR_EVER: &[&str] = &[
    "referer",
    "requestPayment",
    "transferAcceleration",
    "accessmonitor",
    "resourceGroup",
    "httpsConfig",
    "bucketArchiveDirectRead",
    "objectWorm",
];

fn says(answer: &Answer, what: &str) -> bool {
    if what.starts_with('<') {
        answer.status == 200 && answer.text().contains(what)
    } else {
        answer.status == 404 && answer.code() == what
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_got_until_it_is_deleted() {
    let server = start().await;
    for (name, document, back, absent) in PLAIN {
        let none = get(&server, name).await;
        assert!(says(&none, absent), "{name}: {none:?}");
        let done = put(&server, name, document).await;
        assert_eq!((done.status, done.text()), (200, ""), "{name}");
        let there = get(&server, name).await;
        let back = if back.is_empty() { document } else { back };
        assert!(there.text().ends_with(back), "{name}: {}", there.text());
        for bad in ["", "no", "<Other/>"] {
            let refused = put(&server, name, bad).await;
            assert_eq!(refused.status, 400, "{name} {bad}");
        }
        let stranger = ask("GET", "", name).anonymous().to(&server).await;
        assert_eq!(stranger.status, 403, "{name}");
        let gone = ask("DELETE", "", name).to(&server).await;
        if FOR_EVER.contains(name) {
            assert_eq!(gone.status, 405, "{name}");
            continue;
        }
        assert_eq!(gone.status, 204, "{name}");
        assert_eq!(ask("DELETE", "", name).to(&server).await.status, 204);
        let none = get(&server, name).await;
        assert!(says(&none, absent), "{name}: {none:?}");
        let nowhere = ask("GET", "", name).bucket("nowhere").to(&server).await;
        assert_eq!((nowhere.status, nowhere.code()), (404, "NoSuchBucket"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_go_with_their_bucket_and_show_in_its_info() {
    let server = start().await;
    for (name, document, ..) in PLAIN {
        put(&server, name, document).await;
    }
    let info = get(&server, "bucketInfo").await;
    for piece in [
        "<AccessMonitor>Enabled</AccessMonitor>",
        "<BlockPublicAccess>true</BlockPublicAccess>",
        "<ResourceGroupId>rg-abc</ResourceGroupId>",
        "<TransferAcceleration>Enabled</TransferAcceleration>",
        "<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>id</KMSMasterKeyID>",
        "<LogBucket>bucket</LogBucket><LogPrefix>日志+/</LogPrefix>",
    ] {
        assert!(info.text().contains(piece), "{piece}: {}", info.text());
    }
    assert_eq!(ask("DELETE", "", "").to(&server).await.status, 204);
    assert_eq!(put(&server, "", "").await.status, 200);
    for (name, _, _, absent) in PLAIN {
        let none = get(&server, name).await;
        assert!(says(&none, absent), "{name}: {none:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_make_no_sense_are_refused() {
    let server = start().await;
    let rule = |inner: &str| {
        format!("<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>")
    };
    let cors = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
    let tag = |key: &str| {
        format!("<Tagging><TagSet><Tag><Key>{key}</Key><Value/></Tag></TagSet></Tagging>")
    };
    let two = "<LifecycleConfiguration>\
        <Rule><Prefix>a</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
        <Rule><Prefix>ab</Prefix><Status>Enabled</Status><Expiration><Days>2</Days></Expiration></Rule>\
        </LifecycleConfiguration>";
    let encryption = |inner: &str| {
        format!(
            "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>"
        )
    };
    let site = |inner: &str| {
        format!(
            "<WebsiteConfiguration><RoutingRules><RoutingRule>{inner}</RoutingRule></RoutingRules></WebsiteConfiguration>"
        )
    };
    for (name, body, code) in [
        ("cors", rule(&format!("{cors}<MaxAgeSeconds>-1</MaxAgeSeconds>")), "InvalidArgument"),
        ("cors", rule(&format!("{cors}<ExposeHeader>x-*</ExposeHeader>")), "InvalidArgument"),
        ("cors", rule("<AllowedOrigin>*</AllowedOrigin>"), "MalformedXML"),
        ("cors", rule("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>"), "InvalidArgument"),
        ("tagging", tag("Aliyun:x"), "InvalidTag"),
        ("tagging", tag(&"k".repeat(65)), "InvalidTag"),
        ("lifecycle", two.to_owned(), "InvalidArgument"),
        ("lifecycle", "<LifecycleConfiguration/>".to_owned(), "MalformedXML"),
        ("encryption", encryption("<SSEAlgorithm>ROT13</SSEAlgorithm>"), "InvalidEncryptionAlgorithmError"),
        (
            "encryption",
            encryption("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>x</KMSMasterKeyID>"),
            "InvalidArgument",
        ),
        ("policy", "[".to_owned(), "InvalidPolicyDocument"),
        ("policy", "{\"Version\":\"2\"}".to_owned(), "InvalidPolicyDocument"),
        ("policy", format!("\"{}\"", "x".repeat(17 << 10)), "InvalidPolicyDocument"),
        ("requestPayment", "<RequestPaymentConfiguration><Payer>Me</Payer></RequestPaymentConfiguration>".to_owned(), "InvalidArgument"),
        ("resourceGroup", "<BucketResourceGroupConfiguration><ResourceGroupId>x</ResourceGroupId></BucketResourceGroupConfiguration>".to_owned(), "ResourceGroupIdPreCheckError"),
        ("website", site("<RuleNumber>0</RuleNumber><Redirect><RedirectType>External</RedirectType></Redirect>"), "InvalidArgument"),
        ("website", site("<RuleNumber>1</RuleNumber><Redirect><RedirectType>Mirror</RedirectType></Redirect>"), "InvalidArgument"),
    ] {
        let refused = put(&server, name, &body).await;
        assert_eq!((refused.status, refused.code()), (400, code), "{name} {body}");
    }
    let allowed = ask("PUT", "", "lifecycle")
        .header("x-oss-allow-same-action-overlap", "true")
        .body(two);
    assert_eq!(allowed.to(&server).await.status, 200);
    assert!(
        get(&server, "lifecycle").await.text().contains("<ID>"),
        "an id is made"
    );
    let md5 = ask("PUT", "", "cors").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(
        md5.body(rule(cors)).to(&server).await.code(),
        "InvalidDigest"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_is_answered_and_said() {
    let server = start().await;
    let preflight = |origin: &str, method: &str, headers: &str| {
        ask("OPTIONS", "k", "")
            .anonymous()
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers)
    };
    let off = preflight("http://a.com", "PUT", "").to(&server).await;
    assert_eq!((off.status, off.code()), (403, "AccessForbidden"));
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>http://*.com</AllowedOrigin>\
        <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>\
        <AllowedHeader>x-oss-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
        <MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>";
    assert_eq!(put(&server, "cors", rules).await.status, 200);
    let yes = preflight("http://a.com", "PUT", "X-Oss-Meta-A")
        .to(&server)
        .await;
    assert_eq!(yes.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "http://a.com"),
        ("access-control-allow-methods", "PUT, GET"),
        ("access-control-allow-headers", "x-oss-*"),
        ("access-control-expose-headers", "ETag"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(yes.header(name), Some(value), "{name}");
    }
    for (origin, method, headers) in [
        ("http://a.org", "PUT", ""),
        ("http://a.com", "DELETE", ""),
        ("http://a.com", "PUT", "authorization"),
    ] {
        let no = preflight(origin, method, headers).to(&server).await;
        assert_eq!((no.status, no.code()), (403, "AccessForbidden"), "{origin}");
    }
    let wrongly = preflight("http://a.com", "PUT", "").header("authorization", "OSS test:wrong");
    assert_eq!(wrongly.to(&server).await.status, 200, "not looked at");
    let bad = ask("OPTIONS", "k", "").anonymous().to(&server).await;
    assert_eq!((bad.status, bad.code()), (400, "BadRequest"));
    let get = ask("GET", "", "")
        .header("origin", "http://a.com")
        .to(&server)
        .await;
    assert_eq!(
        get.header("access-control-allow-origin"),
        Some("http://a.com")
    );
    assert_eq!(get.header("vary"), Some("Origin"));
    let other = ask("GET", "", "")
        .header("origin", "http://a.org")
        .to(&server)
        .await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_objects_are_encrypted_as_the_bucket_says() {
    let server = start().await;
    let (_, rule, ..) = PLAIN
        .iter()
        .find(|(name, ..)| *name == "encryption")
        .unwrap();
    put(&server, "encryption", rule).await;
    let plain = ask("PUT", "k", "").body("x").to(&server).await;
    assert_eq!(plain.header("x-oss-server-side-encryption"), Some("KMS"));
    assert_eq!(
        plain.header("x-oss-server-side-encryption-key-id"),
        Some("id")
    );
    let own = ask("PUT", "k", "")
        .header("x-oss-server-side-encryption", "AES256")
        .body("x");
    let own = own.to(&server).await;
    assert_eq!(own.header("x-oss-server-side-encryption"), Some("AES256"));
    assert_eq!(own.header("x-oss-server-side-encryption-key-id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_public_access_counts_for_old_and_new_acls() {
    let server = start().await;
    let put_object = ask("PUT", "k", "").header("x-oss-object-acl", "public-read");
    assert_eq!(put_object.body("x").to(&server).await.status, 200);
    let read = ask("GET", "k", "").anonymous();
    assert_eq!(read.to(&server).await.status, 200);
    let (_, block, ..) = PLAIN
        .iter()
        .find(|(name, ..)| *name == "publicAccessBlock")
        .unwrap();
    put(&server, "publicAccessBlock", block).await;
    assert_eq!(read.to(&server).await.status, 403);
    for refused in [
        ask("PUT", "k", "")
            .header("x-oss-object-acl", "public-read")
            .body("x"),
        ask("PUT", "k", "acl").header("x-oss-object-acl", "public-read-write"),
        ask("PUT", "", "acl").header("x-oss-acl", "public-read"),
    ] {
        let refused = refused.to(&server).await;
        assert_eq!(
            (refused.status, refused.header("x-oss-ec")),
            (403, Some("0016-00000901"))
        );
    }
    let policy = "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"oss:GetObject\",\"Principal\":\"*\",\"Resource\":\"*\"}]}";
    assert_eq!(put(&server, "policy", policy).await.status, 403);
    ask("DELETE", "", "publicAccessBlock").to(&server).await;
    assert_eq!(put(&server, "policy", policy).await.status, 200);
    assert!(
        get(&server, "policyStatus")
            .await
            .text()
            .contains("<IsPublic>true</IsPublic>")
    );
    ask("DELETE", "", "policy").to(&server).await;
    assert!(
        get(&server, "policyStatus")
            .await
            .text()
            .contains("<IsPublic>false</IsPublic>")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retention_policy_is_begun_locked_and_prolonged() {
    let server = start().await;
    let none = get(&server, "worm").await;
    assert_eq!((none.status, none.code()), (404, "NoSuchWORMConfiguration"));
    let begin = |days| {
        let body = format!(
            "<InitiateWormConfiguration><RetentionPeriodInDays>{days}</RetentionPeriodInDays></InitiateWormConfiguration>"
        );
        ask("POST", "", "worm").body(body)
    };
    assert_eq!(begin(0).to(&server).await.code(), "InvalidArgument");
    let begun = begin(1).to(&server).await;
    let id = begun.header("x-oss-worm-id").unwrap().to_owned();
    assert_eq!((begun.status, id.len()), (200, 32));
    let state = get(&server, "worm").await;
    assert!(state.text().contains("<State>InProgress</State>"));
    let extend = |days| {
        let body = format!(
            "<ExtendWormConfiguration><RetentionPeriodInDays>{days}</RetentionPeriodInDays></ExtendWormConfiguration>"
        );
        ask("POST", "", &format!("wormExtend&wormId={id}")).body(body)
    };
    assert_eq!(
        extend(2).to(&server).await.code(),
        "InvalidWORMConfiguration"
    );
    ask("PUT", "k", "").body("x").to(&server).await;
    assert_eq!(ask("DELETE", "", "worm").to(&server).await.status, 204);
    let id = begin(1)
        .to(&server)
        .await
        .header("x-oss-worm-id")
        .unwrap()
        .to_owned();
    let other = ask("POST", "", "wormId=nonsense").to(&server).await;
    assert_eq!(other.code(), "NoSuchWORMConfiguration");
    let locked = ask("POST", "", &format!("wormId={id}")).to(&server).await;
    assert_eq!(locked.status, 200);
    let refused = ask("DELETE", "", "worm").to(&server).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "WORMConfigurationLocked")
    );
    let extend = "<ExtendWormConfiguration><RetentionPeriodInDays>2</RetentionPeriodInDays></ExtendWormConfiguration>";
    let extended = ask("POST", "", &format!("wormExtend&wormId={id}")).body(extend);
    assert_eq!(extended.to(&server).await.status, 200);
    let state = get(&server, "worm").await;
    assert!(
        state
            .text()
            .contains("<State>Locked</State><RetentionPeriodInDays>2<"),
        "{}",
        state.text()
    );
    for change in [
        ask("PUT", "k", "").body("y"),
        ask("DELETE", "k", ""),
        ask("PUT", "k", "").header("x-oss-copy-source", "/bucket/k"),
    ] {
        let refused = change.to(&server).await;
        assert_eq!((refused.status, refused.code()), (409, "FileImmutable"));
    }
    assert_eq!(
        ask("PUT", "new", "").body("y").to(&server).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn inventories_styles_replication_and_domains() {
    let server = start().await;
    let none = get(&server, "inventory").await;
    assert_eq!((none.status, none.code()), (404, "NoSuchInventory"));
    let inventory = |id: &str| {
        format!(
            "<InventoryConfiguration><Id>{id}</Id><IsEnabled>true</IsEnabled><Destination><OSSBucketDestination><Format>CSV</Format><Bucket>acs:oss:::b</Bucket></OSSBucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule><IncludedObjectVersions>All</IncludedObjectVersions></InventoryConfiguration>"
        )
    };
    for n in 0..102 {
        let id = format!("i{n:03}");
        let done = put(
            &server,
            &format!("inventory&inventoryId={id}"),
            &inventory(&id),
        )
        .await;
        assert_eq!(done.status, 200);
    }
    let wrong = put(&server, "inventory&inventoryId=a", &inventory("b")).await;
    assert_eq!(wrong.status, 400);
    let one = get(&server, "inventory&inventoryId=i007").await;
    assert!(one.text().ends_with(&inventory("i007")));
    let page = get(&server, "inventory").await;
    assert_eq!(page.text().matches("<Id>").count(), 100);
    assert!(
        page.text()
            .contains("<NextContinuationToken>i099</NextContinuationToken>")
    );
    let rest = get(&server, "inventory&continuation-token=i099").await;
    assert_eq!(rest.text().matches("<Id>").count(), 2);
    let gone = ask("DELETE", "", "inventory&inventoryId=i007")
        .to(&server)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(
        get(&server, "inventory&inventoryId=i007").await.code(),
        "NoSuchInventory"
    );

    let style = "<Style><Content>image/resize,w_100</Content></Style>";
    assert_eq!(put(&server, "style&styleName=s", style).await.status, 200);
    let kept = get(&server, "style&styleName=s").await;
    assert!(
        kept.text()
            .contains("<Name>s</Name><Content>image/resize,w_100</Content>")
    );
    assert!(
        get(&server, "style")
            .await
            .text()
            .contains("<StyleList><Style>")
    );
    ask("DELETE", "", "style&styleName=s").to(&server).await;
    assert_eq!(
        get(&server, "style&styleName=s").await.code(),
        "NoSuchStyle"
    );

    assert_eq!(
        get(&server, "replication").await.code(),
        "NoSuchReplicationConfiguration"
    );
    let rule = "<ReplicationConfiguration><Rule><Destination><Bucket>t</Bucket><Location>oss-cn-x</Location></Destination></Rule></ReplicationConfiguration>";
    let add = || ask("POST", "", "replication&comp=add").body(rule);
    let added = add().to(&server).await;
    let id = added
        .header("x-oss-replication-rule-id")
        .unwrap()
        .to_owned();
    assert_eq!(
        add().to(&server).await.code(),
        "BucketReplicationAlreadyExist"
    );
    assert!(
        get(&server, "replication")
            .await
            .text()
            .contains("<Status>starting</Status>")
    );
    let rtc = format!(
        "<ReplicationRule><RTC><Status>enabled</Status></RTC><ID>{id}</ID></ReplicationRule>"
    );
    assert_eq!(put(&server, "rtc", &rtc).await.status, 200);
    assert!(
        get(&server, "replication")
            .await
            .text()
            .contains("<RTC><Status>enabled</Status></RTC>")
    );
    let progress = get(&server, &format!("replicationProgress&rule-id={id}")).await;
    assert!(progress.text().contains(&id));
    let unknown = get(&server, "replicationProgress&rule-id=x").await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (404, "NoSuchReplicationRule")
    );
    assert!(
        get(&server, "replicationLocation")
            .await
            .text()
            .contains("<Location>oss-cn-local</Location>")
    );
    assert!(
        get(&server, "bucketInfo")
            .await
            .text()
            .contains("<CrossRegionReplication>Enabled<")
    );
    let body = format!("<ReplicationRules><ID>{id}</ID></ReplicationRules>");
    let removed = ask("POST", "", "replication&comp=delete")
        .body(body)
        .to(&server)
        .await;
    assert_eq!(removed.status, 200);
    assert_eq!(get(&server, "replication").await.status, 404);

    let domain = "<BucketCnameConfiguration><Cname><Domain>a.com</Domain></Cname></BucketCnameConfiguration>";
    let cname = |comp: &str| ask("POST", "", &format!("cname&comp={comp}")).body(domain);
    let token = cname("token").to(&server).await;
    assert!(
        token.text().contains("<Cname>a.com</Cname><Token>"),
        "{}",
        token.text()
    );
    let again = get(&server, "comp=token&cname=a.com").await;
    assert_eq!(again.text(), token.text());
    let refused = cname("add").to(&server).await;
    assert_eq!(
        (refused.status, refused.header("x-oss-ec")),
        (403, Some("0018-00000115"))
    );
    assert_eq!(cname("delete").to(&server).await.status, 200);
    assert!(
        get(&server, "cname")
            .await
            .text()
            .contains("<ListCnameResult><Bucket>bucket</Bucket>")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn some_tags_can_be_deleted_and_regions_described() {
    let server = start().await;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>2</Value></Tag></TagSet></Tagging>";
    put(&server, "tagging", tags).await;
    let some = ask("DELETE", "", "tagging=a,x").to(&server).await;
    assert_eq!(some.status, 204);
    let left = get(&server, "tagging").await;
    assert!(!left.text().contains("<Key>a<") && left.text().contains("<Key>b<"));
    for (query, status, piece) in [
        ("regions", 200, "<Region>oss-cn-local</Region>"),
        (
            "regions=oss-cn-local",
            200,
            "<InternetEndpoint>127.0.0.1</InternetEndpoint>",
        ),
        ("regions=oss-nowhere", 404, "<Code>NoSuchRegion</Code>"),
    ] {
        let answer = ask("GET", "", query).service().to(&server).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text().contains(piece), "{}", answer.text());
    }
}
